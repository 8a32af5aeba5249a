"""Questions of every shape, and how well their answers fit. docs/evaluation.md has the format.

A question's shape says what its answer must be: a fact, a verdict, a list, a comparison, an
overview, or something about a document itself. What each figure means stands at its function.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median_high
from typing import Any, get_args

from rag.errors import UsageError
from rag.evaluation.dataset import collapse_spaces
from rag.evaluation.metrics import is_direct, is_doubled, is_fragment, stands_in, without_markers
from rag.types import Answer, Citation, Document, Sentence, Shape

SHAPE_NAMES: tuple[Shape, ...] = get_args(Shape)
PARTS = ("tune", "held")
QUESTIONS_FILE, DOCUMENTS_FOLDER = "questions.jsonl", "documents"

_MOST_OVERVIEW_WORDS = 180
_MOST_OVERVIEW_SENTENCES = 8  # so an overview is not asked to touch more sections than these
_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_REQUIRED = ("id", "shape", "question", "gold", "wrong", "support", "part", "abstain")
_OPTIONAL = ("scope", "verdict", "sides", "direction", "sections")


@dataclass(frozen=True, slots=True)
class Support:
    """The exact words of a document that prove an answer, white space made even."""

    document: str
    text: str


@dataclass(frozen=True, slots=True)
class ShapeQuestion:
    """A question, its shape, and what its answer must hold."""

    id: str
    shape: Shape
    text: str
    gold: tuple[tuple[str, ...], ...]  # all are wanted; of each any wording will do
    wrong: tuple[str, ...]  # what must not stand in the answer
    supports: tuple[Support, ...]  # none where only the library's own record proves the answer
    part: str  # one of PARTS
    unanswerable: bool
    scope: str = ""  # the document that the question is about, "" for none
    verdict: tuple[str, ...] = ()  # of a yes/no question: accepted ones of "Yes", "No", ""
    sides: tuple[tuple[str, ...], ...] = ()  # of a comparison: documents that may prove each gold
    direction: tuple[str, ...] = ()  # of a comparison: words, one of which states the difference
    sections: tuple[str, ...] = ()  # of an overview: the headings it should touch


def read_shape_questions(folder: Path) -> tuple[ShapeQuestion, ...]:
    """Return the questions of a folder, in their order.

    Raises UsageError if the file cannot be read, a line is not a question, an id is there twice,
    or a question names a document that the folder does not have.
    """
    path = folder / QUESTIONS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        documents = {file.stem for file in (folder / DOCUMENTS_FOLDER).iterdir()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{folder} holds no set of questions by shape ({error}); expected the file "
            f"{QUESTIONS_FILE} and the folder {DOCUMENTS_FOLDER}."
        ) from error
    questions: dict[str, ShapeQuestion] = {}
    for number, line in enumerate(lines, 1):
        question = _parse(line)
        fault = "is not a question" if question is None else ""
        if question:
            named = {question.scope, *(support.document for support in question.supports)} - {""}
            named |= {document for side in question.sides for document in side}
            if question.id in questions:
                fault = f"has the id {question.id!r}, which is there twice"
            elif missing := sorted(named - documents):
                fault = f"names the document {missing[0]!r}, which {DOCUMENTS_FOLDER} lacks"
        if question is None or fault:
            raise UsageError(
                f"Line {number} of {path} {fault}; correct it as docs/evaluation.md describes."
            )
        questions[question.id] = question
    return tuple(questions.values())


def _parse(line: str) -> ShapeQuestion | None:
    """Return the question on a line; None if there is none."""
    try:
        row: dict[str, Any] = json.loads(line)
        keys = set(row)
        if not keys.issuperset(_REQUIRED) or keys - {*_REQUIRED, *_OPTIONAL}:
            return None
        if row["shape"] not in SHAPE_NAMES or row["part"] not in PARTS:
            return None
        return ShapeQuestion(
            id=row["id"],
            shape=row["shape"],
            text=row["question"],
            gold=_tuples_of_texts(row["gold"]),
            wrong=tuple(row["wrong"]),
            supports=tuple(
                Support(support["document"], collapse_spaces(support["text"]))
                for support in row["support"]
            ),
            part=row["part"],
            unanswerable=row["abstain"],
            scope=row.get("scope", ""),
            verdict=tuple(row.get("verdict", ())),
            sides=_tuples_of_texts(row.get("sides", ())),
            direction=tuple(row.get("direction", ())),
            sections=tuple(row.get("sections", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _tuples_of_texts(lists: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(texts) for texts in lists)


# --- One answer -----------------------------------------------------------------------------------


def measure_shape(
    question: ShapeQuestion, answer: Answer, documents: Mapping[str, Document]
) -> dict[str, float]:
    """Return what one answer adds to each figure, by the figure's name.

    `documents` are those of the set by name. Figures that the question does not count for are left
    out; a declined answer counts as wrong in all but those of its wording.
    """
    values = _of_its_wording(answer)
    if question.unanswerable:
        return values | {"rightly_declined": float(answer.abstained)}
    values["wrongly_declined"] = float(answer.abstained)
    values["recognised"] = float(answer.shape == question.shape)
    return values | _of_its_shape(question, answer, documents)


def _of_its_wording(answer: Answer) -> dict[str, float]:
    if answer.abstained:
        return {}
    text = without_markers(answer.answer)
    return {"doubled": float(is_doubled(text)), "fragment": float(is_fragment(text))}


def _of_its_shape(
    question: ShapeQuestion, answer: Answer, documents: Mapping[str, Document]
) -> dict[str, float]:
    match question.shape:
        case "list":
            recall, precision = list_recall(question, answer), list_precision(question, answer)
            return {"recall": recall} | ({} if answer.abstained else {"precision": precision})
        case "comparison":
            values = {"right": float(is_compared(question, answer))}
            direction = {"direction": float(states_direction(question, answer))}
            return values | (direction if question.direction else {})
        case "overview":
            values = {"sections": share_of_sections(question, answer, documents)}
            if answer.abstained:
                return values
            words = len(without_markers(answer.answer).split())
            return values | {
                "all_cited": float(all(sentence.markers for sentence in answer.sentences)),
                "brief": float(words <= _MOST_OVERVIEW_WORDS),
            }
        case _:
            values = {"right": float(is_right(question, answer))}
            values["direct"] = float(is_direct(answer, [w for gold in question.gold for w in gold]))
            if question.supports and not answer.abstained:
                values["proved"] = float(is_proved(question, answer))
            return values


def is_right(question: ShapeQuestion, answer: Answer) -> bool:
    """Return whether a fact, a verdict or an answer about a document is right.

    All that is wanted stands in the answer, nothing wrong does, and of a yes/no question the
    verdict is an accepted one.
    """
    if answer.abstained or _says_wrong(question, answer):
        return False
    verdict_fits = question.shape != "yes_no" or stated_verdict(answer.answer) in question.verdict
    return verdict_fits and all(_says_any(gold, answer.answer) for gold in question.gold)


def stated_verdict(answer: str) -> str:
    """Return "Yes" or "No" where an answer begins with it, else ""."""
    found = _VERDICT.match(answer)
    return found[1].capitalize() if found else ""


def is_proved(question: ShapeQuestion, answer: Answer) -> bool:
    """Return whether a citation shares its words with a support: one of them holds the other."""
    return any(
        _meets(citation, support) for citation in answer.citations for support in question.supports
    )


def list_recall(question: ShapeQuestion, answer: Answer) -> float:
    """Return the share of the wanted items that stand in a cited sentence of the answer."""
    cited = _cited_sentences(answer)
    found = [any(_says_any(gold, sentence.text) for sentence in cited) for gold in question.gold]
    return mean(found)


def list_precision(question: ShapeQuestion, answer: Answer) -> float:
    """Return the share of the cited sentences that hold a wanted item and nothing wrong."""
    cited = _cited_sentences(answer)
    good = [
        any(_says_any(gold, sentence.text) for gold in question.gold)
        and not _says_any(question.wrong, sentence.text)
        for sentence in cited
    ]
    return mean(good) if good else 0.0


def is_compared(question: ShapeQuestion, answer: Answer) -> bool:
    """Return whether both sides are stated, each in a sentence that cites a document of its side.

    An answer of another shape compares nothing: a fact with what another report says against it
    may hold both figures, too.
    """
    fits = answer.shape == "comparison" and not _says_wrong(question, answer)
    return fits and all(
        any(
            _says_any(gold, sentence.text)
            and any(c.document in side for c in answer.citations if c.marker in sentence.markers)
            for sentence in answer.sentences
        )
        for gold, side in zip(question.gold, question.sides, strict=True)
    )


def states_direction(question: ShapeQuestion, answer: Answer) -> bool:
    """Return whether the answer states which side is more, or how a value changed."""
    return _says_any(question.direction, answer.answer)


def share_of_sections(
    question: ShapeQuestion, answer: Answer, documents: Mapping[str, Document]
) -> float:
    """Return the share of the sections that a citation stands in, of at most eight of them.

    A citation in a section touches those above it, too.
    """
    document = documents[question.scope]
    touched = {
        heading
        for citation in answer.citations
        if citation.document == question.scope
        for section in document.sections
        if section.start <= citation.start < section.end
        for heading in section.path
    }
    wanted = min(len(question.sections), _MOST_OVERVIEW_SENTENCES)
    return min(1.0, len(touched & set(question.sections)) / wanted)


def _cited_sentences(answer: Answer) -> list[Sentence]:
    return [sentence for sentence in answer.sentences if sentence.markers]


def _says_any(wordings: Sequence[str], text: str) -> bool:
    return any(stands_in(wording, text) for wording in wordings)


def _says_wrong(question: ShapeQuestion, answer: Answer) -> bool:
    return _says_any(question.wrong, answer.answer)


def _meets(citation: Citation, support: Support) -> bool:
    quote = collapse_spaces(citation.quote)
    same = citation.document == support.document and bool(quote)
    return same and (quote in support.text or support.text in quote)


# --- All answers ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShapeReport:
    """The means of the figures of one shape, and how many words its answers have."""

    shape: Shape
    questions: int  # answerable ones
    figures: Mapping[str, float]
    words: int | None  # the median of all answers given, None where none was


def report_shapes(
    asked: Sequence[tuple[ShapeQuestion, Answer]], documents: Mapping[str, Document]
) -> list[ShapeReport]:
    """Return the figures of each shape that was asked for, in the order of SHAPES."""
    reports = []
    for shape in SHAPE_NAMES:
        values: dict[str, list[float]] = {}
        lengths, answerable = [], 0
        for question, answer in asked:
            if question.shape != shape:
                continue
            answerable += not question.unanswerable
            for name, value in measure_shape(question, answer, documents).items():
                values.setdefault(name, []).append(value)
            if not answer.abstained:
                lengths.append(len(without_markers(answer.answer).split()))
        if values:
            means = {name: mean(numbers) for name, numbers in values.items()}
            words = median_high(lengths) if lengths else None
            reports.append(ShapeReport(shape, answerable, means, words))
    return reports
