"""The quotations of a text: where they start and end, and their speakers and notes. Pure."""

import re
from collections.abc import Iterator, Sequence

from rag.text.languages import spaced
from rag.text.narrator import Narrator
from rag.types import Paragraph, Quotation, Reference

SHORTEST = 4  # words: what is shorter is a title, a term or a scare quote
_MARK = re.compile('["“”„«»「」『』]')
_OPENING_MARKS = '"“„«「『'
# »So«, as in German and Danish books, and ”so”, as in Swedish and Finnish ones.
_POINTS_INWARDS, _POINTS_OUTWARDS = re.compile(r"»(?=\w)"), re.compile(r"«(?=\w)")
_AS_WRITTEN_ELSEWHERE = str.maketrans("»«", "«»")
_AFTER_LAST_MARK = re.compile(r"(?:\[\d{1,3}\]|[\s.,;:!?…。，！？⁰¹²³⁴-⁹])*")
_LAST_MARKER = re.compile(r"\s?(?:\[\d{1,3}\]|[⁰¹²³⁴-⁹])\Z")
UNSPACED_LETTERS = "\u3040"  # Japanese and Chinese letters stand from here on
_LONGEST_MARKER = 6  # characters: " [123]"


def quotations(
    text: str,
    paragraphs: Sequence[Paragraph],
    references: Sequence[Reference],
    set_off: frozenset[int] = frozenset(),
) -> tuple[Quotation, ...]:
    """Return the quotations of `text` in order, of four words or more.

    Each has its speaker, its lead-in and the note that closes it.

    A quotation runs on over paragraphs that each open with a mark; a heading ends it, furniture
    does not. Paragraphs that are set off as quotations (`set_off`: where they start) are quoted
    without marks, those in a row together.
    """
    spans = [
        (start, end)
        for start, end in _spans(text, paragraphs, set_off)
        if _count_words(text[start:end]) >= SHORTEST
    ]
    numbers = {reference.start: reference.number for reference in reversed(references)}
    narrator = Narrator(text, paragraphs) if spans else None
    found: list[Quotation] = []
    for start, end, speaker, lead_in in narrator.attribute(spans) if narrator else ():
        marker = end + len(text[end : end + 3]) - len(text[end : end + 3].lstrip(" .,;"))
        found.append(
            Quotation(start, end, speaker, " ".join(lead_in.split()), numbers.get(marker, ""))
        )
    return tuple(found)


def _count_words(text: str) -> int:
    """Return how many words a text has; of letters without spaces between words two are one."""
    words: list[str] = re.findall(r"\w+", spaced(text))
    single = sum(len(word) == 1 and word >= UNSPACED_LETTERS for word in words)
    return len(words) - single + single // 2


def _with_usual_marks(text: str) -> str:
    """Return the text, of the same length, with marks that open and close as most do."""
    if len(_POINTS_INWARDS.findall(text)) > len(_POINTS_OUTWARDS.findall(text)):
        text = text.translate(_AS_WRITTEN_ELSEWHERE)
    return text if "“" in text or "„" in text else text.replace("”", '"')


def _spans(
    text: str, paragraphs: Sequence[Paragraph], set_off: frozenset[int]
) -> Iterator[tuple[int, int]]:
    text = _with_usual_marks(text)
    carried, carried_end = (
        -1,
        0,
    )  # the start of a quotation that the last paragraph left open, and that paragraph's end
    block, block_end = -1, 0  # the same for paragraphs that are set off
    for paragraph in paragraphs:
        if paragraph.kind in ("furniture", "note"):
            continue
        if (
            paragraph.kind == "text"
            and paragraph.start in set_off
            and text[paragraph.start] not in _OPENING_MARKS
        ):
            block = block if block >= 0 else carried if carried >= 0 else paragraph.start
            block_end = _before_markers(text, paragraph)
            carried = -1
            continue
        if block >= 0:
            yield block, block_end
            block = -1
        if carried >= 0 and (
            paragraph.kind != "text" or text[paragraph.start] not in _OPENING_MARKS
        ):
            yield carried, carried_end
            carried = -1
        if paragraph.kind != "text":
            continue
        start, closed = carried, 0
        inside: list[str] = []
        carried = -1
        for mark in _MARK.finditer(text, paragraph.start, paragraph.end):
            if _opens(text, paragraph, mark.start(), inside):
                start = mark.start() if start < 0 else start
                inside.append(mark[0])
            elif inside:
                inside.pop()
                closed = mark.end()
                if not inside:
                    yield start, closed
                    start = -1
        if inside and closed > start and _AFTER_LAST_MARK.fullmatch(text, closed, paragraph.end):
            yield start, closed  # a mark inside has no partner, but the last one closes the whole
        elif inside:
            carried, carried_end = start, paragraph.end
    if carried >= 0:
        yield carried, carried_end
    if block >= 0:
        yield block, block_end


def _before_markers(text: str, paragraph: Paragraph) -> int:
    """Return where the words of a paragraph end, in front of the markers of notes that close it."""
    end = paragraph.end
    while marker := _LAST_MARKER.search(text, max(paragraph.start, end - _LONGEST_MARKER), end):
        end = marker.start()
    return end


def _opens(text: str, paragraph: Paragraph, position: int, inside: Sequence[str]) -> bool:
    """Return whether the mark at `position` opens a quotation.

    `inside` are the marks still open there.
    """
    mark = text[position]
    if mark != '"':
        return mark in "«„「『" or (mark == "“" and inside[-1:] != ["„"])
    before = text[position - 1] if position > paragraph.start else " "
    after = text[position + 1] if position + 1 < paragraph.end else " "
    if position == paragraph.start or before.isspace() != after.isspace():
        return position == paragraph.start or before.isspace()
    if before.isspace() or not (before.isalnum() or after.isalnum()):
        return not inside
    return (
        not (before.isalnum() or before in ".,!?…)")
        if before.isalnum() != after.isalnum()
        else not inside
    )
