"""Questions over reports, answered offline with footnotes that open the exact words of the source.

    from rag import open_library

    with open_library("reports") as library:
        print(library.ask("How much did trade grow?").answer)

Importing this loads nothing heavy: what is named here is imported when it is first used.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.errors import (
        BusyError,
        DocumentError,
        LibraryError,
        LibraryLockedError,
        LibraryReadOnlyError,
        ModelError,
        NotFoundError,
        RagError,
        ServerError,
        StoppedError,
        TimedOutError,
        UsageError,
    )
    from rag.pipeline import Pipeline as Library
    from rag.protocols import ModelSet
    from rag.types import Answer, Citation, Document, Filter, Hit

    __version__: str

__all__ = [
    "Answer",
    "BusyError",
    "Citation",
    "Document",
    "DocumentError",
    "Filter",
    "Hit",
    "Library",
    "LibraryError",
    "LibraryLockedError",
    "LibraryReadOnlyError",
    "ModelError",
    "NotFoundError",
    "RagError",
    "ServerError",
    "StoppedError",
    "TimedOutError",
    "UsageError",
    "__version__",
    "open_library",
]


def open_library(
    name: str = "default",
    *,
    path: str | Path | None = None,
    models: "ModelSet | None" = None,
) -> "Library":
    """Return a library to ask, stream, search and add to.

    What comes back is the pipeline over one library, which answers with a set of models. Close it,
    or use it in a `with`. Neither the library nor a model is loaded before it is needed.

    Args:
        name: A library in the folder RAG_INDEXES, whether it is there yet or not.
        path: The folder of a library, in place of a name.
        models: Those of another library, to share. Without them its own are loaded.

    Raises:
        UsageError: The RAG_* variables contradict each other, or both a name and a path are given.
    """
    from dataclasses import replace

    from rag.catalogue.installed import with_models_in_use
    from rag.config import Settings
    from rag.errors import UsageError
    from rag.models.registry import Models
    from rag.pipeline import Pipeline

    settings = replace(with_models_in_use(Settings.from_environment()), library=name)
    if path is not None:
        if name != "default":
            raise UsageError(
                f"Both the name {name!r} and the path {str(path)!r} are given; give one of them."
            )
        folder = Path(path).absolute()
        settings = replace(settings, indexes=folder.parent, library=folder.name)
    return Pipeline(settings, models or Models(settings))


_TYPES = ("Answer", "Citation", "Document", "Filter", "Hit")


def __getattr__(name: str) -> object:
    """Import what is named in `__all__` when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        value = import_module("rag.config").version()
    elif name == "Library":
        value = import_module("rag.pipeline").Pipeline
    else:
        value = getattr(import_module("rag.types" if name in _TYPES else "rag.errors"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
