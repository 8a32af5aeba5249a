"""HTML of conversations, answers, footnotes and reports. Pure.

Every text that comes from a document, a question, a name or a model is escaped, in elements and in
attributes, and words are highlighted by their offsets, never by searching for them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from html import escape
from itertools import groupby, pairwise, takewhile
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from rag.render.text import CLOSEST, NEAREST_SHOWN, NO_ANSWER, answer_text
from rag.text.lookalikes import as_label
from rag.types import (
    EVERYTHING,
    IN_LINES,
    Answer,
    Citation,
    Document,
    Filter,
    Hit,
    Paragraph,
    Quotation,
    Reference,
    Sentence,
    Table,
    TableCell,
)

_DOUBT = {"partly": "supported in part", "unsupported": "not supported"}
_EXPORTS = {"md": "Markdown", "html": "HTML", "docx": "Word", "json": "JSON"}
# levels of an outline, as HTML has no more of them below a title: h4, h5 and h6
_DEEPEST = 3

_Spanned = TypeVar("_Spanned", Quotation, Reference)


def draft_html(
    turn: int,
    question: str,
    hits: Sequence[Hit],
    sentences: Sequence[Sentence],
    status: str,
    only: Filter = EVERYTHING,
) -> str:
    """Return an unfinished answer: its sentences so far, and the passages they are made from."""
    said = (
        f'<p class="said">{_sentences_html(sentences, ())}</p><p class="status">'
        f"{escape(status)}</p>"
    )
    return _turn_html(turn, question, only, f"{said}{_hits_html(hits)}")


def answer_html(turn: int, answer: Answer, only: Filter = EVERYTHING) -> str:
    """Return the whole answer: its sentences, its footnotes, and the passages that were read.

    `only` is the filter it was asked with.
    """
    if answer.abstained:
        near = (
            f'<p class="status">{CLOSEST}</p>{_hits_html(answer.hits[:NEAREST_SHOWN])}'
            if answer.hits
            else ""
        )
        declined = escape(answer.declined) or NO_ANSWER
        said = f'<p class="said"><span>{declined}</span></p>{near}'
    else:
        said = (
            f'<p class="{_said_class(answer)}">'
            f"{_sentences_html(answer.sentences, answer.citations)}</p>"
            f"{''.join(map(_note_html, answer.notes))}"
            f'<ol class="footnotes">{"".join(map(_footnote_html, answer.citations))}</ol>'
            '<div class="about"><details class="read">'
            f"<summary>{count(len(answer.hits), 'passage')} read, {answer.seconds.total:.1f} s"
            f"</summary>{_hits_html(answer.hits)}</details>"
            f'<button type="button" data-copy="{escape(answer_text(answer))}">'
            "Copy with footnotes</button></div>"
        )
    return _turn_html(turn, answer.question, only, said)


def conversation_html(library: str, key: int | None, begun: bool, trouble: str) -> str:
    """Return the header of a conversation: its export links, a link to a new one, and `trouble`.

    `trouble` says why the conversation is not kept, "" if it is.
    """
    place = f'data-library="{escape(library)}" data-conversation="{"" if key is None else key}"'
    if not (begun or trouble):
        return f"<header {place} hidden></header>"
    named = quote(library, safe="")
    ways = "".join(
        f'<a href="/v1/conversations/{key}/export?kind={kind}&amp;library={named}" download>'
        f"{called}</a> "
        for kind, called in _EXPORTS.items()
        if key is not None
    )
    save = f"<span>Save as {ways}</span>" if ways else ""
    said = f'<p class="status">{escape(trouble)}</p>' if trouble else ""
    return (
        f'<header {place}><nav aria-label="Conversation">{save}'
        '<button type="button" data-do="start">New conversation</button></nav>'
        f"{said}</header>"
    )


def examples_html(questions: Sequence[str] | None) -> str:
    """Return questions that are asked with a click; None means that they are not found yet.

    The section then has the attribute data-busy.
    """
    if questions is None:
        return '<section class="examples" data-busy hidden></section>'
    items = "".join(
        f'<li><button type="button" data-example>{escape(question)}</button></li>'
        for question in questions
    )
    return (
        f'<section class="examples"><p class="status">For example</p><ul>{items}</ul></section>'
        if items
        else ""
    )


def report_html(
    document: Document,
    citations: Sequence[Citation] = (),
    current: tuple[int, int] | None = None,
    turn: int | None = None,
    library: str = "",
) -> str:
    """The report with the words marked that the answer of a `turn` cites, those of the span
    `current` as the ones in view.

    Of a document with pages, the page of that span is shown as it is printed, from the `library`.

    The element of class "text" holds `document.text` to the letter, and the marks of a citation
    together hold its quote.
    """
    marks = [
        _Mark(c.start, c.end, str(c.marker), (c.start, c.end) == current)
        for c in citations
        if c.document == document.name
    ]
    if current and not any(mark.current for mark in marks):
        marks.append(_Mark(*current, "", True))
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
    about = [
        document.number,
        document.date,
        count(document.boxes[-1].page, "page") if document.boxes else "",
        _recognized(document),
        count(sum(p.kind == "text" for p in document.paragraphs), "paragraph"),
        document.file,
    ]
    outline = _outline_html(document)
    to_outline = '<a href="#outline">Outline</a> ' if outline else ""
    language = f' lang="{escape(document.language)}"' if document.language else ""
    of_turn = "" if turn is None else f' data-turn="{turn}"'
    return (
        f'<article class="report" data-document="{escape(document.name)}"{of_turn}>'
        f"<header><h2>{escape(document.title)}</h2>"
        '<nav aria-label="Report"><button type="button" data-back>Back to the answer</button> '
        f'{to_outline}<button type="button" data-document="">All reports</button></nav>'
        f"<p>{joined(about)}</p></header>"
        f"{outline}{_page_html(document, current, library)}"
        f'<div class="text"{language}>{"".join(blocks)}</div></article>'
    )


def _recognized(document: Document) -> str:
    """What is said of a report whose pages are pictures that text recognition read."""
    told = next((fact for fact in document.facts if fact.name == "recognized"), None)
    if told is None:
        return ""
    return f"text of pages {told.value} recognised by {told.source}, it may have errors"


def trouble_html(message: str) -> str:
    """Return what went wrong, in the one sentence of the error."""
    return f'<p class="trouble" role="alert">{escape(message)}</p>'


def joined(parts: Iterable[str]) -> str:
    """Return the non-empty parts, escaped, with dots between them."""
    return escape(" · ".join(filter(None, parts)))


def count(number: int, noun: str) -> str:
    """Return the number with its noun, as in "1 report" or "2,000 reports"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _turn_html(turn: int, question: str, only: Filter, said: str) -> str:
    return (
        f'<section class="answer" data-turn="{turn}">'
        f"{_question_html(question, only)}{said}</section>"
    )


