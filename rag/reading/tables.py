"""Rows of cells -> one line a row, each value with the heads of its row and column (pure)."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag.reading.blocks import Block, Piece, TableRow, split_struck
from rag.types import Kind

MAX_COLUMNS = 300  # spans included: what is wider is data, and a span may claim any number
MAX_SPAN_ROWS = 1_000
LONGEST_ROW = 600  # characters: longer rows are shown in several lines, each with the row's head
VALUE = " · "  # between the values of a row whose columns have heads
BARE = " | "  # between the values of a row whose columns have none
_MOST_HEAD_ROWS = 4
_LONGEST_HEAD = 80  # characters
# "MD5" may stand over checksums, "Date" over dates: a share of the values has so many digits.
_MOST_HEAD_DIGITS, _FEWEST_CODE_DIGITS, _CODES = 1, 3, 0.8
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

    text: str  # without what is struck out
    shown: str  # with it
    is_head: bool
    cell: int


_Grid = list[list[_Place]]


def table_blocks(rows: Sequence[Sequence[Cell]], head_rows: int | None = None) -> list[Block]:
    """Return a block for each row of a table, "Town: Esker · Beds: 85".

    Spans are filled, so that each row says all that belongs to it. The first `head_rows` rows hold
    the heads of the columns; None if the format does not say: the cells then decide. Where the
    columns are years each value has a line of its own, "Vestby · 2015: 8120", and the heads stand
    above as furniture. Rows that are one cell over the whole width are blocks as they stand.
    """
    grid = _grid(rows)
    width = max(map(len, grid), default=0)
    if width < 2:
        return [Block(row[0].shown, 0) for row in grid if row and row[0].shown]
    first = 0
    while first < len(grid) and _is_banner(grid[first], width):  # titles stand above the heads
        first += 1
    body = grid[first:]
    count = _head_rows(body) if head_rows is None else max(0, min(head_rows - first, len(body)))
    heads = body[:count]
    names = _column_names(heads, width)
    repeated = {tuple(place.text for place in row) for row in heads}
    series = [index for index, name in enumerate(names) if _YEAR_CELL.fullmatch(name)]
    labels = [index for index in range(width) if index not in series]
    is_series = len(series) > 1 and 0 in labels and len(labels) <= _MOST_LABELS
    if is_series:  # what is said of all years stands before them
        order = [*labels, *series]
        heads, body = _ordered(heads, order), _ordered(body, order)
        names = [names[index] for index in order]
        series = [*range(len(labels), width)]
    shown: list[tuple[list[Piece], bool]] = []
    if heads and (is_series or count == len(body)):
        shown += [(_bare(row), True) for row in heads]
    for row in body[count:]:
        if _is_banner(row, width):
            shown.append(([Piece(row[0].shown, 0, width, row[0].cell)], False))
        elif tuple(place.text for place in row) not in repeated:
            lines = (
                _series(row, names, series) if is_series else _lines_of_row(row, names, bool(heads))
            )
            shown.append((_between("\n", lines), False))
    kinds: dict[bool, Kind] = {True: "furniture" if is_series else "text", False: "text"}
    titles = [Block(row[0].shown, 0, "text") for row in grid[:first]]
    return titles + [
        Block("".join(piece.text for piece in pieces), 0, kinds[is_head], row=row)
        for number, (pieces, is_head) in enumerate((p, h) for p, h in shown if p)
        for row in [TableRow(tuple(pieces), tuple(names), number == 0, is_head)]
    ]


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
            shown = " ".join(cell.text.split())
            place = _Place(split_struck(shown)[0].strip(), shown, cell.is_head, number)
            number += 1
            for _ in range(min(max(1, cell.columns), MAX_COLUMNS - len(places))):
                if cell.rows > 1:
                    open_cells[len(places)] = place, min(cell.rows, MAX_SPAN_ROWS) - 1
                places.append(place)
        number += len(waiting)
        if any(place.shown for place in places):
            grid.append(places)
    return grid


def _ordered(grid: _Grid, order: Sequence[int]) -> _Grid:
    """Return the grid with its columns reordered; a banner stays as it is."""
    return [
        row if _is_banner(row, len(order)) else [row[i] for i in order if i < len(row)]
        for row in grid
    ]


def _is_banner(row: Sequence[_Place], width: int) -> bool:
    """Return whether one cell, or the only one that holds something at the left, is the row."""
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
    """Return whether the first row names columns.

    It holds words or years over columns of numbers.
    """
    first, below = grid[0], grid[1:]
    if _is_over_codes(first, below):
        return True
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


def _is_over_codes(first: Sequence[_Place], below: _Grid) -> bool:
    """Return whether a row of words stands over a column of dates, codes or other figures."""
    if any(_count_digits(place.text) > _MOST_HEAD_DIGITS for place in first):
        return False
    for column in range(len(first)):
        values = [row[column].text for row in below if column < len(row) and row[column].text]
        codes = sum(_count_digits(value) >= _FEWEST_CODE_DIGITS for value in values)
        if first[column].text and len(values) > 1 and codes >= _CODES * len(values):
            return True
    return False


def _count_digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _column_names(heads: _Grid, width: int) -> list[str]:
    """Return the head of each column, those of several rows one behind the other."""
    columns = [[row[column].text for row in heads if column < len(row)] for column in range(width)]
    return [" ".join(dict.fromkeys(filter(None, column))) for column in columns]


def _bare(row: Sequence[_Place]) -> list[Piece]:
    """Return a row of heads: the text of each cell once."""
    return _between(VALUE, [[piece] for _, piece in _values(row, [""] * len(row))])


def _values(row: Sequence[_Place], names: Sequence[str]) -> Iterator[tuple[str, Piece]]:
    """Yield each value of a row with the heads of the columns that it spans, "" for none."""
    index = 0
    while index < len(row):
        end = index + 1
        while end < len(row) and row[end].cell == row[index].cell:
            end += 1
        name = ", ".join(dict.fromkeys(filter(None, names[index:end])))
        if row[index].shown:
            head = name if row[index].text not in ("", name) else ""
            yield head, Piece(row[index].shown, index, end - index, row[index].cell)
        index = end


def _named(name: str, value: Piece) -> list[Piece]:
    return [Piece(f"{name}: "), value] if name else [value]


def _between(separator: str, parts: Iterable[Sequence[Piece]]) -> list[Piece]:
    """Return the parts one behind the other with separators, one that is empty without one."""
    pieces: list[Piece] = []
    separated = False
    for part in parts:
        has_text = any(split_struck(piece.text)[0].strip() for piece in part)
        if separated and has_text:
            pieces.append(Piece(separator))
        pieces += part
        separated = separated or has_text
    return pieces


def _lines_of_row(
    row: Sequence[_Place], names: Sequence[str], has_heads: bool
) -> list[list[Piece]]:
    """Return a row as one line; a long one as several, each with the first value."""
    values = [_named(name, value) for name, value in _values(row, names)]
    separator = VALUE if has_heads else BARE
    lines: list[list[list[Piece]]] = [values[:1]]
    length = _length(values[:1], separator)
    for value in values[1:]:
        added = _length([value], separator) + len(separator)
        if length + added > LONGEST_ROW and len(lines[-1]) > 1:
            repeat = _length(values[:1], separator) <= _LONGEST_HEAD
            lines.append([_repeated(values[0])] if repeat else [])
            length = _length(lines[-1], separator)
        lines[-1].append(value)
        length += added
    return [_between(separator, line) for line in lines if line]


def _length(values: Iterable[Sequence[Piece]], separator: str) -> int:
    return len(separator.join("".join(piece.text for piece in value) for value in values))


def _repeated(value: Iterable[Piece]) -> list[Piece]:
    """Return a value that stands in its cell already."""
    return [Piece("".join(split_struck(piece.text)[0] for piece in value).strip())]


def _series(
    row: Sequence[_Place], names: Sequence[str], series: Sequence[int]
) -> list[list[Piece]]:
    """Return a line for each year of a row, with what else stands in the row."""
    label = _between(
        VALUE,
        [
            _named("" if index == 0 else names[index], Piece(place.shown, index, 1, place.cell))
            for index, place in enumerate(row)
            if index not in series and place.shown
        ],
    )
    lines: list[list[Piece]] = []
    for index in series:
        if index < len(row) and row[index].shown:
            piece = Piece(row[index].shown, index, 1, row[index].cell)
            value = _named(names[index] if row[index].text else "", piece)
            stands = _repeated(label) if lines and label else label
            lines.append(_between(VALUE, [stands, value] if stands else [value]))
    return lines or [label] * bool(label)


def usual_width(widths: Sequence[int]) -> int:
    """Return the number of values that most rows have; of equally common ones the larger."""
    counts = Counter(widths)
    return max(counts, key=lambda width: (counts[width], width), default=0)
