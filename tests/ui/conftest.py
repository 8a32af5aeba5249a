"""A browser, and its windows on the page."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from visit import CHROMIUM, CHROMIUM_OPTIONS


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"the page is not tested in a browser: there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_OPTIONS.split()
        )
        yield chromium
        chromium.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a window; at the end none may have seen an error, or asked any host but the page's
    own.
    """
    windows: list[tuple[str, Any, list[str]]] = []

    def open_window(url: str, width: int = 1280, dark: bool = False) -> Any:
        scheme = "dark" if dark else "light"
        shown = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme
        ).new_page()
        shown.set_default_timeout(60_000)  # only a failure waits so long, on a machine that is busy
        log: list[str] = []
        shown.on("request", lambda request: log.append(request.url))
        shown.on("pageerror", lambda error: log.append(f"error: {error}"))
        shown.on("dialog", lambda dialog: log.append(f"dialog: {dialog.message}"))
        windows.append((url, shown, log))
        shown.goto(url)
        shown.wait_for_selector("#report :is(.report-list, .calm, article)")
        return shown

    yield open_window
    for url, shown, log in windows:
        shown.context.close()
        assert [
            entry for entry in log if not entry.startswith((url.partition("?")[0], "data:"))
        ] == []
