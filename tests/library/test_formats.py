"""Libraries of earlier formats are brought to the present one."""

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest
from libraries import (
    DIMENSION,
    OLD,
    add,
    make_document,
    new_library,
    run_function,
    texts,
    unit_vectors,
    write_format_1,
)

from rag.errors import LibraryError
from rag.library.sqlite import database as database_module
from rag.library.sqlite.database import tables
from rag.library.sqlite.schema import FORMAT
from rag.library.store import Library
from rag.types import (
    Filter,
)

AFTER = make_document("a", "Heron.")


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
            return version, sorted(tables(database))

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
    run_function(__file__, "migrate_and_die", tmp_path)
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
            rf"'old' has format 1, which must be brought to format {FORMAT}, .* cannot be written "
            "to; copy"
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
        run_function(__file__, "open_old_as_somebody_else", folder)
        folder.chmod(0o755)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
