"""What `rag doctor` finds, and what it makes of that."""

import json
import sys
from pathlib import Path

import pytest
from commands import main
from fakes import Serve

from rag import config
from rag.cli.output import coloured
from rag.models import llm

LOOKED_AT = [
    "version",
    "embedding model",
    "reader",
    "language model",
    "libraries",
    "cache",
    "memory",
    "page",
]


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """Return the state of each thing that was looked at, and what was found."""
    findings = json.loads(capsys.readouterr().out)
    return {finding["what"]: (finding["state"], finding["found"]) for finding in findings}


def test_each_thing_has_one_line_and_a_good_machine_exit_code_zero(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[6:24].strip() for line in lines] == LOOKED_AT
    assert "default" in lines[LOOKED_AT.index("libraries")]
    assert "\033" not in "".join(lines)


def test_a_folder_that_cannot_be_used_fails_with_the_setting_that_helps(
    library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_INDEXES", str(library / "trains.txt"))
    monkeypatch.setenv("RAG_CACHE", str(library / "trains.txt" / "cache"))
    assert main(["doctor", "--json"]) == 4
    states = found(capsys)
    assert states["libraries"][0] == states["cache"][0] == "fails"
    assert states["libraries"][1].endswith("is not a folder; set RAG_INDEXES to another")


def test_a_damaged_list_of_models_fails_and_the_rest_is_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "models.json").write_text("{", encoding="utf-8")
    monkeypatch.setenv("RAG_MODELS", str(folder / "models"))
    assert main(["doctor", "--json"]) == 4
    states = found(capsys)
    assert states["language model"][0] == "fails"
    assert [what for what, (state, _) in states.items() if state == "fails"] == ["language model"]


def test_a_language_model_that_is_missing_is_noted_with_what_brings_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(llm, "missing_for", lambda _: "llama-cpp-python is not installed")
    assert main(["doctor", "--json"]) == 0
    state, told = found(capsys)["language model"]
    assert state == "note"
    assert told.endswith("to have one: pip install 'rag-reports[llm]'")


def test_a_page_that_runs_is_named(
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAG_INDEXES", str(tmp_path / "indexes"))
    assert main(["doctor", "--json"]) == 0
    assert found(capsys)["page"][1].startswith("not running; port 7860 is ")
    url = serve({})
    assert main(["doctor", "--json"]) == 0
    assert found(capsys)["page"] == ("ok", f"runs at {url}")


def test_colours_are_for_terminals_that_show_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("ok", "green") == "ok"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert coloured("ok", "green") == "\033[32mok\033[0m"
    monkeypatch.setenv("TERM", "dumb")
    assert coloured("ok", "green") == "ok"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("ok", "green") == "ok"


def test_libraries_that_an_earlier_version_made_are_offered(
    library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = library / "checkout"
    (checkout / "rag").mkdir(parents=True)
    (library / "indexes").rename(checkout / "indexes")
    monkeypatch.setattr(config, "__file__", str(checkout / "rag" / "config.py"))
    assert main(["doctor", "--json"]) == 0
    state, told = found(capsys)["libraries"]
    assert state == "note"
    offered = f"older ones lie in {checkout / 'indexes'} (default): move their folders"
    assert offered in told
    assert main(["status"]) == 0
    assert offered in capsys.readouterr().err
    monkeypatch.setenv("RAG_INDEXES", str(checkout / "indexes"))
    assert main(["doctor", "--json"]) == 0
    assert found(capsys)["libraries"][0] == "ok"
