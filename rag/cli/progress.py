"""Show the progress of long work: a bar on a terminal, plain lines elsewhere.   [rich]"""

import sys
import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

from rag.text.characters import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_QUIET_SECONDS = 2.0  # that a command may say nothing


class Waiting:
    """A line on a terminal that says what is done and for how long, where it takes a while.

    Use it in a `with` statement, which takes the line away at the end.
    """

    def __init__(self, what: str, quiet: float = _QUIET_SECONDS) -> None:
        """Show `what` is done, as in "Searching", once `quiet` seconds have passed."""
        self._what = what
        self._quiet = quiet
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        started, wait, shown = time.monotonic(), self._quiet, ""
        while not self._ended.wait(wait):
            shown = f"\r{self._what} … {time.monotonic() - started:.0f} s"
            self._write(shown)
            wait = 1.0
        if shown:
            self._write(f"\r{' ' * len(shown)}\r")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


class Display:
    """Lines of text, and below them on a terminal a bar with the speed and the time left.

    Use it in a `with` statement, which takes the bar away at the end.
    """

    def __init__(self, stream: TextIO, what: str) -> None:
        """Draw on `stream`; `what` names the things that are counted, as in "files"."""
        self._stream = stream
        self._bar = _bar(stream, what) if stream.isatty() else None
        self._passages = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def say(self, text: str) -> None:
        """Write a line that stays."""
        if self._bar:
            self._bar.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)
        else:
            self._stream.write(f"{printable(text)}\n")
            self._stream.flush()

    def done(self, number: int, of: int) -> None:
        """Show that `number` of `of` things are done."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=number, total=of)
            self._bar.start()

    def embedded(self, passages: int) -> None:
        """Add to the number of passages that have their vectors."""
        if self._bar:
            self._passages += passages
            seconds = self._bar.tasks[0].elapsed or 0
            speed = f", {self._passages / seconds:.0f}/s" if seconds else ""
            self._bar.update(self._bar.task_ids[0], passages=f"{self._passages} passages{speed}")


def _bar(stream: TextIO, what: str) -> "Bar":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        MofNCompleteColumn(),
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.fields[passages]}"),
        TimeRemainingColumn(),
    )
    bar = Bar(*columns, console=Console(file=stream), transient=True)
    bar.add_task("", total=None, passages="")
    return bar
