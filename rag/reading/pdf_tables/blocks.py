"""Cells on pages -> the rows of a table, each with the heads of its columns (pure)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from rag.reading.blocks import Block
from rag.reading.pdf.hyphens import join_at_line_end
from rag.reading.pdf.lines import PageCell, TextLine
from rag.reading.tables import Cell, table_blocks

_Rows = Sequence[Sequence[PageCell]]
MOST_HEADS = 3  # rows
LONGEST_NAME = 8  # words
UNLIKE = 0.8  # of the values below a name
_NO_NAME = re.compile(r"\d\d\d|[:.]$|@|://")
_CODE = re.compile(r"\d|@|://|\w[._]\w|\.$")


def table_rows(
    rows: _Rows, words: Counter[str], is_ruled: bool, heads: int | None = None
) -> list[tuple[Block, list[tuple[int, TextLine]]]]:
    """Return a block for each row, and in it the ends of its values with what shows them.

    `words` is what `word_counts` returns, `heads` the rows of heads where the lines drawn say it.
    """
    cells = [cell for row in rows for cell in row]
    texts = [_cell_text(cell, words) for cell in cells]
    given = iter(texts)
    told = [[Cell(next(given), rows=c.rows, columns=c.columns) for c in row] for row in rows]
    found: list[tuple[Block, list[tuple[int, TextLine]]]] = []
    after = 0
    for block in table_blocks(told, heads or _table_heads(rows, told, is_ruled)):
        if block.row is None:  # the title of the table
            after = next(i for i in range(after, len(cells)) if texts[i] == block.text) + 1
            found.append((block, [(len(block.text), _box_of(cells[after - 1]))]))
        else:
            found.append((block, _ends(block, cells)))
    return found


def _cell_text(cell: PageCell, words: Counter[str]) -> str:
    """Return what a cell says; words that its lines break are whole."""
    text = ""
    for line in cell.lines:
        broken = join_at_line_end(text, line.text, words) if text else None
        goes, joint = broken or (False, " " if text else "")
        text = f"{text[:-1] if goes else text}{joint}{line.text}"
    return " ".join(text.split())


def _table_heads(rows: _Rows, told: Sequence[Sequence[Cell]], is_ruled: bool) -> int | None:
    """Return how many rows hold the heads of columns, None if neither type nor lines say it.

    Where lines are drawn around short words over each column, these are heads as a rule.
    """
    bold = sum(1 for _ in takewhile(_is_bold, rows))
    if 0 < bold <= min(MOST_HEADS, len(rows) - 1):
        return bold
    titles = sum(1 for _ in takewhile(lambda row: len(row) == 1, told))
    if not is_ruled or len(told) <= titles + 1 or not _are_names(told[titles]):
        return None
    if len(told[titles]) > 2 or _are_of_other_kind(told[titles], told[titles + 1 :]):
        return titles + 1
    return None


def _are_names(row: Sequence[Cell]) -> bool:
    """Return whether cells name columns: few words and no figures in each, none twice."""
    texts = [cell.text for cell in row]
    return (
        len(row) > 1
        and all(cell.columns == 1 for cell in row)
        and all(texts[1:])
        and len(set(texts)) == len(texts)
        and all(len(text.split()) <= LONGEST_NAME for text in texts)
        and not any(_NO_NAME.search(text) for text in texts)
    )


def _are_of_other_kind(names: Sequence[Cell], below: Sequence[Sequence[Cell]]) -> bool:
    """Return whether the values in a column are codes or sentences, or not in capitals, as the
    names are.

    Of two columns the first often names what stands in the second: then the first row is like the
    others.
    """
    if all(cell.text.isupper() for cell in names):
        return not all(cell.text.isupper() for row in below for cell in row if cell.text)
    for column in range(len(names)):
        values = [row[column].text for row in below if column < len(row) and row[column].text]
        unlike = sum(bool(_CODE.search(v)) or len(v.split()) > LONGEST_NAME for v in values)
        if (
            len(values) > 1
            and unlike >= UNLIKE * len(values)
            and not _CODE.search(names[column].text)
        ):
            return True
    return False


def _is_bold(row: Sequence[PageCell]) -> bool:
    shown = [cell for cell in row if cell.lines]
    return bool(shown) and all(cell.is_bold for cell in shown)


def _box_of(cell: PageCell) -> TextLine:
    """Return the lines of a cell as one, for its place on the page."""
    return replace(
        cell.lines[0],
        left=min(line.left for line in cell.lines),
        top=min(line.top for line in cell.lines),
        right=max(line.right for line in cell.lines),
        bottom=max(line.bottom for line in cell.lines),
    )


def _ends(block: Block, cells: Sequence[PageCell]) -> list[tuple[int, TextLine]]:
    """Return where each value of a block ends, and what shows it on the page."""
    ends: list[tuple[int, TextLine]] = []
    end = 0
    for piece in block.row.pieces if block.row else ():
        end += len(piece.text)
        if piece.cell >= 0 and cells[piece.cell].lines:
            ends.append((end, _box_of(cells[piece.cell])))
    return [*ends[:-1], (len(block.text), ends[-1][1])]
