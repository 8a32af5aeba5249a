"""The page in a browser: the list of documents, a document's own page, the panes."""

from typing import Any

import pytest
from browsing import BOTH, NORTH, TRADE, ask
from fakes import Serve


@pytest.mark.page
def test_documents_are_found_sorted_opened_described_and_corrected(
    serve: Serve, window: Any
) -> None:
    dated = {
        "north.txt": TRADE["north.txt"].replace("Northern Trade", "Northern Trade\n\n1 May 2024"),
        "south.txt": TRADE["south.txt"],
        "wool.txt": "Wool\n\n3 June 2021\n\nThe wool of the north was sold in 1887 by two men.",
    }
    shown = window(serve({"default": dated}))

    def titles() -> list[str]:
        found: list[str] = shown.locator(
            ".document-list li:not([hidden]) div button"
        ).all_inner_texts()
        return found

    assert shown.inner_text(".document-list header p") == "1 document without a date"
    assert titles() == ["Northern Trade", "Southern Trade", "Wool"]
    shown.select_option("[data-sort]", "oldest")
    assert titles() == ["Wool", "Northern Trade", "Southern Trade"], "undated ones come last"
    shown.fill("[data-sift]", "TRADE 2024")
    assert titles() == ["Northern Trade"]
    shown.check("[data-pick-all]")
    shown.wait_for_selector(".scope:has-text('only 1 of 3 documents: Northern Trade')")
    shown.fill("[data-sift]", "nothing like it")
    assert shown.is_visible("text=No document fits.")
    shown.fill("[data-sift]", "")
    assert shown.evaluate("document.querySelector('[data-pick-all]').indeterminate")
    shown.click(".document-list >> text=Wool")
    shown.click("#report nav >> text=About")
    shown.wait_for_selector(".document-page:not([data-busy])")
    assert "2021-06-03" in shown.inner_text(".document-page dl")
    shown.click("text=Correct the title or the date")
    shown.fill(".document-page [name=date]", "June")
    shown.press(".document-page [name=date]", "Enter")
    shown.wait_for_selector(".trouble:has-text('is not a date')")
    shown.click("text=Correct the title or the date")
    shown.fill(".document-page [name=title]", "Wool of the North")
    shown.fill(".document-page [name=date]", "2022")
    shown.press(".document-page [name=date]", "Enter")
    shown.wait_for_selector(".document-page h2:has-text('Wool of the North')")
    assert "2022" in shown.inner_text(".document-page dl")
    shown.click("#report nav >> text=All documents")
    shown.wait_for_selector(".document-list li:has-text('Wool of the North')")


@pytest.mark.page
def test_citations_follow_each_other_and_the_panes_are_widened_by_keys_and_by_dragging(
    trade: str, window: Any
) -> None:
    shown = window(trade)
    ask(shown, BOTH)
    shown.wait_for_selector("article mark.current")
    assert shown.inner_text(".cited output") == "Citation 1 of 2"
    for title, said in (("Southern Trade", "2 of 2"), ("Northern Trade", "1 of 2")):
        shown.click("[aria-label='Next citation']")
        shown.wait_for_selector(f"#report h2:has-text('{title}')")
        shown.wait_for_selector(f".cited output:has-text('{said}')")
    shown.hover(".said sup button >> nth=1")
    shown.wait_for_selector("#preview:has-text('fell by 12 percent')")
    box = shown.locator(".said sup button >> nth=1").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    named = shown.get_attribute(".said sup button >> nth=1", "aria-label")
    assert named.startswith("Footnote 2: show Southern Trade")
    shown.focus(".footnotes summary >> nth=0")
    shown.keyboard.press("Enter")
    assert shown.is_visible(".footnotes blockquote >> nth=0")
    assert not shown.is_visible(".footnotes blockquote >> nth=1")

    def width() -> float:
        found = shown.locator("#left").bounding_box()
        assert found is not None
        return float(found["width"])

    before = width()
    shown.focus("#divider")
    shown.keyboard.press("ArrowRight")
    assert 20 < width() - before < 32, "two percent of the window"
    shown.mouse.move(width(), 300)
    shown.mouse.down()
    shown.mouse.move(500, 300)
    shown.mouse.up()
    assert abs(width() - 500) < 8
    shown.click("[data-wide]")
    assert not shown.is_visible("#left")
    shown.click("[data-wide]")
    assert shown.is_visible("#left")
    assert shown.evaluate("document.documentElement.scrollHeight - innerHeight") == 0


@pytest.mark.page
def test_a_folder_and_its_files_are_dropped_anywhere_on_the_page(serve: Serve, window: Any) -> None:
    shown = window(serve({}))
    shown.evaluate(
        """texts => {
          const transfer = new DataTransfer();
          for (const [name, text] of Object.entries(texts))
            transfer.items.add(new File([text], name));
          document.querySelector("#report").dispatchEvent(
            new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        {"north.txt": TRADE["north.txt"], "again.txt": TRADE["north.txt"], "movie.mp4": "x"},
    )
    shown.wait_for_selector("#sent:has-text('movie.mp4: This kind of file cannot be read')")
    shown.wait_for_selector(".work:has-text('2 files · ')")
    said = shown.inner_text(".work header")
    assert "1 added" in said
    assert "1 already there" in said
    shown.wait_for_selector(".document-list li")
    shown.click("[role=tab] >> text=Ask")
    ask(shown, NORTH)
    shown.wait_for_selector(".footnotes")
