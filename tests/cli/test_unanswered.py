import json
from pathlib import Path

import pytest
from commands import main

CHAPEL = "Who painted the ceiling of a chapel?"


def test_a_question_without_an_answer_is_kept_answered_later_and_removed(
    library: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["ask", CHAPEL]) == 3
    capsys.readouterr()
    assert main(["unanswered"]) == 0
    assert capsys.readouterr().out.endswith(f"Z  open  {CHAPEL}\n")
    report = tmp_path / "chapel.txt"
    report.write_text("Chapels\n\nThis one painted the ceiling of a chapel.", encoding="utf-8")
    assert main(["add", str(report)]) == 0
    assert f"now answered: {CHAPEL}\n" in capsys.readouterr().err
    assert main(["unanswered", "--json"]) == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert kept["question"] == CHAPEL
    assert kept["answered"]
    assert main(["unanswered", "--clear"]) == 0
    assert main(["unanswered"]) == 0
    assert capsys.readouterr().out == "\n"
