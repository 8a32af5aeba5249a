import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import main
from fakes import Serve

from rag.cli.commands.serve import open_page


def test_serving_other_machines_without_a_token_is_wrong_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "The token that keeps others out at 0.0.0.0 is missing" in capsys.readouterr().err


def test_an_assistant_is_told_at_once_where_there_is_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["mcp", "--library", "nowhere"]) == 2
    assert "There is no library 'nowhere'" in capsys.readouterr().err


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was asked to open, on a machine with a display."""
    addresses: list[str] = []
    for name in ("WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


@pytest.mark.parametrize(
    ("change", "opens"),
    [
        (lambda patch: None, True),
        (lambda patch: patch.delenv("DISPLAY"), False),
        (lambda patch: patch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.1 22"), False),
    ],
    ids=["a display", "no display", "from another machine"],
)
def test_the_page_is_opened_only_where_it_can_be_seen(
    change: Callable[[pytest.MonkeyPatch], None],
    opens: bool,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(monkeypatch)
    open_page("http://127.0.0.1:7860/")
    assert opened == ["http://127.0.0.1:7860/"] * opens


def test_a_page_that_is_there_already_is_opened_and_signs_in(
    serve: Serve,
    opened: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = serve({"default": {"wool.txt": "Wool fell by 5 percent."}})
    monkeypatch.setenv("RAG_INDEXES", str(tmp_path / "indexes"))
    assert main(["token"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["serve", "--open"]) == 0
    assert opened == [f"{url}?token={token}"]
    assert f"The page is at {opened[0]} already." in capsys.readouterr().err
