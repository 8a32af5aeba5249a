"""Lines of a page -> its columns in reading order (pure)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rag.reading.pdf.lines import TextLine
from rag.reading.pdf_tables.rows import page_rows

PROSE = 15  # letters: lines of a column have more, cells of a table fewer
# of a page into columns and of these: newspapers have no more, and each costs a look at all lines
SPLITS = 4
FEWEST_ROWS = 4  # of columns
CLOSE = 1.6  # of the size of the type: lines of one paragraph are no further apart
EDGE = 0.5  # of the size of the type: a line may reach so far over the edge of its column


def in_columns(lines: Sequence[TextLine], splits: int = SPLITS) -> Iterator[list[TextLine]]:
    """Yield the rows by columns, in reading order.

    What spans the columns stands between those above and below it.
    """
    gutter = _gutter(lines) if splits else None
    if gutter is None:
        if lines:
            yield page_rows(lines)
        return
    if other := _other_columns(lines, gutter):
        top, bottom = other
        bands: tuple[list[TextLine], list[TextLine], list[TextLine]] = ([], [], [])
        for line in lines:
            bands[(line.baseline >= top) + (line.baseline > bottom)].append(line)
        for part in bands:
            yield from in_columns(part, splits - 1)
        return
    in_order = sorted(lines, key=lambda line: line.baseline)
    for spans, band in groupby(in_order, lambda line: _side(line, gutter) is None):
        if spans:
            yield page_rows(list(band))
            continue
        sides: tuple[list[TextLine], list[TextLine]] = ([], [])
        for line in band:
            sides[_side(line, gutter) == 1].append(line)
        for side in sides:
            yield from in_columns(side, splits - 1)


def _side(line: TextLine, gutter: float) -> int | None:
    """Return 0 for a line left of a gutter, 1 for one right of it, None for one that spans it."""
    if line.left >= gutter - EDGE * line.size:
        return 1
    return None if line.right > gutter + EDGE * line.size else 0


def _other_columns(lines: Sequence[TextLine], gutter: float) -> tuple[float, float] | None:
    """Return the first and the last baseline of a band that stands in other columns, if any.

    There lines cross the gutter that have another line beside them.
    """
    spanning = [line for line in lines if _side(line, gutter) is None]
    left = [line for line in lines if _side(line, gutter) == 0]
    beside = [
        line.baseline
        for line in spanning
        if any(
            abs(line.baseline - other.baseline) < 0.8 * other.size and other.right < line.left
            for other in left
        )
    ]
    if len(beside) < FEWEST_ROWS:
        return None
    top, bottom = min(beside) - 1, max(beside) + 1
    right = [line.baseline for line in lines if _side(line, gutter) == 1]
    for line in sorted(left, key=lambda line: line.baseline):  # the left column may be the longer
        goes_on = bottom < line.baseline <= bottom + CLOSE * line.size
        if goes_on and all(abs(line.baseline - other) > line.size for other in right):
            bottom = line.baseline + 1
    inside = sum(top <= line.baseline <= bottom for line in lines)
    return (top, bottom) if inside < len(lines) else None


def _gutter(lines: Sequence[TextLine]) -> int | None:
    """Return where the right one of two columns begins; None if the lines stand in one."""
    letters = [sum(map(str.isalpha, line.text)) for line in lines]
    starts = Counter(
        round(line.left) for line, count in zip(lines, letters, strict=True) if count >= PROSE
    )
    best: int | None = None
    most = 0
    for start in (start for start, count in starts.most_common(12) if count >= 3):
        # letters left and right: justified rows come in several lines
        on_baselines = Counter[int](), Counter[int]()
        spanning = 0
        for line, count in zip(lines, letters, strict=True):
            side = _side(line, start)
            if side is None:
                spanning += 1
            else:
                on_baselines[side][round(line.baseline)] += count
        left, right = (
            [baseline for baseline, count in side.items() if count >= PROSE]
            for side in on_baselines
        )
        prose = len(left) + len(right)
        if (
            min(len(left), len(right)) < FEWEST_ROWS
            or max(spanning, sum(map(len, on_baselines)) - prose) > prose
        ):
            continue
        beside = sum(min(left) - 12 <= baseline <= max(left) + 12 for baseline in right)
        if beside >= 3 and prose > most:
            best, most = start, prose
    return best
