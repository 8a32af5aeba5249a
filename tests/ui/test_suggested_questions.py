"""Questions for a newcomer: what they are made from, and that only well answered ones are shown."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import ServiceWith

from rag.reading.documents import read_document
from rag.types import Answer, Citation, Document, Seconds, Sentence, Span
from rag.ui.suggested_questions import (
    SuggestedQuestion,
    SuggestedQuestions,
    candidate_questions,
    choose_answered,
    is_answered_well,
)


def document(folder: Path, text: str) -> Document:
    file = folder / "report.md"
    file.write_text(f"# The harbour of Norr\n\n## Executive summary\n\n{text}\n", encoding="utf-8")
    return read_document(file)


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        (
            "The harbour of Norr was opened in 1887 by the king.",
            "When was the harbour of Norr opened?",
        ),
        ("A new crane costs 4 million crowns.", "How much does a new crane cost?"),
        ("The Fish Quay has 14 cranes.", "How many cranes does the Fish Quay have?"),
        ("The harbour master is Lena Dahl.", "Who is the harbour master?"),
        ("Lena Dahl, the master of the harbour, agrees.", "Who is the master of the harbour?"),
        ("Lena Dahl opened the new quay for timber.", "Who opened the new quay for timber?"),
        ("The new quay was built by convicts.", "Who built the new quay?"),
        ("In 2022 the old quay was sold to a bank.", "When was the old quay sold to a bank?"),
    ],
)
def test_a_sentence_that_states_one_fact_becomes_a_question(
    tmp_path: Path, sentence: str, question: str
) -> None:
    report = document(tmp_path, sentence)
    (made,) = candidate_questions([report])
    assert made.question == question
    assert report.text[made.start : made.end] == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "It was opened in 1887.",
        "The bank where he works was built in 1887.",
        '"The harbour was opened in 1887," said Lena Dahl.',
        "Nothing of note happened.",
    ],
)
def test_nothing_is_made_of_what_leans_on_other_sentences_or_is_somebodys_view(
    tmp_path: Path, sentence: str
) -> None:
    assert candidate_questions([document(tmp_path, sentence)]) == []


def test_documents_take_turns_and_what_is_near_the_subject_comes_first(tmp_path: Path) -> None:
    text = "A tea costs 4 crowns. The harbour of Norr was opened in 1887."
    one = document(tmp_path, text)
    other = replace(one, name="other")
    made = candidate_questions([one, other])
    assert [(c.document, c.question.split()[0]) for c in made] == [
        ("report", "When"),
        ("other", "When"),
        ("report", "How"),
        ("other", "How"),
    ]


CANDIDATE = SuggestedQuestion("When was it opened?", "report", 10, 40)
CITATION = Citation(1, "report", "", "", None, 1, "", 10, 40, "x", None, "", "", focus=Span(30, 34))
ANSWER = Answer(
    CANDIDATE.question,
    "It was opened in 1887.[1]",
    False,
    "extractive",
    (Sentence("It was opened in 1887.", "supported", (1,)),),
    (CITATION,),
    (),
    Seconds(0.1, 0.2, 0.3),
    confidence=0.9,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"abstained": True},
        {"confidence": 0.5},
        {"citations": ()},
        {"citations": (replace(CITATION, document="other"),)},
        {"citations": (replace(CITATION, start=50, end=90),)},
        {"citations": (replace(CITATION, focus=None),)},
        {"answer": "word " * 31},
        {"sentences": ANSWER.sentences * 2},
    ],
)
def test_only_a_certain_direct_and_short_answer_by_its_own_sentence_is_good(
    changed: Mapping[str, object],
) -> None:
    assert is_answered_well(CANDIDATE, ANSWER)
    assert not is_answered_well(CANDIDATE, replace(ANSWER, **changed))  # type: ignore[arg-type]


def test_no_more_is_asked_once_enough_are_answered_well() -> None:
    asked: list[str] = []

    def ask(question: str) -> Answer:
        asked.append(question)
        return replace(ANSWER, abstained=question == "2")

    candidates = [replace(CANDIDATE, question=str(n)) for n in range(9)]
    assert choose_answered(candidates, ask, limit=3) == ["0", "1", "3"]
    assert asked == ["0", "1", "2", "3"]


def waited(found: Callable[[], list[str] | None]) -> list[str]:
    until = time.monotonic() + 30
    while (questions := found()) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert questions is not None
    return questions


def test_the_questions_of_a_library_are_found_in_the_background_and_anew_after_a_change(
    service_with: ServiceWith,
) -> None:
    text = "The harbour\n\nThe harbour of Norr was opened in 1887. Nobody came."
    service = service_with({"default": {"harbour.txt": text}})
    suggested = SuggestedQuestions(service)
    assert suggested.of("default") is None
    assert waited(lambda: suggested.of("default")) == ["When was the harbour of Norr opened?"]
    library = service.pipeline("default").library
    assert library.unanswered.listing() == []
    library.remove("harbour")
    assert waited(lambda: suggested.of("default")) == []
