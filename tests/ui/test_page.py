"""The page in a browser: questions, answers and footnotes."""

from pathlib import Path
from typing import Any

import pytest
from browsing import BOTH, NORTH, TRADE, ask, open_tab
from fakes import EndlessModel, FakeModels, Serve
from pages import HOSTILE

from rag.config import Settings
from rag.pipeline import Pipeline


@pytest.mark.page
def test_a_question_brings_passages_an_answer_and_footnotes_that_open_the_exact_words(
    trade: str, window: Any
) -> None:
    shown = window(trade)
    assert shown.inner_text(".document-list h2") == "2 documents in the library default"
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    assert (
        shown.inner_text(".said") == "Trade in grain rose by 30 percent in May.1 "
        "Southern Trade says otherwise: Trade in grain fell by 12 percent in June.2"
    )
    assert shown.inner_text("#report header h2") == "Northern Trade"
    quotes = shown.locator(".footnotes blockquote").all_text_contents()
    for number, title in [(2, "Southern Trade"), (1, "Northern Trade"), (2, "Southern Trade")]:
        shown.focus(f".said button[data-marker='{number}']")
        shown.keyboard.press("Enter")
        shown.wait_for_function(
            f"document.querySelector('#report header h2').textContent === '{title}'"
        )
        current = shown.locator("mark.current")
        current.wait_for()
        assert current.all_text_contents() == [quotes[number - 1]]
        box = current.bounding_box()
        assert box is not None
        assert 0 < box["y"] < 780, "the marked words are in view"
    shown.click("#report [data-document='']")
    shown.click(".document-list li button >> text=Northern Trade")
    shown.wait_for_selector("article.report")
    assert shown.locator("mark").all_text_contents() == [quotes[0]]


@pytest.mark.page
def test_on_a_telephone_a_footnote_opens_over_the_answer_and_two_ways_lead_back(
    trade: str, window: Any
) -> None:
    shown = window(trade, width=390)
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.evaluate("window.scrollY") == 0
    assert not shown.is_visible("#report"), "what nobody asked for covers nothing"
    for back in (lambda: shown.click("#back button"), shown.go_back):
        shown.click(".said button[data-marker='1']")
        shown.wait_for_selector("#report mark.current")
        assert shown.evaluate("document.querySelector('#right').getBoundingClientRect().top") == 0
        back()
        shown.wait_for_function("document.activeElement.dataset.marker === '1'")
        assert not shown.is_visible("#report")
    shown.click(".scope >> text=Show")
    shown.wait_for_selector(".document-list li >> nth=1")
    shown.click("#back button")
    ask(shown, "what of the moon landing")
    shown.wait_for_selector("#answer [data-turn='1'] .actions")
    shown.wait_for_function(
        "document.querySelector('#answer .asked').getBoundingClientRect().top < 60"
    )
    shown.click("text=Filters")
    shown.wait_for_selector("label:has-text('Section')")
    box = shown.locator("label:has-text('Section') input").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800, "the filters are in view"


@pytest.mark.page
def test_what_narrows_a_question_down_applies_to_the_next_one_and_is_said(
    trade: str, window: Any
) -> None:
    shown = window(trade)
    assert shown.inner_text(".scope") == "Searches all 2 documents Show"
    assert not shown.is_visible("text=Quoted speaker"), "it is out of the way"
    shown.check("[data-pick=south]")
    shown.wait_for_selector(".scope:has-text('Searches only 1 of 2 documents: Southern Trade')")
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    assert shown.inner_text(".said") == "Trade in grain fell by 12 percent in June.1"
    assert shown.inner_text(".narrowed") == "Only in 1 document"
    shown.click("text=Filters")
    shown.fill("#narrow label:has-text('From') input", "last May")
    shown.press("#narrow label:has-text('From') input", "Enter")
    shown.wait_for_selector(".status:has-text('is not a date')")
    assert shown.inner_text("#answer .asked") == BOTH, "the same question again"
    assert (
        shown.inner_text("#answer .status >> nth=1")
        == "'last May' is not a date; write it as 2023, 2023-03 or 2023-03-14."
    )
    assert shown.locator(".trouble").count() == 0
    shown.fill("#narrow label:has-text('From') input", "")
    shown.fill("#narrow label:has-text('Quoted speaker') input", " Nobody ")
    ask(shown, BOTH)
    shown.wait_for_selector("text=I found no passage")
    assert (
        shown.inner_text("#answer .narrowed")
        == "Only in 1 document · where this speaker is quoted: Nobody"
    )
    shown.wait_for_selector(".document-list")  # nothing stands beside what has no answer
    assert shown.is_checked("[data-pick=south]")
    shown.click(".scope >> text=Search all")
    shown.wait_for_selector(".scope:has-text('all 2 documents')")
    assert not shown.is_checked("[data-pick=south]")


