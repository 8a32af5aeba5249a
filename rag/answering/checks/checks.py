"""What a claim must not do to its sources: CHECKS, one function each. Pure.

A check takes a claim beside the sentences that may hold it, and returns what it finds, or None.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rag.answering.checks.beside import misplaced_name
from rag.answering.checks.bindings import misplaced_numbers
from rag.answering.checks.compared import Compared
from rag.answering.checks.exchanged import exchanged_parts
from rag.answering.checks.measures import changed_measures
from rag.answering.checks.speakers import other_speaker
from rag.answering.checks.stance import drops_doubt, negates, opposes
from rag.text.tokens import content_of, words_of
from rag.types import Verdict

# Shares of a claim's content words that its cited words hold. Set on answers of the embedded model
# read by eye: above the first the rest is grammar ("grew" for "increased"), below the second the
# claim is about something else.
SUPPORTED, PARTLY = 0.75, 0.5
_REPEATED = {3: 3, 5: 2}  # how often a run of so many words makes a loop


class Finding(NamedTuple):
    """What is wrong with a claim, and the verdict that this leaves it."""

    verdict: Verdict
    reason: str


Check = Callable[[Compared], Finding | None]


def _refuse(reason: str) -> Finding:
    return Finding("unsupported", reason)


def adds_to_question(compared: Compared) -> Finding | None:
    """Refuse a claim that says nothing beyond the question."""
    is_new = compared.content and not compared.content <= content_of(compared.question)
    return None if is_new else _refuse("says nothing beyond the question")


def does_not_repeat_itself(compared: Compared) -> Finding | None:
    """Refuse a claim that says the same three words three times, or the same five twice."""
    words = [word.lower() for word in words_of(compared.claim)]
    is_loop = any(
        times >= least
        for length, least in _REPEATED.items()
        for times in Counter(zip(*(words[at:] for at in range(length)), strict=False)).values()
    )
    return _refuse("repeats itself") if is_loop else None


def is_about_the_same(compared: Compared) -> Finding | None:
    """Refuse a claim if the sentences have less than half of its words."""
    return _refuse("no source says so") if compared.share < PARTLY else None


def has_its_names_and_amounts(compared: Compared) -> Finding | None:
    """Refuse a claim with a name or an amount that the sentences lack."""
    names = compared.absent_names
    absent = names + [amount for amount in compared.absent_amounts if amount not in names]
    return _refuse("not in the sources: " + ", ".join(absent)) if absent else None


def keeps_negations(compared: Compared) -> Finding | None:
    """Refuse a claim that denies what the sentences say, or says what they deny."""
    if negates(compared.aligned):
        return _refuse("a negation of the source or of the answer is lost")
    return None


def keeps_direction(compared: Compared) -> Finding | None:
    """Refuse a claim that says the opposite: "fell" for "rose"."""
    if opposes(compared.claim, compared.text, compared.aligned):
        return _refuse("the source says the opposite")
    return None


def keeps_sentences_apart(compared: Compared) -> Finding | None:
    """Refuse a claim that puts a name or number of one sentence into what another says."""
    word = next(compared.found_elsewhere(PARTLY), "")
    return _refuse(f"the source says {word} of something else") if word else None


def keeps_numbers_in_place(compared: Compared) -> Finding | None:
    """Refuse a claim with a number of the sentences in the place of another one of them."""
    for number, rival in misplaced_numbers(compared.claim, compared.text):
        return _refuse(f"the source says {rival} there, and {number} of something else")
    return None


def keeps_names_in_place(compared: Compared) -> Finding | None:
    """Refuse a claim with a name where a sentence has another one of its names."""
    for evidence in compared.evidence:
        if names := misplaced_name(compared.claim, evidence.text):
            return _refuse(f"the source says {names[1]} there, and {names[0]} of something else")
    return None


def keeps_measures(compared: Compared) -> Finding | None:
    """Refuse a claim with another unit, rate, fraction, rank or denying prefix: "a month"."""
    for said, written in changed_measures(compared.claim, compared.text):
        return _refuse(f"the source says {written}, not {said}")
    return None


def keeps_who_did_what(compared: Compared) -> Finding | None:
    """Refuse a claim in which two parts of a sentence have changed places: "Leeds beat Arsenal"."""
    for evidence in compared.evidence:
        if parts := exchanged_parts(compared.claim, evidence.text):
            return _refuse(f"the source has “{parts[0]}” and “{parts[1]}” the other way round")
    return None


def keeps_its_speaker(compared: Compared) -> Finding | None:
    """Refuse a claim that gives one person's words to another."""
    speaker = other_speaker(compared.claim, compared.evidence)
    return _refuse(f"these are the words of {speaker}") if speaker else None


def has_most_of_its_words(compared: Compared) -> Finding | None:
    """Call a claim supported in part where much of it stands in no sentence."""
    if compared.share >= SUPPORTED:
        return None
    return Finding("partly", f"{compared.share:.0%} of its words stand in the source")


def keeps_doubt(compared: Compared) -> Finding | None:
    """Call a claim supported in part that is certain of what the sentences doubt or plan."""
    if drops_doubt(compared.claim, compared.aligned):
        return Finding("partly", "the source does not say so for certain")
    return None


# In the order in which they are applied; the first that refuses a claim gives the reason.
CHECKS: tuple[Check, ...] = (
    adds_to_question,
    does_not_repeat_itself,
    is_about_the_same,
    has_its_names_and_amounts,
    keeps_negations,
    keeps_direction,
    keeps_sentences_apart,
    keeps_numbers_in_place,
    keeps_names_in_place,
    keeps_measures,
    keeps_who_did_what,
    keeps_its_speaker,
    has_most_of_its_words,
    keeps_doubt,
)
# Of a sentence that puts a short answer into the words of its question and source.
CHECKS_OF_RESTATEMENT: tuple[Check, ...] = (
    does_not_repeat_itself,
    keeps_negations,
    keeps_direction,
    keeps_doubt,
)


def apply(checks: Sequence[Check], compared: Compared) -> tuple[int, Finding | None]:
    """Return how many checks a claim passes until one refuses it, and the gravest finding.

    None if no check finds anything.
    """
    doubt: Finding | None = None
    for passed, check in enumerate(checks):
        finding = check(compared)
        if finding and finding.verdict == "unsupported":
            return passed, finding
        doubt = doubt or finding
    return len(checks), doubt
