"""`rag migrate`: a library from a folder to a team's server, or back."""

import argparse
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rag.cli.output import print_json, say, say_progress
from rag.config import Settings, check_store

if TYPE_CHECKING:
    from rag.library.places import LibraryPlace

FOLDER = "sqlite"  # the word for the libraries in a folder


def run_migrate(settings: Settings, options: argparse.Namespace) -> int:
    """Copy the library to another place, and compare both."""
    from rag.errors import UsageError

    if options.source == options.target:
        raise UsageError(
            f"Both places are the same; name {FOLDER!r} and the address of a server, in either "
            "order."
        )
    name = settings.library
    here, there = (_place_named(settings, place) for place in (options.source, options.target))
    with (
        here.open(name) as source,
        there.open(
            name, embedder=source.embedder, dimension=source.dimension, create=True
        ) as target,
    ):
        done = target.take_over(source, partial(say_progress, what="documents"))
        target.optimize()
    if options.json:
        print_json({"library": name, **done._asdict()})
    say(
        f"{done.documents} documents were copied and {done.there_already} were there; "
        f"{done.passages} passages, {done.conversations} conversations and {done.unanswered} "
        f"questions without an answer are the same in both places."
    )
    return 0


def _place_named(settings: Settings, named: str) -> "LibraryPlace":
    from rag.library.places import libraries_of

    store = "" if named == FOLDER else named
    check_store(store)
    return libraries_of(replace(settings, store=store))
