import json
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from commands import documents_of, main


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

    monkeypatch.setattr("rag.cli.commands.ingest.changes", changes)


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


def test_what_a_defect_did_to_a_file_is_written_for_a_report(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(path: Path, ocr: str) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("rag.ingest.read_apart", breaks)
    assert main(["add", "--report", "report.log", "trains.txt"]) == 1
    assert "--report" in capsys.readouterr().err
    report = (folder / "report.log").read_text(encoding="utf-8")
    assert "trains.txt" in report
    assert "ZeroDivisionError: a defect" in report


def test_what_is_left_out_of_a_folder_is_counted_and_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "reports" / "node_modules").mkdir(parents=True)
    (folder / "reports" / "tea.txt").write_text("Tea\n\nTea rose.", encoding="utf-8")
    for number in range(7):
        (folder / "reports" / f"{number}.png").write_bytes(b"x")
    assert main(["add", "reports", "--json"]) == 0
    told = capsys.readouterr()
    assert "1 of 1 files are in the library" in told.err
    assert "7 (a kind of file that is not read: 0.png, 1.png, 2.png, 3.png, 4.png, …)" in told.err
    assert "1 (a folder of programs: node_modules)" in told.err
    rows = json.loads(told.out)
    assert [row["outcome"] for row in rows] == ["added"] + ["skipped"] * 8
    assert rows[1]["reason"] == "a kind of file that is not read"


def test_a_folder_without_reports_says_what_it_holds_instead(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "reports").mkdir()
    (folder / "reports" / "a.png").write_bytes(b"x")
    assert main(["add", "reports"]) == 2
    assert "Left out: 1 (a kind of file that is not read: a.png)." in capsys.readouterr().err
