"""What goes wrong around a server.

Clients that leave, dawdle or flood it, libraries that are exchanged, and its own end.
"""

import os
import shutil
import signal
import socket
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fakes import ServiceWith
from served import GRAIN, QUESTION, SAID, finished, problem, serving, started

from rag.http import limits


def request(path: str, *headers: str, body: str = "") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json", *headers]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()


def connected(url: str) -> socket.socket:
    return socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10)


# --- Clients --------------------------------------------------------------------------------------


def test_one_who_does_not_read_holds_up_nobody(service_with: ServiceWith) -> None:
    body = f'{{"question": "{QUESTION}"}}'
    with serving(service_with({"grain": GRAIN}, *[SAID] * 9)) as url, ExitStack() as open_ones:
        for _ in range(8):
            slow = open_ones.enter_context(connected(url))
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            slow.sendall(
                request(
                    "/v1/ask",
                    "accept: text/event-stream",
                    f"content-length: {len(body)}",
                    body=body,
                )
            )
        assert (
            httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=60).json()["answer"]
            == f"{SAID}[1]"
        )


def test_one_who_leaves_in_the_middle_of_a_request_leaves_nothing(
    service_with: ServiceWith, tmp_path: Path
) -> None:
    with serving(service_with({"grain": GRAIN})) as url:
        for path in ("/v1/ask", "/v1/documents"):
            with connected(url) as half:
                half.sendall(request(path, "content-length: 1000", body='{"question": "tr'))
        assert httpx.post(f"{url}/v1/search", json={"question": QUESTION}).status_code == 200
    assert not (tmp_path / "indexes" / ".uploads").exists()


def test_a_gigabyte_is_refused_before_it_is_sent(service_with: ServiceWith) -> None:
    with serving(service_with({"grain": GRAIN})) as url:
        for path in ("/v1/ask", "/v1/documents", "/v1/chat/completions", "/mcp"):
            with connected(url) as large:
                large.sendall(request(path, f"content-length: {10**9}"))
                assert large.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_file_without_an_announced_end_is_counted(
    service_with: ServiceWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_UPLOAD", 300_000)
    received = 0

    def endless() -> Iterator[bytes]:
        nonlocal received
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        while received < 10**9:
            received += 100_000
            yield b" " * 100_000

    with serving(service_with({"grain": GRAIN})) as url:
        try:
            headers = {"content-type": "multipart/form-data; boundary=x"}
            refused = httpx.post(
                f"{url}/v1/documents", content=endless(), headers=headers, timeout=30
            )
            assert refused.status_code == 413
        except httpx.WriteError:  # the server hung up before all was said
            pass
        assert received < 10**8
        assert httpx.get(f"{url}/v1/documents").json()["documents"]


def test_connections_that_say_nothing_do_not_keep_others_out(service_with: ServiceWith) -> None:
    if os.name != "posix":
        pytest.skip("the limit is told by POSIX systems")
    import resource

    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 10_000)
    with serving(service_with({"grain": GRAIN})) as url, ExitStack() as open_ones:
        for _ in range((limit - 300) // 2):  # both ends are in this process
            open_ones.enter_context(connected(url))
        assert (
            httpx.post(f"{url}/v1/search", json={"question": QUESTION}, timeout=60).status_code
            == 200
        )


def test_a_bomb_that_is_sent_is_refused_in_a_sentence(service_with: ServiceWith) -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 20_000_000)
        archive.writestr("[Content_Types].xml", b"wordprocessingml.document")
    with (
        serving(service_with({"grain": GRAIN})) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        job = finished(
            client, client.post("/v1/documents", files={"file": ("a.docx", bomb.getvalue())})
        )
        assert job["status"] == "failed"
        assert "expands to more than" in job["reason"]
        assert client.post("/v1/search", json={"question": QUESTION}).status_code == 200


@pytest.mark.parametrize("name", ["x-request-id", "accept", "cookie", "authorization"])
def test_no_header_comes_back_as_another(service_with: ServiceWith, name: str) -> None:
    with serving(service_with({"grain": GRAIN})) as url, connected(url) as raw:
        raw.sendall(
            f"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n{name}: a\rset-cookie: b\r\n\r\n".encode()
        )
        assert b"set-cookie" not in raw.recv(10_000).lower()


# --- Libraries ------------------------------------------------------------------------------------


def test_a_library_that_is_removed_is_missed_and_one_that_takes_its_place_is_asked(
    service_with: ServiceWith, tmp_path: Path
) -> None:
    service = service_with(
        {"grain": GRAIN, "wool": {"west.txt": "Western Trade\n\nWool fell by 5 percent."}}
    )
    with serving(service) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert (
            client.post("/v1/search", json={"question": "percent"}).json()["hits"][0]["document"]
            != "west"
        )
        shutil.rmtree(tmp_path / "indexes" / "grain")
        status, detail = problem(client.post("/v1/search", json={"question": "percent"}))
        assert (status, detail[:27]) == (404, "There is no library 'grain'")
        shutil.copytree(tmp_path / "indexes" / "wool", tmp_path / "indexes" / "grain")
        assert [
            hit["document"]
            for hit in client.post("/v1/search", json={"question": "percent"}).json()["hits"]
        ] == ["west"]


def test_a_library_that_is_damaged_is_told_of(service_with: ServiceWith, tmp_path: Path) -> None:
    with serving(service_with({"grain": GRAIN})) as url:
        (tmp_path / "indexes" / "grain" / "library.db").write_bytes(b"no database" * 1000)
        status, detail = problem(httpx.post(f"{url}/v1/search", json={"question": "percent"}))
        assert status == 503
        assert "library 'grain' is damaged" in detail


# --- The end --------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="the signals are those of POSIX systems")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_accepted_is_there_after_the_server_ends_under_load(
    service_with: ServiceWith, tmp_path: Path, end: signal.Signals
) -> None:
    service_with({"grain": GRAIN}).close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = started(tmp_path / "indexes", port)
    outcomes: list[str] = []

    def ask() -> None:
        try:
            outcomes.append(
                str(
                    httpx.post(
                        f"{url}/v1/ask", json={"question": QUESTION}, timeout=600
                    ).status_code
                )
            )
        except httpx.TransportError:
            outcomes.append("cut")

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask)
        files = [
            ("file", (f"tea-{number}.txt", f"Tea {number}\n\nTea rose by {number} percent."))
            for number in range(8)
        ]
        accepted = [
            httpx.post(f"{url}/v1/documents", files=[file], timeout=600).status_code
            for file in files
        ]
        server.send_signal(end)
        assert server.wait(120) == (0 if end == signal.SIGTERM else -signal.SIGKILL)
    assert accepted == [202] * 8
    assert outcomes == (["503"] * 4 if end == signal.SIGTERM else ["cut"] * 4)

    again = started(tmp_path / "indexes", port)
    try:
        expected = {"north", "south", *(f"tea-{number}" for number in range(8))}
        names: set[str] = set()
        for _ in range(3000):  # only a failure takes so long
            names = {
                entry["document"] for entry in httpx.get(f"{url}/v1/documents").json()["documents"]
            }
            if names == expected and not list((tmp_path / "indexes" / ".uploads").iterdir()):
                break
            time.sleep(0.1)
        assert names == expected
        assert list((tmp_path / "indexes" / ".uploads").iterdir()) == []
    finally:
        again.terminate()
        again.wait(120)
