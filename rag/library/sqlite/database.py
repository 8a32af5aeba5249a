"""The SQLite file of a library.

One connection, transactions, and its errors as errors of ours.        [sqlite3]
"""

import logging
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import LIBRARY_DATABASE
from rag.errors import LibraryError, LibraryLockedError, LibraryReadOnlyError
from rag.library.sql.database import LibraryState, SqlValue
from rag.library.sql.digests import DigestOfRows, digest
from rag.library.sqlite.locks import lock_owner
from rag.library.sqlite.schema import APPLICATION, FORMAT, MIGRATIONS
from rag.text.languages import indexed

logger = logging.getLogger(__name__)

DATABASE = LIBRARY_DATABASE
# A document is written in well under a second; a rebuild of a large library holds the others up for
# longer.
_WRITER_SECONDS = 60.0
_SAY_SECONDS = 1.0  # after which a waiting writer reports who holds the lock
_LOCK_POLL_SECONDS = 0.02
_BUSY_SECONDS = 5.0  # for all that is not a writer, which only waits for another's clean-up
# The byte that SQLite locks for one who writes: beside the database where it writes ahead, else in
# it.
_WRITER_PLACES = {"-shm": 120, "": 0x40000001}

_TROUBLE = {
    sqlite3.SQLITE_BUSY: "is in use: {writer} is writing to it; try again when that has finished.",
    sqlite3.SQLITE_READONLY: "cannot be written to; check the permissions of its folder.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the permissions of its folder.",
    sqlite3.SQLITE_PERM: "cannot be opened; check the permissions of its folder.",
    sqlite3.SQLITE_IOERR: (
        "is unchanged, for the disk has failed or is full; check it and try again."
    ),
    sqlite3.SQLITE_FULL: "is unchanged, the disk is full; make room and try again.",
}
_DAMAGED = "is damaged; restore its folder from a copy, or remove it and add the files again."


