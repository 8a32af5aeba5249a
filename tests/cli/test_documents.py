import json
import sqlite3
from pathlib import Path

import pytest
from commands import main


def test_what_is_added_is_listed_and_what_is_removed_is_gone(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert (document["document"], document["title"], document["paragraphs"]) == (
        "trains",
        "Night Trains",
        1,
    )
    assert main(["remove", "trains"]) == 0
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_failed_is_told_once_more_at_the_end(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.txt").touch()
    assert main(["add", "empty.txt", "trains.txt"]) == 1
    reason = "empty.txt is empty, where a report was expected: check that the file was saved whole."
    assert capsys.readouterr().err.splitlines() == [
        f"   failed  {reason}",
        "    added  trains (1 passages)",
        "1 of 2 files are in the library 'default'.",
        "Not added:",
        f"  empty.txt: {reason}",
    ]


def test_a_library_is_checked_and_mended(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().out == "The library 'default' is whole.\n"
    with sqlite3.connect(library / "indexes" / "default" / "library.db") as database:
        database.execute("DELETE FROM vectors")
    assert main(["verify"]) == 4
    assert capsys.readouterr().out == "A vector of 'trains' is missing or has another dimension.\n"
    assert main(["verify", "--repair"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        "The library 'default' is whole.\n",
        "The passages of 'trains' were made again and embedded.\n",
    )
    with sqlite3.connect(library / "indexes" / "default" / "library.db") as database:
        database.execute("UPDATE documents SET text = 'Short.'")
    assert main(["verify", "--repair", "--json"]) == 4
    assert "A part of 'trains' lies outside its text." in json.loads(capsys.readouterr().out)


def test_status_names_the_library(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"] == 1


def test_the_samples_are_reports_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["add", "--samples", "--library", "samples"]) == 0
    *_, last = capsys.readouterr().err.splitlines()
    assert last == "6 of 6 files are in the library 'samples'."
