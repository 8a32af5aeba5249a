import sys
import threading
from io import StringIO

import pytest

from rag.cli.progress import Display, Waiting


class Terminal(StringIO):
    """A terminal that keeps what is written, and says when something is."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


def show(stream: StringIO) -> str:
    with Display(stream, "files") as display:
        display.done(0, 3)
        display.say("    added  [red]\x1b[31m‮trains (7 passages)")
        display.embedded(7)
        display.done(1, 3)
    return stream.getvalue()


def test_away_from_a_terminal_only_lines_are_written() -> None:
    assert show(StringIO()) == "    added  [red][31mtrains (7 passages)\n"


def test_a_terminal_shows_how_far_it_is_and_no_name_steers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    shown = show(Terminal())
    assert "    added  [red][31mtrains (7 passages)\n" in shown
    assert "\x1b[31m‮" not in shown
    assert "1/3" in shown
    assert "7 passages, " in shown


def test_a_command_that_is_quiet_for_long_says_what_it_does_and_takes_that_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Waiting("Searching", quiet=0):
        assert terminal.written.wait(60)
    shown = terminal.getvalue()
    assert shown.startswith("\rSearching … 0 s")
    assert shown.endswith("\r")
    assert shown.rsplit("\r", 2)[1].strip() == ""


def test_nothing_is_said_where_a_command_is_fast_or_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for terminal, quiet in ((Terminal(), 1000.0), (StringIO(), 0.0)):
        monkeypatch.setattr(sys, "stderr", terminal)
        with Waiting("Searching", quiet=quiet):
            pass
        assert terminal.getvalue() == ""
