"""What readers do at the page, without a page."""

import time
from pathlib import Path

import pytest

from rag.errors import LibraryError
from rag.service.jobs import Jobs
from rag.service.service import Service
from rag.types import EVERYTHING, Filter
from rag.ui.controller import BrowserWindow, Controller, View


def controller_of(service: Service, local: bool = True) -> Controller:
    return Controller(service, Jobs(service), local)


@pytest.fixture
def controller(service: Service, tmp_path: Path) -> Controller:
    """A controller with a library of two reports."""
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "north.txt").write_text(
        "Northern Trade\n\nTrade in grain rose by 30 percent in May.", encoding="utf-8"
    )
    (reports / "south.txt").write_text(
        "Southern Trade\n\nTrade in wool fell by 12 percent in June.", encoding="utf-8"
    )
    list(service.pipeline("default", create=True).add([reports]))
    return controller_of(service)


def asked(
    controller: Controller, window: BrowserWindow, question: str, only: Filter = EVERYTHING
) -> View:
    return list(controller.ask(window, question, "anna", 0.4, only))[-1]


def after(controller: Controller, window: BrowserWindow, *questions: str) -> BrowserWindow:
    for question in questions:
        window = asked(controller, window, question).window or window
    return window


def test_a_window_begins_with_the_library_of_the_address_or_with_the_one_of_the_server(
    controller: Controller, service: Service
) -> None:
    assert controller.make("wool") == ""
    assert [controller.window(name).library for name in ("", "wool", "../wool", "gone")] == [
        "default",
        "wool",
        "default",
        "default",
    ]
    assert controller_of(service).window("wool").library == "wool"


def test_an_address_of_no_conversation_is_answered_in_a_sentence(controller: Controller) -> None:
    for key, why in (
        ("x", "names no conversation"),
        ("7", "There is no conversation 7"),
        ("-1", "There is no conversation"),
    ):
        window = controller.window("default", key)
        assert (window.key, window.turns) == (None, ())
        assert why in window.trouble


def test_what_was_said_comes_back_as_it_was(controller: Controller) -> None:
    window = after(
        controller, controller.window(), "trade in grain by percent", "trade in wool by percent"
    )
    assert controller.window("default", str(window.key)) == window
    assert [turn.role for turn in window.history] == ["user", "assistant"] * 2


def test_a_question_that_cannot_be_asked_changes_no_conversation(controller: Controller) -> None:
    window = after(controller, controller.window(), "trade in grain by percent")
    first, *_, view = controller.ask(window, "trade", "anna", 0.4, Filter(after="last May"))
    assert view.window is None
    assert "is not a date" in view.answer
    assert "rose by 30 percent" in str(first.earlier)
    assert view.earlier is None, "what was said before goes over once"


def test_an_empty_question_narrowed_down_otherwise_is_the_last_one_again(
    controller: Controller,
) -> None:
    window = after(controller, controller.window(), "trade by percent")
    again = asked(controller, window, " ", Filter(("south",))).window
    assert again is not None
    assert [answer.question for answer, _ in again.turns] == ["trade by percent"] * 2
    assert {c.document for c in again.turns[1][0].citations} == {"south"}
    assert "The question is empty" in asked(controller, window, " ").answer


def test_a_conversation_that_could_not_be_kept_is_kept_whole_once_it_can(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LibraryError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr("rag.library.sql.conversations.Conversations.append", full)
        window = after(
            controller, controller.window(), "trade in grain by percent", "trade in wool by percent"
        )
        assert (window.kept, len(window.turns)) == (0, 2)
        assert "The disk is full." in window.head
    window = after(controller, window, "trade by percent")
    assert len(controller.window("default", str(window.key)).turns) == 3
    assert "not kept" not in window.head


def test_the_report_that_an_answer_cites_may_be_gone_when_its_conversation_is_opened(
    controller: Controller,
) -> None:
    window = after(controller, controller.window(), "trade in grain by percent")
    assert 'data-document="north"' in controller.beside(window)
    assert "mark" in controller.beside(window)
    for name in ("north", "south"):
        assert controller.discard(window, name) == ""
    assert "No documents yet" in controller.beside(window)
    assert "no document" in controller.discard(window, "north")


@pytest.mark.parametrize(
    "opened", [{"document": "north", "turn": turn} for turn in ("0", "7", "-5", "")]
)
def test_a_report_opens_whatever_turn_is_named(
    controller: Controller, opened: dict[str, str]
) -> None:
    window = after(controller, controller.window(), "trade in grain by percent")
    assert 'class="report" data-document="north"' in controller.open(window, opened)


def test_who_sits_elsewhere_names_no_folder_of_the_machine(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("A Secret\n\nNobody knows.", encoding="utf-8")
    controller = controller_of(service, local=False)
    assert "at the machine of the server only" in controller.begin(
        BrowserWindow(), "add", str(tmp_path)
    )
    assert controller.work(BrowserWindow())[0] == ""
    assert controller_of(service).begin(BrowserWindow(), "add", str(tmp_path)) == ""


def test_closing_what_an_answer_comes_from_leaves_no_question_under_way(
    controller: Controller, service: Service
) -> None:
    views = controller.ask(
        controller.window(), "trade in grain by percent", "anna", 0.4, EVERYTHING
    )
    assert next(views).running
    views.close()
    assert asked(controller, controller.window(), "trade in grain by percent").window is not None
    while service.active_questions:  # its thread hears of it at its next step
        time.sleep(0.01)
