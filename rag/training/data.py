"""Read training data, and find passages that compete for a question as the product's search does.

Nothing at run time imports this module. A folder of data holds `*.jsonl.xz` files, one JSON object
a line: id, question, context, title, group, answers, answerable, type, support or support_all (the
sentences of context that hold the answer), and where an answer needs several paragraphs, passages:
title, text and gold of each.
"""

import json
import lzma
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.models.embedder import make_embedder
from rag.search import fuse

JsonLine = dict[str, Any]

# Whether another passage of the article answers these is not visible in the answer's words.
REWORDED = frozenset({"yesno", "why", "abstractive", "sentence", "multi_span"})
_SAME_GROUP = 0.6  # of the rivals come from the same article where there is one
_FREQUENT = 0.3  # words in more than this share of the passages find nothing

WORD = re.compile(r"[^\W_]+")


def read_rows(path: Path) -> list[JsonLine]:
    """Return the rows of one file, in its order."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return WORD.findall(text.lower())


def supports(row: JsonLine) -> list[str]:
    """Return the sentences that hold the answer; none if none does or none is marked."""
    return [support for support in row.get("support_all") or [row.get("support")] if support]


def answered_in(row: JsonLine, text: str) -> bool:
    """Return whether a text holds an answer of the row word for word, or one of its supports."""
    within = f" {' '.join(words(text))} "
    answered = any(f" {' '.join(words(answer))} " in within for answer in row["answers"])
    return answered or any(support[:60] in text for support in supports(row))


def rivals_of(
    row: JsonLine, nearest: Sequence[JsonLine], most: int, rng: random.Random
) -> Iterator[JsonLine]:
    """Yield at most `most` of the nearest passages that hold neither an answer nor the support."""
    found = 0
    for passage in nearest:
        same = passage["group"] == row["group"]
        own = passage["context"] == row["context"]
        if own or answered_in(row, passage["context"]) or (same and row["type"] in REWORDED):
            continue
        if same == (rng.random() < _SAME_GROUP) or rng.random() > 0.7:
            found += 1
            yield passage
        if found == most:
            return


class Passages:
    """The passages of a file, to be found by meaning and by words."""

    def __init__(self, rows: Sequence[JsonLine]) -> None:
        self.rows = {row["context"]: row for row in rows}  # one of those that ask about it
        self._texts = list(self.rows)
        self._by_words = _WordIndex(self._texts)
        self._embedder = make_embedder("")
        self._vectors = self._embedder.encode(
            [f"{self.rows[text]['title'] or ''}\n{text}" for text in self._texts]
        )

    def nearest(self, questions: Sequence[str], k: int = 30) -> list[list[JsonLine]]:
        """Return for each question the passages among the first `k` of either ranking, best first.

        Each passage is one of the rows that ask about it.
        """
        return [
            [
                self.rows[self._texts[found.chunk]]
                for found in fuse(
                    [int(n) for n in np.argsort(-(self._vectors @ vector))[:k]],
                    self._by_words.nearest(question, k),
                )
            ]
            for question, vector in zip(
                questions, self._embedder.encode(list(questions)), strict=True
            )
        ]


class _WordIndex:
    """BM25 (Robertson & Zaragoza 2009) over the passages of a file."""

    def __init__(self, texts: list[str]) -> None:
        self._total = len(texts)
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._lengths = []
        for number, text in enumerate(texts):
            counts = Counter(words(text))
            self._lengths.append(max(1, counts.total()))
            for word, count in counts.items():
                self._postings[word].append((number, count))
        self._mean_length = sum(self._lengths) / max(1, len(texts))

    def nearest(self, question: str, k: int) -> list[int]:
        scores: defaultdict[int, float] = defaultdict(float)
        total = self._total
        for word in sorted(set(words(question))):
            found = self._postings.get(word, [])
            if len(found) > _FREQUENT * total:
                continue
            weight = math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
            for number, count in found:
                length = 0.25 + 0.75 * self._lengths[number] / self._mean_length
                scores[number] += weight * count * 2.2 / (count + 1.2 * length)
        return sorted(scores, key=lambda n: (-scores[n], n))[:k]
