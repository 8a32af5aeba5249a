"""An evaluation set -> predictions -> figures. docs/evaluation.md says what each figure means."""

import re
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from statistics import median_high
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.config import Settings
from rag.errors import DocumentError, UsageError
from rag.evaluation.dataset import EvaluationSet, Question, even
from rag.pipeline import Pipeline
from rag.protocols import ModelSet
from rag.reading.documents import read_document
from rag.types import Answer, Citation, Hit

DEPTHS = (1, 3, 5, 10)  # hits among which a gold text is looked for
RANKED = 10  # hits that MRR and nDCG look at
FIGURES = (
    *(f"recall@{k}" for k in DEPTHS),
    f"mrr@{RANKED}",
    f"ndcg@{RANKED}",
    "correct",
    "f1",
    "cited",
    "citation_precision",
    "citation_recall",
    "quotes_verbatim",
    "wrongly_abstained",
    "rightly_abstained",
)

_RESAMPLES = 2000  # more move the bounds of a 95 % interval in the third decimal only
_SHORT_ANSWER, _MAX_WORDS, _LONG_ANSWER_SHARE = 8, 60, 0.6
# A gold text longer than this is a whole passage: a hit need not hold all of it, only be a piece of
# it that says something.
_PASSAGE, _PIECE = 400, 120
_TITLE_WITHIN = 300  # characters: above a report's title stand its series and its date, not more

_MARKERS = re.compile(r"\[\d+(?:\s*[,–-]\s*\d+)*\]")
_NO_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "“”‘’–—", " "))
_ARTICLES = frozenset(("a", "an", "the"))


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the product did with a question; `answer` is None where only passages were asked for."""

    question: Question
    hits: tuple[Hit, ...]
    retrieve: float  # seconds
    answer: Answer | None


class Figure(NamedTuple):
    """A mean over questions with its 95 % interval."""

    value: float
    low: float
    high: float
    questions: int


class Percentiles(NamedTuple):
    """Of seconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run over a set."""

    set: str
    questions: int
    answerable: int
    unanswerable: int
    figures: Mapping[
        str, Figure
    ]  # those of FIGURES that have questions, and rightly_abstained:TYPE
    answer_words_median: int | None  # None where nothing was answered
    seconds: Mapping[str, Percentiles]  # retrieve; of answers also first and total


Progress = Callable[[str, int, int], None]  # what is done, how many of them, of how many


# --- A set -> predictions -----------------------------------------------------------------------------------------


@contextmanager
def library_of(
    evaluation: EvaluationSet, settings: Settings, models: ModelSet, progress: Progress
) -> Iterator[Pipeline]:
    """A pipeline over a library of the set's documents, which is thrown away at the end.

    Raises UsageError where a document cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="rag-eval-") as name:
        files = list(_write_reports(evaluation.documents, Path(name)))
        own = replace(settings, indexes=Path(name) / "indexes", library="set")
        with Pipeline(own, models) as pipeline:
            for done, file in enumerate(
                files, 1
            ):  # each by itself: `add` would skip a second one of the same words
                try:
                    pipeline.add_document(read_document(file), file)
                except DocumentError as error:
                    raise UsageError(
                        f"A document of the set {evaluation.name!r} cannot be used: {error}"
                    ) from error
                progress("documents", done, len(files))
            yield pipeline


def run(
    evaluation: EvaluationSet,
    settings: Settings,
    models: ModelSet,
    retrieval_only: bool,
    progress: Progress,
) -> Generator[Prediction]:
    """What the product makes of each question, as it comes.

    Raises UsageError where a document or a question cannot be used.
    """
    with library_of(evaluation, settings, models, progress) as pipeline:
        _predict(
            pipeline, evaluation.questions[0], retrieval_only
        )  # loading the models is no question's time
        for done, question in enumerate(evaluation.questions, 1):
            yield _predict(pipeline, question, retrieval_only)
            progress("questions", done, len(evaluation.questions))


def _write_reports(documents: Mapping[str, tuple[str, str]], folder: Path) -> Iterator[Path]:
    reports = folder / "reports"
    reports.mkdir()
    for name, (title, text) in documents.items():
        path = reports / f"{name}.txt"
        try:
            path.write_text(as_report(title, text), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"The document {name!r} cannot be written as a file ({error.strerror}); shorten its doc_id."
            ) from error
        yield path


def as_report(title: str, text: str) -> str:
    """The text under its title, which is not repeated where it stands on one of the first lines
    already.
    """
    opening = {even(line) for line in text[:_TITLE_WITHIN].splitlines()}
    return text if even(title) in opening else f"{title}\n\n{text}"


def _predict(pipeline: Pipeline, question: Question, retrieval_only: bool) -> Prediction:
    if retrieval_only:
        started = time.monotonic()
        hits = pipeline.passages(question.text, history=question.history)
        return Prediction(question, hits, time.monotonic() - started, None)
    answer = pipeline.ask(question.text, question.history)
    return Prediction(question, answer.hits, answer.seconds.retrieve, answer)


# --- Predictions -> figures ---------------------------------------------------------------------------------------


