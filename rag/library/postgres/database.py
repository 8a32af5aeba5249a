"""The PostgreSQL database of a team's libraries.

Connections, transactions, and its errors as errors of ours.        [psycopg]
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from rag.config import LOCAL_SERVER
from rag.errors import (
    DocumentError,
    LibraryError,
    LibraryLockedError,
    LibraryReadOnlyError,
    UsageError,
)
from rag.library.postgres.local import local_address
from rag.library.postgres.schema import (
    GRANTS,
    LOCK,
    POSTGRES_FORMAT,
    POSTGRES_MIGRATIONS,
    ROLE,
    SCHEMA,
)
from rag.library.sql.database import LibraryState, Rows, SqlValue

# A connection of psycopg, whose types not every checkout has: the extra `team` brings them.
Raw = Any

# A document is written in well under a second; a rebuild of a large library holds others up longer.
_LOCK_TIMEOUT = 60.0
_CONNECTION_TIMEOUT = 10.0
# Every request asks which libraries there are, and to connect for that takes longer than to look.
_NAMES_SECONDS = 1.0
# Of one library in one process: as many questions are answered at a time.
_MOST_CONNECTIONS = 16
# Of each look-up that walks the graph of vectors: what it looks at, and goes on to look at where a
# filter leaves too few. To compile a query takes longer than it runs.
_SEARCH = """
SET hnsw.ef_search = 200; SET hnsw.iterative_scan = relaxed_order;
SET hnsw.max_scan_tuples = 60000; SET jit = off;
"""


class Postgres:
    """A PostgreSQL server with the libraries of a team, brought to the present format."""

    def __init__(self, url: str) -> None:
        """Connect to the database at `url`, as in postgresql://user@host/name or local:FOLDER.

        Raises LibraryError where it cannot be reached, or used.
        """
        if url.startswith(LOCAL_SERVER):
            url = local_address(Path(url.removeprefix(LOCAL_SERVER)))
        self.url = url
        with self.owning() as connection:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                _migrate(connection)
            shown = connection.info
            self.place = f"postgresql://{shown.host}:{shown.port}/{shown.dbname}"
        self._known: dict[str, int] = {}
        self._known_until = 0.0

    @contextmanager
    def owning(self) -> Iterator[Raw]:
        """Yield a connection of its own with the rights of the user in the address."""
        import psycopg

        with (
            troubles("of the team"),
            psycopg.connect(
                self.url,
                autocommit=True,
                connect_timeout=int(_CONNECTION_TIMEOUT),
                options=f"-c search_path={SCHEMA},public",
            ) as connection,
        ):
            yield connection

    def workspaces(self) -> dict[str, int]:
        """Return the names of the libraries, sorted, with their numbers.

        What another process makes or removes is known a second later.
        """
        if time.monotonic() >= self._known_until:
            with self.owning() as connection:
                query = "SELECT name, id FROM workspaces ORDER BY name"
                self._known = dict(connection.execute(query))
            self._known_until = time.monotonic() + _NAMES_SECONDS
        return self._known

    def forget_workspaces(self) -> None:
        """Look again the next time: this process has made or removed a library."""
        self._known_until = 0.0


class PostgresDatabase:
    """One library's rows of a `Database` in PostgreSQL."""

    listed = "(SELECT value::bigint FROM json_array_elements_text(?::json))"
    said = "CASE WHEN answer IS JSON THEN answer::json ->> 'answer' END"

    def __init__(self, server: Postgres, name: str, workspace: int) -> None:
        self.name = name
        self.server = server
        self.workspace = workspace
        self._pool = _pool(server.url, workspace)
        self._open = threading.local()  # the connection of this thread's transaction

    def close(self) -> None:
        self._pool.close()

    def state(self) -> LibraryState:
        rows = self.rows("SELECT embedder, dimension, generation, stamp FROM settings")
        if not rows:
            raise self.damaged()
        return LibraryState(*rows[0])

    def set_embedder(self, embedder: str, dimension: int) -> None:
        """Note another embedder, in the transaction that is open."""
        self._raw().execute(
            "UPDATE settings SET embedder = %s, dimension = %s", [embedder, dimension]
        )

    def rows(self, query: str, *values: SqlValue) -> list[Any]:
        return self.query(_translated(query), values)

    def query(self, query: str, values: Sequence[Any]) -> list[Any]:
        """Return what a query in PostgreSQL's own SQL finds, with `%s` for values."""
        with troubles(self.name):
            # Planned anew for its values: a filter may let all rows pass, or one.
            if raw := self._raw_or_none():
                return list(raw.execute(query, values, prepare=False))
            with self._pool.connection() as connection:
                return list(connection.execute(query, values, prepare=False))

    @property
    def is_open(self) -> bool:
        """Whether this thread has a transaction open, or reads one state."""
        return self._raw_or_none() is not None

    @contextmanager
    def reading(self) -> "Iterator[PostgresConnection]":
        """Yield one state of the library for several queries."""
        if raw := self._raw_or_none():
            yield PostgresConnection(raw)
            return
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as raw:
            yield PostgresConnection(raw)

    @contextmanager
    def transaction(self, patience: float = _LOCK_TIMEOUT) -> "Iterator[PostgresConnection]":
        """Yield a change that is not counted, as the only one who writes to this library."""
        with self._begun("BEGIN") as raw:
            wait = f"{max(1, int(1000 * patience))}ms"
            raw.execute("SELECT set_config('lock_timeout', %s, true)", [wait])
            raw.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, self.workspace])
            yield PostgresConnection(raw)
            raw.execute("COMMIT")

    @contextmanager
    def counted_transaction(self) -> "Iterator[PostgresConnection]":
        """Yield one change of the library, counted."""
        with self.transaction() as connection:
            yield connection
            connection.execute(
                "UPDATE settings SET generation = generation + 1, stamp = ?", [uuid4().hex]
            )

    def check(self) -> list[str]:
        """Return nothing: PostgreSQL guards its own keys, pages and indexes."""
        return []

    def make_indexes(self) -> None:
        """Do nothing: there is no index here that `check` could find wrong."""

    def copy(self, file: Path) -> None:
        """Raise UsageError: a library among others is no file."""
        raise UsageError(
            f"The library {self.name!r} is kept in PostgreSQL and is no file of its own; copy the "
            f"database with pg_dump instead of writing {str(file)!r}."
        )

    def size(self) -> int:
        """Return the bytes of all libraries and their indexes: PostgreSQL keeps them together."""
        return int(self.rows("SELECT pg_database_size(current_database())")[0][0])

    def damaged(self) -> LibraryError:
        return LibraryError(
            f"The library {self.name!r} is damaged; restore the database from a copy."
        )

    @contextmanager
    def _begun(self, begin: str) -> Iterator[Raw]:
        """Yield a connection with a transaction, which is rolled back unless it was committed."""
        with troubles(self.name), self._pool.connection() as raw:
            raw.execute(begin)
            self._open.raw = raw
            try:
                yield raw
            finally:
                self._open.raw = None
                raw.rollback()

    def _raw_or_none(self) -> Raw | None:
        return getattr(self._open, "raw", None)

    def _raw(self) -> Raw:
        raw = self._raw_or_none()
        if raw is None:
            raise RuntimeError("no transaction is open in this thread")
        return raw


