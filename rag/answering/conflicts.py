"""Evidence -> a sentence that answers the same question with something else. Pure."""

import re
from collections.abc import Sequence

from rag.text.tokens import content_of, is_number, words_of
from rag.types import Evidence

# Of the best sentence's chance: what is less likely answers another question more often.
_NEARLY = 0.55
_MAX_COMPARED = 12  # of the best sentences
_NOT_OF_A_TITLE = re.compile(r"[\d\W_]+")


def prefer_newest(evidence: Sequence[Evidence], min_confidence: float) -> tuple[Evidence, ...]:
    """Return the evidence with the newest version of the best sentence's document first.

    Versions of a document have one title, numbers aside, and different dates.
    """
    if not evidence or not evidence[0].hit.date:
        return tuple(evidence)
    best = evidence[0]
    versions = [e for e in _likely(evidence, min_confidence) if is_version(e, best)]
    newest = max([best, *versions], key=lambda e: e.hit.date)
    return (newest, *(e for e in evidence if e is not newest))


def is_version(one: Evidence, other: Evidence) -> bool:
    """Whether two sentences are of documents with one title, numbers aside, and different dates."""
    dates = {one.hit.date, other.hit.date}
    return len(dates - {""}) == 2 and _titled(one.hit.title) == _titled(other.hit.title)


def find_conflict(evidence: Sequence[Evidence], min_confidence: float) -> Evidence | None:
    """Return the likeliest sentence that answers as well, and otherwise; None where none does.

    It may stand in the same document, too. Both have a short answer, and each holds a number or a
    name that the other has not.
    """
    best = evidence[0]
    told = _answer(best)
    for other in _likely(evidence, min_confidence):
        too = _answer(other)
        if told and too and not told & too and _is_of_a_kind(best, other):
            return other
    return None


def _likely(evidence: Sequence[Evidence], min_confidence: float) -> list[Evidence]:
    least = max(min_confidence, _NEARLY * evidence[0].score)
    return [e for e in evidence[1:_MAX_COMPARED] if e.focus and e.score >= least]


def _answer(evidence: Evidence) -> frozenset[str]:
    if evidence.focus is None:
        return frozenset()
    start = evidence.start
    return content_of(evidence.text[evidence.focus.start - start : evidence.focus.end - start])


def _is_of_a_kind(one: Evidence, other: Evidence) -> bool:
    """Whether both short answers hold a number, or both a name and no number."""
    kinds = []
    for evidence in (one, other):
        if evidence.focus is None:
            return False
        start = evidence.start
        words = words_of(evidence.text[evidence.focus.start - start : evidence.focus.end - start])
        numeric = any(is_number(word) for word in words)
        kinds.append((numeric, any(word[0].isupper() for word in words)))
    (number, name), (other_number, other_name) = kinds
    return (number and other_number) or (name and other_name and not number and not other_number)


def _titled(title: str) -> str:
    return _NOT_OF_A_TITLE.sub(" ", title).casefold().strip()
