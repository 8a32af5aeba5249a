"""A question and a filter -> what the library looks up. Pure."""

import datetime
import re

from rag.errors import UsageError
from rag.text.tokens import STOP_WORDS, folded

_TERM = re.compile(r"\w+")
# A quotation mark opens before a word and closes after one, so that the inches in 5" pipes ask for
# nothing.
_PHRASE = re.compile(r"""(?<!\w)["“”„«](?=\S)([^"“”„«»]+)(?<=\S)["“”»](?!\w)""")
_PHRASE_MARKS = re.compile('["“”„«»]')
_DATE_FORM = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


def unbound(text: str) -> str:
    """The text without quotation marks, between which a search takes words for a phrase that
    every hit must hold.
    """
    return _PHRASE_MARKS.sub(" ", text)


def phrases_of(question: str) -> list[str]:
    """What the question puts between quotation marks, each as a term of a full-text query."""
    return [
        f'"{" ".join(words)}"'
        for phrase in _PHRASE.findall(question)
        if (words := _TERM.findall(phrase))
    ]


def weighted_terms(question: str, earlier: str = "") -> dict[str, int]:
    """The words and phrases of the question, and of what was asked before it, as terms of a
    full-text query with their weights.

    They are words in quotation marks, so that no character of the question is an operator.
    """
    terms, before = [*phrases_of(question), *_terms(question)], _terms(earlier)
    weights = dict.fromkeys(
        terms, 2 if before else 1
    )  # the question counts twice what was asked before it
    for term in before:
        weights[term] = weights.get(term, 0) + 1
    return weights


def any_of(terms: dict[str, int]) -> str:
    """The terms as a full-text query for any of them.

    Bm25 adds a term's score as often as the query names it.
    """
    return " OR ".join(term for term, weight in terms.items() for _ in range(weight))


def _terms(text: str) -> list[str]:
    words = list(dict.fromkeys(word.lower() for word in _TERM.findall(text)))
    return [f'"{word}"' for word in [word for word in words if word not in STOP_WORDS] or words]


def is_within(date: str, after: str, before: str) -> bool:
    """Whether the date lies between two others, themselves included, as far as both state it; ""
    leaves an end open.

    "2023-03-14" and "2023" are neither before nor after "2023-03"; a date that is not stated lies
    nowhere. Raises UsageError for an end that is no date.
    """
    for end in (after, before):
        if end and not _is_date(end):
            raise UsageError(f"{end!r} is not a date; write it as 2023, 2023-03 or 2023-03-14.")
    if not date:
        return not (after or before)
    return date[: len(after)] >= after[: len(date)] and (
        not before or date[: len(before)] <= before[: len(date)]
    )


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text + "0000-01-01"[len(text) :])
    except ValueError:
        return False
    return bool(_DATE_FORM.fullmatch(text))


def names_it(text: str, wanted: str) -> bool:
    """Whether every word of `wanted` is a word of `text`, capitals and the marks of letters
    aside.
    """
    words = set(_TERM.findall(folded(wanted)))
    return bool(words) and words.issubset(_TERM.findall(folded(text)))
