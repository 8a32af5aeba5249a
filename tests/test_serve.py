"""The server: what it gives to whom, where it listens, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeModels, Serve

from rag import serve as server
from rag.config import Settings
from rag.errors import UsageError


def status(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_server_gives_the_page_to_this_machine_and_closes_all_the_rest(serve: Serve) -> None:
    url = serve({})
    assert status(url) == 200
    assert status(url, Host="localhost:7860", Origin="http://localhost:7860") == 200
    assert status(url, Host="elsewhere.example") == 404
    assert status(url, Origin="http://elsewhere.example") == 404
    closed = [
        "config",
        "redoc",
        "monitoring",
        "gradio_api/info",
        "gradio_api/upload",
        "gradio_api/file=/etc/hosts",
        "gradio_api/run/ask",
    ]
    assert {path: status(url + path) for path in closed} == dict.fromkeys(closed, 404)
    with urllib.request.urlopen(url, timeout=60) as response:
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert not re.search(rb"fonts\.googleapis|cdn", response.read())


def test_a_browser_keeps_scripts_and_at_this_machine_they_are_not_packed(serve: Serve) -> None:
    url = serve({})
    with urllib.request.urlopen(url, timeout=60) as response:
        script = re.search(r"assets/index-[\w-]+\.js", response.read().decode())
    assert script
    packed = {"Accept-Encoding": "br, gzip"}
    for more, how in (({}, None), ({"X-Forwarded-For": "203.0.113.5"}, "br")):
        request = urllib.request.Request(url + script[0], headers={**packed, **more})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert response.headers["content-encoding"] == how


def test_each_piece_of_a_response_is_sent_at_once() -> None:
    # asyncio turns Nagle's algorithm off only where the socket names its protocol.
    with server._listen("127.0.0.1", None) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_serving_asks_no_host_but_its_own_whatever_proxy_is_set(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    resolve = socket.getaddrinfo

    def listen(host: object, *rest: Any, **named: Any) -> Any:
        asked.append(host)
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", listen)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    serve({})
    time.sleep(0.5)  # Gradio would ask for its news on a thread
    assert "127.0.0.1" in asked
    assert set(asked) <= {"127.0.0.1", b"127.0.0.1"}


def test_a_port_that_is_taken_is_refused_when_it_was_asked_for_and_passed_over_otherwise(
    tmp_path: Path,
) -> None:
    settings = Settings(tmp_path, "default", None, "", False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=f"cannot listen at 127.0.0.1 on port {port}: it is taken"
        ):
            server.serve(settings, FakeModels(), "127.0.0.1", port)
        with (
            server._listen("127.0.0.1", None) as free,
            server._listen("127.0.0.1", None) as next_free,
        ):
            assert 7860 <= free.getsockname()[1] < next_free.getsockname()[1]
    with pytest.raises(UsageError, match="on port 70000"):
        server.serve(settings, FakeModels(), "127.0.0.1", 70000)
    with pytest.raises(UsageError, match=r"cannot listen at 192\.0\.2\.1 on any port from 7860"):
        server.serve(settings, FakeModels(), "192.0.2.1", None)


def test_ctrl_c_ends_the_page_with_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with server._listen("127.0.0.1", None) as free:
        port = free.getsockname()[1]

    def interrupt() -> None:
        while "The page is at" not in (said := capsys.readouterr().err):
            time.sleep(0.05)
        heard.append((said, status(f"http://127.0.0.1:{port}/")))
        os.kill(os.getpid(), signal.SIGINT)

    heard: list[tuple[str, int]] = []
    # Whoever runs the tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    settings = Settings(tmp_path, "default", None, "", False)
    assert server.launch(settings, FakeModels(), "127.0.0.1", port) == 0
    thread.join()
    signal.signal(signal.SIGINT, before)
    address = f"http://127.0.0.1:{port}/"
    assert heard == [(f"The page is at {address} until this window is closed.\n", 200)]
    with server._listen("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


SERVER = """
import sys
from fakes import FakeModels
from rag.cli.main import main
sys.exit(main(["serve", "--no-token", "--port", sys.argv[1]], lambda settings: FakeModels()))
"""


@pytest.mark.skipif(os.name != "posix", reason="the signal is that of POSIX systems")
def test_sigterm_with_a_page_open_ends_the_server_without_an_error(tmp_path: Path) -> None:
    with server._listen("127.0.0.1", None) as free:
        port = free.getsockname()[1]
    tests = Path(__file__).parent
    environment = {
        **os.environ,
        "RAG_INDEXES": str(tmp_path),
        "PYTHONPATH": f"{tests / 'helpers'}{os.pathsep}{tests.parent}",
    }
    command = [sys.executable, "-c", SERVER, str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert "The page is at" in process.stderr.readline()
        # Every open page holds such a stream.
        url = f"http://127.0.0.1:{port}/gradio_api/heartbeat/a1b2c3"
        with urllib.request.urlopen(url, timeout=60) as page:
            assert b"ALIVE" in page.readline()
            process.send_signal(signal.SIGTERM)
            page.read()  # to its end
        assert (process.stderr.read(), process.wait(60)) == ("", 0)
