"""Zotero's files with what it knows of them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from commands import TRAINS, main

from rag.errors import UsageError
from rag.sources.zotero import zotero_files

# The tables of Zotero 6 and 7 that are read, with the columns that are.
TABLES = """
    CREATE TABLE items (itemID INTEGER PRIMARY KEY, key TEXT);
    CREATE TABLE itemAttachments (itemID INTEGER PRIMARY KEY, parentItemID INT, path TEXT);
    CREATE TABLE deletedItems (itemID INTEGER PRIMARY KEY);
    CREATE TABLE fields (fieldID INTEGER PRIMARY KEY, fieldName TEXT);
    CREATE TABLE itemDataValues (valueID INTEGER PRIMARY KEY, value);
    CREATE TABLE itemData (itemID INT, fieldID INT, valueID INT);
    CREATE TABLE creators (creatorID INTEGER PRIMARY KEY, firstName TEXT, lastName TEXT);
    CREATE TABLE itemCreators (itemID INT, creatorID INT, orderIndex INT);
    INSERT INTO fields VALUES (1, 'title'), (6, 'date');
    INSERT INTO items VALUES (1, 'PARENT01'), (2, 'TRAINS01'), (3, 'ALONE001'), (4, 'WASTE001'),
        (5, 'OUTSIDE1'), (6, 'MISSING1'), (7, 'LINKED01');
    INSERT INTO itemDataValues VALUES (1, 'The Night Trains'), (2, '2023-05-00 May 2023');
    INSERT INTO itemData VALUES (1, 1, 1), (1, 6, 2);
    INSERT INTO creators VALUES (1, 'Ada', 'Moor'), (2, '', 'Rail Union');
    INSERT INTO itemCreators VALUES (1, 2, 1), (1, 1, 0);
    INSERT INTO itemAttachments VALUES (2, 1, 'storage:trains.txt'), (3, NULL, 'storage:alone.txt'),
        (4, 1, 'storage:waste.txt'), (5, 1, 'storage:../../outside.txt'),
        (6, 1, 'storage:missing.txt'), (7, 1, '/home/me/linked.txt');
    INSERT INTO deletedItems VALUES (4);
"""


@pytest.fixture
def zotero(tmp_path: Path) -> Path:
    """A Zotero that runs: its database is locked, and the last changes are in its log."""
    folder = tmp_path / "Zotero"
    for key, name in (("TRAINS01", "trains"), ("ALONE001", "alone"), ("WASTE001", "waste")):
        (folder / "storage" / key).mkdir(parents=True)
        (folder / "storage" / key / f"{name}.txt").write_text(TRAINS, encoding="utf-8")
    (folder / "outside.txt").write_text("secret", encoding="utf-8")
    with closing(sqlite3.connect(folder / "zotero.sqlite")) as database:
        database.executescript(TABLES)
    return folder


def test_the_files_have_the_titles_authors_and_dates_of_their_items(zotero: Path) -> None:
    trains, alone = zotero_files(zotero)
    assert trains.file == zotero / "storage" / "TRAINS01" / "trains.txt"
    assert (trains.title, trains.date) == ("The Night Trains", "2023-05")
    assert trains.authors == ("Ada Moor", "Rail Union")
    assert (alone.file.name, alone.title, alone.authors) == ("alone.txt", "", ())


def test_a_zotero_that_runs_is_read_and_nothing_is_written_to_it(zotero: Path) -> None:
    with closing(sqlite3.connect(zotero / "zotero.sqlite", isolation_level=None)) as running:
        running.execute("PRAGMA journal_mode=WAL")
        running.execute("PRAGMA locking_mode=EXCLUSIVE")
        running.execute("UPDATE itemDataValues SET value = 'Night Trains' WHERE valueID = 1")
        before = {file: file.read_bytes() for file in zotero.glob("*.sqlite*")}
        assert zotero_files(zotero)[0].title == "Night Trains"
        assert {file: file.read_bytes() for file in zotero.glob("*.sqlite*")} == before


def test_what_is_no_zotero_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no zotero\.sqlite in"):
        zotero_files(tmp_path)
    (tmp_path / "zotero.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match=r"cannot be read \(file is not a database\)"):
        zotero_files(tmp_path)


def test_its_reports_are_added_with_what_it_knows(
    zotero: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (zotero / "storage" / "ALONE001" / "alone.txt").write_text("Another one, on wool.")
    assert main(["add", "--zotero", str(zotero)]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "2023-05  1 ¶  The Night Trains" in capsys.readouterr().out