class SqliteDatabase:
    """The database of the library in one folder.

    Safe from several threads, and beside other processes.

    One connection under one lock serves all threads: a look-up holds it for milliseconds, where an
    answer takes seconds, and there is nothing to clean up behind threads that end. Every method
    raises LibraryError where the file cannot be used.
    """

    listed = "(SELECT value FROM json_each(?))"
    said = "CASE WHEN json_valid(answer) THEN json_extract(answer, '$.answer') END"

    def __init__(self, folder: Path, create: bool) -> None:
        self.name = folder.name
        self._folder = folder
        self._lock = threading.RLock()
        with self._troubles():
            if create:
                _make_private_file(folder / DATABASE)
            self._connection = _connect(folder / DATABASE, create)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def prepare(self, embedder: str, dimension: int, create: bool) -> bool:
        """Return whether there is a library, which is then for this embedder and in the present
        format.

        With `create` it is made.

        Raises LibraryError where it was built with another embedder or by a newer version, or is no
        library.
        """
        if create:
            with self.transaction() as connection:
                if _is_empty(connection):  # else another process was faster
                    migrate(connection)
                    row = [embedder, dimension, uuid.uuid4().hex]
                    connection.execute(
                        "INSERT INTO settings (one, embedder, dimension, generation, stamp) "
                        "VALUES (1, ?, ?, 0, ?)",
                        row,
                    )
        with self.reading() as connection:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if _is_empty(connection):
                return False
        name = self._folder.name
        if application != APPLICATION:
            raise LibraryError(
                f"{str(self._folder / DATABASE)!r} is a database, but not a library; choose "
                "another folder."
            )
        if version > FORMAT:
            raise LibraryError(
                f"The library {name!r} has format {version}, this program reads format {FORMAT}; "
                "update the program."
            )
        built = self.state()
        if (embedder or built.embedder, dimension or built.dimension) != (
            built.embedder,
            built.dimension,
        ):
            raise LibraryError(
                f"The library {name!r} was built with the embedding model {built.embedder!r} "
                f"({built.dimension} dimensions), not "
                f"with {embedder!r} ({dimension}); name that model, or run `rag rebuild` to embed "
                "it anew."
            )
        if version < FORMAT:
            try:
                with self.transaction() as connection:
                    migrate(connection)
            except LibraryReadOnlyError as error:
                raise LibraryError(
                    f"The library {name!r} has format {version}, which must be brought to "
                    f"format {FORMAT}, and its folder cannot "
                    "be written to; copy the folder to a place where it can, and use it there."
                ) from error
        if create:
            self._let_readers_go_on()
        return True

    def state(self) -> LibraryState:
        rows = self.rows("SELECT embedder, dimension, generation, stamp FROM settings")
        if not rows:
            raise self.damaged()
        return LibraryState(*rows[0])

    def set_embedder(self, embedder: str, dimension: int) -> None:
        """Note another embedder; the codes of the old vectors hold no more."""
        self._connection.execute(
            "UPDATE settings SET embedder = ?, dimension = ?, cache = '', cached = 0",
            [embedder, dimension],
        )

    def rows(self, query: str, *values: SqlValue) -> list[Any]:
        with self._lock, self._troubles():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold one state of the library for several queries, even where another process changes it
        in between.
        """
        with self._lock, self._troubles():
            if self._connection.in_transaction:  # of the same thread, which holds the lock
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def counted_transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold one change of the library, counted.

        Kept wholly where the block ends well, else not at all.
        """
        with self.transaction() as connection:
            yield connection
            connection.execute(
                "UPDATE settings SET generation = generation + 1, stamp = ?", [uuid.uuid4().hex]
            )

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[sqlite3.Connection]:
        """Return a change that is not counted, since it is of no document.

        Kept wholly where the block ends well, else not at all. After `patience`, in seconds (None:
        a minute), it raises LibraryLockedError where another process still writes.
        """
        patience = _WRITER_SECONDS if patience is None else patience
        with self._turn_to_write(patience), self._troubles():
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _turn_to_write(self, patience: float) -> Iterator[None]:
        """Hold the lock, and begin to write.

        Until another process has finished, readers of this one go on.
        """
        began, reported = time.monotonic(), False
        while not self._begins_to_write(last=time.monotonic() - began >= patience):
            if not reported and time.monotonic() - began >= _SAY_SECONDS:
                reported = True
                logger.warning(
                    "Waiting for %s, which is writing to the library %r.",
                    self._writer(),
                    self._folder.name,
                )
            time.sleep(_LOCK_POLL_SECONDS)
        try:
            yield
        finally:
            self._lock.release()

    def _begins_to_write(self, last: bool) -> bool:
        """Return whether a transaction has begun, and the lock is held.

        On the `last` try it raises why not.
        """
        self._lock.acquire()
        try:
            with self._troubles():
                self._connection.execute("PRAGMA busy_timeout = 0")
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                finally:
                    self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000:.0f}")
        except LibraryLockedError:
            self._lock.release()
            if last:
                raise
            return False
        except BaseException:
            self._lock.release()
            raise
        return True

    def _writer(self) -> str:
        file = self._folder / DATABASE
        return (
            lock_owner(
                {file.with_name(file.name + end): place for end, place in _WRITER_PLACES.items()}
            )
            or "another process"
        )

    def _let_readers_go_on(self) -> None:
        """Have SQLite write ahead, so that readers need not wait for a writer.

        Where it cannot, it keeps to its older way.
        """
        # It cannot for a moment where several open the library at once; one of them, or the next,
        # succeeds.
        with self._lock, suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA journal_mode = WAL")

    def check(self) -> list[str]:
        """Return what is wrong with the file, its keys and its word index, in sentences."""
        with self.reading() as connection:
            found = [
                f"The database reports: {m}."
                for (m,) in connection.execute("PRAGMA integrity_check")
                if m != "ok"
            ]
            found += [
                f"A row of {table} belongs to nothing."
                for table, *_ in connection.execute("PRAGMA foreign_key_check")
            ]
            own = {table for table in tables(connection) if not table[1].startswith("sqlite_stat")}
            if own != tables_of_format():
                found.append("The tables are not those of a library.")
            try:
                connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
            except sqlite3.DatabaseError as error:
                code = error.sqlite_errorcode & 0xFF
                if code == sqlite3.SQLITE_CORRUPT:
                    found.append("The word index differs from the passages.")
                # The check writes nothing, yet SQLite refuses it where nothing can be written.
                elif code != sqlite3.SQLITE_READONLY:
                    raise
        return found

    def make_indexes(self) -> None:
        """Make the indexes and the word index again, in the transaction that is open."""
        self._connection.execute("REINDEX")
        self._connection.execute("INSERT INTO words (words) VALUES ('rebuild')")

    def size(self) -> int:
        """Return what the files of the library take."""
        return sum(file.stat().st_size for file in self._folder.rglob("*"))

    def copy(self, file: Path) -> None:
        """Write what is there now into a file that is empty or not there.

        Others go on reading and writing.
        """
        with closing(type(self)(self._folder, create=False)) as own, own._troubles():
            own._connection.execute("VACUUM INTO ?", [str(file)])

    def damaged(self) -> LibraryError:
        """Return the error to raise where rows do not hold together."""
        return LibraryError(f"The library {self._folder.name!r} {_DAMAGED}")

    def unwritable(self, error: OSError) -> LibraryError:
        """Return the error to raise where a file beside the database cannot be written."""
        return LibraryError(
            f"The library {self._folder.name!r} cannot be written to ({error.strerror}); check "
            "its folder and disk."
        )

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        """Turn what SQLite reports about the file into the error a user meets.

        Errors of our own making pass.
        """
        try:
            yield
        except sqlite3.DatabaseError as error:
            if type(error) not in (sqlite3.DatabaseError, sqlite3.OperationalError):
                raise
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            kind = _ERRORS_OF_CODES.get(code, LibraryError)
            trouble = _TROUBLE.get(code, _DAMAGED).format(
                writer=self._writer() if kind is LibraryLockedError else ""
            )
            raise kind(f"The library {self._folder.name!r} {trouble}") from error
        except UnicodeDecodeError as error:  # SQLite quotes the damaged bytes in its own message
            raise LibraryError(f"The library {self._folder.name!r} {_DAMAGED}") from error


