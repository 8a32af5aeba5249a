"""HTML of a library's documents as a reader chooses among them, and of a document's own page.

Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from html import escape

from rag.render.html import cited_html, count, joined
from rag.types import Document, DocumentInfo
from rag.ui.overviews import DocumentOverview

_MOST_NAMED = 2  # documents named beside the question; of more only their number is said
_SORTS = {
    "title": "Title",
    "newest": "Newest first",
    "oldest": "Oldest first",
    "added": "Last added first",
}


def library_html(
    name: str, documents: Sequence[DocumentInfo], chosen: Collection[str], by_age: Sequence[str]
) -> str:
    """Return the list of a library's documents, each of which opens and can be ticked.

    Those `chosen` are ticked; `by_age` are the names in the order they were added.
    """
    added = {document: number for number, document in enumerate(by_age)}
    titles = Counter(d.title for d in documents)
    ordered = sorted(documents, key=lambda d: (d.title.casefold(), d.date, d.name))
    items = "".join(
        _item_html(d, d.name in chosen, added.get(d.name, 0), titles[d.title] > 1) for d in ordered
    )
    undated = sum(not d.date for d in documents)
    about = f"{count(undated, 'document')} without a date" if undated else ""
    return (
        '<nav class="document-list" aria-label="Documents">'
        f"<header><h2>{count(len(documents), 'document')} in the library {escape(name)}</h2>"
        f"<p>{about}</p></header>"
        f"{_FIND if len(documents) > 1 else ''}<ul>{items}</ul>"
        '<p class="status none" hidden>No document fits.</p></nav>'
    )


_FIND = (
    '<div class="find"><input type="search" data-sift placeholder="Find a document" '
    'aria-label="Find a document by title, file or date" autocomplete="off" spellcheck="false">'
    "<label>Sort <select data-sort>"
    + "".join(f'<option value="{value}">{shown}</option>' for value, shown in _SORTS.items())
    + "</select></label></div>"
    '<p class="picking"><label><input type="checkbox" data-pick-all> '
    "<span>Choose all</span></label> <span>Ticked documents limit the next question.</span></p>"
)


def _item_html(document: DocumentInfo, chosen: bool, added: int, alike: bool) -> str:
    about = [
        document.date or "no date",
        count(document.paragraphs, "paragraph"),
        document.file if alike or document.file != document.name else "",
    ]
    sought = f"{document.title} {document.file} {document.date}".casefold()
    title = escape(document.title)
    return (
        f'<li data-sought="{escape(sought)}" data-date="{escape(document.date)}" '
        f'data-added="{added}"><input type="checkbox" data-pick="{escape(document.name)}" '
        f'aria-label="Limit the next question to {title}"{" checked" if chosen else ""}>'
        f'<div><button type="button" data-document="{escape(document.name)}">{title}</button>'
        f"<p>{joined(about)}</p></div></li>"
    )


def scope_html(documents: Sequence[DocumentInfo], chosen: Collection[str]) -> str:
    """Return what the next question is asked of, to stand beside it; "" where there is nothing."""
    if not documents:
        return ""
    choose = '<button type="button" data-document="">{}</button>'
    if not chosen:
        everything = "the document" if len(documents) == 1 else f"all {len(documents):,} documents"
        said = f"<span>Searches {everything}</span>"
        return f'<p class="scope">{said} {choose.format("Show")}</p>'
    titles = [d.title for d in documents if d.name in chosen]
    named = f": {', '.join(titles)}" if len(titles) <= _MOST_NAMED else ""
    said = f"Searches only {len(titles):,} of {count(len(documents), 'document')}{named}"
    return (
        f'<p class="scope limited"><span>{escape(said)}</span> {choose.format("Change")} '
        '<button type="button" data-do="choose">Search all</button></p>'
    )


def about_html(document: Document, info: DocumentInfo, known: DocumentOverview) -> str:
    """Return a document's own page: its overview, its facts, its contents and questions worth
    asking.

    The article has the attribute data-busy while some of it is looked for.
    """
    name = escape(document.name)
    busy = "" if known.ready else " data-busy"
    return (
        f'<article class="document-page" data-of="{name}"{busy}>'
        f"<header><h2>{escape(document.title)}</h2>"
        f'<nav aria-label="Document"><button type="button" data-document="{name}">Read</button>'
        '<button type="button" data-document="">All documents</button></nav></header>'
        f"{_overview_html(known)}{_questions_html(known)}"
        f"<h3>Facts</h3>{_facts_html(document, info)}{_correct_html(document)}"
        f"{_contents_html(document)}</article>"
    )


def _overview_html(known: DocumentOverview) -> str:
    if known.answer is None:
        said = "No overview could be made." if known.ready else "Reading the document …"
        return f'<h3>Overview</h3><p class="status">{said}</p>'
    return f"<h3>Overview</h3>{cited_html(known.answer)}"


def _questions_html(known: DocumentOverview) -> str:
    if not known.questions:
        return ""
    items = "".join(
        f'<li><button type="button" data-example>{escape(question)}</button></li>'
        for question in known.questions
    )
    return f"<h3>Questions worth asking</h3><ul>{items}</ul>"


def _facts_html(document: Document, info: DocumentInfo) -> str:
    stated = {
        name: ", ".join(dict.fromkeys(f.value for f in document.facts if f.name == name))
        for name in ("author", "publisher", "version")
    }
    pages = str(document.boxes[-1].page) if document.boxes else ""
    facts: Iterable[tuple[str, str]] = (
        ("Author", stated["author"]),
        ("Publisher", stated["publisher"]),
        ("Date", document.date or "none stated"),
        ("Number", document.number),
        ("Version", stated["version"]),
        ("Pages", pages),
        ("Length", f"{len(document.text.split()):,} words"),
        ("Language", document.language or "not stated"),
        ("File", info.file),
    )
    rows = "".join(f"<dt>{what}</dt><dd>{escape(said)}</dd>" for what, said in facts if said)
    return f"<dl>{rows}</dl>"


def _correct_html(document: Document) -> str:
    return (
        '<details class="correct"><summary>Correct the title or the date</summary>'
        '<form data-form="correct">'
        f'<input type="hidden" name="document" value="{escape(document.name)}">'
        f'<label>Title <input name="title" type="text" value="{escape(document.title)}" '
        'maxlength="300" autocomplete="off"></label>'
        f'<label>Date <input name="date" type="text" value="{escape(document.date)}" '
        'placeholder="2023-03-14" maxlength="10" autocomplete="off"></label>'
        '<button type="submit">Save</button></form></details>'
    )


def _contents_html(document: Document) -> str:
    items = "".join(
        f'<li class="depth-{min(len(section.path), 3)}">'
        f'<button type="button" data-document="{escape(document.name)}" '
        f'data-start="{section.start}" data-end="{section.start + len(section.heading)}">'
        f"{escape(section.heading)}</button></li>"
        for section in document.sections
        if section.path and section.heading
    )
    return f'<h3>Contents</h3><ol class="contents">{items}</ol>' if items else ""
