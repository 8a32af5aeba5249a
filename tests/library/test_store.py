"""A library holds what was put into it, whoever reads and writes beside."""

import os
import sqlite3
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import (
    DIMENSION,
    add,
    make_chunks,
    make_document,
    new_library,
    run_function,
    stored,
    texts,
    unit_vectors,
)

from rag.errors import DocumentError, LibraryError, NotFoundError, UsageError
from rag.library.folders import library_folder, library_names
from rag.library.sqlite import database as database_module
from rag.library.sqlite.schema import FORMAT
from rag.library.store import Library
from rag.types import (
    Box,
    Chunk,
    Document,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Vectors,
)

# --- Documents ------------------------------------------------------------------------------------

_offsets = st.integers(0, 2**40)
_words = st.text(max_size=20)
_shares = st.floats(0, 1)
_documents = st.builds(
    Document,
    name=st.text(min_size=1, max_size=20),
    file=_words,
    sha256=_words,
    title=_words,
    dateline=_words,
    date=_words,
    text=st.text(max_size=200),
    sections=st.lists(
        st.builds(Section, _words, st.lists(_words).map(tuple), _offsets, _offsets)
    ).map(tuple),
    paragraphs=st.lists(
        st.builds(
            Paragraph,
            _offsets,
            st.sampled_from(["text", "heading", "furniture", "note"]),
            _offsets,
            _offsets,
            _offsets,
        )
    ).map(tuple),
    quotations=st.lists(st.builds(Quotation, _offsets, _offsets, _words, _words, _words)).map(
        tuple
    ),
    references=st.lists(st.builds(Reference, _words, _offsets, _offsets)).map(tuple),
    notes=st.lists(st.builds(Note, _words, _words, _offsets, _offsets)).map(tuple),
    number=_words,
    language=_words,
    boxes=st.lists(
        st.builds(Box, _offsets, _offsets, _offsets, _shares, _shares, _shares, _shares)
    ).map(tuple),
)


@given(
    document=_documents,
    spans=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=4),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_added_comes_back_unchanged(
    library: Library, document: Document, spans: list[tuple[int, int]]
) -> None:
    chunks = [
        Chunk(
            document.name,
            number,
            document.title,
            number,
            start,
            end,
            document.text[start:end],
            document.dateline,
        )
        for number, (start, end) in enumerate(spans)
    ]
    vectors = unit_vectors(len(chunks))
    library.add(document, chunks, vectors, Path("/reports") / "same file")
    with Library.open(library.folder) as reopened:
        assert reopened.document(document.name) == document
        ids, kept = stored(reopened)
        assert [reopened.chunks(ids)[i] for i in ids] == [
            (chunk, document.title, document.date) for chunk in chunks
        ]
        assert np.array_equal(kept, vectors.astype(np.float16).astype(np.float32))
        assert [info.name for info in reopened.documents()] == [
            document.name
        ]  # one file, one document


def test_the_list_shows_each_document_in_the_order_of_names(library: Library) -> None:
    add(library, make_document("b", "One.", "Two."))
    add(library, make_document("a", "Three."))
    assert [
        (d.name, d.file, str(d.path), d.title, d.date, d.paragraphs, d.chunks)
        for d in library.documents()
    ] == [
        ("a", "a.txt", "/reports/a.txt", "Report a", "2006-03-03", 1, 1),
        ("b", "b.txt", "/reports/b.txt", "Report b", "2006-03-03", 2, 2),
    ]
    assert library.count == 3
    assert library.generation == 2


def test_a_document_is_found_by_the_path_of_its_file_however_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, make_document("a", "One."))
    monkeypatch.chdir("/")
    for path in ("/reports/a.txt", "reports/a.txt", "/reports/new/../a.txt"):
        found = library.find(Path(path))
        assert found is not None
        assert found.name == "a"
    assert library.find(Path("/elsewhere/a.txt")) is None


