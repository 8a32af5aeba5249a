import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from fakes import FakeModels

import rag
from rag.cli import main as command_line
from rag.config import Settings
from rag.evaluation.benchmark import Row

TRAINS = "Night Trains\n\nThe night train to Brennau stops seventeen times. It leaves at nine."


def main(arguments: Sequence[str]) -> int:
    """Run a command with the fakes and no language model."""
    return command_line.main(arguments, lambda settings: FakeModels())


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


def documents_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    return [document["document"] for document in json.loads(capsys.readouterr().out)]


@pytest.fixture
def two(folder: Path) -> Path:
    """A folder below the working folder, its two reports in the library, the file of one of them
    gone.
    """
    for name in ("ferry", "harbour"):
        (folder / "reports").mkdir(exist_ok=True)
        (folder / "reports" / f"{name}.txt").write_text(
            f"The {name}\n\nThis is about a {name}.", encoding="utf-8"
        )
    assert main(["add", "reports", "trains.txt"]) == 0
    (folder / "reports" / "ferry.txt").unlink()
    return folder / "reports"


def answers(monkeypatch: pytest.MonkeyPatch, typed: str, terminal: bool = True) -> None:
    stdin = StringIO(typed)
    monkeypatch.setattr(stdin, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdin", stdin)


@pytest.mark.parametrize(
    ("typed", "left"), [("y\n", ["harbour", "trains"]), ("\n", None), ("no\n", None), ("", None)]
)
def test_documents_whose_files_are_gone_are_removed_where_the_user_says_so(
    two: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    left: list[str] | None,
) -> None:
    answers(monkeypatch, typed)
    assert main(["add", "reports"]) == 0
    assert "gone" not in capsys.readouterr().err, (
        "nothing is removed that --prune was not given for"
    )
    assert main(["add", "--prune", "reports"]) == 0
    err = capsys.readouterr().err
    assert f"     gone  ferry ({two / 'ferry.txt'})\nRemove this document? [y/N] " in err
    assert "trains" not in err, "its file lies elsewhere"
    assert documents_of(capsys) == (left or ["ferry", "harbour", "trains"])


def test_without_a_terminal_nothing_is_removed_unless_yes_is_given(
    two: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "y\n", terminal=False)
    (two / "harbour.txt").unlink()  # an empty folder is asked about like every other
    assert main(["add", "--prune", "--json", "reports"]) == 2
    out, err = capsys.readouterr()
    assert err.endswith(
        "rag: Documents not removed, for there is no terminal to ask on: 2; give --yes to remove "
        "them.\n"
    )
    assert [(told["document"], told["outcome"]) for told in json.loads(out)] == [
        ("ferry", "gone"),
        ("harbour", "gone"),
    ]
    assert documents_of(capsys) == ["ferry", "harbour", "trains"]
    assert main(["add", "--prune", "--yes", "--json", "reports"]) == 0
    assert {told["outcome"] for told in json.loads(capsys.readouterr().out)} == {"removed"}
    assert documents_of(capsys) == ["trains"]


def test_a_folder_that_is_missing_empties_no_library(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two.rename(two.with_name("elsewhere"))
    assert main(["add", "--prune", "--yes", "reports"]) == 2
    assert "There is no file or folder 'reports'" in capsys.readouterr().err
    assert documents_of(capsys) == ["ferry", "harbour", "trains"]


def happening(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], set[Path]]) -> None:
    """Instead of waiting for changes, do each step, tell what it changed, and then press Ctrl-C."""

    def changes(folders: Sequence[Path]) -> Iterator[frozenset[Path]]:
        yield frozenset()
        for step in steps:
            yield frozenset(path.resolve() for path in step())
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.cli.ingest.changes", changes)


def written(path: Path, text: str) -> Callable[[], set[Path]]:
    def write() -> set[Path]:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return {path}

    return write


