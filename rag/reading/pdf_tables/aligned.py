"""Rows of cells that stand in columns -> the cells of a table (pure)."""

from collections.abc import Sequence
from itertools import pairwise

from rag.reading.pdf.lines import PageCell, TextLine
from rag.reading.tables import MAX_COLUMNS

Columns = list[tuple[float, float]]  # left and right edges, in points
OVERLAP = 0.2  # of a column's width: a cell that covers as much of another column spans both


def aligned_rows(lines: Sequence[TextLine]) -> list[list[PageCell]] | None:
    """Return the cells of rows, None if they do not stand in columns, so that no head is theirs."""
    columns = _columns_of(lines)
    placed = [_in_columns(line, columns) for line in lines] if columns else []
    rows = [row for row in placed if row is not None]
    return rows if columns and len(rows) == len(lines) else None


def _columns_of(lines: Sequence[TextLine]) -> Columns | None:
    """Return the columns that the fullest rows stand in, None if they overlap."""
    most = max(line.cells for line in lines)
    full = [line.parts for line in lines if len(line.parts) == most]
    if not full or most > MAX_COLUMNS:
        return None
    columns = [
        (min(parts[i].left for parts in full), max(parts[i].right for parts in full))
        for i in range(most)
    ]
    return columns if all(a[1] < b[0] for a, b in pairwise(columns)) else None


def _in_columns(line: TextLine, columns: Columns) -> list[PageCell] | None:
    """Return the cells of a row from the first column to the last, None if two stand in one."""
    row: list[PageCell] = []
    width = 0
    for part in line.parts:
        covered = columns_covered(part, columns)
        if covered[0] < width:
            return None
        row += [PageCell()] * (covered[0] - width)
        row.append(PageCell((part,), columns=len(covered)))
        width = covered[0] + len(covered)
    return row + [PageCell()] * (len(columns) - width)


def columns_covered(part: TextLine, columns: Columns) -> list[int]:
    """Return the columns that a text covers, the nearest one if it covers none."""
    return [
        index
        for index, (left, right) in enumerate(columns)
        if min(part.right, right) - max(part.left, left) > OVERLAP * (right - left)
    ] or [min(range(len(columns)), key=lambda i: _distance(part, columns[i]))]


def _distance(part: TextLine, column: tuple[float, float]) -> float:
    return abs(part.left + part.right - column[0] - column[1])
