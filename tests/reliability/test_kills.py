"""A process that fills a library is killed at random moments.

After each, every document is whole, as it was or as it became.

What SIGKILL cannot show is what a power cut does: what was written without being synced is still
there after it.
"""

import json
import mmap
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from fakes import FakeModels, WordsEmbedder
from libraries import DIMENSION, OLD, write_format_1

import rag.library.sqlite.vectors
import rag.pipeline
from rag.config import Settings
from rag.library.backup import export_library, import_library
from rag.library.folders import library_names
from rag.library.sqlite.database import SqliteDatabase, migrate
from rag.library.store import Library
from rag.pipeline import Pipeline

KILLS = int(os.environ.get("RAG_TEST_KILLS", "200"))
DOCUMENTS = 5
LONGEST_SECONDS = 0.06  # that a child lives: some changes long
IN_TRANSACTION, STARTED, COPIED, CHANGES = range(
    4
)  # what stands in the memory that all share, and from 8 on:
BEFORE, AFTER = (
    8,
    8 + DOCUMENTS,
)  # of each document the version that was kept, and the one that was begun; 0 is none


class SmallEmbedder(WordsEmbedder):
    dimension = 64


class Shared:
    """Numbers in memory that a killed process leaves behind."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8 * 64)
        self.numbers = memoryview(self._memory).cast("q")

    def __getitem__(self, place: int) -> int:
        return self.numbers[place]

    def __setitem__(self, place: int, number: int) -> None:
        self.numbers[place] = number


def text_of(document: int, version: int) -> str:
    """A report that names its version in every passage.

    The first is so long that it is embedded in several batches.
    """
    words = " ".join(f"word{n}" for n in range(45))
    paragraphs = [
        f"Here document{document}version{version} says {n}. {words}."
        for n in range(20 if document == 0 else 3)
    ]
    return "\n\n".join([f"Report {document} as {version}", *paragraphs])


def opened(folder: Path) -> Pipeline:
    models = FakeModels()
    models.embedder = SmallEmbedder()
    return Pipeline(Settings(folder / "indexes", "kept", None, "", generate=False), models)


# --- What is killed -------------------------------------------------------------------------------


def tell_when_writing(shared: Shared) -> None:
    transaction = SqliteDatabase.transaction

    @contextmanager
    def told(self: SqliteDatabase) -> Iterator[object]:
        with transaction(self) as connection:
            shared[IN_TRANSACTION] = 1
            yield connection
        shared[IN_TRANSACTION] = 0
        shared[CHANGES] += 1

    SqliteDatabase.transaction = told  # type: ignore[method-assign,assignment]


def fill(folder: Path, shared: Shared, drawn: random.Random) -> None:
    """Add, replace, remove, prune and rebuild for ever."""
    reports = folder / "reports"
    with opened(folder) as pipeline:
        while True:
            number = drawn.randrange(DOCUMENTS)
            file, kept = reports / f"{number}.txt", shared[BEFORE + number]
            match drawn.choice(["add", "add", "add", "remove", "prune", "rebuild", "add all"]):
                case "add":
                    shared[AFTER + number] = drawn.randrange(1, 1000)
                    file.write_text(text_of(number, shared[AFTER + number]))
                    (added,) = pipeline.add([file])
                    assert added.document == str(number), added
                case "remove" if kept:
                    shared[AFTER + number] = 0
                    pipeline.library.remove(str(number))
                case "prune" if kept:
                    file.unlink(missing_ok=True)
                    for gone in pipeline.gone([reports]):
                        shared[AFTER + int(gone.name)] = 0
                        pipeline.library.remove(gone.name)
                        shared[BEFORE + int(gone.name)] = 0
                case "rebuild" if any(shared[BEFORE + n] for n in range(DOCUMENTS)):
                    pipeline.rebuild()
            shared[BEFORE + number] = shared[AFTER + number]


def mend(folder: Path, shared: Shared, drawn: random.Random) -> None:
    with opened(folder) as pipeline:
        for _ in range(100):
            pipeline.repair()


def bring_to_the_present_format(folder: Path, shared: Shared, drawn: random.Random) -> None:
    for number in count(1):
        shutil.copytree(folder / "old", folder / f"old-{number}")
        shared[COPIED] = number
        Library.open(folder / f"old-{number}").close()


def take_elsewhere(folder: Path, shared: Shared, drawn: random.Random) -> None:
    for number in count(1):
        export_library(folder / "indexes", "kept", folder / f"{number}.rag")
        import_library(folder / f"{number}.rag", folder / "indexes", f"copy-{number}")


# --- What is looked at afterwards -----------------------------------------------------------------


def look(folder: Path, shared: Shared) -> None:
    """Every document is of the version before or after, and all that finds it is of the same
    one.
    """
    with opened(folder) as pipeline:
        library = pipeline.library
        assert library.verify() == []
        versions = [0] * DOCUMENTS
        for info in library.documents():
            number = int(info.name)
            text = library.document(info.name).text
            versions[number] = int(text.split(maxsplit=4)[3])
            assert text == text_of(number, versions[number])
            word = f"document{number}version{versions[number]}"
            assert {library.chunks([i])[i][0].document for i, _ in library.lexical(word, 99)} == {
                info.name
            }
            assert len(library.lexical(word, 99)) == info.chunks
        nearest = library.dense(
            pipeline.models.embedder.encode(["document1version1 word7"])[0], 999
        )
        assert len(library.chunks([i for i, _ in nearest])) == len(nearest)
        for number, version in enumerate(versions):
            allowed = (shared[BEFORE + number], shared[AFTER + number])
            assert version in allowed, (
                f"document {number} has version {version}, and {allowed} are before and after"
            )
            shared[BEFORE + number] = shared[AFTER + number] = version


def look_at_the_mended(folder: Path, shared: Shared) -> None:
    with opened(folder) as pipeline:
        pipeline.repair()
    look(folder, shared)


def look_at_the_old(folder: Path, shared: Shared) -> None:
    for number in range(max(1, shared[COPIED] - 1), shared[COPIED] + 1):
        with Library.open(
            folder / f"old-{number}", embedder="fake", dimension=DIMENSION
        ) as library:
            assert library.document("old") == OLD
            assert library.verify() == []
    for copy in folder.glob("old-*"):
        shutil.rmtree(copy)


def look_at_the_copies(folder: Path, shared: Shared) -> None:
    look(folder, shared)
    for file in folder.glob("*.rag"):
        import_library(file, folder / "indexes", f"again-{file.stem}")
        file.unlink()
    with Library.open(folder / "indexes" / "kept") as kept:
        documents = kept.documents()
    for name in library_names(folder / "indexes"):
        if name != "kept":
            with Library.open(folder / "indexes" / name) as copy:
                assert copy.verify() == []
                assert copy.documents() == documents
            shutil.rmtree(folder / "indexes" / name)


def damage(folder: Path) -> None:
    with (
        opened(folder) as pipeline,
        pipeline.library._store._database.counted_transaction() as database,
    ):
        database.execute(
            "DELETE FROM vectors WHERE chunk IN (SELECT id FROM chunks ORDER BY random() LIMIT 3)"
        )
        database.execute("INSERT INTO words (words) VALUES ('delete-all')")


def assert_added(pipeline: Pipeline, reports: Path) -> None:
    assert [added.outcome for added in pipeline.add([reports])] == ["added"]


# --- Who kills ------------------------------------------------------------------------------------


def in_a_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def kill_again_and_again(folder: Path) -> None:
    """Prints how often each work was killed inside a transaction and outside.

    Nothing of FAISS has a thread in this process.
    """
    (
        rag.ingest._EMBEDDED_AT_ONCE,
        rag.library.sqlite.vectors.MANY,
        rag.library.sqlite.vectors._LOOSE,
    ) = 4, 10, 10
    (folder / "reports").mkdir()
    shared, drawn = Shared(), random.Random(2026)
    (folder / "reports" / "0.txt").write_text(text_of(0, 1))
    assert (
        os.waitpid(in_a_child(lambda: assert_added(opened(folder), folder / "reports")), 0)[1] == 0
    )
    shared[BEFORE] = shared[AFTER] = 1
    write_format_1(folder / "old")
    with closing(sqlite3.connect(folder / "old" / "library.db", isolation_level=None)) as database:
        migrate(database, 2)
    tell_when_writing(shared)
    killed: dict[str, list[int]] = {}
    for number in range(KILLS):
        work, check = (mend, look_at_the_mended) if number % 10 == 8 else (fill, look)
        if number % 10 == 9:
            work, check = bring_to_the_present_format, look_at_the_old
        elif number % 10 == 7:
            work, check = take_elsewhere, look_at_the_copies
        if work is mend:
            assert os.waitpid(in_a_child(lambda: damage(folder)), 0)[1] == 0
        shared[STARTED] = shared[IN_TRANSACTION] = shared[COPIED] = 0
        seed = drawn.random()

        def begin(
            work: Callable[[Path, Shared, random.Random], None] = work, seed: float = seed
        ) -> None:
            shared[STARTED] = 1
            work(folder, shared, random.Random(seed))

        child = in_a_child(begin)
        while not shared[STARTED]:
            time.sleep(0.0005)
        time.sleep(drawn.uniform(0, LONGEST_SECONDS))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] in (signal.SIGKILL, 0), (
            f"{work.__name__} failed by itself, in round {number}"
        )
        killed.setdefault(work.__name__, [0, 0])[shared[IN_TRANSACTION]] += 1
        status = os.waitpid(in_a_child(lambda check=check: check(folder, shared)), 0)[1]
        assert status == 0, (
            f"round {number}: {work.__name__} was killed, and {check.__name__} failed"
        )
    sys.stdout.write(json.dumps({"killed": killed, "changes": shared[CHANGES]}))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be killed")
def test_whoever_is_killed_leaves_every_document_whole(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, tmp_path], env=env, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout)
    sys.stdout.write(f"{report}\n")  # how many outside a transaction, and inside
    inside = sum(counts[True] for counts in report["killed"].values())
    assert sum(sum(counts) for counts in report["killed"].values()) == KILLS
    assert inside >= KILLS / 10, report
    # On a machine that is busy with other work, a child gets little done in its time.
    assert report["changes"] > KILLS / 4


if __name__ == "__main__":
    kill_again_and_again(Path(sys.argv[1]))
