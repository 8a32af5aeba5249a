"""Figures of predictions. docs/evaluation.md says what each one means."""

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from statistics import median_high
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.dataset import EvaluationSet, Question, collapse_spaces
from rag.evaluation.predictions import Prediction
from rag.types import Answer, Citation, Hit

DEPTHS = (1, 3, 5, 10)  # hits among which a gold text is looked for
RANKED = 10  # hits that MRR and nDCG look at
FIGURES = (
    *(f"recall@{k}" for k in DEPTHS),
    f"mrr@{RANKED}",
    f"ndcg@{RANKED}",
    "correct",
    "f1",
    "direct",
    "short_correct",
    "cited",
    "citation_precision",
    "citation_recall",
    "quotes_verbatim",
    "wrongly_abstained",
    "rightly_abstained",
    "doubled",
    "fragment",
)

_RESAMPLES = 2000  # more move the bounds of a 95 % interval in the third decimal only
_SHORT_GOLD, _MAX_WORDS, _LONG_GOLD_SHARE = 8, 60, 0.6
_DIRECT_ANSWER_WORDS = 25  # of an answer, in which a direct one holds the gold answer
_SHORT_ANSWER_WORDS = 12  # of a short answer, at most
_REPEATED_WORDS = 8  # of a run that stands twice in a doubled answer
_FEWEST_SENTENCE_WORDS = 4  # of a first sentence that is none of the fragments
# A gold text longer than this is a whole passage: a hit need not hold all of it, only be a piece of
# it that says something.
_PASSAGE, _PIECE = 400, 120

_MARKERS = re.compile(r"\[\d+(?:\s*[,–-]\s*\d+)*\]")
_MARKER = re.compile(r"\[\d+\]")
_NO_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "“”‘’–—", " "))
_ARTICLES = frozenset(("a", "an", "the"))
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”’]?\s")
_COMPLETE = re.compile(r"[.!?][\"”’)]*$")
_LEAD_IN = re.compile(r"(?:[:,…]|\b(?:stating|with|that|by|of))[.\"”]*$")


class Figure(NamedTuple):
    """A mean over questions with its 95 % interval."""

    value: float
    low: float
    high: float
    questions: int


class Percentiles(NamedTuple):
    """The median and the 95th percentile of durations, in seconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run over a set."""

    set: str
    questions: int
    answerable: int
    unanswerable: int
    # those of FIGURES that some question counts for, and rightly_abstained:TYPE
    figures: Mapping[str, Figure]
    answer_words_median: int | None  # without articles; None where nothing was answered
    shown_words_median: int | None  # of all words between spaces; the same
    seconds: Mapping[str, Percentiles]  # retrieve; of answers also first and total


def report(evaluation: EvaluationSet, predictions: Sequence[Prediction]) -> Report:
    """Return the figures of the predictions for the questions of a set."""
    texts = {
        name: collapse_spaces(f"{title} {text}")
        for name, (title, text) in evaluation.documents.items()
    }
    values: dict[str, list[float]] = {name: [] for name in FIGURES}
    for prediction in predictions:
        for name, value in figures_of(prediction, texts).items():
            values.setdefault(name, []).append(value)
    answers = [p.answer for p in predictions if p.answer]
    if not any(citation.focus for answer in answers for citation in answer.citations):
        values["short_correct"] = []  # nothing gives short answers, so none is wrong
    given = [answer.answer for answer in answers if not answer.abstained]
    answerable = sum(p.question.answerable for p in predictions)
    return Report(
        set=evaluation.name,
        questions=len(predictions),
        answerable=answerable,
        unanswerable=len(predictions) - answerable,
        figures={name: figure(numbers) for name, numbers in values.items() if numbers},
        answer_words_median=_median(len(_compared_words(text)) for text in given),
        shown_words_median=_median(len(without_markers(text).split()) for text in given),
        seconds=_seconds(predictions),
    )


def _median(numbers: Iterable[int]) -> int | None:
    counted = list(numbers)
    return median_high(counted) if counted else None


