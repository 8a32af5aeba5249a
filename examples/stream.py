"""Ask a running server and print each sentence as soon as it is checked.

    rag serve --library samples
    python examples/stream.py http://127.0.0.1:7860 "Who found the mistake in the salinity model?"

It needs nothing but Python's standard library. Set RAG_TOKEN to the token of
the server, which is in the file .token beside its libraries.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


def events(lines: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the data of each server-sent event."""
    name = ""
    for line in lines:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def main(server: str, question: str) -> None:
    """Print the sentences of the answer as they come, then its footnotes."""
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    if token := os.environ.get("RAG_TOKEN"):
        headers["authorization"] = f"Bearer {token}"
    connection = HTTPConnection(urlsplit(server).netloc, timeout=150)
    connection.request("POST", "/v1/ask", json.dumps({"question": question}), headers)
    response = connection.getresponse()
    if response.status != 200:
        sys.exit(json.load(response)["detail"])
    for name, data in events(response):
        if name == "sentence":
            print(data["text"], flush=True)
        elif name == "answer" and data["abstained"]:
            print(data["declined"])
        elif name == "answer":
            for citation in data["citations"]:
                print(f"[{citation['marker']}] {citation['title']}: {citation['quote']}")
        elif name == "error":
            sys.exit(data["detail"])
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
