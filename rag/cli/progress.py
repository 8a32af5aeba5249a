"""How far a longer work has come, on a terminal as a line that moves.

Elsewhere only what is said.                 [rich]
"""

from typing import TYPE_CHECKING, Self, TextIO

from rag.text.characters import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Display:
    """Lines, and on a terminal under them how much is done, how fast, and how long it will take.
    Closed at its end.
    """

    def __init__(self, stream: TextIO, what: str) -> None:
        """`what` names the things of which some are done, as in "files"."""
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
        """A line that stays."""
        if self._bar:
            self._bar.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)
        else:
            self._stream.write(f"{printable(text)}\n")
            self._stream.flush()

    def done(self, number: int, of: int) -> None:
        """So many of all are done."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=number, total=of)
            self._bar.start()

    def embedded(self, passages: int) -> None:
        """So many passages more have their vectors."""
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
