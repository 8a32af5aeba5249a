"""HTML of a document as it is read beside an answer: its text, its pages, its outline. Pure.

Every text of a document is escaped, in elements and in attributes, and words are highlighted by
their offsets, never by searching for them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from itertools import groupby, pairwise, takewhile
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from rag.render.html import count, joined
from rag.types import (
    Box,
    Citation,
    Document,
    Paragraph,
    Quotation,
    Reference,
    Span,
    Table,
    TableCell,
)

# levels of an outline, as HTML has no more of them below a title: h4, h5 and h6
_DEEPEST = 3

_Spanned = TypeVar("_Spanned", Quotation, Reference)


def report_html(
    document: Document,
    citations: Sequence[Citation] = (),
    current: tuple[int, int] | None = None,
    turn: int | None = None,
    library: str = "",
) -> str:
    """Return the document with the words marked that the answer of a `turn` cites, those of the
    span `current` as the ones in view.

    A document with pages shows one of them as it is printed, from the `library`: that of the span,
    or the first.

    The element of class "text" holds `document.text` to the letter, and the marks of a citation
    together hold its quote.
    """
    marks = [
        _Mark(c.start, c.end, str(c.marker), (c.start, c.end) == current, c.focus)
        for c in citations
        if c.document == document.name
    ]
    if current and not any(mark.current for mark in marks):
        marks.append(_Mark(*current, "", True))
    about = [
        document.number,
        document.date,
        count(document.boxes[-1].page, "page") if document.boxes else "",
        _recognized(document),
        document.file,
    ]
    outline = _outline_html(document)
    language = f' lang="{escape(document.language)}"' if document.language else ""
    of_turn = "" if turn is None else f' data-turn="{turn}"'
    name = escape(document.name)
    ways = (
        '<button type="button" data-outline>Outline</button>' if outline else "",
        f'<button type="button" data-do="about" data-document="{name}">About</button>',
        '<button type="button" data-document="">All documents</button>',
    )
    return (
        f'<article class="report" data-document="{name}"{of_turn}>'
        f"<header><h2>{escape(document.title)}</h2><p>{joined(about)}</p>"
        f'<nav aria-label="Document">{"".join(ways)}</nav>{_TOOLS}</header>'
        f"{outline}{_pages_html(document, marks, library)}"
        f'<div class="text"{language}>{_text_html(document, marks)}</div></article>'
    )


# Leads from citation to citation of the answer, to words that are looked for, and gives the
# document the whole window.
_TOOLS = (
    '<div class="tools"><div class="cited" role="group" aria-label="Citations" hidden>'
    '<button type="button" data-cite="-1" aria-label="Previous citation">‹</button>'
    "<output></output>"
    '<button type="button" data-cite="1" aria-label="Next citation">›</button></div>'
    '<div class="within" role="search">'
    '<input type="search" data-within placeholder="Search in this document" '
    'aria-label="Search in this document" autocomplete="off" spellcheck="false">'
    '<output aria-live="polite"></output>'
    '<button type="button" data-found="-1" aria-label="Previous match">‹</button>'
    '<button type="button" data-found="1" aria-label="Next match">›</button></div>'
    '<button type="button" data-wide aria-pressed="false" aria-label="Full width" '
    'title="Full width">⤢</button></div>'
)


def _recognized(document: Document) -> str:
    """Return what is said of a document whose pages are pictures that text recognition read."""
    told = next((fact for fact in document.facts if fact.name == "recognized"), None)
    if told is None:
        return ""
    return f"text of pages {told.value} recognised by {told.source}, it may have errors"


def _text_html(document: Document, marks: Sequence["_Mark"]) -> str:
    note_starts = {note.start: index for index, note in enumerate(document.notes)}
    blocks = []
    # A block holds the white space behind it as well, so that no character is lost and a quote may
    # run over its end.
    edges = [0, *(p.start for p in document.paragraphs[1:]), len(document.text)]
    words = partial(_words_html, document, marks=marks, notes=note_starts)
    places = zip(document.paragraphs, pairwise(edges), strict=True)
    for table, parts in groupby(places, lambda part: _table_at(document, part[0].start)):
        if table is not None:
            blocks.append(_table_html(table, [(p.number, *span) for p, span in parts], words))
            continue
        for paragraph, (start, end) in parts:
            tag, attributes = _block(document, paragraph, note_starts)
            blocks.append(f"<{tag}{attributes}>{words(start, end)}</{tag}>")
    return "".join(blocks)


def _outline_html(document: Document) -> str:
    """Return the headings of a document, each of which leads to its section; "" where it has none.

    They are buttons: the address of the page names the conversation, and a link within it would
    take that away.
    """
    items = []
    for index, section in enumerate(document.sections):
        if section.path:
            page = document.page_at(section.start)
            where = f" <span>p. {escape(document.page_label(page))}</span>" if page else ""
            depth = min(len(section.path), _DEEPEST)
            items.append(
                f'<li class="depth-{depth}"><button type="button" data-section="{index}">'
                f"{escape(section.heading)}</button>{where}</li>"
            )
    if not items:
        return ""
    return (
        f'<details class="outline"><summary>{count(len(items), "section")}</summary>'
        f"<ol>{''.join(items)}</ol></details>"
    )


def _pages_html(document: Document, marks: Sequence["_Mark"], library: str) -> str:
    """Return the picture of a page, with the words of the marks marked, and what turns it to the
    others.

    The marks of all pages are there; the script of the page shows those of the page that it shows.
    "" in a document without pages.
    """
    if not document.boxes:
        return ""
    lines = [
        (box, mark)
        for mark in marks
        for box in document.boxes
        if box.start < mark.end and mark.start < box.end
    ]
    page = next((box.page for box, mark in lines if mark.current), 1)
    last = document.boxes[-1].page
    name, of = quote(document.name, safe=""), quote(library, safe="")
    place = escape(f"/v1/documents/{name}/pages/{page}.png?library={of}")
    drawn = "".join(_mark_on_page_html(document, box, mark, page) for box, mark in lines)
    return (
        f'<figure class="printed" data-page="{page}" data-pages="{last}">'
        '<figcaption><span role="group" aria-label="Pages">'
        '<button type="button" data-leaf="-1" aria-label="Previous page">‹</button>'
        f'<label>Page <input type="number" data-leaf-to min="1" max="{last}" value="{page}">'
        f"</label> of {last}"
        '<button type="button" data-leaf="1" aria-label="Next page">›</button></span>'
        '<span role="group" aria-label="Zoom">'
        '<button type="button" data-zoom="-1" aria-label="Smaller">−</button>'
        "<output>100 %</output>"
        '<button type="button" data-zoom="1" aria-label="Larger">+</button></span></figcaption>'
        '<div role="region" tabindex="0" aria-label="The page as it is printed"><div>'
        f'<img src="{place}" alt="Page {page}; its words are in the text below">'
        f"{drawn}</div></div></figure>"
    )


def _mark_on_page_html(document: Document, box: Box, mark: "_Mark", shown: int) -> str:
    """Return what marks the words of a line on the picture of its page."""
    line = document.text[box.start : box.end]
    first = _share_of(line, max(mark.start, box.start) - box.start)
    last = _share_of(line, min(mark.end, box.end) - box.start)
    wide = box.right - box.left
    left, right = box.left + first * wide, box.left + last * wide
    current = ' class="current"' if mark.current else ""
    hidden = "" if box.page == shown else " hidden"
    return (
        f'<span{current} data-page="{box.page}" data-of="{mark.marker}"{hidden} '
        f'style="left:{left:.2%};top:{box.top:.2%};width:{right - left:.2%};'
        f'height:{box.bottom - box.top:.2%}"></span>'
    )


# How wide letters are on average, in common fonts, where a small letter is 1. The line's own width
# is known, so only the proportions matter: a mark begins and ends within a letter of its words.
_NARROW, _WIDE = frozenset("iljftr.,;:'’!|()[] -“”\""), frozenset("mwMW—")


def _share_of(line: str, offset: int) -> float:
    """Return how much of the width of a line stands before the offset, 0..1."""
    widths = [
        0.55 if c in _NARROW else 1.55 if c in _WIDE else 1.3 if c.isupper() else 1.0 for c in line
    ]
    return sum(widths[:offset]) / (sum(widths) or 1.0)


class _Mark(NamedTuple):
    start: int
    end: int
    marker: str  # "" for words that no citation names
    current: bool
    focus: Span | None = None  # the short answer inside it


def _block(
    document: Document, paragraph: Paragraph, note_starts: dict[int, int]
) -> tuple[str, str]:
    """Return the tag of a paragraph and its attributes."""
    text = document.text[paragraph.start : paragraph.end]
    if paragraph.kind == "heading":
        section = document.sections[paragraph.section]
        place = (
            f' id="section-{paragraph.section}"'
            if section.path and paragraph.start == section.start
            else ""
        )
        if text.split() == document.title.split():
            return "h3", f' class="title"{place}'
        depth = min(len(section.path), _DEEPEST)
        return (f"h{3 + depth}", place) if depth else ("p", ' class="dateline"')
    if paragraph.kind == "text":
        # The speaker of a paragraph is named where most of it is quoted.
        said = next(
            (
                q.speaker
                for q in _overlapping(document.quotations, paragraph.start, paragraph.end)
                if 2 * (min(q.end, paragraph.end) - max(q.start, paragraph.start)) > len(text)
            ),
            "",
        )
        return "p", f' data-number="{paragraph.number}"' + (
            f' data-speaker="{escape(said)}"' if said else ""
        )
    index = note_starts.get(paragraph.start)
    return "p", f' class="{paragraph.kind}"' + (
        "" if index is None else f' data-note-text="{index}"'
    )


def _table_at(document: Document, offset: int) -> Table | None:
    at = bisect_right(document.tables, offset, key=lambda table: table.end)
    return next((t for t in document.tables[at : at + 1] if t.start <= offset), None)


def _table_html(
    table: Table, rows: Sequence[tuple[int, int, int]], words: Callable[[int, int], str]
) -> str:
    """Return a table whose rows are paragraphs: number, start, end. `words` gives the HTML of a
    span.

    What the text repeats to say each row by itself, the heads and what stands between values, is
    there but not seen: the heads stand above the columns, as generated content where the text has
    no row of them.
    """
    shown = []
    if not table.head_rows and any(table.heads):
        heads = (f'<th scope="col" data-head="{escape(head)}"></th>' for head in table.heads)
        shown.append(f"<thead><tr>{''.join(heads)}</tr></thead>")
    at = 0
    for index, (number, start, end) in enumerate(rows):
        first = at
        while at < len(table.cells) and table.cells[at].start < end:
            at += 1
        is_head = index < table.head_rows
        cells = _cells_html(table, table.cells[first:at], start, end, is_head, words)
        counted = f' data-number="{number}"' if number else ""
        shown.append(f"<tr{counted}>{cells}</tr>")
    return (
        '<div class="wide" role="region" tabindex="0" aria-label="Table"><table>'
        f"{''.join(shown)}</table></div>"
    )


def _cells_html(
    table: Table,
    cells: Sequence[TableCell],
    start: int,
    end: int,
    is_head: bool,
    words: Callable[[int, int], str],
) -> str:
    """Return the cells of the row that is the span.

    Each holds the text before it, the last the rest.
    """

    def unseen(a: int, b: int) -> str:
        return f'<span class="unseen" aria-hidden="true">{words(a, b)}</span>' if a < b else ""

    shown = []
    column, at = 0, start
    for number, cell in enumerate(cells):
        shown += ["<td></td>"] * (cell.column - column)
        column = cell.column + cell.columns
        rest = unseen(cell.end, end) if number == len(cells) - 1 else ""
        is_named = any(table.heads) and cell.column == 0 and cell.columns < len(table.heads)
        tag = "th" if is_head or is_named else "td"
        scope = "" if tag == "td" else ' scope="col"' if is_head else ' scope="row"'
        span = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
        inside = f"{unseen(at, cell.start)}{words(cell.start, cell.end)}{rest}"
        shown.append(f"<{tag}{scope}{span}>{inside}</{tag}>")
        at = cell.end
    if not cells:
        shown.append(f'<td colspan="{max(1, len(table.heads))}">{words(start, end)}</td>')
    return "".join(shown)


def _words_html(
    document: Document, start: int, end: int, marks: Sequence[_Mark], notes: dict[int, int]
) -> str:
    """Return the words of a span, with marks around those cited and buttons for the markers of the
    report's own notes, whose indexes `notes` holds by their starts, and between them, as generated
    content, what is struck out.
    """
    references = {
        (r.start, r.end): document.note_marked(r.number, r.start)
        for r in _overlapping(document.references, start, end)
    }
    focused = [(m.focus.start, m.focus.end) for m in marks if m.focus]
    edges = {
        edge
        for span in [*(m[:2] for m in marks), *references, *focused]
        for edge in span
        if start < edge < end
    }
    struck = _struck_in(document, start, end)
    pieces: list[tuple[tuple[_Mark, ...], str]] = []
    for a, b in pairwise(sorted({start, end, *edges, *struck})):
        words = escape(document.text[a:b])
        note = next(
            (n for (first, last), n in references.items() if first <= a and b <= last), None
        )
        if note:
            words = (
                f'<button type="button" class="reference" data-note="{notes[note.start]}" '
                f'title="{escape(note.text)}">{words}</button>'
            )
        if any(first <= a and b <= last for first, last in focused):
            words = f'<strong class="focus">{words}</strong>'
        on = tuple(mark for mark in marks if mark.start <= a and b <= mark.end)
        pieces.append((on, "".join(struck.get(a, ())) + words))
    shown = [
        _marked_html(on, "".join(words for _, words in alike))
        for on, alike in groupby(pieces, lambda piece: piece[0])
    ]
    return "".join(shown) + "".join(struck.get(end, ()))


def _marked_html(marks: Sequence[_Mark], words: str) -> str:
    if not marks:
        return words
    current = ' class="current"' if any(mark.current for mark in marks) else ""
    markers = " ".join(mark.marker for mark in marks)
    return f'<mark{current} data-markers="{markers}">{words}</mark>'


def _struck_in(document: Document, start: int, end: int) -> dict[int, list[str]]:
    """Return what is struck out in a span, as HTML by offset; at its end only if the text ends."""
    found: dict[int, list[str]] = {}
    for index in range(
        bisect_left(document.struck, start, key=lambda struck: struck.at), len(document.struck)
    ):
        at, words = document.struck[index].at, document.struck[index].text
        if at >= end and not at == end == len(document.text):
            break
        found.setdefault(at, []).append(f'<del data-struck="{escape(words)}"></del>')
    return found


def _overlapping(spans: Sequence[_Spanned], start: int, end: int) -> Iterator[_Spanned]:
    """Return those of the spans, which stand in order, that share a character with start:end."""
    first = bisect_right(spans, start, key=lambda span: span.end)
    return takewhile(
        lambda span: span.start < end, (spans[index] for index in range(first, len(spans)))
    )
