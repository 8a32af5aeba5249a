"""Makes the pictures of the page in docs/: one session, from an empty library to a briefing.

`PYTHONPATH=. python scripts/pictures.py`. It needs Chromium.
"""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from rag import serve as server
from rag.config import Settings
from rag.models.registry import Models

DOCS = Path(__file__).parents[1] / "docs"
SESSION = DOCS / "session"
CHROMIUM = shutil.which("chromium") or "chromium"
AUCTION = "When is the first auction for large consumers under Estmark's new reserve law?"
QUOTED = "Who is quoted in The Missing Forty Thousand?"
MODEL = "What was wrong with the salinity model?"
UNKNOWN = "How many hospitals does Estmark have?"
EXAMPLES_PATIENCE = 90_000  # milliseconds
PATIENCE = 200_000  # milliseconds: a slow machine writes an answer in this time


def take(page: Page, file: Path, pointed: bool = False) -> None:
    """Write a picture of what is in view; `pointed`: of what the mouse points at, too."""
    if not pointed:
        page.mouse.move(0, 0)
    page.wait_for_timeout(900)
    page.screenshot(path=file)
    Image.open(file).quantize(128).save(file, optimize=True)  # of few colours, a third as large


def ask(page: Page, question: str) -> None:
    """Ask a question and wait for the whole answer."""
    turns = page.locator(".answer .actions").count()
    page.fill("#asking textarea", question)
    page.press("#asking textarea", "Enter")
    page.wait_for_function(
        "turns => document.querySelectorAll('.answer .actions').length > turns", arg=turns
    )


def open_tab(page: Page, name: str) -> None:
    page.click(f"[role=tab] >> text={name}")


def shot(page: Page, name: str, pointed: bool = False) -> None:
    """Take a picture of the session."""
    take(page, SESSION / f"{name}.png", pointed)


def begin(page: Page) -> str:
    """Take the first six pictures, from the empty library on; return the conversation's address."""
    page.wait_for_selector("#report .calm")
    if page.locator(".message").count():  # that a better writer fits
        page.wait_for_selector(".message", state="hidden")
    shot(page, "01-empty")
    page.click("text=Add the samples")
    page.wait_for_selector(".work:has-text('of 6')")
    shot(page, "02-adding")
    page.wait_for_selector(".work .done")
    page.wait_for_selector(".document-list li")
    open_tab(page, "Ask")
    with suppress(TimeoutError):  # a machine that has much to do shows them later
        page.wait_for_selector("#examples li", timeout=EXAMPLES_PATIENCE)
    shot(page, "03-documents")
    ask(page, AUCTION)
    page.wait_for_selector("article mark.current")
    shot(page, "04-answer")
    conversation = page.url
    page.hover(".said sup button >> nth=0")
    page.wait_for_selector("#preview:not([hidden])")
    shot(page, "05-footnote", pointed=True)
    page.click("text=Pin to notebook")
    page.wait_for_selector(".message:has-text('1 answer')")
    page.click("#report >> text=About")
    page.wait_for_selector(".document-page .brief")
    page.wait_for_selector(".message", state="hidden")
    shot(page, "06-about")
    page.click("#report >> text=All documents")
    return conversation


def go_on(browser: Browser, page: Page) -> None:
    """Take the other four pictures: a limited question, one without an answer, the notebook."""
    page.check("[data-pick=osk-dredging]")
    page.wait_for_selector(".scope.limited")
    start_anew(page)
    ask(page, MODEL)
    page.wait_for_selector("article mark.current")
    shot(page, "07-limited")
    page.click("text=Pin to notebook")
    page.wait_for_selector(".message:has-text('2 answers')")
    page.click(".scope >> text=Search all")
    start_anew(page)
    ask(page, UNKNOWN)
    page.wait_for_selector(".message", state="hidden")
    shot(page, "08-no-answer")
    start_anew(page)
    ask(page, QUOTED)
    page.click("#answer >> text=Pin to notebook")
    page.wait_for_selector(".message:has-text('3 answers')")
    page.click(".message >> text=Open the notebook")
    page.wait_for_selector("#answer [data-turn='2']")
    page.wait_for_selector(".message", state="hidden")
    page.locator("#answer [data-turn]").first.scroll_into_view_if_needed()
    shot(page, "09-notebook")
    with page.expect_download() as download:
        page.click("#head summary")
        page.click("#head a:has-text('HTML')")
    briefing = Path(download.value.path()).rename(SESSION / "briefing.html")
    take_briefing(browser, briefing)


def take_briefing(browser: Browser, briefing: Path) -> None:
    """Take the picture of what was exported, and remove that."""
    written = opened(browser, briefing.as_uri(), 1280, "light")
    take(written, SESSION / "10-briefing.png")
    written.close()
    briefing.unlink()


def start_anew(page: Page) -> None:
    """Begin a new conversation."""
    page.click("text=New conversation")
    page.wait_for_selector(".answer", state="detached")


def look_around(browser: Browser, page: Page, conversation: str) -> None:
    """Take the pictures of the page that stand by themselves."""
    page.goto(conversation)
    page.wait_for_selector("article mark.current")
    take(page, DOCS / "page.png")
    open_tab(page, "Library")
    page.wait_for_selector(".holdings .wide tbody tr")
    take(page, DOCS / "page-library.png")
    for name, width, scheme in (("dark", 1280, "dark"), ("narrow", 390, "light")):
        other = opened(browser, conversation, width, scheme)
        other.wait_for_selector(".footnotes")
        take(other, DOCS / f"page-{name}.png")
        other.close()


def main() -> None:
    SESSION.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = replace(Settings.from_environment(), indexes=Path(folder), library="default")
        url, close = server.serve(settings, Models(settings), "127.0.0.1", None)
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = opened(browser, url, 1280, "light")
        conversation = begin(page)
        go_on(browser, page)
        look_around(browser, page, conversation)
        browser.close()
        close()


def opened(browser: Browser, url: str, width: int, scheme: str) -> Page:
    """Return a window on the page."""
    height = 800 if width > 900 else 844
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    return page


if __name__ == "__main__":
    main()
