"""The lines drawn on a page -> the grids they make, and their cells (pure)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from rag.reading.pdf_tables.rulings import Ruling, Rulings

TOUCH = 3.0  # points: lines that are drawn so near to each other are one, or meet
NARROWEST = 6.0  # points: no row is so low, no column so narrow
# Pairs of lines across and down: a drawing has more, and each is looked at.
MOST_PAIRS = 150_000
_WALL = 0.5  # of the side of a cell: so much of it must be drawn


class GridCell(NamedTuple):
    """A cell of a grid, by its first row and column, and how many of them it spans."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A frame of rows and columns."""

    xs: Sequence[float]  # the edges of its columns from left to right
    ys: Sequence[float]  # the edges of its rows from top to bottom
    cells: Sequence[GridCell]  # row by row

    def owners(self) -> dict[tuple[int, int], int]:
        """Return the number of the cell that each place, a row and a column, belongs to."""
        return {
            (row, column): number
            for number, cell in enumerate(self.cells)
            for row in range(cell.row, cell.row + cell.rows)
            for column in range(cell.column, cell.column + cell.columns)
        }

    def place_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the row and the column of a point, None if it lies outside of the grid."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        inside = 0 <= column < len(self.xs) - 1 and 0 <= row < len(self.ys) - 1
        return (row, column) if inside else None


def grids_of(rulings: Rulings) -> list[Grid]:
    """Return the grids of two rows and two columns or more, from top to bottom."""
    across, down = joined_rulings(rulings.across), joined_rulings(rulings.down)
    if not across or not down or len(across) * len(down) > MOST_PAIRS:
        return []
    found = (_ruled_grid(*group) for group in _connected(across, down))
    return sorted((grid for grid in found if grid), key=lambda grid: (grid.ys[0], grid.xs[0]))


def joined_rulings(lines: Iterable[Ruling]) -> list[Ruling]:
    """Return lines of one height that touch as one; those too short for a table are left out."""
    joined: list[Ruling] = []
    for at, level in _ruling_levels(lines):
        spans = sorted((line.start, line.end) for line in level)
        start, end = spans[0]
        for first, last in spans[1:]:
            if first > end + TOUCH:
                joined.append(Ruling(at, start, end))
                start = first
                end = last
            end = max(end, last)
        joined.append(Ruling(at, start, end))
    return [line for line in joined if line.end - line.start >= NARROWEST]


def _ruling_levels(lines: Iterable[Ruling]) -> Iterator[tuple[float, list[Ruling]]]:
    """Yield the lines by the height at which they stand, with their mean height."""
    level: list[Ruling] = []
    for line in sorted(lines):
        if level and line.at - level[0].at > TOUCH:
            yield sum(one.at for one in level) / len(level), level
            level = []
        level.append(line)
    if level:
        yield sum(one.at for one in level) / len(level), level


def _connected(
    across: Sequence[Ruling], down: Sequence[Ruling]
) -> list[tuple[list[Ruling], list[Ruling]]]:
    """Return the lines in groups that hang together, each across and down."""
    parent = [*range(len(across) + len(down))]

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for number, line in enumerate(across):
        for other, wall in enumerate(down, start=len(across)):
            if (
                line.start - TOUCH <= wall.at <= line.end + TOUCH
                and wall.start - TOUCH <= line.at <= wall.end + TOUCH
            ):
                parent[root(number)] = root(other)
    groups: dict[int, tuple[list[Ruling], list[Ruling]]] = {}
    for number, line in enumerate(across):
        groups.setdefault(root(number), ([], []))[0].append(line)
    for number, line in enumerate(down, start=len(across)):
        groups.setdefault(root(number), ([], []))[1].append(line)
    return [group for group in groups.values() if group[0] and group[1]]


def _ruled_grid(across: Sequence[Ruling], down: Sequence[Ruling]) -> Grid | None:
    """Return the grid that lines make, None if it has less than two rows or columns."""
    ys, xs = [at for at, _ in _ruling_levels(across)], [at for at, _ in _ruling_levels(down)]
    ys, xs = _with_open_edges(ys, down), _with_open_edges(xs, across)
    while True:
        if len(xs) < 3 or len(ys) < 3:
            return None
        cells = _grid_cells(xs, ys, across, down)
        unused = _unused({cell.row for cell in cells}, len(ys) - 1)
        if unused:
            ys = [y for index, y in enumerate(ys) if index not in unused]
            continue
        unused = _unused({cell.column for cell in cells}, len(xs) - 1)
        if not unused:
            return Grid(xs, ys, cells)
        xs = [x for index, x in enumerate(xs) if index not in unused]


def _unused(begun: set[int], count: int) -> set[int]:
    """Return the rows or columns in which no cell begins."""
    return {index for index in range(1, count) if index not in begun}


def _with_open_edges(places: list[float], crossing: Sequence[Ruling]) -> list[float]:
    """Return the places of lines, with the ends of those that cross them where no line stands.

    Many tables have no frame: their lines run on over the outermost ones that cross them.
    """
    before = [line.start for line in crossing if line.start < places[0] - NARROWEST]
    after = [line.end for line in crossing if line.end > places[-1] + NARROWEST]
    if len(before) > 1 and 2 * len(before) >= len(crossing):
        places = [median(before), *places]
    if len(after) > 1 and 2 * len(after) >= len(crossing):
        places = [*places, median(after)]
    return places


def _grid_cells(
    xs: Sequence[float], ys: Sequence[float], across: Sequence[Ruling], down: Sequence[Ruling]
) -> list[GridCell]:
    """Return the cells: places of the grid with no line drawn between them are one."""
    walls = [[line for line in down if abs(line.at - x) <= TOUCH] for x in xs]
    floors = [[line for line in across if abs(line.at - y) <= TOUCH] for y in ys]
    right = [[_is_drawn(wall, top, bottom) for wall in walls] for top, bottom in pairwise(ys)]
    above = [[_is_drawn(floor, left, end) for left, end in pairwise(xs)] for floor in floors]
    taken: set[tuple[int, int]] = set()
    cells: list[GridCell] = []
    height, width = len(ys) - 1, len(xs) - 1
    for row in range(height):
        for column in range(width):
            if (row, column) in taken:
                continue
            end = column + 1
            while end < width and not right[row][end] and (row, end) not in taken:
                end += 1
            last = row + 1
            while (
                last < height
                and not any(above[last][column:end])
                and not any(right[last][column + 1 : end])
                and (not column or right[last][column])
                and (end == width or right[last][end])
                and not any((last, one) in taken for one in range(column, end))
            ):
                last += 1
            taken |= {(r, c) for r in range(row, last) for c in range(column, end)}
            cells.append(GridCell(row, column, last - row, end - column))
    return cells


def _is_drawn(lines: Sequence[Ruling], start: float, end: float) -> bool:
    """Return whether lines of one height are drawn along the side of a cell."""
    covered = sum(max(0.0, min(line.end, end) - max(line.start, start)) for line in lines)
    return covered > _WALL * (end - start)
