"""Evidence -> whether the passages answer the question, decided once. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.types import Evidence, Reason

# Of the confidence asked for: what reaches as far answers something near. Half the questions with
# one changed detail lie above it, and one in ten of those that are off the subject.
_NEAR_SHARE = 0.5
# Share of the question's words, weighed by their idf, that a passage on its subject holds.
_ON_SUBJECT = 0.5


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
