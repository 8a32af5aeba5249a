"""A server that runs over the same libraries.

How it is found, and asked instead of loading the models once more.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from rag.config import Settings
from rag.errors import ServerError
from rag.files import private_folder, written_whole
from rag.render.json import read_answer, read_hit
from rag.types import Answer, Filter, Found, Hit

_FILE = ".server.json"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_GREETING_SECONDS = 2.0
_LONGEST_SECONDS = 150.0  # that a server takes for a question, and some more


@dataclass(frozen=True, slots=True)
class Server:
    """A server on this machine. `key` proves it to its clients, and them to it."""

    host: str
    port: int
    key: str
    models: tuple[str, ...]  # the settings that decide what is answered

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    def ask(
        self,
        settings: Settings,
        question: str,
        conversation: int | None,
        only: Filter,
        on_found: Callable[[Found], None],
    ) -> tuple[Answer, int | None]:
        """Return the answer, and the conversation it was kept in.

        That is the one that `conversation` names, or with 0 a new one. What is read for the answer
        is passed to `on_found` before. Raises ServerError if the server gives none.
        """
        body = {
            "question": question,
            "library": settings.library,
            "certainty": settings.certainty,
            "conversation": conversation,
            "filter": asdict(only),
        }
        with self._asked("/v1/ask", body) as response:
            name = ""
            for line in response:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and name == "hits":
                    on_found(Found(tuple(map(read_hit, json.loads(value)))))
                elif field == "data" and name == "answer":
                    answer = json.loads(value)
                    kept = answer.pop("conversation", None)
                    return read_answer(answer), kept
            raise self._no_answer()

    def passages(self, settings: Settings, question: str, k: int, only: Filter) -> tuple[Hit, ...]:
        """Return the `k` best hits.

        Raises ServerError if it gives none.
        """
        body = {"question": question, "library": settings.library, "k": k, "filter": asdict(only)}
        with self._asked("/v1/search", body) as response:
            return tuple(map(read_hit, json.load(response)["hits"]))

    def lives(self) -> bool:
        """Return whether the server that announced itself is the one that answers there."""
        challenge = secrets.token_hex()
        try:
            with closing(
                HTTPConnection(self.host, self.port, timeout=_GREETING_SECONDS)
            ) as connection:
                connection.request("GET", f"/health?challenge={challenge}")
                given = json.load(connection.getresponse())["proof"]
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return False
        return hmac.compare_digest(str(given).encode(), proof(self.key, challenge).encode())

    def _no_answer(self) -> ServerError:
        return ServerError(f"The server at {self.url} gave no answer; its log says why.")

    @contextmanager
    def _asked(self, path: str, body: dict[str, Any]) -> Iterator[HTTPResponse]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Authorization": f"Bearer {self.key}",
        }
        try:
            with closing(
                HTTPConnection(self.host, self.port, timeout=_LONGEST_SECONDS)
            ) as connection:
                connection.request("POST", path, json.dumps(body), headers)
                response = connection.getresponse()
                if response.status != 200:
                    raise self._no_answer()
                yield response
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            raise self._no_answer() from error


def proof(key: str, challenge: str) -> str:
    """Return what only those who hold the key can say to a challenge."""
    return hmac.new(key.encode(), challenge.encode(), "sha256").hexdigest()


def announce(server: Server, indexes: Path) -> None:
    """Write down where the server is, for programs of the same user.

    Nothing is written where the folder cannot be written to.
    """
    with suppress(OSError):
        private_folder(indexes)
        with written_whole(indexes / _FILE) as unfinished:
            unfinished.write_text(json.dumps(asdict(server)), encoding="utf-8")


def withdraw(server: Server, indexes: Path) -> None:
    """Remove what `announce` wrote, unless another server has written since."""
    if _read_announced(indexes) == server:
        with suppress(OSError):
            (indexes / _FILE).unlink()


def running(indexes: Path) -> Server | None:
    """Return the server that runs over these libraries on this machine.

    One that ended without a word is none.
    """
    server = _read_announced(indexes)
    return server if server and server.lives() else None


def models_of(settings: Settings) -> tuple[str, ...]:
    """Return the settings that decide what is answered.

    A question brings others along.
    """
    model, adapter = (
        str(path.absolute()) if path else "" for path in (settings.model, settings.adapter)
    )
    server = f"{settings.server} {settings.server_model}".strip()
    shown = str(settings.passage_tokens)
    others = settings.embeddings, settings.reranker, str(settings.generate)
    # The hash of an address that may hold a password.
    store = hashlib.sha256(settings.store.encode()).hexdigest() if settings.store else ""
    return model, adapter, *others, server, shown, store


def _read_announced(indexes: Path) -> Server | None:
    try:
        announced = json.loads((indexes / _FILE).read_text(encoding="utf-8"))
        server = Server(
            str(announced["host"]),
            int(announced["port"]),
            str(announced["key"]),
            tuple(map(str, announced["models"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # The folder may have come from elsewhere: nothing in it sends a question off this machine.
    return server if server.host in _LOOPBACK and server.key.isalnum() else None
