from pathlib import Path

import pytest
from commands import main


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
