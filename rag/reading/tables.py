"""Rows of cells -> one line a row, each value with the heads of its row and column (pure)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from rag.reading.blocks import Block

MAX_COLUMNS = 300  # spans included: what is wider is data, and a span may claim any number
MAX_SPAN_ROWS = 1_000
LONGEST_ROW = 600  # characters: longer rows are shown in several lines, each with the row's head
VALUE = " · "  # between the values of a row whose columns have heads
BARE = " | "  # between the values of a row whose columns have none
_MOST_HEAD_ROWS = 4
_LONGEST_HEAD = 80  # characters
_MOST_LABELS = 3  # columns beside a series of years that may be repeated with each year
_NUMERIC_CELL = re.compile(r"[-+–€$£(]?[.,\s]*+\d[\d.,\s]*+[%)]?")
_YEAR_CELL = re.compile(
    r"(?:FY\s?)?(?:1[5-9]|20|21)\d\d(?:\s?[/–-]\s?\d{2,4})?[*]?|Q[1-4]\s?(?:20)?\d\d"
)


class Cell(NamedTuple):
    """A cell as it stands in the file; one that spans more stands in its first row and column."""

    text: str
    is_head: bool = False
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of the grid, and which cell fills it: two places may share one."""

    text: str
    is_head: bool
    cell: int


_Grid = list[list[_Place]]


def table_blocks(rows: Sequence[Sequence[Cell]], head_rows: int | None = None) -> list[Block]:
    """Return a block for each row of a table, "Town: Esker · Beds: 85".

    Spans are filled, so that each row says all that belongs to it. The first `head_rows` rows hold
    the heads of the columns; None where the format does not say, then the cells tell. Where the
    columns are years each value has a line of its own, "Vestby · 2015: 8120", and the heads stand
    above as furniture. Rows that are one cell over the whole width are blocks as they stand.
    """
    grid = _grid(rows)
    width = max(map(len, grid), default=0)
    if width < 2:
        return [Block(row[0].text, 0) for row in grid if row and row[0].text]
    blocks: list[Block] = []
    first = 0
    while first < len(grid) and _is_banner(grid[first], width):  # titles stand above the heads
        blocks.append(Block(grid[first][0].text, 0, "text"))
        first += 1
    body = grid[first:]
    count = _head_rows(body) if head_rows is None else max(0, min(head_rows - first, len(body)))
    heads = body[:count]
    names = _column_names(heads, width)
    repeated = {tuple(place.text for place in row) for row in heads}
    series = [index for index, name in enumerate(names) if _YEAR_CELL.fullmatch(name)]
    labels = [index for index in range(width) if index not in series]
    is_series = len(series) > 1 and 0 in labels and len(labels) <= _MOST_LABELS
    if heads and (is_series or count == len(body)):
        shown = [VALUE.join(filter(None, _texts(row))) for row in heads]
        blocks += [Block(line, 0, "furniture" if is_series else "text") for line in shown if line]
    for row in body[count:]:
        if _is_banner(row, width):
            blocks.append(Block(row[0].text, 0, "text"))
        elif tuple(place.text for place in row) not in repeated:
            lines = (
                _series(row, names, series) if is_series else _lines_of_row(row, names, bool(heads))
            )
            blocks += [Block("\n".join(lines), 0, "text")] if lines else []
    return blocks


def _grid(rows: Sequence[Sequence[Cell]]) -> _Grid:
    """Return the rows with every place filled; a cell fills all that it spans."""
    grid: _Grid = []
    open_cells: dict[int, tuple[_Place, int]] = {}  # by column, with the rows still to fill
    number = 0
    for row in rows:
        places: list[_Place] = []
        waiting = [*reversed(row)]
        while (waiting or len(places) in open_cells) and len(places) < MAX_COLUMNS:
            if held := open_cells.get(len(places)):
                place, left = held
                if left > 1:
                    open_cells[len(places)] = place, left - 1
                else:
                    del open_cells[len(places)]
                places.append(place)
                continue
            cell = waiting.pop()
            place = _Place(" ".join(cell.text.split()), cell.is_head, number)
            number += 1
            for _ in range(min(max(1, cell.columns), MAX_COLUMNS - len(places))):
                if cell.rows > 1:
                    open_cells[len(places)] = place, min(cell.rows, MAX_SPAN_ROWS) - 1
                places.append(place)
        if any(place.text for place in places):
            grid.append(places)
    return grid


