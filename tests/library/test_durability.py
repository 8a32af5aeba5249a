"""A library after a write that was cut short, and with damaged files beside its database."""

import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest
from libraries import (
    DIMENSION,
    add,
    make_chunks,
    make_document,
    nearest_by_numpy,
    new_library,
    run_function,
    stored,
    texts,
    unit_vectors,
)
from numpy.typing import NDArray

from rag.errors import LibraryError
from rag.library.sqlite import keyword_index as lexical_module
from rag.library.sqlite import vector_index as dense_module
from rag.library.sqlite import vectors as vectors_module
from rag.library.store import Library

BEFORE, AFTER = make_document("a", "Walrus one.", "Walrus two."), make_document("a", "Heron.")


def die_at_every_statement(folder: Path) -> None:
    """Replaces BEFORE by AFTER in children that kill themselves at their first, second …
    statement, until one comes through.
    """
    for fatal in range(1, 1000):
        copy = folder / f"{fatal:03}"
        shutil.copytree(folder / "start", copy)
        child = os.fork()
        if child == 0:
            library = Library.open(copy)
            seen = 0

            def count(_: str, library: Library = library, fatal: int = fatal) -> None:
                nonlocal seen
                seen += 1
                if seen == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)

            library._store._database._connection.set_trace_callback(count)
            add(library, AFTER)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="needs processes that can be killed at a statement"
)
def test_a_process_killed_at_any_statement_leaves_the_library_before_or_after(
    tmp_path: Path,
) -> None:
    with new_library(tmp_path / "start") as library:
        add(library, BEFORE)
    run_function(__file__, "die_at_every_statement", tmp_path)
    folders = sorted(f for f in tmp_path.iterdir() if f.name != "start")
    assert len(folders) > 20
    kept = []  # whether the change was, in the order of the statements before which they died
    for folder in folders:
        with Library.open(folder) as library:
            kept.append(library.generation == 2)
            assert library.document("a") == (AFTER if kept[-1] else BEFORE)
            assert library.verify() == []
            assert len(library.lexical("walrus", 5)) == (0 if kept[-1] else 2)
            assert (
                library.count == len(library.dense(unit_vectors(1)[0], 5)) == (1 if kept[-1] else 2)
            )
            add(library, AFTER)  # and it can go on
            assert library.document("a") == AFTER
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (False, True)


def damage_missing(file: Path, other: bytes) -> None:
    file.unlink()


def damage_flipped(file: Path, other: bytes) -> None:
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)


def damage_cut(file: Path, other: bytes) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def damage_empty(file: Path, other: bytes) -> None:
    file.write_bytes(b"")


