from pathlib import Path

from rag.watch import among, changes


def test_no_change_is_missed_from_the_first_look_on(tmp_path: Path) -> None:
    (tmp_path / "reports" / "deep").mkdir(parents=True)
    file, moved = tmp_path / "reports" / "deep" / "a.txt", tmp_path / "reports" / "b.txt"
    coming = changes([tmp_path / "reports"])
    assert next(coming) == frozenset()
    file.write_text("One.")
    assert file in next(coming)
    file.rename(moved)
    seen: set[Path] = set()
    while not {file, moved} <= seen:
        seen |= next(coming)
    coming.close()


def test_a_file_is_among_the_changed_by_itself_and_by_a_folder_above_it(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files = [tmp_path / "link" / "deep" / "a.txt", tmp_path / "link" / "b.txt"]
    assert among(files, frozenset([tmp_path / "real" / "b.txt"])) == files[1:]
    assert among(files, frozenset([tmp_path / "real" / "deep"])) == files[:1]
    assert among(files, frozenset([tmp_path / "real" / "de", tmp_path])) == files
    assert among(files, frozenset([tmp_path / "other"])) == []
