"""HTML of the models, read as a browser would read it, and what the page does with them."""

import time
from pathlib import Path

import pytest
from gguf_files import write_gguf
from pages import ATTRIBUTES, HOSTILE, TAGS, Page

from rag.catalogue.entries import find_entry
from rag.catalogue.installed import InstalledModel
from rag.service.jobs import Jobs
from rag.service.model_work import ModelTask, ModelWork
from rag.service.service import Service
from rag.ui.controller import Controller
from rag.ui.models_view import models_html, used_html

TINY = InstalledModel("tiny", "writer", "/m/tiny.gguf", 1_200_000_000, "", "MIT", pulled=False)


def actions(page: Page) -> list[tuple[str, str]]:
    return [
        (a["data-action"], a["data-name"]) for _, a in page.elements if a.get("data-do") == "model"
    ]


def test_models_here_can_be_used_tested_and_removed_and_others_downloaded() -> None:
    entry = find_entry("qwen3.5-2b")
    shown = Page(models_html([(TINY, False)], [entry], None, 3_000_000_000, local=True))
    assert actions(shown) == [
        ("use", "tiny"),
        ("test", "tiny"),
        ("remove", "tiny"),
        ("use", "embedded"),
        ("pull", "qwen3.5-2b"),
    ]
    text = shown.text("section")
    for told in (
        "3.0 GB of memory free",
        "1.2 GB · MIT",
        "201 languages",
        "None of these was",
    ):
        assert told in text


def test_the_model_in_use_is_told_and_only_a_reader_at_this_machine_names_a_file() -> None:
    shown = Page(models_html([(TINY, True)], [], None, 1, local=False))
    assert "in use" in shown.text("li")
    assert ("use", "tiny") not in actions(shown)
    assert not [tag for tag, _ in shown.elements if tag == "form"]


def test_only_a_reader_at_this_machine_names_a_server_and_is_told_what_is_sent_to_it() -> None:
    used = {"writes": "a", "reads": "b", "embeds": "c", "server": ""}
    shown = Page(used_html(used, ("http://127.0.0.1:1/v1", "m"), local=True))
    assert "are sent to this server, and to no other" in shown.text("details")
    assert "From the next start on, m at http://127.0.0.1:1/v1 writes" in shown.text("section")
    assert "form" not in [tag for tag, _ in Page(used_html(used, ("", ""), local=False)).elements]


def test_a_task_under_way_is_followed_and_its_end_is_told() -> None:
    running = models_html([], [], ModelTask("pull", "tiny", "0.1 GB of 0.5 GB"), 1, local=True)
    assert "data-busy" in dict(Page(running).elements)["section"]
    assert "Downloading tiny · under way" in Page(running).text("div")
    failed = models_html([], [], ModelTask("pull", "tiny", "No.", "failed"), 1, local=True)
    assert "data-busy" not in dict(Page(failed).elements)["section"]
    assert "failed" in Page(failed).text("div")


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_of_a_model_becomes_markup(words: str) -> None:
    hostile = InstalledModel(words, "writer", words, 1, words, words, pulled=False)
    task = ModelTask("add", words, words)
    shown = Page(models_html([(hostile, True)], [], task, 1, local=True))
    tags = {tag for tag, _ in shown.elements}
    names = {name for _, attributes in shown.elements for name in attributes}
    assert tags <= TAGS | {"strong", "form", "label", "input"}
    assert names <= ATTRIBUTES | set(
        "data-busy data-sure data-action data-name data-form for name placeholder autocomplete"
        " spellcheck".split()
    )


def finished(work: ModelWork) -> ModelTask:
    deadline = time.monotonic() + 120
    while work.task is None or work.task.status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return work.task


@pytest.fixture
def controller(service: Service) -> Controller:
    return Controller(service, Jobs(service), local=True)


def test_the_page_does_what_the_command_does(
    controller: Controller, service: Service, tmp_path: Path
) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    assert "data-busy" in controller.change_model("add", str(path))
    assert finished(service.model_work).status == "done"
    controller.change_model("use", "tiny")
    assert finished(service.model_work).said == "It writes from now on."
    assert ("remove", "tiny") in actions(Page(controller.models()))
    assert ("use", "tiny") not in actions(Page(controller.models()))
    controller.change_model("use", "huge")
    task = finished(service.model_work)
    assert task.status == "failed"
    assert "no model 'huge' on this machine" in task.said


def test_what_is_no_task_is_not_begun(controller: Controller, service: Service) -> None:
    for action, name in (("list", "x"), ("", ""), ("pull", ""), ("pull", "--help"), ("rm", "tiny")):
        assert "is nothing to do" in controller.change_model(action, name)
    assert service.model_work.task is None


def test_a_reader_elsewhere_names_no_file(service: Service) -> None:
    remote = Controller(service, Jobs(service), local=False)
    assert "at the machine of the server only" in remote.change_model("add", "/etc/passwd")
    assert service.model_work.task is None
