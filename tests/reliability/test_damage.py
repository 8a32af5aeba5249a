"""What happens to the files of a library from outside.

Each is told in one sentence or heals, and no search is silently wrong.
"""

import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from libraries import (
    DIMENSION,
    add,
    make_chunks,
    make_document,
    nearest_by_numpy,
    new_library,
    unit_vectors,
)

from rag.errors import LibraryError, RagError
from rag.library.backup import export_library
from rag.library.sqlite import vectors as vectors_module
from rag.library.store import Library

QUERIES = unit_vectors(3, seed=77)


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thirty vectors there are codes, so that a small library has a file of them."""
    monkeypatch.setattr(vectors_module, "MANY", 30)
    monkeypatch.setattr(vectors_module, "_LOOSE", 30)


def fill(folder: Path, seed: int = 0) -> None:
    with new_library(folder) as library:
        for number in range(6):
            add(
                library,
                make_document(f"d{number}", *(f"Walrus {i} of {number}." for i in range(8))),
                seed=seed + number,
            )
        library.optimize()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library of six documents and 48 passages with a file of codes."""
    fill(tmp_path / "reports")
    return tmp_path / "reports"


def assert_right(folder: Path) -> None:
    """Whatever is found is what NumPy finds in the database, and what the words say."""
    with Library.open(folder, embedder="fake", dimension=DIMENSION) as library:
        for query in QUERIES:
            assert [chunk for chunk, _ in library.dense(query, 5)] == nearest_by_numpy(
                library, query, 5
            )
        held = {
            i: chunk.text
            for i, (chunk, *_) in library.chunks(range(1, 200)).items()
            if "Walrus" in chunk.text
        }  # type: ignore[arg-type]
        assert {i for i, _ in library.lexical("walrus", 999)} == set(held)
        for info in library.documents():
            document = library.document(info.name)
            assert document.text.startswith("Walrus 0 of")


def told(work: Callable[[], object]) -> str:
    """The one sentence with which the work ended.

    "" where it went well. Any other error is the test's.
    """
    try:
        work()
    except RagError as error:
        message = str(error)
        assert "\n" not in message
        assert message.endswith(".")
        return message
    return ""


def whole_or_told(folder: Path) -> str:
    """What a user is told who opens, checks and searches the library.

    "" where all of it is right.
    """

    def verified() -> None:
        with Library.open(folder, embedder="fake", dimension=DIMENSION) as library:
            if faults := library.verify():
                raise LibraryError(" ".join(faults).replace("\n", " "))

    return told(verified) or told(lambda: assert_right(folder))


def printed_by(work: Callable[[Path], None], folder: Path) -> list[str]:
    """The lines that a work of this module prints in a process of its own, to which it may do
    what cannot be undone.
    """
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, __file__, work.__name__, str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def cut(data: bytes, random: np.random.Generator) -> bytes:
    return data[: random.integers(len(data))]


def flip(data: bytes, random: np.random.Generator) -> bytes:
    flipped = bytearray(data)
    for place in random.integers(len(data), size=5):
        flipped[place] ^= 1 << random.integers(8)
    return bytes(flipped)


def overwrite(data: bytes, random: np.random.Generator) -> bytes:
    place = random.integers(len(data))
    return data[:place] + random.bytes(700) + data[place + 700 :]


@pytest.mark.parametrize("damage", [cut, flip, overwrite])
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_database_is_told_or_right(
    folder: Path, damage: Callable[[bytes, np.random.Generator], bytes], seed: int
) -> None:
    file = folder / "library.db"
    file.write_bytes(damage(file.read_bytes(), np.random.default_rng(seed)))
    whole_or_told(folder)


def with_changes_beside(folder: Path) -> None:
    """Leaves the last changes in the file beside the database, as a crash does."""
    copy = folder.with_name("copy")
    with Library.open(folder) as library:
        library._store._database._connection.execute("PRAGMA wal_autocheckpoint = 0")
        add(library, make_document("late", "Walrus 0 of late."), seed=50)
        shutil.copytree(folder, copy)
    shutil.rmtree(folder)
    copy.rename(folder)
    assert (folder / "library.db-wal").stat().st_size > 0


@pytest.mark.parametrize("damage", [cut, flip, overwrite])
@pytest.mark.parametrize("seed", range(8))
def test_damaged_changes_beside_the_database_are_told_or_undone(
    folder: Path, damage: Callable[[bytes, np.random.Generator], bytes], seed: int
) -> None:
    with_changes_beside(folder)
    file = folder / "library.db-wal"
    file.write_bytes(damage(file.read_bytes(), np.random.default_rng(seed)))
    assert whole_or_told(folder) == "", "SQLite leaves out what fails its checksums"
    with Library.open(folder) as library:
        assert len(library.documents()) in (6, 7)


def test_changes_beside_the_database_that_are_lost_leave_what_was_before(folder: Path) -> None:
    with_changes_beside(folder)
    (folder / "library.db-wal").unlink()
    assert whole_or_told(folder) == ""


