"""Running headers, footers and page numbers, set apart from the text (pure)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag.reading.pdf.lines import Page, TextLine, half_point
from rag.reading.pdf.rows import page_rows

MARGIN = 0.13  # of a page's height: where running headers and footers stand
_PAGE_NUMBER = re.compile(
    r"(?i)(?:(?:page|seite|p\.)\s*+)?[-–—|]?\s*+(?:\d{1,4}|[ivxl]{1,6})\s*[-–—|]?(?:\s*(?:of|von|"
    r"/)\s*\d{1,4})?"
)
_PAGE_IN_LINE = re.compile(r"(?i)^\d+\s+|(?<!\s)\s++\d++(?:\s*+(?:of|von|/)\s*\d+)?$")


def with_furniture_apart(pages: Sequence[Page], body: float) -> list[Page]:
    """Return the pages with what repeats at their edges, and with their numbers, as furniture."""

    def pattern(row: TextLine) -> tuple[str, float]:
        heading = row.size >= 1.1 * body  # "Chapter 1", "Chapter 2"
        return row.text if heading else _PAGE_IN_LINE.sub("#", row.text), half_point(row.size)

    edges = [_edges(page) for page in pages]
    seen = Counter(
        (foot, found)
        for rows in edges
        for foot in (0, 1)
        for found in set(map(pattern, rows[foot]))
    )
    apart: list[Page] = []
    for page, rows in zip(pages, edges, strict=True):
        furniture: list[TextLine] = []
        for foot in (0, 1):
            for place, row in enumerate(rows[foot]):
                if seen[foot, pattern(row)] < 2 and not (
                    place == 0 and _PAGE_NUMBER.fullmatch(row.text)
                ):
                    break
                furniture.append(row)
        lines = [
            line
            for line in page.lines
            if all(abs(line.baseline - row.baseline) > 0.3 * row.size for row in furniture)
        ]
        apart.append(replace(page, lines=lines, furniture=[*page.furniture, *furniture]))
    return apart


def _edges(page: Page) -> tuple[list[TextLine], list[TextLine]]:
    """Return the rows in the upper and in the lower margin, from the edge inwards."""
    rows = page_rows(page.lines)
    head = [row for row in rows[:4] if row.baseline < MARGIN * page.height]
    foot = [row for row in rows[-4:] if row.baseline > (1 - MARGIN) * page.height]
    return head, foot[::-1]
