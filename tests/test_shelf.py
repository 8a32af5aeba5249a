"""HTML of what a library holds, read as a browser would read it."""

from pathlib import Path

import pytest
from test_html import ATTRIBUTES, HOSTILE, TAGS, Page

from rag.conversations import Conversation
from rag.library import DocumentInfo
from rag.shelf import conversations_html, library_html

KEPT = [
    Conversation(3, "What of trade?", "2024-03-01T10:00:00Z", "2024-03-02T10:20:30Z", 2),
    Conversation(1, "What of wool?", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z", 1),
]


def test_conversations_are_listed_and_the_open_one_is_marked() -> None:
    shown = Page(conversations_html(KEPT, 1, searched=False))
    items = [attributes for tag, attributes in shown.elements if tag == "li"]
    assert items == [{}, {"aria-current": "true"}]
    assert "What of trade?2 questions · 2024-03-02, 10:20 UTC" in shown.text("ol")
    assert [a["data-conversation"] for _, a in shown.elements if a.get("data-do") == "resume"] == ["3", "1"]


def test_no_conversation_is_told_apart_from_none_that_was_found() -> None:
    assert "Nothing was asked yet" in conversations_html([], None, searched=False)
    assert "No conversation holds these words" in conversations_html([], None, searched=True)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_written_in_a_name_becomes_markup(text: str) -> None:
    for piece in (
        library_html(text, [DocumentInfo(text, text, Path(), "", text, text, 1, 1)]),
        conversations_html([Conversation(1, text, "", "", 1)], None, searched=False),
    ):
        shown = Page(piece)
        assert {tag for tag, _ in shown.elements} <= TAGS
        assert {name for _, attributes in shown.elements for name in attributes} <= ATTRIBUTES | {"data-rename", "data-sure"}
        assert text in "".join(part for part, _ in shown.texts)
