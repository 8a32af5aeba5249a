"""Where the libraries are: in a folder of this machine, or on the server of a team."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from rag.config import Settings
from rag.errors import LibraryError, UsageError
from rag.library.folders import library_file, library_folder, library_names
from rag.library.store import Library


class LibraryPlace(Protocol):
    """The libraries in one place, by their names."""

    def names(self) -> list[str]:
        """Return the names, sorted."""
        ...

    def where(self) -> str:
        """Return where they are, for people to read: without a password."""
        ...

    def place(self, name: str) -> str:
        """Return where the library is kept, likewise."""
        ...

    def identity(self, name: str) -> object | None:
        """Return what tells this library from a later one of its name; None where there is none."""
        ...

    def open(
        self, name: str, *, embedder: str = "", dimension: int = 0, create: bool = False
    ) -> Library:
        """Return the library, opened; with `create` a new one where there is none.

        Raises LibraryError where there is none or it cannot be used, UsageError for a bad name.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove the library with all that is in it; nothing where there is none."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give the library another name.

        Raises UsageError if there is one of that name, LibraryError if it cannot be moved.
        """
        ...


class FolderLibraries:
    """The libraries in the folders below one, which need no server."""

    def __init__(self, indexes: Path) -> None:
        self._indexes = indexes

    def names(self) -> list[str]:
        return library_names(self._indexes)

    def where(self) -> str:
        return str(self._indexes.absolute())

    def place(self, name: str) -> str:
        return str(library_folder(self._indexes, name))

    def identity(self, name: str) -> tuple[int, int] | None:
        return library_file(self._indexes, name)

    def open(
        self, name: str, *, embedder: str = "", dimension: int = 0, create: bool = False
    ) -> Library:
        folder = library_folder(self._indexes, name)
        return Library.open(folder, embedder=embedder, dimension=dimension, create=create)

    def remove(self, name: str) -> None:
        # Under a name that no library has, so that none is ever seen half removed.
        gone = self._indexes / f".removed-{uuid.uuid4().hex}"
        with suppress(OSError):
            library_folder(self._indexes, name).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def rename(self, name: str, new: str) -> None:
        target = library_folder(self._indexes, new)
        if target.exists():
            raise UsageError(f"There is a library {new!r} already; give another name.")
        try:
            library_folder(self._indexes, name).rename(target)
        except OSError as error:
            raise LibraryError(
                f"The folder of the library {name!r} cannot be moved ({error.strerror}); check its "
                "permissions."
            ) from error


def libraries_of(settings: Settings) -> LibraryPlace:
    """Return the libraries that the settings name; nothing is opened yet."""
    if not settings.store:
        return FolderLibraries(settings.indexes)
    from rag.library.postgres.libraries import TeamLibraries

    return TeamLibraries(settings.store, settings.indexes)


@contextmanager
def removed_at_end(libraries: LibraryPlace, name: str) -> Iterator[None]:
    """Remove the library when the block ends."""
    try:
        yield
    finally:
        libraries.remove(name)
