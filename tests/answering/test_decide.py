import pytest

from rag.answering.decide import decide
from rag.types import Chunk, Evidence, Hit, Reason

HIT = Hit(Chunk("report", 0, "", 1, 0, 2, "A.", ""), "Report", 1.0, "both")


def evidence(score: float) -> list[Evidence]:
    return [Evidence(HIT, 0, 2, "A.", score)]


@pytest.mark.parametrize(
    ("confidence", "coverage", "reason"),
    [
        (0.9, 0.0, ""),
        (0.5, 1.0, ""),
        (0.4, 0.0, "near"),
        (0.1, 0.9, "not_this"),
        (0.1, 0.1, "nothing_on_subject"),
    ],
)
def test_one_probability_decides_and_says_why_not(
    confidence: float, coverage: float, reason: Reason
) -> None:
    decision = decide(evidence(confidence), lambda: coverage, certainty=0.5)
    assert (decision.confidence, decision.reason) == (confidence, reason)


def test_without_any_passage_there_is_nothing_on_the_subject() -> None:
    assert decide([], lambda: 0.0, 0.0).reason == "nothing_on_subject"


def test_zero_asks_for_whatever_there_is() -> None:
    assert decide(evidence(0.001), lambda: 0.0, 0.0).reason == ""
