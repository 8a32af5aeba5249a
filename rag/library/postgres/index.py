"""The index of a team's library: pgvector and a full-text index beside the store.

It takes in what the outbox names, in transactions of its own, and may be behind the store.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryLockedError, LibraryReadOnlyError
from rag.library.postgres.bm25 import Phrase, bm25, idf_of
from rag.library.postgres.database import PostgresDatabase
from rag.library.postgres.graph import has_graph, make_graph
from rag.library.postgres.selection import (
    ALL_PASSAGES,
    Selection,
    phrase_query,
    selection_of,
    tsquery,
)
from rag.library.postgres.tokens import Tokenizer
from rag.library.postgres.update import make_anew, take_in
from rag.library.seams import ChunkIds
from rag.library.vocabulary import languages_of, most_like
from rag.text.query import phrases_of, term_of, weighted_terms
from rag.types import Filter, Vectors

# Where no more pass the filter each is compared, which misses none and takes some 15 ms; a graph
# finds few of them.
_EXACT = 20_000
_VECTORS_AT_ONCE = 50_000  # vectors read at a time
# Times as many as asked for are compared anew with the vectors as they are stored: the question's
# own vector is in half precision while the database compares.
_RESCORED = 2
# Rows that the rarest words of a question may bring in before frequent words are left to rank them.
_BROUGHT_IN = 5_000
_RANKED = 300  # of these, by the summed rarity of their words, for which BM25 is reckoned
_MOST_COUNTED = 20_000  # passages that hold a word; more are not counted
_PASSAGES_OF_A_STEM = 3  # in which its whole words are looked for
Forms = tuple[Phrase, ...]  # of a term, any of which is looked up
_RankedPassage = tuple[
    int, int, dict[str, list[int]]
]  # a passage, its length, tokens with their places


class PostgresIndex:
    """An `Index` over the rows of one library in PostgreSQL."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._tokenizer = Tokenizer()
        self._passages = f"passages_{database.workspace}"
        self._terms = f"terms_{database.workspace}"

    # --- Filters ----------------------------------------------------------------------------------

    def select(self, only: Filter, question: str) -> Selection | None:
        phrases = phrases_of(question, languages_of(self._database))
        return selection_of(self._database, only, phrases, self._tokenizer)

    def matching(self, among: Selection | None) -> list[int]:
        where = among or ALL_PASSAGES
        query = f"SELECT chunk FROM {self._passages} WHERE {where.sql} ORDER BY chunk"
        return [chunk for (chunk,) in self._database.query(query, where.values)]

    # --- By meaning -------------------------------------------------------------------------------

    def dense(
        self, vector: NDArray[np.float32], k: int, among: Selection | None = None
    ) -> list[tuple[int, float]]:
        where, database = among or ALL_PASSAGES, self._database
        with database.reading():
            if k < 1 or self._sizes()[0] != len(vector):  # of another model, not yet taken in
                return []
            walks = has_graph(database) and not self._few_pass(where)
            # An expression that is not the indexed one is compared row by row.
            distance = "embedding <#> %s::halfvec" if walks else "(embedding <#> %s::halfvec) + 0"
            query = (
                f"SELECT chunk FROM {self._passages} WHERE {where.sql} ORDER BY {distance} LIMIT %s"
            )
            shown = f"[{','.join(map(str, vector.tolist()))}]"
            near = [
                chunk for (chunk,) in database.query(query, (*where.values, shown, k * _RESCORED))
            ]
            stored = database.query(
                "SELECT chunk, vector FROM vectors WHERE chunk = ANY(%s)", (near,)
            )
        ids, vectors = self._decoded(stored, len(vector))
        scored = zip(ids.tolist(), (vectors @ vector).tolist(), strict=True)
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]

    def everything(self) -> list[tuple[ChunkIds, Vectors]]:
        found, last = [], 0
        with self._database.reading():
            dimension = self._database.state().dimension
            query = "SELECT chunk, vector FROM vectors WHERE chunk > %s ORDER BY chunk LIMIT %s"
            while rows := self._database.query(query, (last, _VECTORS_AT_ONCE)):
                last = rows[-1][0]
                found.append(self._decoded(rows, dimension))
        return found

    def _few_pass(self, where: Selection) -> bool:
        query = f"SELECT count(*) FROM (SELECT FROM {self._passages} WHERE {where.sql} LIMIT %s) p"
        return bool(self._database.query(query, (*where.values, _EXACT + 1))[0][0] <= _EXACT)

    def _decoded(
        self, rows: Sequence[tuple[int, bytes]], dimension: int
    ) -> tuple[ChunkIds, Vectors]:
        data = b"".join(vector for _, vector in rows)
        if len(data) != len(rows) * dimension * 2:
            raise self._database.damaged()
        ids = np.array([chunk for chunk, _ in rows], np.int64)
        return ids, np.frombuffer(data, "<f2").reshape(-1, dimension).astype(np.float32)

    # --- By words ---------------------------------------------------------------------------------

    def lexical(
        self, question: str, k: int, among: Selection | None = None, earlier: str = ""
    ) -> list[tuple[int, float]]:
        languages = languages_of(self._database)
        weights: dict[Forms, int] = {}
        for term, weight in weighted_terms(question, earlier, languages).items():
            shown = (self._tokenizer.tokens_of(form) for form in term)
            if told := tuple(dict.fromkeys(form for form in shown if form)):
                weights[told] = weights.get(told, 0) + weight
        if not weights or k < 1:
            return []
        with self._database.reading():
            _, passages, tokens = self._sizes()
            holding = self._holding([phrase for forms in weights for phrase in forms])
            found = self._candidates(weights, holding, passages, k, among or ALL_PASSAGES)
        named: dict[Phrase, int] = {}
        for forms, weight in weights.items():
            for phrase in forms:
                named[phrase] = named.get(phrase, 0) + weight
        phrases = {phrase: (count, holding[phrase]) for phrase, count in named.items()}
        mean = max(1.0, tokens / max(1, passages))
        scored = [
            (chunk, bm25(phrases, places, length, passages, mean))
            for chunk, length, places in found
        ]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]

    def _candidates(
        self,
        weights: dict[Forms, int],
        holding: dict[Phrase, int],
        passages: int,
        k: int,
        where: Selection,
    ) -> list[_RankedPassage]:
        """Return the passages of the greatest summed rarity: id, length, tokens with places.

        The rarest words bring them in; frequent ones do where too few are found so.
        """
        counts = {forms: sum(holding[phrase] for phrase in forms) for forms in weights}
        terms = sorted((forms for forms in weights if counts[forms]), key=counts.__getitem__)
        brought_in, taken = _BROUGHT_IN, 0
        rows: list[_RankedPassage] = []
        while taken < len(terms) and len(rows) < k:
            total, taken = 0, 0
            while taken < len(terms) and (not taken or total + counts[terms[taken]] <= brought_in):
                total += counts[terms[taken]]
                taken += 1
            rows = self._rows_with(terms, taken, weights, counts, passages, where)
            brought_in *= 10
        return rows

    def _rows_with(
        self,
        terms: Sequence[Forms],
        taken: int,
        weights: dict[Forms, int],
        counts: dict[Forms, int],
        passages: int,
        where: Selection,
    ) -> list[_RankedPassage]:
        queries = [" | ".join(f"({phrase_query(phrase)})" for phrase in forms) for forms in terms]
        rarity = " + ".join("CASE WHEN words @@ %s::tsquery THEN %s ELSE 0 END" for _ in terms)
        rarities = [weights[forms] * idf_of(counts[forms], passages) for forms in terms]
        tokens = sorted({token for forms in terms for phrase in forms for token in phrase})
        query = f"""
            SELECT chunk, length, lexeme, positions FROM (
                SELECT chunk, length, words, {rarity} AS rarity FROM {self._passages}
                WHERE words @@ %s::tsquery AND {where.sql}
                ORDER BY rarity DESC, chunk LIMIT %s
            ) ranked, unnest(words) WHERE lexeme = ANY(%s)"""
        values: list[Any] = [
            value for pair in zip(queries, rarities, strict=True) for value in pair
        ]
        values += [
            " | ".join(f"({one})" for one in queries[:taken]),
            *where.values,
            _RANKED,
            tokens,
        ]
        found: dict[int, _RankedPassage] = {}
        for chunk, length, token, places in self._database.query(query, values):
            found.setdefault(chunk, (chunk, length, {}))[2][token] = places
        return list(found.values())

    def _holding(self, phrases: Sequence[Phrase]) -> dict[Phrase, int]:
        """Return how many passages hold each phrase; of phrases of several words not all."""
        words = [phrase[0] for phrase in phrases if len(phrase) == 1]
        query = f"SELECT term, passages FROM {self._terms} WHERE term = ANY(%s)"
        known = dict(self._database.query(query, (words,)))
        return {
            phrase: known.get(phrase[0], 0)
            if len(phrase) == 1
            else self._count(phrase_query(phrase))
            for phrase in phrases
        }

    def _count(self, query: str) -> int:
        counted = (
            f"SELECT count(*) FROM (SELECT FROM {self._passages} WHERE words @@ %s::tsquery "
            "LIMIT %s) p"
        )
        return int(self._database.query(counted, (query, _MOST_COUNTED))[0][0]) if query else 0

    def idf(self, words: Sequence[str]) -> list[float]:
        languages = languages_of(self._database)
        with self._database.reading():
            passages = self._sizes()[1]
            return [idf_of(self._told_by(word, languages), passages) for word in words]

    def holds(self, word: str) -> bool:
        return self._told_by(word, languages_of(self._database)) > 0

    def nearest_word(self, word: str) -> str:
        def stems(first: str, shortest: int, longest: int) -> list[str]:
            query = (
                f"SELECT term FROM {self._terms} WHERE term >= %s AND term < %s "
                "AND length(term) BETWEEN %s AND %s ORDER BY term"
            )
            rows = self._database.query(query, (first, chr(ord(first) + 1), shortest, longest))
            return [term for (term,) in rows]

        def texts_with(stem: str) -> list[str]:
            query = (
                f"SELECT c.text FROM {self._passages} p JOIN chunks c ON c.id = p.chunk "
                "WHERE p.words @@ %s::tsquery LIMIT %s"
            )
            values = (phrase_query((stem,)), _PASSAGES_OF_A_STEM)
            return [text for (text,) in self._database.query(query, values)]

        with self._database.reading():
            return most_like(word, stems, texts_with)

    def _told_by(self, word: str, languages: Sequence[str]) -> int:
        """Return how many passages hold the word in some form, as far as they are counted."""
        term = term_of(word, languages)
        forms = {form for shown in term if (form := self._tokenizer.tokens_of(shown))}
        if len(forms) == 1 and len(phrase := next(iter(forms))) == 1:
            return min(_MOST_COUNTED, self._holding([phrase])[phrase])
        return self._count(tsquery(term, self._tokenizer))

    # --- What the store has changed ---------------------------------------------------------------

    def update(self) -> None:
        """Take in what the outbox names; where another process writes, that is left to it."""
        self._take_in_all(patience=0.0)

    def optimize(self) -> None:
        self._take_in_all()
        make_graph(self._database)

    def _take_in_all(self, patience: float | None = None) -> None:
        if self._database.is_open:  # a look-up inside a snapshot changes nothing
            return
        begin: Callable[[], Any] = (
            self._database.transaction
            if patience is None
            else lambda: self._database.transaction(patience)
        )
        while self._database.query("SELECT FROM outbox LIMIT 1", ()):
            if self._sizes()[0] != self._database.state().dimension:
                make_anew(self._database)
            try:
                with begin() as connection:
                    take_in(connection.raw, self._database.workspace, self._tokenizer)
            except (LibraryLockedError, LibraryReadOnlyError):
                if patience is None:
                    raise
                return

    def check(self) -> list[str]:
        """Return what is wrong with the index; what waits in the outbox is not wrong."""
        differences = {
            "The index lacks {} passages; searches do not find them.": (
                f"SELECT count(*) FROM chunks c LEFT JOIN {self._passages} p ON p.chunk = c.id "
                "WHERE p.chunk IS NULL AND c.document NOT IN (SELECT document FROM outbox)"
            ),
            "The index holds {} passages that are not in the library.": (
                f"SELECT count(*) FROM {self._passages} p LEFT JOIN chunks c ON c.id = p.chunk "
                "WHERE c.id IS NULL AND p.document NOT IN (SELECT document FROM outbox)"
            ),
            "The index has miscounted its passages or their words.": (
                "SELECT count(*) FROM index_sizes WHERE (passages, tokens) IS DISTINCT FROM "
                f"(SELECT (count(*), coalesce(sum(length), 0)::bigint) FROM {self._passages})"
            ),
        }
        with self._database.reading():
            counts = {told: self._database.query(q, ())[0][0] for told, q in differences.items()}
        return [told.format(count) for told, count in counts.items() if count]

    def repair(self) -> list[str]:
        if not self.check():
            return []
        make_anew(self._database)
        self.optimize()
        return ["The index was made again."]

    def _sizes(self) -> tuple[int, int, int]:
        """Return the dimension of the index, its passages and the tokens of all of them."""
        rows = self._database.query("SELECT dimension, passages, tokens FROM index_sizes", ())
        if not rows:
            raise self._database.damaged()
        dimension, passages, tokens = rows[0]
        return dimension, passages, tokens