def _is_banner(row: Sequence[_Place], width: int) -> bool:
    """Whether one cell, or the only one that holds something at the left, is the whole row."""
    return len({place.cell for place in row}) == 1 and (len(row) == width or len(row) == 1)


def _head_rows(grid: _Grid) -> int:
    """Return how many rows at the top hold the heads of columns."""
    count = 0
    for row in grid[:_MOST_HEAD_ROWS]:
        if not all(place.is_head or not place.text for place in row) or not _is_head_like(row):
            break
        count += 1
    if count:
        return count if count < len(grid) else 0
    return int(len(grid) > 1 and _is_head_like(grid[0]) and _differs(grid))


def _is_head_like(row: Sequence[_Place]) -> bool:
    texts = [place.text for place in row]
    named = sum(map(bool, texts))
    return named >= 2 and all(len(text) <= _LONGEST_HEAD for text in texts)


def _differs(grid: _Grid) -> bool:
    """Whether the first row names columns: it holds words or years over columns of numbers."""
    first, below = grid[0], grid[1:]
    if any(_NUMERIC_CELL.fullmatch(p.text) and not _YEAR_CELL.fullmatch(p.text) for p in first):
        return False
    for column in range(len(first)):
        values = [row[column].text for row in below if column < len(row) and row[column].text]
        numbers = [value for value in values if _NUMERIC_CELL.fullmatch(value)]
        if not values or len(numbers) * 2 <= len(values):
            continue
        years = sum(map(bool, map(_YEAR_CELL.fullmatch, numbers)))
        if not _YEAR_CELL.fullmatch(first[column].text) or years * 2 <= len(numbers):
            return True
    return False


def _column_names(heads: _Grid, width: int) -> list[str]:
    """Return the head of each column, those of several rows one behind the other."""
    columns = [[row[column].text for row in heads if column < len(row)] for column in range(width)]
    return [" ".join(dict.fromkeys(filter(None, column))) for column in columns]


def _texts(row: Sequence[_Place]) -> Iterator[str]:
    """Yield the text of each cell of a row once."""
    for before, place in pairwise([None, *row]):
        if place is not None and (before is None or before.cell != place.cell):
            yield place.text


def _values(row: Sequence[_Place], names: Sequence[str]) -> Iterator[str]:
    """Yield each value of a row with the heads of the columns that it spans."""
    index = 0
    while index < len(row):
        end = index + 1
        while end < len(row) and row[end].cell == row[index].cell:
            end += 1
        name = ", ".join(dict.fromkeys(filter(None, names[index:end])))
        if text := row[index].text:
            yield f"{name}: {text}" if name and name != text else text
        index = end


def _lines_of_row(row: Sequence[_Place], names: Sequence[str], has_heads: bool) -> list[str]:
    """Return a row as one line; a long one as several, each with the first value."""
    values = list(_values(row, names))
    separator = VALUE if has_heads else BARE
    lines = [values[:1]]
    for value in values[1:]:
        if len(separator.join([*lines[-1], value])) > LONGEST_ROW and len(lines[-1]) > 1:
            lines.append(values[:1] if len(values[0]) <= _LONGEST_HEAD else [])
        lines[-1].append(value)
    return [separator.join(line) for line in lines if line]


def _series(row: Sequence[_Place], names: Sequence[str], series: Sequence[int]) -> list[str]:
    """Return a line for each year of a row, with what else stands in the row."""
    labels = [row[0].text]
    labels += (
        f"{names[index]}: {place.text}" if names[index] else place.text
        for index, place in enumerate(row)
        if index and index not in series and place.text
    )
    label = VALUE.join(filter(None, labels))
    lines = [
        VALUE.join(filter(None, [label, f"{names[index]}: {row[index].text}"]))
        for index in series
        if index < len(row) and row[index].text
    ]
    return lines or [label] * bool(label)


def usual_width(widths: Sequence[int]) -> int:
    """Return the number of values that most rows have; of equally common ones the larger."""
    counts = Counter(widths)
    return max(counts, key=lambda width: (counts[width], width), default=0)
