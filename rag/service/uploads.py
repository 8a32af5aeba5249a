"""Reports that were sent.

Each lies on the disk until its turn to be added has come, so that none is lost with the server.
"""

import json
import logging
import os
import queue
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from rag.errors import BusyError, NotFoundError, RagError
from rag.files import unfinished_name, written_whole
from rag.service.service import Service, suffix_of

MAX_WAITING = 32  # each is a file of up to 50 MB on the disk
MAX_JOBS = 1000  # remembered; of more the oldest are forgotten
_MAX_TRIES = 2  # a file whose reading ends the server must not end it at every start
_OURS = re.compile(r"[0-9a-f]{32}\.[a-z.]+")
_log = logging.getLogger("rag.service.uploads")


@dataclass(frozen=True, slots=True)
class Job:
    """An upload on its way into a library."""

    id: str  # 32 hexadecimal digits
    library: str
    file: str  # its name, as it was sent
    tries: int = 0  # how often adding it was begun
    status: Literal["waiting", "adding", "added", "replaced", "failed"] = "waiting"
    document: str = ""  # the name it was given
    chunks: int = 0
    reason: str = ""  # of a failure

    @property
    def done(self) -> bool:
        return self.status not in ("waiting", "adding")


class Uploads:
    """Adds uploads one after the other, beside the questions. Safe from several threads.

    In the folder `.uploads` of the libraries an upload is a file named after its job, and a note of
    JSON with what is to become of it. The note is written when the file is whole and removed when
    its document is stored, so it tells what is to be done.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._folder = service.indexes / ".uploads"
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def resume(self) -> None:
        """Take up again what a server that ended has left, in the order it came.

        No other server may be at work on it.
        """
        if not self._folder.is_dir():
            return
        notes = sorted(self._folder.glob("*.json"), key=lambda note: note.stat().st_mtime_ns)
        left = [job for note in notes if (job := _read(note))]
        files = {self._file(job) for job in left} | {self._note(job) for job in left}
        for file in self._folder.iterdir():
            if file not in files and _OURS.fullmatch(
                unfinished_name(file) or file.name
            ):  # never wholly received
                file.unlink(missing_ok=True)
        for job in left:
            if job.tries < _MAX_TRIES:
                self._enqueue(job)
            else:
                self._end(
                    replace(
                        job,
                        status="failed",
                        reason="The server ended each time it read the file; send another.",
                    )
                )

    def put(self, library: str, name: str, content: BinaryIO) -> Job:
        """Keep what was sent under a file name until its turn comes; the job that it is.

        Raises DocumentError for a kind that is not read, BusyError where many wait or the disk does
        not take it.
        """
        job = Job(uuid.uuid4().hex, library, name)
        file = self._file(job)
        with self._lock:
            if self._waiting.qsize() >= MAX_WAITING:
                raise BusyError(
                    f"{MAX_WAITING} files wait to be added, and no more are taken; send it later."
                )
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with file.open("wb") as out:
                    shutil.copyfileobj(content, out)
                    out.flush()
                    os.fsync(out.fileno())
                self._write_note(job)
            except OSError as error:
                with suppress(OSError):
                    file.unlink()
                raise BusyError(
                    f"The file cannot be kept until it is added ({error.strerror}); send it again later."
                ) from error
            self._enqueue(job)
        return job

    def get(self, id: str) -> Job:
        """The job as it is now. Raises NotFoundError where there is none."""
        job = self._jobs.get(id)
        if job is None:
            raise NotFoundError(
                "There is no such job, or not any more; look for its document in the list of documents."
            )
        return job

    def of(self, library: str) -> list[Job]:
        """The jobs of a library, the last first."""
        return [job for job in reversed(list(self._jobs.values())) if job.library == library]

    # --- Behind the scenes ----------------------------------------------------------------------------------------

    def _enqueue(self, job: Job) -> None:
        self._jobs[job.id] = job
        while len(self._jobs) > MAX_JOBS:
            del self._jobs[next(iter(self._jobs))]
        self._waiting.put(job)

    def _work(self) -> None:
        for job in self._turns():
            try:
                added = self._service.add_upload(job.library, self._file(job), job.file)
                outcome: Any = added.outcome  # what is sent is never unchanged
                done = replace(job, status=outcome, document=added.document, chunks=added.chunks)
            except RagError as error:
                done = replace(job, status="failed", reason=str(error))
            except Exception:
                done = replace(
                    job, status="failed", reason="The server has a fault; its log says which."
                )
                _log.exception("an upload was not added")
            if done.status == "failed" and self._service.closed:
                return  # it failed for that, and waits for the next server
            self._end(done)

    def _turns(self) -> Iterator[Job]:
        """The uploads as their turns come, noted as begun."""
        while not self._service.closed:
            job = self._waiting.get()
            job = self._jobs[job.id] = replace(job, status="adding", tries=job.tries + 1)
            with suppress(OSError):  # uncounted, it is tried once more
                self._write_note(job)
            yield job

    def _end(self, job: Job) -> None:
        with suppress(OSError):
            self._note(job).unlink()  # first: a note promises a file
            self._file(job).unlink()
        self._jobs[job.id] = job
        self._service.metrics.count("rag_uploads_total", outcome=job.status)

    def _file(self, job: Job) -> Path:
        return self._folder / f"{job.id}{suffix_of(job.file)}"

    def _note(self, job: Job) -> Path:
        return self._folder / f"{job.id}.json"

    def _write_note(self, job: Job) -> None:
        note = {"library": job.library, "file": job.file, "tries": job.tries}
        with written_whole(self._note(job)) as unfinished:
            unfinished.write_text(json.dumps(note), encoding="utf-8")


def _read(note: Path) -> Job | None:
    """The upload of a note; None where it is none of ours."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        job = Job(note.stem, str(told["library"]), str(told["file"]), int(told["tries"]))
        suffix_of(job.file)
    except (OSError, ValueError, TypeError, KeyError, RagError):
        return None
    return job if _OURS.fullmatch(note.name) else None
