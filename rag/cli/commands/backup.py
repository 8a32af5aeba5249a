"""`rag export` and `rag import`: a library as one file."""

import argparse

from rag.cli.output import print_json, say
from rag.cli.progress import Waiting
from rag.config import Settings


def run_export(settings: Settings, options: argparse.Namespace) -> int:
    """Write the library into one file."""
    from rag.errors import UsageError
    from rag.library.backup import export_library

    if settings.store:
        raise UsageError(
            f"The library {settings.library!r} is kept in PostgreSQL and is no file of its own; "
            "copy the database with pg_dump."
        )
    with Waiting("Writing"):
        export_library(
            settings.indexes, settings.library, options.file, not options.without_conversations
        )
    if options.json:
        size = options.file.stat().st_size
        print_json({"library": settings.library, "file": str(options.file), "bytes": size})
    say(f"The library {settings.library!r} is in {options.file}; `rag import` reads it.")
    return 0


def run_import(settings: Settings, options: argparse.Namespace) -> int:
    """Make a library from a file that `rag export` wrote."""
    from rag.errors import UsageError
    from rag.library.backup import import_library

    if settings.store:
        raise UsageError(
            "A file is imported into a library in a folder; leave RAG_STORE away, and then copy "
            "the library to the server with `rag migrate`."
        )
    with Waiting("Checking and reading"):
        documents = import_library(options.file, settings.indexes, settings.library)
    if options.json:
        passages = sum(document.chunks for document in documents)
        counts = {"documents": len(documents), "passages": passages}
        print_json({"library": settings.library, **counts})
    say(f"{len(documents)} documents are in the library {settings.library!r}.")
    return 0
