import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import PipelineWith
from libraries import HARBOUR, OLD, TRAINS, write_format_1

from rag.errors import LibraryError, UsageError
from rag.library.backup import export_library, import_library
from rag.library.folders import library_names
from rag.library.sqlite.database import add_functions
from rag.library.store import Library
from rag.pipeline import Pipeline

QUESTION = "How often stops the night train to Brennau?"


@pytest.fixture
def pipeline(pipeline_with: PipelineWith) -> Pipeline:
    """A library of two reports, with one conversation.

    It writes ahead, and a vector waits in it.
    """
    made = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    conversations = made.library.conversations
    conversations.append(conversations.begin(QUESTION), made.ask(QUESTION))
    made.library.keep([b"a-key"], np.ones((1, 4096), np.float32) / 64)
    return made


@pytest.fixture
def indexes(pipeline: Pipeline) -> Path:
    return pipeline.library.folder.parent


@pytest.fixture
def exported(pipeline: Pipeline, indexes: Path, tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "library.rag"
    export_library(indexes, pipeline.name, file)
    yield file
    assert [path.name for path in indexes.iterdir() if path.name.startswith(".")] == [], (
        "nothing unfinished is left"
    )
    assert list(tmp_path.glob("*.part*")) == []


def test_a_library_comes_back_as_it_was(pipeline: Pipeline, indexes: Path, exported: Path) -> None:
    documents = import_library(exported, indexes, "copy")
    assert documents == pipeline.library.documents()
    with Library.open(indexes / "copy", embedder="words", dimension=4096) as copy:
        assert [copy.document(d.name) for d in documents] == [
            pipeline.document(d.name) for d in documents
        ]
        assert copy.dense(
            pipeline.models.embedder.encode([QUESTION])[0], 9
        ) == pipeline.library.dense(pipeline.models.embedder.encode([QUESTION])[0], 9)
        (conversation,) = copy.conversations.listing()
        assert [answer.question for answer in copy.conversations.answers(conversation.key)] == [
            QUESTION
        ]
        assert copy.pending([b"a-key"], 4096) == {}
        assert copy.verify() == []
    assert [path.name for path in (indexes / "copy").iterdir()] == ["library.db"]


def test_conversations_stay_behind_to_the_last_word(
    pipeline: Pipeline, indexes: Path, tmp_path: Path
) -> None:
    export_library(indexes, pipeline.name, tmp_path / "with", conversations=True)
    export_library(indexes, pipeline.name, tmp_path / "without", conversations=False)
    assert QUESTION.encode() in (tmp_path / "with").read_bytes()
    assert QUESTION.encode() not in (tmp_path / "without").read_bytes()
    assert len(import_library(tmp_path / "without", indexes, "copy")) == 2
    with Library.open(indexes / "copy") as copy:
        assert copy.conversations.listing() == []


def test_a_library_is_exported_while_another_writes(
    pipeline: Pipeline, indexes: Path, tmp_path: Path
) -> None:
    with closing(
        sqlite3.connect(pipeline.library.folder / "library.db", isolation_level=None)
    ) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM documents")
        export_library(indexes, pipeline.name, tmp_path / "library.rag")
        writer.execute("ROLLBACK")
    assert len(import_library(tmp_path / "library.rag", indexes, "copy")) == 2


def test_an_older_library_is_brought_to_the_present_format(tmp_path: Path) -> None:
    write_format_1(tmp_path / "old")
    (document,) = import_library(tmp_path / "old" / "library.db", tmp_path / "indexes", "old")
    assert document.name == "old"
    with Library.open(tmp_path / "indexes" / "old") as library:
        assert library.document("old") == OLD
        assert library.verify() == []


def evil(trigger: str) -> str:
    return f"CREATE TRIGGER evil AFTER {trigger} BEGIN DELETE FROM documents; END"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (evil("UPDATE ON settings"), "its tables are not those of a library"),
        (
            "DROP VIEW listing; CREATE VIEW listing AS SELECT * FROM documents",
            "its tables are not those of a library",
        ),
        ("DROP INDEX chunk_places", "its tables are not those of a library"),
        ("CREATE TABLE more (x)", "its tables are not those of a library"),
        (
            (
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'porter',"
                " 'trigram') WHERE name = 'words'"
            ),
            "its tables are not those of a library",
        ),
        ("PRAGMA application_id = 1", "it is another program's database"),
        ("PRAGMA user_version = 99", "it has format 99, and 1 to 5 are read"),
        ("PRAGMA user_version = -1", "it has format -1, and 1 to 5 are read"),
        ("PRAGMA user_version = 2", "its tables are not those of a library"),
        (
            "UPDATE vectors SET vector = zeroblob(8192)",
            "A vector of 'harbour' is not of length one",
        ),
        (
            "UPDATE chunks SET text = 'A lie.'",
            "A passage of 'harbour' differs from the text of the document",
        ),
        ("DELETE FROM vectors", "A vector of 'harbour' is missing"),
        (
            "UPDATE settings SET dimension = 9223372036854775807",
            "Vectors of 9223372036854775807 dimensions are none",
        ),
        ("UPDATE settings SET dimension = -1", "Vectors of -1 dimensions are none"),
        ("DELETE FROM settings", "is damaged"),
        ("UPDATE sections SET path = '[[[['", "The parts of 'harbour' cannot be read"),
        ("UPDATE documents SET title = CAST(x'ff00fe' AS TEXT)", ""),
        ("UPDATE turns SET answer = '{}'", "conversation"),
        ("INSERT INTO notes VALUES (99, 0, '1', '', 0, 0)", "A row of notes belongs to nothing"),
        (
            """INSERT INTO chunks SELECT 4000000000000, document, 9, section, paragraph, start,
            "end", text, context, language FROM chunks
            LIMIT 1""",
            "a passage has the number 4000000000000",
        ),
    ],
)
def test_a_file_that_is_not_a_whole_library_is_refused(
    indexes: Path, exported: Path, statement: str, reason: str
) -> None:
    with closing(sqlite3.connect(exported)) as database:
        add_functions(database)
        database.executescript(statement)
    with pytest.raises(LibraryError) as refused:
        import_library(exported, indexes, "copy")
    assert str(refused.value).startswith(f"{str(exported)!r} is not a whole library (")
    assert str(refused.value).endswith("); export it anew.")
    assert reason in str(refused.value)
    assert library_names(indexes) == ["library-0"]


