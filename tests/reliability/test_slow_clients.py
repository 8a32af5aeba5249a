"""Clients that say nothing, or half of what they have to say, keep nobody else waiting."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from fakes import Serve
from served import GRAIN, QUESTION

from rag.http.asgi import Message, Receive, Send
from rag.http.connections import protocol_class

HALF = {
    "nothing": b"",
    "half a line": b"POST /v1/as",
    "headers without an end": b"POST /v1/ask HTTP/1.1\r\nhost: 127.0.0.1\r\n",
    "half a body": (
        b"POST /v1/ask HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b'content-length: 1000\r\n\r\n{"question": "tr'
    ),
    "half a file": (
        b"POST /v1/documents HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        b"content-type: multipart/form-data; boundary=x\r\ncontent-length: 1000000\r\n\r\n--x\r\n"
    ),
}
PAGE_ROUTES = ("/", "/gradio_api/queue/join", "/gradio_api/upload", "/anything")


def connected(url: str) -> socket.socket:
    return socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=60)


def assert_serves(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/").status_code == 200
        assert client.post("/v1/search", json={"question": QUESTION}).status_code == 200


def test_silent_and_half_sent_requests_lock_nobody_out(serve: Serve) -> None:
    """A thousand of each kind of half a request, then as many silent ones as files may be open."""
    most = 5_000
    if os.name == "posix":
        import resource

        # Both ends are in this process.
        most = min(most, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1_000) // 2)
    url = serve({"default": GRAIN})
    for half in HALF.values():
        with ExitStack() as open_ones:
            for _ in range(1_000 if half else most):
                try:
                    client = open_ones.enter_context(connected(url))
                    client.sendall(half)
                except ConnectionError:  # it made room already
                    continue
            assert_serves(url)
    assert_serves(url)


@pytest.mark.parametrize("path", PAGE_ROUTES)
def test_no_route_of_the_page_takes_a_gigabyte(serve: Serve, path: str) -> None:
    url, sent = serve({"default": GRAIN}), 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 10**9:
            sent += 100_000
            yield b" " * 100_000

    announced = f"POST {path} HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\ncontent-length: {10**9}"
    with connected(url) as client:
        client.sendall(f"{announced}\r\n\r\n".encode())
        assert client.recv(1_000).split()[1] in (b"413", b"404")
    try:
        answer = httpx.post(f"{url}{path}", content=endless(), timeout=60)
        assert answer.status_code in (413, 404, 405)
    except httpx.TransportError:  # the server hung up before all was said
        pass
    assert sent < 10**8


# --- Deadlines ------------------------------------------------------------------------------------


@contextmanager
def answering(most: int, head: float, body: float) -> Iterator[str]:
    """A server with these limits, which waits for the body and a second more."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
        await asyncio.sleep(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=protocol_class(most, head, body), log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1_000) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("half", HALF.values(), ids=HALF)
def test_half_a_request_is_closed(half: bytes) -> None:
    with answering(100, head=0.3, body=0.3) as url, connected(url) as client:
        client.sendall(half)
        assert is_closed(client)


def test_half_of_a_second_request_is_closed() -> None:
    with answering(100, head=0.5, body=5) as url, connected(url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT")
        assert b"200 OK" in client.recv(1_000)
        while client.recv(1_000):
            pass


def test_a_request_that_is_being_answered_is_left_in_peace() -> None:
    with answering(100, head=0.3, body=0.3) as url, connected(url) as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc")
        assert b"200 OK" in client.recv(1_000)


def test_the_one_who_has_waited_longest_makes_room_and_no_one_who_is_answered() -> None:
    with answering(3, head=60, body=60) as url, ExitStack() as open_ones:
        asked = open_ones.enter_context(connected(url))
        asked.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        first, second = (open_ones.enter_context(connected(url)) for _ in range(2))
        assert httpx.get(url, timeout=60).text == "0", "a newcomer is answered"
        assert is_closed(first)
        assert b"200 OK" in asked.recv(1_000)
        second.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert b"200 OK" in second.recv(1_000), "one made room, and no more"
