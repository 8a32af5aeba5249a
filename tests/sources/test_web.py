"""Pages and files of the web: what is fetched, and what is refused."""

import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import TRAINS, documents_of, main
from served import a_pdf

from rag.errors import DocumentError, UsageError
from rag.files import MAX_BYTES
from rag.sources import web
from rag.sources.web import Address, fetch, is_public

PAGE = f"<html><head><title>Night Trains</title></head><body><p>{TRAINS}</p></body></html>"
Answer = tuple[int, dict[str, str], bytes]
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def site() -> Iterator[Callable[[dict[str, Answer]], str]]:
    """Serve answers by their paths on this machine; return the address of the root."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: dict[str, Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def here_alone(address: Address) -> bool:
    """Let the test's own server through, and what is public."""
    return address == ipaddress.ip_address("127.0.0.1") or is_public(address)


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/reports/night%20trains.html", "text/html", "night-trains.html"),
        ("/", "text/html; charset=utf-8", "127.0.0.1.html"),
        ("/download?id=7", "application/pdf", "download.pdf"),
        ("/..%2F..%2Fetc%2Fpasswd", "text/plain", "passwd.txt"),
    ],
)
def test_a_page_is_named_after_its_address_and_read_by_its_kind(
    path: str, kind: str, name: str, site: Callable[..., str], tmp_path: Path
) -> None:
    root = site({path: (200, {"Content-Type": kind}, b"x")})
    source = fetch(f"{root}{path}", tmp_path, here_alone)
    assert source.file == tmp_path / name
    assert source.file.read_bytes() == b"x"
    assert source.path.is_relative_to(web.FETCHED)


PRIVATE = "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1"
PRIVATE += " ::1 fe80::1 fc00::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 2002:7f00:1:: 64:ff9b::7f00:1"
PUBLIC = "93.184.215.14 2606:2800:21f:cb07:6820:80da:af6b:8b2c 64:ff9b::5db8:d70e"


@pytest.mark.parametrize("number", [*PRIVATE.split(), *PUBLIC.split()])
def test_only_public_addresses_are_public_also_those_within_others(number: str) -> None:
    assert is_public(ipaddress.ip_address(number)) == (number in PUBLIC.split())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433"])
def test_this_machine_is_refused_by_whatever_name_and_never_asked(
    host: str, site: Callable[..., str], tmp_path: Path
) -> None:
    port = site({"/": (200, HTML, b"secret")}).rpartition(":")[2]
    with pytest.raises(DocumentError, match=r"private network|cannot be fetched"):
        fetch(f"http://{host}:{port}/", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_one_private_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", (number, 80)) for number in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(DocumentError, match="private network"):
        fetch("http://example.org/", tmp_path)


def test_the_address_that_was_looked_at_is_the_one_connected_to(
    site: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere at each look-up (DNS rebinding) leads nowhere."""
    port = int(site({"/": (200, HTML, b"page")}).rpartition(":")[2])
    numbers = iter(["127.0.0.1", "10.0.0.1", "10.0.0.1"])
    real = socket.getaddrinfo

    def lookup(host: str, *rest: object, **more: object) -> object:
        known = next(numbers) if host == "rebinding.example" else host
        return real(known, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    source = fetch(f"http://rebinding.example:{port}/", tmp_path, here_alone)
    assert source.file.read_bytes() == b"page"


def test_a_redirect_is_followed_and_looked_at_like_any_address(
    site: Callable[..., str], tmp_path: Path
) -> None:
    root = site(
        {
            "/old": (301, {"Location": "/new"}, b""),
            "/new": (200, HTML, b"page"),
            "/inside": (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""),
            "/file": (302, {"Location": "file:///etc/passwd"}, b""),
            "/round": (302, {"Location": "/round"}, b""),
        }
    )
    source = fetch(f"{root}/old", tmp_path, here_alone)
    assert source.file.read_bytes() == b"page"
    assert source.path.name == "%2Fold"  # so that adding it again finds it again
    with pytest.raises(DocumentError, match="private network"):
        fetch(f"{root}/inside", tmp_path, here_alone)
    with pytest.raises(UsageError, match="no address of a page"):
        fetch(f"{root}/file", tmp_path, here_alone)
    with pytest.raises(DocumentError, match="more than 5 times"):
        fetch(f"{root}/round", tmp_path, here_alone)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, {"Content-Type": "video/mp4"}, b"x"), "is video/mp4, and only pages"),
        ((200, {}, b"x"), "is of no kind that is stated"),
        ((200, {**HTML, "Content-Encoding": "gzip"}, b"x"), "text/html \\(gzip\\)"),
        ((404, HTML, b"x"), "answered 404"),
        ((200, {**HTML, "Content-Length": "9"}, b"x"), "cannot be fetched"),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(
    answer: Answer, reason: str, site: Callable[..., str], tmp_path: Path
) -> None:
    root = site({"/": answer})
    with pytest.raises(DocumentError, match=reason):
        fetch(f"{root}/", tmp_path, here_alone)
    assert list(tmp_path.iterdir()) == []


def test_a_page_without_an_end_is_broken_off(
    site: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 1000)
    assert MAX_BYTES > 1000
    root = site({"/": (200, HTML, b"x" * 200_000)})
    with pytest.raises(DocumentError, match="more than the 0 MB"):
        fetch(f"{root}/", tmp_path, here_alone)


def test_a_server_that_takes_too_long_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_FETCH_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DocumentError, match="cannot be fetched"):
            fetch(f"http://127.0.0.1:{port}/", tmp_path, here_alone)


@pytest.mark.parametrize(
    "address", ["http://", "https://me:secret@example.org/", "http://a:99999/", "http://a b/"]
)
def test_what_is_no_address_is_wrong_use(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no address of a page"):
        fetch(address, tmp_path)


def test_addresses_are_added_found_again_and_their_pages_shown(
    site: Callable[..., str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers: dict[str, Answer] = {
        "/trains": (200, HTML, PAGE.encode()),
        "/wool.pdf": (200, {"Content-Type": "application/pdf"}, a_pdf("Wool fell by 5 percent.")),
    }
    root = site(answers)
    monkeypatch.setattr(fetch, "__defaults__", (here_alone,))
    urls = [f"{root}/trains", f"{root}/wool.pdf", f"{root}/gone"]
    assert main(["add", "--json", *urls]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [row["outcome"] for row in told] == ["added", "added", "failed"]
    assert "answered 404" in told[2]["reason"]
    assert main(["add", "--json", urls[0]]) == 0
    assert [row["outcome"] for row in json.loads(capsys.readouterr().out)] == ["unchanged"]
    answers["/trains"] = (200, HTML, PAGE.replace("nine", "ten").encode())
    assert main(["add", "--json", urls[0]]) == 0
    assert [row["outcome"] for row in json.loads(capsys.readouterr().out)] == ["replaced"]
    assert documents_of(capsys) == ["trains", "wool"]
    (copy,) = (folder / "indexes" / "default" / "files").glob("*.pdf")
    assert copy.read_bytes() == answers["/wool.pdf"][2]


def test_addresses_and_files_are_added_one_after_the_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["add", "trains.txt", "https://example.org/"]) == 2
    assert "are added one after the other" in capsys.readouterr().err
