import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.errors import LibraryError
from rag.library.sqlite import database, locks
from rag.library.store import Library
from rag.types import Document

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def add(library: Library, name: str) -> None:
    document = Document(name, f"{name}.txt", name, name, "", "", "Walrus.", (), (), (), (), ())
    library.add(document, [], np.empty((0, 8), np.float32), Path("/reports") / document.file)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "reports", embedder="fake", dimension=8, create=True) as made:
        add(made, "a")
        yield made


@pytest.fixture
def writer(library: Library) -> Iterator["subprocess.Popen[str]"]:
    """Another process that writes to the library."""
    command = [sys.executable, "-c", HOLD, str(library.folder / "library.db")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class Clock:
    """A clock that only sleeping moves on, so that a test does not depend on the machine's
    speed.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@pytest.mark.skipif(not locks.LOCKS.exists(), reason="this system does not tell who holds a lock")
def test_who_waits_in_vain_is_told_for_whom(
    library: Library,
    writer: "subprocess.Popen[str]",
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(database, "time", Clock())
    with pytest.raises(
        LibraryError,
        match=rf"'reports' is in use: process {writer.pid} \(python.*\) is writing to it",
    ):
        add(library, "b")
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        f"Waiting for process {writer.pid}"
    ]


def test_a_writer_that_was_killed_holds_nobody_up(
    library: Library, writer: "subprocess.Popen[str]"
) -> None:
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    add(library, "b")
    assert [document.name for document in library.documents()] == ["a", "b"]


def test_a_writer_waits_its_turn_and_readers_go_on_meanwhile(
    library: Library, writer: "subprocess.Popen[str]"
) -> None:
    waiting = threading.Thread(target=add, args=(library, "b"))
    waiting.start()
    assert library.document("a").text == "Walrus."  # by the same connection
    assert waiting.is_alive()
    writer.communicate("")
    waiting.join(60)
    assert [document.name for document in library.documents()] == ["a", "b"]


@pytest.mark.parametrize(
    "told", ["", "nonsense\n", "1: POSIX\n", "1: POSIX ADVISORY WRITE 1 0:0:x 0 EOF\n"]
)
def test_where_the_system_tells_nothing_nobody_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    (tmp_path / "locks").write_text(told)
    monkeypatch.setattr(locks, "LOCKS", tmp_path / "locks")
    (tmp_path / "file").touch()
    assert locks.lock_owner({tmp_path / "file": 0}) == ""
    monkeypatch.setattr(locks, "LOCKS", tmp_path / "nowhere")
    assert locks.lock_owner({tmp_path / "file": 0, tmp_path / "missing": 0}) == ""


def test_only_the_writer_of_this_very_byte_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    inode = file.stat().st_ino
    lines = [
        f"1: POSIX  ADVISORY  READ 11 08:01:{inode} 120 120",
        f"2: -> POSIX  ADVISORY  WRITE 12 08:01:{inode} 120 120",
        f"3: FLOCK  ADVISORY  WRITE 13 08:01:{inode} 0 EOF",
        f"4: POSIX  ADVISORY  WRITE 14 08:01:{inode} 121 EOF",
        f"5: POSIX  ADVISORY  WRITE 15 08:01:{inode + 1} 120 120",
        f"6: POSIX  ADVISORY  WRITE {2**22 + 1} 08:01:{inode} 100 EOF",
    ]
    monkeypatch.setattr(locks, "LOCKS", tmp_path / "locks")
    (tmp_path / "locks").write_text("\n".join(lines))
    assert locks.lock_owner({file: 120}) == f"process {2**22 + 1}"
    (tmp_path / "locks").write_text("\n".join(lines[:-1]))
    assert locks.lock_owner({file: 120}) == ""
