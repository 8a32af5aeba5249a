"""Running headers, footers and page numbers, set apart from the text (pure)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rag.reading.pdf.lines import Page, TextLine, half_point
from rag.reading.pdf_tables.rows import page_rows

# Of a page's height: where running headers and footers stand; the same words at the same height of
# many pages may stand further inside.
MARGIN, WIDE_MARGIN = 0.13, 0.2
MANY_PAGES = 3  # pages
_PAGE_NUMBER = re.compile(
    r"(?i)(?:(?:page|seite|p\.)\s*+)?[-–—|]?\s*+(?:\d{1,4}|[ivxl]{1,6})\s*[-–—|]?(?:\s*(?:of|von|"
    r"/)\s*\d{1,4})?"
)
_ROMAN_NUMBER = re.compile(r"(?i)[ivxlc]{1,7}")
_PAGE_IN_LINE = re.compile(r"(?i)^\d+\s+|(?<!\s)\s++\d++(?:\s*+(?:of|von|/)\s*\d+)?$")
_NUMBER_IN_LINE = re.compile(r"(?<![\d.,:])\d{1,6}(?![\d.,:]\d)")
# "Chapter 3" on the third page is a heading.
_NUMBER_AT_END = re.compile(
    r"(?i)^\d{1,6}(?=\s)|(?<=\s)(?<!chapter\s)(?<!part\s)(?<!section\s)(?<!kapitel\s)\d{1,6}$"
)
_PLACE_OF_NUMBER = re.compile(r"[\s|·•/–—-]*#[\s|·•/–—-]*")


def with_furniture_apart(pages: Sequence[Page], body: float) -> list[Page]:
    """Return the pages with what repeats at their edges, and with their numbers, as furniture.

    `body` is the size of the running text, in points.
    """
    edges = [_edges(page) for page in pages]
    offset = _number_offset(pages, edges)
    pattern = partial(_pattern, body=body, offset=offset)

    seen = Counter[tuple[int, tuple[str, float]]]()
    high = Counter[tuple[int, tuple[str, float], int]]()
    for page, rows in zip(pages, edges, strict=True):
        for foot in (0, 1):
            found = {pattern(row, page): round(row.baseline / 4) for row in rows[foot]}
            seen.update((foot, one) for one in found)
            high.update((foot, one, at) for one, at in found.items())

    parts = Counter(
        key
        for page in pages
        for key in {_key_of(one) for side in _in_margins(page) for one in side if _is_phrase(one)}
    )

    def repeats(row: TextLine, page: Page, foot: int) -> bool:
        beside = (one for one in _in_margins(page)[foot] if abs(one.baseline - row.baseline) < 1)
        if any(parts[_key_of(one)] >= MANY_PAGES for one in beside if _is_phrase(one)):
            return True  # what stands beside it, the number of a section, differs by page
        key = foot, pattern(row, page)
        depth = page.height - row.baseline if foot else row.baseline
        if depth < MARGIN * page.height:
            return seen[key] > 1
        return high[*key, round(row.baseline / 4)] >= max(MANY_PAGES, seen[key] / 2)

    apart: list[Page] = []
    for page, rows in zip(pages, edges, strict=True):
        furniture: list[TextLine] = []
        for foot in (0, 1):
            for place, row in enumerate(rows[foot]):
                number = place == 0 and _is_page_number(row, page)
                if not number and not repeats(row, page, foot):
                    break
                furniture.append(row)
        lines = [
            line
            for line in page.lines
            if all(abs(line.baseline - row.baseline) > 0.3 * row.size for row in furniture)
        ]
        apart.append(replace(page, lines=lines, furniture=[*page.furniture, *furniture]))
    return apart


def _pattern(row: TextLine, page: Page, body: float, offset: int | None) -> tuple[str, float]:
    """Return what a row has in common with those of other pages: its words without the number of
    the page, and its size.
    """
    heading = row.size >= 1.1 * body  # "Chapter 1", "Chapter 2"
    text = row.text if heading else _PAGE_IN_LINE.sub("#", row.text)
    if offset is not None:  # on the left of one page and on the right of the next
        numbers = _NUMBER_AT_END if heading else _NUMBER_IN_LINE
        numbered = numbers.sub(
            lambda n: "#" if int(n[0]) == (page.number or row.page) + offset else n[0], text
        )
        if any(map(str.isalpha, _PLACE_OF_NUMBER.sub("", numbered))):
            text = numbered
    if any(map(str.isalpha, text)) and (not heading or offset is not None):
        text = _PLACE_OF_NUMBER.sub(" ", text).strip()
    return text, half_point(row.size)


def _in_margins(page: Page) -> tuple[list[TextLine], list[TextLine]]:
    """Return the lines that stand where headers, and where footers do.

    The outermost row is among them wherever it stands: a small page may lie in a large one.
    """
    baselines = [line.baseline for line in page.lines]
    upper, lower = WIDE_MARGIN * page.height, (1 - WIDE_MARGIN) * page.height
    if baselines and min(baselines) < page.height / 2 < max(baselines):
        upper, lower = max(upper, min(baselines) + 1), min(lower, max(baselines) - 1)
    head = [
        line
        for line in page.lines
        if line.baseline < upper and not (line.table and line.bottom >= upper)
    ]
    return head, [line for line in page.lines if line.baseline > max(lower, upper)]


def _is_phrase(line: TextLine) -> bool:
    return len(line.text.split()) > 1


def _key_of(line: TextLine) -> tuple[str, float, int]:
    return line.text, half_point(line.size), round(line.baseline / 4)


def printed_labels(pages: Sequence[Page]) -> dict[int, str]:
    """Return what is printed on the pages as their numbers, by their places in the file.

    Of pages with roman numbers what stands there; {} where pages have no numbers in common steps.
    """
    edges = [_edges(page) for page in pages]
    offset = _number_offset(pages, edges)
    if offset is None:
        return {}
    labels: dict[int, str] = {}
    for page, rows in zip(pages, edges, strict=True):
        number = page.number + offset
        outermost = [row.text.strip(" -–—|") for side in rows for row in side[:1]]
        if number > 0:
            labels[page.number] = str(number)
        elif roman := next(filter(_ROMAN_NUMBER.fullmatch, outermost), ""):
            labels[page.number] = roman
    return labels


def _is_page_number(row: TextLine, page: Page) -> bool:
    near = min(row.baseline, page.height - row.baseline) < MARGIN * page.height
    return near and bool(_PAGE_NUMBER.fullmatch(row.text))


def _number_offset(
    pages: Sequence[Page], edges: Sequence[tuple[list[TextLine], list[TextLine]]]
) -> int | None:
    """Return what is added to the place of a page to get the number printed on it.

    None if fewer than MANY pages, or fewer than a third, have a number in common steps.
    """
    offsets = Counter(
        offset
        for page, rows in zip(pages, edges, strict=True)
        for offset in {
            int(number[0]) - (page.number or row.page)
            for row in (*rows[0], *rows[1])
            for number in _NUMBER_IN_LINE.finditer(row.text)
        }
    )
    if not offsets:
        return None
    offset, count = offsets.most_common(1)[0]
    return offset if count >= MANY_PAGES and count * 3 >= len(pages) else None


def _edges(page: Page) -> tuple[list[TextLine], list[TextLine]]:
    """Return the rows in the upper and in the lower margin, from the edge inwards."""
    head, foot = map(page_rows, _in_margins(page))
    return head[:4], foot[-4:][::-1]
