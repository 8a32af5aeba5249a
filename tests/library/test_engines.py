"""One contract for every engine: what a library keeps and finds, wherever it is kept.

The folder is measured by the tests beside this one; a server must find the same.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from filtered_reports import FILTERS, press_reports
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import DIMENSION, add, make_chunks, make_document, texts, unit_vectors
from team_server import execute, new_database

from rag.errors import DocumentError, LibraryError, NotFoundError, UsageError
from rag.files import sha256_of
from rag.library.places import FolderLibraries, LibraryPlace
from rag.library.postgres import graph, index
from rag.library.postgres.libraries import TeamLibraries
from rag.library.store import Library
from rag.types import EVERYTHING, Filter


@pytest.fixture(scope="module")
def database(team_address: str) -> str:
    """The address of a database for the libraries of these tests."""
    return new_database(team_address, "engines")


@pytest.fixture(params=["folder", "postgresql"])
def libraries(request: pytest.FixtureRequest, tmp_path: Path) -> LibraryPlace:
    """Where libraries are kept: each engine in turn."""
    if request.param == "folder":
        return FolderLibraries(tmp_path)
    return TeamLibraries(request.getfixturevalue("database"), tmp_path)


@pytest.fixture
def name() -> str:
    """A library's name that no other test has."""
    return uuid4().hex


@pytest.fixture
def library(libraries: LibraryPlace, name: str) -> Iterator[Library]:
    """An empty library."""
    with closing(opened(libraries, name)) as made:
        yield made


@pytest.fixture
def team(database: str, tmp_path: Path, name: str) -> Iterator[Library]:
    """An empty library in PostgreSQL."""
    with closing(opened(TeamLibraries(database, tmp_path), name)) as made:
        yield made


def opened(libraries: LibraryPlace, name: str) -> Library:
    return libraries.open(name, embedder="fake", dimension=DIMENSION, create=True)


def found(library: Library, question: str = "walrus", only: Filter = EVERYTHING) -> list[str]:
    with library.snapshot():
        return sorted(texts(library, library.lexical(question, 50, library.select(only))))


# --- What is kept ---------------------------------------------------------------------------------


def test_a_document_comes_back_as_it_was_added_and_after_a_restart(
    libraries: LibraryPlace, library: Library, name: str
) -> None:
    document = make_document("a", "Walrus “ö” 海.", "Heron.")
    add(library, document)
    library.conversations.begin("Which?")
    library.close()
    with closing(libraries.open(name)) as again:
        assert again.document("a") == document
        assert [c.name for c in again.conversations.listing("which")] == ["Which?"]
        assert [(d.name, d.paragraphs, d.chunks) for d in again.documents()] == [("a", 2, 2)]
        assert again.verify() == []
        assert texts(again, again.dense(unit_vectors(2)[0], 1)) == ["Walrus “ö” 海."]


def test_replacing_and_removing_leave_nothing_to_be_found(library: Library) -> None:
    add(library, make_document("a", "Walrus one.", "Walrus two."))
    add(library, make_document("b", "Walrus three."))
    add(library, make_document("a", "Heron."))
    assert found(library) == ["Walrus three."]
    library.remove("b")
    assert found(library) == []
    assert texts(library, library.dense(unit_vectors(1)[0], 9)) == ["Heron."]
    assert library.verify() == []
    with pytest.raises(NotFoundError, match="no document 'b'"):
        library.remove("b")


def test_a_rebuild_for_another_model_changes_the_vectors_and_no_document(library: Library) -> None:
    document = make_document("a", "Walrus.", "Heron.")
    add(library, document)
    wide = np.eye(2, 12, dtype=np.float32)
    library.rebuild("wide", 12, lambda d: (make_chunks(d), wide))
    assert texts(library, library.dense(wide[1], 1)) == ["Heron."]
    assert found(library) == ["Walrus."]
    assert (library.document("a"), library.verify()) == (document, [])


def test_vectors_wait_until_their_document_is_complete(library: Library) -> None:
    library.keep([b"a1", b"r1"], unit_vectors(2))
    library.keep([b"a1"], unit_vectors(1, seed=5))
    assert list(library.pending([b"a1", b"a2"], DIMENSION)) == [b"a1"]
    library.drop_pending(b"r")
    assert library.pending([b"r1"], DIMENSION) == {}
    document = make_document("a", "One.")
    library.add(document, make_chunks(document), unit_vectors(1), Path("/a"), [b"a1"])
    assert library.pending([b"a1"], DIMENSION) == {}


