"""Columns of rows, page by page -> the parts of a document: headings, paragraphs, notes (pure)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.reading.dates import dates_in
from rag.reading.pdf.columns import PROSE
from rag.reading.pdf.lines import (
    Page,
    RuledTable,
    TextLine,
    ends_sentence,
    half_point,
    is_short,
    same_size,
)
from rag.reading.pdf.paragraphs import CLAUSE, INDENT, ITEM, BlockDraft, is_set_off, paragraphs_of
from rag.text.markers import FROM_RAISED
from rag.types import Kind

LONGEST_NUMBER = 4  # digits of a page's
_ROMAN = re.compile(r"(?i)[ivxlc]{1,7}|[a-z]-?\d{1,3}|\d{1,2}[-–]\d{1,3}")
# A letter alone is the label of a chart, or what a program left of an initial.
_WORDS_OF_HEADING = re.compile(r"[^\W\d_]{2}|[\u3040-\U0003ffff]")
NOTE_GAP = 1.6  # of the leading: what stands further below a note is none of its lines
_LEADER = re.compile(r"(?:[.…]\s?){4,}\S{1,6}$")  # "Introduction . . . . 3"
_NOTE_START = re.compile(r"\[(\d{1,3})\]\s*|([¹²³⁰⁴-⁹]{1,3})\s*|(\d{1,3})\.?\s*(?=[^\d\s.])")


@dataclass(frozen=True, slots=True)
class BodyType:
    """The type of the running text."""

    size: float
    bold: bool
    leading: float  # the usual distance of two baselines


def usual_leading(columns: Sequence[Sequence[Sequence[TextLine]]]) -> float:
    """Return the usual distance of two baselines of running text.

    Listings of code and labels, which have few words a line, do not count.
    """
    distances = Counter(
        round((after.baseline - before.baseline) / after.size, 1)
        for page in columns
        for column in page
        for before, after in pairwise(column)
        if same_size(before, after)
        and not (after.cells or ends_sentence(before))
        and min(_prose(before), _prose(after)) >= PROSE
    )
    return distances.most_common(1)[0][0] if distances else 1.2


def _prose(line: TextLine) -> int:
    """Return how many letters of a line stand in words of small letters, as those of prose do."""
    return sum(len(word) for word in line.text.split() if word.isalpha() and word.islower())


def _is_listed(line: TextLine) -> bool:
    """Return whether dots lead to the end of a line, as in a table of contents."""
    return bool(_LEADER.search(line.text[-40:]))


def _are_contents(group: Sequence[TextLine]) -> bool:
    """Return whether lines with dots are a table of contents: the pages they name only rise."""
    ends = [line.text.split()[-1].strip(".…") for line in group]
    pages = [int(end) for end in ends if end.isdecimal() and len(end) <= LONGEST_NUMBER]
    named = len(pages) + sum(bool(_ROMAN.fullmatch(end)) for end in ends)
    return named * 5 >= 4 * len(group) and all(a <= b for a, b in pairwise(pages))


def _is_date_alone(text: str) -> bool:
    """Return whether a text is a date alone."""
    dates = dates_in(text)
    return bool(dates) and not any(map(str.isalpha, text[: dates[0].start] + text[dates[-1].end :]))


def _is_alike(one: TextLine, other: TextLine) -> bool:
    if one.table or other.table:
        return False
    if _is_listed(one) or _is_listed(other):
        return _is_listed(one) and _is_listed(other)
    if one.cells and other.cells:
        return same_size(one, other)  # the heads of a table are bold
    return same_size(one, other) and one.bold == other.bold and bool(one.cells) == bool(other.cells)


def _has_columns_of(one: RuledTable | None, other: RuledTable) -> bool:
    """Return whether a table has columns as wide as those of another, as its next part does."""
    return one is not None and [round(x - one.edges[0]) // 4 for x in one.edges] == [
        round(x - other.edges[0]) // 4 for x in other.edges
    ]


class Flow:
    """The parts of a document, gathered page by page."""

    def __init__(self, body: BodyType) -> None:
        self.parts: list[BlockDraft] = []
        self._body = body
        self._last: BlockDraft | None = (
            None  # of the running text: notes and furniture may stand behind it
        )
        self._note: BlockDraft | None = None
        self._number = 0  # of that note

    def add(self, page: Page, columns: Sequence[Sequence[TextLine]]) -> None:
        middle = page.height / 2
        self.parts += [
            BlockDraft([((""), line)], ("furniture"))
            for line in page.furniture
            if line.baseline < middle
        ]
        for column in columns:
            first_note = self._first_note(column)
            self._add_text(column[:first_note])
            self._add_notes(column[first_note:])
        self.parts += [
            BlockDraft([((""), line)], ("furniture"))
            for line in page.furniture
            if line.baseline >= middle
        ]

    def _first_note(self, column: Sequence[TextLine]) -> int:
        """Return where the notes at the foot of a column begin.

        Smaller type that opens with a number or goes on with a note.
        """
        small = len(column)
        while (
            small
            and column[small - 1].size <= self._body.size - 0.5
            and not column[small - 1].cells
        ):
            small -= 1
        if 0 < small < len(column) and self._note and not ends_sentence(self._note.lines[-1][1]):
            return small
        return next(
            (index for index in range(small, len(column)) if self._note_number(column[index])),
            len(column),
        )

    def _note_number(self, line: TextLine) -> int:
        """Return the number that a note opens with; 0 if it is not a note.

        A plain one must follow that of the note before.
        """
        found = _NOTE_START.match(line.text)
        if not found or found.end() == len(line.text):
            return 0
        number = int(next(filter(None, found.groups())).translate(FROM_RAISED))
        return number if not found[3] or number in (1, self._number + 1) else 0

    def _add_notes(self, lines: Sequence[TextLine]) -> None:
        for index, line in enumerate(lines):
            if number := self._note_number(line):
                self._number = number
                words = _NOTE_START.sub("", line.text, count=1)
                self._note = BlockDraft([("", replace(line, text=f"[{number}] {words}"))], "note")
                self.parts.append(self._note)
            elif self._note and not (index and self._stands_apart(lines[index - 1], line)):
                self._note.lines.append((" ", line))
            else:
                rest = lines[index:]
                opens = next((i for i, later in enumerate(rest) if self._note_number(later)), None)
                self._add_text(rest[:opens])
                self._add_notes(rest[opens:] if opens else ())
                return

    def _stands_apart(self, before: TextLine, line: TextLine) -> bool:
        """Return whether a line under a note is not part of it: after a gap, or in other type."""
        distance = (line.baseline - before.baseline) / max(before.size, line.size)
        return not same_size(before, line) or distance > NOTE_GAP * self._body.leading

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
                part.quoted = is_set_off(part, left, right)
                self._append(part, new_column=before is None, runs_on=runs_on)
                before, runs_on = group[-1], False

    def _is_close(self, before: TextLine, after: TextLine) -> bool:
        """Return whether two lines stand as close as lines of one paragraph do.

        Rows of a table may stand wider.
        """
        distance = (after.baseline - before.baseline) / max(before.size, after.size)
        return distance <= (2.5 if before.cells and after.cells else 1.25) * self._body.leading

    def _groups(self, column: Sequence[TextLine]) -> list[list[TextLine]]:
        """Return the lines in groups that stand close under each other in the same type."""
        groups = [[column[0]]]
        for before, after in pairwise(column):
            if _is_alike(before, after) and self._is_close(before, after):
                groups[-1].append(after)
            else:
                groups.append([after])
        return groups

    def _parts_of(self, group: Sequence[TextLine], right: float, runs_on: bool) -> list[BlockDraft]:
        if group[0].table:
            return [BlockDraft([("", group[0])])]
        if _is_listed(group[0]):
            kind: Kind | None = "furniture" if _are_contents(group) else None
            return [BlockDraft([("\n", line) for line in group], kind)]
        if self._is_heading(group, runs_on):
            return [
                BlockDraft(
                    [((" "), line) for line in group],
                    style=(half_point(group[0].size), group[0].bold),
                )
            ]
        return [BlockDraft(lines, right=right) for lines in paragraphs_of(group)]

    def _is_heading(self, group: Sequence[TextLine], runs_on: bool) -> bool:
        text = " ".join(line.text for line in group)
        size = half_point(group[0].size)
        larger = size >= 1.1 * self._body.size
        bolder = group[0].bold and not self._body.bold and size >= 0.95 * self._body.size
        if (
            not (larger or bolder)
            or group[0].cells
            or len(group) > 4
            or len(text) > 250
            or not _WORDS_OF_HEADING.search(text)
            or _is_date_alone(text)
        ):
            return False
        inside = (
            runs_on
            and self._last
            and not self._last.style
            and not ends_sentence(self._last.lines[-1][1])
        )
        sentence = text.endswith((".", ";", ",")) and len(text.split()) > 8
        return not (sentence or text.startswith(("[", "•")) or (inside and not larger))

    def _append(self, part: BlockDraft, new_column: bool, runs_on: bool) -> None:
        joint = self._joint(part, new_column, runs_on)
        if self._last and joint:
            self._last.lines += [(joint, part.lines[0][1]), *part.lines[1:]]
            self._last.right = part.right
        else:
            self.parts.append(part)
            self._last = None if part.kind else part

    def _joint(self, part: BlockDraft, new_column: bool, runs_on: bool) -> str:
        """Return what joins a part to the one that it continues.

        "" if it begins something new.
        """
        last, first = self._last, part.lines[0][1]
        if not last or last.style or part.style or part.kind:
            return ""
        if first.table:
            before = last.lines[-1][1]
            return "\n" if new_column and _has_columns_of(before.table, first.table) else ""
        if first.cells or last.lines[-1][1].table:
            return ""
        item = ITEM.match(first.text)
        if CLAUSE.match(first.text) and ends_sentence(last.lines[-1][1]):
            return ""
        if item and ITEM.match(last.lines[0][1].text):
            return "\n"
        before = last.lines[-1][1]
        indented = len(part.lines) > 1 and first.left - part.lines[1][1].left > INDENT * first.size
        if (
            item
            or indented
            or before.cells
            or ends_sentence(before)
            or not same_size(before, first)
        ):
            return ""
        if first.text[0].islower():
            return " " if new_column or runs_on else ""
        return " " if new_column and not is_short(before, first, last.right) else ""