def test_what_changes_in_a_followed_folder_is_added(
    two: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    happening(
        monkeypatch,
        written(two / "half.txt", ""),
        written(two / "half.txt", "Halves\n\nNow it is whole."),
        written(two / ".hidden.txt", "Hidden\n\nNobody reads this."),
        written(two / "new" / "report.txt", "News\n\nThis is new."),
        lambda: {(two / "new" / "report.txt").rename(two / "renamed.txt"), two / "new"},
        lambda: (two / "harbour.txt").unlink() or {two / "harbour.txt"},
    )
    capsys.readouterr()
    assert main(["add", "--watch", "reports"]) == 0
    told = [
        line.split()[:2]
        for line in capsys.readouterr().err.splitlines()
        if line.startswith("  ") or line[0] in "ur"
    ]
    assert told == [
        ["unchanged", "harbour"],
        ["failed", "half.txt"],
        ["added", "half"],
        ["added", "report"],
        ["unchanged", "report"],
    ]
    assert documents_of(capsys) == ["ferry", "half", "harbour", "report", "trains"], (
        "nothing is removed unasked"
    )


def test_what_is_gone_from_a_followed_folder_is_removed_where_it_was_asked_for(
    two: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def emptied() -> set[Path]:
        (two / "harbour.txt").rename(two.parent / "harbour.txt")
        return {two / "harbour.txt"}

    happening(monkeypatch, written(two / "new.txt", "News\n\nThis is new."), emptied)
    assert main(["add", "--watch", "--prune", "--yes", "reports"]) == 0
    assert documents_of(capsys) == ["new", "trains"]
    happening(
        monkeypatch,
        lambda: (two / "new.txt").unlink() or {two / "new.txt"},
        lambda: two.rmdir() or {two},
    )
    assert main(["add", "--watch", "--prune", "--yes", "reports"]) == 0
    assert documents_of(capsys) == ["new", "trains"], (
        "a folder without anything left may have been unmounted"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prune", "reports"], "give --yes with --prune"),
        (["--json", "reports"], "leave --json away"),
        (["trains.txt"], "'trains.txt' is a file, and only folders are followed"),
        (["nowhere"], "There is no file or folder 'nowhere'"),
    ],
)
def test_what_cannot_be_followed_is_wrong_use(
    two: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["add", "--watch", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_library_is_taken_elsewhere_as_one_file(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "trains.rag", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert (written["file"], written["bytes"]) == (
        "trains.rag",
        (library / "trains.rag").stat().st_size,
    )
    assert main(["import", "trains.rag", "--library", "copy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"library": "copy", "documents": 1, "passages": 1}
    assert main(["search", "night train", "--library", "copy"]) == 0
    assert main(["import", "trains.txt", "--library", "other"]) == 4
    assert (
        "'trains.txt' is not a whole library (it is no SQLite database)" in capsys.readouterr().err
    )
    assert main(["import", "trains.rag"]) == 2
    assert main(["export", "trains.rag"]) == 2


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


def test_an_answer_goes_to_stdout_and_everything_else_to_stderr(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "How often stops the night train to Brennau?"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("The night train to Brennau stops seventeen times.[1]")
    assert '\n\n[1] "The night train to Brennau stops seventeen times.' in out
    assert err.startswith("Reading\n  Night Trains (¶1)")


def test_the_json_of_an_answer_is_one_value(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--json", "How often stops the night train to Brennau?"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["mode"], answer["citations"][0]["document"]) == ("extractive", "trains")


def test_an_abstention_is_exit_code_three(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "Who painted the ceiling of a chapel?"]) == 3
    assert capsys.readouterr().out.startswith(
        "The reports do not answer this. The nearest passages:"
    )


def test_a_text_is_checked_sentence_by_sentence(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("draft.txt").write_text(
        "The night train to Brennau stops seventeen times.", encoding="utf-8"
    )
    assert main(["check", "draft.txt"]) == 0
    assert capsys.readouterr().out.startswith(
        "  supported  The night train to Brennau stops seventeen times.[1]\n\n[1] "
    )
    Path("draft.txt").write_text(
        "The night train to Brennau stops eighteen times.", encoding="utf-8"
    )
    assert main(["check", "--json", "draft.txt"]) == 1
    (sentence,) = json.loads(capsys.readouterr().out)["sentences"]
    assert (sentence["verdict"], sentence["reason"]) == (
        "unsupported",
        "not in the sources: eighteen",
    )
    assert main(["check", "nowhere.txt"]) == 2
    assert "nowhere.txt cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("certainty", ["1.5", "-1", "much"])
def test_a_certainty_that_is_no_share_is_wrong_use(certainty: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["ask", "--certainty", certainty, "Who?"])
    assert stopped.value.code == 2


def test_search_prints_passages(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "-k", "1", "--json", "night train"]) == 0
    (hit,) = json.loads(capsys.readouterr().out)
    assert (hit["document"], hit["found_by"]) == ("trains", "both")


@pytest.mark.parametrize("command", ["search", "ask"])
def test_filters_leave_passages_out(
    library: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    Path("ferry.txt").write_text(
        "Ferries\n\n3 May 2024\n\nThe night ferry to Brennau stops twice.", encoding="utf-8"
    )
    assert main(["add", "ferry.txt"]) == 0
    capsys.readouterr()

    def documents(*arguments: str) -> set[str]:
        main([command, "--json", "night train to Brennau stops", *arguments])
        found = json.loads(capsys.readouterr().out)
        return {hit["document"] for hit in (found if command == "search" else found["hits"])}

    assert (
        documents()
        == documents("--document", "ferry", "--document", "TRAINS")
        == {"ferry", "trains"}
    )
    assert documents("--document", "trains") == {"trains"}
    assert documents("--after", "2024-05", "--before", "2024-05-03") == {"ferry"}
    assert documents("--speaker", "Holm") == documents("--section", "Dredging") == set()
    assert main([command, "Brennau", "--document", "train"]) == 2
    assert "did you mean 'trains'" in capsys.readouterr().err
    assert main([command, "Brennau", "--after", "May"]) == 2
    assert "'May' is not a date" in capsys.readouterr().err


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
    predictions = [
        json.loads(line) for line in Path("p.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [p["id"] for p in predictions] == ["a", "b"]
    assert "It leaves at nine.[1]" in predictions[1]["answer"]
    assert not Path("p.jsonl.part").exists()


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
    rows = [Row("encode", 30, "chunks/s", "the other", 20), Row("dense", 1.234, "ms")]
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


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["eval"], 2, "rag eval takes the folder of a set"),
        (["eval", "nowhere"], 2, "corpus.jsonl cannot be read (No such file or directory)"),
        (["eval", "nowhere", "--library", "mine"], 2, "which brings its own library"),
        (["eval", "nowhere", "--questions", "q.jsonl"], 2, "go with --make OUT_DIR"),
        (["eval", "nowhere", "--retrieval-only", "--out", "p.jsonl"], 2, "leave one of them away"),
        (["eval", "nowhere", "--make", "set"], 2, "--make writes a new set"),
        (
            ["eval", "--make", "set", "--questions", "nowhere.txt"],
            2,
            "The questions in nowhere.txt cannot be read",
        ),
        (["eval", "--make", "set", "--library", "other"], 4, "There is no library 'other'"),
        (["add", "nowhere"], 2, "There is no file or folder 'nowhere'"),
        (["add"], 2, "Nothing to add was named"),
        (["add", "binary.txt"], 1, "binary.txt cannot be read, because the file is binary"),
        (["add", "empty.txt"], 1, "empty.txt is empty"),
        (["add", "--library", "../up", "trains.txt"], 2, "'../up'"),
        (["remove", "train"], 2, "trains"),
        (["ask", ""], 2, "The question is empty"),
        (["ask"], 2, "No question was given"),
        (["ask", "w" * 10_000], 2, "The question has 10,000 characters, at most 2,000 are read"),
        (["ask", "--library", "other", "Who?"], 4, "other"),
        (["search", ""], 2, "The question is empty"),
        (["ask", "--batch", "q.jsonl"], 2, "--out"),
        (
            ["ask", "--batch", "q.jsonl", "--out", "p.jsonl", "--conversation", "0"],
            2,
            "--conversation away",
        ),
        (
            ["ask", "--conversation", "7", "Who?"],
            2,
            "There is no conversation 7 in this library; see `rag conversations`",
        ),
        (["conversations", "--show", "7"], 2, "There is no conversation 7"),
        (["conversations", "--rename", "7", "Trains"], 2, "There is no conversation 7"),
        (["conversations", "--remove", "7"], 2, "There is no conversation 7"),
        (["conversations", "--out", "a.md"], 2, "rag conversations --show KEY --out FILE"),
        (
            ["ask", "--batch", "nowhere.jsonl", "--out", "p.jsonl"],
            2,
            "nowhere.jsonl cannot be read",
        ),
        (
            ["ask", "--batch", "bad.jsonl", "--out", "p.jsonl"],
            2,
            "Line 2 of bad.jsonl is not a question",
        ),
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


NIGHT = "How often stops the night train to Brennau?"


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
    assert (
        main(["ask", "The night train to Brennau stops seventeen times?", "--conversation", "0"])
        == 0
    )
    assert main(["ask", "Really often?"]) == 3
    assert main(["ask", "Really often?", "--conversation", "1"]) == 0
    capsys.readouterr()
    assert main(["conversations", "--show", "1", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [a["question"] for a in answers] == [
        "The night train to Brennau stops seventeen times?",
        "Really often?",
    ]


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


def test_without_a_library_one_is_told_how_to_make_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "Who?"]) == 4
    assert "rag add" in capsys.readouterr().err
    assert not (folder / "indexes").exists()


@pytest.mark.parametrize("arguments", [["nonsense"], [], ["search", "-k", "0", "Who?"]])
def test_wrong_use_is_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_flags_replace_variables(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Settings] = []

    def make_models(settings: Settings) -> FakeModels:
        given.append(settings)
        return FakeModels()

    monkeypatch.setenv("RAG_ADAPTER", "brief.gguf")
    for flags in (
        [],
        ["--adapter", "long.gguf"],
        ["--adapter", "none", "--model", "own.gguf"],
        ["--adapter", "none", "--model", "none"],
    ):
        command_line.main(["ask", *flags, NIGHT], make_models)
    assert [(settings.model, settings.adapter, settings.generate) for settings in given] == [
        (None, Path("brief.gguf"), True),
        (None, Path("long.gguf"), True),
        (Path("own.gguf"), None, True),
        (None, None, False),
    ]


@pytest.mark.parametrize("model", ["own.gguf", "none"])
def test_an_adapter_for_another_model_is_wrong_use(
    model: str, library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--adapter", "brief.gguf", "--model", model, "Who?"]) == 2
    told = capsys.readouterr().err
    monkeypatch.setenv("RAG_MODEL", model)
    assert main(["ask", "--adapter", "brief.gguf", "Who?"]) == 2
    assert capsys.readouterr().err == told
    assert told.startswith(
        "rag: The adapter brief.gguf goes with the embedded language model alone"
    )


def test_ctrl_c_ends_with_one_sentence(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.pipeline.search", interrupted)
    assert main(["ask", "Who?"]) == 130
    assert capsys.readouterr().err == "rag: stopped; what was finished is kept.\n"


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


def test_a_library_is_asked_from_python(library: Path) -> None:
    question = "which night train to Brennau stops seventeen times"
    with rag.open_library(models=FakeModels()) as reports:
        answer = reports.ask(question)
        assert answer.citations[0].quote in reports.document("trains").text
        assert list(reports.stream(question))[-1].answer == answer.answer
