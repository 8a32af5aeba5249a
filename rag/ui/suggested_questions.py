"""Questions that a library can answer, read off its documents without a model. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from rag.text.tokens import MONTHS
from rag.types import Document

_LONGEST_SUGGESTION = 90  # characters
_MONTHS = "|".join(MONTHS)
_DAY = re.compile(
    rf"\b[Oo]n (\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?|(?:{_MONTHS}) \d{{1,2}}(?:, \d{{4}})?)\b"
)


def example_questions(documents: Sequence[Document], limit: int) -> list[str]:
    """At most `limit` questions, from as many of the documents as there are, each about
    something else.
    """
    # Each document begins with another kind, so that few documents give all kinds.
    offered = [_rotated([*_questions(document)], n) for n, document in enumerate(documents)]
    questions = chain.from_iterable(zip_longest(*offered))
    return list(dict.fromkeys(q for q in questions if q and len(q) <= _LONGEST_SUGGESTION))[:limit]


def _rotated(questions: list[str], by: int) -> list[str]:
    by %= len(questions) or 1
    return questions[by:] + questions[:by]


def _questions(document: Document) -> Iterator[str]:
    """What a document answers.

    Who said something, what happened on a day, what stands under a heading.
    """
    speaker = next((q.speaker for q in document.quotations if q.speaker), "")
    if speaker:
        yield f"What did {speaker} say?"
    if day := _DAY.search(document.text):
        yield f"What happened on {day[1]}?"
    headings = (
        s.heading
        for s in document.sections
        if s.heading and s.heading != document.title and not any(map(str.isdigit, s.heading))
    )
    if heading := next(headings, ""):
        yield f"What is said about {heading}?"