def test_changes_of_another_library_are_not_taken_for_ours(folder: Path, tmp_path: Path) -> None:
    with_changes_beside(folder)
    fill(tmp_path / "other", seed=100)
    with_changes_beside(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "library.db-wal", folder / "library.db-wal")
    (folder / "library.db-shm").unlink(missing_ok=True)
    whole_or_told(folder)


@pytest.mark.parametrize("damage", [cut, flip, overwrite])
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_of_codes_is_never_read_and_heals(
    folder: Path, damage: Callable[[bytes, np.random.Generator], bytes], seed: int
) -> None:
    (file,) = folder.glob("*.faiss")
    file.write_bytes(damage(file.read_bytes(), np.random.default_rng(seed)))
    assert_right(folder)
    with Library.open(folder) as library:
        assert library.verify() == [
            "The file of vectors is missing or damaged; searches do without it and are slower."
        ]
        library.optimize()
        assert library.verify() == []
    assert_right(folder)


def test_a_file_of_codes_from_another_library_is_never_read(folder: Path, tmp_path: Path) -> None:
    fill(tmp_path / "other", seed=100)
    (mine,), (theirs,) = folder.glob("*.faiss"), (tmp_path / "other").glob("*.faiss")
    shutil.copy(theirs, mine)
    assert_right(folder)
    shutil.copy(
        tmp_path / "other" / "library.db", folder / "library.db"
    )  # the codes are now those of another database
    assert_right(folder)


def test_a_restored_copy_is_right_beside_a_newer_file_of_codes(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "before")
    with Library.open(folder) as library:
        for number in range(6):
            library.remove(f"d{number}")
            add(
                library,
                make_document(f"n{number}", *(f"Walrus {i} of {number}." for i in range(8))),
                seed=200 + number,
            )
        library.optimize()
    shutil.copy(tmp_path / "before" / "library.db", folder / "library.db")
    for end in ("-wal", "-shm"):
        (folder / f"library.db{end}").unlink(missing_ok=True)
    assert_right(folder)


