"""The files of an export of paperless-ngx with what it knows of them."""

import json
from pathlib import Path

import pytest
from commands import TRAINS, main

from rag.errors import UsageError
from rag.sources.paperless import paperless_files


def exported(folder: Path, **changes: object) -> Path:
    """Write an export of one document with the changes, and return its folder."""
    (folder / "letter.txt").write_text("As it was sent.", encoding="utf-8")
    (folder / "letter-archive.txt").write_text(TRAINS, encoding="utf-8")
    (folder.parent / "outside.txt").write_text("secret", encoding="utf-8")
    document = {
        "model": "documents.document",
        "pk": 1,
        "fields": {
            "title": "The Night  Trains",
            "created": "2023-03-15T00:00:00+01:00",
            "correspondent": 7,
        },
        "__exported_file_name__": "letter.txt",
        "__exported_archive_name__": "letter-archive.txt",
    }
    rows = [
        {"model": "documents.correspondent", "pk": 7, "fields": {"name": "Rail Union"}},
        document | changes,
        {"model": "auth.user", "pk": 1, "fields": None},
        "no row",
    ]
    (folder / "manifest.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def test_the_text_that_was_recognised_comes_with_title_correspondent_and_day(
    tmp_path: Path,
) -> None:
    (tmp_path / "export").mkdir()
    (source,) = paperless_files(exported(tmp_path / "export"))
    assert source.file == tmp_path / "export" / "letter-archive.txt"
    assert (source.title, source.date) == ("The Night Trains", "2023-03-15")
    assert source.authors == ("Rail Union",)


@pytest.mark.parametrize("name", ["../outside.txt", "gone.txt", None, 7, ""])
def test_a_name_that_leads_out_or_nowhere_is_passed_over(name: object, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (source,) = paperless_files(exported(tmp_path / "export", __exported_archive_name__=name))
    assert source.file.name == "letter.txt"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_no_export_is_told_in_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as the list of an export"):
        paperless_files(tmp_path)
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read as the list of an export"):
        paperless_files(tmp_path)


def test_its_reports_are_added_with_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").mkdir()
    assert main(["add", "--paperless", str(exported(tmp_path / "export"))]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "2023-03-15  1 ¶  The Night Trains" in capsys.readouterr().out
    (tmp_path / "export" / "manifest.json").write_text("[]", encoding="utf-8")
    assert main(["add", "--paperless", "export"]) == 2
    assert "No file was found there" in capsys.readouterr().err
