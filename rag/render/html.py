"""HTML of conversations, answers and footnotes. Pure.

Every text that comes from a document, a question, a name or a model is escaped, in elements and in
attributes, and words are highlighted by their offsets, never by searching for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import quote

from rag.render.text import CLOSEST, NEAREST_SHOWN, NO_ANSWER, answer_text
from rag.text.lookalikes import as_label
from rag.types import EVERYTHING, IN_LINES, LISTS, Answer, Citation, Filter, Hit, Sentence

_DOUBT = {"partly": "supported in part", "unsupported": "not supported"}
_EXPORTS = {"docx": "Word", "md": "Markdown", "html": "HTML", "json": "JSON"}
_SOURCE_EXPORTS = {"bib": "BibTeX", "csl": "CSL-JSON"}  # the list of sources, for Zotero and others


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


def answer_html(turn: int, answer: Answer, only: Filter = EVERYTHING, pinned: bool = False) -> str:
    """Return the whole answer: its sentences, its footnotes, and the passages that were read.

    `only` is the filter it was asked with; `pinned` says that it stands in the notebook.
    """
    if answer.abstained:
        near = (
            f'<p class="status">{CLOSEST}</p>{_hits_html(answer.hits[:NEAREST_SHOWN])}'
            if answer.hits
            else ""
        )
        declined = escape(answer.declined) or NO_ANSWER
        said = f'<p class="said"><span>{declined}</span></p>{near}'
        read = ""
    else:
        said = (
            f"{_said_html(answer)}{''.join(map(_note_html, answer.notes))}"
            f'<ol class="footnotes">{"".join(map(_footnote_html, answer.citations))}</ol>'
        )
        read = (
            '<details class="read">'
            f"<summary>{count(len(answer.hits), 'passage')} read, {answer.seconds.total:.1f} s"
            f"</summary>{_hits_html(answer.hits)}</details>"
        )
    return _turn_html(
        turn, answer.question, only, f"{said}{_actions_html(turn, answer, pinned)}{read}"
    )


def _actions_html(turn: int, answer: Answer, pinned: bool) -> str:
    """Return what can be done with an answer."""
    pin = ("unpin", "Unpin") if pinned else ("pin", "Pin to notebook")
    copy = (
        f'<button type="button" data-copy="{escape(answer_text(answer))}">'
        "Copy with footnotes</button>"
        f'<button type="button" data-do="{pin[0]}" data-turn="{turn}">{pin[1]}</button>'
    )
    return (
        f'<p class="actions">{"" if answer.abstained else copy}'
        f'<button type="button" data-edit="{escape(answer.question)}" data-turn="{turn}">'
        "Edit and ask again</button></p>"
    )


def conversation_html(library: str, key: int | None, begun: bool, trouble: str) -> str:
    """Return the header of a conversation: its export links, a link to a new one, and `trouble`.

    `trouble` says why the conversation is not kept, "" if it is.
    """
    place = f'data-library="{escape(library)}" data-conversation="{"" if key is None else key}"'
    if not (begun or trouble):
        return f"<header {place} hidden></header>"
    save = "" if key is None else _save_html(library, key)
    said = f'<p class="status">{escape(trouble)}</p>' if trouble else ""
    return (
        f'<header {place}><nav aria-label="Conversation">{save}'
        '<button type="button" data-do="start">New conversation</button></nav>'
        f"{said}</header>"
    )


def _save_html(library: str, key: int) -> str:
    """Return the links that export a conversation, and its sources alone."""
    named = quote(library, safe="")

    def links(kinds: Mapping[str, str]) -> str:
        return " ".join(
            f'<a href="/v1/conversations/{key}/export?kind={kind}&amp;library={named}" download>'
            f"{called}</a>"
            for kind, called in kinds.items()
        )

    return (
        f'<details class="save"><summary>Save as</summary><p>{links(_EXPORTS)}</p>'
        f"<p>The sources alone: {links(_SOURCE_EXPORTS)}</p></details>"
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


def trouble_html(message: str) -> str:
    """Return what went wrong, in the one sentence of the error."""
    return f'<p class="trouble" role="alert">{escape(message)}</p>'


def message_html(said: str, conversation: int | None = None, label: str = "") -> str:
    """Return a short message, with a button that opens a conversation if there is one."""
    way = (
        f' <button type="button" data-do="resume" data-conversation="{conversation}">'
        f"{escape(label)}</button>"
        if conversation
        else ""
    )
    return f'<p class="message" role="status">{escape(said)}{way}</p>'


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
        "in": count(len(only.documents), "document") if only.documents else "",
        "from": only.after,
        "to": only.before,
        "where this speaker is quoted:": only.speaker,
        "under headings with": only.section,
    }
    narrowed = joined(f"{how} {what}" for how, what in parts.items() if what)
    asked = f'<h2 class="asked">{escape(question.strip())}</h2>'
    return asked + (f'<p class="status narrowed">Only {narrowed}</p>' if narrowed else "")


def _said_html(answer: Answer) -> str:
    """Return the sentences of an answer: a list as a list, a comparison line by line."""
    sentences = _sentence_htmls(answer.sentences, answer.citations)
    if answer.shape in LISTS and len(sentences) > 1:
        return f'<ul class="said">{"".join(f"<li>{said}</li>" for said in sentences)}</ul>'
    lines = " lines" if answer.shape in IN_LINES else ""
    return f'<p class="said{lines}">{" ".join(sentences)}</p>'


def _note_html(note: str) -> str:
    return f'<p class="status">{escape(note)}</p>'


def _sentences_html(sentences: Iterable[Sentence], citations: Sequence[Citation]) -> str:
    return " ".join(_sentence_htmls(sentences, citations))


def _sentence_htmls(sentences: Iterable[Sentence], citations: Sequence[Citation]) -> list[str]:
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
        # The last word holds its markers, or these would stand alone in the next line.
        said, last = _last_word(sentence.text) if markers and not doubt else (sentence.text, "")
        end = f'<span class="end">{escape(last)}{markers}</span>' if last else markers
        shown.append(f"<span>{escape(said)}{doubt}{end}</span>")
    return shown


def _last_word(text: str) -> tuple[str, str]:
    """Return what stands before the last word of a text, and that word."""
    at = text.rfind(" ") + 1
    return text[:at], text[at:]


def _footnote_html(c: Citation, titled: bool = True) -> str:
    """Return a footnote: one line that says where, and, once opened, the quotation.

    The line leaves the title of the document out unless `titled`.
    """
    place = _titled_place(c.title, c.section, c.paragraph, c.shown_page)
    # Two parts, so that where the line is short each of them keeps its beginning.
    title, inside = as_label(c.title), _place_in(c.section, c.paragraph, c.shown_page)
    if not titled and inside:
        named = f"<span>{escape(inside)}</span>"
    else:
        named = f"<span>{escape(title)}</span>" + (
            f"<span> ({escape(inside)})</span>" if inside else ""
        )
    speaker = f'<span class="speaker">{escape(as_label(c.speaker))}</span>' if c.speaker else ""
    note = (
        f'<p class="note">Note {escape(c.note.number)} of the document: {escape(c.note.text)}</p>'
        if c.note
        else ""
    )
    show = _open_html("Show in the document", c.document, c.start, c.end, c.marker, place)
    return (
        f'<li value="{c.marker}"><details><summary>'
        f'<span class="place">{named}</span>{speaker}</summary>'
        f"<blockquote>{quote_html(c)}</blockquote>{note}<p>{show}</p></details></li>"
    )


def cited_html(answer: Answer) -> str:
    """Return an answer about one document with its footnotes, for the document's own page."""
    footnotes = "".join(_footnote_html(citation, titled=False) for citation in answer.citations)
    return (
        f'<div class="brief"><p class="said lines">'
        f"{_sentences_html(answer.sentences, answer.citations)}</p>"
        f'<ol class="footnotes">{footnotes}</ol></div>'
    )


