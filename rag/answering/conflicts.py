"""Evidence -> a sentence that answers the same question with something else. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.text.lookalikes import poses, without_lookalikes
from rag.text.quantities import Amount, amounts_of
from rag.text.rows import is_row
from rag.text.tokens import content_of, is_number, stem, words_of
from rag.types import Evidence

# Of the best sentence's chance: what is less likely answers another question more often. At 0.55
# three of five conflicts shown over the sample reports were none.
_SHARE_OF_BEST = 0.8
_MAX_COMPARED = 12  # of the best sentences
# Of the best one's: what a version says in the same words answers as well.
_SAME_SENTENCE = 0.5
# Of the words of the shorter sentence, numbers aside: those that another sentence about the same
# shares; and the fewest that show what both are about.
_REWORDED = 0.6
_LEAST_SHARED_STEMS = 3
_NOT_OF_A_TITLE = re.compile(r"[\d\W_]+")


def prefer_newest(evidence: Sequence[Evidence], certainty: float) -> tuple[Evidence, ...]:
    """Return the evidence with the newest version of the best sentence's document first.

    Versions of a document have one title, numbers aside, and different dates.
    """
    if not evidence or not evidence[0].hit.date:
        return tuple(evidence)
    best = evidence[0]
    likely = _likely(evidence, certainty)
    versions = [
        e
        for e in evidence[1:_MAX_COMPARED]
        if is_version(e, best)
        and (e in likely or (e.score >= _SAME_SENTENCE * best.score and _is_reworded(best, e)))
    ]
    newest = max([best, *versions], key=lambda e: e.hit.date)
    rest = (e for e in evidence if e is not newest)
    return (replace(newest, score=max(newest.score, best.score)), *rest)


def prefer_oldest(evidence: Sequence[Evidence], certainty: float) -> tuple[Evidence, ...]:
    """Return the evidence with the oldest version of the best sentence's document first."""
    if not evidence or not evidence[0].hit.date:
        return tuple(evidence)
    best = evidence[0]
    versions = [e for e in evidence if e.score >= certainty and is_version(e, best)]
    oldest = min([best, *versions], key=lambda e: e.hit.date)
    return (oldest, *(e for e in evidence if e is not oldest))


def is_version(one: Evidence, other: Evidence) -> bool:
    """Return whether two sentences are from versions of one report.

    These have one title, numbers aside, and different dates.
    """
    dates = {one.hit.date, other.hit.date}
    return len(dates - {""}) == 2 and _titled(one.hit.title) == _titled(other.hit.title)


def find_conflict(evidence: Sequence[Evidence], certainty: float) -> Evidence | None:
    """Return the most probable sentence that contradicts the best one; None if there is none.

    Both have a short answer, and each holds a number that the other has not; of two documents, they
    may be names instead. A sentence that repeats the question scores higher than one that reports
    the same, so a less likely one counts, too, where it holds another number of the same kind: in
    nearly the same words, or where the best one poses as a verdict or a role.
    """
    best = evidence[0]
    likely = _likely(evidence, certainty)
    found = next((e for e in likely if _differ(best, e) and _is_elsewhere_or_same(best, e)), None)
    return found or next(
        (
            other
            for other in evidence[1:_MAX_COMPARED]
            if other.score >= certainty
            and (poses(best.text) or _is_reworded(best, other))
            and not _are_of_two_subjects(best, other)
            and _holds_another_number(best, other)
        ),
        None,
    )


def _is_elsewhere_or_same(one: Evidence, other: Evidence) -> bool:
    """Return whether two sentences are of different documents, or say nearly the same words.

    A report has many numbers; two numbers in differently worded sentences count different things.
    """
    if one.hit.chunk.document != other.hit.chunk.document:
        return True
    return not _are_of_two_subjects(one, other) and _is_reworded(one, other)


