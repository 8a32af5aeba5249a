"""The words and the drawn lines of a page -> the pages that its texts make (pure)."""

from collections.abc import Iterator, Sequence

from rag.reading.pdf.lines import Page, TextLine
from rag.reading.pdf.page_words import word_turned_back
from rag.reading.pdf.spaces import Word
from rag.reading.pdf_tables.ruled import with_tables
from rag.reading.pdf_tables.rulings import Rulings

# Turned text is read as a page of its own where it has as many letters, and this share of those of
# the upright text: less is a label or a stamp in the margin.
TURNS = (90, 180, 270)  # degrees
FEWEST_TURNED, TURNED_PAGE = 150, 0.15


def framed_pages(
    words: dict[int | None, list[Word]],
    rulings: Rulings,
    size: tuple[float, float],
    number: int,
    place: int,
) -> Iterator[Page]:
    """Yield a page as its upright text shows it, then turned so that the rest can be read.

    A few turned words are no page of their own, they stand in the margin or label a chart. `place`
    is that of the first one among all pages.
    """
    width, height = size
    beside = [*words.pop(None, [])]
    upright = sum(len(word.text) for word in words.get(0, []))
    for turn in TURNS:
        alike = words.get(turn, [])
        letters = sum(len(word.text) for word in alike)
        if letters < TURNED_PAGE * upright or letters < min(upright, FEWEST_TURNED):
            beside += [word_turned_back(word, turn, width, height) for word in words.pop(turn, [])]
    furniture = [_together(beside, place)] if beside else []
    yield Page(width, height, with_tables(words.pop(0, []), rulings, place), furniture, number)
    for turn in TURNS:
        if not (alike := words.get(turn, [])):
            continue
        place += 1
        across, down = (width, height) if turn == 180 else (height, width)
        turned = rulings.turned(turn, width, height)
        yield Page(across, down, with_tables(alike, turned, place), (), number, turn)


def _together(words: Sequence[Word], page: int) -> TextLine:
    """Return all words that do not stand upright, as one line."""
    text = "".join(f" {word.text}" if word.apart else word.text for word in words).strip()
    left, right = min(word.left for word in words), max(word.right for word in words)
    top, bottom = min(word.top for word in words), max(word.bottom for word in words)
    return TextLine(
        text, page, left, top, right, bottom, baseline=bottom, size=bottom - top, bold=False
    )