def _question_html(question: str, only: Filter) -> str:
    parts = {
        "in": count(len(only.documents), "report") if only.documents else "",
        "from": only.after,
        "to": only.before,
        "where this speaker is quoted:": only.speaker,
        "under headings with": only.section,
    }
    narrowed = joined(f"{how} {what}" for how, what in parts.items() if what)
    asked = f'<h2 class="asked">{escape(question.strip())}</h2>'
    return asked + (f'<p class="status narrowed">Only {narrowed}</p>' if narrowed else "")


def _said_class(answer: Answer) -> str:
    return "said lines" if answer.shape in IN_LINES else "said"


def _note_html(note: str) -> str:
    return f'<p class="status">{escape(note)}</p>'


def _sentences_html(sentences: Iterable[Sentence], citations: Sequence[Citation]) -> str:
    cited = {citation.marker: citation for citation in citations}
    shown = []
    for sentence in sentences:
        why = f": {escape(sentence.reason)}" if sentence.reason else ""
        doubt = (
            f' <span class="doubt">({_DOUBT[sentence.verdict]}{why})</span>'
            if sentence.verdict in _DOUBT
            else ""
        )
        markers = "".join(
            f"<sup>{_marker_html(number, cited.get(number))}</sup>" for number in sentence.markers
        )
        shown.append(f"<span>{escape(sentence.text)}{doubt}{markers}</span>")
    return " ".join(shown)


def _footnote_html(c: Citation) -> str:
    speaker = f'<span class="speaker">{escape(as_label(c.speaker))}</span>' if c.speaker else ""
    place = _titled_place(c.title, c.section, c.paragraph, c.shown_page)
    note = (
        f'<p class="note">The report’s note {escape(c.note.number)}: {escape(c.note.text)}</p>'
        if c.note
        else ""
    )
    return (
        f'<li value="{c.marker}"><blockquote>{escape(c.quote)}</blockquote>'
        f"<p>{speaker}{_open_html(place, c.document, c.start, c.end, c.marker)}</p>{note}</li>"
    )


def _hits_html(hits: Sequence[Hit]) -> str:
    items = "".join(f"<li><p>{escape(h.chunk.text)}</p>{_hit_link_html(h)}</li>" for h in hits)
    return f'<ul class="hits">{items}</ul>' if items else ""


def _marker_html(number: int, citation: Citation | None) -> str:
    if citation is None:
        return str(number)
    return _open_html(str(number), citation.document, citation.start, citation.end, number)


def _hit_link_html(hit: Hit) -> str:
    chunk = hit.chunk
    place = _titled_place(hit.title, chunk.section, chunk.paragraph)
    return _open_html(place, chunk.document, chunk.start, chunk.end)