@pytest.mark.page
def test_when_to_answer_begins_where_the_server_is_set_and_decides_what_is_answered(
    serve: Serve, window: Any
) -> None:
    shown = window(serve({"default": TRADE}, certainty=1.0))
    open_tab(shown, "Settings")
    assert shown.locator("#certainty label").all_inner_texts() == [
        "Answer more",
        "Balanced",
        "Only when sure",
        "As the server is set (1)",
    ]
    open_tab(shown, "Ask")
    ask(shown, BOTH)
    shown.wait_for_selector("text=I found no passage")
    open_tab(shown, "Settings")
    shown.check("#certainty label:has-text('Balanced') input")
    open_tab(shown, "Ask")
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    open_tab(shown, "Settings")
    shown.check("[data-theme][value=dark]")
    assert shown.locator("body.dark").count() == 1
    shown.reload()
    shown.wait_for_selector("body.dark")


@pytest.mark.page
def test_a_slash_leads_to_the_question_shift_and_enter_break_its_line_and_enter_asks_it(
    trade: str, window: Any
) -> None:
    shown = window(trade)
    shown.focus(".document-list button >> nth=0")
    shown.keyboard.press("/")
    box = shown.locator("#asking textarea")
    assert box.evaluate("box => box === document.activeElement")
    shown.keyboard.type("trade in grain/wool")
    shown.keyboard.press("Shift+Enter")
    shown.keyboard.type("by percent")
    assert box.input_value() == "trade in grain/wool\nby percent"
    assert shown.locator(".answer").count() == 0
    shown.keyboard.press("Enter")
    shown.wait_for_selector(".answer")
    assert shown.text_content(".asked") == "trade in grain/wool\nby percent"


@pytest.mark.page
def test_keys_lead_to_footnotes_and_back(trade: str, window: Any) -> None:
    shown = window(trade)
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    shown.keyboard.type("2")
    assert shown.input_value("#asking textarea") == "2", "where one is typing it is a letter"
    shown.fill("#asking textarea", "")
    for back in (lambda: shown.keyboard.press("Escape"), shown.go_back):
        shown.focus("#asking textarea")
        shown.keyboard.press("Escape")
        shown.keyboard.press("2")
        shown.wait_for_function(
            "document.activeElement.matches('[data-document=south] mark.current')"
        )
        back()
        shown.wait_for_function("document.activeElement.matches('sup [data-marker=\"2\"]')")


@pytest.mark.page
def test_an_answer_is_copied_with_its_footnotes_and_read_out_once(trade: str, window: Any) -> None:
    shown = window(trade)
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.evaluate(
        "window.heard = []; new MutationObserver(() => "
        "heard.push(document.querySelector('#spoken').textContent.trim()))"
        ".observe(document.querySelector('#spoken'), { childList: true })"
    )
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    shown.click("text=Copy with footnotes")
    shown.wait_for_selector("text=Copied")
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert "rose by 30 percent in May.[1]" in copied
    assert (
        '[2] "Trade in grain fell by 12 percent in June."\n    — Southern Trade (Grain, ¶' in copied
    )
    heard = " ".join(shown.evaluate("heard"))
    assert [heard.count(said) for said in ("rose by 30", "fell by 12")] == [1, 1]


