"""Lines on pages -> the blocks a reader sees.

Furniture is set apart, columns are put in order, then paragraphs, headings and notes are made
(pure). Lines on one baseline make a row, rows of one type that stand close a group, and a group
one or more paragraphs. Lengths are in points; where one is a multiple, it is of the size of the
type.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from rag.reading.blocks import Block
from rag.reading.pdf.columns import in_columns
from rag.reading.pdf.flow import BodyType, Flow, usual_leading
from rag.reading.pdf.furniture import with_furniture_apart
from rag.reading.pdf.hyphens import join_at_line_end, word_counts
from rag.reading.pdf.lines import Page, PageCell, TextLine, half_point, turned_back
from rag.reading.pdf.paragraphs import BlockDraft
from rag.reading.pdf_tables.aligned import aligned_rows
from rag.reading.pdf_tables.blocks import table_rows
from rag.types import Box

LEVELS = 3  # of headings
FEWEST_OF_SENTENCE = 6  # words
FEWEST_LABELS = 4  # headings in a row without a word of text: they are none


def blocks(pages: Sequence[Page]) -> list[Block]:
    """Return the blocks of the pages in reading order, with a box for each line.

    A paragraph that runs over columns or pages is one block; what stands between its parts follows
    it.
    """
    sizes, weights = Counter[float](), Counter[bool]()
    for page in pages:
        for line in page.lines:
            sizes[half_point(line.size)] += len(line.text)
            weights[line.bold] += len(line.text)
    size = sizes.most_common(1)[0][0] if sizes else 0.0
    pages = with_furniture_apart(pages, size)
    columns = [list(in_columns(page.lines)) for page in pages]
    flow = Flow(BodyType(size, weights[True] > weights[False], usual_leading(columns)))
    for page, page_columns in zip(pages, columns, strict=True):
        flow.add(page, page_columns)
    return _to_blocks(flow.parts, pages)


def _without_labels(parts: Sequence[BlockDraft]) -> None:
    """Take the style of headings from those that follow each other with nothing between.

    So many in one type are the labels of a chart. On the first page they are a title.
    """
    shown = (part for part in parts if part.kind != "furniture")
    for style, run in groupby(shown, lambda part: part.style):
        labels = list(run)
        if style and len(labels) >= FEWEST_LABELS and labels[0].lines[0][1].page > 1:
            for label in labels:
                label.style = None


def _without_sentences(parts: Sequence[BlockDraft]) -> None:
    """Take the style of headings from lines in large or bold type whose sentence goes on below."""
    shown = [part for part in parts if part.kind is None]
    for part, after in pairwise(shown):
        words = " ".join(line.text for _, line in part.lines).split()
        goes_on = after.lines[0][1].text[0].islower() and not after.style
        if part.style and len(words) >= FEWEST_OF_SENTENCE and goes_on:
            part.style = None


def _to_blocks(parts: Sequence[BlockDraft], pages: Sequence[Page]) -> list[Block]:
    _without_labels(parts)
    _without_sentences(parts)
    words = word_counts(parts)
    styles = sorted({part.style for part in parts if part.style}, reverse=True)
    levels = {style: min(rank, LEVELS) for rank, style in enumerate(styles, start=1)}
    # Where headings differ in type, a short line in the type of the text is none.
    default_level = 0 if sum(part.style is not None for part in parts) > 2 else None
    found: list[Block] = []
    for part in parts:
        lines = [line for _, line in part.lines]
        if rows := _rows_of_table(lines):
            table = lines[0].table
            heads = table.heads if table else None
            told = table_rows(rows, words, is_ruled=table is not None, heads=heads)
            found += [_with_boxes(block, ends, pages) for block, ends in told]
            continue
        text, boxes = _text_and_boxes(part, pages, words)
        level = levels[part.style] if part.style else 0 if part.kind else default_level
        found.append(Block(text, level, part.kind, part.quoted, boxes))
    return found


def _rows_of_table(lines: Sequence[TextLine]) -> Sequence[Sequence[PageCell]] | None:
    """Return the rows of cells that lines show, None if they are no table."""
    tables = [line.table for line in lines if line.table]
    if tables:
        return [row for table in tables for row in table.rows]
    return aligned_rows(lines) if all(line.parts for line in lines) else None


def _with_boxes(block: Block, ends: Sequence[tuple[int, TextLine]], pages: Sequence[Page]) -> Block:
    """Return a row of a table with a box for each value; its head belongs to the value's box."""
    starts = [0, *(end for end, _ in ends)]
    return replace(
        block,
        boxes=tuple(
            _box(start, end, cell, pages[cell.page - 1])
            for start, (end, cell) in zip(starts, ends, strict=False)
            if start < end
        ),
    )


def _text_and_boxes(
    part: BlockDraft, pages: Sequence[Page], words: Counter[str]
) -> tuple[str, tuple[Box, ...]]:
    texts: list[str] = []
    boxes: list[Box] = []
    end = 0
    for joint, line in part.lines:
        if texts and joint == " " and (broken := join_at_line_end(texts[-1], line.text, words)):
            goes, joint = broken
            if goes:
                texts[-1], end = texts[-1][:-1], end - 1
                boxes[-1] = replace(boxes[-1], end=end)
        if texts:
            texts.append(joint)
            end += len(joint)
        start, end = end, end + len(line.text)
        boxes.append(_box(start, end, line, pages[line.page - 1]))
        texts.append(line.text)
    return "".join(texts), tuple(boxes)


def _box(start: int, end: int, line: TextLine, page: Page) -> Box:
    """Return where a line stands on its page as the file shows it."""
    across, down = page.width, page.height
    width, height = (down, across) if page.turn in (90, 270) else (across, down)
    one = turned_back(line.left, line.top, page.turn, width, height)
    other = turned_back(line.right, line.bottom, page.turn, width, height)
    (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return Box(
        start,
        end,
        page.number or line.page,
        _page_share(left, width),
        _page_share(top, height),
        _page_share(right, width),
        _page_share(bottom, height),
    )


def _page_share(distance: float, whole: float) -> float:
    return min(max(distance / whole, 0.0), 1.0)
