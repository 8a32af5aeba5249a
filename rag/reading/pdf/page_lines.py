"""Words -> lines, with the markers of notes in brackets (pure)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rag.reading.pdf.lines import TextLine
from rag.reading.pdf.spaces import Word
from rag.text.markers import TO_RAISED

DROP_CAP = 1.8  # times the size of the text is an initial that stands beside several lines
LARGEST_CAPITAL = 1.5  # of the size of the small capitals behind it
# A marker of a note is smaller than the text and raised; in some fonts by more than half its size.
SMALL, MOST_RAISED = 0.85, 0.8
WORD_GAP = 0.8  # of the type's size: wider gaps may be a gutter or the edge of a cell
_RAISED_MARKER = re.compile(
    r"\[?([1-9][0-9]{0,2}(?:[,–-][0-9]{1,3})*)\]?"
)  # of a note, where it is raised
_HAS_EXPONENT = re.compile(
    r"(?:(?<![\d])\d{1,3}|\b(?:[kcmd]?m|ft|in|[a-zA-Z]))$"
)  # "10³", "km²", "x²", but "in 2019[3]"


def lines_of(words: Sequence[Word], page: int) -> list[TextLine]:
    """Return words that follow each other on one baseline without a wide gap."""
    lines: list[list[Word]] = []
    left = right = baseline = size = 0.0
    for word in words:
        largest = max(size, word.size)
        gap = max(word.left - right, left - word.right)
        off = abs(word.baseline - baseline) > 0.5 * largest
        if off and lines:
            off = not (
                _is_marker(word, baseline, size)
                or (len(lines[-1]) == 1 and _is_marker(lines[-1][0], word.baseline, word.size))
            )
        if not lines or off or gap > WORD_GAP * largest:
            lines.append([])
            left, right, baseline, size = word.left, word.right, word.baseline, word.size
        elif word.size > size:
            baseline, size = word.baseline, word.size
        left, right = min(left, word.left), max(right, word.right)
        lines[-1].append(word)
    return _with_drop_caps([_line_of(line, page) for line in _with_markers_in_place(lines)])


def _is_marker(word: Word, baseline: float, size: float) -> bool:
    """Return whether a word is the raised marker of a note beside type of this size."""
    raised = 0.15 * size <= baseline - word.baseline <= MOST_RAISED * size
    return raised and word.size <= SMALL * size and bool(_RAISED_MARKER.fullmatch(word.text))


def _with_markers_in_place(lines: Sequence[list[Word]]) -> list[list[Word]]:
    """Return the lines with markers that are drawn before or after all text in their lines."""
    hosts = [line for line in lines if len(line) > 1 or not _RAISED_MARKER.fullmatch(line[0].text)]
    # Numbers in the cells of a table are as many as its lines: most lines are ruled out at once.
    heights = [
        (min(w.baseline - MOST_RAISED * w.size for w in host), max(w.baseline for w in host))
        for host in hosts
    ]
    placed: list[list[Word]] = [*hosts]
    for line in lines:
        if len(line) > 1 or not _RAISED_MARKER.fullmatch(line[0].text):
            continue
        marker = line[0]
        host = next(
            (
                other
                for other, (top, bottom) in zip(hosts, heights, strict=True)
                if top <= marker.baseline <= bottom and _stands_in(marker, other)
            ),
            None,
        )
        if host is None:
            placed.append(line)
        else:
            at = next(
                (i for i, word in enumerate(host) if word.left > marker.left - 0.1), len(host)
            )
            host.insert(at, marker._replace(apart=at == 0))
    order = {id(line): index for index, line in enumerate(lines)}
    return sorted(placed, key=lambda line: order[id(line)])


def _stands_in(marker: Word, line: Sequence[Word]) -> bool:
    """Return whether a marker stands over, or right behind, a word of a line."""
    return any(
        _is_marker(marker, word.baseline, word.size)
        and word.left <= marker.left <= word.right + 0.3 * word.size
        for word in line
    )


def _line_of(words: Sequence[Word], page: int) -> TextLine:
    """Return the words as one line in the type of most of its letters."""
    letters = Counter[tuple[float, bool]]()
    for word in words:
        letters[word.size, word.bold] += len(word.text)
    (size, bold), _ = letters.most_common(1)[0]
    if all(word.text.isupper() or not word.text.isalpha() for word in words):
        size = max([size, *(word.size for word in words if _is_capital(word, size))])
    lowest = max((word for word in words if word.size == size), key=lambda word: word.baseline)
    bold = bold and all(word.bold or not word.text.isalpha() for word in words)
    left, right = min(word.left for word in words), max(word.right for word in words)
    text = _line_text(words, lowest.baseline, size)
    return TextLine(text, page, left, lowest.top, right, lowest.bottom, lowest.baseline, size, bold)


def _with_drop_caps(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines with large initials in front of the word that they begin.

    The lines beside an initial begin at its left edge, so that they are lines of one paragraph.
    """
    found = [*lines]
    for cap in lines:
        if len(cap.text) != 1 or not cap.text.isupper():
            continue
        beside = [
            index
            for index, line in enumerate(found)
            if line.size * DROP_CAP <= cap.size
            and -0.2 * line.size <= line.left - cap.right <= 1.5 * line.size
            and cap.baseline - cap.size <= line.baseline <= cap.baseline + 0.2 * line.size
        ]
        if len(beside) < 2:
            continue
        beside.sort(key=lambda index: found[index].baseline)
        first = found[beside[0]]
        if not first.text[0].isalpha():
            continue
        for index in beside:
            found[index] = replace(found[index], left=cap.left)
        found[beside[0]] = replace(
            first, text=f"{cap.text}{first.text}", left=cap.left, top=min(cap.top, first.top)
        )
        found.remove(cap)
    return found


def _is_capital(word: Word, size: float) -> bool:
    """Return whether a word is a capital before small ones of this size."""
    return word.text.isupper() and size < word.size <= LARGEST_CAPITAL * size


def _line_text(words: Sequence[Word], baseline: float, size: float) -> str:
    """Return what the words say.

    Raised numbers, which refer to notes, in brackets or, as exponents, in superscript characters.
    """
    text, right, after_marker = "", 0.0, False
    for word in words:
        shown = word.text
        small = word.size <= SMALL * size and baseline - word.baseline >= 0.15 * size
        marker = _RAISED_MARKER.fullmatch(shown) if small else None
        if marker and not word.apart and _HAS_EXPONENT.search(text[-8:]):
            shown = shown.translate(TO_RAISED)
        elif marker:
            shown = f"[{marker[1]}]"
        closes = (
            word.left - right < 0.1 * size and shown[0] in ".,;:!?)]”’"
        )  # PDFium sees a gap behind raised type
        if text and (after_marker or (word.apart and not closes)):
            shown = f" {shown}"
        after_marker = marker is not None and not text  # a note begins
        text, right = text + shown, word.right
    return text
