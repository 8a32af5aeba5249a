"""A FILE -> Document, read in a process of its own, within limits of time, memory and size.

An untrusted file may take minutes, gigabytes, or the whole process that reads it. So another
process reads it, which is ended when it passes a limit. Starting one takes a second, so it is kept
for the next file.
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any, Literal, cast

from rag.errors import BusyError, DocumentError, NotFoundError, StoppedError
from rag.reading.documents import load
from rag.reading.process.wire import (
    LONGEST_LINE,
    MAX_BYTES_OUT,
    MAX_PARTS,
    RECOGNIZING,
    document_from,
    from_line,
    picture_from,
    request_line,
)
from rag.types import Document

MAX_READING_SECONDS = 120.0  # the longest PDF, ten million characters, takes half a minute
# Each page whose text is recognised may take as long again; so many may, whatever the process says.
MAX_RECOGNIZED_PAGES = 1_000
MAX_MEMORY = 1_000_000_000  # bytes; 50 MB of text, Markdown or HTML take less than half of it
_CHILD_CODE = (
    "import sys; memory, life, *sys.path = sys.argv[1:]; "
    "from rag.reading.process.child import run; "
    "run(int(memory), int(life) if life else None)"
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a file cannot be read, or that it has no such page, as a sentence."""

    error: DocumentError | NotFoundError


@dataclass(frozen=True, slots=True)
class _Defect:
    """An error of a reader that nobody expected."""

    error: str
    traceback: str


@dataclass(frozen=True, slots=True)
class _Death:
    """Why the process is gone, or must go, before it had read the file."""

    cause: Literal["late", "stopped", "memory", "size", "crash"]


_Outcome = Document | bytes | _Refusal | _Defect | _Death


