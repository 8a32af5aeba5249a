import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import FakeModels

from rag.config import Settings
from rag.errors import LibraryError, ModelError, RagError, UsageError
from rag.evaluation import benchmark as module
from rag.evaluation.benchmark import Measurement, Size, bench
from rag.evaluation.synthetic import Reports
from rag.library.store import Library
from rag.pipeline import Pipeline

TINY = Size(reports=1, chunks=30, rounds=1, starts=3)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose pipeline uses the fakes.

    A search takes a process 2 s, torch 1 s, a text the reference 1 ms.
    """

    @contextmanager
    def reference(settings: Settings) -> Iterator[Callable[[Sequence[str]], float]]:
        yield lambda texts: len(texts) / 1000

    monkeypatch.setattr(module, "_reference", reference)
    monkeypatch.setattr(
        module, "_first_line", lambda command, environment: 2.0 if "search" in command else 1.0
    )
    return Settings(tmp_path / "indexes", "mine", model=None, embeddings="", generate=False)


def test_every_figure_stands_beside_its_reference(settings: Settings) -> None:
    said: list[str] = []
    rows = bench(settings, FakeModels(), own=False, say=said.append, size=TINY)
    assert [(row.what, row.unit, row.reference) for row in rows] == [
        ("read, chunk, encode, store", "chunks/s", "SentenceTransformer.encode"),
        ("encode", "chunks/s", "SentenceTransformer.encode"),
        ("120 chunks, question to hits, p50", "ms", "SentenceTransformer.encode of the question"),
        ("120 chunks, question to hits, p95", "ms", "SentenceTransformer.encode of the question"),
        ("once it is encoded, p50", "ms", ""),
        ("once it is encoded, p95", "ms", ""),
        ("of it encode, p50", "ms", ""),
        ("of it dense, p50", "ms", ""),
        ("of it lexical, p50", "ms", ""),
        ("of it fetch, p50", "ms", ""),
        ("recall@10 of the nearest vectors", "of 1", ""),
        ("library opened and asked once", "s", ""),
        ("memory while it is asked, models apart", "MB", ""),
        ("on the disk, a chunk", "KB", ""),
        ("one more report of 120 chunks stored", "s", ""),
        ("rag search, start to first hit", "s", "import torch"),
    ]
    assert [row.reference_value for row in rows[:3]] == [
        pytest.approx(1000),
        pytest.approx(1000),
        pytest.approx(1),
    ]
    assert (rows[-1].value, rows[-1].ratio, rows[6].ratio) == (2, 2, None)
    assert all(row.value > 0 for row in rows if row.unit != "MB")
    assert rows[10].value == 1  # so few vectors are compared one by one
    assert said == [
        "Reports into a library",
        "A library of 30 chunks",
        "Questions to the library 'search'",
    ]
    assert not settings.indexes.exists()


def test_a_library_of_the_user_is_measured_too_and_stays_as_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "harbour.txt").write_text(
        "The Harbour\n\nThe authority paid 12 million crowns for dredging in May.", encoding="utf-8"
    )
    with Pipeline(settings, FakeModels()) as pipeline:
        assert [added.outcome for added in pipeline.add([tmp_path / "harbour.txt"])] == ["added"]
        generation = pipeline.library.generation
        rows = bench(settings, FakeModels(), own=True, say=lambda text: None, size=TINY)
        assert pipeline.library.generation == generation
    assert rows[16].what == "1 chunks, question to hits, p50"
    assert len(rows) == 30


def test_a_library_that_is_missing_or_says_nothing_is_told_at_once(
    settings: Settings, tmp_path: Path
) -> None:
    said: list[str] = []
    with pytest.raises(LibraryError, match="There is no library 'mine'"):
        bench(settings, FakeModels(), own=True, say=said.append, size=TINY)
    (tmp_path / "plain.txt").write_text("Plain\n\nnothing here is named.", encoding="utf-8")
    with Pipeline(settings, FakeModels()) as pipeline:
        list(pipeline.add([tmp_path / "plain.txt"]))
    with pytest.raises(
        UsageError, match="The library 'mine' has no sentence with a number or a name"
    ):
        bench(settings, FakeModels(), own=True, say=said.append, size=TINY)
    assert said == []


def test_the_library_that_is_searched_has_as_many_chunks_as_asked_in_whole_reports(
    settings: Settings,
) -> None:
    models = FakeModels()
    module._fill_library(settings, models, Reports(models.embedder.dimension), 150)
    with Library.open(settings.indexes / settings.library) as library:
        assert library.count == 240
        assert len(library.documents()) == 2
        assert library.verify() == []


def test_the_first_line_of_a_process_is_timed_and_a_failure_is_told() -> None:
    wait = "import time; print(1, flush=True); time.sleep(0.5)"
    seconds = module._first_line(
        [sys.executable, "-c", f"import time; time.sleep(0.2); {wait}"], {}
    )
    assert seconds > 0.2
    with pytest.raises(RagError, match="A process to be timed failed with exit code 3"):
        module._first_line([sys.executable, "-c", "raise SystemExit(3)"], {})


def test_a_reference_that_cannot_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REFERENCE_PROGRAM", "raise SystemExit(1)")
    nothing = Settings(tmp_path, "mine", model=None, embeddings="nowhere", generate=False)
    with (
        module._reference(nothing) as encode,
        pytest.raises(ModelError, match="see that it can load 'nowhere'"),
    ):
        encode(["text"])


@pytest.mark.models
def test_the_reference_is_the_original_model_in_a_process_of_its_own(tmp_path: Path) -> None:
    with module._reference(
        Settings(tmp_path, "mine", model=None, embeddings="", generate=False)
    ) as encode:
        assert encode(["One text."]) > 0
        assert encode(["One\ntext, and another.", "«Мы»"]) > 0


def test_a_row_without_a_reference_has_no_ratio() -> None:
    assert (Measurement("a", 3, "s", "b", 2).ratio, Measurement("a", 3, "s").ratio) == (1.5, None)
