"""Adding and rebuilding that stop half-way go on where they were."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes import FakeModels, PipelineWith, WordsEmbedder
from libraries import TRAINS

from rag.config import Settings
from rag.errors import LibraryError
from rag.pipeline import Pipeline
from rag.types import Vectors

LONG = "The Long Report\n\n" + "\n\n".join(
    f"Paragraph {i} tells {' '.join(f'word{i}x{n}' for n in range(60))}." for i in range(9)
)


class StoppingEmbedder(WordsEmbedder):
    """Embeds so many texts, and is then stopped with Ctrl-C, until it is asked again."""

    def __init__(self, texts: int, name: str = "words") -> None:
        self.name = name
        self.left = texts
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.left < len(texts):
            self.left = 10**6
            raise KeyboardInterrupt
        self.left -= len(texts)
        self.seen += texts
        return super().encode(texts)


def pending(pipeline: Pipeline) -> int:
    with sqlite3.connect(pipeline.library.folder / "library.db") as database:
        return int(database.execute("SELECT count(*) FROM pending").fetchone()[0])


@pytest.fixture
def long(pipeline_with: PipelineWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A library of one report, beside which a long one of nine chunks lies.

    Two chunks are embedded at once.
    """
    monkeypatch.setattr("rag.ingest._EMBEDDED_AT_ONCE", 2)
    pipeline = pipeline_with({"trains.txt": TRAINS})
    (tmp_path / "reports-0" / "long.txt").write_text(LONG, encoding="utf-8")
    return pipeline


def test_a_long_document_that_was_interrupted_goes_on_where_it_was(
    long: Pipeline, tmp_path: Path
) -> None:
    embedder = long.models.embedder = StoppingEmbedder(5)  # type: ignore[misc]
    with pytest.raises(KeyboardInterrupt):
        list(long.add([tmp_path / "reports-0"]))
    assert [d.name for d in long.library.documents()] == ["trains"]
    assert (pending(long), long.library.generation) == (4, 1)
    list(long.add([tmp_path / "reports-0"]))
    assert (len(embedder.seen), len(set(embedder.seen))) == (9, 9)
    assert pending(long) == 0
    assert long.library.verify() == []
    assert long.search("word7x3", 1)[0].chunk.text.startswith("Paragraph 7 ")


def test_what_waits_for_a_document_that_never_comes_is_dropped_when_a_folder_ends_well(
    long: Pipeline, tmp_path: Path
) -> None:
    long.models.embedder = StoppingEmbedder(5)  # type: ignore[misc]
    folder = tmp_path / "reports-0"
    with pytest.raises(KeyboardInterrupt):
        list(long.add([folder]))
    (folder / "long.txt").unlink()
    (folder / "bad.txt").touch()
    list(long.add([folder]))
    list(long.add([folder / "trains.txt"]))
    assert pending(long) == 4, "the folder has not ended well, and the file is not all"
    (folder / "bad.txt").unlink()
    list(long.add([folder]))
    assert pending(long) == 0


def test_vectors_that_wait_and_are_damaged_are_made_again(long: Pipeline, tmp_path: Path) -> None:
    embedder = long.models.embedder = StoppingEmbedder(7)  # type: ignore[misc]
    with pytest.raises(KeyboardInterrupt):
        list(long.add([tmp_path / "reports-0"]))
    with sqlite3.connect(long.library.folder / "library.db") as database:
        for row, damage in enumerate(("x'00'", "zeroblob(8192)", "x''")):
            database.execute(
                f"UPDATE pending SET vector = {damage} WHERE key = (SELECT key FROM pending LIMIT 1"
                f" OFFSET {row})"
            )
    assert [added.outcome for added in long.add([tmp_path / "reports-0"])] == ["added", "unchanged"]
    assert len(embedder.seen) == 6 + 3 + 3
    assert long.library.verify() == []


def test_a_rebuild_that_was_interrupted_goes_on_and_others_add_meanwhile(
    long: Pipeline, tmp_path: Path
) -> None:
    list(long.add([tmp_path / "reports-0"]))
    models = FakeModels()
    embedder = models.embedder = StoppingEmbedder(7, name="other")
    settings = Settings(
        tmp_path / "indexes", "library-0", model=None, embeddings="", generate=False
    )
    with Pipeline(settings, models) as rebuilding, pytest.raises(KeyboardInterrupt):
        rebuilding.rebuild()
    assert pending(long) == 6
    assert long.search("seventeen", 1)[0].chunk.document == "trains"
    for name, text in (
        ("late.txt", TRAINS.replace("Brennau", "Ostend")),
        ("trains.txt", TRAINS.replace("nine", "ten")),
    ):
        (tmp_path / "reports-0" / name).write_text(text, encoding="utf-8")
    list(long.add([tmp_path / "reports-0"]))
    assert pending(long) == 6, "an add leaves what waits for the rebuild"

    class Told:
        last = (0, 0)

        def done(self, number: int, of: int) -> None:
            self.last = (number, of)

        def embedded(self, passages: int) -> None:
            pass

    told = Told()
    with Pipeline(settings, models) as rebuilding:
        assert rebuilding.rebuild(told) == 3
        assert told.last == (3, 3)
        assert len(embedder.seen) == len(set(embedder.seen)) == 11
        assert pending(rebuilding) == 0
        assert rebuilding.library.verify() == []
        assert rebuilding.search("Ostend", 1)[0].chunk.document == "late"
    # Who opened it before still embeds with the old model, and is told.
    (tmp_path / "reports-0" / "later.txt").write_text("Later\n\nA later report.", encoding="utf-8")
    for work in (lambda: list(long.add([tmp_path / "reports-0"])), lambda: long.search("Ostend")):
        with pytest.raises(
            LibraryError, match="'library-0' was rebuilt with the embedding model 'other' meanwhile"
        ):
            work()


def test_a_document_added_while_a_rebuild_embeds_is_rebuilt_too(
    long: Pipeline, tmp_path: Path
) -> None:
    class Interrupting(WordsEmbedder):
        name = "other"

        def encode(self, texts: Sequence[str]) -> Vectors:
            list(long.add([tmp_path / "reports-0"]))  # nobody holds it up
            return super().encode(texts)

    models = FakeModels()
    models.embedder = Interrupting()
    settings = Settings(
        tmp_path / "indexes", "library-0", model=None, embeddings="", generate=False
    )
    with Pipeline(settings, models) as rebuilding:
        assert rebuilding.rebuild() == 2
        assert rebuilding.library.verify() == []
