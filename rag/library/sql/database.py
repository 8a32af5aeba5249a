"""The database of a library as the modules that keep something in it see it.

The same tables and the same SQL serve every database: it is written with `?` for values, and a
database that sees one library only (a file, or rows of one workspace) needs no mention of which.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rag.errors import LibraryError

SqlValue = str | int | float | bytes | None


class LibraryState(NamedTuple):
    """What a library was built with, and which of its states this is."""

    embedder: str
    dimension: int
    generation: int
    # random and new with every change, so no other library and no restored copy has the same one
    stamp: str


class Rows(Protocol):
    """What a statement gives."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""
        ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection inside a transaction, or while it reads one state."""

    def execute(self, query: str, values: Sequence[SqlValue] = (), /) -> Rows: ...

    def executemany(self, query: str, rows: Sequence[Sequence[SqlValue]], /) -> object: ...


class Database(Protocol):
    """One library's tables. Safe from several threads, and beside other processes.

    Every method raises LibraryError where the database cannot be used.
    """

    name: str  # of the library
    # SQL for the numbers in a parameter, a JSON array; and for the words of a stored answer, NULL
    # where it is damaged
    listed: str
    said: str

    def close(self) -> None: ...

    def state(self) -> LibraryState: ...

    def set_embedder(self, embedder: str, dimension: int) -> None:
        """Note another embedder, in the transaction that is open: every vector is written anew."""
        ...

    def rows(self, query: str, *values: SqlValue) -> list[Any]:
        """Return what a query finds, in the transaction of this thread where one is open."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Yield one state of the library for several queries."""
        ...

    def transaction(self, patience: float = ...) -> AbstractContextManager[Connection]:
        """Yield a change that is not counted, since it is of no document.

        Kept wholly where the block ends well, else not at all. After `patience`, in seconds, it
        raises LibraryLockedError where another process still writes.
        """
        ...

    def counted_transaction(self) -> AbstractContextManager[Connection]:
        """Yield one change of the library, counted; kept wholly or not at all."""
        ...

    def check(self) -> list[str]:
        """Return what is wrong with the tables, their keys and their word index, in sentences."""
        ...

    def make_indexes(self) -> None:
        """Make the indexes again that the database keeps, in the transaction that is open."""
        ...

    def copy(self, file: Path) -> None:
        """Write the library as it is now into a file that is empty or not there.

        Raises UsageError where it is not kept as one file.
        """
        ...

    def size(self) -> int:
        """Return how much room the library takes on the disk, roughly."""
        ...

    def damaged(self) -> LibraryError:
        """Return the error to raise where rows do not hold together."""
        ...
