"""Lines on pages -> the blocks a reader sees.

Furniture set apart, columns in order, paragraphs, headings and notes (pure).

Lines on one baseline make a row, rows of one type that stand close a group, and a group one or more
paragraphs. Lengths are in points; where one is a multiple, it is of the size of the type.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from rag.reading.blocks import Block
from rag.text.markers import FROM_RAISED
from rag.types import Box, Kind

MARGIN = 0.13  # of a page's height: where running headers and footers stand
CELL_GAP = 1.5  # between the cells of a row
PROSE = 15  # letters: lines of a column have more, cells of a table fewer
# of a page into columns and of these: newspapers have no more, and each costs a look at all lines
SPLITS = 3
INDENT = 0.7  # of the first line of a paragraph
LEVELS = 3  # of headings

_PAGE_NUMBER = re.compile(
    r"(?i)(?:(?:page|seite|p\.)\s*+)?[-–—|]?\s*+(?:\d{1,4}|[ivxl]{1,6})\s*[-–—|]?(?:\s*(?:of|von|"
    r"/)\s*\d{1,4})?"
)
_PAGE_IN_LINE = re.compile(r"(?i)^\d+\s+|(?<!\s)\s++\d++(?:\s*+(?:of|von|/)\s*\d+)?$")
_LEADER = re.compile(r"(?:[.…]\s?){4,}\S{1,6}$")  # "Introduction . . . . 3"
_DASHES = "–—*-"  # they open items of lists and stand between words as well
_BULLET_SIGN = re.compile(rf"[•●▪■◦○‣∙·\uf0a7\uf0b7{_DASHES}]\s+(?=\S)")
_ITEM = re.compile(r"- |\(?(?:\d{1,3}|[a-z])[.)]\s")
_NOTE_ENTRY = re.compile(r"\[\d{1,3}\]\s")
_MARKER_ONLY = re.compile(
    rf"[•●▪■◦○‣∙·\uf0a7\uf0b7{_DASHES}]|\(?\w{{1,3}}[.)]|\d+(?:\.\d+)*|\[\d{{1,3}}\]"
)
_NOTE_START = re.compile(r"\[(\d{1,3})\]\s*|([¹²³⁰⁴-⁹]{1,3})\s*|(\d{1,3})\.?\s*(?=[^\d\s.])")
_SENTENCE_CLOSE = re.compile(r"[.!?:…][\"”’»')\]]*(?:\s?\[[\d,–-]+\])*[\"”’»')]*$")
_HYPHENATED_WORD = re.compile(r"\w+(?:[-‐]\w+)*")
_FIRST_WORD = re.compile(r"\w+")
_BROKEN_WORD = re.compile(r"(?<![\w‐-])([\w‐-]*\w)[-‐]$")  # at the end of a line
_BROKEN_WORDS = re.compile(
    r"(?<![\w‐-])[\w‐-]+[-‐]\n\w+"
)  # with the word that goes on in the next line


@dataclass(frozen=True, slots=True)
class TextLine:
    """Text on one baseline without a wide gap, in points from the top left corner of its page."""

    text: str
    page: int  # its place among the pages that are laid out, counts from 1
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float  # of its type
    bold: bool
    cells: int = 0  # of a row of a table

    @property
    def first_word(self) -> float:
        """About the width of the first word."""
        return (self.right - self.left) * len(self.text.split(maxsplit=1)[0]) / len(self.text)


@dataclass(frozen=True, slots=True)
class Page:
    """What one page shows, in the order of the file.

    Text that stands on its side is a page of its own with the same number, which is turned so that
    the text is upright: width, height and places are those of the turned page.
    """

    width: float
    height: float
    lines: Sequence[TextLine]
    furniture: Sequence[TextLine] = ()
    number: int = 0  # of the page in the file, counts from 1
    turn: int = 0  # degrees that the text stands clockwise from upright: 0, 90, 180 or 270


def turned_back(x: float, y: float, turn: int, width: float, height: float) -> tuple[float, float]:
    """Return the place on a page of this size that is (x, y) when it is turned by `turn`."""
    match turn:
        case 90:
            return width - y, x
        case 180:
            return width - x, height - y
        case 270:
            return y, height - x
    return x, y


@dataclass(frozen=True, slots=True)
class _BodyType:
    """The type of the running text."""

    size: float
    bold: bool
    leading: float  # the usual distance of two baselines


@dataclass(slots=True)
class _BlockDraft:
    """A block in the making: lines, each with what joins it to the line before."""

    lines: list[tuple[str, TextLine]]
    kind: Kind | None = None
    style: tuple[float, bool] | None = None  # of a heading: size and weight
    right: float = 0.0  # edge of its column
    quoted: bool = False


def blocks(pages: Sequence[Page]) -> list[Block]:
    """The blocks of the pages in reading order, a box for each line.

    A paragraph that runs over columns or pages is one block; what stands between its parts follows
    it.
    """
    sizes, weights = Counter[float](), Counter[bool]()
    for page in pages:
        for line in page.lines:
            sizes[_half_point(line.size)] += len(line.text)
            weights[line.bold] += len(line.text)
    size = sizes.most_common(1)[0][0] if sizes else 0.0
    pages = _with_furniture_apart(pages, size)
    columns = [list(_columns(page.lines)) for page in pages]
    flow = _Flow(_BodyType(size, weights[True] > weights[False], _leading(columns)))
    for page, page_columns in zip(pages, columns, strict=True):
        flow.add(page, page_columns)
    return _to_blocks(flow.parts, pages)


def _half_point(size: float) -> float:
    return round(2 * size) / 2


# --- Lines -> rows ------------------------------------------------------------------------------


def _page_rows(lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines on one baseline as one, top to bottom; rows of a table as "a | b"."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.baseline):
        if rows and line.baseline - rows[-1][0].baseline <= 0.3 * min(line.size, rows[-1][0].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    for row in rows:
        row.sort(key=lambda line: line.left)
    cells = [_cells(row) for row in rows]
    return [
        _joined_row(row, count if count > 1 and count in (above, below) else 0)
        for row, count, above, below in zip(rows, cells, [0, *cells], [*cells[1:], 0], strict=False)
    ]


def _cells(row: Sequence[TextLine]) -> int:
    """The number of lines that stand clearly apart.

    0 where the first is the marker of a list or a heading.
    """
    if _MARKER_ONLY.fullmatch(row[0].text) and len(row) == 2:
        return 0
    return 1 + sum(_is_apart(*neighbours) for neighbours in pairwise(row))


def _is_apart(before: TextLine, after: TextLine) -> bool:
    return after.left - before.right > CELL_GAP * after.size


def _joined_row(row: Sequence[TextLine], cells: int) -> TextLine:
    """The lines of a row as one, in the type of the largest."""
    if len(row) == 1:
        return row[0]
    gaps = [
        "",
        *(" | " if cells and _is_apart(*neighbours) else " " for neighbours in pairwise(row)),
    ]
    return replace(
        max(row, key=lambda line: (line.size, len(line.text))),
        text="".join(f"{gap}{line.text}" for gap, line in zip(gaps, row, strict=True)),
        left=row[0].left,
        right=max(line.right for line in row),
        bold=all(line.bold for line in row),
        cells=cells,
    )


# --- Furniture ----------------------------------------------------------------------------------


def _with_furniture_apart(pages: Sequence[Page], body: float) -> list[Page]:
    """The pages with what repeats at their edges, and with their numbers, as furniture."""

    def pattern(row: TextLine) -> tuple[str, float]:
        heading = row.size >= 1.1 * body  # "Chapter 1", "Chapter 2"
        return row.text if heading else _PAGE_IN_LINE.sub("#", row.text), _half_point(row.size)

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
    """The rows in the upper and in the lower margin, from the edge inwards."""
    rows = _page_rows(page.lines)
    head = [row for row in rows[:4] if row.baseline < MARGIN * page.height]
    foot = [row for row in rows[-4:] if row.baseline > (1 - MARGIN) * page.height]
    return head, foot[::-1]


# --- Columns ------------------------------------------------------------------------------------


def _columns(lines: Sequence[TextLine], splits: int = SPLITS) -> Iterator[list[TextLine]]:
    """The rows by columns, in reading order.

    What spans the columns stands between those above and below it.
    """
    gutter = _gutter(lines) if splits else None
    if gutter is None:
        if lines:
            yield _page_rows(lines)
        return
    in_order = sorted(lines, key=lambda line: line.baseline)
    for spans, band in groupby(
        in_order, lambda line: line.left < gutter - 1 and line.right > gutter
    ):
        if spans:
            yield _page_rows(list(band))
            continue
        sides: tuple[list[TextLine], list[TextLine]] = ([], [])
        for line in band:
            sides[line.left >= gutter - 1].append(line)
        for side in sides:
            yield from _columns(side, splits - 1)


def _gutter(lines: Sequence[TextLine]) -> int | None:
    """Where the right one of two columns begins; None where the lines stand in one."""
    letters = [sum(map(str.isalpha, line.text)) for line in lines]
    starts = Counter(
        round(line.left) for line, count in zip(lines, letters, strict=True) if count >= PROSE
    )
    best: int | None = None
    most = 0
    for start in (start for start, count in starts.most_common(12) if count >= 3):
        on_baselines = (
            Counter[int](),
            Counter[int](),
        )  # letters left and right: justified rows come in several lines
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


# --- How lines follow each other ----------------------------------------------------------------


def _leading(columns: Sequence[Sequence[Sequence[TextLine]]]) -> float:
    """The usual distance of two baselines."""
    distances = Counter(
        round((after.baseline - before.baseline) / after.size, 1)
        for page in columns
        for column in page
        for before, after in pairwise(column)
        if _same_size(before, after) and not (after.cells or _ends_sentence(before))
    )
    return distances.most_common(1)[0][0] if distances else 1.2


def _same_size(one: TextLine, other: TextLine) -> bool:
    return abs(one.size - other.size) <= 0.06 * max(one.size, other.size)


def _ends_sentence(line: TextLine) -> bool:
    return bool(_SENTENCE_CLOSE.search(line.text[-40:]))


def _is_short(before: TextLine, after: TextLine, right: float) -> bool:
    """Whether the first word of `after` had room at the end of the line before, whose column
    ends at `right`.
    """
    return right - before.right > after.first_word + 0.5 * after.size


def _is_listed(line: TextLine) -> bool:
    """Whether it is a line of a table of contents."""
    return bool(_LEADER.search(line.text[-40:]))


def _is_alike(one: TextLine, other: TextLine) -> bool:
    if _is_listed(one) or _is_listed(other):
        return _is_listed(one) and _is_listed(other)
    return (
        _same_size(one, other) and one.bold == other.bold and bool(one.cells) == bool(other.cells)
    )


# --- Columns -> parts ---------------------------------------------------------------------------


class _Flow:
    """The parts of a document, gathered page by page."""

    def __init__(self, body: _BodyType) -> None:
        self.parts: list[_BlockDraft] = []
        self._body = body
        self._last: _BlockDraft | None = (
            None  # of the running text: notes and furniture may stand behind it
        )
        self._note: _BlockDraft | None = None
        self._number = 0  # of that note

    def add(self, page: Page, columns: Sequence[Sequence[TextLine]]) -> None:
        middle = page.height / 2
        self.parts += [
            _BlockDraft([((""), line)], ("furniture"))
            for line in page.furniture
            if line.baseline < middle
        ]
        for column in columns:
            first_note = self._first_note(column)
            self._add_text(column[:first_note])
            self._add_notes(column[first_note:])
        self.parts += [
            _BlockDraft([((""), line)], ("furniture"))
            for line in page.furniture
            if line.baseline >= middle
        ]

    def _first_note(self, column: Sequence[TextLine]) -> int:
        """Where the notes at the foot of a column begin.

        Smaller type that opens with a number or goes on with a note.
        """
        small = len(column)
        while (
            small
            and column[small - 1].size <= self._body.size - 0.5
            and not column[small - 1].cells
        ):
            small -= 1
        if 0 < small < len(column) and self._note and not _ends_sentence(self._note.lines[-1][1]):
            return small
        return next(
            (index for index in range(small, len(column)) if self._note_number(column[index])),
            len(column),
        )

    def _note_number(self, line: TextLine) -> int:
        """The number a note opens with, 0 where it is none.

        A plain one must follow that of the note before.
        """
        found = _NOTE_START.match(line.text)
        if not found or found.end() == len(line.text):
            return 0
        number = int(next(filter(None, found.groups())).translate(FROM_RAISED))
        return number if not found[3] or number in (1, self._number + 1) else 0

    def _add_notes(self, lines: Sequence[TextLine]) -> None:
        for line in lines:
            if number := self._note_number(line):
                self._number = number
                told = _NOTE_START.sub("", line.text, count=1)
                self._note = _BlockDraft([("", replace(line, text=f"[{number}] {told}"))], "note")
                self.parts.append(self._note)
            elif self._note:
                self._note.lines.append((" ", line))

    def _add_text(self, column: Sequence[TextLine]) -> None:
        if not column:
            return
        lefts = Counter[int]()
        for line in column:
            lefts[round(line.left)] += len(line.text)
        left, right = lefts.most_common(1)[0][0], max(line.right for line in column)
        before: TextLine | None = None
        for group in self._groups(column):
            runs_on = before is not None and self._is_close(before, group[0])
            for part in self._parts_of(group, right, runs_on):
                part.quoted = _is_set_off(part, left, right)
                self._append(part, new_column=before is None, runs_on=runs_on)
                before, runs_on = group[-1], False

    def _is_close(self, before: TextLine, after: TextLine) -> bool:
        """Whether two lines stand as close as lines of one paragraph do.

        Rows of a table may stand wider.
        """
        distance = (after.baseline - before.baseline) / max(before.size, after.size)
        return distance <= (2.5 if before.cells and after.cells else 1.25) * self._body.leading

    def _groups(self, column: Sequence[TextLine]) -> list[list[TextLine]]:
        """Lines that stand close under each other in the same type."""
        groups = [[column[0]]]
        for before, after in pairwise(column):
            if _is_alike(before, after) and self._is_close(before, after):
                groups[-1].append(after)
            else:
                groups.append([after])
        return groups

    def _parts_of(
        self, group: Sequence[TextLine], right: float, runs_on: bool
    ) -> list[_BlockDraft]:
        if _is_listed(group[0]):  # a table of contents
            return [_BlockDraft([("\n", line) for line in group], "furniture")]
        if self._is_heading(group, runs_on):
            return [
                _BlockDraft(
                    [((" "), line) for line in group],
                    style=(_half_point(group[0].size), group[0].bold),
                )
            ]
        return [_BlockDraft(lines, right=right) for lines in _paragraphs(group)]

    def _is_heading(self, group: Sequence[TextLine], runs_on: bool) -> bool:
        text = " ".join(line.text for line in group)
        size = _half_point(group[0].size)
        larger = size >= 1.1 * self._body.size
        bolder = group[0].bold and not self._body.bold and size >= 0.95 * self._body.size
        if (
            not (larger or bolder)
            or group[0].cells
            or len(group) > 4
            or len(text) > 250
            or not any(map(str.isalpha, text))
        ):
            return False
        inside = (
            runs_on
            and self._last
            and not self._last.style
            and not _ends_sentence(self._last.lines[-1][1])
        )
        sentence = text.endswith((".", ";", ",")) and len(text.split()) > 8
        return not (sentence or text.startswith(("[", "•")) or (inside and not larger))

    def _append(self, part: _BlockDraft, new_column: bool, runs_on: bool) -> None:
        joint = self._joint(part, new_column, runs_on)
        if self._last and joint:
            self._last.lines += [(joint, part.lines[0][1]), *part.lines[1:]]
            self._last.right = part.right
        else:
            self.parts.append(part)
            self._last = None if part.kind else part

    def _joint(self, part: _BlockDraft, new_column: bool, runs_on: bool) -> str:
        """What joins a part to the last one that it goes on with, "" where it begins something
        new.
        """
        last, first = self._last, part.lines[0][1]
        if not last or last.style or part.style or part.kind or first.cells:
            return ""
        item = _ITEM.match(first.text)
        if item and _ITEM.match(last.lines[0][1].text):
            return "\n"
        before = last.lines[-1][1]
        indented = len(part.lines) > 1 and first.left - part.lines[1][1].left > INDENT * first.size
        if (
            item
            or indented
            or before.cells
            or _ends_sentence(before)
            or not _same_size(before, first)
        ):
            return ""
        if first.text[0].islower():
            return " " if new_column or runs_on else ""
        return " " if new_column and not _is_short(before, first, last.right) else ""


def _paragraphs(group: Sequence[TextLine]) -> list[list[tuple[str, TextLine]]]:
    """The paragraphs of a group, the items of a list among them, each line with what joins it to
    the line before.
    """
    right = max(line.right for line in group)
    paragraphs = [[("", _as_item(group[0], opens=True))]]
    for before, line in pairwise(group):
        lines = paragraphs[-1]
        short, ended = _is_short(before, line, right), _ends_sentence(before)
        item = _as_item(line, opens=short or ended)
        listed = _ITEM.match(item.text) or _NOTE_ENTRY.match(item.text)
        centred = abs(line.left + line.right - before.left - before.right) < 4
        shift = 0.0 if centred else (line.left - before.left) / line.size
        if line.cells:
            lines.append(("\n", line))
        elif (
            (short and ended)
            or (listed and (short or ended or item is not line))
            or (len(lines) > 1 and abs(shift) > INDENT)
            or (shift > INDENT and ended and not _ITEM.match(lines[0][1].text))
        ):
            paragraphs.append([("", item)])
        else:
            lines.append(("\n" if short and not line.text[0].islower() else " ", line))
    return paragraphs


def _as_item(line: TextLine, opens: bool) -> TextLine:
    """The line with "- " for its bullet; a dash is one only where the line opens something."""
    bullet = _BULLET_SIGN.match(line.text)
    if bullet and (opens or line.text[0] not in _DASHES):
        return replace(line, text=f"- {line.text[bullet.end() :]}")
    return line


def _is_set_off(part: _BlockDraft, left: float, right: float) -> bool:
    """Whether a paragraph stands in from both edges of its column, as block quotes do."""
    lines = [line for _, line in part.lines]
    if len(lines) < 2 or part.style or lines[0].cells or _ITEM.match(lines[0].text):
        return False
    lefts, edge = [line.left for line in lines[1:]], max(line.right for line in lines)
    indent = min(lefts) - left
    aligned = max(lefts) - min(lefts) < 2 and not _is_short(lines[0], lines[1], edge)
    return aligned and indent > lines[0].size and right - edge > max(lines[0].size, 0.6 * indent)


# --- Parts -> blocks ----------------------------------------------------------------------------


def _to_blocks(parts: Sequence[_BlockDraft], pages: Sequence[Page]) -> list[Block]:
    words = _word_counts(parts)
    styles = sorted({part.style for part in parts if part.style}, reverse=True)
    levels = {style: min(rank, LEVELS) for rank, style in enumerate(styles, start=1)}
    # Where type tells the headings, a short line in the type of the text is none.
    otherwise = 0 if sum(part.style is not None for part in parts) > 2 else None
    return [
        Block(
            text,
            levels[part.style] if part.style else 0 if part.kind else otherwise,
            part.kind,
            part.quoted,
            boxes,
        )
        for part in parts
        for text, boxes in [_text_and_boxes(part, pages, words)]
    ]


def _word_counts(parts: Sequence[_BlockDraft]) -> Counter[str]:
    """How often each word stands in the document, in small letters.

    Words broken at a line's end are left out.
    """
    words = Counter[str]()
    for part in parts:
        text = "\n".join(line.text for _, line in part.lines).lower()
        words.update(_HYPHENATED_WORD.findall(_BROKEN_WORDS.sub(" ", text).replace("‐", "-")))
    return words


def _text_and_boxes(
    part: _BlockDraft, pages: Sequence[Page], words: Counter[str]
) -> tuple[str, tuple[Box, ...]]:
    texts: list[str] = []
    boxes: list[Box] = []
    end = 0
    for joint, line in part.lines:
        broken = _BROKEN_WORD.search(texts[-1][-60:]) if texts and joint == " " else None
        rest = _FIRST_WORD.match(line.text)
        if broken and rest:
            if _is_one_word(broken[1], rest[0], words):
                texts[-1], end = texts[-1][:-1], end - 1
                boxes[-1] = replace(boxes[-1], end=end)
        elif texts:
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


def _is_one_word(first: str, second: str, words: Counter[str]) -> bool:
    """Whether the hyphen between two parts of a word is only there because the line ended.

    The document's other words tell.
    """
    joined, hyphenated = words[f"{first}{second}".lower()], words[f"{first}-{second}".lower()]
    if joined != hyphenated:
        return joined > hyphenated
    compound = (
        words[first.lower()] and words[second.lower()]
    )  # "rail-bound", where others write of rail and are bound
    return second[0].islower() and first.isalpha() and not compound


def _page_share(distance: float, whole: float) -> float:
    return min(max(distance / whole, 0.0), 1.0)