def test_a_name_that_is_taken_gets_the_next_free_number(library: Library) -> None:
    assert library.free_name("report") == "report"
    add(library, make_document("report", "One."))
    assert library.free_name("report") == "report-2"
    add(library, make_document("report-2", "Two."))
    assert library.free_name("report") == "report-3"


def test_another_file_of_the_same_name_replaces_nothing(library: Library) -> None:
    document = make_document("report", "The first.")
    add(library, document)
    other = make_document("report", "The second.")
    with pytest.raises(UsageError, match=r"belongs to '/reports/report\.txt'"):
        library.add(other, make_chunks(other), unit_vectors(1), Path("/elsewhere/report.txt"))
    assert library.document("report") == document


def test_a_file_name_that_is_no_text_is_left_out(library: Library) -> None:
    document = make_document("a", "One.")
    with pytest.raises(DocumentError, match="rename it"):
        library.add(
            document,
            make_chunks(document),
            unit_vectors(1),
            Path(os.fsdecode(b"/reports/\xff.txt")),
        )
    assert library.documents() == []


def test_replacing_a_document_leaves_no_old_row_in_any_table(
    library: Library, tmp_path: Path
) -> None:
    add(library, make_document("a", "Walrus one.", "Walrus two.", "Walrus three."))
    add(library, make_document("a", "Heron."))
    with new_library(tmp_path / "fresh") as fresh:
        add(fresh, make_document("a", "Heron."))

        def sizes(folder: Path) -> dict[str, int]:
            with sqlite3.connect(folder / "library.db") as database:
                database_module.add_functions(database)
                tables = [
                    t
                    for (t,) in database.execute(
                        "SELECT name FROM sqlite_schema WHERE type = 'table'"
                    )
                ]
                # Two tables of the full-text index hold it in segments, old ones until they are
                # merged; the third is a log.
                tables = [t for t in tables if t not in ("words_data", "words_idx", "removed")]
                return {
                    t: database.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in tables
                }

        assert sizes(library.folder) == sizes(fresh.folder)
        assert sizes(fresh.folder)["notes"] == 1
    assert library.lexical("walrus", 5) == []
    assert texts(library, library.lexical("heron", 5)) == ["Heron."]
    assert library.verify() == []


def test_removing_a_document_leaves_the_others(library: Library) -> None:
    add(library, make_document("a", "Walrus."))
    add(library, make_document("b", "Heron."))
    library.remove("a")
    assert [d.name for d in library.documents()] == ["b"]
    assert library.lexical("walrus", 5) == []
    assert texts(library, library.dense(unit_vectors(1)[0], 5)) == ["Heron."]
    assert library.verify() == []


@pytest.mark.parametrize("call", ["remove", "document"])
def test_an_unknown_document_is_named_with_those_like_it(library: Library, call: str) -> None:
    add(library, make_document("memri-10538", "One."))
    with pytest.raises(
        NotFoundError, match=r"no document 'memri-10583'.*did you mean 'memri-10538'"
    ):
        getattr(library, call)("memri-10583")
    assert library.generation == 1


@pytest.mark.parametrize(
    "vectors",
    [
        unit_vectors(2),
        unit_vectors(1) * 2,
        np.full((1, DIMENSION), np.nan, np.float32),
        unit_vectors(1)[:, :4],
    ],
    ids=["too many", "not of length one", "not a number", "of another dimension"],
)
def test_vectors_that_do_not_fit_are_refused_and_nothing_changes(
    library: Library, vectors: Vectors
) -> None:
    document = make_document("a", "One.")
    add(library, document)
    changed = make_document("a", "Two.")
    with pytest.raises(ValueError, match="vectors are"):
        library.add(changed, make_chunks(changed), vectors, Path("/reports/a.txt"))
    assert library.document("a") == document
    assert library.generation == 1


def test_a_chunk_that_is_not_the_text_at_its_place_is_refused(library: Library) -> None:
    document = make_document("a", "One.")
    with pytest.raises(ValueError, match="not the text"):
        library.add(
            document,
            make_chunks(make_document("a", "Two.")),
            unit_vectors(1),
            Path("/reports/a.txt"),
        )
    assert library.documents() == []


