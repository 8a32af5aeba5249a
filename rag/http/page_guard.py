"""What a browser may ask of the page's server, and where the page may send anything."""

from rag.http.asgi import (
    LOOPBACK,
    App,
    Message,
    Receive,
    Send,
    headers_of,
    is_known_host,
    is_same_origin,
    with_headers,
)

# What the page needs of Gradio's server. The rest (uploads, files, the API and its documentation,
# monitoring) stays closed.
_OPEN_PATHS = (
    "/assets/",
    "/static/",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/gradio_api/queue/",
    "/gradio_api/heartbeat/",
    "/gradio_api/startup-events",
    "/docs/",
)
_OPEN_PAGES = ("/", "/docs")
# Files whose names change with their content, so that a browser need not ask for them again.
_LASTING = "/assets/"
_KEPT_FOR_GOOD = (b"cache-control", b"public, max-age=31536000, immutable")
# Gradio's own scripts are inline and compile templates; what counts is that nothing may be fetched
# from or sent to elsewhere.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# By it Gradio's own proxy names the address that the page is to use, and nobody else may.
_NOT_OURS = b"x-gradio-server"
# To a browser at this machine, packing a megabyte of scripts costs more time than it saves.
_PACKED = b"accept-encoding"
_HEADERS = [
    (b"content-security-policy", _PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class PageGuard:
    """Middleware that answers 404 to all but the page, and forbids it to contact other servers."""

    def __init__(self, app: App, hosts: frozenset[str] | None) -> None:
        """Guard `app`; `hosts` are the host names that requests may use, None for all."""
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if not self._allows(scope):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return

        lasting = scope["path"].startswith(_LASTING)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                keep = [_KEPT_FOR_GOOD] if lasting and message["status"] == 200 else []
                message = with_headers(message, [*_HEADERS, *keep])
            await send(message)

        left_out = {_NOT_OURS, _PACKED} if _is_near(scope) else {_NOT_OURS}
        kept = [pair for pair in scope["headers"] if pair[0].lower() not in left_out]
        await self._app({**scope, "headers": kept}, receive, send_guarded)

    def _allows(self, scope: Message) -> bool:
        headers = headers_of(scope)
        path = scope["path"]
        return (
            is_known_host(headers, self._hosts)
            and is_same_origin(headers)
            and (path in _OPEN_PAGES or path.startswith(_OPEN_PATHS))
        )


def _is_near(scope: Message) -> bool:
    """Return whether a request comes from this machine, and through no proxy."""
    client = scope.get("client")
    forwarded = any(name.lower() == b"x-forwarded-for" for name, _ in scope["headers"])
    return client is not None and client[0] in LOOPBACK and not forwarded
