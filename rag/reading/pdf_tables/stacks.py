"""Text between lines that run across alone -> tables, by the columns it stands in (pure)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from rag.reading.pdf.lines import PageCell, TextLine
from rag.reading.pdf_tables.aligned import Columns, columns_covered
from rag.reading.pdf_tables.rows import by_baseline, joined_rows
from rag.reading.pdf_tables.rulings import Ruling

ALIKE = 6.0  # points: the ends of lines above each other that belong to one table
FEW = 0.1  # of the rows: as many may cross the gap between two columns
NARROWEST_GAP = 0.5  # of the size of the type
# Characters of a line of a cell: where two columns have longer ones they are columns of prose,
# unless a line is drawn between their rows.
LONGEST_CELL_LINE = 24
MOST_STACKED_LINES = 8  # of a row between two lines
LONGEST_HEAD = 80  # characters
RULED_ROWS = 4  # so many bands between lines are rows; fewer are heads, rows and totals
MOST_BANNER_LINES, MOST_HEAD_LINES = 2, 5
SPLIT = 0.4  # of the rows of a table stand in several columns, the rest goes on with them
_DOT_LEADER = re.compile(r"(?:[.…]\s?){4,}\S{0,6}$")
_LIST_MARK = re.compile(r"[•●▪■◦○‣∙·\uf0a7\uf0b7](?:\s|$)")
_PLAIN_NUMBER = re.compile(r"[-+–−(]?[€$£]?\s?[.,]?\d[\d.,\s]*[%)*]?")
_Row = list[TextLine]  # what stands on one baseline, from left to right


@dataclass(slots=True)
class _Band:
    """What stands between two lines."""

    rows: list[_Row] = field(default_factory=list)

    @property
    def is_split(self) -> bool:
        return any(len(row) > 1 for row in self.rows)

    @property
    def may_be_within(self) -> bool:
        """Return whether it is empty, or a heading between the rows of a table."""
        return self.is_split or len(self.rows) <= MOST_BANNER_LINES


@dataclass(frozen=True, slots=True)
class StackedTable:
    """The cells of a table, how many rows its heads take (None: not drawn), and its lines."""

    rows: list[list[PageCell]]
    heads: int | None
    columns: Columns
    lines: list[TextLine]


def stacked_tables(lines: Sequence[TextLine], across: Sequence[Ruling]) -> Iterator[StackedTable]:
    """Yield the tables whose rows, or whose heads, top and foot, have lines between them."""
    for stack in _stacks(across):
        run: list[_Band] = []
        for upper, lower in pairwise(stack):
            band = _band(lines, upper, lower)
            if band.may_be_within and (run or band.is_split):
                run.append(band)
                continue
            if table := _stacked_table(run):
                yield table
            run = [band] if band.is_split else []
        if table := _stacked_table(run):
            yield table


def _stacks(across: Sequence[Ruling]) -> list[list[Ruling]]:
    """Return lines above each other from one left edge to one right edge, two or more."""
    stacks: list[list[Ruling]] = []
    for line in sorted(across):
        for stack in stacks:
            if abs(stack[-1].start - line.start) + abs(stack[-1].end - line.end) <= ALIKE:
                stack.append(line)
                break
        else:
            stacks.append([line])
    return [stack for stack in stacks if len(stack) > 1]


def _band(lines: Sequence[TextLine], upper: Ruling, lower: Ruling) -> _Band:
    inside = [
        line
        for line in lines
        if upper.at < line.baseline - 0.3 * line.size < lower.at
        and upper.start - ALIKE <= line.left
        and line.right <= upper.end + ALIKE
    ]
    return _Band(by_baseline(inside))


def _stacked_table(run: Sequence[_Band]) -> StackedTable | None:
    """Return the table that bands make, None if they hold no rows in columns."""
    while run and not run[-1].is_split:
        run = run[:-1]
    split = [band for band in run if band.is_split]
    if sum(len(band.rows) for band in run) < 2 or not split:
        return None
    headed = len(split) > 1 and split[0] is run[0] and len(run[0].rows) <= MOST_HEAD_LINES
    body = [row for band in (run[1:] if headed else run) for row in band.rows]
    by_rows = len(split) >= RULED_ROWS
    columns = _columns(body)
    if (
        len(columns) < 2
        or _is_prose(run, body, columns)
        or _are_listed(body)
        or not (by_rows or sum(len(row) > 1 for row in body) >= SPLIT * len(body))
    ):
        return None
    rows: list[list[PageCell]] = []
    heads: int | None = None
    for number, band in enumerate(run):
        found = _rows_of(band, columns, is_head=headed and not number, by_rows=by_rows)
        rows += [_filled_cells(row, len(columns)) for row in found]
        if headed and not number and not by_rows:
            heads = len(rows)
    below = rows[heads or 0 :]
    if len(rows) < 2 or not any(sum(bool(cell.lines) for cell in row) > 1 for row in below):
        return None
    if not by_rows and not _are_rows(rows, heads or 0):
        return None
    lines = [line for band in run for row in band.rows for line in row]
    return StackedTable(rows, heads, columns, lines)


def _columns(rows: Sequence[_Row]) -> Columns:
    """Return the columns that text stands in: between them next to no row has any."""
    size = median(line.size for row in rows for line in row) if rows else 0.0
    allowed = int(FEW * len(rows))
    ends = sorted(
        (place, change)
        for row in rows
        for line in row
        for place, change in ((line.left, 1), (line.right, -1))
    )
    columns: Columns = []
    depth, start, last = 0, None, 0.0
    for place, change in ends:
        depth += change
        if start is None and depth > allowed:
            start = columns.pop()[0] if columns and place - last < NARROWEST_GAP * size else place
        elif start is not None and depth <= allowed:
            columns.append((start, place))
            start, last = None, place
    return columns


def _is_prose(run: Sequence[_Band], body: Sequence[_Row], columns: Columns) -> bool:
    """Return whether the columns are those of a page rather than of a table."""
    wide = 0
    for left, right in columns:
        inside = [
            len(p.text) for row in body for p in row if left <= (p.left + p.right) / 2 <= right
        ]
        wide += bool(inside) and median(inside) > LONGEST_CELL_LINE
    longest = max(len(band.rows) for band in run)
    return wide > 1 and (len(run) < RULED_ROWS or longest > MOST_STACKED_LINES)


def _are_listed(rows: Sequence[_Row]) -> bool:
    """Return whether rows hold the items of lists, or dots lead to the ends of lines."""
    return any(
        _DOT_LEADER.search(line.text) or _LIST_MARK.match(line.text) for row in rows for line in row
    )


def _are_rows(rows: Sequence[Sequence[PageCell]], heads: int) -> bool:
    """Return whether cells are as short as those of a table without lines between its rows."""
    texts = ["".join(line.text for line in cell.lines) for row in rows[:heads] for cell in row]
    most = max(len(cell.lines) for row in rows for cell in row)
    return most <= MOST_STACKED_LINES and all(len(text) <= LONGEST_HEAD for text in texts)


_Placed = dict[tuple[int, int], list[TextLine]]  # by first column and their number


def _rows_of(band: _Band, columns: Columns, is_head: bool, by_rows: bool) -> list[_Placed]:
    """Return the rows of a band: all of it, or its lines with those that go on with them."""
    lines = [_placed(row, columns) for row in band.rows]
    spans = any(count > 1 for line in lines for _, count in line)
    full = sum(len(line) > 1 and len(line) * 5 >= 3 * len(columns) for line in lines)
    if is_head or by_rows:
        one = not spans if is_head else full < 3 or len(columns) < 3
        if one or len(lines) == 1:
            return [_merged_rows(lines)] if lines else []
        if is_head:
            return lines
    rows: list[list[_Placed]] = []
    for line in lines:
        if rows and _row_goes_on(rows[-1], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [_merged_rows(row) for row in rows]


def _row_goes_on(row: Sequence[_Placed], line: _Placed) -> bool:
    """Return whether a line belongs to the row above it: it has no first cell and no figures."""
    first = [part for (column, _), parts in line.items() if not column for part in parts]
    if first:
        return len(line) == 1 and first[0].text[0].islower()
    if not any(column == 0 for placed in row for column, _ in placed):
        return False
    texts = [part.text for parts in line.values() for part in parts]
    return len(texts) == 1 or not any(map(_PLAIN_NUMBER.fullmatch, texts))


def _placed(row: _Row, columns: Columns) -> _Placed:
    """Return what stands on one baseline by the columns that it covers."""
    found: dict[int, tuple[int, list[TextLine]]] = {}
    width = 0
    for part in row:
        covered = columns_covered(part, columns)
        first, count = covered[0], len(covered)
        if first < width:  # what is left of a column that the part before covers
            first, count = width - 1, max(1, first + count - width + 1)
            before = max(found)
            found[before] = found[before][0], [*found[before][1], part]
            continue
        found[first] = count, [part]
        width = first + count
    return {(first, count): [joined_rows(parts, " ")] for first, (count, parts) in found.items()}


def _merged_rows(lines: Sequence[_Placed]) -> _Placed:
    """Return lines as one row; a cell takes what stands below it."""
    row: _Placed = {}
    for line in lines:
        for (first, count), parts in line.items():
            key = next((k for k in row if k[0] <= first < k[0] + k[1]), (first, count))
            row.setdefault(key, []).extend(parts)
    return row


def _filled_cells(row: _Placed, width: int) -> list[PageCell]:
    """Return the cells of a row from the first column to the last."""
    cells: list[PageCell] = []
    at = 0
    for (first, count), parts in sorted(row.items()):
        cells += [PageCell()] * (first - at)
        count = min(count, width - max(first, at))
        cells.append(PageCell(tuple(parts), columns=count))
        at = max(first, at) + count
    return cells + [PageCell()] * (width - at)
