"""No flipped bit in what is stored goes unnoticed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import PipelineWith
from libraries import HARBOUR, TRAINS

from rag.errors import RagError
from rag.library.store import Library
from rag.pipeline import Pipeline


@pytest.fixture
def pipeline(pipeline_with: PipelineWith) -> Pipeline:
    made = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    conversations = made.library.conversations
    conversations.append(conversations.begin("Trains?"), made.ask("Who paid for dredging?"))
    return made


@pytest.fixture
def folder(pipeline: Pipeline) -> Path:
    """A library that nobody uses, all of it in one file."""
    folder = pipeline.library.folder
    pipeline.close()
    with closing(sqlite3.connect(folder / "library.db")) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return folder


def contents(folder: Path) -> list[Any]:
    """All that a library shows of its documents, passages and conversations."""
    with Library.open(folder) as library:
        chunks = library.chunks(range(1, 100))  # type: ignore[arg-type]
        conversations = library.conversations.listing()
        answers = [library.conversations.answers(c.key) for c in conversations]
        documents = library.documents()
        whole = [library.document(d.name) for d in documents]
        return [whole, documents, chunks, conversations, answers]


def told(folder: Path) -> str:
    """What `verify` says of a library, or the error that keeps it from being opened."""
    try:
        with Library.open(folder) as library:
            return "\n".join(library.verify())
    except RagError as error:
        return str(error)


def flipped_is_told(folder: Path, whole: bytes, before: list[Any], place: int, bit: int) -> bool:
    """Whether a flipped bit is told; one that is not must not change anything that is shown."""
    file = folder / "library.db"
    data = bytearray(whole)
    data[place] ^= 1 << bit
    file.write_bytes(data)
    if told(folder):
        return True
    assert contents(folder) == before, f"bit {bit} of byte {place} changes what is shown"
    return False


def places(whole: bytes, words: str) -> range:
    """Where these words stand in the text of a document, not in that of a chunk."""
    start = whole.index(words.encode())
    return range(start, start + len(words.encode()))


def test_every_bit_of_the_stored_words_counts(folder: Path) -> None:
    whole = (folder / "library.db").read_bytes()
    assert told(folder) == ""
    before, drawn = contents(folder), np.random.default_rng(8)
    texts = [
        "The harbour authority paid 12 million crowns for dredging.",
        "The night train to Brennau stops seventeen times.",
        "Annual accounts, 3 March 2024.",
        "Ada Holm",
        "Who paid for dredging?",
        "Trains?",
    ]
    for words in texts:
        for place in places(whole, words):
            assert flipped_is_told(folder, whole, before, place, int(drawn.integers(8))), words


def test_a_flipped_bit_anywhere_is_told_or_changes_nothing_that_is_shown(folder: Path) -> None:
    whole = (folder / "library.db").read_bytes()
    before, drawn = contents(folder), np.random.default_rng(2026)
    (page,) = np.frombuffer(whole[16:18], ">u2").tolist()
    text = whole.index(b"The harbour authority") // page * page  # the page where it stands
    sample = [*range(text, text + page, 13), *drawn.integers(100, len(whole), 150).tolist()]
    found = sum(
        flipped_is_told(folder, whole, before, place, int(drawn.integers(8))) for place in sample
    )
    assert found > 50


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE documents SET title = 'The Marbour Report' WHERE name = 'harbour'",
            "The text or a part of 'harbour' is not as it was stored",
        ),
        (
            "UPDATE documents SET path = '/elsewhere' WHERE name = 'harbour'",
            "The text or a part of 'harbour' is not as it was stored",
        ),
        (
            "UPDATE notes SET text = replace(text, '3 March', '8 March')",
            "The text or a part of 'harbour' is not as it was stored",
        ),
        (
            "UPDATE quotations SET speaker = 'Ida Holm'",
            "Who speaks in the passages of 'harbour' is not as it was stored",
        ),
        (
            "UPDATE chunks SET section = 'Elsewhere' WHERE id = 1",
            "A passage of 'harbour' is not as it was stored",
        ),
        (
            "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE chunk = 2)",
            "A passage of 'harbour' is not as it was stored",
        ),
        (
            "UPDATE turns SET answer = replace(answer, '12 million', '72 million')",
            "An answer of the conversation 1 is damaged",
        ),
        ("UPDATE conversations SET name = 'Drains?'", "the conversation 1 is not as it was stored"),
        ("DELETE FROM document_digests", "The text or a part of 'harbour' is not as it was stored"),
    ],
)
def test_what_was_changed_past_the_library_is_told(
    folder: Path, statement: str, problem: str
) -> None:
    with closing(sqlite3.connect(folder / "library.db")) as database:
        assert database.execute(statement).rowcount > 0
        database.commit()
    assert problem in told(folder)


def test_what_changes_by_the_library_itself_stays_whole(pipeline: Pipeline, tmp_path: Path) -> None:
    library = pipeline.library
    library.move("trains", tmp_path / "elsewhere" / "trains.txt")
    library.conversations.rename(1, "Dredging")
    library.conversations.append(1, pipeline.ask("How often stops the night train?"))
    pipeline.rebuild()
    shutil.copytree(library.folder, tmp_path / "copy")
    library.remove("harbour")
    assert library.verify() == []
    assert told(tmp_path / "copy") == ""


def test_a_changed_text_is_not_taken_for_true_by_a_repair(pipeline: Pipeline) -> None:
    with sqlite3.connect(pipeline.library.folder / "library.db") as database:
        database.execute("UPDATE documents SET text = replace(text, '12 million', '72 million')")
    pipeline.repair()
    assert "The text or a part of 'harbour' is not as it was stored" in "\n".join(
        pipeline.library.verify()
    )
