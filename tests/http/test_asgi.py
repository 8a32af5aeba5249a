"""What a request says about where it comes from, however it says it."""

import socket

import pytest
from fakes import Serve, ServiceWith
from hypothesis import given
from hypothesis import strategies as st
from served import GRAIN, serving

from rag.http.asgi import LOOPBACK, are_well_formed, is_known_host, is_same_origin

MALFORMED = [
    b"",
    b" ",
    b":",
    b":80",
    b"[",
    b"[]",
    b"[]:80",
    b"[::1",
    b"::1",
    b"[::1]x",
    b"[::1]:",
    b"[::1]:99999",
    b"[1:2]",
    b"[::g]",
    b"127.0.0.1:",
    b"127.0.0.1:x",
    b"127.0.0.1:-1",
    b"127.0.0.1:65536",
    b"127.0.0.1:99999999999999999999",
    b"user@127.0.0.1",
    b"user:secret@127.0.0.1:80",
    b"127.0.0.1/path",
    b"127.0.0.1?x",
    b"127.0.0.1, 127.0.0.1",
    b"http://127.0.0.1",
    b"caf\xc3\xa9.example",
    b"\xff\xfe",
    b"127.0.0.1%00",
    b"a" * 5000,
]


def status(port: int, request: bytes) -> int:
    """The status of the answer to a request as it stands, 0 where there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        return int(connection.recv(100).split(b" ", 2)[1] or 0)


@pytest.fixture(scope="module")
def paths() -> tuple[bytes, ...]:
    return b"/", b"/v1/documents", b"/gradio_api/queue/data"


def refused(port: int, paths: tuple[bytes, ...]) -> None:
    """Every malformed header is told so, on every kind of path."""
    for path in paths:
        for value in MALFORMED:
            host = b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, value)
            assert 400 <= status(port, host) < 500, (path, value)
            for origin in (value, b"http://" + value):
                sent = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: %s\r\n\r\n"
                if origin not in (b"http://127.0.0.1",):
                    assert 400 <= status(port, sent % (path, origin)) < 500, (path, origin)


def test_malformed_hosts_and_origins_get_an_answer_that_says_so(
    service_with: ServiceWith, paths: tuple[bytes, ...]
) -> None:
    with serving(service_with({"grain": GRAIN})) as url:
        refused(int(url.rpartition(":")[2]), paths)


def test_the_page_refuses_them_too(serve: Serve, paths: tuple[bytes, ...]) -> None:
    port = int(serve({}).rstrip("/").rpartition(":")[2])
    refused(port, paths)
    for header in (
        b"X-Forwarded-Host",
        b"X-Forwarded-Proto",
        b"X-Forwarded-For",
        b"X-Gradio-Server",
    ):
        for value in MALFORMED:
            sent = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n%s: %s\r\n\r\n" % (header, value)
            assert status(port, sent) < 500, (header, value)


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True),
        ("LOCALHOST:7860", True),
        ("[::1]:7860", True),
        ("[::1]", True),
        ("127.0.0.1.example", False),
        ("127.0.0.1:99999", False),
    ],
)
def test_a_server_knows_its_names(host: str, known: bool) -> None:
    assert is_known_host({b"host": host}, LOOPBACK) == known


@pytest.mark.parametrize(
    ("origin", "same"),
    [
        ("http://localhost:7860", True),
        ("HTTP://LocalHost:7860", True),
        ("http://localhost:7861", False),
        ("http://localhost", False),
        ("http://localhost:7860.example", False),
        ("null", False),
    ],
)
def test_an_origin_is_ours_by_name_and_port(origin: str, same: bool) -> None:
    assert is_same_origin({b"host": "localhost:7860", b"origin": origin}) == same


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_is_a_fault(host: str, origin: str) -> None:
    headers = {b"host": host, b"origin": origin}
    if is_known_host(headers, LOOPBACK) and is_same_origin(headers):
        assert are_well_formed(headers)
