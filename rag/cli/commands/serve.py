"""`rag serve` and `rag mcp`: the servers."""

import argparse
import logging
import sys

from rag.config import Settings


def run_serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve the page, the HTTP API and MCP until Ctrl-C."""
    from rag.http.auth import kept_token, read_token

    # A missing token is reported before the page loads, which takes seconds.
    setting = "" if options.no_token else settings.token
    own = read_token(options.host, options.token_file, setting)
    token = own or ("" if options.no_token else kept_token(settings.indexes))
    from rag.serve import launch

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("rag").setLevel(logging.INFO)
    models = options.make_models(settings)
    # A token that the user chose is theirs to write down.
    sign_in = f"?token={token}" if token and not own else ""
    return launch(
        settings, models, options.host, options.port, token, options.metrics, sign_in=sign_in
    )


def run_mcp(settings: Settings, options: argparse.Namespace) -> int:
    """Serve the library to an assistant over standard input and output."""
    from rag.http.mcp import make_server
    from rag.service.service import Service

    service = Service(settings, options.make_models(settings))
    # A library that cannot be used is reported before an assistant asks.
    _ = service.pipeline(settings.library).library
    make_server(service).run("stdio")
    service.close()
    return 0
