import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import PipelineWith
from libraries import HARBOUR, TRAINS

from rag.errors import LibraryError
from rag.library.sqlite.database import add_functions
from rag.pipeline import Pipeline

INDEXES = "The indexes were made again, that of the words too."
PASSAGES = "The passages of 'harbour' were made again and embedded."
DAMAGED = (
    "(SELECT id FROM chunks WHERE document = (SELECT id FROM documents WHERE name = 'harbour')"
    " LIMIT 1)"
)


@pytest.fixture
def pipeline(pipeline_with: PipelineWith) -> Pipeline:
    made = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    assert [document.chunks for document in made.library.documents()] == [2, 1]
    return made


def damage(pipeline: Pipeline, *statements: str) -> None:
    with sqlite3.connect(pipeline.library.folder / "library.db") as database:
        add_functions(database)
        for statement in statements:
            database.execute(statement)


def vectors(pipeline: Pipeline) -> "list[bytes]":
    with sqlite3.connect(pipeline.library.folder / "library.db") as database:
        order = "SELECT vector FROM vectors JOIN chunks ON id = chunk ORDER BY document, number"
        return [vector for (vector,) in database.execute(order)]


@pytest.mark.parametrize(
    ("statements", "problem", "done"),
    [
        (
            [f"DELETE FROM vectors WHERE chunk = {DAMAGED}"],
            "A vector of 'harbour' is missing or has another dimension.",
            [PASSAGES],
        ),
        (
            [f"UPDATE vectors SET vector = x'003c' WHERE chunk = {DAMAGED}"],
            "A vector of 'harbour' is missing or has another dimension.",
            [PASSAGES],
        ),
        (
            [f"UPDATE vectors SET vector = zeroblob(8192) WHERE chunk = {DAMAGED}"],
            "A vector of 'harbour' is not of length one.",
            [PASSAGES],
        ),
        (
            [f"UPDATE vectors SET vector = x'{'ff7f' * 4096}' WHERE chunk = {DAMAGED}"],
            "is not of length one",
            [PASSAGES],
        ),
        (
            ["PRAGMA foreign_keys = ON", "DELETE FROM chunks WHERE id = 1"],
            "A passage of 'harbour' is missing.",
            [PASSAGES],
        ),
        (
            ["PRAGMA foreign_keys = ON", "DELETE FROM chunks WHERE id = 2"],
            "A passage of 'harbour' is missing.",
            [PASSAGES],
        ),
        (
            ["PRAGMA foreign_keys = ON", "DELETE FROM chunks WHERE id < 3"],
            "A passage of 'harbour' is missing.",
            [PASSAGES],
        ),
        (
            [
                "DROP TRIGGER chunk_removed",
                f"UPDATE chunks SET text = 'A lie.' WHERE id = {DAMAGED}",
            ],
            "A passage of 'harbour' differs from the text of the document.",
            [INDEXES, PASSAGES],
        ),
        (
            ["INSERT INTO words (words) VALUES ('delete-all')"],
            "The word index differs from the passages.",
            [INDEXES],
        ),
        (
            ["INSERT INTO speakers VALUES (99, 'Nobody')"],
            "A row of speakers belongs to nothing.",
            [INDEXES, "What belonged to nothing was removed: 1 × speaker."],
        ),
        (
            ["INSERT INTO vectors VALUES (99, x'00')"],
            "A row of vectors belongs to nothing.",
            [INDEXES, "What belonged to nothing was removed: 1 × vector."],
        ),
    ],
)
def test_what_the_stored_text_is_enough_for_is_mended(
    pipeline: Pipeline, statements: list[str], problem: str, done: list[str]
) -> None:
    before, found = vectors(pipeline), pipeline.search("silt", 1)
    trigger = "SELECT sql FROM sqlite_schema WHERE name = 'chunk_removed'"
    with sqlite3.connect(pipeline.library.folder / "library.db") as database:
        (removed,) = database.execute(trigger).fetchone()
    damage(pipeline, *statements)
    if "DROP TRIGGER chunk_removed" in statements:
        damage(pipeline, removed)
    assert problem in "\n".join(pipeline.library.verify())
    assert pipeline.repair() == done
    assert pipeline.library.verify() == []
    assert vectors(pipeline) == before
    assert pipeline.search("silt", 1) == found
    assert pipeline.repair() == []


def test_an_index_that_differs_from_its_table_is_made_again(pipeline: Pipeline) -> None:
    file = pipeline.library.folder / "library.db"
    pipeline.close()

    def change(*statements: tuple[str, tuple[object, ...]]) -> None:
        """On a connection of its own, which has read the list of tables as it is now."""
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA writable_schema = ON")
            for statement, values in statements:
                database.execute(statement, values)
            database.commit()

    with closing(sqlite3.connect(file)) as database:
        index = database.execute(
            "SELECT * FROM sqlite_schema WHERE name = 'chunk_places'"
        ).fetchone()
    change(("DELETE FROM sqlite_schema WHERE name = 'chunk_places'", ()))
    change(("UPDATE chunks SET section = 'Elsewhere' WHERE id = 1", ()))
    change(("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index))
    assert (
        "The database reports: row 1 missing from index chunk_places." in pipeline.library.verify()
    )
    assert pipeline.repair() == [INDEXES, PASSAGES]
    assert pipeline.library.verify() == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE documents SET text = 'Short.' WHERE name = 'trains'",
            "A part of 'trains' lies outside its text.",
        ),
        (
            "UPDATE sections SET path = '{' WHERE document = 1",
            "The parts of 'harbour' cannot be read.",
        ),
        (
            "UPDATE sections SET path = '[7]' WHERE document = 1",
            "The sections of 'harbour' do not fit.",
        ),
        (
            "UPDATE paragraphs SET section = 99 WHERE document = 1",
            "The sections of 'harbour' do not fit.",
        ),
        ("UPDATE notes SET start = -1", "A part of 'harbour' lies outside its text."),
        (
            "UPDATE documents SET boxes = x'00' WHERE name = 'trains'",
            "The places of lines on the pages of 'trains' are cut.",
        ),
        ("INSERT INTO notes VALUES (9, 0, '1', '', 0, 0)", "A row of notes belongs to nothing."),
    ],
)
def test_what_is_lost_stays_a_fault(pipeline: Pipeline, statement: str, problem: str) -> None:
    damage(pipeline, statement)
    assert problem in pipeline.library.verify()
    pipeline.repair()
    assert problem in pipeline.library.verify()


def test_a_repair_that_fails_changes_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(pipeline, f"DELETE FROM vectors WHERE chunk = {DAMAGED}")
    monkeypatch.setattr(
        pipeline.models.embedder, "encode", lambda texts: np.zeros((len(texts), 4096), np.float32)
    )
    before = vectors(pipeline)
    with pytest.raises(ValueError, match="not unit vectors"):
        pipeline.repair()
    assert vectors(pipeline) == before


@pytest.fixture
def unreadable(pipeline: Pipeline) -> Path:
    file = pipeline.library.folder / "library.db"
    pipeline.close()
    file.write_bytes(file.read_bytes()[:5000])
    return file


def test_what_cannot_be_read_at_all_is_said_in_one_sentence(
    pipeline: Pipeline, unreadable: Path
) -> None:
    with pytest.raises(LibraryError, match="is damaged; restore its folder from a copy"):
        pipeline.library.verify()
