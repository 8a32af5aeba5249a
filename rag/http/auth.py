"""Who may ask the server what, and how much.

ASGI middleware in front of the API, the MCP endpoint and the page.
"""

import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rag.errors import UsageError
from rag.files import MAX_BYTES

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 1_000_000  # bytes of a request without a file: the longest question with a long history
MAX_UPLOAD = MAX_BYTES + 100_000  # bytes of a file with the form around it
REQUESTS_A_MINUTE = 600  # for each token; bursts up to as many
SHORTEST_TOKEN = 16  # characters: what is shorter can be guessed over a network
UPLOADS = "/v1/documents"
OURS = (
    "/v1/",
    "/mcp",
    "/health",
    "/ready",
    "/metrics",
)  # the rest is the page, which guards itself
_OPEN = ("/health", "/ready")  # for those who watch over a server and hold no token
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE = "rag_token"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]*")  # as it may stand in a header and a cookie
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_log = logging.getLogger("rag.http.auth")


def read_token(host: str, file: Path | None, setting: str) -> str:
    """Return the token of `file`, or else that of the setting RAG_TOKEN.

    It is "" where this machine alone can ask and none is set.

    Raises UsageError where the file cannot be read, the token is short, or there is none and other
    machines could ask.
    """
    try:
        token = (file.read_text(encoding="utf-8") if file else setting).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The token in {str(file)!r} cannot be read; name a text file of one line."
        ) from error
    if not (file or token) and host in LOOPBACK:
        return ""
    if len(token) < SHORTEST_TOKEN or not _TOKEN.fullmatch(token):
        found = f"has {len(token)} characters" if token else "is missing"
        raise UsageError(
            f"The token that keeps others out at {host} {found}, and {SHORTEST_TOKEN} or more "
            f"letters, digits and the like "
            "without spaces are expected; set RAG_TOKEN, name a file with --token-file, or leave "
            "--host away."
        )
    return token


@dataclass(slots=True)
class Allowance:
    """How much one asker may still ask: a bucket of `size` that fills evenly within a minute."""

    size: float
    left: float = field(init=False)
    at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.left = self.size

    def take(self, now: float) -> float:
        """Take one; 0, or the seconds until there is one."""
        if self.at:
            self.left = min(self.size, self.left + (now - self.at) * self.size / 60)
        self.at = now
        if self.left < 1:
            return (1 - self.left) * 60 / self.size
        self.left -= 1
        return 0.0


