"""Evidence -> whether the passages answer the question, decided once. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from rag.text.dates import years_of
from rag.types import Document, Evidence, Hit, Reason

# Of the confidence asked for: what reaches as far answers something near. Half the questions with
# one changed detail lie above it, and one in ten of those that are off the subject.
_NEAR_SHARE = 0.5
# Share of the question's words, weighed by their idf, that a passage on its subject holds.
_ON_SUBJECT = 0.5
# Characters before a passage in which the year stands that it goes on to speak of.
_YEAR_BEFORE = 1000


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to answer: yes if `reason` is "", otherwise it says why not."""

    confidence: float  # 0..1, the chance that the passages answer
    reason: Reason


def decide(
    evidence: Sequence[Evidence], coverage: Callable[[], float], certainty: float
) -> Decision:
    """Return whether the best sentence is likely enough to answer.

    `coverage` gives the largest share of the question's words that a passage holds, weighed by idf;
    it is looked up only where nothing answers.
    """
    if not evidence:
        return Decision(0.0, "nothing_on_subject")
    confidence = evidence[0].score
    if confidence >= certainty:
        return Decision(confidence, "")
    if confidence >= _NEAR_SHARE * certainty:
        return Decision(confidence, "near")
    return Decision(confidence, "not_this" if coverage() >= _ON_SUBJECT else "nothing_on_subject")


def of_its_years(
    question: str, evidence: Sequence[Evidence], document: Callable[[str], Document]
) -> tuple[Evidence, ...]:
    """Return the evidence that may speak of a year that the question names; all if it names none.

    The year stands in the passage, its title, its heading or a little before it; a dated report may
    speak of the year of its date and of the one before.
    """
    asked = years_of(question)
    if not asked:
        return tuple(evidence)

    @cache  # a passage has many sentences
    def years_around(hit: Hit) -> frozenset[str]:
        chunk, date = hit.chunk, hit.date
        text = document(chunk.document).text[max(0, chunk.start - _YEAR_BEFORE) : chunk.end]
        year = date[:4]
        dated = f" {year} {int(year) - 1}" if year else ""
        return years_of(f"{hit.title} {chunk.context} {chunk.section} {text}{dated}")

    return tuple(one for one in evidence if not asked.isdisjoint(years_around(one.hit)))
