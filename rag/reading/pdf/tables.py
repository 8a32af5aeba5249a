"""Rows of cells on a page -> the rows of a table, each with the heads of its columns (pure)."""

from collections.abc import Sequence
from itertools import pairwise, takewhile

from rag.reading.blocks import Block
from rag.reading.pdf.lines import TextLine
from rag.reading.tables import MAX_COLUMNS, Cell, table_blocks

_Columns = list[tuple[float, float]]  # left and right edges, in points
OVERLAP = 0.2  # of a column's width: a cell that covers as much of another column spans both
MOST_HEADS = 3  # rows


def table_rows(lines: Sequence[TextLine]) -> list[tuple[Block, list[tuple[int, TextLine]]]] | None:
    """Return a block for each row, and in it the ends of its values with the cells that show them.

    None if the cells do not stand in columns, so that no head can be said to be theirs.
    """
    columns = _columns_of(lines)
    placed = [_in_columns(line, columns) for line in lines] if columns else []
    if not columns or any(row is None for row in placed):
        return None
    rows = [row for row in placed if row is not None]
    heads = sum(1 for _ in takewhile(lambda line: line.bold, lines))
    known = heads if 0 < heads <= min(MOST_HEADS, len(lines) - 1) else None
    blocks = table_blocks([[cell for cell, _ in row] for row in rows], known)
    found: list[tuple[Block, list[tuple[int, TextLine]]]] = []
    after = 0
    for block in blocks:
        at = next((i for i in range(after, len(rows)) if _says(block, rows[i])), None)
        if at is None:
            return None
        found.append((block, _ends(block, rows[at])))
        after = at + 1
    return found


def _columns_of(lines: Sequence[TextLine]) -> _Columns | None:
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


def _in_columns(line: TextLine, columns: _Columns) -> list[tuple[Cell, TextLine | None]] | None:
    """Return the cells of a row from the first column to the last, None if two stand in one."""
    row: list[tuple[Cell, TextLine | None]] = []
    for part in line.parts:
        covered = [
            index
            for index, (left, right) in enumerate(columns)
            if min(part.right, right) - max(part.left, left) > OVERLAP * (right - left)
        ] or [min(range(len(columns)), key=lambda i: _distance(part, columns[i]))]
        width = sum(cell.columns for cell, _ in row)
        if covered[0] < width:
            return None
        row += [(Cell(""), None)] * (covered[0] - width)
        row.append((Cell(part.text, columns=len(covered)), part))
    width = sum(cell.columns for cell, _ in row)
    return row + [(Cell(""), None)] * (len(columns) - width)


def _distance(part: TextLine, column: tuple[float, float]) -> float:
    return abs(part.left + part.right - column[0] - column[1])


def _says(block: Block, row: Sequence[tuple[Cell, TextLine | None]]) -> bool:
    return all(" ".join(cell.text.split()) in block.text for cell, _ in row)


def _ends(block: Block, row: Sequence[tuple[Cell, TextLine | None]]) -> list[tuple[int, TextLine]]:
    """Return where each value of a block ends, and the cell that shows it."""
    by_column: dict[int, TextLine] = {}
    column = 0
    for cell, part in row:
        if part is not None:
            by_column[column] = part
        column += cell.columns
    ends: list[tuple[int, TextLine]] = []
    end = 0
    for piece in block.row.pieces if block.row else ():
        end += len(piece.text)
        if piece.column in by_column:
            ends.append((end, by_column[piece.column]))
    if not ends:
        ends = [(end, part) for _, part in row if part is not None][:1]
    return [*ends[:-1], (len(block.text), ends[-1][1])]