def test_a_clock_that_was_set_back_changes_nothing(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    assert whole_or_told(folder) == ""
    with Library.open(folder) as library:
        add(library, make_document("d1", "Walrus 0 of now."), seed=9)
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    assert whole_or_told(folder) == ""


@pytest.mark.parametrize("left", [0, 1, 4])
def test_a_library_of_which_little_is_left_needs_no_codes(folder: Path, left: int) -> None:
    with Library.open(folder) as library:
        for info in library.documents():
            library.remove(info.name)
        if left:
            add(library, make_document("d0", *(f"Walrus {i} of 0." for i in range(left))), seed=3)
        library.optimize()
        assert library.verify() == []
    assert list(folder.glob("*.faiss")) == []
    assert_right(folder)


# --- Permissions ----------------------------------------------------------------------------------


def look_as_somebody_else(folder: Path) -> None:
    """Prints what a user is told to whom the folder does not belong."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)

    def search() -> None:
        with Library.open(folder, embedder="fake", dimension=DIMENSION) as library:
            assert len(library.dense(QUERIES[0], 99)) == len(library.lexical("walrus", 99)) == 48

    def change() -> None:
        with Library.open(folder, embedder="fake", dimension=DIMENSION) as library:
            library.remove("d1")

    sys.stdout.write(f"{told(search)}\n{told(change)}\n")


UNOPENED = "cannot be opened; check the permissions of its folder."
UNSEEN = "cannot be opened (Permission denied); check the permissions of its folder."


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of a POSIX file system")
@pytest.mark.parametrize(
    ("mode", "folder_mode", "searching", "changing"),
    [
        (0o444, 0o555, "", "cannot be written to; check the permissions of its folder."),
        (0o000, 0o555, UNOPENED, UNOPENED),
        (0o444, 0o000, UNSEEN, UNSEEN),
    ],
)
def test_missing_permissions_are_told(
    mode: int, folder_mode: int, searching: str, changing: str
) -> None:
    with (
        tempfile.TemporaryDirectory() as made
    ):  # pytest's own folders are open to their owner alone
        folder = Path(made) / "reports"
        fill(folder)
        for file in folder.iterdir():
            file.chmod(mode)
        folder.chmod(folder_mode)
        Path(made).chmod(0o755)
        printed = printed_by(look_as_somebody_else, folder)
        folder.chmod(0o755)
    expected = [message and f"The library 'reports' {message}" for message in (searching, changing)]
    assert printed == expected


# --- A disk that is full or broken ----------------------------------------------------------------

LONG = make_document("long", *(f"Walrus {i} of long. {'word ' * 300}" for i in range(100)))


def add_with_little_room(folder: Path) -> None:
    """Adds with limits on the size of a file that rise step by step, until one is enough.

    Each failure leaves what was before.
    """
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    failed = 0
    for room in range(0, 4_000_000, 48 * 1024):
        shutil.rmtree(copy := folder.with_name("copy"), ignore_errors=True)
        shutil.copytree(folder, copy)
        with Library.open(copy) as library:
            size = max(file.stat().st_size for file in copy.iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, resource.RLIM_INFINITY))
            message = told(lambda library=library: add(library, LONG))
            resource.setrlimit(
                resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
            if message:
                failed += 1
                assert [info.name for info in library.documents()] == [f"d{n}" for n in range(6)]
                assert message.startswith("The library 'copy' ")
                assert "damaged" not in message, "the disk is full, not the library broken"
            assert library.verify() == []
        assert_right(copy)
        if not message:
            sys.stdout.write(f"{failed}\n")
            return
    raise AssertionError("no room was enough")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_full_disk_is_told_and_leaves_what_was_before(folder: Path) -> None:
    (failed,) = printed_by(add_with_little_room, folder)
    assert int(failed) > 3


def test_a_database_that_may_not_grow_is_told_and_unchanged(folder: Path) -> None:
    with Library.open(folder) as library:
        connection = library._store._database._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        for more in range(0, 200, 5):
            connection.execute(f"PRAGMA max_page_count = {pages + more}")
            message = told(lambda: add(library, LONG))
            if not message:
                break
            assert (
                message
                == "The library 'reports' is unchanged, the disk is full; make room and try again."
            )
            assert len(library.documents()) == 6
            assert library.verify() == []
        assert more > 20
        assert library.document("long") == LONG


SYNCING = {"x86_64": (74, 75), "aarch64": (82, 83)}  # the numbers of fsync and fdatasync


def fail_to_sync() -> None:
    """From now on the kernel answers every fsync and fdatasync of this process with an error of
    the disk (seccomp(2)).
    """
    import ctypes
    import errno
    import struct

    fsync, fdatasync = SYNCING[platform.machine()]
    load, if_equal, answer = 0x20, 0x15, 0x06  # BPF_LD+W+ABS, BPF_JMP+JEQ+K, BPF_RET+K
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (load, 0, 0, 0),  # the number of the system call
            (if_equal, 1, 0, fsync),
            (if_equal, 0, 1, fdatasync),
            (answer, 0, 0, 0x00050000 | errno.EIO),  # SECCOMP_RET_ERRNO
            (answer, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
        )
    )
    held = ctypes.create_string_buffer(program)
    filter_program = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS"
    assert libc.prctl(22, 2, filter_program, 0, 0) == 0, os.strerror(
        ctypes.get_errno()
    )  # PR_SET_SECCOMP
    with tempfile.TemporaryFile() as file, pytest.raises(OSError, match=os.strerror(errno.EIO)):
        os.fsync(file.fileno())


def change_while_nothing_is_synced(folder: Path) -> None:
    """Prints what a user is told of each change, of which none may come about."""
    fail_to_sync()
    with Library.open(folder) as library:
        changes: list[Callable[[], object]] = [
            lambda: add(library, LONG),
            lambda: library.remove("d1"),
            lambda: library.rebuild(
                "other", DIMENSION, lambda document: (make_chunks(document), unit_vectors(8))
            ),
            lambda: export_library(folder.parent, folder.name, folder.with_name("copy.rag")),
        ]
        for change in changes:
            sys.stdout.write(f"{told(change)}\n")
            assert [info.name for info in library.documents()] == [f"d{n}" for n in range(6)]
            assert library._store._database.state().embedder == "fake"
            assert_right(folder)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SYNCING,
    reason="needs Linux, to make fsync fail",
)
def test_what_cannot_be_synced_is_told_and_does_not_come_about(folder: Path) -> None:
    printed = printed_by(change_while_nothing_is_synced, folder)
    assert (
        printed
        == [
            "The library 'reports' is unchanged, for the disk has failed or is full; check it "
            "and try again."
        ]
        * 4
    )
    with Library.open(folder) as library:
        assert library.verify() == []
        assert len(library.documents()) == 6
        add(library, LONG)
    assert_right(folder)
    assert not list(folder.parent.glob("copy*"))


@pytest.mark.parametrize("steps", range(0, 4000, 200))
def test_a_change_that_is_interrupted_within_sqlite_is_undone(folder: Path, steps: int) -> None:
    """SQLite stops by itself after so many of its steps.

    No write fails here; those of `add_with_little_room` do.
    """
    with Library.open(folder) as library:
        connection = library._store._database._connection
        left = steps

        def stop() -> bool:
            nonlocal left
            left -= 50
            return left < 0

        connection.set_progress_handler(stop, 50)
        message = told(lambda: add(library, LONG))
        connection.set_progress_handler(None, 0)
        assert len(library.documents()) == (6 if message else 7)
        assert library.verify() == []
    assert_right(folder)


if __name__ == "__main__":
    vectors_module.MANY = vectors_module._LOOSE = 30
    globals()[sys.argv[1]](Path(sys.argv[2]))
