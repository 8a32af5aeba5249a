"""Long work on libraries: what is taken on, how far it is, and what comes of it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import BusyError, NotFoundError, UsageError
from rag.library.store import Library
from rag.pipeline import Pipeline
from rag.service.fair_queue import RequestContext
from rag.service.jobs import Jobs
from rag.service.service import Service


def reports(folder: Path) -> Path:
    folder.mkdir()
    (folder / "north.txt").write_text("Northern Trade\n\nTrade in grain rose.", encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    return folder


def wait(until: Callable[[], Any]) -> None:
    while not until():
        time.sleep(0.01)


def test_a_folder_is_added_file_by_file_and_what_failed_is_told_with_its_reason(
    service: Service, tmp_path: Path
) -> None:
    jobs = Jobs(service)
    jobs.begin("default", "add", str(reports(tmp_path / "reports")))
    wait(lambda: jobs.tasks_of("default")[0].finished)
    task = jobs.tasks_of("default")[0]
    assert (task.status, task.number, task.of) == ("failed", 2, 2)
    assert task.message == "1 of 2 files are in the library, 1 of them new."
    assert [fault.partition(":")[0] for fault in task.faults] == ["broken.pdf"]
    assert [d.name for d in service.pipeline("default").library.documents()] == ["north"]
    assert jobs.tasks_of("other") == []


def test_what_is_left_out_of_a_folder_is_counted_and_told(service: Service, tmp_path: Path) -> None:
    folder = reports(tmp_path / "reports")
    (folder / "broken.pdf").unlink()
    for name in ("a.png", "b.png", "~$north.docx"):
        (folder / name).write_bytes(b"x")
    jobs = Jobs(service)
    jobs.begin("default", "add", str(folder))
    wait(lambda: jobs.tasks_of("default")[0].finished)
    assert jobs.tasks_of("default")[0].message == (
        "1 of 1 files are in the library, 1 of them new. Left out: 2 (a kind of file that is not "
        "read: a.png, b.png); 1 (a lock file of an office program: ~$north.docx)."
    )


def test_rebuilding_and_verifying_say_what_came_of_them(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(service)
    folder = reports(tmp_path / "reports")
    (folder / "broken.pdf").unlink()
    jobs.begin("default", "add", str(folder))
    jobs.begin("default", "rebuild")
    jobs.begin("default", "verify")
    wait(lambda: all(task.finished for task in jobs.tasks_of("default")))
    assert [task.message for task in jobs.tasks_of("default")] == [
        "No fault was found in the library.",
        "1 reports were embedded again.",
        "1 of 1 files are in the library, 1 of them new.",
    ]
    monkeypatch.setattr(Library, "verify", lambda _: ["A passage differs."])
    jobs.begin("default", "verify")
    wait(lambda: jobs.tasks_of("default")[0].finished)
    assert (jobs.tasks_of("default")[0].status, jobs.tasks_of("default")[0].faults) == (
        "failed",
        ("A passage differs.",),
    )


def test_what_is_under_way_is_not_begun_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    service.pipeline("default", create=True).create()
    monkeypatch.setattr(Pipeline, "rebuild", lambda *_: held.wait(60))
    jobs = Jobs(service)
    jobs.begin("default", "rebuild")
    with pytest.raises(UsageError, match="under way already"):
        jobs.begin("default", "rebuild")
    held.set()
    wait(lambda: jobs.tasks_of("default")[0].finished)
    jobs.begin("default", "rebuild")


@pytest.mark.parametrize("folder", ["", "  ", "reports", "../reports", "/there/is/no/such/folder"])
def test_a_folder_is_named_by_its_full_path_and_must_be_there(
    service: Service, folder: str
) -> None:
    jobs = Jobs(service)
    with pytest.raises(UsageError):
        jobs.begin("default", "add", folder)
    assert jobs.tasks_of("default") == []


def test_what_has_ended_is_dismissed_all_at_once_or_that_of_a_document(
    service: Service, tmp_path: Path
) -> None:
    jobs = Jobs(service)
    folder = reports(tmp_path / "reports")
    for name in ("north", "south"):
        file = folder / f"{name}.txt"
        file.write_text(f"Report {name}\n\nTrade in {name} rose.", encoding="utf-8")
        with file.open("rb") as content:
            jobs.upload("default", file.name, content)
    wait(lambda: all(job.finished for job in jobs.uploads_of("default")))
    jobs.dismiss("other")
    jobs.dismiss("default", "north")
    assert [job.document for job in jobs.uploads_of("default")] == ["south"]
    jobs.dismiss("default")
    assert jobs.uploads_of("default") == []


def test_what_is_cancelled_keeps_what_was_added_and_adds_nothing_that_waits(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for number in range(4):
        text = f"Report {number}\n\nTrade number {number} rose."
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    may_go_on = threading.Event()
    add = Pipeline.add

    def add_slowly(self: Pipeline, *given: Any) -> Any:
        for added in add(self, *given):
            may_go_on.wait()
            yield added

    monkeypatch.setattr(Pipeline, "add", add_slowly)
    jobs = Jobs(service)
    jobs.begin("default", "add", str(folder))
    wait(lambda: jobs.tasks_of("default")[0].status == "running")
    jobs.cancel("other")
    jobs.cancel("default")
    may_go_on.set()
    wait(lambda: jobs.tasks_of("default")[0].finished)
    (task,) = jobs.tasks_of("default")
    assert task.message == "It was cancelled. Files added before that: 1."
    assert len(service.pipeline("default").library.documents()) == 1


def test_a_library_is_renamed_and_deleted_with_all_it_holds(
    service: Service, tmp_path: Path
) -> None:
    jobs = Jobs(service)
    jobs.begin("default", "add", str(reports(tmp_path / "reports")))
    wait(lambda: not jobs.is_busy("default"))
    service.rename_library("default", "Trade in wool")
    assert service.libraries() == [service.default] == ["Trade in wool"]
    assert [d.name for d in service.pipeline(service.default).library.documents()] == ["north"]
    service.pipeline("other", create=True).create()
    with pytest.raises(UsageError, match="already"):
        service.rename_library("other", "Trade in wool")
    for name in ("../x", ".x", " x", "x ", "a/b", "", "x" * 65):
        with pytest.raises(UsageError):
            service.rename_library("other", name)
    with pytest.raises(NotFoundError):
        service.delete_library("gone")
    service.delete_library("Trade in wool")
    assert service.libraries() == ["other"]
    assert not [*service.indexes.glob(".removed*")], "nothing of it is left"


def test_no_library_is_moved_while_a_question_is_under_way(service: Service) -> None:
    service.pipeline("default", create=True).create()
    with service._admitted(RequestContext()):
        with pytest.raises(BusyError):
            service.rename_library("default", "other")
        with pytest.raises(BusyError):
            service.delete_library("default")
    service.delete_library("default")
    assert service.libraries() == []
