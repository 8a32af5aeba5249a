"""Question -> Hits: the ranks of both look-ups, fused."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.library import Library
from rag.types import FoundBy, Hit

# Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): their constant, which keeps one first rank from deciding alone.
_RANK_OFFSET = 60
# What a rank by words counts beside one by meaning.
_LEXICAL_WEIGHT = 1.0


class Fused(NamedTuple):
    """A chunk with the score of its ranks."""

    chunk: int
    score: float
    found_by: FoundBy


def search(library: Library, question: str, vector: NDArray[np.float32], k: int = 10, depth: int = 50) -> tuple[Hit, ...]:
    """The best `k` hits, best first, of the `depth` nearest chunks by meaning and by words; no two of the same text.

    `vector` is the question's unit vector [dimension]. Raises LibraryError where the library cannot be read.
    """
    depth = max(depth, k)
    dense = [chunk for chunk, _ in library.dense(vector, depth)]
    lexical = [chunk for chunk, _ in library.lexical(question, depth)]
    fused = fuse(dense, lexical)
    chunks = library.chunks([found.chunk for found in fused])
    hits: dict[str, Hit] = {}
    for found in fused:
        if found.chunk in chunks:
            chunk, title = chunks[found.chunk]
            hits.setdefault(chunk.text, Hit(chunk, title, found.score, found.found_by))
    return tuple(hits.values())[:k]


def fuse(dense: Sequence[int], lexical: Sequence[int]) -> list[Fused]:
    """Every chunk of two rankings once, by the sum of its weighted reciprocal ranks, best first; of equals the denser first."""
    scores: dict[int, float] = {}
    for ranking, weight in ((dense, 1.0), (lexical, _LEXICAL_WEIGHT)):
        for rank, chunk in enumerate(ranking, start=1):
            scores[chunk] = scores.get(chunk, 0.0) + weight / (_RANK_OFFSET + rank)
    by_meaning, by_words = set(dense), set(lexical)

    def found_by(chunk: int) -> FoundBy:
        if chunk in by_meaning and chunk in by_words:
            return "both"
        return "dense" if chunk in by_meaning else "lexical"

    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return [Fused(chunk, score, found_by(chunk)) for chunk, score in ranked]
