"""`rag serve` and `rag mcp`: the servers."""

import argparse
import logging
import os
import sys
from contextlib import ExitStack

from rag.cli.commands import mcp_install
from rag.cli.output import print_json, print_text, say
from rag.cli.progress import Waiting
from rag.config import Settings


def run_serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve the page, the HTTP API and MCP until Ctrl-C."""
    from rag.http.auth import kept_token, read_token

    # A missing token is reported before the page loads, which takes seconds.
    setting = "" if options.no_token else settings.token
    own = read_token(options.host, options.token_file, setting)
    token = own or ("" if options.no_token else kept_token(settings.indexes))
    # A token that the user chose is theirs to write down.
    sign_in = f"?token={token}" if token and not own else ""
    if options.open and not options.port and (address := _running_page(settings)):
        say(f"The page is at {address}{sign_in} already.")
        _show_page(options, address + sign_in)
        return 0
    from rag.serve import launch

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("rag").setLevel(logging.INFO)
    with ExitStack() as starting:
        starting.enter_context(Waiting("Starting"))

        def show(address: str) -> None:
            starting.close()
            _show_page(options, address)

        return launch(
            settings,
            options.make_models(settings),
            options.host,
            options.port,
            token,
            options.metrics,
            sign_in=sign_in,
            show=show,
        )


def _show_page(options: argparse.Namespace, address: str) -> None:
    if options.json:
        print_json({"page": address})
    if options.open:
        open_page(address)


def _running_page(settings: Settings) -> str:
    """Return the address of a server over the same libraries; "" where none runs."""
    from rag.service.client import running

    server = running(settings.indexes)
    return server.url if server else ""


def open_page(address: str) -> None:
    """Open the address in the user's browser, where there is a display to show one."""
    import webbrowser

    has_display = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if has_display and not os.environ.get("SSH_CONNECTION"):
        webbrowser.open(address)


def run_token(settings: Settings, options: argparse.Namespace) -> int:
    """Print the token that the server over these libraries asks for."""
    from rag.http.auth import kept_token

    token = settings.token or kept_token(settings.indexes)
    if options.json:
        print_json({"token": token})
    else:
        print_text(token)
    return 0


def run_mcp(settings: Settings, options: argparse.Namespace) -> int:
    """Serve the library to an assistant over standard input and output, or write that down."""
    from rag.http.mcp import make_server
    from rag.service.service import Service

    service = Service(settings, options.make_models(settings))
    # A library that cannot be used is reported before an assistant asks.
    _ = service.pipeline(settings.library).library
    if options.install:
        file = mcp_install.install(options.install, settings)
        service.close()
        if options.json:
            print_json({"assistant": options.install, "file": str(file)})
        say(f"The library {settings.library!r} is in {file}; start {options.install} again.")
        return 0
    make_server(service).run("stdio")
    service.close()
    return 0
