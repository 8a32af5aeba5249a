"""The commands that fill a library, list what it holds and look after it."""

import argparse
from pathlib import Path

from rag.cli.commands.doctor import older_text
from rag.cli.common import DAMAGED, open_pipeline
from rag.cli.output import print_json, print_text, say
from rag.cli.progress import Waiting
from rag.config import Settings, bundled, older_libraries


def run_add(settings: Settings, options: argparse.Namespace) -> int:
    """Add files and folders; with --watch go on with what changes in the folders."""
    from rag.cli.commands import ingest
    from rag.errors import UsageError
    from rag.sources.paperless import paperless_files
    from rag.sources.zotero import zotero_files

    addresses = [place for place in options.paths if isinstance(place, str)]
    elsewhere = [bool(addresses), options.zotero is not None, options.paperless is not None]
    files = [place for place in options.paths if not isinstance(place, str)]
    if any(elsewhere):
        if sum(elsewhere) > 1 or files or options.samples or options.prune or options.watch:
            raise UsageError(
                "Addresses, --zotero and --paperless are added one after the other, each without "
                "files, --samples, --prune and --watch."
            )
        with open_pipeline(settings, options) as pipeline:
            if addresses:
                return ingest.add_addresses(pipeline, addresses, options.json)
            found = (
                zotero_files(options.zotero)
                if options.zotero is not None
                else paperless_files(options.paperless)
            )
            return ingest.add_described(pipeline, found, options.json)
    paths = [*files, *(_sample_reports() if options.samples else [])]
    if not paths:
        raise UsageError("Nothing to add was named; give files or folders: rag add PATH…")
    if options.watch and (options.json or options.prune > options.yes):
        raise UsageError(
            "--watch goes on without asking or printing JSON; leave --json away, and give --yes "
            "with --prune."
        )
    with open_pipeline(settings, options) as pipeline:
        if options.watch:
            return ingest.watch(pipeline, paths, options.prune)
        return ingest.add(pipeline, paths, options.prune, options.yes, options.json, options.report)


def _sample_reports() -> list[Path]:
    """Return the sample reports, without the questions about them beside."""
    return [file for file in sorted(bundled("samples").iterdir()) if file.suffix != ".jsonl"]


def run_remove(settings: Settings, options: argparse.Namespace) -> int:
    """Remove documents from the library."""
    from rag.cli.commands import ingest

    with open_pipeline(settings, options) as pipeline:
        ingest.remove(pipeline, options.documents)
    if options.json:
        print_json([{"document": name, "outcome": "removed"} for name in options.documents])
    return 0


def run_rebuild(settings: Settings, options: argparse.Namespace) -> int:
    """Chunk and embed the stored documents anew."""
    from rag.cli.commands import ingest

    with open_pipeline(settings, options) as pipeline:
        documents = ingest.rebuild_library(pipeline)
    if options.json:
        print_json({"library": settings.library, "documents": documents})
    return 0


def run_list(settings: Settings, options: argparse.Namespace) -> int:
    """List the documents of the library."""
    from rag.render.text import table

    with open_pipeline(settings, options) as pipeline:
        documents = pipeline.library.documents()
    if options.json:
        print_json(
            [
                {
                    "document": d.name,
                    "title": d.title,
                    "date": d.date,
                    "file": d.file,
                    "paragraphs": d.paragraphs,
                    "chunks": d.chunks,
                }
                for d in documents
            ]
        )
    else:
        print_text(table((d.name, d.date, f"{d.paragraphs} ¶", d.title) for d in documents))
    return 0


def run_status(settings: Settings, options: argparse.Namespace) -> int:
    """Show where the libraries are, what the library holds and which models it uses."""
    from rag.library.places import libraries_of
    from rag.render.text import table

    libraries = libraries_of(settings)
    names = libraries.names()
    values: dict[str, object] = {
        "libraries_folder": libraries.where(),
        "libraries": names,
    }
    named = options.library or settings.library in names
    with Waiting("Looking"), open_pipeline(settings, options) as pipeline:
        if named:
            values = pipeline.status() | values
        else:
            values |= {"language_model": pipeline.models.chat_name}
    if not named:
        make = "Name one with --library" if names else "There is no library yet"
        say(f"{make}, or make one: rag add FOLDER, or rag add --samples")
    if older := older_libraries(settings.indexes):
        say(f"There are {older_text(older)}")
    if options.json:
        print_json(values)
    else:
        values["libraries"] = ", ".join(names) or "none"
        print_text(table((name.replace("_", " "), str(value)) for name, value in values.items()))
    return 0


def run_verify(settings: Settings, options: argparse.Namespace) -> int:
    """Check the whole library; with --repair restore what its stored texts allow."""
    from rag.text.characters import printable

    with Waiting("Checking"), open_pipeline(settings, options) as pipeline:
        faults = pipeline.library.verify()
        repairs = pipeline.repair() if options.repair and faults else []
        faults = pipeline.library.verify() if repairs else faults
    for repair in repairs:
        say(printable(repair))
    if options.json:
        print_json(faults)
    else:
        print_text(printable("\n".join(faults)) or f"The library {settings.library!r} is whole.")
    return DAMAGED if faults else 0
