"""Evidence -> a sentence that answers the same question with something else. Pure."""

import re
from collections.abc import Callable, Sequence

from rag.text.tokens import is_number, stem, words_of
from rag.types import Evidence

# Of the best sentence's chance: what is less likely answers another question more often. At 0.55
# three of five conflicts shown over the sample reports were none.
_SHARE_OF_BEST = 0.8
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
    """Return whether two sentences are from versions of one report.

    These have one title, numbers aside, and different dates.
    """
    dates = {one.hit.date, other.hit.date}
    return len(dates - {""}) == 2 and _titled(one.hit.title) == _titled(other.hit.title)


def find_conflict(evidence: Sequence[Evidence], min_confidence: float) -> Evidence | None:
    """Return the likeliest sentence that answers as well, and otherwise; None where none does.

    Both have a short answer, and each holds a number that the other has not; of two documents, they
    may be names instead.
    """
    likely = _likely(evidence, min_confidence)
    return next((other for other in likely if _differ(evidence[0], other)), None)


def _likely(evidence: Sequence[Evidence], min_confidence: float) -> list[Evidence]:
    least = max(min_confidence, _SHARE_OF_BEST * evidence[0].score)
    return [e for e in evidence[1:_MAX_COMPARED] if e.focus and e.score >= least]


def _differ(one: Evidence, other: Evidence) -> bool:
    """Return whether both short answers hold numbers, or none and names, that the other has not."""
    numbers, other_numbers = _stems(one, is_number), _stems(other, is_number)
    if numbers or other_numbers:
        return bool(numbers - other_numbers and other_numbers - numbers)
    if one.hit.chunk.document == other.hit.chunk.document:
        return False  # a document calls one person by several names
    names, other_names = _stems(one, _is_capitalised), _stems(other, _is_capitalised)
    return bool(names and other_names) and names.isdisjoint(other_names)


def _stems(evidence: Evidence, wanted: Callable[[str], bool]) -> frozenset[str]:
    """Return the stems of the words of the short answer that are wanted."""
    if evidence.focus is None:
        return frozenset()
    start = evidence.start
    answer = evidence.text[evidence.focus.start - start : evidence.focus.end - start]
    return frozenset(stem(word) for word in words_of(answer) if wanted(word))


def _is_capitalised(word: str) -> bool:
    return word[0].isupper()


def _titled(title: str) -> str:
    return _NOT_OF_A_TITLE.sub(" ", title).casefold().strip()