def test_what_a_stranger_put_into_the_word_index_is_not_believed(
    indexes: Path, exported: Path
) -> None:
    with closing(sqlite3.connect(exported)) as database:
        database.executescript(
            "UPDATE words_data SET block = randomblob(length(block)) WHERE id > 10"
        )
    import_library(exported, indexes, "copy")
    with Library.open(indexes / "copy") as copy:
        assert len(copy.lexical("silt", 5)) == 1
        assert copy.verify() == []


def test_no_damage_of_the_file_gets_past(indexes: Path, exported: Path) -> None:
    whole, random, refused = exported.read_bytes(), np.random.default_rng(3), 0
    for number in range(60):
        data = bytearray(whole[: random.integers(len(whole))] if number % 3 == 0 else whole)
        for place in random.integers(len(data), size=3):
            data[place] ^= 1 << random.integers(8)
        exported.write_bytes(data)
        try:
            import_library(exported, indexes, f"copy-{number}")
        except LibraryError:
            refused += 1
            continue
        with Library.open(indexes / f"copy-{number}") as copy:
            assert copy.verify() == []
    assert refused > 25


def test_a_name_or_a_file_that_is_there_already_is_left_alone(
    pipeline: Pipeline, indexes: Path, exported: Path
) -> None:
    before = exported.read_bytes()
    with pytest.raises(UsageError, match="is there already; name another file"):
        export_library(indexes, pipeline.name, exported)
    with pytest.raises(
        UsageError, match="There is a library 'library-0' already; name another with --library"
    ):
        import_library(exported, indexes, pipeline.name)
    assert exported.read_bytes() == before
    assert len(pipeline.library.documents()) == 2


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\0", b"PK\x03\x04", b"SQLite format 3\0" + bytes(5000)]
)
def test_a_file_of_another_kind_is_refused(indexes: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(LibraryError, match="is not a whole library"):
        import_library(tmp_path / "other", indexes, "copy")
    assert library_names(indexes) == ["library-0"]


def test_what_is_no_file_and_what_is_no_name_is_wrong_use(
    pipeline: Pipeline, indexes: Path, exported: Path
) -> None:
    pipe = exported.with_name("pipe")
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
    for path in (exported.with_name("nowhere"), exported.parent, pipe):
        with pytest.raises(UsageError, match=r"There is no file .*; check the path"):
            import_library(path, indexes, "copy")
    with pytest.raises(UsageError, match="cannot name a library"):
        import_library(exported, indexes, "../copy")
    with pytest.raises(
        UsageError, match=r"cannot be written \(No such file or directory\); name another file"
    ):
        export_library(indexes, pipeline.name, exported.parent / "nowhere" / "file")


def test_a_full_disk_is_not_taken_for_a_fault_of_the_file(
    indexes: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr("rag.library.backup._admitted", full)
    with pytest.raises(UsageError, match=r"cannot be imported \(No space left on device\)"):
        import_library(exported, indexes, "copy")
    assert library_names(indexes) == ["library-0"]
