"""Long work on libraries, done one piece after the other beside the questions.

Adding a folder, rebuilding, verifying.
"""

import logging
import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rag.errors import RagError, UsageError
from rag.ingest import Added, find_files
from rag.service.service import Service

Kind = Literal["add", "rebuild", "verify"]
_REMEMBERED = 20  # tasks of a library that are done
_log = logging.getLogger("rag.service.tasks")


@dataclass(slots=True)
class Task:
    """A piece of work on a library, and how far it is; it is told of its progress."""

    library: str
    kind: Kind
    folder: str = ""  # whose files are added
    status: Literal["waiting", "running", "done", "failed"] = "waiting"
    number: int = 0  # files or documents that are done …
    of: int = 0  # … of so many; 0 while that is unknown
    said: str = ""  # what came of it
    faults: list[str] = field(
        default_factory=list
    )  # what is wrong: files that were not added, faults of the library

    @property
    def under_way(self) -> bool:
        """Whether it is not over yet."""
        return self.status in ("waiting", "running")

    def done(self, number: int, of: int) -> None:
        """So many of all are done."""
        self.number, self.of = number, of

    def embedded(self, passages: int) -> None:
        """So many passages more have their vectors; the files tell enough."""


class Tasks:
    """The tasks of a server, for as long as it runs. Safe from several threads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._tasks: list[Task] = []
        self._waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def of(self, library: str) -> list[Task]:
        """The tasks of a library, the last first."""
        with self._lock:
            return [task for task in reversed(self._tasks) if task.library == library]

    def begin(self, library: str, kind: Kind, folder: str = "") -> None:
        """Do it when its turn comes.

        Raises UsageError where the same is under way already, and for a folder that is not there or
        holds nothing to read.
        """
        if kind == "add":
            path = Path(folder.strip()).expanduser()
            if not (folder.strip() and path.is_absolute()):
                raise UsageError(
                    f"{folder!r} is not the whole path of a folder; write it from the root of the disk on."
                )
            find_files([path])
            folder = str(path)
        with self._lock:
            if any(
                t.under_way and (t.library, t.kind, t.folder) == (library, kind, folder)
                for t in self._tasks
            ):
                raise UsageError("This is under way already; wait until it is done.")
            over = [task for task in self._tasks if task.library == library and not task.under_way]
            for task in over[: -_REMEMBERED + 1]:
                self._tasks.remove(task)
            self._tasks.append(task := Task(library, kind, folder))
        self._waiting.put(task)

    def _work(self) -> None:
        while True:
            task = self._waiting.get()
            task.status = "running"
            try:
                {"add": self._add, "rebuild": self._rebuild, "verify": self._verify}[task.kind](
                    task
                )
                task.status = "failed" if task.faults else "done"
            except RagError as error:
                task.said, task.status = str(error), "failed"
            except Exception:
                task.said, task.status = "The server has a fault; its log says which.", "failed"
                _log.exception("a task was not done")

    def _add(self, task: Task) -> None:
        added = []
        for outcome in self._service.pipeline(task.library, create=True).add(
            [Path(task.folder)], task
        ):
            added.append(outcome)
            if outcome.outcome == "failed":
                task.faults.append(f"{outcome.path.name}: {outcome.reason}")
        task.said = f"{len(added) - len(task.faults)} of {len(added)} files are in the library, {_count_new(added)} of them new."

    def _rebuild(self, task: Task) -> None:
        number = self._service.pipeline(task.library).rebuild(task)
        task.said = f"{number} reports were embedded anew."

    def _verify(self, task: Task) -> None:
        task.faults = self._service.pipeline(task.library).library.verify()
        task.said = "The library is not whole:" if task.faults else "The library is whole."


def _count_new(added: list[Added]) -> int:
    return sum(outcome.outcome in ("added", "replaced") for outcome in added)
