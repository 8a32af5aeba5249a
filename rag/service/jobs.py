"""Work on libraries, done one job after the other beside the questions.

A job adds an upload or a folder, or rebuilds or verifies a library. Uploads survive the end of the
server: the next one goes on with them.
"""

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from rag.errors import BusyError, NotFoundError, RagError, UsageError
from rag.ingest import Added, find_files, left_out_summary
from rag.service.service import Service, check_replaceable
from rag.service.uploads import Upload, UploadFolder, document_name

Task = Literal["add", "rebuild", "verify"]
JobKind = Literal["upload", Task]
Status = Literal["waiting", "running", "added", "replaced", "unchanged", "done", "failed"]

MAX_WAITING_UPLOADS = 32  # each is a file of up to 50 MB on the disk
MAX_UPLOADS = 1000  # remembered; of more, the oldest are forgotten
_MAX_TASKS = 20  # of a library that are finished and remembered
_MAX_TRIES = 2  # a file that makes the server end when it is read must not do so at every start
_CANCELLED = "It was cancelled."
_FAULT = "The server has a fault; its log says which."


@dataclass(frozen=True, slots=True)
class Job:
    """Work on a library, and how far it is."""

    id: str  # 32 hexadecimal digits
    library: str
    kind: JobKind
    source: str = ""  # the name of the file that was sent, or the folder whose files are added
    status: Status = "waiting"  # an upload ends as added, replaced, unchanged or failed
    document: str = ""  # the name that an upload was given
    chunks: int = 0  # of that document
    number: int = 0  # files or documents that are done …
    of: int = 0  # … of so many; 0 while that is unknown
    message: str = ""  # what came of it, or why it failed
    faults: tuple[str, ...] = ()  # files that were not added, faults of the library
    answered: tuple[str, ...] = ()  # questions without an answer before that have one now
    begun: float = 0.0  # when its turn came, on the monotonic clock

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self.status not in ("waiting", "running")

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at the rate so far; None while nothing tells."""
        if self.status != "running" or not 0 < self.number < self.of:
            return None
        return (time.monotonic() - self.begun) / self.number * (self.of - self.number)


class Jobs:
    """The jobs of a server. Safe from several threads.

    Uploads have a worker of their own, so that none waits for a library to be rebuilt.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._folder = UploadFolder(service.indexes / ".uploads")
        self._uploads: dict[str, Upload] = {}  # those not finished, by the id of their job
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._cancelled: set[str] = set()  # ids of jobs that are to end
        self._work: dict[JobKind, Callable[[Job], Job]] = {
            "upload": self._add_upload,
            "add": self._add_folder,
            "rebuild": self._rebuild,
            "verify": self._verify,
        }
        self._waiting_uploads: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._waiting_tasks: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for waiting in (self._waiting_uploads, self._waiting_tasks):
            threading.Thread(target=self._run, args=(waiting,), daemon=True).start()

    def resume(self) -> None:
        """Go on with the uploads that a server which ended has left, in the order they came.

        No other server may be at work on them.
        """
        for upload in self._folder.pending():
            job = self._start_upload(upload, queued=upload.tries < _MAX_TRIES)
            if upload.tries >= _MAX_TRIES:
                reason = "The server ended each time it read the file; send another."
                self._finish(replace(job, status="failed", message=reason))

    def close(self) -> None:
        """Note that the uploads under way are not why the server ends; call it before that."""
        with self._lock:
            for upload in self._uploads.values():
                if self._jobs[upload.id].status == "running":
                    with suppress(OSError):  # it counts as a try, of which it has two
                        self._folder.write_note(replace(upload, tries=upload.tries - 1))

    def upload(self, library: str, name: str, content: BinaryIO, replaces: str = "") -> Job:
        """Keep what was sent under a file name until its turn comes; return its job.

        It takes the place of the document that it `replaces`, and without one of none. Raises
        DocumentError for a kind of file that cannot be read, BusyError where many wait or the disk
        does not take it, and what `check_replaceable` raises.
        """
        if replaces:
            check_replaceable(self._service.pipeline(library), replaces)
        upload = Upload(uuid.uuid4().hex, library, name, replaces)
        with self._lock:
            if self._waiting_uploads.qsize() >= MAX_WAITING_UPLOADS:
                raise BusyError(
                    f"{MAX_WAITING_UPLOADS} files wait to be added, and no more are taken; send it "
                    "later."
                )
            self._folder.keep(upload, content)
            return self._start_upload(upload)

    def begin(self, library: str, kind: Task, folder: str = "") -> Job:
        """Work on the library when its turn comes; return the job.

        Raises UsageError where the same is under way already, and for a folder that does not exist
        or holds nothing to read.
        """
        if kind == "add":
            path = Path(folder.strip()).expanduser()
            if not (folder.strip() and path.is_absolute()):
                raise UsageError(
                    f"{folder!r} is not the full path of a folder; give one that begins with the "
                    "root of the disk."
                )
            find_files([path])
            folder = str(path)
        with self._lock:
            same = (library, kind, folder)
            if any(
                (job.library, job.kind, job.source) == same and not job.finished
                for job in self._jobs.values()
            ):
                raise UsageError("This is under way already; wait until it is done.")
            finished = [job for job in self._tasks(library) if job.finished]
            for job in finished[: 1 - _MAX_TASKS]:
                del self._jobs[job.id]
            job = Job(uuid.uuid4().hex, library, kind, folder)
            self._jobs[job.id] = job
        self._waiting_tasks.put(job)
        return job

    def dismiss(self, library: str, document: str = "") -> None:
        """Forget the jobs of a library that have ended, or only those that added a document."""
        with self._lock:
            for job in [*self._jobs.values()]:
                of_it = not document or job.document == document
                if job.library == library and job.finished and of_it:
                    del self._jobs[job.id]

    def cancel(self, library: str) -> None:
        """End what is being added to a library: what is in it stays, what waits is not added."""
        with self._lock:
            self._cancelled |= {
                job.id
                for job in self._jobs.values()
                if job.library == library and job.kind in ("upload", "add") and not job.finished
            }

    def is_busy(self, library: str) -> bool:
        """Return whether work on a library is under way or waits."""
        with self._lock:
            return any(j.library == library and not j.finished for j in self._jobs.values())

    def get(self, id: str) -> Job:
        """Return the job as it is now. Raises NotFoundError where there is none."""
        job = self._jobs.get(id)
        if job is None:
            raise NotFoundError(
                "There is no such job, or not any more; look for its document in the list of "
                "documents."
            )
        return job

    def uploads_of(self, library: str) -> list[Job]:
        """Return the uploads to a library, the latest first."""
        with self._lock:
            jobs = [j for j in self._jobs.values() if j.library == library and j.kind == "upload"]
        return jobs[::-1]

    def tasks_of(self, library: str) -> list[Job]:
        """Return the other jobs of a library, the latest first."""
        with self._lock:
            return self._tasks(library)[::-1]

    def _tasks(self, library: str) -> list[Job]:
        return [j for j in self._jobs.values() if j.library == library and j.kind != "upload"]

    def _start_upload(self, upload: Upload, queued: bool = True) -> Job:
        job = Job(upload.id, upload.library, "upload", upload.name)
        with self._lock:
            self._uploads[job.id] = upload
            self._jobs[job.id] = job
            uploads = [id for id, job in self._jobs.items() if job.kind == "upload"]
            for id in uploads[:-MAX_UPLOADS]:
                del self._jobs[id]
        if queued:
            self._waiting_uploads.put(job)
        return job

    def _run(self, waiting: "queue.SimpleQueue[Job]") -> None:
        """Do one waiting job after the other, until the service is closed."""
        while not self._service.closed:
            job = self._update(waiting.get(), status="running", begun=time.monotonic())
            try:
                if job.id in self._cancelled:
                    raise UsageError(_CANCELLED)
                job = self._work[job.kind](job)
            except RagError as error:
                job = self._changed(job, status="failed", message=str(error))
            except Exception:
                job = self._changed(job, status="failed", message=_FAULT)
                logging.getLogger(__name__).exception("A job failed: %s", job.kind)
            if job.status == "failed" and self._service.closed:
                return  # it failed for that; an upload waits for the next server
            self._finish(job)

    def _changed(self, job: Job, **changes: Any) -> Job:  # noqa: ANN401 - fields of a Job
        """Return the job as it is now, with the changes."""
        return replace(self._jobs.get(job.id, job), **changes)

    def _update(self, job: Job, **changes: Any) -> Job:  # noqa: ANN401 - fields of a Job
        """Keep the job with the changes, and return it."""
        with self._lock:
            self._jobs[job.id] = job = self._changed(job, **changes)
        return job

    def _finish(self, job: Job) -> None:
        if job.kind == "upload":
            with self._lock:
                self._folder.remove(self._uploads.pop(job.id))
            self._service.metrics.count("rag_uploads_total", outcome=job.status)
        self._cancelled.discard(job.id)
        self._jobs[job.id] = job

    def _add_upload(self, job: Job) -> Job:
        upload = self._uploads[job.id]
        upload = self._uploads[job.id] = replace(upload, tries=upload.tries + 1)
        with suppress(OSError):  # a try that is not counted is one try more
            self._folder.write_note(upload)
        file = self._folder.path(upload)
        added = self._service.add_upload(job.library, file, job.source, upload.replaces)
        message = ""
        if added.outcome == "unchanged":
            message = f"The library holds this file already, as {added.document!r}."
        elif added.outcome == "added" and added.document != document_name(job.source):
            message = f"Another report has this name, so it is called {added.document!r}."
        return replace(
            job,
            status=cast(Status, added.outcome),  # "skipped" is said of folders only
            document=added.document,
            chunks=added.chunks,
            message=" ".join(filter(None, (message, added.reason))),
            answered=() if added.outcome == "unchanged" else self._service.ask_again(job.library),
        )

    def _add_folder(self, job: Job) -> Job:
        pipeline = self._service.pipeline(job.library, create=True)
        total = new = 0
        faults: list[str] = []
        skipped: list[Added] = []
        for added in pipeline.add([Path(job.source)], self._progress(job)):
            if added.outcome == "skipped":
                skipped.append(added)
                continue
            total += 1
            new += added.outcome in ("added", "replaced")
            if added.outcome == "failed":
                faults.append(f"{added.path.name}: {added.reason}")
                self._update(job, faults=tuple(faults))
            if job.id in self._cancelled:
                break
        message = f"{total - len(faults)} of {total} files are in the library, {new} of them new."
        if job.id in self._cancelled:
            message = f"{_CANCELLED} Files added before that: {new}."
        message = " ".join(filter(None, (message, left_out_summary(skipped))))
        return self._changed(
            job,
            status="failed" if faults else "done",
            message=message,
            answered=self._service.ask_again(job.library) if new else (),
        )

    def _rebuild(self, job: Job) -> Job:
        number = self._service.pipeline(job.library).rebuild(self._progress(job))
        message = f"{number} reports were embedded again."
        return self._changed(job, status="done", message=message)

    def _progress(self, job: Job) -> "_Progress":
        return _Progress(lambda number, of: self._update(job, number=number, of=of))

    def _verify(self, job: Job) -> Job:
        faults = self._service.pipeline(job.library).library.verify()
        if faults:
            message = "The library is damaged:"
            return replace(job, status="failed", message=message, faults=tuple(faults))
        return replace(job, status="done", message="No fault was found in the library.")


class _Progress:
    """Passes on how many files or documents are done."""

    def __init__(self, update: Callable[[int, int], object]) -> None:
        self._update = update

    def done(self, number: int, of: int) -> None:
        self._update(number, of)

    def embedded(self, passages: int) -> None:
        """Ignore the passages; the number of files says enough."""
