import json
from pathlib import Path

import pytest
from commands import TRAINS, main

from rag.evaluation.benchmark import Measurement


def confirm_all(folder: Path) -> None:
    """Remove the marks from what `rag eval --make set` has proposed, as a person would."""
    questions = folder / "set" / "questions.jsonl"
    questions.write_text(
        questions.read_text(encoding="utf-8").replace(', "proposed": true', ""), encoding="utf-8"
    )


def test_a_set_is_made_of_a_library_and_measured(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("typed.txt").write_text(
        "The night train to Brennau stops?\n\nWho painted a chapel?\n", encoding="utf-8"
    )
    assert main(["eval", "--make", "set", "--questions", "typed.txt"]) == 0
    assert capsys.readouterr().err.startswith("2 questions about the library 'default' are in set;")
    assert main(["eval", "set"]) == 2
    assert "All 2 questions of 'set' are marked \"proposed\"" in capsys.readouterr().err
    confirm_all(library)
    assert main(["eval", "set", "--json", "--out", "p.jsonl"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["figures"]["recall@1"] == {"value": 1, "low": 1, "high": 1, "questions": 1}
    assert (report["set"], report["questions"], report["unanswerable"]) == ("set", 2, 1)
    assert set(report["seconds"]["total"]) == {"p50", "p95"}
    assert err == "\r1 of 1 documents\n\r1 of 2 questions\r2 of 2 questions\n"
    predictions = [
        json.loads(line) for line in Path("p.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(p["id"], p["abstained"]) for p in predictions] == [
        ("typed-001", False),
        ("typed-002", True),
    ]
    assert not list(library.glob("*.part"))


def test_figures_are_printed_as_a_table_and_as_a_row(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("trains.txt").write_text(TRAINS.replace("seventeen", "17"), encoding="utf-8")
    assert main(["add", "trains.txt"]) == 0
    assert main(["eval", "--make", "set"]) == 0
    capsys.readouterr()
    assert main(["eval", "set", "--limit", "1", "--retrieval-only"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "recall@1           1.000  1.000–1.000  of 1"
    assert main(["eval", "set", "--markdown"]) == 0
    head, rule, row = capsys.readouterr().out.splitlines()
    assert head.startswith("| set | questions | recall@1 |")
    assert row.startswith("| set | 1 | 1.000 |")
    assert head.count("|") == rule.count("|") == row.count("|")


def test_speed_is_printed_beside_its_reference(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    rows = [
        Measurement("encode", 30, "chunks/s", "the other", 20),
        Measurement("dense", 1.234, "ms"),
    ]
    monkeypatch.setattr(
        "rag.evaluation.benchmark.bench",
        lambda settings, models, own, say, size: asked.append((settings.library, own)) or rows,
    )
    assert main(["bench"]) == 0
    assert (
        capsys.readouterr().out
        == "encode  30.00 chunks/s  1.50 × 20.00 chunks/s of the other\ndense   1.23 ms\n"
    )
    assert main(["bench", "--json", "--library", "mine"]) == 0
    assert [row["ratio"] for row in json.loads(capsys.readouterr().out)] == [1.5, None]
    assert asked == [("default", False), ("mine", True)]
