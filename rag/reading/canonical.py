"""Blocks -> the one text of a document, and what stands where in it (pure)."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rag.reading.blocks import Block, Piece, TableRow, split_struck
from rag.types import Box, Kind, Span, Struck, Table, TableCell


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block as a span of the text."""

    start: int
    end: int
    level: int | None
    kind: Kind | None
    quoted: bool


class Canonical(NamedTuple):
    """The one text of a document, and what stands where in it."""

    text: str
    blocks: list[PlacedBlock]
    boxes: tuple[Box, ...]
    tables: tuple[Table, ...]
    struck: tuple[Struck, ...]

    def page_at(self, offset: int) -> int:
        """Return the page that shows the character at `offset`, 0 if there are no pages."""
        after = bisect_right(self.boxes, offset, key=lambda box: box.start)
        return self.boxes[max(0, after - 1)].page if self.boxes else 0


def canonical_text(content: Sequence[Block]) -> Canonical:
    """Return the text of blocks, their spans in it, their boxes, tables and what is struck out."""
    parts: list[str] = []
    blocks: list[PlacedBlock] = []
    boxes: list[Box] = []
    struck: list[Struck] = []
    tables: list[_OpenTable] = []
    offset = 0
    for block in content:
        # entities like "&#8203;" bring back what no reader sees
        pieces, gone = _without_struck(block)
        part = "".join(piece.text for piece in pieces)
        if not part.strip():
            struck += [Struck(offset, words) for _, words in gone]
            continue
        between = block.before if block.before is not None else "\n\n" if parts else ""
        first = len(part) - len(part.lstrip("\n"))
        parts += [between, part.strip("\n")]
        offset += len(between)
        part = parts[-1]
        span = Span(offset + len(part) - len(part.lstrip()), offset + len(part.rstrip()))
        blocks.append(PlacedBlock(span.start, span.end, block.level, block.kind, block.quoted))
        struck += [
            Struck(min(max(at - first + offset, span.start), span.end), words) for at, words in gone
        ]
        for box in block.boxes:
            held = _within(span, box.start - first + offset, box.end - first + offset)
            if held.start < held.end:
                boxes.append(replace(box, start=held.start, end=held.end))
        if block.row is not None:
            if block.row.is_first or not tables or tables[-1].heads != block.row.heads:
                tables.append(_OpenTable(span.start, block.row.heads))
            tables[-1].add(block.row, pieces, span, offset - first)
        offset += len(part)
    closed = tuple(table.closed() for table in tables)
    return Canonical("".join(parts), blocks, tuple(boxes), closed, tuple(struck))


def _within(span: Span, start: int, end: int) -> Span:
    return Span(max(start, span.start), min(end, span.end))


def _without_struck(block: Block) -> tuple[tuple[Piece, ...], list[tuple[int, str]]]:
    """Return the pieces of a block without what is struck out, and that with its offsets."""
    pieces: list[Piece] = []
    gone: list[tuple[int, str]] = []
    offset = 0
    for piece in block.row.pieces if block.row else (Piece(block.text),):
        text, struck = split_struck(piece.text)
        gone += [(offset + at, words) for at, words in struck]
        pieces.append(piece._replace(text=text))
        offset += len(text)
    return tuple(pieces), gone


@dataclass(slots=True)
class _OpenTable:
    """A table whose rows are still being read."""

    start: int
    heads: tuple[str, ...]
    end: int = 0
    rows: int = 0
    head_rows: int = 0
    cells: list[TableCell] = field(default_factory=list)

    def add(self, row: TableRow, pieces: Sequence[Piece], span: Span, offset: int) -> None:
        """Add a row whose pieces begin at `offset`."""
        for piece in pieces:
            held = _within(span, offset, offset + len(piece.text))
            if piece.column >= 0 and held.start < held.end:
                place = (self.rows, piece.column, piece.columns)
                self.cells.append(TableCell(held.start, held.end, *place))
            offset += len(piece.text)
        self.head_rows += row.is_head and self.rows == self.head_rows
        self.rows += 1
        self.end = span.end

    def closed(self) -> Table:
        return Table(self.start, self.end, self.heads, self.head_rows, tuple(self.cells))