def _are_of_two_subjects(one: Evidence, other: Evidence) -> bool:
    """Return whether two sentences of one document are rows of tables, or under two headings.

    A row is about what its first value names, a sentence about what its heading does. One that
    poses as a verdict or a role may stand anywhere.
    """
    if one.hit.chunk.document != other.hit.chunk.document:
        return False
    if all(is_row(e.text) for e in (one, other)):
        return True
    headings = [e.hit.chunk.section for e in (one, other)]
    posing = any(poses(e.text) for e in (one, other))
    return all(headings) and headings[0] != headings[1] and not posing


def _likely(evidence: Sequence[Evidence], certainty: float) -> list[Evidence]:
    least = max(certainty, _SHARE_OF_BEST * evidence[0].score)
    return [e for e in evidence[1:_MAX_COMPARED] if e.focus and e.score >= least]


def _differ(one: Evidence, other: Evidence) -> bool:
    """Return whether both short answers hold numbers, or none and names, that the other has not."""
    numbers, other_numbers = _answer_stems(one, is_number), _answer_stems(other, is_number)
    if numbers or other_numbers:
        return bool(numbers - other_numbers and other_numbers - numbers)
    if one.hit.chunk.document == other.hit.chunk.document:
        return False  # a document calls one person by several names
    names, other_names = (
        _answer_stems(one, _is_capitalised),
        _answer_stems(other, _is_capitalised),
    )
    return bool(names and other_names) and names.isdisjoint(other_names)


def _holds_another_number(one: Evidence, other: Evidence) -> bool:
    """Return whether the sentence has numbers of the short answer's kind, and only other ones.

    A kind is a currency, a magnitude, a measure, or a date.
    """
    kinds = {_kind_of_amount(amount) for amount in _amounts_answered(one)} - {""}
    others = [amount for amount in _amounts_answered(other) if _kind_of_amount(amount) in kinds]
    known = amounts_of(one.text)
    return bool(others) and not any(amount.same(before) for amount in others for before in known)


def _amounts_answered(evidence: Evidence) -> list[Amount]:
    """Return the numbers of the short answer, with the unit that may stand behind it."""
    answered = {amount.number for amount in amounts_of(_short_answer_of(evidence))}
    return [amount for amount in amounts_of(evidence.text) if amount.number in answered]


def _kind_of_amount(amount: Amount) -> str:
    """Return what a number counts, as far as two sentences both say so; "" for a bare one."""
    return amount.unit or amount.measure or amount.sign or ("date" if amount.month else "")


def _is_reworded(one: Evidence, other: Evidence) -> bool:
    """Return whether one sentence has most words of the other and both count the same thing."""
    kinds = {_kind_of_amount(amount) for amount in _amounts_answered(one)}
    beside, beside_other = (
        {
            a.number
            for a in amounts_of(without_lookalikes(e.text))
            if _kind_of_amount(a) not in kinds
        }
        for e in (one, other)
    )
    if beside != beside_other:
        return False  # of another year, say
    words, others = (_words_beside_numbers(without_lookalikes(e.text)) for e in (one, other))
    shared = len(words & others)
    return shared >= max(_LEAST_SHARED_STEMS, _REWORDED * min(len(words), len(others)))


def _words_beside_numbers(text: str) -> frozenset[str]:
    return frozenset(word for word in content_of(text) if not is_number(word))


def _short_answer_of(evidence: Evidence) -> str:
    """Return the short answer of a sentence, or the sentence where the reader points at none."""
    return evidence.text if evidence.focus is None else evidence.short_answer


def _answer_stems(evidence: Evidence, wanted: Callable[[str], bool]) -> frozenset[str]:
    """Return the stems of the words of the short answer that are wanted."""
    if evidence.focus is None:
        return frozenset()
    return frozenset(stem(word) for word in words_of(_short_answer_of(evidence)) if wanted(word))


def _is_capitalised(word: str) -> bool:
    return word[0].isupper()


def _titled(title: str) -> str:
    return _NOT_OF_A_TITLE.sub(" ", title).casefold().strip()
