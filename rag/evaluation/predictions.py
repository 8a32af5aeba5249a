"""Predictions: what the product does with the questions of an evaluation set."""

import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from rag.config import Settings
from rag.errors import DocumentError, UsageError
from rag.evaluation.dataset import EvaluationSet, Question, collapse_spaces
from rag.library.places import libraries_of, removed_at_end
from rag.pipeline import Pipeline
from rag.protocols import ModelSet
from rag.reading.process.worker import read_apart
from rag.types import Answer, Hit

_TITLE_WITHIN = 300  # characters: above a report's title stand its series and its date, not more

OnProgress = Callable[[str, int, int], None]  # what is counted, how many are done, of how many


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the product did with a question; `answer` is None where only passages were asked for."""

    question: Question
    hits: tuple[Hit, ...]
    retrieve: float  # seconds
    answer: Answer | None


@contextmanager
def library_of(
    evaluation: EvaluationSet, settings: Settings, models: ModelSet, progress: OnProgress
) -> Iterator[Pipeline]:
    """Yield a pipeline over a temporary library of the set's documents.

    The library is removed at the end. Raises UsageError if a document cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="rag-eval-") as name:
        files = list(_write_reports(evaluation.documents, Path(name)))
        # On a team's server it must not be one that is there.
        own = replace(settings, indexes=Path(name) / "indexes", library=f"set-{uuid4().hex}")
        libraries = libraries_of(own)
        with removed_at_end(libraries, own.library), Pipeline(own, models, libraries) as pipeline:
            # Each by itself: `add` would skip a second one of the same words.
            for done, file in enumerate(files, 1):
                try:
                    pipeline.add_document(read_apart(file), file)
                except DocumentError as error:
                    raise UsageError(
                        f"A document of the set {evaluation.name!r} cannot be used: {error}"
                    ) from error
                progress("documents", done, len(files))
            yield pipeline


def predict(
    evaluation: EvaluationSet,
    settings: Settings,
    models: ModelSet,
    retrieval_only: bool,
    progress: OnProgress,
) -> Generator[Prediction]:
    """Yield a prediction for each question, as soon as it is made.

    Raises UsageError if a document or a question cannot be used.
    """
    with library_of(evaluation, settings, models, progress) as pipeline:
        # The time to load the models belongs to no question.
        _predict_one(pipeline, evaluation.questions[0], retrieval_only)
        for done, question in enumerate(evaluation.questions, 1):
            yield _predict_one(pipeline, question, retrieval_only)
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
                f"The document {name!r} cannot be written as a file ({error.strerror}); "
                "shorten its doc_id."
            ) from error
        yield path


def as_report(title: str, text: str) -> str:
    """Return the text under its title, unless one of its first lines is the title."""
    opening = {collapse_spaces(line) for line in text[:_TITLE_WITHIN].splitlines()}
    return text if collapse_spaces(title) in opening else f"{title}\n\n{text}"


def _predict_one(pipeline: Pipeline, question: Question, retrieval_only: bool) -> Prediction:
    if retrieval_only:
        started = time.monotonic()
        hits = pipeline.passages(question.text, history=question.history)
        return Prediction(question, hits, time.monotonic() - started, None)
    answer = pipeline.ask(question.text, question.history)
    return Prediction(question, answer.hits, answer.seconds.retrieve, answer)
