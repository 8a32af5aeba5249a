"""What a browser may ask of the page's server, and where the page may send anything."""

from rag.http.asgi import (
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
# Gradio's own scripts are inline and compile templates; what counts is that nothing may be fetched
# from or sent to elsewhere.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# By it Gradio's own proxy names the address that the page is to use, and nobody else may.
_NOT_OURS = b"x-gradio-server"
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

        async def send_guarded(message: Message) -> None:
            is_start = message["type"] == "http.response.start"
            await send(with_headers(message, _HEADERS) if is_start else message)

        kept = [pair for pair in scope["headers"] if pair[0].lower() != _NOT_OURS]
        await self._app({**scope, "headers": kept}, receive, send_guarded)

    def _allows(self, scope: Message) -> bool:
        headers = headers_of(scope)
        path = scope["path"]
        return (
            is_known_host(headers, self._hosts)
            and is_same_origin(headers)
            and (path in _OPEN_PAGES or path.startswith(_OPEN_PATHS))
        )
