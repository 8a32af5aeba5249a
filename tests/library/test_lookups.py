"""What a library finds by meaning and by words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import (
    DIMENSION,
    add,
    make_document,
    nearest_by_numpy,
    stored,
    texts,
    unit_vectors,
)

from rag.library.store import Library
from rag.types import (
    Filter,
)


def test_dense_finds_what_numpy_finds(library: Library) -> None:
    for number in range(5):
        add(
            library,
            make_document(f"d{number}", *(f"Paragraph {i}." for i in range(20))),
            seed=number,
        )
    library.remove("d1")
    ids, vectors = stored(library)
    for vector in unit_vectors(20, seed=99):
        found = library.dense(vector, 10)
        assert [chunk for chunk, _ in found] == nearest_by_numpy(library, vector, 10)
        expected = [float(vectors[ids.index(chunk)] @ vector) for chunk, _ in found]
        assert [score for _, score in found] == pytest.approx(expected, abs=1e-6)


def test_dense_finds_all_there_are_when_asked_for_more(library: Library) -> None:
    assert library.dense(unit_vectors(1)[0], 10) == []
    add(library, make_document("a", "One.", "Two."))
    assert len(library.dense(unit_vectors(1)[0], 10)) == 2
    assert library.dense(unit_vectors(1)[0], 0) == []


def test_a_document_without_chunks_is_kept_and_found_nowhere(library: Library) -> None:
    document = make_document("a", "One.")
    document = replace(document, paragraphs=(replace(document.paragraphs[0], kind="heading"),))
    library.add(document, [], np.empty((0, DIMENSION), np.float32), Path("/reports/a.txt"))
    assert library.document("a") == document
    assert library.dense(unit_vectors(1)[0], 10) == []
    assert library.lexical("one", 10) == []
    assert library.verify() == []


PASSAGES = {
    "trade": "Trade with the neighbours rose by thirty percent.",
    "cafe": "The cafés of Málaga closed early.",
    "spring": "The Arab Spring began in Tunisia.",
    "seasons": "In spring the Arab traders returned.",
    "operators": "Not near and or the end.",
    "singer": "BEYONCÉ sang.",
}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Which neighbour?", ["trade"]),  # word stems
        ("cafe in MALAGA", ["cafe"]),  # letters without their marks, capitals
        ("Tunisia Arab spring", ["spring", "seasons"]),  # any word, the rarest first
        ("Beyonce", ["singer"]),
        (
            '"Arab Spring" traders',
            ["spring", "seasons"],
        ),  # a phrase counts beside its words; it binds in `select`
        ('what is a 5"x6" trade', ["trade"]),  # inches, not a phrase
        (
            "the",
            ["cafe", "operators", "seasons", "spring", "trade"],
        ),  # only such words, so they count
        ("who said what about walruses", []),
        ("NEAR", ["operators"]),  # an operator is a word
        ("neigh*", []),  # and a star is nothing
        ("title:trade", ["trade"]),
        ("", []),
        ("?!", []),
    ],
)
def test_words_find_passages(library: Library, question: str, found: list[str]) -> None:
    document = make_document("d", *PASSAGES.values())
    add(library, document)
    names = {text: name for name, text in PASSAGES.items()}
    got = [names[text] for text in texts(library, library.lexical(question, 10))]
    assert (sorted(got) if question == "the" else got) == found


def test_words_of_the_context_find_a_passage_too(library: Library) -> None:
    add(library, make_document("a", "Walrus."))
    add(library, make_document("b", "Heron."))
    assert texts(library, library.lexical("report b", 1)) == ["Heron."]


_pieces = (
    st.characters()
    | st.sampled_from('"“”()*:^-+{}\0 ')
    | st.sampled_from(["AND ", " NEAR(", "trade"])
)


@given(question=st.lists(_pieces).map("".join))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_question_is_a_wrong_query(library: Library, question: str) -> None:
    if not library.count:
        add(library, make_document("d", *PASSAGES.values()))
    assert len(library.lexical(question, 2)) <= 2


def test_what_was_asked_before_counts_half(library: Library) -> None:
    add(library, make_document("d", "Herons walk.", "Walrus sleep.", "Storks fly."))
    both = library.lexical("walrus", 5, earlier="herons")
    assert texts(library, both) == ["Walrus sleep.", "Herons walk."]
    assert both[0][1] == pytest.approx(2 * both[1][1])
    assert texts(library, library.lexical("?", 5, earlier="storks")) == ["Storks fly."]


def test_lexical_scores_fall_and_k_is_kept(library: Library) -> None:
    add(library, make_document("d", *PASSAGES.values()))
    found = library.lexical("arab spring tunisia trade", 10)
    assert len(found) == 3
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert library.lexical("arab spring tunisia trade", 2) == found[:2]


@pytest.mark.parametrize(
    ("question", "held_by"),
    [
        ('"Arab Spring"', ["spring"]),
        ("“arab spring” and traders", ["spring"]),  # required, whatever else is asked
        ('"Arab Spring" "Tunisia"', ["spring"]),
        ('"cafes of malaga"', ["cafe"]),
        ('"Spring Arab"', []),
        ("Arab Spring", None),
        ('5" pipes, 6" pipes', None),
    ],
)
def test_a_phrase_selects_the_chunks_that_hold_it(
    library: Library, question: str, held_by: list[str] | None
) -> None:
    add(library, make_document("d", *PASSAGES.values()))
    names = dict(zip(stored(library)[0], PASSAGES, strict=True))
    selected = library.select(Filter(), question)
    assert (None if selected is None else [names[i] for i in selected]) == held_by


def test_a_chunk_that_was_removed_in_the_meantime_is_left_out(library: Library) -> None:
    add(library, make_document("a", "One."))
    (old,) = stored(library)[0]
    add(library, make_document("a", "Two."))
    (new,) = stored(library)[0]
    assert new != old  # an id never names another chunk
    assert {i: chunk.text for i, (chunk, *_) in library.chunks([old, new]).items()} == {new: "Two."}
