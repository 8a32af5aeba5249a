import json
from pathlib import Path

import pytest
from conftest import FakeModels

from rag.cli import main

TRAINS = "Night Trains\n\nThe night train to Brennau stops seventeen times. It leaves at nine."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one report, in which `rag` uses the fakes and no language model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rag.pipeline.Models", lambda settings: FakeModels())
    (tmp_path / "trains.txt").write_text(TRAINS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def library(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["add", "trains.txt"]) == 0
    capsys.readouterr()
    return folder


def test_what_is_added_is_listed_and_what_is_removed_is_gone(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert (document["document"], document["title"], document["paragraphs"]) == ("trains", "Night Trains", 1)
    assert main(["remove", "trains"]) == 0
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_answer_goes_to_stdout_and_everything_else_to_stderr(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "How often stops the night train to Brennau?"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("The night train to Brennau stops seventeen times.[1]")
    assert '\n\n[1] "The night train to Brennau stops seventeen times.' in out
    assert err.startswith("Reading\n  Night Trains (¶1)")


def test_the_json_of_an_answer_is_one_value(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--json", "How often stops the night train to Brennau?"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["mode"], answer["citations"][0]["document"]) == ("extractive", "trains")


def test_an_abstention_is_exit_code_three(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "Who painted the ceiling of a chapel?"]) == 3
    assert capsys.readouterr().out.startswith("The reports do not answer this. The nearest passages:")


def test_search_prints_passages(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "-k", "1", "--json", "night train"]) == 0
    (hit,) = json.loads(capsys.readouterr().out)
    assert (hit["document"], hit["found_by"]) == ("trains", "both")


def test_status_names_the_library(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"] == 1


def test_a_batch_is_answered_in_order_with_its_ids(library: Path) -> None:
    lines = [
        {"id": "a", "question": "How often stops the night train to Brennau?"},
        {"id": "b", "question": "nine?", "history": [{"role": "user", "text": "it leaves at"}]},
    ]
    Path("q.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    assert main(["ask", "--batch", "q.jsonl", "--out", "p.jsonl"]) == 0
    predictions = [json.loads(line) for line in Path("p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [p["id"] for p in predictions] == ["a", "b"]
    assert "It leaves at nine.[1]" in predictions[1]["answer"]
    assert not Path("p.jsonl.part").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add", "nowhere"], 2, "There is no file or folder 'nowhere'"),
        (["add"], 2, "Nothing to add was named"),
        (["add", "binary.txt"], 1, "binary.txt is binary inside"),
        (["add", "empty.txt"], 1, "empty.txt is empty"),
        (["add", "--library", "../up", "trains.txt"], 2, "'../up'"),
        (["remove", "train"], 2, "trains"),
        (["ask", ""], 2, "The question is empty"),
        (["ask"], 2, "No question was given"),
        (["ask", "w" * 10_000], 2, "The question has 10,000 characters, at most 2,000 are read"),
        (["ask", "--library", "other", "Who?"], 4, "other"),
        (["search", ""], 2, "The question is empty"),
        (["ask", "--batch", "q.jsonl"], 2, "--out"),
        (["ask", "--batch", "nowhere.jsonl", "--out", "p.jsonl"], 2, "nowhere.jsonl cannot be read"),
        (["ask", "--batch", "bad.jsonl", "--out", "p.jsonl"], 2, "Line 2 of bad.jsonl is not a question"),
    ],
)
def test_bad_input_gets_one_clear_sentence_and_an_exit_code(
    library: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    Path("binary.txt").write_bytes(b"a\x00b" * 50)
    Path("empty.txt").touch()
    Path("q.jsonl").write_text('{"id": 1, "question": "Who?"}\n')
    Path("bad.jsonl").write_text('{"id": 1, "question": "Who?"}\n{"question": 7}\n')
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert out == ""
    assert not Path("p.jsonl").exists()


def test_without_a_library_one_is_told_how_to_make_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "Who?"]) == 4
    assert "rag add" in capsys.readouterr().err
    assert not (folder / "indexes").exists()


@pytest.mark.parametrize("arguments", [["nonsense"], [], ["search", "-k", "0", "Who?"]])
def test_wrong_use_is_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_ctrl_c_ends_with_one_sentence(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.pipeline.search", interrupted)
    assert main(["ask", "Who?"]) == 130
    assert capsys.readouterr().err == "rag: stopped; what was finished is kept.\n"