def _seconds(predictions: Sequence[Prediction]) -> dict[str, Percentiles]:
    spent = [p.answer.seconds for p in predictions if p.answer]
    seconds = {
        "retrieve": [p.retrieve for p in predictions],
        "first": [s.first_token for s in spent if s.first_token is not None],
        "total": [s.total for s in spent],
    }
    return {name: percentiles(numbers) for name, numbers in seconds.items() if numbers}


def figures_of(prediction: Prediction, texts: Mapping[str, str]) -> dict[str, float]:
    """Return what one question adds to each figure, by the figure's name.

    Figures that the question does not count for are left out. `texts` are the documents of the set
    by their ids, with single spaces.
    """
    question, answer = prediction.question, prediction.answer
    values = _retrieval(question, prediction.hits) if question.answerable else {}
    if answer is None:
        return values
    values |= _correctness(question, answer) if question.answerable else {}
    abstained = "wrongly_abstained" if question.answerable else "rightly_abstained"
    values[abstained] = float(answer.abstained)
    if not question.answerable:
        values[f"{abstained}:{question.type}"] = float(answer.abstained)
    if answer.abstained:
        return values
    text = without_markers(answer.answer)
    values |= {"doubled": float(is_doubled(text)), "fragment": float(is_fragment(text))}
    return values | _citations(question, answer, texts)


def _correctness(question: Question, answer: Answer) -> dict[str, float]:
    if not question.answers:
        return {}
    values = dict.fromkeys(("correct", "f1"), 0.0)
    if not answer.abstained:
        values["correct"] = float(is_correct(answer.answer, question.answers))
        values["f1"] = max(f1(answer.answer, gold) for gold in question.answers)
    golds = [gold for gold in question.answers if len(gold.split()) <= _SHORT_GOLD]
    if golds:
        values["direct"] = float(is_direct(answer, golds))
        short = "" if answer.abstained else cited_short_answer(answer)
        values["short_correct"] = float(
            0 < len(short.split()) <= _SHORT_ANSWER_WORDS
            and any(stands_in(gold, short) for gold in golds)
        )
    return values


def _citations(question: Question, answer: Answer, texts: Mapping[str, str]) -> dict[str, float]:
    cited = answer.citations
    verbatim = [
        citation
        for citation in cited
        if (quote := collapse_spaces(citation.quote)) and quote in texts.get(citation.document, "")
    ]
    values = {"quotes_verbatim": len(verbatim) / len(cited)} if cited else {}
    if question.answerable:
        values["cited"] = float(bool(verbatim))
        if question.gold_texts or question.gold_documents:
            good = [citation for citation in verbatim if _supports(citation, question)]
            values["citation_precision"] = len(good) / len(cited) if cited else 0.0
            values["citation_recall"] = float(bool(good))
    return values


def is_direct(answer: Answer, golds: Iterable[str]) -> bool:
    """Return whether the first 25 words of an answer hold a gold answer; declined ones do not."""
    begin = " ".join(without_markers(answer.answer).split()[:_DIRECT_ANSWER_WORDS])
    return not answer.abstained and any(stands_in(gold, begin) for gold in golds)


def cited_short_answer(answer: Answer) -> str:
    """Return the words of the first citation that has a focus, "" if none has one."""
    for c in answer.citations:
        if c.focus:
            return c.quote[c.focus.start - c.start : c.focus.end - c.start]
    return ""


def is_doubled(text: str) -> bool:
    """Return whether a run of eight words stands twice in a text."""
    words = _compared_words(text)
    runs = [
        tuple(words[start : start + _REPEATED_WORDS])
        for start in range(len(words) - _REPEATED_WORDS + 1)
    ]
    return len(set(runs)) < len(runs)


def is_fragment(text: str) -> bool:
    """Return whether the first sentence of a text is not a whole sentence.

    It has fewer than four words, no mark at its end, or ends in a lead-in, such as "with".
    """
    first = _SENTENCE_END.split(text, maxsplit=1)[0].strip()
    return (
        len(first.split()) < _FEWEST_SENTENCE_WORDS
        or not _COMPLETE.search(first)
        or bool(_LEAD_IN.search(first))
    )


