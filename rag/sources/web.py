"""Fetch one page or file that the user names, from a public address only.

Nothing here is called but where `rag add https://…` was asked for. A name is looked up once, each
address that it has must be a public one, and the connection goes to that very address; so does each
redirect. Proxies of the environment are not used.
"""

import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from rag.config import version
from rag.errors import DocumentError, UsageError
from rag.files import MAX_BYTES
from rag.types import SourceFile

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# In a library's list of files, the folder of what was fetched; the same from anywhere.
FETCHED = Path("/fetched")
_FETCH_SECONDS = 120.0  # for all of it: 50 MB on a line of 4 Mbit/s
_FETCH_SILENCE_SECONDS = 20.0
_MAX_REDIRECTS = 5
_BLOCK_BYTES = 1 << 16
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: its last bits are an IPv4 address
_OFFICE = "application/vnd.openxmlformats-officedocument"
# The kinds that are taken, with the ends of names they are read by.
_FETCHED_KINDS = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/epub+zip": ".epub",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    "application/vnd.oasis.opendocument.text": ".odt",
}
_UNSAFE_IN_NAME = re.compile(r"[^\w.-]+")


def is_public(address: Address) -> bool:
    """Return whether the address is one of the public internet, also the one it stands for."""
    inner: Address | None = None
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    is_global = address.is_global or (inner is not None and address in _NAT64)
    return is_global and not address.is_multicast and (inner is None or is_public(inner))


def fetch(
    address: str, folder: Path, is_allowed: Callable[[Address], bool] = is_public
) -> SourceFile:
    """Write what is at the address into a file of the folder; return that.

    `is_allowed` says which addresses may be connected to. Raises UsageError for an address that is
    none, and DocumentError where it is not allowed, cannot be reached, or holds no report.
    """
    asked = address
    for _ in range(_MAX_REDIRECTS + 1):
        place = _split(address)
        with closing(_Fetching(place, is_allowed)) as exchange:
            response = exchange.response
            if response.status in (301, 302, 303, 307, 308):
                address = urljoin(address, response.getheader("location", ""))
                continue
            if response.status != 200:
                raise DocumentError(
                    f"{address} answered {response.status}, where a page was expected: check the "
                    "address in a browser."
                )
            suffix = _suffix_of(response, address)
            file = folder / _file_name(place, suffix)
            file.write_bytes(exchange.body())
            first = _split(asked)
            rest = quote(first.path + (f"?{first.query}" if first.query else ""), safe="")
            return SourceFile(file, FETCHED / first.scheme / first.netloc / (rest or "-"))
    raise DocumentError(
        f"{asked} leads from address to address more than {_MAX_REDIRECTS} times: name the last "
        "one."
    )


def _split(address: str) -> SplitResult:
    try:
        place = urlsplit(address)
        known = place.scheme in ("http", "https") and place.hostname and (place.port or 1) > 0
        is_clean = address.isprintable() and " " not in address
    except ValueError:  # a port that is no number, brackets that do not match
        known = is_clean = False
    if not known or not is_clean or place.username is not None or place.password is not None:
        raise UsageError(
            f"{address!r} is no address of a page; give one like https://example.org/report.pdf, "
            "without a name and password."
        )
    return place


class _Fetching:
    """One request and its response, within limits of time and size."""

    def __init__(self, place: SplitResult, is_allowed: Callable[[Address], bool]) -> None:
        self._place = place
        self._address = place.geturl()
        self._timer: threading.Timer | None = None
        try:
            connection = self._connect(is_allowed)
            target = quote(place.path or "/", safe="/%:@!$&'()*+,;=~")
            query = f"?{quote(place.query, safe='/%:@!$&()*+,;=~?')}" if place.query else ""
            headers = {
                "Accept": ", ".join(_FETCHED_KINDS),
                "Accept-Encoding": "identity",
                "User-Agent": f"rag-reports/{version()}",
            }
            connection.request("GET", target + query, headers=headers)
            self.response = connection.getresponse()
        except (OSError, HTTPException, UnicodeError) as error:
            self.close()
            raise self._unreachable(error) from error

    def body(self) -> bytes:
        """Return the whole body. Raises DocumentError where it is too large or breaks off."""
        parts, size = [], 0
        try:
            while part := self.response.read(_BLOCK_BYTES):
                parts.append(part)
                size += len(part)
                if size > MAX_BYTES:
                    raise DocumentError(
                        f"{self._address} has more than the {MAX_BYTES / 1e6:.0f} MB that are "
                        "read: save a part of it, and add that."
                    )
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error
        if self.response.length:  # of what was announced; http.client says nothing of it
            raise self._unreachable(EOFError("it broke off"))
        return b"".join(parts)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        if hasattr(self, "_connection"):
            self._connection.close()

    def _connect(self, is_allowed: Callable[[Address], bool]) -> HTTPConnection:
        """Return a connection to an address of the host, each of which must be allowed."""
        host, secure = str(self._place.hostname), self._place.scheme == "https"
        port = self._place.port or (443 if secure else 80)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        numbers = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        if not all(is_allowed(ipaddress.ip_address(number)) for number in numbers):
            raise DocumentError(
                f"{self._address} leads to this machine or into a private network, from which "
                "nothing is fetched: save the page, and add the file."
            )
        # The address in numbers, so that nothing is looked up again.
        joined = socket.create_connection((numbers[0], port), _FETCH_SILENCE_SECONDS)
        self._timer = threading.Timer(_FETCH_SECONDS, _shut, [joined])
        self._timer.daemon = True
        self._timer.start()
        self._connection = (HTTPSConnection if secure else HTTPConnection)(
            host, port, timeout=_FETCH_SILENCE_SECONDS
        )
        self._connection.sock = joined
        if secure:
            context = ssl.create_default_context()
            self._connection.sock = context.wrap_socket(joined, server_hostname=host)
        return self._connection

    def _unreachable(self, error: Exception) -> DocumentError:
        return DocumentError(
            f"{self._address} cannot be fetched ({' '.join(str(error).split()) or 'no answer'}): "
            "check the address and the connection."
        )


def _shut(joined: socket.socket) -> None:
    """End a connection that takes too long; whoever reads from it gets an error."""
    try:
        joined.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def _suffix_of(response: HTTPResponse, address: str) -> str:
    kind = response.getheader("content-type", "").partition(";")[0].strip().lower()
    encoding = response.getheader("content-encoding", "identity").lower()
    if kind not in _FETCHED_KINDS or encoding not in ("identity", ""):
        what = kind or "of no kind that is stated"
        raise DocumentError(
            f"{address} is {what}{f' ({encoding})' if encoding != 'identity' else ''}, and only "
            f"pages, PDFs and texts are fetched: save it, and add the file."
        )
    return _FETCHED_KINDS[kind]


def _file_name(place: SplitResult, suffix: str) -> str:
    """Return a name for the file, after the last part of the address."""
    last = PurePosixPath(unquote(place.path)).name or str(place.hostname)
    stem = last[: -len(suffix)] if last.lower().endswith(suffix) else last
    return f"{_UNSAFE_IN_NAME.sub('-', stem).strip('.-')[:100] or 'page'}{suffix}"
