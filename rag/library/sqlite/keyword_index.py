"""The look-up by words: the word index of a library's database.   [FTS5]"""

import json
from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from rag.library.sqlite.database import SqliteDatabase
from rag.library.vocabulary import languages_of
from rag.text.query import Term, term_of, weighted_terms

# How much a word counts in bm25 in the text, and in the context (title, headings, speaker).
_TEXT_WEIGHT, _CONTEXT_WEIGHT = 1.0, 1.0
# Scoring a passage by bm25 costs ten times what finding it does, so only those are scored that hold
# the rarest words: of a million passages 50 of the best 50 were among so many.
_SCORED = 1000
# A word of more chunks than this is frequent, and counting on would cost more than it is worth.
_COUNTED = 20_000
# The plus keeps SQLite from asking the word index once for every id: 20 ms for 20,000 ids instead
# of 9 s.
_BEST = """
SELECT rowid, -bm25(words, ?, ?) AS score FROM words
WHERE words MATCH ? AND +rowid IN (SELECT value FROM json_each(?)) ORDER BY score DESC,
    rowid LIMIT ?
"""


def best(
    database: SqliteDatabase,
    question: str,
    k: int,
    among: NDArray[np.int64] | None = None,
    earlier: str = "",
) -> list[tuple[int, float]]:
    """Return the ids of the `k` chunks that share most with the words of the question.

    The best come first, each with its bm25; more is better.

    With `among` only those chunks compete; how rare a word is is counted in all. The words of
    `earlier`, what was asked before, count half. The candidates are those of the greatest summed
    inverse document frequency.
    """
    terms = weighted_terms(question, earlier, languages_of(database))
    if not terms:
        return []
    with database.reading():
        candidates = _best_by_idf(database, terms, among)
        query, ids = _any_of(terms), json.dumps(candidates.tolist())
        found = database.rows(_BEST, _TEXT_WEIGHT, _CONTEXT_WEIGHT, query, ids, max(k, 0))
    return [(int(chunk), float(score)) for chunk, score in found]


def match(term: Term) -> str:
    """Return the query for a term: words in quotation marks, so that none is an operator."""
    quoted = [f'"{form}"' for form in term]
    return quoted[0] if len(quoted) == 1 else f"({' OR '.join(quoted)})"


def all_of(terms: Sequence[Term]) -> str:
    """Return the query for passages that hold every term."""
    return " AND ".join(map(match, terms))


def _any_of(terms: dict[Term, int]) -> str:
    """Return the query for any of the terms.

    Bm25 adds a term's score as often as the query names it.
    """
    return " OR ".join(match(term) for term, weight in terms.items() for _ in range(weight))


def idf(database: SqliteDatabase, words: Sequence[str], chunks: int) -> list[float]:
    """Return the inverse document frequency of each word.

    Robertson and Spärck Jones 1976.
    """
    query = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
    languages = languages_of(database)
    found = [
        database.rows(query, match(term_of(word, languages)), _COUNTED)[0][0] for word in words
    ]
    return [_idf(n, chunks) for n in found]


def _best_by_idf(
    database: SqliteDatabase, terms: dict[Term, int], among: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Return the ids of the chunks with the rarest of the terms, and with most of them.

    Of equals those added first.
    """
    last = database.rows("SELECT ifnull(max(id), 0) FROM chunks")[0][0]
    scores = np.zeros(last + 1, np.float32)
    for term, weight in terms.items():
        # One text of many numbers is read four times as fast as many rows of one number.
        (ids,) = database.rows(
            "SELECT ifnull(group_concat(rowid), '') FROM words WHERE words MATCH ?",
            match(term),
        )[0]
        chunks = np.fromstring(ids, np.int64, sep=",") if ids else np.empty(0, np.int64)
        scores[chunks] += weight * _idf(len(chunks), last)
    if among is not None:
        selected = np.zeros_like(scores)
        selected[among] = scores[among]
        scores = selected
    found = np.flatnonzero(scores)
    if len(found) > _SCORED:
        found = found[np.argsort(-scores[found], kind="stable")[:_SCORED]]
    return found


def _idf(holding: int, chunks: int) -> float:
    return log(1 + (max(chunks, holding) - holding + 0.5) / (holding + 0.5))
