"""The page in a browser: conversations that go on, and those that were kept."""

from typing import Any

import pytest
from browsing import BOTH, NORTH, TRADE, ask, open_tab
from fakes import Serve

from rag.errors import LibraryError
from rag.library.sql.conversations import Conversations


def titles(shown: Any) -> list[str]:
    return shown.locator(".conversations li > button").all_text_contents()


@pytest.mark.page
def test_a_follow_up_stands_below_and_earlier_footnotes_still_open_their_words(
    trade: str, window: Any
) -> None:
    shown = window(trade)
    ask(shown, NORTH)
    shown.wait_for_selector("#answer .footnotes")
    ask(shown, "and in June, trade in grain by percent")
    shown.wait_for_selector("#answer [data-turn='1'] .footnotes")
    assert shown.locator(".asked").all_text_contents() == [
        NORTH,
        "and in June, trade in grain by percent",
    ]
    assert (
        shown.locator("#earlier .said")
        .inner_text()
        .startswith("Trade in grain rose by 30 percent in May.1")
    )
    assert "June" in shown.locator("#answer .said").inner_text()
    shown.click("#earlier sup [data-marker='1']")
    shown.wait_for_selector("article[data-document='north'] mark.current")
    assert shown.locator("mark.current").all_text_contents() == [
        "Trade in grain rose by 30 percent in May."
    ]


@pytest.mark.page
def test_a_conversation_outlives_reload_and_restart_and_is_found_renamed_and_deleted(
    serve: Serve, window: Any
) -> None:
    shown = window(serve({"default": TRADE}))
    ask(shown, NORTH)
    shown.wait_for_selector(".footnotes")
    shown.wait_for_url("**conversation=1")
    shown.reload()
    shown.wait_for_selector(".footnotes")
    assert shown.inner_text(".asked") == NORTH
    assert shown.inner_text("article header h2") == "Northern Trade"
    ask(shown, BOTH)
    shown.wait_for_selector("#answer [data-turn='1'] .footnotes")
    shown.click("text=New conversation")
    shown.wait_for_selector(".answer", state="detached")
    shown.wait_for_url(lambda url: "conversation" not in url)
    ask(shown, "what of the moon landing")
    shown.wait_for_url("**conversation=2")

    again = window(serve({}) + "?" + shown.url.partition("?")[2])
    assert again.inner_text(".asked") == "what of the moon landing"
    open_tab(again, "Conversations")
    again.wait_for_selector(".conversations li >> nth=1")
    assert titles(again) == ["what of the moon landing", NORTH]
    again.fill("label:has-text('Find') input", "GRAIN")
    again.wait_for_selector(".conversations li >> nth=1", state="detached")
    assert titles(again) == [NORTH]
    again.click("text=Rename")
    again.fill("[aria-label='New name']", "Grain <b>& more</b>")
    again.keyboard.press("Enter")
    again.wait_for_selector("text=Grain <b>& more</b>")
    again.click(".conversations >> text=Grain")
    again.wait_for_selector("#earlier .answer")
    assert again.locator(".asked").all_text_contents() == [NORTH, BOTH]
    open_tab(again, "Conversations")
    again.click("text=Delete")
    again.click("dialog button >> text=Keep")
    again.click("text=Delete")
    again.click("dialog button >> text=Delete")
    again.wait_for_selector("text=No conversations found.")
    open_tab(again, "Ask")
    assert again.locator(".answer").count() == 0, "the one that was open was deleted"
    again.goto(again.url.partition("?")[0] + "?library=default&conversation=1")
    again.wait_for_selector("text=There is no conversation 1 in this library")


@pytest.mark.page
def test_where_nothing_can_be_kept_a_conversation_goes_on_and_says_so(
    serve: Serve, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LibraryError("The library cannot be written to: the disk is full.")

    monkeypatch.setattr(Conversations, "begin", full)
    shown = window(serve({"default": TRADE}))
    ask(shown, NORTH)
    shown.wait_for_selector(
        "text=This conversation is not kept. The library cannot be written to: the disk is full."
    )
    ask(shown, BOTH)
    shown.wait_for_selector("#answer [data-turn='1'] .footnotes")
    monkeypatch.undo()
    ask(shown, BOTH)
    shown.wait_for_url("**conversation=1")
    shown.reload()
    shown.wait_for_selector("#answer [data-turn='2']")
    assert shown.locator(".asked").all_text_contents() == [NORTH, BOTH, BOTH], (
        "nothing of it is lost"
    )


@pytest.mark.page
def test_an_answer_is_pinned_to_a_notebook_and_a_question_is_edited_in_a_new_conversation(
    serve: Serve, window: Any
) -> None:
    shown = window(serve({"default": TRADE}))
    ask(shown, NORTH)
    shown.wait_for_url("**conversation=1")
    ask(shown, "what of the moon landing")
    shown.wait_for_selector("#answer :text('I found no passage')")
    exported = shown.request.get(f"{shown.url.partition('?')[0]}v1/conversations/1/export?kind=md")
    topic = exported.text().partition("## what of the moon landing")[2]
    assert topic.strip().startswith("I found no passage"), "a new topic gets no old answer"
    shown.click("#earlier >> text=Pin to notebook")
    shown.wait_for_selector(".message:has-text('The notebook has 1 answer.')")
    shown.click("#earlier >> text=Pin to notebook")
    shown.wait_for_selector(".message:has-text('The notebook has 2 answers.')")
    shown.click(".message >> text=Open the notebook")
    shown.wait_for_url("**conversation=2")
    assert shown.locator(".asked").all_text_contents() == [NORTH, NORTH]
    shown.click("#answer >> text=Edit and ask again")
    shown.wait_for_function(f"document.querySelector('#asking textarea').value === '{NORTH}'")
    assert shown.locator(".asked").all_text_contents() == [NORTH], "what was before it stays"
    ask(shown, BOTH)
    shown.wait_for_url("**conversation=3")
    assert shown.locator(".asked").all_text_contents() == [NORTH, BOTH]
    shown.go_back()
    shown.wait_for_selector("#answer [data-turn='1']:has-text('in May')")
    open_tab(shown, "Conversations")
    shown.wait_for_selector(".conversations li >> nth=2")
    assert sorted(titles(shown)) == sorted([NORTH, NORTH, "Notebook"])
    clock = shown.evaluate(
        "new Date(document.querySelector('time').dateTime).toLocaleString([],"
        " { dateStyle: 'medium', timeStyle: 'short' })"
    )
    assert shown.inner_text("time >> nth=0") == clock
