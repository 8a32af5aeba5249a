"""A file read in another process gives the same document, and costs no more than its limits."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import a_pdf

from rag.errors import DocumentError, NotFoundError, StoppedError
from rag.reading.documents import read_document
from rag.reading.pdf.document import page_image
from rag.reading.process.wire import document_from, from_line, picture_from, to_line, wire_lines
from rag.reading.process.worker import WorkerPool
from rag.types import Document

SAMPLES = sorted(Path(__file__).parents[2].glob("samples/*.[mt][dx]*"))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(seconds=60)
    yield pool
    pool.close()


@cache
def sample() -> Document:
    return read_document(SAMPLES[0])


def through(document: Document) -> Document | None:
    """The document as it arrives."""
    lines = [from_line(line) for line in wire_lines(document)]
    return document_from(iter(lines[1:]), lines[0], document.file, document.sha256)


def test_a_document_read_apart_is_the_one_read_here(pool: WorkerPool, tmp_path: Path) -> None:
    pdf = tmp_path / "grain.pdf"
    pdf.write_bytes(a_pdf("Trade in grain rose by 30 percent in May.", "Wool fell."))
    assert SAMPLES
    table = tmp_path / "crew.md"
    table.write_text("~~Old~~ crew\n\n| Ship | Cook |\n|---|---|\n| Aurora | Tor |\n")
    assert read_document(table).tables
    assert read_document(table).struck
    for file in [*SAMPLES, pdf, table]:
        assert pool.read(file) == read_document(file)


def test_a_refusal_is_the_one_of_the_reader(pool: WorkerPool, tmp_path: Path) -> None:
    broken = tmp_path / "broken.docx"
    broken.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DocumentError) as here:
        read_document(broken)
    with pytest.raises(DocumentError) as apart:
        pool.read(broken)
    assert str(apart.value) == str(here.value)


def test_a_page_is_drawn_apart_as_it_is_here(pool: WorkerPool) -> None:
    pdf = a_pdf("Trade in grain rose.", "Wool fell.")
    assert pool.draw(pdf, "grain.pdf", 2, 300) == page_image(pdf, 2, 300)
    with pytest.raises(NotFoundError, match="pages 1 to 2"):
        pool.draw(pdf, "grain.pdf", 3, 300)
    with pytest.raises(DocumentError, match="damaged"):
        pool.draw(pdf[:20], "grain.pdf", 1, 300)


@pytest.mark.parametrize(
    "lines",
    [
        [("picture", "bm8gcGljdHVyZQ=="), ("end", None)],
        [("picture", "iVBORw0KGgo=")],
        [("text", "iVBORw0KGgo="), ("end", None)],
        [("picture", "%"), ("end", None)],
        [("end", None)],
    ],
    ids=["no picture", "no end", "text", "no base 64", "nothing"],
)
def test_what_is_no_picture_is_not_believed(lines: list[tuple[str, object]]) -> None:
    with pytest.raises(ValueError, match=r"."):
        picture_from(iter(lines[1:]), lines[0])


@settings(deadline=None)
@given(text=st.text(min_size=1), title=st.text())
def test_any_text_crosses_unchanged(text: str, title: str) -> None:
    whole = sample()
    document = replace(whole, text=whole.text + text, title=title)
    assert through(document) == document


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("paragraphs", [[1, "text", 0, 5, 4]]),
        ("paragraphs", [[1, "text", 0, 0, 10**9]]),
        ("paragraphs", [[1, "text", 99, 0, 1]]),
        ("paragraphs", [[1, "script", 0, 0, 1]]),
        ("paragraphs", [[1, "text", 0, 0]]),
        ("paragraphs", [[1, "text", 0, 0, 1.5]]),
        ("paragraphs", [None]),
        ("notes", [["1", 2, 0, 1]]),
        ("boxes", [[0, 1, 0, 0.0, 0.0, 1.0, 1.0]]),
        ("sections", [["Heading", [1], 0, 1]]),
        ("text", 5),
        ("end", None),
        ("struck", [[10**9, "gone"]]),
        ("facts", [["colour", "red", "page 1"]]),
        ("tables", [[0, 1, [3], 0]]),
        ("cells", [[10**6, 0, 1, 0, 0, 1]]),
        ("cells", [[0, 0, 1, 0, 0]]),
    ],
)
def test_what_is_no_document_is_not_believed(table: str, rows: object) -> None:
    document = read_document(SAMPLES[0])
    lines = [from_line(line) for line in wire_lines(document)]
    forged = lines[:-1] if table == "end" else [*lines[:-1], (table, rows), lines[-1]]
    with pytest.raises((ValueError, TypeError)):
        document_from(iter(forged[1:]), forged[0], "a.txt", "")


@pytest.mark.parametrize("line", [b'["text","a"]', b"[1,2]\n", b'["x",NaN]\n', b"{}\n", b"\n"])
def test_a_line_that_is_none_is_not_believed(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_no_line_is_long(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("The quay was built. " * 100_000, encoding="utf-8")
    assert max(map(len, wire_lines(read_document(file)))) < 1_300_000
    assert json.loads(to_line("text", "\u20ac")) == ["text", "\u20ac"]


def test_a_file_that_takes_too_long_is_told_in_a_sentence_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    pool = WorkerPool(seconds=3)
    slow = tmp_path / "slow.txt"
    slow.write_bytes(b"a\n\n" * 2_000_000)
    with pytest.raises(DocumentError) as error:
        pool.read(slow)
    assert str(error.value) == "slow.txt takes longer than 3 s to read: split it and add that."
    patient = WorkerPool(seconds=60)
    assert patient.read(SAMPLES[0]).text
    pool.close()
    patient.close()


def test_a_file_that_takes_too_much_memory_is_told_in_a_sentence(tmp_path: Path) -> None:
    pool = WorkerPool(seconds=60, memory=250_000_000)
    large = tmp_path / "large.txt"
    large.write_bytes(b"The quay was built in 1931. " * 1_500_000)
    with pytest.raises(DocumentError) as error:
        pool.read(large)
    assert str(error.value).startswith("large.txt takes more than 250 MB of memory to read")
    assert pool.read(SAMPLES[0]).text, "the next file is read"
    pool.close()


def test_a_process_that_dies_between_two_files_costs_no_file(pool: WorkerPool) -> None:
    pool.read(SAMPLES[0])
    os.kill(children()[-1], signal.SIGKILL)
    assert pool.read(SAMPLES[1]).text


def test_one_process_reads_many_files(pool: WorkerPool) -> None:
    pool.read(SAMPLES[0])
    before = children()
    for file in SAMPLES:
        pool.read(file)
    assert children() == before


def test_stopping_ends_a_reading_at_once(tmp_path: Path) -> None:
    pool = WorkerPool(seconds=100)
    slow = tmp_path / "slow.txt"
    slow.write_bytes(b"a\n\n" * 2_000_000)
    raised: list[Exception] = []

    def read() -> None:
        try:
            pool.read(slow)
        except StoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(2)
    pool.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert "was stopped" in str(raised[0])


@pytest.mark.skipif(os.name == "nt", reason="Windows ends the children of a console itself")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path, how: signal.Signals) -> None:
    """Even in the midst of a file, while a pattern holds the interpreter."""
    slow = tmp_path / "slow.txt"
    slow.write_bytes(b"a\n\n" * 3_000_000)
    code = (
        "import sys; from pathlib import Path; from rag.reading.process.worker import WorkerPool; "
        "pool = WorkerPool(); pool.start(); print('begins', flush=True); "
        "pool.read(Path(sys.argv[1]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(slow)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout
        parent.stdout.readline()
        time.sleep(3)
        child = children(parent.pid)[0]
        parent.send_signal(how)
        parent.wait(10)
    assert ended(child), "it reads on without anybody who waits for it"


def children(of: int | None = None) -> list[int]:
    """The processes that this one, or another, has started."""
    of = of or os.getpid()
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(of)], capture_output=True, text=True)
    live = (int(pid) for pid in found.stdout.split())
    return sorted(pid for pid in live if reads(pid))


def reads(pid: int) -> bool:
    try:
        return b"rag.reading.process.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def ended(pid: int) -> bool:
    for _ in range(100):
        if not reads(pid):
            return True
        time.sleep(0.1)
    return False
