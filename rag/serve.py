"""The server: the page, the HTTP API and MCP on one port, until it is stopped.   [uvicorn]"""

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from rag.config import Settings
from rag.errors import UsageError
from rag.http.auth import LOOPBACK, Access
from rag.protocols import ModelSet
from rag.service.client import Server, announce, models_of, running, withdraw
from rag.service.jobs import Jobs
from rag.service.service import Service
from rag.ui.controller import Controller

_FIRST_PORT, _PORTS = 7860, 100

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
)
# Gradio's own scripts are inline and compile templates; what counts is that nothing may be fetched
# from or sent to elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' "
    "'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_LAST_SECONDS = (
    7  # for requests under way when the server ends; their questions are stopped at once
)
_LOOK_SECONDS = 0.5
_CONNECTIONS = 1000  # more at a time are answered 503

_Message = MutableMapping[str, Any]


def launch(
    settings: Settings,
    models: ModelSet,
    host: str,
    port: int | None,
    token: str = "",
    metrics: bool = False,
) -> int:
    """Serve the page and the API until Ctrl-C or SIGTERM, then 0.

    Where they are goes to stderr. Without a `port` it is 7860 or the next free one.

    Raises UsageError for an address that cannot be listened on.
    """
    url, close = serve(settings, models, host, port, token, metrics)
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    sys.stderr.write(f"The page is at {url} (Ctrl-C ends it).\n")
    with suppress(KeyboardInterrupt):
        while not ended.wait(_LOOK_SECONDS):  # on Windows a wait without an end hears no Ctrl-C
            pass
    signal.signal(signal.SIGTERM, before)
    close()
    return 0


def serve(
    settings: Settings,
    models: ModelSet,
    host: str,
    port: int | None,
    token: str = "",
    metrics: bool = False,
) -> tuple[str, Callable[[], None]]:
    """Serve the page and the API in the background.

    Their URL, and what ends them. With a `token`, who asks must bear it; with `metrics` they are at
    /metrics.

    Raises UsageError where it cannot listen.
    """
    listening = _listening(host, port)
    port = listening.getsockname()[1]
    # Gradio asks for its news when it is imported and when a page is built, unless it is told not
    # to.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import uvicorn

    from rag.http.app import make_app
    from rag.ui.page import mount

    service = Service(settings, models)
    jobs = Jobs(service)
    told = Server(host, port, secrets.token_hex(), models_of(settings))
    alone = not running(settings.indexes)
    if alone:
        jobs.resume()
    app = make_app(service, jobs, told.key, metrics)
    hosts = LOOPBACK if host in LOOPBACK else None
    # Gradio's middleware is given as the (class, arguments, keywords) that Starlette unpacks.
    mount(
        app,
        Controller(service, jobs, local=host in LOOPBACK),
        host,
        port,
        [(_Guard, (), {"hosts": hosts})],
    )
    server = uvicorn.Server(
        uvicorn.Config(
            Access(app, hosts, token, told.key, service.record_request),
            log_level="error",
            access_log=False,
            ws="none",
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    threading.Thread(target=service.load_models, daemon=True).start()
    if alone and host in LOOPBACK:
        announce(told, settings.indexes)

    def close() -> None:
        withdraw(told, settings.indexes)
        service.close()
        server.should_exit = True
        thread.join(_LAST_SECONDS + 2)
        listening.close()

    return told.url, close


def _listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens on the port itself, or on the first free one.

    Raises UsageError where there is none.
    """
    for candidate in [port] if port else range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                host, candidate, type=socket.SOCK_STREAM
            )[0]
            listening = socket.socket(family, kind)
        except (OSError, OverflowError):
            continue
        try:
            if (
                os.name == "posix"
            ):  # a port just left is free; elsewhere this would let two servers share one
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(
                (address[0], candidate, *address[2:])
            )  # as asked for: getaddrinfo makes 4464 of 70000
            listening.listen()  # until then another could bind it too
        except (OSError, OverflowError):
            listening.close()
            continue
        return listening
    which = f"port {port}" if port else f"any port from {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1}"
    raise UsageError(
        f"The page cannot listen at {host} on {which}: it is taken, or the address is not this "
        f"machine's; name another with "
        "--port or --host."
    )


class _Guard:
    """Lets through to Gradio's server what the page needs, and forbids the browser to ask or
    tell anybody else anything.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], hosts: frozenset[str] | None) -> None:
        """`hosts` are the names the page may be asked by, so that a site which gives its own
        name to this machine is refused.
        """
        self._app = app
        self._hosts = hosts

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            if not self._open(scope):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return

            async def send_guarded(message: _Message) -> None:
                if message["type"] == "http.response.start":
                    extra = {
                        "content-security-policy": _POLICY,
                        "x-content-type-options": "nosniff",
                        "referrer-policy": "no-referrer",
                    }
                    message["headers"] = [
                        *message.get("headers", []),
                        *((k.encode(), v.encode()) for k, v in extra.items()),
                    ]
                await send(message)

            await self._app(scope, receive, send_guarded)

    def _open(self, scope: _Message) -> bool:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get(b"host", "")
        named = self._hosts is None or urlsplit(f"//{host}").hostname in self._hosts
        # What another site's page sends comes with that site as its origin.
        own = urlsplit(headers.get(b"origin", f"//{host}")).netloc == host
        return named and own and (scope["path"] == "/" or scope["path"].startswith(_OPEN_PATHS))