def test_files_are_kept_as_long_as_a_document_was_read_from_them(
    library: Library, tmp_path: Path
) -> None:
    sent = tmp_path / "sent.pdf"
    sent.write_bytes(b"%PDF")
    sha256 = sha256_of(sent)
    add(library, replace(make_document("a", "One."), sha256=sha256))
    library.source_files.keep(b"%PDF", sha256)
    sent.unlink()
    add(library, make_document("b", "Two."))
    assert library.source_files.read(sent, sha256) == b"%PDF"
    library.remove("a")
    assert library.source_files.read(sent, sha256) is None


def test_questions_without_an_answer_are_kept_once(library: Library) -> None:
    assert library.unanswered.keep("Which  walrus?", "near")
    assert library.unanswered.keep("Which walrus?", "not_this")
    assert [(q.question, q.reason) for q in library.unanswered.listing()] == [
        ("Which walrus?", "not_this")
    ]
    assert library.unanswered.clear() == 1


def test_a_name_of_another_file_is_refused(library: Library) -> None:
    document = make_document("a", "One.")
    add(library, document)
    with pytest.raises(UsageError, match=r"belongs to '/reports/a\.txt'"):
        library.add(document, make_chunks(document), unit_vectors(1), Path("/elsewhere/a.txt"))
    library.move("a", Path("/elsewhere/a.txt"))
    assert library.find(Path("/elsewhere/a.txt")) is not None
    assert (library.free_name("a"), library.verify()) == ("a-2", [])


def test_a_library_is_renamed_with_what_it_holds_but_not_to_a_name_that_is_taken(
    libraries: LibraryPlace, name: str
) -> None:
    new = f"{name} of wool"
    with closing(opened(libraries, name)) as library:
        for document in ("b", "a"):
            add(library, make_document(document, "Heron."))
        assert library.names_by_age() == ["b", "a"]
    libraries.rename(name, new)
    assert new in libraries.names()
    assert name not in libraries.names()
    with closing(opened(libraries, name)), pytest.raises(UsageError, match="already"):
        libraries.rename(new, name)
    with closing(libraries.open(new)) as library:
        assert library.names_by_age() == ["b", "a"]
    libraries.remove(new)
    assert new not in libraries.names()


def test_a_library_of_another_model_is_refused(
    libraries: LibraryPlace, library: Library, name: str
) -> None:
    with pytest.raises(LibraryError, match=r"built with the embedding model 'fake' \(8 dim"):
        libraries.open(name, embedder="other", dimension=9)
    with pytest.raises(LibraryError, match="no library 'nothing'"):
        libraries.open("nothing")
    assert libraries.identity("nothing") is None
    assert name in libraries.names()


# --- What is found --------------------------------------------------------------------------------

QUESTIONS = (
    "trade word3 word1",
    "Which traders spoke of word7?",
    '"trade word5" and others',
    "word1 word2 word3 cafés",
    "the",
    "?!",
    "neigh* title:trade NEAR",
)


@pytest.fixture(scope="module")
def both(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Library, Library]]:
    """The same reports in a folder and in PostgreSQL."""
    folder = tmp_path_factory.mktemp("both")
    places = (FolderLibraries(folder), TeamLibraries(database, folder))
    with closing(opened(places[0], "both")) as one, closing(opened(places[1], "both")) as two:
        for number, document in enumerate(press_reports()):
            for library in (one, two):
                add(library, document, seed=number)
        yield one, two