@pytest.mark.page
def test_an_example_is_asked_with_a_click_and_examples_go_once_something_was_asked(
    serve: Serve, window: Any
) -> None:
    report = "The harbour\n\nThe harbour of Norr was opened in 1887. Nobody came."
    shown = window(serve({"default": {"harbour.txt": report}}))
    shown.click("#examples >> text=When was the harbour of Norr opened?")
    shown.wait_for_selector(".answer .footnotes")
    assert shown.inner_text(".asked") == "When was the harbour of Norr opened?"
    assert shown.locator("#examples li").count() == 0
    shown.click("text=New conversation")
    shown.wait_for_selector("#examples li")


@pytest.mark.page
def test_who_waits_for_the_model_is_told_how_many_are_before_him(serve: Serve, window: Any) -> None:
    model = EndlessModel("In May, trade in grain rose by 30 percent.")
    url = serve({"default": TRADE}, chat=model)
    first, second = window(url), window(url)
    model.may_go_on.clear()
    ask(first, NORTH)
    first.wait_for_selector(".said:has-text('30 percent')")
    ask(second, NORTH)
    second.wait_for_selector(".status:has-text('1 question before this one')")
    first.click("text=Stop")
    model.may_go_on.set()
    second.wait_for_selector(".said:has-text('30 percent')")


@pytest.mark.page
def test_stop_stops_the_model_in_the_middle_of_a_sentence_and_keeps_what_was_said(
    serve: Serve, window: Any
) -> None:
    model = EndlessModel("In May, trade in grain rose by 30 percent.")
    shown = window(serve({"default": TRADE}, chat=model))
    ask(shown, NORTH)
    shown.wait_for_selector(".said:has-text('30 percent')")
    assert shown.inner_text(".status") == "Reading the passages …"
    assert "Trade in grain rose by 30 percent in May." in shown.inner_text(".hits li >> nth=0")
    assert not model.stopped.is_set()
    shown.click("text=Stop")
    shown.wait_for_selector(".status:has-text('Stopped before the end of the answer.')")
    assert model.stopped.wait(60)
    assert "30 percent" in shown.inner_text(".said")
    assert shown.locator(".footnotes li").count() == 1, "what is kept has its proof"
    shown.wait_for_selector("#asking button:has-text('Ask')")
    shown.reload()
    shown.wait_for_selector(".said:has-text('30 percent')")


@pytest.mark.page
def test_closing_the_window_stops_its_model(serve: Serve, window: Any) -> None:
    model = EndlessModel("In May, trade in grain rose by 30 percent.")
    shown = window(serve({"default": TRADE}, chat=model))
    ask(shown, NORTH)
    shown.wait_for_selector(".said:has-text('30 percent')")
    shown.goto("about:blank")
    assert model.stopped.wait(60)


@pytest.mark.page
def test_two_windows_do_not_disturb_each_other_and_a_library_is_chosen_where_there_are_several(
    serve: Serve, window: Any
) -> None:
    url = serve(
        {
            "default": TRADE,
            "other": {"west.txt": "Western Trade\n\nTrade in wool rose by 5 percent."},
        }
    )
    first, second = window(url), window(url)
    second.click("[aria-label='Library']")
    second.click("[role=option] >> text=other")
    second.wait_for_selector(".document-list h2:has-text('1 document in the library other')")
    ask(first, BOTH)
    first.wait_for_selector(".footnotes")
    ask(second, "what of the moon landing")
    second.wait_for_selector("text=I found no passage")
    assert second.inner_text("#report h2") == "1 document in the library other"
    assert first.inner_text(".document-list h2, article h2") == "Northern Trade"
    assert first.locator(".footnotes li").count() == 2