class Access:
    """Checks what a request says of itself before anything reads it, numbers it, limits its body
    and logs what became of it.

    The log is a line of JSON for each request of a program, without its query and body; the names
    of documents in paths are left out by the routes' own names.
    """

    def __init__(
        self,
        app: App,
        hosts: frozenset[str] | None,
        token: str = "",
        key: str = "",
        ended: Callable[[str, int, float], None] = lambda *_: None,
        requests_a_minute: int = REQUESTS_A_MINUTE,
    ) -> None:
        """`hosts` are the names the server may be asked by, None for all.

        With a `token` every request must bear it, or the `key` that only programs of the same user
        can read. `ended` is told of each request its route, status and seconds.
        """
        self._app = app
        self._hosts = hosts
        self._ended = ended
        self._token = token.encode()
        self._known_tokens = [known.encode() for known in (token, key) if known]
        self._allowance = Allowance(requests_a_minute)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a web socket: nothing here speaks it
        if not scope["path"].startswith(OURS):
            await self._page(scope, receive, send)
            return
        headers = {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}
        sent = headers.get(b"x-request-id", "")
        request = _Request(scope, send, sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex)
        started = time.monotonic()
        try:
            if not await self._refused(request, headers):
                await request.answered_by(self._app, receive)
        finally:
            route = getattr(scope.get("route"), "path", "")
            seconds = time.monotonic() - started
            line = {
                "id": request.id,
                "method": scope["method"],
                "route": route,
                "status": request.status,
            }
            _log.info(json.dumps(line | {"seconds": round(seconds, 3)}))
            self._ended(route, request.status, seconds)

    async def _refused(self, request: "_Request", headers: dict[bytes, str]) -> bool:
        """Whether the request was answered with why it may not go on."""
        host, path = headers.get(b"host", ""), request.scope["path"]
        if self._hosts is not None and _hostname(host) not in self._hosts:
            # A site that gives its own name to this machine (DNS rebinding) asks by that name.
            await request.refuse(
                421,
                "The server is not known by the name it was asked by; use 127.0.0.1 or localhost.",
            )
        elif (
            request.scope["method"] not in _SAFE
            and urlsplit(headers.get(b"origin", f"//{host}")).netloc != host
        ):
            await request.refuse(
                403,
                "The request comes from the page of another site, which may not ask; ask without "
                "a browser.",
            )
        elif (
            self._token
            and path not in _OPEN
            and not self._known(_bearer(headers) or _cookie(headers))
        ):
            await request.refuse(
                401,
                "The token is missing or wrong; send it as `Authorization: Bearer …`.",
                {"www-authenticate": "Bearer"},
            )
        elif self._token and path not in _OPEN and (wait := self._allowance.take(time.monotonic())):
            await request.refuse(
                429,
                "Too many requests were sent with this token; send them more slowly.",
                {"retry-after": str(int(wait) + 1)},
            )
        elif not headers.get(b"content-length", "0").isdigit():
            await request.refuse(
                400, "The Content-Length is not a number; send the number of bytes of the body."
            )
        elif int(headers.get(b"content-length", "0")[:20]) > request.most:
            await request.refuse(413, request.too_large)
        else:
            return False
        return True

    async def _page(self, scope: Message, receive: Receive, send: Send) -> None:
        """The page bears the token in a cookie, which it gets from the address /?token=…"""
        headers = {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if not self._token or self._known(_cookie(headers)):
            await self._app(scope, receive, send)
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        start: Message = {
            "type": "http.response.start",
            "status": 401,
            "headers": [(b"content-type", b"text/plain")],
        }
        body = b"Open the page as /?token=... with the token of this server."
        if scope["path"] == "/" and self._known(given):
            cookie = f"{_COOKIE}={given}; HttpOnly; SameSite=Strict; Path=/"
            start["status"], start["headers"] = (
                303,
                [(b"location", b"/"), (b"set-cookie", cookie.encode())],
            )
            body = b""
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def _known(self, given: str) -> bool:
        return any(hmac.compare_digest(given.encode(), known) for known in self._known_tokens)


class _Request:
    """One request: its number, how much it may send, and what was answered."""

    def __init__(self, scope: Message, send: Send, id: str) -> None:
        self.scope = scope
        self.id = id
        self.status = 0
        self.most = MAX_UPLOAD if scope["path"] == UPLOADS else MAX_BODY
        self.too_large = (
            f"The request is larger than the {self.most:,} bytes that are read; send less at once."
        )
        self._send = send
        self._received = 0
        self._over = False
        scope.setdefault("state", {})["request_id"] = id

    async def answered_by(self, app: App, receive: Receive) -> None:
        """Let the application answer, unless the body grows too large, which is then the answer."""

        async def counted() -> Message:
            message = await receive()
            self._received += len(message.get("body", b""))
            if self._received > self.most:
                self._over = True
                return {"type": "http.disconnect"}
            return message

        try:
            await app(self.scope, counted, self.send)
        except Exception:
            if not self._over:  # else it only says that the body ended too soon
                raise
        if self._over and not self.status:
            await self.refuse(413, self.too_large)

    async def send(self, message: Message) -> None:
        if self._over:  # whatever the application made of half a body
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            extra = [
                (b"x-request-id", self.id.encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"cache-control", b"no-store"),
            ]
            message["headers"] = [*message.get("headers", []), *extra]
        await self._send(message)

    async def refuse(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with a problem (RFC 9457)."""
        self._over = False
        body = json.dumps(
            {"type": "about:blank", "status": status, "detail": detail, "request_id": self.id}
        ).encode()
        sent = {
            "content-type": "application/problem+json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        pairs = [
            (key.encode(), value.encode()) for key, value in (sent | dict(headers or {})).items()
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _bearer(headers: dict[bytes, str]) -> str:
    kind, _, token = headers.get(b"authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _cookie(headers: dict[bytes, str]) -> str:
    try:
        morsel = SimpleCookie(headers.get(b"cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