def report(evaluation: EvaluationSet, predictions: Sequence[Prediction]) -> Report:
    """The figures of the predictions for the questions of a set."""
    texts = {name: even(f"{title} {text}") for name, (title, text) in evaluation.documents.items()}
    values: dict[str, list[float]] = {name: [] for name in FIGURES}
    for prediction in predictions:
        for name, value in measure(prediction, texts).items():
            values.setdefault(name, []).append(value)
    answers = [p.answer for p in predictions if p.answer]
    words = [len(_words(answer.answer)) for answer in answers if not answer.abstained]
    seconds = {
        "retrieve": [p.retrieve for p in predictions],
        "first": [
            answer.seconds.first_token
            for answer in answers
            if answer.seconds.first_token is not None
        ],
        "total": [answer.seconds.total for answer in answers],
    }
    answerable = sum(p.question.answerable for p in predictions)
    return Report(
        set=evaluation.name,
        questions=len(predictions),
        answerable=answerable,
        unanswerable=len(predictions) - answerable,
        figures={name: figure(numbers) for name, numbers in values.items() if numbers},
        answer_words_median=median_high(words) if words else None,
        seconds={name: percentiles(numbers) for name, numbers in seconds.items() if numbers},
    )


def measure(prediction: Prediction, texts: Mapping[str, str]) -> dict[str, float]:
    """What one question adds to the figures, by their names.

    Those it says nothing about are left out.

    `texts` are the documents of the set by their ids, with even white space.
    """
    question, answer = prediction.question, prediction.answer
    values = _of_hits(question, prediction.hits) if question.answerable else {}
    if answer is None:
        return values
    if question.answerable:
        values["wrongly_abstained"] = float(answer.abstained)
        if question.answers:
            values["correct"] = float(
                not answer.abstained and is_correct(answer.answer, question.answers)
            )
            values["f1"] = (
                0.0
                if answer.abstained
                else max(f1(answer.answer, gold) for gold in question.answers)
            )
    else:
        values["rightly_abstained"] = values[f"rightly_abstained:{question.type}"] = float(
            answer.abstained
        )
    if answer.abstained:
        return values

    cited = answer.citations
    verbatim = [c for c in cited if even(c.quote) and even(c.quote) in texts.get(c.document, "")]
    if cited:
        values["quotes_verbatim"] = len(verbatim) / len(cited)
    if question.answerable:
        values["cited"] = float(bool(verbatim))
        if question.gold_texts or question.gold_documents:
            good = [c for c in verbatim if _supports(c, question)]
            values["citation_precision"] = len(good) / len(cited) if cited else 0.0
            values["citation_recall"] = float(bool(good))
    return values


def _of_hits(question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    golds = question.gold_texts or question.gold_documents
    if not golds:
        return {}
    # The rank of the first hit that brings each gold text, or, where none is named, each gold
    # document.
    ranks = [
        next((rank for rank, hit in enumerate(hits, 1) if _brings(hit, gold, question)), None)
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
    """Of nDCG (Järvelin & Kekäläinen 2002)."""
    return 1 / log2(rank + 1)


def _brings(hit: Hit, gold: str, question: Question) -> bool:
    if not question.gold_texts:
        return hit.chunk.document == gold
    text = even(hit.chunk.text)
    piece = (
        len(gold) > _PASSAGE
        and len(text) >= _PIECE
        and text in gold
        and hit.chunk.document in question.gold_documents
    )
    return gold in text or piece


def is_correct(answer: str, golds: Iterable[str]) -> bool:
    """Whether an answer says what one of the gold answers says.

    Of a gold answer up to eight words all of them stand together in an answer of at most sixty; of
    a longer one sixty percent of the words stand anywhere.
    """
    said = _words(answer)
    return any(
        len(said) <= _MAX_WORDS and stands_in(gold, answer)
        if len(gold.split()) <= _SHORT_ANSWER
        else _shared(said, _words(gold)) / max(1, len(_words(gold))) >= _LONG_ANSWER_SHARE
        for gold in golds
    )


def _supports(citation: Citation, question: Question) -> bool:
    if not question.gold_texts:
        return citation.document in question.gold_documents
    quote = even(citation.quote)
    touches = any(
        quote in gold or gold in quote or f1(quote, gold) > 0.5 for gold in question.gold_texts
    )
    tells = citation.document in question.gold_documents and any(
        stands_in(answer, quote) for answer in question.answers
    )
    return touches or tells


def f1(one: str, other: str) -> float:
    """The harmonic mean of precision and recall over the words, as in SQuAD (Rajpurkar et al.
    2016).
    """
    first, second = _words(one), _words(other)
    if not first or not second:
        return float(first == second)
    return 2 * _shared(first, second) / (len(first) + len(second))


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    return (Counter(one) & Counter(other)).total()


def stands_in(text: str, within: str) -> bool:
    """Whether the words of a text stand together in another."""
    return f" {' '.join(_words(text))} " in f" {' '.join(_words(within))} "


def _words(text: str) -> list[str]:
    """The words of a text as answers are compared.

    No markers, no case, no punctuation, no articles.
    """
    plain = _MARKERS.sub(" ", text.lower()).translate(_NO_PUNCTUATION)
    return [word for word in plain.split() if word not in _ARTICLES]


def figure(values: Sequence[float]) -> Figure:
    """The mean with its 95 % percentile interval over questions drawn again (Efron 1979).

    The same for the same values.
    """
    array: NDArray[np.float64] = np.array(values, np.float64)
    drawn = np.random.default_rng(0).integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.quantile(array[drawn].mean(axis=1), (0.025, 0.975))
    return Figure(float(array.mean()), float(low), float(high), len(array))


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """The median, and what nineteen of twenty do not exceed."""
    p50, p95 = np.quantile(seconds, (0.5, 0.95))
    return Percentiles(float(p50), float(p95))