def without_markers(text: str) -> str:
    """Return the text of an answer without its markers."""
    return _MARKER.sub("", text).strip()


def _retrieval(question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    golds = question.gold_texts or question.gold_documents
    if not golds:
        return {}
    # The rank of the first hit that holds each gold text, or each gold document where none has one.
    ranks = [
        next((rank for rank, hit in enumerate(hits, 1) if _holds(hit, gold, question)), None)
        for gold in golds
    ]
    needed = len(golds) if question.needs_all else 1
    found = sorted(rank for rank in ranks if rank is not None and rank <= RANKED)[:needed]
    ideal = sum(_discount(rank) for rank in range(1, needed + 1))
    return {
        **{f"recall@{k}": sum(rank <= k for rank in found) / needed for k in DEPTHS},
        f"mrr@{RANKED}": 1 / found[0] if found else 0.0,
        # Two gold texts in one hit could outdo the ideal of one a hit.
        f"ndcg@{RANKED}": min(1.0, sum(map(_discount, found)) / ideal),
    }


def _discount(rank: int) -> float:
    """Return the discount of a rank in nDCG (Järvelin & Kekäläinen 2002)."""
    return 1 / log2(rank + 1)


def _holds(hit: Hit, gold: str, question: Question) -> bool:
    if not question.gold_texts:
        return hit.chunk.document == gold
    text = collapse_spaces(hit.chunk.text)
    piece = (
        len(gold) > _PASSAGE
        and len(text) >= _PIECE
        and text in gold
        and hit.chunk.document in question.gold_documents
    )
    return gold in text or piece


def is_correct(answer: str, golds: Iterable[str]) -> bool:
    """Return whether an answer says what one of the gold answers says.

    Of a gold answer up to eight words all of them stand together in an answer of at most sixty; of
    a longer one sixty percent of the words stand anywhere.
    """
    said = _compared_words(answer)
    return any(
        len(said) <= _MAX_WORDS and stands_in(gold, answer)
        if len(gold.split()) <= _SHORT_GOLD
        else _shared(said, _compared_words(gold)) / max(1, len(_compared_words(gold)))
        >= _LONG_GOLD_SHARE
        for gold in golds
    )


def _supports(citation: Citation, question: Question) -> bool:
    if not question.gold_texts:
        return citation.document in question.gold_documents
    quote = collapse_spaces(citation.quote)
    touches = any(
        quote in gold or gold in quote or f1(quote, gold) > 0.5 for gold in question.gold_texts
    )
    answers = citation.document in question.gold_documents and any(
        stands_in(answer, quote) for answer in question.answers
    )
    return touches or answers


def f1(one: str, other: str) -> float:
    """Return the F1 of two texts over their words, as in SQuAD (Rajpurkar et al. 2016)."""
    first, second = _compared_words(one), _compared_words(other)
    if not first or not second:
        return float(first == second)
    return 2 * _shared(first, second) / (len(first) + len(second))


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    return (Counter(one) & Counter(other)).total()


def stands_in(text: str, within: str) -> bool:
    """Return whether the words of a text stand together in another."""
    return f" {' '.join(_compared_words(text))} " in f" {' '.join(_compared_words(within))} "


def _compared_words(text: str) -> list[str]:
    """Return the words of a text without markers, case, punctuation and articles."""
    plain = _MARKERS.sub(" ", text.lower()).translate(_NO_PUNCTUATION)
    return [word for word in plain.split() if word not in _ARTICLES]


def figure(values: Sequence[float]) -> Figure:
    """Return the mean with its 95 % percentile bootstrap interval (Efron 1979).

    The seed is fixed, so equal values have equal intervals.
    """
    array: NDArray[np.float64] = np.array(values, np.float64)
    drawn = np.random.default_rng(0).integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.quantile(array[drawn].mean(axis=1), (0.025, 0.975))
    return Figure(float(array.mean()), float(low), float(high), len(array))


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return the median and the 95th percentile."""
    p50, p95 = np.quantile(seconds, (0.5, 0.95))
    return Percentiles(float(p50), float(p95))
