"""Text lines and pages, in points, and what two lines have in common (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SENTENCE_CLOSE = re.compile(r"[.!?:…][\"”’»')\]]*(?:\s?\[[\d,–-]+\])*[\"”’»')]*$")


@dataclass(frozen=True, slots=True)
class TextLine:
    """Text on one baseline without a wide gap, in points from the top left corner of its page."""

    text: str
    page: int  # its place among the pages that are laid out, counts from 1
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float  # of its type
    bold: bool
    cells: int = 0  # of a row of a table
    parts: tuple["TextLine", ...] = ()  # its cells
    table: "RuledTable | None" = None  # that the line stands for

    @property
    def first_word(self) -> float:
        """About the width of the first word."""
        return (self.right - self.left) * len(self.text.split(maxsplit=1)[0]) / len(self.text)


@dataclass(frozen=True, slots=True)
class PageCell:
    """A cell of a table as it stands on its page: its lines, and what it spans."""

    lines: tuple[TextLine, ...] = ()
    rows: int = 1
    columns: int = 1

    @property
    def is_bold(self) -> bool:
        return all(line.bold for line in self.lines)


@dataclass(frozen=True, slots=True)
class RuledTable:
    """A table whose rows are divided by drawn lines."""

    rows: tuple[tuple[PageCell, ...], ...]
    edges: tuple[float, ...]  # of its columns, from left to right
    heads: int | None = None  # rows of heads, where a line below them says it


@dataclass(frozen=True, slots=True)
class Page:
    """What one page shows, in the order of the file.

    Text that stands on its side is a page of its own with the same number, which is turned so that
    the text is upright: width, height and places are those of the turned page.
    """

    width: float
    height: float
    lines: Sequence[TextLine]
    furniture: Sequence[TextLine] = ()
    number: int = 0  # of the page in the file, counts from 1
    turn: int = 0  # degrees that the text stands clockwise from upright: 0, 90, 180 or 270


def turned_back(x: float, y: float, turn: int, width: float, height: float) -> tuple[float, float]:
    """Return the place on a page of this size that is (x, y) when it is turned by `turn`."""
    match turn:
        case 90:
            return width - y, x
        case 180:
            return width - x, height - y
        case 270:
            return y, height - x
    return x, y


def half_point(size: float) -> float:
    return round(2 * size) / 2


def same_size(one: TextLine, other: TextLine) -> bool:
    return abs(one.size - other.size) <= 0.06 * max(one.size, other.size)


def ends_sentence(line: TextLine) -> bool:
    return bool(_SENTENCE_CLOSE.search(line.text[-40:]))


def is_short(before: TextLine, after: TextLine, right: float) -> bool:
    """Return whether the first word of `after` had room at the end of the line before.

    The column of that line ends at `right`.
    """
    return right - before.right > after.first_word + 0.5 * after.size
