"""The page in a browser when its server ends and is started again."""

from pathlib import Path
from typing import Any

import pytest
from browsing import NORTH, TRADE, ask
from fakes import FakeModels

from rag import serve as server
from rag.config import Settings
from rag.pipeline import Pipeline


@pytest.mark.page
def test_a_page_goes_on_by_itself_once_its_server_was_started_again(
    window: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(
        tmp_path / "indexes", "default", None, embeddings="", generate=False, models=tmp_path
    )
    models = FakeModels()
    (tmp_path / "north.txt").write_text(TRADE["north.txt"], encoding="utf-8")
    with Pipeline(settings, models) as pipeline:
        list(pipeline.add([tmp_path / "north.txt"]))
    url, close = server.serve(settings, models, "127.0.0.1", None)
    shown = window(url)
    ask(shown, NORTH)
    shown.wait_for_url("**conversation=1")
    shown.fill("#asking textarea", "and what of")
    shown.evaluate("window.old = true")  # until it is loaded anew
    capfd.readouterr()
    close()
    assert capfd.readouterr().err == "", "ending with a page open is no error"
    shown.wait_for_selector("#lost:has-text('The server does not answer')")
    port = int(url.rstrip("/").rpartition(":")[2])
    _, close = server.serve(settings, models, "127.0.0.1", port)
    shown.wait_for_function(
        "!window.old && document.querySelector('#asking textarea')?.value === 'and what of'"
    )
    shown.wait_for_selector(".footnotes")
    assert shown.inner_text(".asked") == NORTH, "the conversation is there again"
    shown.wait_for_selector("#lost", state="hidden")
    ask(shown, "trade in grain by percent")
    shown.wait_for_selector("#answer [data-turn='1'] .footnotes")
    close()
