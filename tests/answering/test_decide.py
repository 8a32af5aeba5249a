import pytest
from libraries import make_document

from rag.answering.decide import decide, of_its_years
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


@pytest.mark.parametrize(
    ("question", "text", "date", "speaks"),
    [
        ("What did a household pay?", "A household paid 455 crowns.", "2024-04-11", True),
        ("What did a household pay in 2017?", "A household paid 455 crowns.", "2024-04-11", False),
        ("What did a household pay in 2023?", "A household paid 455 crowns.", "2024-04-11", True),
        ("What did a household pay in 2017?", "In 2017 it rained. It paid 455.", "", True),
        ("What did a household pay in 2023?", "In 2022/23 it paid 455 crowns.", "", True),
        ("What did a household pay in 2022 and 2023?", "It paid 455 in 2023.", "", True),
        ("What did a household pay in 2017?", "It paid 455 in 2023.", "", False),
    ],
)
def test_evidence_may_speak_of_the_year_asked_for_or_is_left_out(
    question: str, text: str, date: str, speaks: bool
) -> None:
    chunk = Chunk("report", 0, "", 1, 0, len(text), text, "")
    one = Evidence(Hit(chunk, "Report", 1.0, "both", date), 0, len(text), text, 0.9)
    found = of_its_years(question, [one], lambda name: make_document(name, text))
    assert found == ((one,) if speaks else ())
