"""A folder means what lies in it."""

import os
import socket
from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.files import is_of_the_system, read_regular
from rag.reading import folders
from rag.reading.documents import load
from rag.reading.folders import files_below

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "2023").mkdir(parents=True)
    (folder / "a.txt").write_text("A")
    (folder / "2023" / "b.md").write_text("B")
    (tmp_path / "secret.txt").write_text("Nobody's business")
    return folder


def found(folder: Path) -> tuple[list[str], dict[str, str]]:
    files, left_out = files_below(folder)
    return (
        [file.relative_to(folder).as_posix() for file in files],
        {path.relative_to(folder).as_posix(): reason for path, reason in left_out},
    )


def test_the_reports_are_found_and_the_rest_is_named_with_its_reason(folder: Path) -> None:
    for name in (
        ".hidden.txt",
        "~$a.docx",
        ".~lock.a.odt#",
        "picture.png",
        "node_modules/left-pad/README.md",
        ".git/description.txt",
        "__MACOSX/a.txt",
        "2023/Thumbs.db",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    assert found(folder) == (
        ["2023/b.md", "a.txt"],
        {
            ".git": folders.HIDDEN,
            ".hidden.txt": folders.HIDDEN,
            ".~lock.a.odt#": folders.LOCK_FILE,
            "2023/Thumbs.db": folders.OTHER_KIND,
            "__MACOSX": folders.OF_PROGRAMS,
            "node_modules": folders.OF_PROGRAMS,
            "picture.png": folders.OTHER_KIND,
            "~$a.docx": folders.LOCK_FILE,
        },
    )


@posix
def test_links_that_lead_out_are_skipped_and_those_inside_are_followed(folder: Path) -> None:
    out = folder.parent
    for name, target in {
        "out.txt": out / "secret.txt",
        "up": out,
        "root": Path("/"),
        "inside.txt": folder / "2023" / "b.md",
        "again": folder / "2023",
        "nothing.txt": folder / "gone.txt",
        "circle.txt": folder / "circle.txt",
        "proc.txt": Path("/proc/self/status"),
        "null.txt": Path("/dev/null"),
        "relative.txt": Path("../secret.txt"),
    }.items():
        (folder / name).symlink_to(target)
    files, left_out = found(folder)
    assert files == ["2023/b.md", "a.txt", "inside.txt"]
    assert left_out == {
        "again": folders.LINKED_FOLDER,
        "circle.txt": folders.CLOSED,
        "nothing.txt": folders.BROKEN_LINK,
    } | dict.fromkeys(
        ("null.txt", "out.txt", "proc.txt", "relative.txt", "root", "up"), folders.LEADS_OUT
    )


@posix
def test_a_folder_that_is_reached_by_a_link_is_a_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert found(tmp_path / "link")[0] == ["2023/b.md", "a.txt"]


@posix
def test_special_files_are_left_out_and_refused_before_they_are_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket is short
        server.bind("socket.txt")
        os.chdir(here)
        assert found(folder)[1] == dict.fromkeys(("pipe.txt", "socket.txt"), folders.SPECIAL)
        for name in ("pipe.txt", "socket.txt"):
            with pytest.raises(DocumentError, match="it is a device, a pipe, a socket"):
                load(folder / name)
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "pages.txt").symlink_to("/proc/self/maps")
    for name in ("zero.txt", "pages.txt"):
        with pytest.raises(DocumentError, match="it is a device, a pipe, a socket"):
            load(folder / name)


def test_no_more_is_read_than_the_limit_whatever_is_said_of_the_size(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = folder / "large.txt"
    large.write_bytes(b"x" * 10_000)
    assert read_regular(large, 100) == b"x" * 101
    monkeypatch.setattr("rag.reading.documents.MAX_BYTES", 1_000)
    small = (folder / "a.txt").stat()
    monkeypatch.setattr(Path, "stat", lambda path, **_: small)
    with pytest.raises(DocumentError, match=r"large\.txt has more than the"):
        load(large)


@posix
def test_a_pipe_that_takes_the_place_of_a_file_holds_up_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe.txt")
    regular = (folder / "a.txt").stat()
    monkeypatch.setattr(Path, "stat", lambda path, **_: regular)  # as it was a moment ago
    with pytest.raises(OSError, match="it is a device, a pipe"):
        read_regular(folder / "pipe.txt", 100)


@posix
def test_files_of_the_system_are_told_by_their_place() -> None:
    assert is_of_the_system(Path("/proc/1/mem"))
    assert is_of_the_system(Path("/sys/kernel/notes"))
    assert not is_of_the_system(Path("/home/proc/a.txt"))
    assert not is_of_the_system(Path("/dev/shm/a.txt"))


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may open any folder")
def test_a_folder_that_cannot_be_opened_is_named(folder: Path) -> None:
    (folder / "2023").chmod(0)
    assert found(folder)[1] == {"2023": folders.CLOSED}
    (folder / "2023").chmod(0o700)
