"""Read evaluation sets, and make one of a library. docs/evaluation.md has the format."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import UsageError
from rag.files import written_whole
from rag.pipeline import Pipeline
from rag.text.query import unbound
from rag.text.sentences import sentence_spans
from rag.types import Document, Turn

CORPUS, QUESTIONS = "corpus.jsonl", "questions.jsonl"

# The keys of a line and the types of their values.
_DOCUMENT = {"doc_id": str, "title": str, "text": str}
_QUESTION = {
    "id": str,
    "question": str,
    "answers": list,
    "answerable": bool,
    "gold_doc_ids": list,
    "gold_passages": list,
    "gold_mode": str,
}
_MAY_HAVE = {"history": list, "type": str, "gold_passage_ids": list, "meta": dict, "proposed": bool}
_TYPE_NAMES = {str: "a text", list: "a list", bool: "true or false", dict: "an object"}
# An id names the file that is added to the library, so it must stay in its folder.
_DOCUMENT_ID = re.compile(r"[^/\\\x00-\x1f]{1,200}")

BLANK = "____"
# words kept on either side of the blank: with more of them any look-up by words would find the
# sentence
_WORDS_AROUND_BLANK = 7
_FEWEST_CLOZE_WORDS, _MOST_CLOZE_WORDS = 8, 60
_BLANKED_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_BLANKED_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what is known about its answer."""

    id: str
    text: str
    history: tuple[Turn, ...]
    answers: tuple[str, ...]  # any one is right
    answerable: bool
    gold_documents: tuple[str, ...]
    gold_texts: tuple[str, ...]  # the exact words that support the answer, white space made even
    needs_all: bool  # of the gold texts; else any one will do
    type: str
    proposed: bool  # by the product itself, and not yet confirmed by a person


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Documents, and questions about them."""

    name: str
    documents: Mapping[str, tuple[str, str]]  # id -> title, text
    questions: tuple[Question, ...]


# --- A folder -> a set ----------------------------------------------------------------------------


def read_set(folder: Path) -> EvaluationSet:
    """Return the set in a folder.

    Raises UsageError if a file is missing or a line is not what docs/evaluation.md describes.
    """
    documents: dict[str, tuple[str, str]] = {}
    for number, row in _read_lines(folder / CORPUS, _DOCUMENT, {}):
        name = row["doc_id"]
        if name in documents or not _DOCUMENT_ID.fullmatch(name):
            why = "is there twice" if name in documents else "cannot name a file"
            raise UsageError(
                f"Line {number} of {folder / CORPUS} has the doc_id {name!r}, which {why}; give "
                "it another."
            )
        documents[name] = row["title"], row["text"]
    questions: dict[str, Question] = {}
    for number, row in _read_lines(folder / QUESTIONS, _QUESTION, _MAY_HAVE):
        twice = f"has the id {row['id']!r}, which is there twice" if row["id"] in questions else ""
        if fault := twice or _fault(row, documents):
            raise UsageError(
                f"Line {number} of {folder / QUESTIONS} {fault}; correct it as docs/evaluation.md "
                "describes."
            )
        questions[row["id"]] = _question(row)
    return EvaluationSet(folder.resolve().name, documents, tuple(questions.values()))


def confirmed(evaluation: EvaluationSet) -> EvaluationSet:
    """Return the set without the questions whose gold was only proposed.

    The product cannot be its own judge. Raises UsageError if no question is left.
    """
    questions = tuple(question for question in evaluation.questions if not question.proposed)
    if not questions:
        raise UsageError(
            f"All {len(evaluation.questions)} questions of {evaluation.name!r} are marked "
            '"proposed"; correct what they propose '
            "and remove the mark from those you have checked."
        )
    return replace(evaluation, questions=questions)


def sample(evaluation: EvaluationSet, limit: int, seed: int) -> EvaluationSet:
    """Return the set with at most `limit` questions, drawn by the seed and in their order."""
    count = len(evaluation.questions)
    if limit >= count:
        return evaluation
    drawn = sorted(np.random.default_rng(seed).choice(count, limit, replace=False))
    return replace(evaluation, questions=tuple(evaluation.questions[i] for i in drawn))


def collapse_spaces(text: str) -> str:
    """Return a text with single spaces for white space, as texts are compared here."""
    return " ".join(text.split())


def _read_lines(
    path: Path, required: Mapping[str, type], optional: Mapping[str, type]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file of JSON lines with their line numbers.

    The keys and the types of their values are checked.
    """
    try:
        lines = path.read_text(encoding="utf-8").split(
            "\n"
        )  # other line ends may stand inside a text
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(
            f"{path} cannot be read ({reason}); a set is a folder with {CORPUS} and {QUESTIONS} "
            "in it, see docs/evaluation.md."
        ) from error
    known = {**required, **optional}
    found = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise UsageError(
                f"Line {number} of {path} is not a JSON object; expected one with the keys "
                f"{', '.join(required)}."
            )
        wrong = [f"lacks {key!r}" for key in required if key not in row]
        wrong += [f"has the unknown key {key!r}" for key in row if key not in known]
        wrong += [
            f"needs {_TYPE_NAMES[known[key]]} under {key!r}"
            for key in known
            if not isinstance(row.get(key, known[key]()), known[key])
        ]
        if wrong:
            raise UsageError(
                f"Line {number} of {path} {wrong[0]}; correct it as docs/evaluation.md describes."
            )
        found = True
        yield number, row
    if not found:
        raise UsageError(
            f"{path} is empty; expected one JSON object a line with the keys {', '.join(required)}."
        )


