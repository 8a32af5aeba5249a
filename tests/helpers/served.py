"""A service over small libraries with the fakes, and its API served."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from reportlab.pdfgen.canvas import Canvas

from rag.http.access import Access
from rag.http.app import make_app
from rag.service.jobs import Jobs
from rag.service.service import Service

QUOTE = "Trade in grain rose by 30 percent in May."


SAID = "Grain trade rose by 30 percent in May."


GRAIN = {
    "north.txt": f"Northern Trade\n\n{QUOTE}",
    "south.txt": "Southern Trade\n\nTrade in grain fell by 12 percent in June.",
}


QUESTION = "trade in grain in May by percent"


HELPERS = Path(__file__).parent


KEY = "the0key0of0these0tests"


EVENTS = {"accept": "text/event-stream"}


_SERVER = """
import sys, time
from fakes import EndlessModel, FakeModels
from rag.cli.main import main
models = FakeModels(chat=EndlessModel({said!r}, pause=1.0))
encode = models.embedder.encode
models.embedder.encode = lambda texts: (time.sleep(0.1), encode(texts))[1]
command = ["serve", "--no-token", "--port", {port!r}, "--library", "grain"]
sys.exit(main(command, lambda settings: models))
"""


def started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server of its own process over the libraries of a folder, with fakes and a model that
    never ends.
    """
    environment = {
        **os.environ,
        "RAG_INDEXES": str(folder),
        "PYTHONPATH": f"{HELPERS}{os.pathsep}{HELPERS.parents[1]}",
    }
    code = _SERVER.format(said=SAID, port=str(port))
    server = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL
    )
    while server.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                return server
        time.sleep(0.1)
    raise AssertionError("the server does not start")


@contextmanager
def serving(
    service: Service, token: str = "", requests_a_minute: int = 600, metrics: bool = False
) -> Iterator[str]:
    """The service on a port of this machine; its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = Access(
        make_app(service, Jobs(service), KEY, metrics),
        frozenset({"127.0.0.1"}),
        token,
        KEY,
        service.record_request,
        requests_a_minute,
    )
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=3)
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    service.load_models()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    service.close()
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive(), "the server ends"


def events(text: str) -> list[tuple[str, Any]]:
    """The name and the value of each server-sent event."""
    blocks = [
        dict(line.split(": ", 1) for line in block.split("\n"))
        for block in text.strip().split("\n\n")
    ]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert response.json()["status"] == response.status_code
    return response.status_code, response.json()["detail"]


def finished(client: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 202, response.text
    steps = events(client.get(f"/v1/jobs/{response.json()['job']}", headers=EVENTS).text)
    assert {name for name, _ in steps} == {"job"}
    return dict(steps[-1][1])


def a_pdf(*pages: str) -> bytes:
    file = BytesIO()
    canvas = Canvas(file, pagesize=(300, 400), invariant=True)
    for text in pages:
        canvas.drawString(40, 300, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


TOKEN = "a-token-of-this-test"
