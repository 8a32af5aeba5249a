"""What happens to questions without an answer: told honestly, kept, asked again."""

from pathlib import Path

from fakes import PipelineWith

from rag.answering import decline
from rag.types import Found, Turn

REPORT = {"mill.txt": "Mills\n\nThe mill was sold in 2021. It burned down."}


def test_a_question_without_an_answer_is_told_why_and_kept(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with(REPORT)
    answer = pipeline.ask("When was the mill sold for good?")
    assert not answer.abstained
    answer = pipeline.ask("Who of 2023 ever bought this mill?")
    assert answer.abstained
    assert answer.declined.startswith(decline.NOTHING_FOUND)
    (kept,) = pipeline.library.unanswered.listing()
    assert (kept.question, kept.reason) == (answer.question, answer.reason)


def test_a_turn_that_asks_nothing_of_the_reports_is_answered_as_such_and_not_kept(
    pipeline_with: PipelineWith,
) -> None:
    pipeline = pipeline_with(REPORT)
    for question, kind in [("Who are you?", "assistant"), ("Thanks a lot!", "thanks")]:
        found, answer = pipeline.stream(question)
        assert found == Found(())
        assert (answer.abstained, answer.reason, answer.hits) == (True, "", ())  # type: ignore[union-attr]
        assert answer.declined == decline.SAID[kind]  # type: ignore[union-attr, index]
    assert pipeline.library.unanswered.listing() == []


def test_an_empty_library_says_so_and_keeps_the_question(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with(REPORT)
    pipeline.library.remove("mill")
    answer = pipeline.ask("When was the mill sold?")
    assert answer.declined == decline.EMPTY_LIBRARY
    assert [q.question for q in pipeline.library.unanswered.listing()] == [answer.question]


def test_a_follow_up_is_kept_as_it_was_understood(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with(REPORT)
    pipeline.ask("And in 1999?", [Turn("user", "Whose uncle ran this oily mill in 1998?")])
    assert [q.question for q in pipeline.library.unanswered.listing()] == [
        "Whose uncle ran this oily mill in 1999?"
    ]


def test_what_is_unanswered_is_asked_again_and_noted_once_it_is_answered(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with(REPORT)
    asked = "Who painted the tower?"
    pipeline.ask(asked)
    assert pipeline.ask_again() == []
    file = tmp_path / "tower.txt"
    file.write_text("Towers\n\nNobody painted the tower, who?\n\nMara painted the tower.")
    list(pipeline.add([file]))
    (answer,) = pipeline.ask_again()
    assert (answer.question, answer.abstained) == (asked, False)
    (kept,) = pipeline.library.unanswered.listing()
    assert kept.answered
    assert pipeline.ask_again() == []
