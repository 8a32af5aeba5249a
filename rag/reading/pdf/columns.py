"""Lines of a page -> its columns in reading order (pure)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rag.reading.pdf.lines import TextLine
from rag.reading.pdf.rows import page_rows

PROSE = 15  # letters: lines of a column have more, cells of a table fewer
# of a page into columns and of these: newspapers have no more, and each costs a look at all lines
SPLITS = 3


def in_columns(lines: Sequence[TextLine], splits: int = SPLITS) -> Iterator[list[TextLine]]:
    """Yield the rows by columns, in reading order.

    What spans the columns stands between those above and below it.
    """
    gutter = _gutter(lines) if splits else None
    if gutter is None:
        if lines:
            yield page_rows(lines)
        return
    in_order = sorted(lines, key=lambda line: line.baseline)
    for spans, band in groupby(
        in_order, lambda line: line.left < gutter - 1 and line.right > gutter
    ):
        if spans:
            yield page_rows(list(band))
            continue
        sides: tuple[list[TextLine], list[TextLine]] = ([], [])
        for line in band:
            sides[line.left >= gutter - 1].append(line)
        for side in sides:
            yield from in_columns(side, splits - 1)


def _gutter(lines: Sequence[TextLine]) -> int | None:
    """Return where the right one of two columns begins; None where the lines stand in one."""
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
            if line.left < start - 1 and line.right > start:
                spanning += 1
            else:
                on_baselines[line.left >= start - 1][round(line.baseline)] += count
        left, right = (
            [baseline for baseline, count in side.items() if count >= PROSE]
            for side in on_baselines
        )
        prose = len(left) + len(right)
        if (
            min(len(left), len(right)) < 4
            or max(spanning, sum(map(len, on_baselines)) - prose) > prose
        ):
            continue
        beside = sum(min(left) - 12 <= baseline <= max(left) + 12 for baseline in right)
        if beside >= 3 and prose > most:
            best, most = start, prose
    return best
