"""Files of an attacker: reading them ends within the limits, and the server does not notice."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from attacks import ATTACKS, STYLES, letters, ring_of_styles_in_docx, ring_of_styles_in_odt
from fakes import ServiceWith
from served import GRAIN, QUESTION, started

from rag.errors import DocumentError
from rag.reading.process.worker import WorkerPool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="memory is limited on POSIX systems")
SECONDS = 10.0  # that each attack gets here, so that all are tried soon
SAMPLE = Path(__file__).parents[2] / "samples" / "seed-bank.txt"


@pytest.fixture(scope="module")
def pool() -> WorkerPool:
    return WorkerPool(seconds=SECONDS)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_read_or_refused_in_one_sentence(
    name: str, tmp_path: Path, pool: WorkerPool
) -> None:
    file = tmp_path / name
    file.write_bytes(ATTACKS[name]())
    try:
        told = pool.read(file).text
    except DocumentError as error:
        told = str(error)
        if not (told.startswith(f"{name} ") and told.endswith("add that.")):
            raise
    assert told
    assert peak_memory() < 1_000_000, "kB, of a process that has read it"
    assert pool.read(SAMPLE).title, "the next file is read"


@pytest.mark.parametrize(
    ("name", "make"), [("a.docx", ring_of_styles_in_docx), ("a.odt", ring_of_styles_in_odt)]
)
def test_a_ring_of_styles_is_read(name: str, make: Callable[[], bytes], tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(make())
    pool = WorkerPool()
    document = pool.read(file)
    pool.close()
    assert len(document.paragraphs) == STYLES


def test_the_server_answers_and_stops_while_an_attack_is_read(
    service_with: ServiceWith, tmp_path: Path
) -> None:
    service_with({"grain": GRAIN}).close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with ended_at_last(started(tmp_path / "indexes", port)) as server:
        files = {"file": ("a.txt", letters())}
        job = httpx.post(f"{url}/v1/documents", files=files, timeout=60).json()["job"]
        while not (readers := readers_of(server.pid)):
            time.sleep(0.1)
        for _ in range(3):
            assert httpx.get(f"{url}/health", timeout=10).status_code == 200
            assert httpx.get(f"{url}/", timeout=10).status_code == 200
            found = httpx.post(f"{url}/v1/search", json={"question": QUESTION}, timeout=10)
            assert found.status_code == 200
        assert httpx.get(f"{url}/v1/jobs/{job}", timeout=10).json()["status"] == "adding"
        server.terminate()
        assert server.wait(10) == 0
        assert not any(map(is_reader, readers))
    with ended_at_last(started(tmp_path / "indexes", port)):
        status = httpx.get(f"{url}/v1/jobs/{job}", timeout=10).json()["status"]
        assert status in ("waiting", "adding"), "that it was stopped is no fault of the file"


@contextmanager
def ended_at_last(server: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def peak_memory() -> int:
    """The most that a process of this one that reads files has taken, in kB."""
    peaks = [0]
    for pid in readers_of(os.getpid()):
        status = Path(f"/proc/{pid}/status").read_text()
        peaks += [int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line]
    return max(peaks)


def readers_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(child) for child in found.stdout.split() if is_reader(int(child))]


def is_reader(pid: int) -> bool:
    try:
        return b"rag.reading.process.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
