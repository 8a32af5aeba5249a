from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeModels
from sets import LINES, quiet, write_set

from rag.config import Settings
from rag.errors import UsageError
from rag.evaluation.dataset import read_set
from rag.evaluation.metrics import report
from rag.evaluation.predictions import as_report, predict


def test_a_run_asks_every_question_of_the_set(tmp_path: Path, settings: Settings) -> None:
    evaluation = read_set(write_set(tmp_path / "set"))
    said: list[tuple[str, int, int]] = []
    predictions = list(
        predict(evaluation, settings, FakeModels(), False, lambda *step: said.append(step))
    )
    assert [prediction.question.id for prediction in predictions] == [
        str(row["id"]) for row in LINES
    ]
    assert said == [
        *(("documents", n, 2) for n in (1, 2)),
        *(("questions", n, 8) for n in range(1, 9)),
    ]
    found = report(evaluation, predictions)
    assert (found.set, found.questions, found.answerable, found.unanswerable) == ("set", 8, 6, 2)
    assert found.figures["rightly_abstained:far"] == (1, 1, 1, 1)
    assert found.figures["quotes_verbatim"].value == 1
    assert predictions[4].hits[0].chunk.document == "trains", "the history was not used"
    assert set(found.seconds) == {"retrieve", "first", "total"}


def test_with_retrieval_only_nothing_is_answered(tmp_path: Path, settings: Settings) -> None:
    evaluation = read_set(write_set(tmp_path / "set"))
    predictions = list(predict(evaluation, settings, FakeModels(), True, quiet))
    assert {prediction.answer for prediction in predictions} == {None}
    assert predictions[4].hits[0].chunk.document == "trains", "the history was not used"
    found = report(evaluation, predictions)
    assert set(found.figures) == {
        "recall@1",
        "recall@3",
        "recall@5",
        "recall@10",
        "mrr@10",
        "ndcg@10",
    }
    assert found.figures["recall@10"].questions == 6
    assert (found.answer_words_median, set(found.seconds)) == (None, {"retrieve"})


def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path, settings: Settings) -> None:
    running = predict(read_set(write_set(tmp_path / "set")), settings, FakeModels(), True, quiet)
    next(running)
    assert list((tmp_path / "temporary").iterdir())
    running.close()
    assert not list((tmp_path / "temporary").iterdir())
    assert not settings.indexes.exists()


def test_a_document_that_cannot_be_read_stops_the_run(tmp_path: Path, settings: Settings) -> None:
    evaluation = replace(read_set(write_set(tmp_path / "set")), documents={"blank": ("", "  \n ")})
    with pytest.raises(
        UsageError, match=r"A document of the set 'set' cannot be used: blank\.txt is empty"
    ):
        list(predict(evaluation, settings, FakeModels(), True, quiet))


@pytest.mark.parametrize(
    ("text", "report_text"),
    [
        ("Xi's visit was long.", "Xi's Visit\n\nXi's visit was long."),
        ("Xi's Visit\n\nIt was long.", "Xi's Visit\n\nIt was long."),
        (
            "March 24, 2023\n\n Xi's   Visit \n\nIt was long.",
            "March 24, 2023\n\n Xi's   Visit \n\nIt was long.",
        ),
        (
            "It was long. " * 30 + "\nXi's Visit\n",
            "Xi's Visit\n\n" + "It was long. " * 30 + "\nXi's Visit\n",
        ),
    ],
)
def test_a_title_is_written_once(text: str, report_text: str) -> None:
    assert as_report("Xi's Visit", text) == report_text
