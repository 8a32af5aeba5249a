"""Middleware in front of all routes: it lets each request in or refuses it, numbers and logs it."""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable

from rag.http.asgi import (
    App,
    Headers,
    Message,
    Receive,
    Send,
    are_well_formed,
    headers_of,
    is_known_host,
    is_same_origin,
)
from rag.http.auth import TokenCheck, sign_in
from rag.http.limits import API_HEADERS, REQUESTS_A_MINUTE, LimitedRequest, RateLimiter, Refusal
from rag.http.page_guard import PageGuard

_API = ("/v1/", "/mcp", "/health", "/ready", "/metrics")  # the rest is the page
_OPEN = ("/health", "/ready")  # for those who watch over a server and hold no token
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MALFORMED = "The Host or the Origin of the request is malformed; send the server's name and port."
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Access:
    """Middleware that decides which requests reach the application.

    It logs a line of JSON for each request to the API, without its query and body; the names of
    documents in paths are left out, since the line has the route's own name.
    """

    def __init__(
        self,
        app: App,
        hosts: frozenset[str] | None,
        token: str = "",
        key: str = "",
        record: Callable[[str, int, float], None] = lambda *_: None,
        requests_a_minute: int = REQUESTS_A_MINUTE,
    ) -> None:
        """Guard `app`; `hosts` are the host names that requests may use, None for all.

        With a `token` every request must carry it, or the `key` that only programs of the same user
        can read. `record` gets the route, the status and the seconds of each request.
        """
        self._app = app
        self._page_guard = PageGuard(app, hosts)
        self._hosts = hosts
        self._record = record
        self._token = TokenCheck(token, key)
        self._limiter = RateLimiter(requests_a_minute)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._app(scope, receive, send)
            case "http" if scope["path"].startswith(_API):
                await self._answer_api(scope, receive, send)
            case "http":
                await self._answer_page(scope, receive, send)
            case _:  # a web socket: nothing here speaks it
                pass

    async def _answer_api(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        sent = headers.get(b"x-request-id", "")
        id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        request = LimitedRequest(scope, send, id, API_HEADERS)
        started = time.monotonic()
        try:
            if refusal := self._refusal(request, headers):
                await request.refuse(refusal)
            else:
                await request.answer(self._app, receive)
        finally:
            seconds = time.monotonic() - started
            route = getattr(scope.get("route"), "path", "")
            line = {"id": id, "method": scope["method"], "route": route, "status": request.status}
            logging.getLogger(__name__).info(json.dumps(line | {"seconds": round(seconds, 3)}))
            self._record(route, request.status, seconds)

    def _refusal(self, request: "LimitedRequest", headers: Headers) -> Refusal | None:
        """Return why the request may not go on, or None if it may."""
        if not are_well_formed(headers):
            return Refusal(400, _MALFORMED)
        if not is_known_host(headers, self._hosts):
            return Refusal(
                421,
                "The server is not known by the name it was asked by; use 127.0.0.1 or localhost.",
            )
        if request.scope["method"] not in _SAFE and not is_same_origin(headers):
            return Refusal(
                403,
                "The request comes from the page of another site, which may not ask; ask without a "
                "browser.",
            )
        if request.scope["path"] not in _OPEN and (
            refusal := self._token_refusal(request.scope, headers)
        ):
            return refusal
        return request.length_refusal(headers)

    def _token_refusal(self, scope: Message, headers: Headers) -> Refusal | None:
        if not self._token.accepts(scope, headers):
            return Refusal(
                401,
                "The token is missing or wrong; send it as `Authorization: Bearer …`.",
                {"www-authenticate": "Bearer"},
            )
        if self._token.required and (wait := self._limiter.take(time.monotonic())):
            return Refusal(
                429,
                "Too many requests were sent with this token; send them more slowly.",
                {"retry-after": str(int(wait) + 1)},
            )
        return None

    async def _answer_page(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        if not are_well_formed(headers):
            plain = [(b"content-type", b"text/plain")]
            start: Message = {"type": "http.response.start", "status": 400, "headers": plain}
            body = _MALFORMED.encode()
        elif self._token.accepts_cookie(scope, headers):
            request = LimitedRequest(scope, send, uuid.uuid4().hex)
            if refusal := request.length_refusal(headers):
                await request.refuse(refusal)
            else:
                await request.answer(self._page_guard, receive)
            return
        else:
            start, body = sign_in(self._token, scope)
        await send(start)
        await send({"type": "http.response.body", "body": body})
