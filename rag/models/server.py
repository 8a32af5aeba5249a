"""A language model on a server that speaks OpenAI's chat completions.   [httpx2]

vLLM, llama.cpp's server, Ollama, LM Studio and others do. The passages of the documents leave this
machine only to the server that the user named.
"""

import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.config import PASSAGE_TOKENS
from rag.errors import ModelError
from rag.types import Prompt

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS = 5.0
# Between two pieces, and before the first: a model on a busy CPU reads 2,000 tokens in a minute.
_SILENCE_SECONDS = 120.0
_TRIES = 3  # while nothing was said: of a server that starts, or is asked too much
_PAUSE_SECONDS = 1.0  # before the second try; twice that before the third
_RETRIED = (429, 502, 503, 504)
# Where the server does not say how much its model can read.
_CONTEXT_TOKENS = 8192
# Servers have no common way to count tokens. Texts in Latin letters have four or more characters a
# token, others as few as one or two.
_CHARACTERS_PER_TOKEN = 3
_LONGEST_LINE = 1 << 20  # characters of one event
_LONGEST_ERROR = 300  # characters of what a server says of an error


class ServerModel:
    """A model on a server. Several prompts may run at once, as the server sees fit."""

    follows_instructions = True

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        silence: float | None = None,
        passage_tokens: int = PASSAGE_TOKENS,
    ) -> None:
        """Use the model of that name on the server at `url`, "http://127.0.0.1:8000/v1".

        `key` is sent as a bearer token. `silence` is how many seconds the server may say nothing.
        `passage_tokens` of passages are sent, or half of what the model reads where that is less.
        Raises ModelError if the server cannot be reached, refuses the key, or has no such model.
        """
        import httpx2

        self.name = model
        self._url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        seconds = _SILENCE_SECONDS if silence is None else silence
        timeout = httpx2.Timeout(seconds, connect=_CONNECT_SECONDS)
        self._client = httpx2.Client(headers=headers, timeout=timeout)
        self.context_tokens = self._context_of(model)
        self.passage_tokens = min(passage_tokens, self.context_tokens // 2)

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        """Yield pieces of the answer as they come; closing the iterator closes the connection.

        Raises ModelError if the server gives no answer, or breaks off.
        """
        body = {
            "model": self.name,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
        }
        if prompt.stop:
            body["stop"] = list(prompt.stop)
        with self._posted(body) as response:
            yield from self._pieces(response)

    def count_tokens(self, text: str) -> int:
        """Return about how many tokens the text has."""
        return -(-len(text) // _CHARACTERS_PER_TOKEN)

    def _context_of(self, model: str) -> int:
        """Return how many tokens the model reads, if the server says so."""
        with self._errors():
            response = self._client.get(f"{self._url}/models")
        self._check(response)
        rows = _as_list(_as_object(response.text).get("data"))
        known = [str(row.get("id", "")) for row in rows]
        # Some servers take whatever name they are given, and list their model by another.
        if known and model not in known and len(known) > 1:
            shown = ", ".join(known[:10])
            raise ModelError(
                f"The server {self._url} has no model {model!r}; it has {shown}: name one of them "
                "with --model."
            )
        row = next((row for row in rows if row.get("id") == model), {})
        stated = row.get("max_model_len") or row.get("context_length")
        return stated if isinstance(stated, int) and stated > 0 else _CONTEXT_TOKENS

    @contextmanager
    def _posted(self, body: dict[str, Any]) -> Iterator["httpx2.Response"]:
        """Yield the response to a question, tried again while the server is not ready."""
        for tries in range(1, _TRIES + 1):
            with (
                self._errors(),
                self._client.stream("POST", f"{self._url}/chat/completions", json=body) as response,
            ):
                if response.status_code not in _RETRIED or tries == _TRIES:
                    if response.is_error:
                        response.read()
                    self._check(response)
                    yield response
                    return
            time.sleep(_PAUSE_SECONDS * tries)

    def _pieces(self, response: "httpx2.Response") -> Iterator[str]:
        """Yield the pieces out of the server's events; raise ModelError where it breaks off."""
        ended = False
        for line in _lines(response.iter_text()):
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                return
            event = _as_object(data)
            if event.get("error"):
                raise self._error_of(200, data)
            for choice in _as_list(event.get("choices")):
                piece = (choice.get("delta") or {}).get("content")
                ended = ended or bool(choice.get("finish_reason"))
                if isinstance(piece, str) and piece:
                    yield piece
        if not ended:
            raise ModelError(
                f"The server {self._url} broke off in the middle of its answer; ask again, or look "
                "at its log."
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the errors of a connection into ModelError."""
        import httpx2

        try:
            yield
        except httpx2.TimeoutException as error:
            raise ModelError(
                f"The server {self._url} said nothing for too long; see whether it is busy, or "
                "choose a smaller model."
            ) from error
        except httpx2.RemoteProtocolError as error:
            raise ModelError(
                f"The server {self._url} broke off in the middle of its answer; ask again, or look "
                "at its log."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelError(
                f"The server {self._url} cannot be reached ({error}); start it, or name another "
                "with --server."
            ) from error

    def _check(self, response: "httpx2.Response") -> None:
        if response.is_error:
            raise self._error_of(response.status_code, response.text)

    def _error_of(self, status: int, body: str) -> ModelError:
        """Return the error that fits the server's message."""
        error = _as_object(body).get("error")
        said = str(error.get("message", "")) if isinstance(error, dict) else str(error or body)
        said = " ".join(said.split())[:_LONGEST_ERROR]
        if status in (401, 403):
            return ModelError(
                f"The server {self._url} wants a key, or another one; set RAG_SERVER_KEY."
            )
        if status == 404:
            return ModelError(
                f"The server {self._url} has no model {self.name!r}, or its address ends "
                f"differently, often with /v1 ({said}); check --server and --model."
            )
        if "context" in said.lower():
            return ModelError(
                f"The passages are too long for {self.name} on {self._url} ({said}); set "
                "RAG_PASSAGE_TOKENS to a smaller number, or start the server with a larger context."
            )
        return ModelError(
            f"The server {self._url} answered {status} ({said}); look at its log, or name another "
            "with --server."
        )


def _lines(texts: Iterator[str]) -> Iterator[str]:
    """Yield the lines of a stream; raise ModelError for one without an end."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise ModelError(
                f"The server sent a line of more than {_LONGEST_LINE} characters; it is no server "
                "of a language model."
            )
    yield rest


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
