"""A row of a table as it is written in a text -> its cells. Pure."""

import re
from typing import NamedTuple

from rag.text.tokens import content_of

_IN_ROW = re.compile(r"\S [·|] \S")  # between the values of a row
_BETWEEN_CELLS = re.compile(r" [·|] ")
_BEHIND_HEAD = re.compile(r": (?=\S)")


class RowCell(NamedTuple):
    """A value of a row, with the head of its column, which may be ""."""

    head: str
    value: str
    start: int  # of the value, in the row
    end: int


def is_row(sentence: str) -> bool:
    """Return whether a sentence is a row of a table, its values with their heads."""
    return bool(_IN_ROW.search(sentence))


def cells_of(row: str) -> list[RowCell]:
    """Return the cells of a row such as "Vestby · 2015: 8120", in their order.

    A cell that ends in a colon, as in a form, is the head of the next one.
    """
    cells, start, label = [], 0, ""
    for part in _BETWEEN_CELLS.split(row):
        heads = [*_BEHIND_HEAD.finditer(part)]
        behind = heads[-1].end() if heads else 0
        head = part[: heads[-1].start()] if heads else label
        label = part[:-1] if part.endswith(":") else ""
        if not label:
            cells.append(RowCell(head, part[behind:], start + behind, start + len(part)))
        start += len(part) + len(" · ")
    return cells


def cell_asked_for(question: str, row: str, start: int, end: int) -> RowCell | None:
    """Return the cell, among those that a span of the row touches, whose head the question names.

    Of several that it names as well the first is taken. None if the sentence is no row.
    """
    cells = cells_of(row) if is_row(row) else []
    touched = [c for c in cells if c.start < end and start < c.end]
    touched = touched or [c for c in cells if c.start >= end][:1]  # the span is a head
    asked = content_of(question)
    return max(touched, key=lambda cell: len(content_of(cell.head) & asked), default=None)
