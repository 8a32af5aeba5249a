"""The page in a browser: reports, libraries and the documents they hold."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import BOTH, FILLER, TRADE, ask, open_tab
from fakes import Serve
from reportlab.pdfgen.canvas import Canvas


@pytest.mark.page
@pytest.mark.parametrize("width", [1280, 390])
def test_an_outline_leads_to_a_heading_and_leaves_the_page_as_it_is(
    serve: Serve, window: Any, width: int
) -> None:
    text = f"# Trade\n\n{FILLER}\n\n## Grain\n\n{FILLER}\n\n## Rye and Oats\n\n{FILLER}\n"
    shown = window(serve({"default": {"trade.md": text}}), width=width)
    ask(shown, "the harbour of district 7 was quiet")
    shown.wait_for_url("**conversation=1")
    shown.click(".said button[data-marker='1']")
    shown.click("#report nav >> text=Outline")
    shown.click(".outline >> text=Rye and Oats")
    heading = shown.locator("h4 >> text=Rye and Oats")
    shown.wait_for_function("document.activeElement.matches('h4')")
    box = heading.bounding_box()
    assert box is not None
    assert 100 < box["y"] < 500
    assert "conversation=1" in shown.url, "the conversation is still there"
    assert shown.locator(".answer .footnotes").count() == 1
    shown.click("#report nav >> text=Outline")
    shown.click("#report nav >> text=Outline")
    assert shown.is_visible(".outline >> text=Grain")


@pytest.mark.page
def test_an_empty_library_asks_for_the_folder_of_the_reports(
    serve: Serve, window: Any, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    for name, text in TRADE.items():
        (tmp_path / "reports" / name).write_text(text, encoding="utf-8")
    shown = window(serve({}))
    for folder in ("reports", str(tmp_path / "none")):
        shown.fill("#first-folder", folder)
        shown.press("#first-folder", "Enter")
        shown.wait_for_selector(f"#tabs .trouble:has-text('{folder}')")
    shown.fill("#first-folder", str(tmp_path / "reports"))
    shown.press("#first-folder", "Enter")
    shown.wait_for_selector(".document-list li >> nth=1")
    assert shown.locator("[role=tab][aria-selected=true]").inner_text() == "Library"


@pytest.mark.page
def test_reports_are_sent_added_from_a_folder_told_of_after_a_reload_and_removed(
    serve: Serve, window: Any, tmp_path: Path
) -> None:
    shown = window(serve({}))
    open_tab(shown, "Library")
    files = {"north.txt": TRADE["north.txt"].encode(), "empty.txt": b"", "program.exe": b"MZ"}
    shown.set_input_files(
        "#files",
        [
            {"name": name, "mimeType": "text/plain", "buffer": content}
            for name, content in files.items()
        ],
    )
    shown.wait_for_selector("#sent:has-text('program.exe: This kind of file cannot be read')")
    shown.wait_for_selector(".work .added:has-text('north.txt · added')")
    shown.wait_for_selector(".work .failed:has-text('empty.txt · not added')")
    assert len(shown.inner_text(".work .failed p >> nth=1")) > 20, "the reason is said"
    shown.wait_for_selector(".document-list >> text=Northern Trade")
    assert shown.locator("#sent li").count() == 1
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "south.txt").write_text(TRADE["south.txt"], encoding="utf-8")
    shown.fill("#folder", "more")
    shown.press("#folder", "Enter")
    shown.wait_for_selector("text='more' is not the full path of a folder")
    shown.fill("#folder", str(folder))
    shown.press("#folder", "Enter")
    shown.wait_for_selector(".work .done:has-text('1 of 1 files are in the library')")
    shown.reload()
    shown.wait_for_selector(".document-list")
    open_tab(shown, "Library")
    shown.wait_for_selector(".work .added:has-text('north.txt · added')")
    shown.wait_for_selector(".holdings > p:has-text('2 documents ·')")
    shown.click("tr:has-text('Northern Trade') >> text=Remove")
    shown.click("dialog button >> text=Keep")
    shown.click("tr:has-text('Northern Trade') >> text=Remove")
    shown.click("dialog button >> text=Remove")
    shown.wait_for_selector(".document-list h2:has-text('1 document in the library default')")
    shown.wait_for_selector(".holdings > p:has-text('1 document ·')")
    assert shown.locator(".holdings .wide tbody button").all_inner_texts() == [
        "Southern Trade",
        "Remove",
    ]
    assert shown.locator(".work .added").count() == 0, "what was removed was not added any more"
    shown.click("text=Verify the library")
    shown.wait_for_selector(".work >> text=No fault was found in the library.")
    shown.click(".work >> text=Dismiss")
    shown.wait_for_selector(".work", state="detached")


@pytest.mark.page
def test_another_library_is_made_and_chosen(serve: Serve, window: Any) -> None:
    shown = window(serve({"default": TRADE}))
    open_tab(shown, "Library")
    shown.wait_for_selector(".holdings")
    for name, why in (
        ("../x", "cannot name a library"),
        ("default", "There is a library 'default' already"),
    ):
        shown.fill("#make", name)
        shown.press("#make", "Enter")
        shown.wait_for_selector(f'#tabs .trouble:has-text("{why}")')
    shown.fill("#make", "wool")
    shown.press("#make", "Enter")
    shown.wait_for_selector(".holdings h2:has-text('wool')")
    shown.wait_for_selector("#report >> text=No documents yet")
    assert shown.input_value("[aria-label='Library']") == "wool"
    shown.click("text=Rename or delete this library")
    shown.fill("#new-name", " Trade in  wool ")
    shown.press("#new-name", "Enter")
    shown.wait_for_selector(".holdings h2:has-text('Trade in wool')")
    assert shown.input_value("[aria-label='Library']") == "Trade in wool"
    shown.click("text=Rename or delete this library")
    shown.click("text=Delete the library")
    shown.wait_for_selector("dialog:has-text('Delete the library “Trade in wool”?')")
    shown.click("dialog button >> text=Keep")
    shown.click("text=Delete the library")
    shown.click("dialog .grave")
    shown.wait_for_selector(".holdings h2:has-text('default')")
    assert not shown.is_visible("[aria-label='Library']"), "one is left"


@pytest.mark.page
@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (640, False), (390, True)]
)
def test_no_tab_has_a_barrier_or_is_wider_than_the_screen(
    serve: Serve, window: Any, width: int, dark: bool
) -> None:
    """1280 pixels at a zoom of 200 % are 640."""
    shown = window(serve({"default": TRADE}), width=width, dark=dark)
    assert shown.locator("body.dark, .dark").count() == dark

    def look() -> None:
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(shown).response["violations"]
        assert [
            (v["id"], v["nodes"][0]["html"])
            for v in found
            if v["impact"] in ("serious", "critical")
        ] == []

    look()
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    shown.click("text=Filters")
    shown.click("summary:has-text('passages read')")
    look()
    if width > 900:
        shown.click(".said button[data-marker='1']")  # the document is open, whatever came before
        shown.click("#report nav >> text=About")
        shown.wait_for_selector(".document-page")
        look()
        shown.click("#report >> text=All documents")
        shown.wait_for_selector(".document-list")
        look()
    open_tab(shown, "Conversations")
    shown.wait_for_selector(".conversations li")
    look()
    open_tab(shown, "Library")
    shown.wait_for_selector(".holdings .wide tr")
    shown.click("text=Verify the library")
    shown.wait_for_selector(".work li")
    look()
    open_tab(shown, "Settings")
    shown.wait_for_selector(".models h3")
    look()


@pytest.mark.page
def test_the_printed_page_is_shown_with_the_text_and_without_its_file_the_text_alone(
    serve: Serve, window: Any, tmp_path: Path
) -> None:
    canvas = Canvas(str(tmp_path / "crane.pdf"))
    for line, text in enumerate(
        ["The Harbour", "", "The new crane lifts 640 tonnes.", "It is yellow."]
    ):
        canvas.drawString(72, 760 - 20 * line, text)
    canvas.showPage()
    canvas.drawString(72, 760, "The second page says nothing of cranes.")
    canvas.save()
    shown = window(serve({"default": TRADE}))
    open_tab(shown, "Library")
    shown.set_input_files("#files", str(tmp_path / "crane.pdf"))
    shown.wait_for_selector(".work .added")
    open_tab(shown, "Ask")
    ask(shown, "the new crane lifts tonnes")
    shown.wait_for_selector("#report .printed img")
    shown.wait_for_function("document.querySelector('.printed img').naturalWidth > 500")
    mark, sheet = (
        shown.locator(".printed span.current").bounding_box(),
        shown.locator(".printed img").bounding_box(),
    )
    assert mark is not None
    assert sheet is not None
    assert 0.05 < (mark["y"] - sheet["y"]) / sheet["height"] < 0.15, "it lies on the line"
    assert shown.inner_text(".cited output") == "Citation 1 of 1"
    assert shown.is_disabled("[data-leaf='-1']"), "it is the first page"
    shown.click("[data-leaf='1']")
    shown.wait_for_function("document.querySelector('.printed img').src.includes('pages/2.png')")
    assert not shown.is_visible(".printed span.current"), "nothing on this page is cited"
    shown.click("[data-zoom='1']")
    assert shown.inner_text(".printed output") == "125 %"
    wide = shown.locator(".printed img").bounding_box()
    assert wide is not None
    assert wide["width"] > 1.2 * sheet["width"]
    shown.fill("[data-leaf-to]", "1")
    shown.press("[data-leaf-to]", "Enter")
    shown.wait_for_selector(".printed span.current")
    shown.fill("[data-within]", "CRANE lifts")
    shown.wait_for_selector(".within output:has-text('1 of 1')")
    shown.fill("[data-within]", "no such words")
    shown.wait_for_selector(".within output:has-text('none')")
    for copy in (tmp_path / "indexes" / "default" / "files").iterdir():
        copy.unlink()
    shown.context.clear_cookies()
    shown.reload()
    shown.wait_for_selector("article mark.current")
    shown.wait_for_selector(".printed", state="detached")
    assert "640 tonnes" in shown.inner_text("mark.current")
