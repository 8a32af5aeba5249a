"""The look-up by meaning: the vectors of a library's database, kept in memory as they are now."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.library.sqlite.database import SqliteDatabase
from rag.library.sqlite.vectors import (
    Ids,
    VectorIndex,
    codes_file,
    has_codes,
    make_codes,
    needs_codes,
    read_codes,
    remove_other_codes,
    write_codes,
)
from rag.types import Vectors

if TYPE_CHECKING:
    import sqlite3

_READ_AT_ONCE = 50_000  # vectors read at a time


class Dense:
    """The vectors of one library.

    Safe from several threads, and beside other processes that change the library.
    """

    def __init__(self, folder: Path, database: SqliteDatabase) -> None:
        self._folder = folder
        self._database = database
        self._index: VectorIndex | None = None
        self._stamp = self._cache = ""
        self._last = self._removals = (
            0  # the newest chunk and the latest removal that the index knows of
        )

    def nearest(
        self, vector: NDArray[np.float32], k: int, among: Ids | None = None
    ) -> list[tuple[int, float]]:
        """Return the ids of the `k` chunks nearest to the unit vector [dimension], best first.

        Each comes with its cosine.

        With `among` only those chunks compete.
        """
        index = self.current()
        found = index.nearest(vector, max(k, 0), among)
        if index.exact:
            return found
        rows = self._database.rows(
            "SELECT chunk, vector FROM vectors WHERE chunk IN (SELECT value FROM json_each(?))",
            json.dumps([i for i, _ in found]),
        )
        ids, vectors = self._decoded(rows, len(vector))
        scored = zip(ids.tolist(), (vectors @ vector).tolist(), strict=True)
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[: max(k, 0)]

    def current(self) -> VectorIndex:
        """Return the vectors of the library as it is now.

        What came and went since the last look is all that is read.
        """
        with self._database.reading() as database:
            state = self._database.state()
            if self._index is None or state.stamp != self._stamp:
                cache, cached = database.execute("SELECT cache, cached FROM settings").fetchone()
                removals = database.execute(
                    "SELECT ifnull(max(number), 0) FROM removed"
                ).fetchone()[0]
                if self._index is None or (cache, state.dimension) != (
                    self._cache,
                    self._index.dimension,
                ):
                    codes = read_codes(self._folder, cache) if cache else None
                    self._index = VectorIndex(state.dimension, codes)
                    # The codes hold all that there was when they were made, and nothing else holds
                    # what is gone.
                    self._last, self._removals = (cached, 0) if codes else (0, removals)
                removed = database.execute(
                    "SELECT chunk FROM removed WHERE number > ?", [self._removals]
                ).fetchall()
                self._index = self._index.without(np.array(removed, np.int64).reshape(-1))
                for ids, vectors in self._newer(database, self._last, state.dimension):
                    self._index = self._index.with_more(ids, vectors)
                    self._last = int(ids[-1])
                self._removals, self._stamp, self._cache = removals, state.stamp, cache
            return self._index

    def optimize(self) -> None:
        """Make codes of the vectors, where so many have none that a search is better off.

        Takes seconds for a million.

        Raises LibraryError where the library cannot be written.
        """
        # A connection of its own: who asks on the other one does not wait.
        with closing(SqliteDatabase(self._folder, create=False)) as own:
            with own.reading() as database:
                cache, cached = database.execute("SELECT cache, cached FROM settings").fetchone()
                coded = has_codes(self._folder, cache)
                newer = "SELECT count(*) FROM vectors WHERE chunk > ?"
                loose = database.execute(newer, [cached if coded else 0]).fetchone()[0]
                removals, gone = database.execute(
                    "SELECT ifnull(max(number), 0), count(*) FROM removed"
                ).fetchone()
                if not needs_codes(loose, gone if coded else 0, coded):
                    return
                dimension = own.state().dimension
                count, last = database.execute(
                    "SELECT count(*), max(chunk) FROM vectors"
                ).fetchone()
                worth = needs_codes(count, 0, coded=False)
                codes = (
                    make_codes(self._newer(database, 0, dimension), dimension) if worth else None
                )
            if codes is None:  # so few are left of many that they are compared as they are
                self.forget()
                return
            try:
                name = write_codes(codes, self._folder)
            except OSError as error:
                raise own.unwritable(error) from error
            with own.transaction() as database:
                # Where two make codes at once, the other one may have removed this file.
                if codes_file(self._folder, name).is_file():
                    database.execute("UPDATE settings SET cache = ?, cached = ?", [name, last])
                    database.execute("DELETE FROM removed WHERE number <= ?", [removals])
            # Only now: until then the database names the old file.
            remove_other_codes(self._folder, own.rows("SELECT cache FROM settings")[0][0])

    def forget(self) -> None:
        """Remove the file of codes, which `optimize` makes again.

        Raises LibraryError where the library cannot be written to.
        """
        with self._database.transaction() as database:
            database.execute("UPDATE settings SET cache = '', cached = 0")
        remove_other_codes(self._folder, "")

    def everything(self) -> list[tuple[Ids, Vectors]]:
        """Return the ids of all chunks and their vectors, in batches."""
        with self._database.reading() as database:
            return list(self._newer(database, 0, self._database.state().dimension))

    def check(self) -> list[str]:
        """Return what is wrong with the file of codes, in sentences."""
        with self._database.reading() as database:
            cache, cached = database.execute("SELECT cache, cached FROM settings").fetchone()
            codes = read_codes(self._folder, cache) if cache else None
            if not cache:
                return []
            if codes is None:
                return [
                    "The file of vectors is missing or damaged; searches do without it and are "
                    "slower."
                ]
            gone = database.execute(
                "SELECT count(*) FROM removed WHERE chunk <= ?", [cached]
            ).fetchone()[0]
            there = database.execute(
                "SELECT count(*) FROM vectors WHERE chunk <= ?", [cached]
            ).fetchone()[0]
        return (
            []
            if codes.ntotal == there + gone
            else ["The file of vectors holds others than the library does."]
        )

    def _newer(
        self, database: "sqlite3.Connection", last: int, dimension: int
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the vectors after the chunk `last`, in batches."""
        while rows := database.execute(
            "SELECT chunk, vector FROM vectors WHERE chunk > ? ORDER BY chunk LIMIT ?",
            [last, _READ_AT_ONCE],
        ).fetchall():
            last = rows[-1][0]
            yield self._decoded(rows, dimension)

    def _decoded(self, rows: "list[tuple[int, bytes]]", dimension: int) -> tuple[Ids, Vectors]:
        data = b"".join(vector for _, vector in rows)
        if len(data) != len(rows) * dimension * 2:
            raise self._database.damaged()
        ids = np.array([chunk for chunk, _ in rows], np.int64)
        return ids, np.frombuffer(data, "<f2").reshape(-1, dimension).astype(np.float32)
