import json
from pathlib import Path

import pytest
from commands import NIGHT, main


def test_a_conversation_is_kept_gone_on_with_found_renamed_and_removed(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def listed(*words: str) -> list[tuple[str, int]]:
        assert main(["conversations", "--json", *words]) == 0
        return [(c["name"], c["turns"]) for c in json.loads(capsys.readouterr().out)]

    assert main(["ask", "--conversation", "0", NIGHT]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("The night train to Brennau stops seventeen times.[1]")
    assert err.endswith("Kept in the conversation 1.\n\n")
    assert main(["ask", "--json", "--conversation", "1", "It leaves at nine?"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["conversation"] == 1
    assert listed() == listed("BRENNAU", "nine") == [(NIGHT, 2)]
    assert listed("walrus") == []
    assert main(["conversations", "--rename", "1", "Night", "trains"]) == 0
    assert main(["conversations"]) == 0
    assert capsys.readouterr().out.endswith("Z  2 answers  Night trains\n")
    assert main(["conversations", "--show", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{NIGHT}\n\nThe night train to Brennau stops seventeen times.[1]")
    assert "\n\nIt leaves at nine?\n\n" in shown
    assert main(["conversations", "--remove", "1"]) == 0
    assert listed() == []


def test_a_follow_up_leans_on_what_was_asked_in_its_conversation(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = "The night train to Brennau stops seventeen times?"
    assert main(["ask", first, "--conversation", "0"]) == 0
    assert main(["ask", "And by day?"]) == 3
    assert main(["ask", "And by day?", "--conversation", "1"]) == 0
    capsys.readouterr()
    assert main(["conversations", "--show", "1", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [a["question"] for a in answers] == [first, "And by day?"]


def test_a_conversation_is_exported_by_suffix_and_checked(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", NIGHT, "--conversation", "0"]) == 0
    for suffix, begins in [
        ("md", b"# How often"),
        ("html", b"<!doctype html>"),
        ("docx", b"PK"),
        ("JSON", b"{"),
    ]:
        assert main(["conversations", "--show", "1", "--out", f"night.{suffix}"]) == 0
        assert Path(f"night.{suffix}").read_bytes().startswith(begins)
    capsys.readouterr()
    assert main(["check", "night.JSON"]) == 0
    assert capsys.readouterr().out.startswith(
        "  supported  The night train to Brennau stops seventeen times."
    )
    assert main(["conversations", "--show", "1", "--out", "night.pdf"]) == 2
    assert "end it with one of .md, .html, .docx, .json" in capsys.readouterr().err
    assert main(["conversations", "--show", "1", "--out", "nowhere/night.md"]) == 2
    assert (
        "'nowhere/night.md' cannot be written (No such file or directory)"
        in capsys.readouterr().err
    )
    assert not list(library.glob("*.part"))
