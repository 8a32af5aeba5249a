"""The server: the page, the HTTP API and MCP on one port, until it is stopped.   [uvicorn]"""

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from rag.config import Settings
from rag.errors import UsageError
from rag.http.access import Access
from rag.http.asgi import LOOPBACK
from rag.http.connections import KEEP_ALIVE_SECONDS, protocol_class
from rag.protocols import ModelSet
from rag.service.client import Server, announce, models_of, running, withdraw
from rag.service.jobs import Jobs
from rag.service.service import Service
from rag.ui.controller import Controller

if TYPE_CHECKING:
    import uvicorn

_PORTS = range(7860, 7960)  # of which the first free one is taken
_SHUTDOWN_SECONDS = 7  # for requests under way; their questions are stopped at once
_WAKE_SECONDS = 0.5
# More at a time make room for each other. A browser opens six; each may hold a body of a megabyte.
_MAX_CONNECTIONS = 500
# Before any of them makes room: they must not take the last files that the process may open.
_ACCEPTED_AT_ONCE = 100


def launch(
    settings: Settings,
    models: ModelSet,
    host: str,
    port: int | None,
    token: str = "",
    metrics: bool = False,
    *,
    sign_in: str = "",
    show: Callable[[str], None] = lambda _: None,
) -> int:
    """Serve the page and the API until Ctrl-C, SIGTERM or the end of the terminal, then return 0.

    Where they are is passed to `show`, the address followed by `sign_in`, and written to stderr.
    Takes and raises what `serve` does.
    """
    url, close = serve(settings, models, host, port, token, metrics)
    stopped = threading.Event()
    ends = [signal.SIGTERM]
    # Where SIGHUP is ignored, as for a job of `nohup`, it stays so.
    if os.name == "posix" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        ends.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in ends}
    show(f"{url}{sign_in}")
    sys.stderr.write(f"The page is at {url}{sign_in} until this window is closed.\n")
    with suppress(KeyboardInterrupt):
        # On Windows a wait without an end does not notice Ctrl-C.
        while not stopped.wait(_WAKE_SECONDS):
            pass
    for number, handler in before.items():
        signal.signal(number, handler)
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
    """Serve the page and the API in the background; return their URL and what ends them.

    Without a `port` it is 7860 or the next free one. With a `token` every request must bear it;
    with `metrics` they are at /metrics. Raises UsageError if it cannot listen.
    """
    listening = _listen(host, port)
    # Gradio asks its own servers for news when it is imported and when a page is built, unless
    # this variable says no.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from rag.http.app import make_app
    from rag.ui.page import mount

    service = Service(settings, models)
    jobs = Jobs(service)
    port = listening.getsockname()[1]
    here = Server(host, port, secrets.token_hex(), models_of(settings))
    is_only_server = not running(settings.indexes)
    if is_only_server:
        jobs.resume()
    app = make_app(service, jobs, here.key, metrics)
    is_local = host in LOOPBACK
    end_streams = mount(app, Controller(service, jobs, is_local), host, port)
    hosts = LOOPBACK if is_local else None
    access = Access(app, hosts, token, here.key, service.record_request)
    server, thread = _start_server(access, listening, end_streams)
    threading.Thread(target=service.load_models, daemon=True).start()
    if is_only_server and is_local:
        announce(here, settings.indexes)

    def close() -> None:
        withdraw(here, settings.indexes)
        jobs.close()
        service.close()
        server.should_exit = True
        thread.join(_SHUTDOWN_SECONDS + 2)
        listening.close()

    return here.url, close


def _start_server(
    access: Access, listening: socket.socket, end_streams: Callable[[], None]
) -> "tuple[uvicorn.Server, threading.Thread]":
    """Run the server on a thread, and return both once it answers.

    `end_streams` ends the answers that would last as long as a page is open.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            end_streams()
            await super().shutdown(sockets)

    most = _most_connections()
    config = uvicorn.Config(
        access,
        log_level="error",
        access_log=False,
        ws="none",
        server_header=False,
        http=protocol_class(most),
        limit_concurrency=most + 1,  # all of them being answered: one more hears 503
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=_ACCEPTED_AT_ONCE,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    return server, thread


def _most_connections() -> int:
    """Return how many connections to keep: half the files that the process may open at most."""
    if os.name != "posix":
        return _MAX_CONNECTIONS
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = files == resource.RLIM_INFINITY
    return _MAX_CONNECTIONS if unlimited else min(_MAX_CONNECTIONS, files // 2)


def _listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on the port, or, without one, on the first free one.

    Raises UsageError if there is none.
    """
    for candidate in [port] if port else _PORTS:
        try:
            found = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)
            family, kind, protocol, _, address = found[0]
            # With the protocol named, asyncio sends each piece of a response at once; without it a
            # response on a connection that is kept waits 40 ms for the other side's word.
            listening = socket.socket(family, kind, protocol)
        except (OSError, OverflowError):
            continue
        try:
            if os.name == "posix":
                # A port that was just left is free; elsewhere two servers could share one.
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The port as it was given: getaddrinfo makes 4464 of 70000.
            listening.bind((address[0], candidate, *address[2:]))
            listening.listen()  # until then another could bind it too
        except (OSError, OverflowError):
            listening.close()
            continue
        return listening
    which = f"port {port}" if port else f"any port from {_PORTS[0]} to {_PORTS[-1]}"
    raise UsageError(
        f"The page cannot listen at {host} on {which}: it is taken, or the address is not this "
        "machine's; name another with --port or --host."
    )
