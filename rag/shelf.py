"""HTML of what a library holds: its reports, its conversations, and the work that is done on it. Pure."""

from collections.abc import Sequence
from html import escape

from rag.conversations import Conversation
from rag.html import count, joined
from rag.library import DocumentInfo


def library_html(name: str, documents: Sequence[DocumentInfo]) -> str:
    """The list of a library's reports, each of which opens."""
    items = "".join(
        f'<li><button type="button" data-document="{escape(d.name)}">{escape(d.title)}</button>'
        f"<p>{joined([d.date, count(d.paragraphs, 'paragraph')])}</p></li>"
        for d in documents
    )
    return f'<nav class="shelf"><h2>{count(len(documents), "report")} in the library {escape(name)}</h2><ul>{items}</ul></nav>'


def no_library_html() -> str:
    """What stands where there is no library to ask."""
    return (
        '<section class="calm"><h2>There is no library yet</h2><p>Make one from a folder of reports, then load this page:</p>'
        "<pre>rag add reports/</pre><p>Or begin with the sample reports:</p><pre>rag add --samples</pre></section>"
    )


def conversations_html(conversations: Sequence[Conversation], current: int | None, searched: bool) -> str:
    """The list of conversations, each of which can be gone on with, renamed and deleted."""
    if not conversations:
        none = "No conversation holds these words." if searched else "Nothing was asked yet. What you ask is kept here."
        return f'<p class="status">{none}</p>'
    items = []
    for c in conversations:
        here = ' aria-current="true"' if c.key == current else ""
        about = joined([count(c.turns, "question"), f"{c.changed[:10]}, {c.changed[11:16]} UTC"])
        key = f'data-conversation="{c.key}"'
        items.append(
            f'<li{here}><button type="button" data-do="resume" {key}>{escape(c.name)}</button><p>{about} '
            f'<button type="button" data-rename {key}>Rename</button> '
            f'<button type="button" data-do="forget" {key} data-sure="Delete this conversation?">Delete</button></p></li>'
        )
    return f'<ol class="conversations">{"".join(items)}</ol>'