def test_rebuilding_gives_every_document_new_vectors_of_the_new_embedder(library: Library) -> None:
    documents = [make_document("a", "One.", "Two."), make_document("b", "Three.")]
    for document in documents:
        add(library, document)
    axes = np.eye(3, dtype=np.float32)
    seen: list[Document] = []

    def embed(document: Document) -> tuple[list[Chunk], Vectors]:
        seen.append(document)
        chunks = make_chunks(document)
        return chunks, axes[[chunk.number + 2 * (document.name == "b") for chunk in chunks]]

    library.rebuild("other", 3, embed)
    assert seen == documents
    assert [library.document(d.name) for d in documents] == documents
    assert [texts(library, library.dense(axis, 1)) for axis in axes] == [
        ["One."],
        ["Two."],
        ["Three."],
    ]
    assert library.verify() == []
    with pytest.raises(LibraryError, match="'other'"):
        Library.open(library.folder, embedder="fake", dimension=DIMENSION)


def test_a_rebuild_that_fails_changes_nothing_and_no_thread_sees_half_of_it(
    library: Library,
) -> None:
    add(library, make_document("a", "One."))
    add(library, make_document("b", "Two."))
    before = stored(library)
    with ThreadPoolExecutor(1) as thread:
        looks: list[Future[str]] = []

        def embed(document: Document) -> tuple[list[Chunk], Vectors]:
            if document.name == "b":
                looks.append(thread.submit(lambda: library.embedder))
                wait(looks, timeout=0.1)
                raise RuntimeError
            return make_chunks(document), np.eye(3, dtype=np.float32)[:1]

        with pytest.raises(RuntimeError):
            library.rebuild("other", 3, embed)
        assert [look.result() for look in looks] == ["fake"]
    assert (library.embedder, library.dimension) == ("fake", DIMENSION)
    assert stored(library)[0] == before[0]
    assert np.array_equal(stored(library)[1], before[1])


# --- Several at once ------------------------------------------------------------------------------


def test_an_open_reader_sees_what_a_writer_adds(library: Library) -> None:
    with Library.open(library.folder) as reader:
        vector = unit_vectors(1)[0]
        assert reader.dense(vector, 5) == []
        add(library, make_document("a", "Walrus."))
        assert (
            texts(reader, reader.dense(vector, 5))
            == texts(reader, reader.lexical("walrus", 5))
            == ["Walrus."]
        )
        assert reader.generation == 1
        library.remove("a")
        assert reader.dense(vector, 5) == reader.lexical("walrus", 5) == []


def test_a_second_writer_is_told_to_wait_and_readers_go_on(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_document("a", "Walrus.")
    add(library, document)
    monkeypatch.setattr(database_module, "_BUSY_SECONDS", 0.05)
    monkeypatch.setattr(database_module, "_WRITER_SECONDS", 0.05)
    other = sqlite3.connect(library.folder / "library.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM documents")
    with Library.open(library.folder) as second:
        with pytest.raises(LibraryError, match=r"is in use: .* is writing to it; try again"):
            second.remove("a")
        with pytest.raises(LibraryError, match=r"is in use: .* is writing to it; try again"):
            second.verify()
        assert second.document("a") == document
        assert texts(second, second.lexical("walrus", 5)) == ["Walrus."]
        other.execute("ROLLBACK")
        second.remove("a")
    other.close()
    assert library.documents() == []


def test_threads_search_while_one_adds(library: Library) -> None:
    add(library, make_document("d0", "Walrus 0."))

    def look(_: int) -> int:
        found = texts(library, library.lexical("walrus", 99))
        assert len(library.dense(unit_vectors(1)[0], 99)) >= len(found)  # documents are only added
        return len(found)

    with ThreadPoolExecutor(4) as threads:
        counts = threads.map(look, range(60))
        for number in range(1, 20):
            add(library, make_document(f"d{number}", f"Walrus {number}."))
        assert set(counts) <= set(range(1, 21))
    assert look(0) == 20


def test_many_may_create_the_same_library_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: new_library(tmp_path / "reports"), range(16)))
    assert [one.generation for one in made] == [0] * 16
    for one in made:
        one.close()


