"""What stands in place of an answer."""

from collections.abc import Sequence

import numpy as np
import pytest
from fakes import WordsEmbedder

from rag.answering.decline import EXAMPLES, NOTHING_FOUND, SAID, declined, kind_of
from rag.types import Chunk, Evidence, Hit


def evidence(text: str, title: str = "Report", date: str = "") -> list[Evidence]:
    hit = Hit(Chunk("a", 0, "", 1, 0, len(text), text, title), title, 1.0, "both", date)
    return [Evidence(hit, 0, len(text), text, 0.4)]


@pytest.mark.parametrize(
    ("question", "text", "told"),
    [
        (
            "What was the revenue in 2023?",
            "Revenue was 61 million in 2022.",
            ": the nearest gives 2022, not 2023.",
        ),
        ("Who won in 1999?", "Nobody won the cup.", ": the nearest does not give 1999."),
        (
            "What does Ravi Menon's aunt say?",
            "An aunt says nothing.",
            ": the nearest does not mention Ravi Menon.",
        ),
        ("What does the aunt say?", "An aunt says nothing.", "."),
        ("What does Menon say?", "Ravi Menon says nothing.", "."),
    ],
)
def test_what_differs_between_the_question_and_the_nearest_passage_is_told(
    question: str, text: str, told: str
) -> None:
    said = declined("near", question, evidence(text))
    assert said == f"{NOTHING_FOUND} that answers this{told}"


def test_the_title_and_the_date_of_a_report_are_read_with_its_passage() -> None:
    asked = "What was the revenue in 2022?"
    assert declined("near", asked, evidence("Revenue.", date="2022-03")).endswith("answers this.")
    assert declined("near", asked, evidence("Revenue.", "Report 2022")).endswith("answers this.")
    assert "gives 2021, not 2022" in declined("near", asked, evidence("Revenue.", "Report 2021"))


def test_nothing_on_the_subject_is_told_as_such() -> None:
    for found in ([], evidence("Revenue was 61 million in 2022.")):
        said = declined("nothing_on_subject", "Who won in 1999?", found)
        assert said == f"{NOTHING_FOUND} on this subject."


def kind(question: str, *found_by: str, tokens: int = 1) -> str:
    embedder = WordsEmbedder()
    hits = [Hit(Chunk("a", 0, "", 1, 0, 1, "x", ""), "", 1.0, by) for by in found_by]  # type: ignore[arg-type]

    def count(text: str) -> int:
        return tokens

    def encode(texts: Sequence[str]) -> np.ndarray:
        return embedder.encode(texts)

    return kind_of(question, hits, encode, count, encode(EXAMPLES))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who are you?", "assistant"),
        ("What can you do?", "assistant"),
        ("Thank you very much!", "thanks"),
        ("Hello!", "greeting"),
        ("Who is the mayor?", "question"),
    ],
)
def test_a_turn_is_of_the_kind_of_its_nearest_example(question: str, expected: str) -> None:
    assert kind(question, "both") == expected
    assert expected == "question" or SAID[expected]  # type: ignore[index]


def test_words_of_no_language_are_told_by_their_tokens_and_only_where_no_report_has_them() -> None:
    assert kind("asdf qwer zxcv", "dense", tokens=8) == "gibberish"
    assert kind("asdf qwer zxcv", "dense", "both", tokens=8) == "question"
    assert kind("who asdf qwer zxcv", "dense", tokens=8) == "question"
    assert kind("photosynthesis", "dense", tokens=4) == "question"
    assert kind("馆长是谁", "dense", tokens=4) == "question"
