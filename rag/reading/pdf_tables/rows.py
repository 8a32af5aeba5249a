"""Lines on one baseline -> rows, those of tables with their cells (pure)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from rag.reading.pdf.lines import TextLine

CELL_GAP = 1.5  # between the cells of a row
DASHES = "–—*-"  # they open items of lists and stand between words as well
_MARKER_ONLY = re.compile(
    rf"[☐☒•●▪■◦○‣∙·\uf0a7\uf0b7{DASHES}]|\(?\w{{1,3}}[.)]|\[\d{{1,3}}\]|"
    r"(?:§\s?)?\d+(?:\.\d+)*\.?(?:\(\w{1,4}\)){0,3}"
)


def page_rows(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return lines on one baseline as one, top to bottom; rows of a table as "a | b"."""
    rows = by_baseline(lines)
    cells = [_row_cells(row) for row in rows]
    return [
        _joined_row(row, count if count > 1 and count in (above, below) else 0)
        for row, count, above, below in zip(rows, cells, [0, *cells], [*cells[1:], 0], strict=False)
    ]


def by_baseline(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Return the lines that stand on one baseline together; a ruled table stands alone."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.baseline):
        if (
            rows
            and not (line.table or rows[-1][0].table)
            and line.baseline - rows[-1][0].baseline <= 0.3 * min(line.size, rows[-1][0].size)
        ):
            rows[-1].append(line)
        else:
            rows.append([line])
    for row in rows:
        row.sort(key=lambda line: line.left)
    return rows


def _row_cells(row: Sequence[TextLine]) -> int:
    """Return the number of lines that stand clearly apart.

    0 if the first is the marker of a list or a heading.
    """
    if _MARKER_ONLY.fullmatch(row[0].text) and len(row) == 2:
        return 0
    return 1 + sum(_is_apart(*neighbours) for neighbours in pairwise(row))


def _is_apart(before: TextLine, after: TextLine) -> bool:
    return after.left - before.right > CELL_GAP * after.size


def _joined_row(row: Sequence[TextLine], cells: int) -> TextLine:
    """Return the lines of a row as one, in the type of the largest."""
    if len(row) == 1:
        return row[0]
    if not cells:
        return joined_rows(row, " ")
    parts = [[row[0]]]
    for before, line in pairwise(row):
        if _is_apart(before, line):
            parts.append([])
        parts[-1].append(line)
    cells_shown = [joined_rows(part, " ") for part in parts]
    return replace(joined_rows(cells_shown, " | "), cells=cells, parts=tuple(cells_shown))


def joined_rows(row: Sequence[TextLine], between: str) -> TextLine:
    """Return lines side by side as one, in the type of the largest."""
    return replace(
        max(row, key=lambda line: (line.size, len(line.text))),
        text=between.join(line.text for line in row),
        left=row[0].left,
        right=max(line.right for line in row),
        bold=all(line.bold for line in row),
    )
