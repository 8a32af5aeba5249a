"""Uploads on their way: none is lost with the server, and none comes between."""

import json
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fakes import ServiceWith
from served import GRAIN

from rag.errors import BusyError, DocumentError, NotFoundError
from rag.service import jobs as jobs_module
from rag.service.jobs import Job, Jobs
from rag.service.service import Service

TEA = b"Eastern Trade\n\nTea rose by 7 percent."


def done(jobs: Jobs, job: Job) -> Job:
    while not (now := jobs.get(job.id)).finished:
        time.sleep(0.01)
    return now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "indexes" / ".uploads"


class Held:
    """A service whose uploads are held up as they are about to be added."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Event()
        add = service.add_upload

        def held(*arguments: Any) -> Any:
            self.begun.release()
            self.go.wait(60)
            return add(*arguments)

        monkeypatch.setattr(service, "add_upload", held)


def test_what_is_added_leaves_nothing_behind(service_with: ServiceWith, folder: Path) -> None:
    service = service_with({"grain": GRAIN})
    jobs = Jobs(service)
    job = done(jobs, jobs.upload("grain", "../East Trade.txt", BytesIO(TEA)))
    assert (job.status, job.document, job.chunks) == ("added", "East-Trade", 1)
    failed = done(jobs, jobs.upload("grain", "empty.txt", BytesIO(b" ")))
    assert (failed.status, failed.document) == ("failed", "")
    assert list(folder.iterdir()) == []
    service.close()


def test_what_waits_when_the_server_ends_is_added_by_the_next(
    service_with: ServiceWith, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_with({"grain": GRAIN})
    held, jobs = Held(monkeypatch, service), Jobs(service)
    sent = [
        jobs.upload("grain", f"tea-{number}.txt", BytesIO(TEA + b"%d" % number))
        for number in range(3)
    ]
    assert held.begun.acquire(timeout=60)
    service.close()
    held.go.set()  # the one that was begun finds the library closed
    assert len(list(folder.iterdir())) == 6, "a file and a note of each"
    (folder / f"{'0' * 32}.txt").write_bytes(b"never wholly received")
    (folder / f"{'1' * 32}.json").write_text("[]")
    (folder / "of-somebody-else").write_bytes(b"")

    again = service_with({})
    later = Jobs(again)
    later.resume()
    assert [done(later, job).status for job in sent] == ["added"] * 3
    assert [d.name for d in again.pipeline("grain").library.documents()] == [
        "north",
        "south",
        "tea-0",
        "tea-1",
        "tea-2",
    ]
    assert [file.name for file in folder.iterdir()] == ["of-somebody-else"]
    again.close()


def test_a_file_that_ends_the_server_each_time_is_given_up(
    service_with: ServiceWith, folder: Path
) -> None:
    folder.mkdir(parents=True)
    id = "a" * 32
    (folder / f"{id}.txt").write_bytes(TEA)
    (folder / f"{id}.json").write_text(
        json.dumps({"library": "grain", "file": "tea.txt", "replaces": "", "tries": 2})
    )
    service = service_with({"grain": GRAIN})
    jobs = Jobs(service)
    jobs.resume()
    assert jobs.get(id).status == "failed"
    assert list(folder.iterdir()) == []
    service.close()


def test_a_server_that_is_stopped_twice_while_it_reads_a_file_gives_it_not_up(
    service_with: ServiceWith, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_with({"grain": GRAIN})
    for stop in range(3):
        held, jobs = Held(monkeypatch, service), Jobs(service)
        if stop:
            jobs.resume()
        else:
            jobs.upload("grain", "tea.txt", BytesIO(TEA))
        assert held.begun.acquire(timeout=10)
        jobs.close()
        service.close()
        held.go.set()
        service = service_with({})
    again = Jobs(service)
    again.resume()
    assert [done(again, job).status for job in again.uploads_of("grain")] == ["added"]
    service.close()


def test_no_more_wait_than_the_disk_should_hold(
    service_with: ServiceWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "MAX_WAITING_UPLOADS", 2)
    service = service_with({"grain": GRAIN})
    held, jobs = Held(monkeypatch, service), Jobs(service)
    jobs.upload("grain", "tea.txt", BytesIO(TEA))
    assert held.begun.acquire(timeout=60)  # it waits no more
    sent = [jobs.upload("grain", "tea.txt", BytesIO(TEA)) for _ in range(2)]
    with pytest.raises(BusyError, match="2 files wait to be added"):
        jobs.upload("grain", "tea.txt", BytesIO(TEA))
    held.go.set()
    assert [done(jobs, job).status for job in sent] == ["unchanged"] * 2
    service.close()


def test_a_kind_that_is_not_read_and_a_job_that_is_not_there(
    service_with: ServiceWith, folder: Path
) -> None:
    service = service_with({"grain": GRAIN})
    jobs = Jobs(service)
    with pytest.raises(DocumentError, match="kind of file cannot be read"):
        jobs.upload("grain", "a.exe", BytesIO(b"MZ"))
    with pytest.raises(NotFoundError):
        jobs.get("../../etc/passwd")
    assert not folder.exists()
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"")  # no folder can be made
    with pytest.raises(BusyError, match="cannot be kept until it is added"):
        jobs.upload("grain", "a.txt", BytesIO(TEA))
    service.close()


def test_the_first_file_that_can_be_read_makes_the_library(service_with: ServiceWith) -> None:
    service = service_with({"grain": GRAIN})
    jobs = Jobs(service)
    failed = done(jobs, jobs.upload("new", "empty.txt", BytesIO(b"")))
    assert failed.status == "failed"
    assert "new" not in service.libraries()
    added = done(jobs, jobs.upload("new", "tea.txt", BytesIO(TEA)))
    assert added.status == "added"
    assert service.pipeline("new").document("tea").title == "Eastern Trade"