_ERRORS_OF_CODES = {
    sqlite3.SQLITE_READONLY: LibraryReadOnlyError,
    sqlite3.SQLITE_BUSY: LibraryLockedError,
}


def migrate(database: sqlite3.Connection, format: int = FORMAT) -> None:
    """Bring a database of any earlier format, an empty one too, to this one.

    In the transaction that is open.
    """
    version = database.execute("PRAGMA user_version").fetchone()[0]
    add_functions(database)
    for number in range(version + 1, format + 1):
        for statement in _statements(MIGRATIONS[number]):
            database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION}")
    database.execute(f"PRAGMA user_version = {format}")


def add_functions(database: sqlite3.Connection) -> None:
    """Add the functions that rag/library/sqlite/schema.py uses."""
    database.create_function("half", 1, _half, deterministic=True)
    database.create_function("indexed", 2, indexed, deterministic=True)
    database.create_function("digest", -1, digest, deterministic=True)
    # The stubs know no aggregate of any number of values.
    database.create_aggregate("digest_rows", -1, DigestOfRows)  # type: ignore[arg-type]


def tables(database: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Return every table, index, view and trigger of a database.

    Its kind, its name, that of its table, and the words that made it, white space made even.
    """
    rows = database.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")
    return {(kind, name, table, " ".join(sql.split())) for kind, name, table, sql in rows}


def tables_of_format(version: int = FORMAT) -> set[tuple[str, ...]]:
    """Return the tables, as `tables` does, of a library of that format."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        migrate(empty, version)
        return tables(empty)


def _statements(script: str) -> Iterator[str]:
    """Return the statements of a script one by one.

    `executescript` would end the transaction around them.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _make_private_file(file: Path) -> None:
    """Make the file, empty, for its owner alone; what SQLite puts beside it gets the same mode."""
    with suppress(OSError):  # SQLite says what is wrong with the place
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))


def _connect(file: Path, create: bool) -> sqlite3.Connection:
    """Return a connection that has read once.

    Where the folder is read-only, one that needs no files beside the database.
    """
    unmerged = file.with_name(f"{file.name}-wal").exists()
    # Immutable skips the locks and the changes that wait beside the database, so it is the last
    # resort, and only without any.
    modes = ["rwc"] if create else ["rw", "ro"] + ["ro&immutable=1"] * (not unmerged)
    for mode in modes:
        database = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("PRAGMA foreign_keys = ON")
            add_functions(database)
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return database
        except sqlite3.OperationalError as error:
            database.close()
            if mode == modes[-1] or error.sqlite_errorcode & 0xFF not in (
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_READONLY,
            ):
                raise
        except BaseException:
            database.close()
            raise
    raise AssertionError


def _half(vector: bytes) -> bytes:
    """Return a stored vector of full precision in half precision."""
    return np.frombuffer(vector, "<f4").astype("<f2").tobytes()


def _is_empty(database: sqlite3.Connection) -> bool:
    return not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