@given(
    only=FILTERS,
    k=st.integers(1, 50),
    question=st.sampled_from(QUESTIONS),
    earlier=st.sampled_from(["", "word4 trade"]),
    seed=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_server_finds_what_a_folder_finds(
    both: tuple[Library, Library], only: Filter, k: int, question: str, earlier: str, seed: int
) -> None:
    vector = unit_vectors(1, seed=100 + seed)[0]

    def looked_up(library: Library) -> list[object]:
        with library.snapshot():
            among = library.select(only, question)
            dense = library.dense(vector, k, among)
            lexical = library.lexical(question, k, among, earlier)
            return [
                sorted(chunk.text for chunk, *_ in library.matching(only, question).values()),
                texts(library, dense),
                [score for _, score in dense],
                texts(library, lexical),
                [score for _, score in lexical],
            ]

    folder, server = (looked_up(library) for library in both)
    assert server[:2] == folder[:2]
    assert server[2] == pytest.approx(folder[2], abs=1e-6)
    assert server[3] == folder[3]
    assert server[4] == pytest.approx(folder[4], rel=1e-5, abs=1e-9)


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_question_is_a_wrong_query(both: tuple[Library, Library], text: str) -> None:
    folder, server = (texts(library, library.lexical(text, 3)) for library in both)
    assert server == folder


def test_words_are_as_rare_and_as_like_in_a_server_as_in_a_folder(
    both: tuple[Library, Library],
) -> None:
    words = ["trade", "word3", "nothing", "café", "WORD1"]
    folder, server = both
    assert server.idf(words) == pytest.approx(folder.idf(words))
    assert [server.holds(w) for w in words] == [folder.holds(w) for w in words]
    slips = ["wrod3", "traed", "zzz", "treade"]
    assert [server.nearest_word(w) for w in slips] == [folder.nearest_word(w) for w in slips]


@pytest.mark.parametrize("only", [Filter(documents=("Report-33",)), Filter(after="March")])
def test_a_filter_by_what_is_not_there_is_refused(
    both: tuple[Library, Library], only: Filter
) -> None:
    refusals = []
    for library in both:
        with pytest.raises(UsageError) as refused:
            library.select(only)
        refusals.append(str(refused.value))
    assert refusals[0] == refusals[1]


# --- PostgreSQL alone -----------------------------------------------------------------------------


def test_the_graph_of_vectors_finds_the_nearest_with_a_filter_and_without(
    team: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "GRAPH_FROM", 1000)
    monkeypatch.setattr(index, "_EXACT", 10)
    for number in range(8):
        add(team, make_document(f"d{number}", *(f"Part {i}." for i in range(150))), seed=number)
    team.optimize()
    assert graph.has_graph(team._index._database)  # type: ignore[attr-defined]
    ((ids, vectors),) = team.every_vector()
    for only in (EVERYTHING, Filter(documents=("d3",))):
        among = team.select(only)
        passing = set(team.matching(only)) or set(ids.tolist())
        hits = 0
        for vector in unit_vectors(20, seed=99):
            order = np.argsort(-(vectors @ vector), kind="stable")
            exact = [int(ids[i]) for i in order if ids[i] in passing][:10]
            hits += len(set(exact) & {chunk for chunk, _ in team.dense(vector, 10, among)})
        assert hits >= 0.95 * 200


def test_an_index_that_lags_finds_nothing_stale_and_catches_up(team: Library) -> None:
    add(team, make_document("a", "Walrus one."))
    document = make_document("b", "Walrus two.")
    vectors = unit_vectors(1)
    # As if the process had ended before the index took it in.
    team._store.add(document, make_chunks(document), vectors, "/reports/b.txt", (), "fake")
    team._store.remove("a")
    ids = [chunk for chunk, _ in team.lexical("walrus", 9)]
    assert len(ids) == 1  # the index still has the one that is gone …
    assert team.chunks(ids) == {}  # … which is dropped, for the library has it no more
    assert team.verify() == []  # what waits is not wrong
    assert found(team) == ["Walrus two."]  # the next search takes it in


def test_an_index_that_lost_passages_is_told_and_made_again(team: Library) -> None:
    add(team, make_document("a", "Walrus one.", "Walrus two."))
    database = team._index._database  # type: ignore[attr-defined]
    with database.transaction() as connection:
        connection.raw.execute(f"DELETE FROM passages_{database.workspace} WHERE length > 0")
    assert [fault.split(";")[0] for fault in team.verify()] == [
        "The index lacks 2 passages",
        "The index has miscounted its passages or their words.",
    ]
    team.repair(lambda d: (make_chunks(d), unit_vectors(2)))
    assert team.verify() == []
    assert found(team) == ["Walrus one.", "Walrus two."]


def test_a_connection_sees_the_rows_of_its_own_library_only(
    team: Library, database: str, tmp_path: Path, name: str
) -> None:
    add(team, make_document("a", "Walrus."))
    with closing(opened(TeamLibraries(database, tmp_path), f"{name}x")) as other:
        add(other, make_document("b", "Heron."))
        assert [d.name for d in other.documents()] == ["b"]
        assert (found(other), other.count, other.conversations.listing()) == ([], 1, [])
        ids = [chunk for chunk, _ in team.lexical("walrus", 1)]
        assert other.chunks(ids) == {}
        mine, theirs = (lib._index._database for lib in (other, team))  # type: ignore[attr-defined]
        errors = pytest.importorskip("psycopg").errors
        with pytest.raises(errors.InsufficientPrivilege), mine._pool.connection() as raw:
            raw.execute(
                "INSERT INTO pending (workspace, key, vector) VALUES (%s, 'a', 'b')",
                [theirs.workspace],
            )
        with mine._pool.connection() as raw:
            tables = raw.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
                "WHERE c.relnamespace = 'rag'::regnamespace AND c.relkind = 'r' "
                "AND a.attname = 'workspace'"
            ).fetchall()
            assert len(tables) > 15
            for (table,) in tables:
                seen = raw.execute(f'SELECT DISTINCT workspace FROM "{table}"').fetchall()
                assert seen in ([], [(mine.workspace,)]), table


