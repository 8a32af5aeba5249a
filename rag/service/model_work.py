"""Work on the models of this user, begun at the page: `rag models` in a process of its own.

So a model that is tested takes no memory of the server, a download outlives a reload of the page,
and both ways do the same.
"""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from typing import Literal, get_args

from rag.catalogue.entries import CatalogueEntry, catalogue, suggest_writer
from rag.catalogue.installed import InstalledModel, models_folder
from rag.catalogue.memory import free_memory
from rag.config import Settings
from rag.errors import ModelError, UsageError

Action = Literal["pull", "add", "use", "remove", "test"]
_ACTIONS: tuple[Action, ...] = get_args(Action)
_LONGEST_NAME = 4096  # characters: the path of a file


@dataclass(frozen=True, slots=True)
class ModelTask:
    """What is done with a model, and what the command says of it."""

    action: Action
    name: str
    said: str = ""  # the last line
    status: Literal["running", "done", "failed"] = "running"


class ModelWork:
    """The models as the page shows them, and at most one task at a time. Safe from threads."""

    def __init__(self, settings: Settings) -> None:
        self._folder = models_folder(settings)
        other = settings.model or settings.server or settings.adapter
        self._writes_itself = settings.generate and not other
        self._lock = threading.Lock()
        self._task: ModelTask | None = None

    @property
    def task(self) -> ModelTask | None:
        """The task under way, or the last one."""
        return self._task

    def installed(self) -> tuple[tuple[InstalledModel, bool], ...]:
        """Return the models on this machine, each with whether it is in use.

        Raises ModelError if their list cannot be read.
        """
        used = {model.name for model in self._folder.used().values()}
        return tuple((model, model.name in used) for model in self._folder.installed())

    def offered(self) -> tuple[CatalogueEntry, ...]:
        """Return the models of the catalogue that are not on this machine."""
        here = {model.name for model, _ in self.installed()}
        return tuple(entry for entry in catalogue() if entry.name not in here)

    def suggested(self) -> CatalogueEntry | None:
        """Return a writer that this machine has room for, once; then None.

        None, too, where another one than the embedded writer is used, or none.
        """
        if not self._writes_itself:
            return None
        better = suggest_writer(free_memory(), 0)
        try:
            return better if better and self._folder.suggest_once() else None
        except ModelError:  # it would be suggested each time
            return None

    @property
    def server(self) -> tuple[str, str]:
        """The address of the server that is to write from the next start on, and its model.

        Raises ModelError if the list of models cannot be read.
        """
        return self._folder.server

    def use_server(self, address: str, model: str) -> None:
        """Let a model of a server write the answers from the next start on; "" for none.

        Raises UsageError for what is no address, and for a model without a name.
        """
        self._folder.use_server(address, model)

    def begin(self, action: str, name: str) -> None:
        """Begin a task. Raises UsageError if one is running, or if there is no such task."""
        chosen = next((known for known in _ACTIONS if known == action), None)
        name = name.strip()
        if chosen is None or not name or len(name) > _LONGEST_NAME or name.startswith("-"):
            raise UsageError(f"{action!r} with {name!r} is nothing to do; choose a model.")
        with self._lock:
            if self._task and self._task.status == "running":
                raise UsageError("Another task with a model is under way; wait until it is done.")
            self._task = ModelTask(chosen, name)
        threading.Thread(target=self._run, args=(self._task,), daemon=True).start()

    def _run(self, task: ModelTask) -> None:
        command = [sys.executable, "-m", "rag", "models", task.action, task.name]
        with subprocess.Popen(  # noqa: S603 - this Python, and a name that is no option
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env={**os.environ, "RAG_MODELS": str(self._folder.folder)},
        ) as process:
            for line in process.stdout or ():
                if line.strip():
                    task = replace(task, said=line.strip().removeprefix("rag: "))
                    self._task = task
        self._task = replace(task, status="failed" if process.returncode else "done")