class Worker:
    """A process that reads one file after the other, for one thread at a time."""

    def __init__(self, memory: int) -> None:
        """Start a process that takes no more than `memory` bytes.

        Raises BusyError if the system gives none.
        """
        self.files = 0  # that it was given
        self._ended: Literal["late", "stopped"] | None = None  # why it was ended from here
        life: int | None = None
        self._life: int | None = None  # open as long as we live, see `child.run`
        if os.name == "posix":
            life, self._life = os.pipe()
        path = [entry or str(Path.cwd()) for entry in sys.path]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, our own module
                [sys.executable, "-I", "-c", _CHILD_CODE, str(memory), str(life or ""), *path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries write words of the files there
                env=_environment(),
                pass_fds=() if life is None else (life,),
                start_new_session=True,  # Ctrl-C is for this process, which ends that one
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            self._close_life()
            raise BusyError(
                f"No process can be started to read files ({error.strerror}); end other "
                "programs and try again."
            ) from error
        finally:
            if life is not None:
                os.close(life)

    @property
    def is_alive(self) -> bool:
        """Whether the process waits for a file or reads one."""
        return self._process.poll() is None

    def read(
        self, data: bytes, file: str, seconds: float, page: int = 0, width: int = 0, ocr: str = ""
    ) -> _Outcome:
        """Return the document in the bytes of a file, or why there is none.

        With a `page` it is the PNG of that, so many pixels wide. `ocr` is the setting of text
        recognition; each page that is recognised may take as many `seconds` again. After a
        `_Death` the process is gone.
        """
        self.files += 1
        deadline = _Deadline(seconds, lambda: self.end("late"))
        try:
            found = self._exchange(file, data, page, width, ocr, deadline)
        except BaseException:  # Ctrl-C: what it writes later would be taken for the next file
            self.close()
            raise
        finally:
            deadline.cancel()
        if isinstance(found, _Death):
            self.close()
            return _Death(self._ended or found.cause)
        return found

    def end(self, cause: Literal["late", "stopped"]) -> None:
        """End the process, whatever it is doing. Any thread may do so."""
        self._ended = self._ended or cause
        self._process.kill()

    def close(self) -> None:
        """End the process and free what belongs to it; only while no thread reads with it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):  # what was not sent has nobody to go to
                    pipe.close()
        self._close_life()

    def _close_life(self) -> None:
        if self._life is not None:
            os.close(self._life)
            self._life = None

    def _exchange(
        self, file: str, data: bytes, page: int, width: int, ocr: str, deadline: "_Deadline"
    ) -> _Outcome:
        into = cast(IO[bytes], self._process.stdin)
        try:
            into.write(request_line(file, len(data), page, width, ocr))
            into.write(data)
            into.flush()
        except OSError:  # it is gone
            return _Death("crash")
        lines = self._lines(deadline)
        try:
            first = next(lines, ("crash", None))
            match first:
                case "crash" | "size" | "memory" as cause, _:
                    return _Death(cause)
                case "refused", str(reason):
                    return _Refusal(DocumentError(reason))
                case "missing", str(reason) if page:
                    return _Refusal(NotFoundError(reason))
                case "defect", [str(error), str(traceback)]:
                    return _Defect(error, traceback)
            found = (
                picture_from(lines, first)
                if page
                else document_from(lines, first, file, hashlib.sha256(data).hexdigest())
            )
        except (ValueError, TypeError, RecursionError):  # what it wrote is nothing of ours
            return _Death("crash")
        return found or _Death("size")

    def _lines(self, deadline: "_Deadline") -> Iterator[tuple[str, Any]]:
        """Yield what the process writes, until it ends or has written too much.

        That it recognises a page puts the deadline off.
        """
        out = cast(IO[bytes], self._process.stdout)
        left = MAX_BYTES_OUT
        while line := out.readline(LONGEST_LINE):
            left -= len(line)
            if left < 0:
                yield "size", None
                return
            name, value = from_line(line)
            if name == RECOGNIZING:
                deadline.put_off()
            else:
                yield name, value


class _Deadline:
    """Ends something after so many seconds, unless it is put off or cancelled."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self._seconds = seconds
        self._end = end
        self._left = MAX_RECOGNIZED_PAGES
        self._timer = self._started()

    def put_off(self) -> None:
        """Begin to count anew; without effect after MAX_RECOGNIZED_PAGES times."""
        if self._left:
            self._left -= 1
            self._timer.cancel()
            self._timer = self._started()

    def cancel(self) -> None:
        self._timer.cancel()

    def _started(self) -> threading.Timer:
        timer = threading.Timer(self._seconds, self._end)
        timer.daemon = True
        timer.start()
        return timer


class WorkerPool:
    """Processes that read files: one for each thread that reads at the same time.

    One that waits for its next file for a minute ends. All end with this process, however it ends.
    """

    def __init__(self, seconds: float = MAX_READING_SECONDS, memory: int = MAX_MEMORY) -> None:
        """Give each file so many seconds, and each process so many bytes."""
        self._seconds = seconds
        self._memory = memory
        self._lock = threading.Lock()
        self._drawing = threading.Lock()  # a process for each of many pages would take the memory
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    def start(self) -> None:
        """Start a process for the file that comes soon, unless one waits; return at once."""
        self._give_back(self._take())

    def read(self, path: Path, ocr: str = "") -> Document:
        """Return the document in a file of one of `SUFFIXES`, named after the file.

        `ocr` names the languages of scans, as `find_recognizer` takes them.

        Raises what `load` raises, DocumentError also for a file that passes a limit or ends the
        process, StoppedError where `stop` was called meanwhile, BusyError where the system gives
        no process, RuntimeError for a defect of a reader.
        """
        return cast(Document, self._read(load(path), path.name, ocr=ocr))

    def draw(self, data: bytes, file: str, page: int, width: int) -> bytes:
        """Return a PNG of a page of a PDF, as `page_image` does; one is drawn after the other.

        Raises what `read` and `page_image` raise.
        """
        with self._drawing:
            return cast(bytes, self._read(data, file, page, width))

    def stop(self) -> None:
        """End the processes that read; whoever waits for one gets a StoppedError."""
        with self._lock:
            for worker in self._busy:
                worker.end("stopped")

    def close(self) -> None:
        """End all processes, as `stop` does."""
        self.stop()
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _read(
        self, data: bytes, file: str, page: int = 0, width: int = 0, ocr: str = ""
    ) -> Document | bytes:
        match self._read_or_die(data, file, page, width, ocr):
            case _Refusal(error):
                raise error
            case _Defect(name, traceback):
                defect = RuntimeError(name)
                defect.add_note(traceback)
                raise defect
            case _Death(cause):
                raise self._error(cause, file)
            case found:
                return found

    def _read_or_die(self, data: bytes, file: str, page: int, width: int, ocr: str) -> _Outcome:
        while True:
            worker = self._take()
            try:
                found = worker.read(data, file, self._seconds, page, width, ocr)
            finally:
                self._give_back(worker)
            # What earlier files left of a process, or its end after a minute of waiting, is not
            # this file's fault.
            died = isinstance(found, _Death) and found.cause in ("crash", "memory")
            if not died or worker.files == 1:
                return found

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    self._busy.add(worker)
                    return worker
                worker.close()
            worker = Worker(self._memory)
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            if worker.is_alive:
                self._idle.append(worker)
            else:
                worker.close()

    def _error(self, cause: str, file: str) -> DocumentError | StoppedError:
        match cause:
            case "stopped":
                return StoppedError(f"The reading of {file} was stopped; add the file again.")
            case "late":
                found = f"takes longer than {self._seconds:.0f} s to read"
            case "memory":
                found = f"takes more than {self._memory / 1e6:,.0f} MB of memory to read"
            case "size":
                found = (
                    f"holds more than {MAX_BYTES_OUT / 1e6:.0f} MB of text or {MAX_PARTS:,} "
                    "paragraphs and lines"
                )
            case _:
                found = (
                    "ends the process that reads it, as a file may that is damaged, hostile, or "
                    f"needs more than {self._memory / 1e6:,.0f} MB of memory"
                )
        remedy = "save it as plain text" if PurePath(file).suffix != ".txt" else "split it"
        return DocumentError(f"{file} {found}: {remedy} and add that.")


_POOL = WorkerPool()


def read_apart(path: Path, ocr: str = "") -> Document:
    """Return what `WorkerPool.read` returns, with the processes that all of this one share."""
    return _POOL.read(path, ocr)


def draw_apart(data: bytes, file: str, page: int, width: int) -> bytes:
    """Return what `WorkerPool.draw` returns, with the processes that all of this one share."""
    return _POOL.draw(data, file, page, width)


def start_early() -> None:
    """Start a process for the files that come soon, and go on meanwhile."""
    _POOL.start()


def stop_reading() -> None:
    """End the processes that read; whoever waits for one gets a StoppedError."""
    _POOL.stop()


def _environment() -> dict[str, str]:
    """Return the environment without our settings, the token among them; sums need no threads."""
    ours = ((name, value) for name, value in os.environ.items() if not name.startswith("RAG_"))
    return {**dict(ours), "OPENBLAS_NUM_THREADS": "1"}