class PostgresConnection:
    """A connection that takes the SQL of every database, and PostgreSQL's own as `raw`."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def execute(self, query: str, values: Sequence[SqlValue] = ()) -> Rows:
        rows: Rows = self.raw.execute(_translated(query), values)
        return rows

    def executemany(self, query: str, rows: Sequence[Sequence[SqlValue]]) -> None:
        if rows:
            with self.raw.cursor() as cursor:
                cursor.executemany(_translated(query), rows)


@lru_cache(512)
def _translated(query: str) -> Any:
    """Return SQL with `?` for values as psycopg takes it."""
    return query.replace("%", "%%").replace("?", "%s")


def _pool(url: str, workspace: int) -> Any:
    import psycopg
    from psycopg_pool import ConnectionPool

    # It tells each try that failed; the user hears of the last one in a sentence.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

    def configure(connection: Raw) -> None:
        (above_policies,) = connection.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone() or (False,)
        if above_policies:
            connection.execute(f"SET ROLE {ROLE}")
        connection.execute("SELECT set_config('rag.workspace', %s, false)", [str(workspace)])
        connection.execute(_SEARCH)

    pool = ConnectionPool(
        url,
        connection_class=psycopg.Connection,
        kwargs={
            "autocommit": True,
            "connect_timeout": int(_CONNECTION_TIMEOUT),
            "options": f"-c search_path={SCHEMA},public",
        },
        min_size=1,
        max_size=_MOST_CONNECTIONS,
        timeout=_CONNECTION_TIMEOUT,
        configure=configure,
        check=ConnectionPool.check_connection,  # a server that was started anew is met again
        open=False,
    )
    pool.open()
    return pool


@contextmanager
def troubles(library: str) -> Iterator[None]:
    """Turn what PostgreSQL reports into the error a user meets. Errors of our own making pass."""
    try:
        import psycopg
        from psycopg import errors
        from psycopg_pool import PoolTimeout
    except ImportError as error:
        raise LibraryError(
            "A library in PostgreSQL needs more packages; install them with "
            "`pip install 'rag-reports[team]'`."
        ) from error
    name = f"The library {library!r}"
    try:
        yield
    except errors.LockNotAvailable as error:
        raise LibraryLockedError(
            f"{name} is in use: another process is writing to it; try again when that has finished."
        ) from error
    except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege) as error:
        raise LibraryReadOnlyError(
            f"{name} cannot be written to ({_summary(error)}); check the rights of the user in "
            "RAG_STORE."
        ) from error
    except errors.DiskFull as error:
        raise LibraryError(
            f"{name} is unchanged, the disk of the server is full; make room and try again."
        ) from error
    except (psycopg.DataError, UnicodeEncodeError) as error:
        raise DocumentError(
            f"A text holds a character that PostgreSQL cannot keep ({_summary(error)}); take it "
            "out of the file."
        ) from error
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise LibraryError(
            f"{name} cannot be reached ({_summary(error)}); check that PostgreSQL runs where "
            "RAG_STORE says."
        ) from error


def _summary(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _migrate(connection: Raw) -> None:
    """Bring the database to the present format, an empty one too. Raises LibraryError."""
    from psycopg import errors

    # A user who may only use what is there must not be asked for the right to make it.
    version = 0
    if connection.execute("SELECT to_regclass('format')").fetchone()[0] is not None:
        version = connection.execute("SELECT max(version) FROM format").fetchone()[0]
    if version == POSTGRES_FORMAT:
        return
    if version > POSTGRES_FORMAT:
        raise LibraryError(
            f"The libraries in PostgreSQL have format {version}, this program reads format "
            f"{POSTGRES_FORMAT}; update the program."
        )
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    except (errors.UndefinedFile, errors.FeatureNotSupported) as error:
        raise LibraryError(
            "The PostgreSQL server has no pgvector; install that extension there, version 0.8 or "
            "newer."
        ) from error
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    connection.execute("CREATE TABLE IF NOT EXISTS format (version integer NOT NULL)")
    for number in range(version + 1, POSTGRES_FORMAT + 1):
        connection.execute(POSTGRES_MIGRATIONS[number])
        connection.execute("INSERT INTO format VALUES (%s)", [number])
        connection.execute(GRANTS)
