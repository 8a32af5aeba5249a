"""The models at the page, in Chromium."""

from pathlib import Path
from typing import Any

import pytest
from browsing import TRADE, open_tab
from fakes import Serve
from gguf_files import write_gguf

pytestmark = pytest.mark.page


def test_a_model_is_added_used_and_removed(serve: Serve, window: Any, tmp_path: Path) -> None:
    shown = window(serve({"default": TRADE}))
    open_tab(shown, "Settings")
    shown.wait_for_selector(".models >> text=None yet.")
    shown.fill("#gguf", str(write_gguf(tmp_path / "tiny.gguf")))
    shown.press("#gguf", "Enter")
    shown.wait_for_selector(".models .status:has-text('Added tiny')")
    shown.click("[data-action=use][data-name=tiny]")
    shown.wait_for_selector(".models li:has-text('tiny'):has-text('in use')")
    shown.click("[data-action=remove][data-name=tiny]")
    shown.click("dialog button >> text=Remove")
    shown.wait_for_selector(".models >> text=None yet.")
    assert (tmp_path / "tiny.gguf").exists()


def test_a_download_is_asked_for_before_it_begins(serve: Serve, window: Any) -> None:
    shown = window(serve({"default": TRADE}))
    open_tab(shown, "Settings")
    shown.click("[data-action=pull] >> nth=0")
    shown.wait_for_selector("dialog >> text=Download qwen2.5-coder-0.5b (0.5 GB, Apache-2.0)?")
    shown.click("dialog button >> text=Keep")
    assert shown.locator(".models[data-busy]").count() == 0


def test_a_server_is_named_and_given_up(serve: Serve, window: Any) -> None:
    shown = window(serve({"default": TRADE}))
    open_tab(shown, "Settings")
    shown.locator("details.server").evaluate("form => form.open = true")
    shown.fill("#server", "127.0.0.1:8080")
    shown.fill("#server-model", "tiny")
    shown.press("#server-model", "Enter")
    shown.wait_for_selector("#models .trouble:has-text('is no address')")
    shown.locator("details.server").evaluate("form => form.open = true")
    shown.fill("#server", "http://127.0.0.1:8080/v1")
    shown.fill("#server-model", "tiny")
    shown.press("#server-model", "Enter")
    shown.wait_for_selector("text=From the next start on, tiny at http://127.0.0.1:8080/v1 writes")
    shown.click("text=Use no server")
    shown.wait_for_selector("[data-do=server]", state="detached")
