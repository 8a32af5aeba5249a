"""Somebody's text, or an exported answer -> the statements in it and the words they cite. Pure."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.answering import decline, verify
from rag.answering.citations import claims, hit_at
from rag.answering.rank import sentences_of
from rag.answering.verify import Claim, DocumentLookup
from rag.config import MAX_QUESTION
from rag.errors import NotFoundError, UsageError
from rag.text.characters import unescape_html
from rag.text.query import unbound
from rag.types import Hit, Source

MAX_STATEMENTS = 500
# What stands behind an answer in the terminal and in Markdown: "[1] "Trade rose."", "[^1]: …", and
# the indented lines below.
_FOOTNOTE = re.compile(r"(?m)^ {0,3}\[\^?\d{1,3}\]:?\s.*(?:\n[ \t]+\S.*|\n[ \t]*(?=\n[ \t]+\S))*")
# What stands around the answers of an exported conversation: its name and the questions, when it
# was exported, what is said where there is no answer, the nearest passages, the lists at the end.
_DECLINED = "|".join(map(re.escape, decline.OPENINGS))
_FRAME_OF_EXPORT = re.compile(
    r"(?m)^## (?:Sources|Files that were read)\n\n(?:(?:\d+\.|-) .*\n?)+"
    rf"|^(?:#+ |> |— |Exported on \d|{_DECLINED}).*$"
)
_ESCAPED = re.compile(r"\\(?=[!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True)
class Cited:
    """Words that a statement says stand in a document, at an offset."""

    document: str
    start: int
    quote: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence to check.

    `cited` is None if its text cites nothing; the library is then searched.
    """

    text: str
    cited: tuple[Cited, ...] | None


def read_statements(text: str) -> list[Statement]:
    """Return the sentences of a text, or of answers as JSON, in order.

    The JSON is that of `rag ask --json` or of an exported conversation. Only JSON says what a
    sentence cites; an answer as text or Markdown is read as a text, without its footnotes. Raises
    UsageError if there are no sentences or too many, and if the JSON is not an answer.
    """
    found = (
        _of_answers(text)
        if text.lstrip().startswith("{")
        else [Statement(claim, None) for claim in claims(_body(text))]
    )
    if not found:
        raise UsageError(
            "There is no sentence to check; give a text, or an answer that `rag ask --json` has"
            " printed."
        )
    if len(found) > MAX_STATEMENTS:
        raise UsageError(
            f"There are {len(found)} sentences, at most {MAX_STATEMENTS} are checked at once; split"
            " the text."
        )
    return found


def _body(text: str) -> str:
    is_markdown = "[^1]" in text
    text = _FOOTNOTE.sub("", text)
    return unescape_html(_ESCAPED.sub("", _FRAME_OF_EXPORT.sub("", text))) if is_markdown else text


def _of_answers(text: str) -> list[Statement]:
    try:
        values: Any = json.loads(text)
        return [
            statement
            for answer in values.get("answers", [values])
            for statement in _of_answer(answer)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            "This JSON is no answer; expected what `rag ask --json` prints, or a conversation"
            " exported as JSON."
        ) from error


def _of_answer(answer: Any) -> list[Statement]:  # noqa: ANN401 - a value of JSON
    cited = {
        c["marker"]: Cited(str(c["document"]), int(c["start"]), str(c["quote"]))
        for c in answer["citations"]
    }
    return [
        Statement(str(s["text"]), tuple(cited[m] for m in s["markers"]))
        for s in answer["sentences"]
    ]


def check_statement(
    statement: Statement, search: Callable[[str], Sequence[Hit]], document: DocumentLookup
) -> Claim:
    """Check a statement against what it cites; one that cites nothing, against what a search finds.

    `document` gives the whole document of a name and raises NotFoundError if there is none.
    """
    if statement.cited is None:
        # A quote that is not verbatim is to be reported, so its words are searched without marks.
        hits = search(unbound(statement.text)[:MAX_QUESTION])
        sources = [Source(n, hit, sentences_of(hit)) for n, hit in enumerate(hits, 1)]
        return _check(statement.text, sources, document)
    sources = []
    for number, cited in enumerate(statement.cited, 1):
        try:
            source = document(cited.document)
        except NotFoundError:
            reason = f"{cited.document!r} is not in the library"
            return Claim(statement.text, "unsupported", (), reason)
        # A replaced report may hold the words elsewhere.
        stands = source.text.startswith(cited.quote, cited.start)
        start = cited.start if stands else source.text.find(cited.quote)
        if start < 0 or not cited.quote.strip():
            reason = f"the quoted words do not stand in {cited.document!r}"
            return Claim(statement.text, "unsupported", (), reason)
        hit = hit_at(source, start, start + len(cited.quote))
        sources.append(Source(number, hit, sentences_of(hit)))
    return _check(statement.text, sources, document)


def _check(statement: str, sources: Sequence[Source], document: DocumentLookup) -> Claim:
    claim = verify.check_sentence(statement, sources, document)
    speaker = verify.spoken_by(claim, document)
    if claim.verdict != "supported" or speaker is None:
        return claim
    reason = f"these are the words of {speaker or 'somebody'}, who is not named"
    return replace(claim, verdict="partly", reason=reason)