def damage_exchanged(file: Path, other: bytes) -> None:
    file.write_bytes(other)


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten vectors there are codes, and after five changes new ones."""
    monkeypatch.setattr(vectors_module, "MANY", 9)
    monkeypatch.setattr(vectors_module, "_LOOSE", 4)


def many(library: Library, name: str, count: int, seed: int = 0) -> None:
    add(library, make_document(name, *(f"{name.capitalize()} {i}." for i in range(count))), seed)


def code_files(library: Library) -> list[Path]:
    return sorted(library.folder.glob("*.faiss"))


@pytest.mark.usefixtures("few_are_many")
def test_codes_are_made_when_many_vectors_are_new_and_replaced_when_many_more_came(
    library: Library,
) -> None:
    many(library, "a", 9)
    library.optimize()
    assert code_files(library) == []
    many(library, "b", 1)
    library.optimize()
    (first,) = code_files(library)
    many(library, "c", 4)
    library.optimize()
    assert code_files(library) == [first]
    library.remove("b")
    library.optimize()
    (second,) = code_files(library)
    assert second != first
    assert library.verify() == []


@pytest.mark.usefixtures("few_are_many")
def test_codes_with_what_came_and_went_since_find_what_numpy_finds(library: Library) -> None:
    vectors_of = np.random.default_rng(3).normal(size=(20, DIMENSION)).astype(np.float32)
    questions = vectors_of / np.linalg.norm(vectors_of, axis=1, keepdims=True)

    def assert_same() -> None:
        with Library.open(
            library.folder
        ) as opened:  # one that looks for the first time, and one that has looked before
            for reader in (library, opened):
                for question in questions:
                    found = reader.dense(question, 5)
                    assert [chunk for chunk, _ in found] == nearest_by_numpy(library, question, 5)
                    ids, vectors = stored(library)
                    assert [s for _, s in found] == pytest.approx(
                        [float(vectors[ids.index(c)] @ question) for c, _ in found], abs=1e-6
                    )
                    assert {chunk for chunk, _ in reader.dense(question, 50)} <= set(ids)
                    some = np.array(ids)[::3]
                    assert {c for c, _ in reader.dense(question, 50, some)} == set(some.tolist())

    for seed, name in enumerate("abcde"):
        many(library, name, 6, seed)
    assert_same()
    library.optimize()
    assert len(code_files(library)) == 1
    assert_same()
    many(library, "f", 3, 9)
    library.remove("b")
    assert_same()
    many(library, "c", 2, 11)  # replaced
    assert_same()
    library.optimize()
    assert_same()
    assert library.verify() == []


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize(
    "damage", [damage_missing, damage_flipped, damage_cut, damage_empty, damage_exchanged]
)
def test_codes_that_cannot_be_trusted_never_reach_faiss_and_are_made_anew(
    tmp_path: Path, damage: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = unit_vectors(1, seed=7)[0]
    for name, seed in (("mine", 1), ("foreign", 2)):
        with new_library(tmp_path / name) as library:
            many(library, "a", 30, seed)
            library.optimize()
    (cache,), (foreign,) = ((tmp_path / name).glob("*.faiss") for name in ("mine", "foreign"))
    assert callable(damage)
    damage(cache, foreign.read_bytes())

    parsed: list[int] = []
    deserialize = faiss.deserialize_index

    def watched(data: NDArray[np.uint8]) -> faiss.Index:
        parsed.append(len(data))
        return deserialize(data)

    monkeypatch.setattr(faiss, "deserialize_index", watched)
    with Library.open(tmp_path / "mine") as library:
        assert [chunk for chunk, _ in library.dense(vector, 3)] == nearest_by_numpy(
            library, vector, 3
        )
        assert library.verify() == [
            "The file of vectors is missing or damaged; searches do without it and are slower."
        ]
        assert parsed == []
        library.optimize()
        assert library.verify() == []
    assert len(parsed) == 1
    with Library.open(tmp_path / "mine") as library:
        assert [chunk for chunk, _ in library.dense(vector, 3)] == nearest_by_numpy(
            library, vector, 3
        )
    assert len(parsed) == 2


@pytest.mark.usefixtures("few_are_many")
def test_codes_of_a_copy_from_before_are_not_used_for_other_vectors(tmp_path: Path) -> None:
    with new_library(tmp_path / "reports") as library:
        many(library, "a", 3)
    shutil.copytree(tmp_path / "reports", tmp_path / "copy")
    with Library.open(tmp_path / "reports") as library:
        many(library, "b", 20, seed=1)
        library.optimize()
    (cache,) = (tmp_path / "reports").glob("*.faiss")
    shutil.copy(cache, tmp_path / "copy")
    with Library.open(tmp_path / "copy") as copy:
        many(copy, "c", 20, seed=2)  # its chunks have the ids of those of "b"
        question = unit_vectors(1, seed=5)[0]
        assert [chunk for chunk, _ in copy.dense(question, 5)] == nearest_by_numpy(
            copy, question, 5
        )


@pytest.mark.usefixtures("few_are_many")
def test_a_rebuild_leaves_no_codes_of_the_old_vectors_in_use(library: Library) -> None:
    many(library, "a", 12)
    library.optimize()
    library.dense(unit_vectors(1)[0], 3)
    axes = np.eye(12, dtype=np.float32)
    library.rebuild("other", 12, lambda document: (make_chunks(document), axes))
    assert texts(library, library.dense(axes[4], 1)) == ["A 4."]
    with Library.open(library.folder) as opened:
        assert texts(opened, opened.dense(axes[4], 1)) == ["A 4."]
        opened.optimize()
        assert opened.verify() == []


def settle_and_die(folder: Path) -> None:
    """Makes codes in children that kill themselves at each step that another process could see."""
    vectors_module.MANY, vectors_module._LOOSE = 9, 4
    steps = [(os, "fsync"), (Path, "replace"), (dense_module, "remove_other_codes")]
    for number, (owner, name) in enumerate(steps):
        for after in (False, True):
            copy = folder / f"{number}{after}"
            shutil.copytree(folder / "start", copy)
            if os.fork() == 0:
                real = getattr(owner, name)

                def die(*arguments: object, real: object = real, after: bool = after) -> None:
                    assert callable(real)
                    if after:
                        real(*arguments)
                    os.kill(os.getpid(), signal.SIGKILL)

                setattr(owner, name, die)
                Library.open(copy).optimize()
            os.wait()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be killed at a step")
@pytest.mark.usefixtures("few_are_many")
def test_a_process_killed_while_it_makes_codes_leaves_the_old_ones_or_the_new(
    tmp_path: Path,
) -> None:
    with new_library(tmp_path / "start") as library:
        many(library, "a", 12)
        library.optimize()
        many(library, "b", 8, seed=1)
    run_function(__file__, "settle_and_die", tmp_path)
    folders = sorted(f for f in tmp_path.iterdir() if f.name != "start")
    assert len(folders) == 6
    for folder in folders:
        with Library.open(folder) as library:
            question = unit_vectors(1, seed=5)[0]
            assert library.verify() == []
            assert [chunk for chunk, _ in library.dense(question, 5)] == nearest_by_numpy(
                library, question, 5
            )
            many(library, "c", 9, seed=2)
            library.optimize()
            assert len(code_files(library)) == 1
            assert library.verify() == []
            assert not list(folder.glob("*.tmp"))


def test_of_many_passages_with_a_word_the_best_are_those_that_bm25_finds_among_all(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, drawn = (
        "walrus heron otter gannet seal tern puffin auk".split(),
        np.random.default_rng(0),
    )
    chosen = (
        drawn.choice(words, 12, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05]) for _ in range(400)
    )
    add(library, make_document("a", *(" ".join(paragraph) for paragraph in chosen)))
    question = "tern puffin walrus"
    everything = library.lexical(question, 10)
    assert len(everything) == 10
    monkeypatch.setattr(lexical_module, "_SCORED", 100)
    assert library.lexical(question, 10) == everything


def test_a_damaged_database_is_reported_and_never_a_crash(tmp_path: Path) -> None:
    with new_library(tmp_path / "whole") as library:
        for number in range(6):
            add(library, make_document(f"d{number}", *(f"Walrus {i} " * 40 for i in range(8))))
    whole = (tmp_path / "whole" / "library.db").read_bytes()
    reported = 0
    random = np.random.default_rng(5)
    (tmp_path / "hurt").mkdir()
    for offset in range(0, len(whole), 4096):
        junk = random.bytes(600)
        (tmp_path / "hurt" / "library.db").write_bytes(
            whole[:offset] + junk + whole[offset + len(junk) :]
        )
        try:
            with Library.open(tmp_path / "hurt", embedder="fake", dimension=DIMENSION) as library:
                reported += library.verify() != []
                for info in library.documents():
                    library.document(info.name)
                library.dense(unit_vectors(1)[0], 5)
                library.lexical("walrus", 5)
                add(library, AFTER)
        except LibraryError as error:
            reported += 1
            assert "hurt" in str(error)  # noqa: PT017 - any place may raise
    assert reported > len(whole) / 4096 / 2


@pytest.mark.parametrize("size", [100, 5000], ids=["its header", "a page"])
def test_a_database_cut_short_is_damaged(library: Library, size: int) -> None:
    add(library, make_document("a", "One."))
    library.close()
    file = library.folder / "library.db"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(LibraryError, match="'reports' is damaged; restore"):
        Library.open(library.folder).documents()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE vectors SET vector = x'00'",
            "A vector of 'a' is missing or has another dimension.",
        ),
        ("DELETE FROM vectors", "A vector of 'a' is missing or has another dimension."),
        (
            "UPDATE documents SET text = 'Two.'",
            "A passage of 'a' differs from the text of the document.",
        ),
        ("UPDATE documents SET boxes = x'00'", "The places of lines on the pages of 'a' are cut."),
        ("INSERT INTO speakers VALUES (9, 'Nobody')", "A row of speakers belongs to nothing."),
        ("UPDATE chunks SET context = 'Heron'", "The word index differs from the passages."),
        ("INSERT INTO notes VALUES (9, 0, '1', '', 0, 0)", "A row of notes belongs to nothing."),
    ],
)
def test_verify_names_what_is_wrong(library: Library, statement: str, problem: str) -> None:
    add(library, make_document("a", "One."))
    assert library.verify() == []
    with sqlite3.connect(library.folder / "library.db") as database:
        database.execute(statement)
    assert problem in library.verify()


def test_a_library_without_its_settings_is_damaged(library: Library) -> None:
    with sqlite3.connect(library.folder / "library.db") as database:
        database.execute("DELETE FROM settings")
    with pytest.raises(LibraryError, match="'reports' is damaged; restore"):
        Library.open(library.folder)


def test_vectors_of_another_length_are_reported_by_a_search(library: Library) -> None:
    add(library, make_document("a", "One."))
    with sqlite3.connect(library.folder / "library.db") as database:
        database.execute("UPDATE vectors SET vector = x'00'")
    with pytest.raises(LibraryError, match="damaged"):
        library.dense(unit_vectors(1)[0], 1)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
