"""Words between drawn lines -> tables, each a line that holds its cells (pure)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag.reading.pdf.lines import PageCell, RuledTable, TextLine, half_point
from rag.reading.pdf.page_lines import lines_of
from rag.reading.pdf.spaces import Word
from rag.reading.pdf_tables.grids import Grid, grids_of, joined_rulings
from rag.reading.pdf_tables.rows import by_baseline, joined_rows
from rag.reading.pdf_tables.rulings import Rulings
from rag.reading.pdf_tables.stacks import stacked_tables

MIDDLE = 0.3  # of the size of the type: the middle of letters stands so far above the baseline
FILLED = 1 / 3  # of the cells: the boxes and the grids of charts hold less
MOST_LINES_OF_CELL = 12  # of a cell in a table of two rows: slides are laid out in boxes
LONGEST_CELL = 2_500  # characters: what is longer is the text of a page in a frame


def with_tables(words: Sequence[Word], rulings: Rulings, page: int) -> list[TextLine]:
    """Return the words of a page as lines; each table between drawn lines is one of them."""
    grids = grids_of(rulings)
    inside = _by_grid(words, grids)
    tables: list[TextLine] = []
    taken: set[int] = set()
    for number, grid in enumerate(grids):
        placed = inside.get(number, [])
        if table := _ruled_table(grid, [words[index] for index in placed], page):
            tables.append(table)
            taken.update(placed)
    lines = lines_of([word for index, word in enumerate(words) if index not in taken], page)
    left = {id(line): line for line in lines}
    for found in stacked_tables(lines, joined_rulings(rulings.across)):
        if all(id(line) in left for line in found.lines):
            for line in found.lines:
                del left[id(line)]
            edges = [edge for edge, _ in found.columns]
            tables.append(_as_line(found.rows, edges, found.heads, page))
    return [*left.values(), *tables]


def _by_grid(words: Sequence[Word], grids: Sequence[Grid]) -> dict[int, list[int]]:
    """Return the indexes of the words in each grid; of grids in each other the inner one has it."""
    areas = [(g.xs[-1] - g.xs[0]) * (g.ys[-1] - g.ys[0]) for g in grids]
    smallest = sorted(range(len(grids)), key=areas.__getitem__)
    found: dict[int, list[int]] = {}
    for index, word in enumerate(words):
        place = _middle_of(word)
        holder = next((n for n in smallest if grids[n].place_at(*place)), None)
        if holder is not None:
            found.setdefault(holder, []).append(index)
    return found


def _middle_of(word: Word) -> tuple[float, float]:
    return (word.left + word.right) / 2, word.baseline - MIDDLE * word.size


def _ruled_table(grid: Grid, words: Sequence[Word], page: int) -> TextLine | None:
    """Return the table that a grid holds, None if its words are not in rows and columns."""
    owners = grid.owners()
    held: list[list[Word]] = [[] for _ in grid.cells]
    for word in words:
        if place := grid.place_at(*_middle_of(word)):
            held[owners[place]].append(word)
    cells = [
        PageCell(_cell_lines(inside, page), cell.rows, cell.columns)
        for cell, inside in zip(grid.cells, held, strict=True)
    ]
    if not _is_table(grid, cells):
        return None
    rows, columns = _used_rows(grid, cells)
    return _as_line(rows, [grid.xs[column] for column in columns], None, page)


def _as_line(
    rows: Sequence[Sequence[PageCell]], edges: Sequence[float], heads: int | None, page: int
) -> TextLine:
    """Return a line of a page that stands for a table."""
    lines = [line for row in rows for cell in row for line in cell.lines]
    return TextLine(
        text=" | ".join(
            "\n".join(line.text for line in cell.lines)
            for row in rows
            for cell in row
            if cell.lines
        ),
        page=page,
        left=min(line.left for line in lines),
        top=min(line.top for line in lines),
        right=max(line.right for line in lines),
        bottom=max(line.bottom for line in lines),
        baseline=min(line.baseline for line in lines),
        size=_usual_size(lines),
        bold=False,
        cells=len(edges),
        table=RuledTable(tuple(map(tuple, rows)), tuple(edges), heads),
    )


def _used_rows(
    grid: Grid, cells: Sequence[PageCell]
) -> tuple[tuple[tuple[PageCell, ...], ...], Sequence[int]]:
    """Return the cells row by row, and the columns of the grid that are columns of the table.

    Boxes that shade cells end beside the lines around them: what lies between holds no text.
    """
    filled = [at for at, cell in zip(grid.cells, cells, strict=True) if cell.lines]
    columns = _used([(at.column, at.columns) for at in filled])
    rows = _used([(at.row, at.rows) for at in filled])
    found: dict[int, list[PageCell]] = {row: [] for row in rows}
    for at, cell in zip(grid.cells, cells, strict=True):
        across = [c for c in columns if at.column <= c < at.column + at.columns]
        down = [r for r in rows if at.row <= r < at.row + at.rows]
        if across and down:
            found[down[0]].append(replace(cell, rows=len(down), columns=len(across)))
    return tuple(tuple(found[row]) for row in rows), columns


def _used(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return the rows or columns, of those that cells with text span, that have text of their own.

    Of cells that span none of them the first one counts.
    """
    used = {first for first, count in spans if count == 1}
    for first, count in spans:
        if not used.intersection(range(first, first + count)):
            used.add(first)
    return sorted(used)


def _cell_lines(words: Sequence[Word], page: int) -> tuple[TextLine, ...]:
    return tuple(joined_rows(row, " ") for row in by_baseline(lines_of(words, page)))


def _is_table(grid: Grid, cells: Sequence[PageCell]) -> bool:
    filled = [at for at, cell in zip(grid.cells, cells, strict=True) if cell.lines]
    most = max((len(cell.lines) for cell in cells), default=0)
    longest = max((sum(len(line.text) for line in cell.lines) for cell in cells), default=0)
    return (
        len({at.row for at in filled}) > 1
        and len({at.column for at in filled}) > 1
        and len(filled) >= FILLED * len(cells)
        and longest <= LONGEST_CELL
        and (len({at.row for at in filled}) > 2 or most <= MOST_LINES_OF_CELL)
    )


def _usual_size(lines: Sequence[TextLine]) -> float:
    sizes = Counter[float]()
    for line in lines:
        sizes[half_point(line.size)] += len(line.text)
    return sizes.most_common(1)[0][0]
