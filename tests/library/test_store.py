import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import (
    DIMENSION,
    OLD,
    add,
    make_chunks,
    make_document,
    nearest_by_numpy,
    new_library,
    stored,
    unit_vectors,
    write_format_1,
)
from numpy.typing import NDArray

from rag.errors import DocumentError, LibraryError, NotFoundError, UsageError
from rag.library import database as database_module
from rag.library import keyword_index as lexical_module
from rag.library import vector_index as dense_module
from rag.library import vectors as vectors_module
from rag.library.store import Library, library_folder, library_names
from rag.types import (
    Box,
    Chunk,
    Document,
    Filter,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Vectors,
)


def texts(library: Library, found: list[tuple[int, float]]) -> list[str]:
    chunks = library.chunks([chunk for chunk, _ in found])
    return [chunks[chunk][0].text for chunk, _ in found]


def run_this_file(function: str, folder: Path) -> None:
    """Runs one of the functions below in a process of its own."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, __file__, function, folder], check=True, env=env)


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
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


# --- Look-ups -------------------------------------------------------------------------------------


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
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


# --- Filters --------------------------------------------------------------------------------------

SPEAKERS = ("Hassan Nasrallah", "Élodie Dupré", "Al-Jazeera’s host")
DATES = ("2023", "2023-03", "2023-03-14", "2023-04-01", "")


@pytest.fixture
def press(library: Library) -> Library:
    """Ten reports of five dates, four paragraphs each.

    The first two are quotations, of which the second runs into the third.
    """
    for n in range(10):
        document = make_document(f"Report-{n}", *(f"Trade word{n} word{i}." for i in range(4)))
        (_, first), (second, _), (_, third), _ = ((p.start, p.end) for p in document.paragraphs)
        quotations = (
            Quotation(0, first, SPEAKERS[n % 3], "", ""),
            Quotation(second, third, SPEAKERS[(n + 1) % 3], "", ""),
            Quotation(third, third + 1, "", "", ""),
        )
        add(library, replace(document, date=DATES[n % 5], quotations=quotations), seed=n)
    return library


def passes(document: Document, chunk: Chunk, only: Filter) -> bool:
    """The filter once more, chunk by chunk."""
    said = {q.speaker for q in document.quotations if q.start < chunk.end and chunk.start < q.end}
    return (
        (not only.documents or document.name.lower() in {name.lower() for name in only.documents})
        and (
            not only.after
            or (document.date != "" and not all(day < only.after for day in days_of(document.date)))
        )
        and (
            not only.before
            or (
                document.date != ""
                and not all(day > only.before + "~" for day in days_of(document.date))
            )
        )
        and (not only.speaker or any(PLAIN[only.speaker] in speaker for speaker in said))
        and (not only.section or only.section in chunk.section.split())
    )


def days_of(date: str) -> list[str]:
    return [
        d
        for m in range(1, 13)
        for day in range(1, 32)
        if (d := f"2023-{m:02}-{day:02}").startswith(date)
    ]


PLAIN = {
    "nasrallah": "Nasrallah",
    "ELODIE": "Élodie",
    "jazeera al": "Al-Jazeera",
    "dupre élodie": "Élodie",
    "nasr": "nobody",
    "?": "nobody",
}

_filters = st.builds(
    Filter,
    documents=st.lists(st.sampled_from(["Report-1", "report-2", "REPORT-3"]), max_size=2).map(
        tuple
    ),
    after=st.sampled_from(["", "2022", "2023", "2023-03", "2023-03-14", "2023-03-15", "2024"]),
    before=st.sampled_from(["", "2022-12-31", "2023", "2023-03", "2023-03-13", "2023-04"]),
    speaker=st.sampled_from(["", *PLAIN]),
    section=st.sampled_from(["", "1", "3"]),
)


@given(only=_filters, k=st.integers(1, 50), seed=st.integers(0, 9))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_filtered_look_ups_find_what_filtering_everything_afterwards_finds(
    press: Library, only: Filter, k: int, seed: int
) -> None:
    documents = {info.name: press.document(info.name) for info in press.documents()}
    ids, vectors = stored(press)
    chunks = press.chunks(ids)
    passing = {i for i in ids if passes(documents[chunks[i][0].document], chunks[i][0], only)}
    selected = press.select(only)
    assert set(ids if selected is None else selected) == passing

    vector = unit_vectors(1, seed=100 + seed)[0]
    ranked = [ids[i] for i in np.argsort(-(vectors @ vector), kind="stable") if ids[i] in passing]
    assert [chunk for chunk, _ in press.dense(vector, k, selected)] == ranked[:k]
    everything = press.lexical(f"trade word{seed} word1", len(ids))
    assert (
        press.lexical(f"trade word{seed} word1", k, selected)
        == [found for found in everything if found[0] in passing][:k]
    )


def test_a_filter_asks_for_documents_that_are_there(press: Library) -> None:
    with pytest.raises(UsageError, match=r"no document 'Report-33'.*did you mean 'Report-3'"):
        press.select(Filter(documents=("report-1", "Report-33")))


@pytest.mark.parametrize(
    "date", ["March 2023", "2023-3", "2023-02-30", "2023-13", "20230301", "2023-03-01T00", "٢٠٢٣"]
)
@pytest.mark.parametrize("end", ["after", "before"])
def test_a_date_that_is_none_is_refused(press: Library, date: str, end: str) -> None:
    with pytest.raises(UsageError, match="is not a date; write it as 2023, 2023-03 or 2023-03-14"):
        press.select(Filter(**{end: date}))


def test_who_speaks_in_a_chunk_is_known_after_a_rebuild_and_gone_with_its_document(
    press: Library,
) -> None:
    before = press.select(Filter(speaker="Nasrallah"))
    press.rebuild("fake", DIMENSION, lambda document: (make_chunks(document), unit_vectors(4)))
    after = press.select(Filter(speaker="Nasrallah"))
    assert before is not None
    assert after is not None
    assert len(after) == len(before) == 10
    press.remove("Report-0")
    assert np.array_equal(press.select(Filter(speaker="Nasrallah")), after[1:])


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


# --- Damage ---------------------------------------------------------------------------------------

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

            library._database._connection.set_trace_callback(count)
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
    run_this_file("die_at_every_statement", tmp_path)
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
    run_this_file("settle_and_die", tmp_path)
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
    assert library.verify() == [problem]


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


# --- Formats --------------------------------------------------------------------------------------


def assert_whole(folder: Path) -> None:
    """What `write_format_1` wrote is there, in the present format, and can be changed."""
    with Library.open(folder) as library:
        assert library.document("old") == OLD
        assert library.generation == 1
        assert (
            texts(library, library.dense(unit_vectors(2)[1], 1))
            == texts(library, library.lexical("heron", 5))
            == ["Heron."]
        )
        assert library.select(Filter(speaker="nasrallah")) == [1]
        assert library.verify() == []
        add(library, AFTER)
        assert library.document("a") == AFTER


def test_a_library_of_the_first_format_keeps_everything(tmp_path: Path) -> None:
    write_format_1(tmp_path / "old")
    assert_whole(tmp_path / "old")


def test_an_older_library_becomes_the_same_as_a_new_one(tmp_path: Path) -> None:
    write_format_1(tmp_path / "old")
    Library.open(tmp_path / "old").close()
    new_library(tmp_path / "new").close()

    def schema(folder: Path) -> tuple[object, ...]:
        with sqlite3.connect(folder / "library.db") as database:
            version = database.execute("PRAGMA user_version").fetchone()
            return version, sorted(
                database.execute(
                    "SELECT type, name, sql FROM sqlite_schema WHERE sql NOT NULL"
                ).fetchall()
            )

    assert schema(tmp_path / "old") == schema(tmp_path / "new")


def test_an_older_library_of_another_embedder_is_refused_and_left_alone(tmp_path: Path) -> None:
    write_format_1(tmp_path / "old")
    before = (tmp_path / "old" / "library.db").read_bytes()
    with pytest.raises(LibraryError, match="'fake'"):
        Library.open(tmp_path / "old", embedder="other", dimension=DIMENSION)
    assert (tmp_path / "old" / "library.db").read_bytes() == before


def migrate_and_die(folder: Path) -> None:
    """Opens the library in children that kill themselves at their first, second … statement,
    until one comes through.
    """
    connect = database_module._connect
    for fatal in range(1, 1000):
        copy = folder / f"{fatal:03}"
        shutil.copytree(folder / "start", copy)
        child = os.fork()
        if child == 0:
            seen = 0

            def count(_: str, fatal: int = fatal) -> None:
                nonlocal seen
                seen += 1
                if seen == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)

            def connect_and_count(file: Path, create: bool) -> sqlite3.Connection:
                database = connect(file, create)
                database.set_trace_callback(count)
                return database

            database_module._connect = connect_and_count
            Library.open(copy)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="needs processes that can be killed at a statement"
)
def test_a_process_killed_while_it_brings_a_library_to_the_present_format_loses_nothing(
    tmp_path: Path,
) -> None:
    write_format_1(tmp_path / "start")
    run_this_file("migrate_and_die", tmp_path)
    folders = sorted(f for f in tmp_path.iterdir() if f.name != "start")
    assert len(folders) > 10
    for folder in folders:
        assert_whole(folder)


def open_old_as_somebody_else(folder: Path) -> None:
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with pytest.raises(
        LibraryError,
        match=(
            r"'old' has format 1, which must be brought to format 3, .* cannot be written to; copy"
        ),
    ):
        Library.open(folder)


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of a POSIX file system")
def test_an_older_library_that_cannot_be_written_to_says_so() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "old"
        write_format_1(folder)
        (folder / "library.db").chmod(0o444)
        folder.chmod(0o555)
        Path(made).chmod(0o755)
        run_this_file("open_old_as_somebody_else", folder)
        folder.chmod(0o755)


# --- Opening --------------------------------------------------------------------------------------


def test_a_missing_library_is_named_with_those_beside_it(library: Library) -> None:
    with pytest.raises(
        LibraryError,
        match=r"no library 'report' in .*, there are 'reports'; make it with `rag add`",
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
        database.execute("PRAGMA user_version = 4")
    with pytest.raises(LibraryError, match="has format 4, this program reads format 3; update"):
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
        run_this_file("read_as_somebody_else", folder)
        folder.chmod(0o755)
        assert [f.name for f in folder.iterdir()] == ["library.db"]


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "a", "A-1_b.c", "x" * 64])
def test_a_plain_name_is_a_folder_of_its_own(tmp_path: Path, name: str) -> None:
    assert library_folder(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "../a", "/etc", "a\\b", "a b", "a\n", "ä", "x" * 65, "a\0"],
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
