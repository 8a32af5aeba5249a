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
    shown.evaluate("document.querySelector('.message').getAnimations()[0].finish()")
    shown.wait_for_selector(".message", state="hidden")
    shown.click("#earlier >> text=Pin to notebook")
    shown.wait_for_selector(".message:has-text('The notebook has 3 answers.')")
    shown.click(".message >> text=Open the notebook")
    shown.wait_for_url("**conversation=2")
    assert not shown.is_visible(".message"), "it has led where it leads"
    assert shown.locator(".asked").all_text_contents() == [NORTH, NORTH, NORTH]
    shown.click("#answer >> text=Edit and ask again")
    shown.wait_for_function(f"document.querySelector('#asking textarea').value === '{NORTH}'")
    assert shown.locator(".asked").all_text_contents() == [NORTH, NORTH], "what was before stays"
    ask(shown, BOTH)
    shown.wait_for_url("**conversation=3")
    assert shown.locator(".asked").all_text_contents() == [NORTH, NORTH, BOTH]
    shown.go_back()
    shown.wait_for_selector("#answer [data-turn='2']:has-text('in May')")
    open_tab(shown, "Conversations")
    shown.wait_for_selector(".conversations li >> nth=2")
    assert sorted(titles(shown)) == sorted([NORTH, NORTH, "Notebook"])
    clock = shown.evaluate(
        "new Date(document.querySelector('time').dateTime).toLocaleString([],"
        " { dateStyle: 'medium', timeStyle: 'short' })"
    )
    assert shown.inner_text("time >> nth=0") == clock


@pytest.mark.page
def test_an_answer_is_unpinned_in_the_notebook_which_goes_with_its_last_answer(
    serve: Serve, window: Any
) -> None:
    shown = window(serve({"default": TRADE}))
    for number, question in enumerate((NORTH, BOTH), 1):
        ask(shown, question)
        shown.wait_for_selector(f"#answer [data-turn='{number - 1}'] .actions")
        shown.click("#answer >> text=Pin to notebook")
        shown.wait_for_selector(f".message:has-text('The notebook has {number} answer')")
    shown.click(".message >> text=Open the notebook")
    shown.wait_for_selector("#earlier >> text=Unpin")
    assert shown.locator("text=Pin to notebook").count() == 0, "it is pinned already"
    shown.click("#earlier >> text=Unpin")
    shown.wait_for_selector("#earlier .answer", state="detached")
    assert shown.locator(".asked").all_text_contents() == [BOTH]
    shown.reload()
    shown.wait_for_selector("#answer >> text=Unpin")
    assert shown.locator(".asked").all_text_contents() == [BOTH]
    shown.click("#answer >> text=Unpin")
    shown.wait_for_selector(".answer", state="detached")
    open_tab(shown, "Conversations")
    shown.wait_for_selector(".conversations li")
    assert titles(shown) == [NORTH], "the conversation that it came from stays"


@pytest.mark.page
def test_the_keyboard_alone_leads_from_the_question_to_the_export(
    serve: Serve, window: Any
) -> None:
    shown = window(serve({"default": TRADE}))

    def tab_to(selector: str) -> None:
        """Press Tab until what the selector names has the focus."""
        passed = []
        for _ in range(60):
            shown.keyboard.press("Tab")
            if shown.evaluate("s => document.activeElement.matches(s)", selector):
                return
            passed.append(shown.evaluate("document.activeElement.textContent.trim().slice(0, 30)"))
        raise AssertionError(f"Tab does not lead to {selector}, but to {passed}")

    shown.wait_for_function("document.activeElement.matches('#asking textarea')")
    shown.keyboard.type(BOTH)
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#answer .footnotes")
    shown.keyboard.press("Escape")
    tab_to("#head .save summary")  # from the top of the page, as the field was left
    tab_to(".said [data-marker='1']")
    assert shown.is_visible("#preview"), "what it says is shown before it is opened"
    tab_to(".footnotes li[value='2'] summary")
    shown.keyboard.press("Enter")
    assert shown.is_visible(".footnotes li[value='2'] blockquote")
    tab_to(".footnotes li[value='2'] [data-document]")
    shown.keyboard.press("Enter")
    shown.wait_for_function("document.activeElement.matches('[data-document=south] mark.current')")
    shown.keyboard.press("Escape")
    shown.wait_for_function("document.activeElement.matches('.said [data-marker=\"2\"]')")
    tab_to("[data-do=pin]")
    shown.keyboard.press("Enter")
    shown.wait_for_selector(".message:has-text('The notebook has 1 answer.')")
    tab_to(".message [data-do=resume]")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#answer >> text=Unpin")
    shown.focus("[role=tab][aria-selected=true]")
    tab_to("#head .save summary")
    shown.keyboard.press("Enter")
    tab_to("#head a[href*='kind=docx']")
    with shown.expect_download() as download:
        shown.keyboard.press("Enter")
    assert download.value.suggested_filename == "Notebook.docx"
