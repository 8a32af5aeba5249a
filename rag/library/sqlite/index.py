"""The index of a library in one folder: vectors in memory, words in the database's word index.

A filter becomes the ids of the chunks that pass it, which FAISS compares with.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.library.sqlite import keyword_index, vocabulary
from rag.library.sqlite.database import SqliteDatabase
from rag.library.sqlite.vector_index import Dense
from rag.library.sqlite.vectors import Ids
from rag.library.vocabulary import languages_of
from rag.text.query import is_within, names_it, phrases_of
from rag.types import Filter, Vectors


class FolderIndex:
    """An `Index` over the database of one folder, never behind it."""

    def __init__(self, folder: Path, database: SqliteDatabase) -> None:
        self._database = database
        self._dense = Dense(folder, database)

    def select(self, only: Filter, question: str) -> Ids | None:
        """Return the ids of the chunks that pass; None for all."""
        conditions: list[str] = []
        values: list[str] = []
        with self._database.reading():
            if only.documents or only.after or only.before:
                conditions.append("document IN (SELECT value FROM json_each(?))")
                values.append(json.dumps(self._documents_within(only)))
            if only.speaker:
                speakers = [
                    name for (name,) in self._database.rows("SELECT DISTINCT speaker FROM speakers")
                ]
                conditions.append(
                    "id IN (SELECT chunk FROM speakers WHERE speaker IN (SELECT value FROM "
                    "json_each(?)))"
                )
                values.append(
                    json.dumps([name for name in speakers if names_it(name, only.speaker)])
                )
            if only.section:
                sections = [
                    path for (path,) in self._database.rows("SELECT DISTINCT section FROM chunks")
                ]
                conditions.append("section IN (SELECT value FROM json_each(?))")
                values.append(
                    json.dumps([path for path in sections if names_it(path, only.section)])
                )
            if phrases := phrases_of(question, languages_of(self._database)):
                conditions.append("id IN (SELECT rowid FROM words WHERE words MATCH ?)")
                values.append(keyword_index.all_of(phrases))
            if not conditions:
                return None
            found = self._database.rows(
                f"SELECT id FROM chunks WHERE {' AND '.join(conditions)} ORDER BY id", *values
            )
        return np.array([chunk for (chunk,) in found], np.int64)

    def matching(self, among: Ids | None) -> list[int]:
        if among is None:
            return [chunk for (chunk,) in self._database.rows("SELECT id FROM chunks ORDER BY id")]
        return [int(chunk) for chunk in among]

    def dense(
        self, vector: NDArray[np.float32], k: int, among: Ids | None = None
    ) -> list[tuple[int, float]]:
        return self._dense.nearest(vector, k, among)

    def lexical(
        self, question: str, k: int, among: Ids | None = None, earlier: str = ""
    ) -> list[tuple[int, float]]:
        return keyword_index.best(self._database, question, k, among, earlier)

    def idf(self, words: Sequence[str]) -> list[float]:
        return keyword_index.idf(self._database, words, len(self._dense.current()))

    def holds(self, word: str) -> bool:
        return vocabulary.holds(self._database, word)

    def nearest_word(self, word: str) -> str:
        return vocabulary.nearest_word(self._database, word)

    def everything(self) -> list[tuple[Ids, Vectors]]:
        return self._dense.everything()

    def update(self) -> None:
        """Do nothing: each look-up takes in what changed."""

    def optimize(self) -> None:
        self._dense.optimize()

    def check(self) -> list[str]:
        return self._dense.check()

    def repair(self) -> list[str]:
        if not self._dense.check():
            return []
        self._dense.forget()
        return ["The file of vectors was removed."]

    def _documents_within(self, only: Filter) -> list[int]:
        """Return the keys of the documents that the filter's names and dates let through."""
        wanted = set(only.documents)
        return [
            key
            for key, name, date in self._database.rows("SELECT id, name, date FROM documents")
            if (not wanted or name in wanted) and is_within(date, only.after, only.before)
        ]