# --- Opening --------------------------------------------------------------------------------------


def test_a_missing_library_is_named_with_those_beside_it(library: Library) -> None:
    with pytest.raises(
        LibraryError,
        match=r"no library 'report' in .*, there are 'reports'; make it with `rag add FOLDER --lib",
    ):
        Library.open(library.folder.parent / "report")
    assert not (library.folder.parent / "report").exists()


@pytest.mark.parametrize(
    ("embedder", "dimension"), [("other", DIMENSION), ("fake", 3), ("other", 3)]
)
@pytest.mark.parametrize("create", [False, True])
def test_another_embedder_is_refused_at_once_and_both_are_named(
    library: Library, embedder: str, dimension: int, create: bool
) -> None:
    with pytest.raises(
        LibraryError,
        match=rf"'fake' \(8 dimensions\), not with '{embedder}' \({dimension}\).*`rag rebuild`",
    ):
        Library.open(library.folder, embedder=embedder, dimension=dimension, create=create)


def test_without_an_embedder_a_library_opens_as_it_was_built(library: Library) -> None:
    with Library.open(library.folder) as reopened:
        assert (reopened.embedder, reopened.dimension) == ("fake", DIMENSION)


def test_a_newer_format_is_refused(library: Library) -> None:
    with sqlite3.connect(library.folder / "library.db") as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    told = f"has format {FORMAT + 1}, this program reads format {FORMAT}; update"
    with pytest.raises(LibraryError, match=told):
        Library.open(library.folder)


@pytest.mark.parametrize("create", [False, True])
def test_the_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path, create: bool
) -> None:
    file = tmp_path / "library.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE recipes (name)")
    before = file.read_bytes()
    with pytest.raises(LibraryError, match="not a library"):
        Library.open(tmp_path, embedder="fake", dimension=DIMENSION, create=create)
    assert file.read_bytes() == before


def test_a_creation_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "library.db").touch()
    with pytest.raises(LibraryError, match="There is no library"):
        Library.open(tmp_path)
    with new_library(tmp_path) as library:
        assert library.documents() == []


def read_as_somebody_else(folder: Path) -> None:
    """Reads without the rights of the superuser, whom permissions do not hold back."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with Library.open(folder) as library:
        assert library.document("a").text == "Walrus."
        assert texts(library, library.dense(unit_vectors(1)[0], 5)) == ["Walrus."]
        assert texts(library, library.lexical("walrus", 5)) == ["Walrus."]
        assert library.verify() == []
        with pytest.raises(
            LibraryError, match="'reports' cannot be written to; check the permissions"
        ):
            library.remove("a")


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of a POSIX file system")
def test_a_library_in_a_read_only_folder_can_be_searched() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "reports"
        with new_library(folder) as library:
            add(library, make_document("a", "Walrus."))
        (folder / "library.db").chmod(0o444)
        folder.chmod(0o555)
        Path(made).chmod(0o755)
        run_function(__file__, "read_as_somebody_else", folder)
        folder.chmod(0o755)
        assert [f.name for f in folder.iterdir()] == ["library.db"]


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "a", "A-1_b.c", "x" * 64])
def test_a_plain_name_is_a_folder_of_its_own(tmp_path: Path, name: str) -> None:
    assert library_folder(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "../a", "/etc", "a\\b", " a", "a\n", "x" * 65, "a\0"],
)
def test_a_name_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a library"):
        library_folder(tmp_path, name)


def test_names_are_those_of_the_libraries_in_a_folder(tmp_path: Path) -> None:
    assert library_names(tmp_path / "missing") == []
    for name in ("b", "a"):
        new_library(tmp_path / name).close()
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").touch()
    assert library_names(tmp_path) == ["a", "b"]


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
