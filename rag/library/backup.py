"""A library as one file, written whole or not at all, and read as what may come from an enemy.
[sqlite3]
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rag.errors import LibraryError, UsageError
from rag.files import private_folder, sweep_unfinished, sync, unfinished_path, written_whole
from rag.library.folders import library_folder
from rag.library.sqlite.database import DATABASE, add_functions, migrate, tables, tables_of_format
from rag.library.sqlite.schema import APPLICATION, FORMAT
from rag.library.store import Library
from rag.types import DocumentInfo

# What is this machine's alone, and of no use elsewhere.
_LEFT_BEHIND = (
    "DELETE FROM pending; DELETE FROM removed; UPDATE settings SET cache = '', cached = 0;"
)
_ASKED = "DELETE FROM conversations; DELETE FROM unanswered;"
_START = b"SQLite format 3\0"
# A look-up has a number in memory for each id there could be.
_LARGEST_ID = 100_000_000


def export_library(indexes: Path, name: str, file: Path, conversations: bool = True) -> None:
    """Write the library into a new file, with what was asked of it or without.

    Nobody who uses it is held up.

    Raises UsageError where the file cannot be written or is there already, LibraryError where the
    library cannot be read, or is not whole.
    """
    if os.path.lexists(file):
        raise UsageError(f"{str(file)!r} is there already; name another file, or remove it.")
    try:
        with (
            Library.open(library_folder(indexes, name)) as library,
            written_whole(file) as unfinished,
        ):
            library.copy(unfinished)
            with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
                copy.execute("PRAGMA journal_mode = DELETE")
                copy.execute("PRAGMA foreign_keys = ON")
                copy.execute(
                    "PRAGMA secure_delete = ON"
                )  # of what is left behind no word stays in free pages
                copy.executescript(
                    f"BEGIN; {_LEFT_BEHIND} {'' if conversations else _ASKED} COMMIT;"
                )
                faults = [
                    fault for (fault,) in copy.execute("PRAGMA integrity_check") if fault != "ok"
                ]
            if faults:
                raise LibraryError(
                    f"The library {name!r} is not whole ({faults[0]}); try `rag verify --repair`, "
                    f"then export it."
                )
        sync(file.parent)
    except (OSError, sqlite3.OperationalError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{str(file)!r} cannot be written ({reason}); name another file."
        ) from error


def import_library(file: Path, indexes: Path, name: str) -> list[DocumentInfo]:
    """Make a library of that name from a file that `export_library` wrote, now or in an earlier
    version; its documents.

    Nothing in the file runs, and nothing of it is kept unless all of it is whole. Raises UsageError
    where there is no file, or a library of that name, LibraryError where the file is no library, or
    is not whole.
    """
    folder = library_folder(indexes, name)
    if not file.is_file():
        raise UsageError(f"There is no file {str(file)!r}; check the path.")
    if os.path.lexists(folder):
        raise UsageError(f"There is a library {name!r} already; name another with --library.")
    unfinished = unfinished_path(folder)  # no library's name begins with a dot
    try:
        private_folder(indexes)
        sweep_unfinished(indexes)
        unfinished.mkdir(mode=0o700)
        with _removed_at_last(unfinished):
            shutil.copyfile(file, unfinished / DATABASE)
            try:
                documents = _admitted(unfinished)
            except (ValueError, LibraryError, sqlite3.Error) as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise LibraryError(
                    f"{str(file)!r} is not a whole library ({error}); export it anew."
                ) from error
            sync(unfinished / DATABASE)
            unfinished.rename(folder)
            sync(indexes)
    except OSError as error:
        raise UsageError(
            f"{str(file)!r} cannot be imported ({error.strerror}); check the file "
            f"and {str(indexes)!r}."
        ) from error
    return documents


def _admitted(folder: Path) -> list[DocumentInfo]:
    """Return the documents of the library in a folder that nobody uses yet, once it is known to be
    whole, in the present format.

    Raises ValueError and what reading it raises.
    """
    file = folder / DATABASE
    with file.open("rb") as start:
        if start.read(len(_START)) != _START:
            raise ValueError("it is no SQLite database")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise ValueError("it is another program's database")
        if not 1 <= version <= FORMAT:
            raise ValueError(f"it has format {version}, and 1 to {FORMAT} are read")
        # Before anything but the list of its tables is read: views and triggers of a stranger must
        # not run.
        if tables(database) != tables_of_format(version):
            raise ValueError("its tables are not those of a library")
        database.execute("PRAGMA trusted_schema = ON")  # its views and triggers are ours
        add_functions(database)
        for (fault,) in database.execute("PRAGMA integrity_check"):
            if fault != "ok":
                raise ValueError(fault)
        (largest,) = database.execute("SELECT ifnull(max(id), 0) FROM chunks").fetchone()
        if largest > _LARGEST_ID:
            raise ValueError(f"a passage has the number {largest}")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute(
            "INSERT INTO words (words) VALUES ('rebuild')"
        )  # what stands in a stranger's index is not believed
        database.execute("BEGIN")
        migrate(database)
        database.execute("COMMIT")
        database.executescript(_LEFT_BEHIND)
    with Library.open(folder) as library:
        if faults := library.verify():
            raise ValueError(faults[0].rstrip("."))
        return library.documents()


@contextmanager
def _removed_at_last(path: Path) -> Iterator[None]:
    """Remove whatever still has this name at the end."""
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)
