"""What the tests of the commands share."""

from pathlib import Path

import pytest
from commands import TRAINS, main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trains.txt").write_text(TRAINS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def library(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["add", "trains.txt"]) == 0
    capsys.readouterr()
    return folder
