from io import StringIO

import pytest

from rag.cli.progress import Display


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


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