def quote_html(c: Citation) -> str:
    """Return the quotation with the short answer in it marked."""
    if c.focus is None or not c.start <= c.focus.start < c.focus.end <= c.end:
        return escape(c.quote)
    first, last = c.focus.start - c.start, c.focus.end - c.start
    before, focus, rest = c.quote[:first], c.quote[first:last], c.quote[last:]
    return f'{escape(before)}<strong class="focus">{escape(focus)}</strong>{escape(rest)}'


def _hits_html(hits: Sequence[Hit]) -> str:
    items = "".join(f"<li><p>{escape(h.chunk.text)}</p>{_hit_link_html(h)}</li>" for h in hits)
    return f'<ul class="hits">{items}</ul>' if items else ""


def _marker_html(number: int, citation: Citation | None) -> str:
    if citation is None:
        return str(number)
    place = _titled_place(citation.title, citation.section, citation.paragraph, citation.shown_page)
    return _open_html(str(number), citation.document, citation.start, citation.end, number, place)


def _hit_link_html(hit: Hit) -> str:
    chunk = hit.chunk
    place = _titled_place(hit.title, chunk.section, chunk.paragraph)
    return _open_html(place, chunk.document, chunk.start, chunk.end)


def _open_html(
    label: str, document: str, start: int, end: int, marker: int | None = None, place: str = ""
) -> str:
    """Return a button that opens the document at the span; a footnote's says at what `place`."""
    named = f"Footnote {marker}, {label}: {place}" if label != str(marker) else ""
    spoken = named or f"Footnote {marker}: show {place}"
    numbered = f' data-marker="{marker}" aria-label="{escape(spoken)}"' if marker else ""
    return (
        f'<button type="button" data-document="{escape(document)}" data-start="{start}" '
        f'data-end="{end}"{numbered}>'
        f"{escape(label)}</button>"
    )


def _titled_place(title: str, section: str, paragraph: int, page: str = "") -> str:
    title, inside = as_label(title), _place_in(section, paragraph, page)
    return f"{title} ({inside})" if inside else title


def _place_in(section: str, paragraph: int, page: str) -> str:
    """Return where in a document something stands, as in "Grain, p. 3, ¶12"."""
    where = [as_label(section), f"p. {page}" if page else "", f"¶{paragraph}" if paragraph else ""]
    return ", ".join(filter(None, where))
