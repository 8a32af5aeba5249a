"""The folders of libraries: their names, and who may read them."""

import re
from pathlib import Path

from rag.errors import LibraryError, UsageError
from rag.files import make_private
from rag.library.source_files import FILES
from rag.library.sqlite.database import DATABASE

# Letters of any script, and spaces within: a reader names a library as they like.
_LIBRARY_NAME = re.compile(r"[\w-](?:[\w .-]{0,62}[\w.-])?")


def library_folder(indexes: Path, name: str) -> Path:
    """Return the folder of the library of that name, whether it is there or not.

    Raises UsageError for a name that could be a path.
    """
    if not _LIBRARY_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a library; use up to 64 letters, digits, spaces, hyphens, "
            "underscores and dots, no space or dot in front."
        )
    return indexes / name


def library_file(indexes: Path, name: str) -> tuple[int, int] | None:
    """Return what identifies the file of a library, so that another in its place is noticed.

    None where there is none.
    """
    try:
        status = (library_folder(indexes, name) / DATABASE).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def library_names(indexes: Path) -> list[str]:
    """Return the names of the libraries in a folder, sorted; none if there is no folder."""
    return sorted(
        file.parent.name
        for file in indexes.glob(f"*/{DATABASE}")
        if _LIBRARY_NAME.fullmatch(file.parent.name)
    )


def has_library(folder: Path) -> bool:
    """Return whether there is a library in the folder.

    Raises LibraryError where that cannot be seen.
    """
    try:
        return (folder / DATABASE).is_file()
    except OSError as error:
        message = (
            f"The library {folder.name!r} cannot be opened ({error.strerror}); check the"
            " permissions of its folder."
        )
        raise LibraryError(message) from error


def keep_private(folder: Path) -> None:
    """Let nobody but its owner read a library, one that an earlier version made neither."""
    make_private(folder, folder=True)
    make_private(folder / FILES, folder=True)
    for file in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        make_private(folder / file)


def no_library(folder: Path) -> LibraryError:
    """Return the error to raise where there is no library in the folder."""
    names = [name for name in library_names(folder.parent) if name != folder.name]
    there = f"there are {', '.join(map(repr, names))}" if names else "there is none yet"
    named = "" if folder.name == "default" else f" --library {folder.name}"
    return LibraryError(
        f"There is no library {folder.name!r} in {str(folder.parent)!r}, {there}; make it with "
        f"`rag add FOLDER{named}`, or of the sample reports with `rag add --samples{named}`."
    )
