from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.library.store import Library
from rag.search import fuse, search
from rag.types import Chunk, Document, Filter, Hit, Section, Vectors

AXES = np.eye(4, dtype=np.float32)


def add(library: Library, name: str, passages: list[str], vectors: Vectors) -> None:
    text = "\n".join(passages)
    starts = [sum(len(p) + 1 for p in passages[:i]) for i in range(len(passages))]
    chunks = [
        Chunk(name, i, "", i + 1, start, start + len(p), p, "")
        for i, (start, p) in enumerate(zip(starts, passages, strict=True))
    ]
    document = Document(
        name,
        f"{name}.txt",
        "",
        f"Report {name}",
        "",
        "",
        text,
        (Section("", (), 0, len(text)),),
        (),
    )
    library.add(document, chunks, vectors, Path("/reports") / f"{name}.txt")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path, embedder="axes", dimension=4, create=True) as made:
        yield made


def shown(hits: tuple[Hit, ...]) -> list[tuple[str, str]]:
    return [(hit.chunk.text, hit.found_by) for hit in hits]


def test_ranks_fuse_to_the_sums_of_their_reciprocals() -> None:
    assert fuse([7, 8, 9], [9, 5]) == [
        (9, 1 / 13 + 1 / 11, "both"),
        (7, 1 / 11, "dense"),
        (8, 1 / 12, "dense"),
        (5, 1 / 12, "lexical"),
    ]
    assert fuse([], []) == []
    assert fuse([], [4]) == [(4, 1 / 11, "lexical")]


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True))
def test_fused_ranks_hold_every_chunk_once_and_best_first(
    dense: list[int], lexical: list[int]
) -> None:
    fused = fuse(dense, lexical)
    assert sorted(found.chunk for found in fused) == sorted({*dense, *lexical})
    assert [found.score for found in fused] == sorted(
        (found.score for found in fused), reverse=True
    )
    for found in fused:
        assert (found.chunk in dense, found.chunk in lexical) == {
            "both": (True, True),
            "dense": (True, False),
            "lexical": (False, True),
        }[found.found_by]


def test_a_search_finds_by_meaning_and_by_words(library: Library) -> None:
    add(library, "a", ["Exports grew.", "Herons nest.", "Trade rose."], AXES[:3])
    vector = np.array([0.8, 0.6, 0, 0], np.float32)
    assert shown(search(library, "Did trade rise? Trade rose.", vector)) == [
        ("Trade rose.", "both"),  # third by meaning, first by words
        ("Exports grew.", "dense"),
        ("Herons nest.", "dense"),
    ]
    (first, *_) = search(library, "trade", vector, k=1)
    assert first == Hit(library.chunks([3])[3][0], "Report a", 1 / 13 + 1 / 11, "both")


def test_a_chunk_beyond_the_depth_of_meaning_is_found_by_words_alone(library: Library) -> None:
    add(library, "a", ["Exports grew.", "Trade rose."], AXES[:2])
    assert shown(search(library, "trade", AXES[0], k=1, depth=1)) == [("Exports grew.", "dense")]
    assert shown(search(library, "trade", AXES[0], k=2, depth=1))[0] == ("Trade rose.", "both")


def test_the_same_words_in_two_reports_are_one_hit_the_better_one(library: Library) -> None:
    add(library, "a", ["Trade rose.", "Herons nest."], AXES[[1, 2]])
    add(library, "b", ["Trade rose."], AXES[[0]])
    hits = search(library, "herons", AXES[0])
    assert [(hit.chunk.document, hit.chunk.text) for hit in hits] == [
        ("a", "Herons nest."),
        ("b", "Trade rose."),
    ]


def test_duplicates_do_not_take_the_places_of_others(library: Library) -> None:
    add(library, "a", ["Trade rose.", "Herons nest."], AXES[:2])
    for name in "bcd":
        add(library, name, ["Trade rose."], AXES[[0]])
    assert len(search(library, "trade", AXES[0], k=2)) == 2


def test_an_empty_library_has_no_hits(library: Library) -> None:
    assert search(library, "trade", AXES[0]) == ()


def test_a_hit_holds_the_phrases_of_the_question_however_near_its_meaning(library: Library) -> None:
    add(library, "a", ["Beyoncé’s trade rose.", "Trade of Beyoncé.", "Herons nest."], AXES[:3])
    assert shown(search(library, 'how did "beyonce s trade" go, "rose"?', AXES[1])) == [
        ("Beyoncé’s trade rose.", "both")
    ]
    assert search(library, '"rose trade"', AXES[0]) == ()


def test_a_filter_binds_both_look_ups_before_the_best_are_taken(library: Library) -> None:
    add(library, "a", ["Trade rose once.", "Trade rose twice."], AXES[:2])
    add(library, "b", ["Trade rose.", "Herons nest."], AXES[2:])
    hits = search(library, "trade rose", AXES[0], k=2, depth=2, only=Filter(documents=("B",)))
    assert shown(hits) == [("Trade rose.", "both"), ("Herons nest.", "dense")]
    assert search(library, "trade rose", AXES[0], only=Filter(speaker="nobody")) == ()


class LastIsBest:
    """Scores the passages 0, 1, 2 … in their order, and remembers them."""

    name = "last is best"
    passages: Sequence[str] = ()

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        self.passages = passages
        return np.arange(len(passages), dtype=np.float32)


def test_a_reranker_orders_the_first_twenty_before_the_rest_is_cut(library: Library) -> None:
    passages = [f"Trade {i}." for i in range(25)]
    vectors = np.array([[1, i / 10, 0, 0] for i in range(25)], np.float32)
    add(library, "a", passages, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    reranker = LastIsBest()
    hits = search(library, "nothing", AXES[0], k=2, reranker=reranker)
    assert reranker.passages == [
        f"\n{passage}" for passage in passages[:20]
    ]  # an empty context above the text
    assert [(hit.chunk.text, hit.score) for hit in hits] == [
        ("Trade 19.", 19.0),
        ("Trade 18.", 18.0),
    ]
    assert (
        search(library, "nothing", AXES[0], only=Filter(speaker="nobody"), reranker=reranker) == ()
    )


def test_a_search_sees_one_state_of_the_library_while_another_process_changes_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, "a", ["The walrus sleeps.", "The heron fishes."], AXES[:2])
    dense = library.dense

    def dense_while_all_is_removed(*arguments: object) -> list[tuple[int, float]]:
        with Library.open(library.folder) as other:
            other.remove("a")
        return dense(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(library, "dense", dense_while_all_is_removed)
        assert shown(search(library, "heron", AXES[1])) == [
            ("The heron fishes.", "both"),
            ("The walrus sleeps.", "dense"),
        ]
    assert search(library, "heron", AXES[1]) == ()
