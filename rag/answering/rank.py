"""Hits + Readings -> Evidence: each sentence with the chance that it answers, the best first. Pure.

Two logistic regressions over three signals do all of it; `tests/benchmarks/decision.py` fits them.
One orders the sentences, the other gives the chance that the best one answers.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag.text.rows import is_row
from rag.text.sentences import is_question, sentence_spans
from rag.text.tokens import FUNCTION_WORDS, content_of, stem, words_of
from rag.types import Evidence, Hit, Passage, Reading, Span, Vectors

Idf = Callable[[Sequence[str]], list[float]]  # of words: their inverse document frequency

SIGNALS = (
    "log_odds",  # of the sentence, by the reader
    "span_score",  # of the passage's best span against the null
    "words",  # the share of the question's content words in passage and context, weighed by idf
)
_FITTED = Path(__file__).parents[1] / "data" / "decision.json"
_LEAST = -20.0  # stands for the log-odds of what was not read
# Of few hits the first ranks may decide, where a search lets the many level them out.
_FUSION_OFFSET = 2
# A longer sentence is weighed in parts, cut at the mark nearest to its middle: half a page proves
# nothing exactly.
_LONG_WORDS = 45
_CUT_MARK = re.compile(r"[;:,—–](?=\s)")


class SignalWeights(NamedTuple):
    """What the regressions give each of SIGNALS, float32 [signals]."""

    order: Vectors
    answers: Vectors
    offset: float  # of `answers`


def passages_of(hits: Sequence[Hit]) -> list[Passage]:
    """Return the hits as the reader gets them: title, date and headings beside the sentences."""
    return [Passage(_context_of(hit), hit.chunk.text, _spans_read(hit)) for hit in hits]


def rank(
    question: str, hits: Sequence[Hit], readings: Sequence[Reading], idf: Idf
) -> tuple[Evidence, ...]:
    """Return the sentences of the hits, the best first, each with the chance that it answers."""
    places, signals = measure_signals(question, hits, readings, idf)
    if not places:
        return ()
    weights = fitted(any(reading.span for reading in readings))
    chances = 1 / (1 + np.exp(-(signals @ weights.answers + weights.offset)))
    evidence = [
        _evidence(hit, start, end, float(chance), reading)
        for (hit, reading, start, end), chance in zip(places, chances, strict=True)
    ]
    return tuple(evidence[i] for i in np.argsort(-(signals @ weights.order), kind="stable"))


def measure_signals(
    question: str, hits: Sequence[Hit], readings: Sequence[Reading], idf: Idf
) -> tuple[list[tuple[Hit, Reading, int, int]], Vectors]:
    """Return the sentences as (hit, reading, start, end in its chunk), and their signals.

    The signals are float32 [sentences, len(SIGNALS)].
    """
    weight = _weights_of_words(question, idf)
    places: list[tuple[Hit, Reading, int, int]] = []
    rows: list[tuple[float, ...]] = []
    for hit, reading in zip(hits, readings, strict=True):
        share = _weighted_share(weight, content_of(hit.chunk.text) | content_of(_context_of(hit)))
        for (start, end), log_odds in zip(_spans_read(hit), reading.sentences, strict=True):
            if is_question(hit.chunk.text[start:end]):
                continue  # a question is not its own answer
            places.append((hit, reading, start, end))
            rows.append((max(log_odds, _LEAST), max(reading.span_score, _LEAST), share))
    return places, np.array(rows, np.float32).reshape(-1, len(SIGNALS))


def coverage(question: str, hits: Sequence[Hit], idf: Idf) -> float:
    """Return the largest share of the question's words that a hit holds, weighed by idf."""
    weight = _weights_of_words(question, idf)
    held = (content_of(hit.chunk.text) | content_of(_context_of(hit)) for hit in hits)
    return max((_weighted_share(weight, words) for words in held), default=0.0)


def reorder(hits: Sequence[Hit], evidence: Sequence[Evidence]) -> tuple[Hit, ...]:
    """Return the hits by their own rank and that of their best sentence, fused by reciprocal ranks.

    After Cormack et al. 2009.
    """
    best = {hit: n for n, hit in enumerate(dict.fromkeys(sentence.hit for sentence in evidence))}
    scores = [
        1 / (_FUSION_OFFSET + n) + (1 / (_FUSION_OFFSET + best[hit]) if hit in best else 0.0)
        for n, hit in enumerate(hits)
    ]
    ranked = sorted(zip(scores, hits, strict=True), key=lambda scored: -scored[0])
    return tuple(hit for _, hit in ranked)


def sentences_of(hit: Hit) -> tuple[Evidence, ...]:
    """Return the sentences of a hit in their order, with the hit's own score."""
    start, text = hit.chunk.start, hit.chunk.text
    return tuple(
        Evidence(hit, start + a, start + b, text[a:b], hit.score) for a, b in _spans_read(hit)
    )


@cache
def fitted(with_spans: bool) -> SignalWeights:
    """Return the fitted weights for a reader that points at spans, or for one that does not."""
    values = json.loads(_FITTED.read_text(encoding="utf-8"))
    values = values["with_spans" if with_spans else "without_spans"]
    order, answers = (
        np.array([values[name].get(signal, 0.0) for signal in SIGNALS], np.float32)
        for name in ("order", "answers")
    )
    return SignalWeights(order, answers, values["offset"])


def _evidence(hit: Hit, start: int, end: int, chance: float, reading: Reading) -> Evidence:
    offset, span = hit.chunk.start, reading.span
    holds = span is not None and start <= span[0] and span[1] <= end
    focus = Span(offset + span[0], offset + span[1]) if span and holds else None
    text = hit.chunk.text[start:end]
    return Evidence(hit, offset + start, offset + end, text, chance, focus)


def _context_of(hit: Hit) -> str:
    """Return what is read beside a chunk; the date is added where it is not there already."""
    year = hit.date[:4]
    dated = f"{hit.chunk.context}. {year}" if year else hit.chunk.context
    return hit.chunk.context if year in hit.chunk.context else dated


def _weights_of_words(question: str, idf: Idf) -> dict[str, float]:
    wanted = sorted({word.lower() for word in words_of(question)} - FUNCTION_WORDS)
    return {stem(word): value for word, value in zip(wanted, idf(wanted), strict=True)}


def _weighted_share(weight: dict[str, float], held: frozenset[str]) -> float:
    total = sum(weight.values())
    return sum(value for word, value in weight.items() if word in held) / total if total else 0.0


def _spans_read(hit: Hit) -> list[tuple[int, int]]:
    text = hit.chunk.text
    return [part for start, end in sentence_spans(text) for part in _cut(text, start, end)]


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    if len(text[start:end].split()) <= _LONG_WORDS or is_row(text[start:end]):
        return [(start, end)]
    middle = (start + end) / 2
    cuts = [mark.end() for mark in _CUT_MARK.finditer(text, start, end)]
    cut = min(cuts, key=lambda c: abs(c - middle), default=end)
    # A cut near either end would leave a crumb.
    if abs(cut - middle) > (end - start) / 4:
        return [(start, end)]
    rest = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
    return [*_cut(text, start, cut), *_cut(text, rest, end)]