def _open_html(label: str, document: str, start: int, end: int, marker: int | None = None) -> str:
    """A button that opens the document at the span."""
    numbered = (
        f' data-marker="{marker}" aria-label="Footnote {marker}: {escape(label)}"' if marker else ""
    )
    return (
        f'<button type="button" data-document="{escape(document)}" data-start="{start}" '
        f'data-end="{end}"{numbered}>'
        f"{escape(label)}</button>"
    )


def _titled_place(title: str, section: str, paragraph: int, page: str = "") -> str:
    title, section = as_label(title), as_label(section)
    where = [section, f"p. {page}" if page else "", f"¶{paragraph}" if paragraph else ""]
    inside = ", ".join(filter(None, where))
    return f"{title} ({inside})" if inside else title


def _outline_html(document: Document) -> str:
    """The headings of a report, each of which leads to its section; "" where it has none."""
    items = []
    for index, section in enumerate(document.sections):
        if section.path:
            page = document.page_at(section.start)
            where = f" <span>p. {escape(document.page_label(page))}</span>" if page else ""
            depth = min(len(section.path), _DEEPEST)
            items.append(
                f'<li class="depth-{depth}"><a href="#section-{index}">'
                f"{escape(section.heading)}</a>{where}</li>"
            )
    if not items:
        return ""
    # A browser opens the <details> around what a link leads to.
    return (
        f'<details class="outline"><summary>{count(len(items), "section")}</summary>'
        f'<ol id="outline">{"".join(items)}</ol></details>'
    )


def _page_html(document: Document, current: tuple[int, int] | None, library: str) -> str:
    """The picture of the page that a span begins on, with its lines marked.

    "" in a document without pages.
    """
    lines = [
        box for box in document.boxes if current and box.start < current[1] and current[0] < box.end
    ]
    if not lines:
        return ""
    page = lines[0].page
    name, of = quote(document.name, safe=""), quote(library, safe="")
    place = f"/v1/documents/{name}/pages/{page}.png?library={of}"
    number = escape(document.page_label(page))
    label = f"Page {number} as it is printed"
    alternative = f"Page {number}, the cited lines marked; their words are in the text below"
    marks = "".join(
        f'<span style="left:{box.left:.2%};top:{box.top:.2%};width:{box.right - box.left:.2%};'
        f'height:{box.bottom - box.top:.2%}"></span>'
        for box in lines
        if box.page == page
    )
    return (
        '<figure class="printed">'
        f'<div role="region" tabindex="0" aria-label="{label}"><div>'
        f'<img src="{escape(place)}" alt="{alternative}">{marks}</div></div>'
        f"<figcaption>{label}</figcaption></figure>"
    )


class _Mark(NamedTuple):
    start: int
    end: int
    marker: str  # "" for words that no citation names
    current: bool


def _block(
    document: Document, paragraph: Paragraph, note_starts: dict[int, int]
) -> tuple[str, str]:
    """The tag of a paragraph and its attributes."""
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
    """A table whose rows are paragraphs: number, start, end. `words` gives the HTML of a span.

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
    """The cells of the row that is the span; each holds the text before it, the last the rest."""

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
    """The words of a span, with marks around those cited and buttons for the markers of the
    report's own notes, whose indexes `notes` holds by their starts, and between them, as generated
    content, what is struck out.
    """
    references = {
        (r.start, r.end): document.note_marked(r.number, r.start)
        for r in _overlapping(document.references, start, end)
    }
    edges = {
        edge
        for span in [*(m[:2] for m in marks), *references]
        for edge in span
        if start < edge < end
    }
    struck = _struck_in(document, start, end)
    shown: list[str] = []
    for a, b in pairwise(sorted({start, end, *edges, *struck})):
        shown += struck.get(a, ())
        words = escape(document.text[a:b])
        note = next(
            (n for (first, last), n in references.items() if first <= a and b <= last), None
        )
        if note:
            words = (
                f'<button type="button" class="reference" data-note="{notes[note.start]}" '
                f'title="{escape(note.text)}">{words}</button>'
            )
        on = [mark for mark in marks if mark.start <= a and b <= mark.end]
        if on:
            current = ' class="current"' if any(mark.current for mark in on) else ""
            words = (
                f'<mark{current} data-markers="{" ".join(mark.marker for mark in on)}">'
                f"{words}</mark>"
            )
        shown.append(words)
    shown += struck.get(end, ())
    return "".join(shown)


def _struck_in(document: Document, start: int, end: int) -> dict[int, list[str]]:
    """What is struck out in a span, as HTML by offset; at its end only where the text ends."""
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
    """Those of the spans, which stand in order, that share a character with start:end."""
    first = bisect_right(spans, start, key=lambda span: span.end)
    return takewhile(
        lambda span: span.start < end, (spans[index] for index in range(first, len(spans)))
    )
