"""Many who search while one writes.

Each search is of one state of the library, and nobody is refused.
"""

import os
import random
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path

from libraries import DIMENSION, add, make_chunks, make_document, new_library, unit_vectors

from rag.library.sqlite import vectors as vectors_module
from rag.library.store import Library

SECONDS = float(os.environ.get("RAG_TEST_SECONDS", "2"))
PROCESSES, THREADS, DOCUMENTS, PASSAGES = 4, 2, 8, 5
QUERY = unit_vectors(1, seed=5)[0]


def text_of(document: int, version: int, passage: int) -> str:
    return f"Walrus {passage} of document{document} in version{version}."


def write(folder: Path) -> None:
    """Replaces documents, and at times all of them, until there is a file `stop`.

    Prints how often.
    """
    drawn = random.Random(7)
    with Library.open(folder) as library:
        for change in count(1):
            number = drawn.randrange(DOCUMENTS)
            document = make_document(
                f"d{number}", *(text_of(number, change, passage) for passage in range(PASSAGES))
            )
            add(library, document, seed=change)
            if change % 20 == 0:
                library.optimize()
            if change % 50 == 0:
                library.rebuild(
                    "fake",
                    DIMENSION,
                    lambda document: (make_chunks(document), unit_vectors(PASSAGES, seed=1)),
                )
            if change == 1:
                print("started", flush=True)
            if (folder / "stop").exists():
                print(change)
                return


def search(library: Library, failures: list[str]) -> int:
    """Searches for some seconds; how often."""
    searches, ends = 0, time.monotonic() + SECONDS
    while time.monotonic() < ends:
        searches += 1
        with library.snapshot():
            rankings = [library.dense(QUERY, 999), library.lexical("walrus", 999)]
            chunks_of = [library.chunks([chunk for chunk, _ in found]) for found in rankings]
        for chunks in chunks_of:
            # Every document is there, whole and of one version.
            texts: dict[str, set[str]] = {}
            for chunk, *_ in chunks.values():
                texts.setdefault(chunk.document, set()).add(chunk.text)
            for name, passages in texts.items():
                version = min(passages).split("version")[1].rstrip(".")
                if passages != {
                    text_of(int(name[1:]), int(version), passage) for passage in range(PASSAGES)
                }:
                    failures.append(f"{name}: {sorted(passages)}")
            if len(chunks) != DOCUMENTS * PASSAGES:
                failures.append(f"{len(chunks)} passages were found")
        if chunks_of[0] != chunks_of[1]:
            failures.append("meaning and words have found of two states")
    return searches


def read(folder: Path) -> None:
    """Searches with several threads over one library, and prints how often."""
    failures: list[str] = []
    counts: list[int] = []
    with Library.open(folder) as library:
        threads = [
            threading.Thread(target=lambda: counts.append(search(library, failures)))
            for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert len(counts) == THREADS, "a thread was refused"
    print(sum(counts))


def test_every_search_is_of_one_state_of_the_library(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    with new_library(folder) as library:
        for number in range(DOCUMENTS):
            add(
                library,
                make_document(
                    f"d{number}", *(text_of(number, 0, passage) for passage in range(PASSAGES))
                ),
                number,
            )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def started(what: str) -> "subprocess.Popen[str]":
        command = [sys.executable, __file__, what, str(folder)]
        return subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    writer = started("write")
    assert writer.stdout
    writer.stdout.readline()
    readers = [started("read") for _ in range(PROCESSES)]
    outcomes = [reader.communicate(timeout=SECONDS + 120) for reader in readers]
    (folder / "stop").touch()
    out, error = writer.communicate(timeout=120)
    assert [process.returncode for process in (writer, *readers)] == [0] * (1 + PROCESSES), [
        error,
        *outcomes,
    ]
    changes = int(out)
    searches = [int(out) for out, _ in outcomes]
    print(f"{changes} changes, {sum(searches)} searches")
    assert changes > 10
    assert min(searches) > 5
    with Library.open(folder) as library:
        assert library.verify() == []


if __name__ == "__main__":
    vectors_module.MANY = vectors_module._LOOSE = 30
    globals()[sys.argv[1]](Path(sys.argv[2]))