def _fault(row: Mapping[str, Any], documents: Mapping[str, object]) -> str:
    """Return what is wrong with the values of a question's line, "" if nothing is."""
    if not all(
        isinstance(text, str)
        for key in ("answers", "gold_doc_ids", "gold_passages")
        for text in row[key]
    ):
        return "has a list of other things than texts"
    if row["gold_mode"] not in ("any", "all"):
        return f"has the gold_mode {row['gold_mode']!r} instead of 'any' or 'all'"
    for turn in row.get("history", []):
        if not (
            isinstance(turn, dict)
            and turn.get("role") in ("user", "assistant")
            and isinstance(turn.get("text"), str)
        ):
            return "has a history of other things than {'role': 'user' or 'assistant', 'text': …}"
    unknown = [name for name in row["gold_doc_ids"] if name not in documents]
    return f"names the document {unknown[0]!r}, which {CORPUS} lacks" if unknown else ""


def _question(row: Mapping[str, Any]) -> Question:
    return Question(
        id=row["id"],
        text=row["question"],
        history=tuple(Turn(turn["role"], turn["text"]) for turn in row.get("history", [])),
        answers=tuple(row["answers"]),
        answerable=row["answerable"],
        gold_documents=tuple(dict.fromkeys(row["gold_doc_ids"])),
        gold_texts=tuple(collapse_spaces(text) for text in row["gold_passages"]),
        needs_all=row["gold_mode"] == "all",
        type=row.get("type", ""),
        proposed=row.get("proposed", False),
    )


# --- A library -> a set to begin with -------------------------------------------------------------


def make_set(
    pipeline: Pipeline, folder: Path, typed: Sequence[str] | None, limit: int, seed: int
) -> int:
    """Write the library's documents and questions about them as a set, and return their number.

    `typed` are questions of the user: the words that the product would cite are proposed as gold,
    and each is marked as proposed until a person has confirmed it. Without them cloze questions are
    made, at most `limit`, drawn by the seed. Raises UsageError if a file is in the way, cannot
    be written, or nothing can be asked.
    """
    for name in (CORPUS, QUESTIONS):
        if (folder / name).exists():
            raise UsageError(
                f"{folder / name} is there already and was left as it is; name another folder."
            )
    documents = [pipeline.document(info.name) for info in pipeline.library.documents()]
    questions = (
        list(cloze_questions(documents, limit, seed))
        if typed is None
        else [_proposed(pipeline, number, text) for number, text in enumerate(typed, 1)]
    )
    if not questions:
        raise UsageError(
            "Nothing to ask was found: the library has no sentence with a number or a name, or "
            "no question was typed."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(
            folder / CORPUS,
            ({"doc_id": d.name, "title": d.title, "text": d.text} for d in documents),
        )
        _write(folder / QUESTIONS, questions)
    except OSError as error:
        raise UsageError(
            f"The set cannot be written to {folder} ({error.strerror}); name another folder."
        ) from error
    return len(questions)


def cloze_questions(
    documents: Iterable[Document], limit: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield at most `limit` lines of questions.jsonl, drawn by the seed.

    Each asks for a number or a name that is left out of a sentence.
    """
    candidates = [
        (document.name, document.text[paragraph.start : paragraph.end][start:end])
        for document in documents
        for paragraph in document.paragraphs
        if paragraph.kind == "text"
        for start, end in sentence_spans(document.text[paragraph.start : paragraph.end])
    ]
    random, made = np.random.default_rng(seed), 0
    for i in random.permutation(len(candidates)):
        name, sentence = candidates[i]
        masks = [*_BLANKED_NUMBER.finditer(sentence)] or [*_BLANKED_NAME.finditer(sentence)]
        # What is left out and stands elsewhere in the sentence would be given away.
        masks = [mask for mask in masks if sentence.count(mask[0]) == 1]
        if (
            made < limit
            and masks
            and _FEWEST_CLOZE_WORDS <= len(sentence.split()) <= _MOST_CLOZE_WORDS
        ):
            made += 1
            mask = masks[random.integers(len(masks))]
            yield _question_line(
                f"cloze-{made:03}",
                _cloze(sentence, mask),
                "cloze",
                [mask[0]],
                [(name, sentence)],
                proposed=False,
            )


def _cloze(sentence: str, mask: re.Match[str]) -> str:
    # The blank stands in no text, so no hit could hold a phrase with it.
    shown = unbound(f"{sentence[: mask.start()]}{BLANK}{sentence[mask.end() :]}").split()
    at = next(i for i, word in enumerate(shown) if BLANK in word)
    first, end = max(0, at - _WORDS_AROUND_BLANK), at + _WORDS_AROUND_BLANK + 1
    before, after = "… " if first else "", " …" if end < len(shown) else ""
    return f"What is missing: ‘{before}{' '.join(shown[first:end])}{after}’?"


def _proposed(pipeline: Pipeline, number: int, text: str) -> dict[str, Any]:
    cited = [(citation.document, citation.quote) for citation in pipeline.ask(text).citations]
    return _question_line(f"typed-{number:03}", text, "typed", [], cited, proposed=True)


def _question_line(
    id: str,
    question: str,
    kind: str,
    answers: Sequence[str],
    gold: Sequence[tuple[str, str]],
    proposed: bool,
) -> dict[str, Any]:
    return {
        "id": id,
        "question": question,
        "answers": answers,
        "answerable": bool(gold),
        "gold_doc_ids": list(dict.fromkeys(document for document, _ in gold)),
        "gold_passages": [words for _, words in gold],
        "gold_mode": "any",
        "type": kind,
        **({"proposed": True} if proposed else {}),
    }


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines; the file appears whole or not at all."""
    with written_whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
