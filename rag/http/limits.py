"""Limits on requests: how large a body or an upload may be, and how many come in a minute."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.files import MAX_BYTES
from rag.http.asgi import App, Headers, Message, Receive, Send, with_headers

MAX_BODY = 1_000_000  # bytes of a request without a file: the longest question with a long history
MAX_UPLOAD = MAX_BYTES + 100_000  # bytes of a file with the form around it
REQUESTS_A_MINUTE = 600  # for each token; bursts up to as many
API_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
_UPLOADS = "/v1/documents"


@dataclass(slots=True)
class RateLimiter:
    """A token bucket: `size` requests a minute, in bursts of up to as many."""

    size: float
    left: float = field(init=False)
    at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.left = self.size

    def take(self, now: float) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        if self.at:
            self.left = min(self.size, self.left + (now - self.at) * self.size / 60)
        self.at = now
        if self.left < 1:
            return (1 - self.left) * 60 / self.size
        self.left -= 1
        return 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request may not go on."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


class LimitedRequest:
    """One request: its id, how many bytes it may send, and what was answered."""

    def __init__(
        self, scope: Message, send: Send, id: str, extra: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        """Add the `extra` headers to the answer, and its id where there are some."""
        self.scope = scope
        self.status = 0
        self.max_bytes = MAX_UPLOAD if scope["path"] == _UPLOADS else MAX_BODY
        self.too_large = Refusal(
            413,
            f"The request is larger than the {self.max_bytes:,} bytes that are read; send less at "
            "once.",
        )
        self._id = id
        self._extra = [(b"x-request-id", id.encode()), *extra] if extra else []
        self._send = send
        self._received = 0
        self._is_too_large = False
        scope.setdefault("state", {})["request_id"] = id

    def length_refusal(self, headers: Headers) -> Refusal | None:
        """Return why a body of the length that is stated is not read, or None."""
        length = headers.get(b"content-length", "0")
        if not length.isdigit():
            return Refusal(
                400, "The Content-Length is not a number; send the number of bytes of the body."
            )
        return self.too_large if int(length[:20]) > self.max_bytes else None

    async def answer(self, app: App, receive: Receive) -> None:
        """Let the application answer; refuse a body that grows too large."""

        async def receive_limited() -> Message:
            message = await receive()
            self._received += len(message.get("body", b""))
            if self._received > self.max_bytes:
                self._is_too_large = True
                return {"type": "http.disconnect"}
            return message

        try:
            await app(self.scope, receive_limited, self.send)
        except Exception:
            if not self._is_too_large:  # else it only says that the body ended too soon
                raise
        if self._is_too_large and not self.status:
            await self.refuse(self.too_large)

    async def send(self, message: Message) -> None:
        """Send a message of the application, unless it is about half a body."""
        if self._is_too_large:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = with_headers(message, self._extra)
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a problem (RFC 9457)."""
        self._is_too_large = False
        problem = {
            "type": "about:blank",
            "status": refusal.status,
            "detail": refusal.detail,
            "request_id": self._id,
        }
        body = json.dumps(problem).encode()
        headers = {
            "content-type": "application/problem+json",
            "content-length": str(len(body)),
            "connection": "close",
            **refusal.headers,
        }
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        start = {"type": "http.response.start", "status": refusal.status, "headers": pairs}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})
