"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from rag.files import safe_name, sha256_of, sweep_unfinished, unfinished_name, written_whole


def test_a_file_appears_when_all_of_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    with written_whole(file) as unfinished:
        unfinished.write_text("whole")
        assert not file.exists()
        assert unfinished_name(unfinished) == "answers.txt"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.txt"]
    assert file.read_text() == "whole"
    assert unfinished_name(file) == ""


def test_where_writing_fails_the_old_file_stays_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("before")

    def fail(unfinished: Path) -> None:
        unfinished.write_text("half")
        raise KeyError

    with pytest.raises(KeyError), written_whole(file) as unfinished:
        fail(unfinished)
    assert [path.name for path in tmp_path.iterdir()] == ["answers.txt"]
    assert file.read_text() == "before"


def test_two_may_write_the_same_file_at_once(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    with written_whole(file) as one, written_whole(file) as other:
        one.write_text("one")
        other.write_text("other")
    assert file.read_text() == "one"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize(("mode", "given"), [(0o666, 0o640), (0o600, 0o600)])
def test_a_file_has_the_permissions_the_umask_leaves(tmp_path: Path, mode: int, given: int) -> None:
    before = os.umask(0o027)
    try:
        with written_whole(tmp_path / "key", mode) as unfinished:
            unfinished.write_text("secret")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == given


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Trade in May", "Trade-in-May"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("Übersicht 2024.01", "Übersicht-2024.01"),
        ("\x00\n", "report"),
        ("", "report"),
        ("n" * 200, "n" * 80),
    ],
)
def test_any_text_gives_a_safe_name(text: str, name: str) -> None:
    assert safe_name(text, "report") == name


def test_a_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert sha256_of(tmp_path / "empty").startswith("e3b0c44298fc1c149afbf4c8996fb924")


@pytest.mark.skipif(os.name == "nt", reason="nothing is swept there")
@pytest.mark.parametrize("ending", ["", "-journal", "-wal"])
def test_what_earlier_versions_and_sqlite_left_is_swept_and_nothing_else(
    tmp_path: Path, ending: str
) -> None:
    kept = [".hidden.part", "report.part", f".x.{'g' * 32}.part", f".x.{'0' * 32}.1.part{ending}"]
    gone = [f".x.{'0' * 32}.part{ending}", f".x.rag.{'a' * 32}.4194305.part{ending}"]
    for name in kept + gone:
        (tmp_path / name).write_text("half")
    sweep_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