def test_a_text_that_postgresql_cannot_keep_is_refused_and_nothing_changes(team: Library) -> None:
    with pytest.raises(DocumentError, match="a character that PostgreSQL cannot keep"):
        add(team, make_document("a", "Wal\0rus."))
    assert (team.documents(), team.verify()) == ([], [])


def test_a_database_of_a_newer_program_is_refused(team_address: str, tmp_path: Path) -> None:
    newer = new_database(team_address, "newer")
    assert TeamLibraries(newer, tmp_path).names() == []
    execute(newer, "INSERT INTO rag.format VALUES (99)")
    with pytest.raises(LibraryError, match="have format 99, this program reads format 1; update"):
        TeamLibraries(newer, tmp_path).names()


def test_who_owns_the_tables_is_held_back_too(team_address: str, tmp_path: Path) -> None:
    address = new_database(team_address, "owned")
    made = "CREATE ROLE plain LOGIN; CREATE EXTENSION vector; ALTER DATABASE owned OWNER TO plain"
    execute(address, made)
    places = TeamLibraries(address.replace("//postgres", "//plain"), tmp_path)
    with closing(opened(places, "one")) as one, closing(opened(places, "two")) as two:
        add(one, make_document("a", "Walrus."))
        assert (found(one), found(two), two.documents()) == (["Walrus."], [], [])
        with two._index._database._pool.connection() as raw:  # type: ignore[attr-defined]
            assert raw.execute("SELECT current_user").fetchone() == ("plain",)
            assert raw.execute("SELECT count(*) FROM documents").fetchone() == (0,)
    places.remove("one")
    assert places.names() == ["two"]


def test_a_server_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    nowhere = TeamLibraries(f"postgresql://nobody@/none?host={tmp_path}", tmp_path)
    with pytest.raises(LibraryError, match=r"cannot be reached .*; check that PostgreSQL runs"):
        nowhere.names()


def test_many_who_ask_while_others_write_find_their_own_library_whole(
    database: str, tmp_path: Path, name: str
) -> None:
    places = TeamLibraries(database, tmp_path)
    with closing(opened(places, f"{name}a")) as one, closing(opened(places, f"{name}b")) as two:
        done = threading.Event()

        def write(library: Library, word: str) -> None:
            for number in range(8):
                document = make_document("d", *(f"{word} {number} {i}." for i in range(12)))
                add(library, document, seed=number)

        def ask(library: Library, word: str) -> int:
            asked = 0
            while not done.is_set():
                with library.snapshot():
                    ids = [chunk for chunk, _ in library.lexical(word, 50)]
                    chunks = list(library.chunks(ids).values())
                    count = library.count
                assert {chunk.text.split()[0] for chunk, *_ in chunks} <= {word}
                assert len({chunk.text.split()[1] for chunk, *_ in chunks}) <= 1  # one version
                assert count in (0, 12)
                asked += 1
            return asked

        pairs = ((one, "Walrus"), (two, "Heron"))
        with ThreadPoolExecutor(24) as pool:
            asking = [pool.submit(ask, *pair) for pair in pairs * 10]
            for writing in [pool.submit(write, *pair) for pair in pairs * 2]:
                writing.result()
            done.set()
            assert all(future.result() for future in asking)
        assert [lib.count for lib, _ in pairs] == [12, 12]
        assert [lib.verify() for lib, _ in pairs] == [[], []]
        assert len(found(one)) == 12


_WRITER = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from libraries import DIMENSION, add, make_document
from rag.library.postgres.libraries import TeamLibraries
library = TeamLibraries({database!r}, Path("/none")).open({name!r})
number = int(sys.argv[1])
while True:
    add(library, make_document(f"d{{number}}", *(f"Walrus {{number}} {{i}}." for i in range(20))))
    print(number, flush=True)
    number += 1
"""


def test_kills_while_writing_lose_no_document_and_double_none(
    team: Library, database: str, name: str
) -> None:
    program = _WRITER.format(path=[p for p in sys.path if p], database=database, name=name)
    kills = int(os.environ.get("RAG_TEST_TEAM_KILLS", "3"))
    drawn, said, number = np.random.default_rng(2026), set(), 0
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(number)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            said.add(int(writer.stdout.readline()))  # it writes by now
            time.sleep(float(drawn.uniform(0, 0.2)))
            writer.send_signal(signal.SIGKILL)
            said |= {int(line) for line in writer.stdout.read().split()}
        kept = {int(d.name[1:]) for d in team.documents()}
        assert said <= kept
        number = max(kept) + 1
    assert len(found(team, "walrus")) == 50
    assert all(info.chunks == 20 for info in team.documents())
    assert team.count == 20 * len(kept)
    assert team.verify() == []
