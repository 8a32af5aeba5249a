"""A browser, its windows on the page, and a server that the tests of a module share."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import TRADE
from fakes import FakeModels
from visit import CHROMIUM, CHROMIUM_OPTIONS

from rag import serve as server
from rag.config import Settings
from rag.pipeline import Pipeline


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
        shown.wait_for_selector("#report :is(.document-list, .calm, article)", state="attached")
        return shown

    yield open_window
    for url, shown, log in windows:
        shown.context.close()
        assert [
            entry for entry in log if not entry.startswith((url.partition("?")[0], "data:"))
        ] == []


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a page over two reports, for tests that change nothing but conversations."""
    folder = tmp_path_factory.mktemp("trade")
    (folder / "reports").mkdir()
    for name, text in TRADE.items():
        (folder / "reports" / name).write_text(text, encoding="utf-8")
    settings = Settings(
        folder / "indexes", "default", None, embeddings="", generate=False, models=folder / "models"
    )
    models = FakeModels()
    with Pipeline(settings, models) as pipeline:
        list(pipeline.add([folder / "reports"]))
    url, close = server.serve(settings, models, "127.0.0.1", None)
    yield url
    close()