@pytest.mark.page
def test_an_empty_question_and_a_missing_library_are_answered_in_a_sentence(
    serve: Serve, window: Any, tmp_path: Path
) -> None:
    shown = window(serve({}))
    assert "Which folder holds your reports?" in shown.inner_text("#report")
    ask(shown, "what of trade")
    shown.wait_for_selector("#answer .calm")
    settings = Settings(tmp_path / "indexes", "default", None, "", False)
    with Pipeline(settings, FakeModels()) as pipeline:
        (tmp_path / "report.txt").write_text("A Report\n\nTrade rose.", encoding="utf-8")
        list(pipeline.add([tmp_path / "report.txt"]))
    shown.reload()
    shown.wait_for_selector(".document-list")
    ask(shown, "  ")
    shown.wait_for_selector(
        ".status >> text=The question is empty; type a question in plain words."
    )


@pytest.mark.page
def test_a_poisoned_report_runs_nothing_and_fetches_nothing(serve: Serve, window: Any) -> None:
    poison = (
        " ".join(HOSTILE)
        + ' <img src="http://elsewhere.example/p.png"> <a href="javascript:alert(1)">x</a>'
    )
    heading = "Trade <Img Src=X Onerror=window.poisoned=1> Talks"
    told = f"Trade rose by 30 percent {HOSTILE[1]} in May {HOSTILE[9]}.[1]"
    text = f"{HOSTILE[1]}\n\n{poison}\n\n{heading}\n\n{told}\n\n{poison}\n\nNotes\n\n[1] {poison}\n"
    name = "x\"><img src=y onerror=alert(1)>'.txt"
    shown = window(
        serve({"default": {name: text}}, f"Trade rose by 30 percent {HOSTILE[1]} in May.")
    )
    shown.click("text=Filters")
    date = shown.locator("#narrow label:has-text('From') input")
    date.fill(HOSTILE[1])
    date.press("Tab")  # what was typed is taken
    ask(shown, f"trade by percent {HOSTILE[1]}")
    shown.wait_for_selector(f".status >> text='{HOSTILE[1]}' is not a date")
    date.fill("")
    ask(shown, f"trade by percent {HOSTILE[1]}")
    shown.wait_for_selector(".answer details, .trouble")
    for summary in shown.locator("#answer summary").all():
        summary.click()
    shown.click(".hits button >> nth=0")
    shown.wait_for_selector("article mark.current")
    assert HOSTILE[9] in shown.inner_text("article")
    assert shown.locator(".outline button").all_text_contents() == [heading, "Notes"]
    assert shown.locator("#report .reference").get_attribute("title") == poison
    open_tab(shown, "Conversations")
    shown.wait_for_selector(".conversations li")
    shown.click("text=Rename")
    shown.fill("[aria-label='New name']", poison[:200])
    shown.keyboard.press("Enter")
    shown.wait_for_function(
        "name => document.querySelector('.conversations li > button')?.textContent === name",
        arg=poison[:200].strip(),
    )
    open_tab(shown, "Library")
    shown.wait_for_selector(".holdings tbody tr")
    shown.set_input_files(
        "#files",
        [{"name": f"{HOSTILE[1]}.exe", "mimeType": "text/html", "buffer": HOSTILE[0].encode()}],
    )
    shown.wait_for_selector("#sent:has-text('kind of file cannot be read')")
    shown.click(".holdings [data-do=discard]")
    shown.wait_for_selector("dialog")
    assert HOSTILE[1] in shown.inner_text("dialog")
    shown.click("dialog button >> text=Keep")
    assert shown.evaluate("window.poisoned") is None
    assert (
        shown.locator(
            ":is(#answer, #report) :is(script, img, iframe, svg, style, link, object)"
        ).count()
        == 0
    )
    assert (
        shown.locator(
            "#page :is(script, img, iframe, style, link, object, a:not([href^='#'], "
            "[href^='/v1/'], [href='/docs']))"
        ).count()
        == 0
    )
