import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from chat_models import SMOLLM, serving_llama

from rag.errors import ModelError
from rag.models.server import ServerModel
from rag.types import Prompt

ASKED = Prompt("", "You answer in one word.", "What colour is grass?", ())


# --- The server of llama-cpp-python ---------------------------------------------------------------


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    with serving_llama() as url:
        yield url


@pytest.mark.models
def test_a_real_server_writes_piece_by_piece_and_the_same_again(llama: str) -> None:
    model = ServerModel(llama, SMOLLM, "open sesame")
    first = list(model.stream(ASKED, 8))
    assert len(first) > 2
    assert list(model.stream(ASKED, 8)) == first


@pytest.mark.models
def test_a_real_server_stops_at_a_stop_and_at_the_most_tokens(llama: str) -> None:
    model = ServerModel(llama, SMOLLM, "open sesame")
    whole = "".join(model.stream(ASKED, 12))
    word = whole.split()[-1]
    stopped = "".join(model.stream(Prompt("", ASKED.system, ASKED.user, (word,)), 12))
    assert stopped == whole[: whole.index(word)]
    assert len("".join(model.stream(ASKED, 3))) < len(whole)


@pytest.mark.models
def test_a_real_server_is_free_after_a_stream_was_closed(llama: str) -> None:
    model = ServerModel(llama, SMOLLM, "open sesame")
    long = Prompt("", "You tell stories.", "Tell a very long story about the sea.", ())
    with closing(model.stream(long, 500)) as pieces:
        next(pieces)
    started = time.monotonic()
    assert list(model.stream(ASKED, 2))
    assert time.monotonic() - started < 30  # not the whole story


@pytest.mark.models
def test_a_real_server_wants_its_key(llama: str) -> None:
    with pytest.raises(ModelError, match="wants a key, or another one; set RAG_SERVER_KEY"):
        list(ServerModel(llama, SMOLLM, "guess").stream(ASKED, 8))


@pytest.mark.models
def test_a_real_server_that_says_nothing_of_too_long_a_prompt_breaks_off(llama: str) -> None:
    """This one answers 200 and closes the connection; others say what is the matter."""
    long = Prompt("", "You read.", "word " * 4000, ())
    with pytest.raises(ModelError, match="broke off in the middle of its answer"):
        list(ServerModel(llama, SMOLLM, "open sesame").stream(long, 8))


# --- A server that fails as it is told ------------------------------------------------------------

Reply = Callable[[BaseHTTPRequestHandler], None]
MODELS = {"data": [{"id": "small", "max_model_len": 4096}, {"id": "large"}]}


def sends(status: int, body: Any) -> Reply:
    """Reply with JSON."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return reply


def streams(*lines: str, then: Callable[[], object] = lambda: None, whole: bool = True) -> Reply:
    """Reply with these events; not `whole`, the connection is cut behind them."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for line in lines:
            data = f"data: {line}\n\n".encode()
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()
        then()
        if whole:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return reply


def piece(text: str, finish: str | None = None) -> str:
    return json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": finish}]})


class Scripted:
    """A server that replies to each question as it is told."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.models: Reply = sends(200, MODELS)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""


@pytest.fixture
def server() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script.models(self)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            script.asked.append(json.loads(body))
            script.keys.append(self.headers["Authorization"])
            script.replies.pop(0)(self)

        def log_message(self, format: str, *arguments: object) -> None:
            """Write no log."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    script.url = f"http://127.0.0.1:{http.server_port}/v1"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield script
    http.shutdown()
    http.server_close()


def said(server: Scripted, silence: float | None = None) -> str:
    return "".join(ServerModel(server.url, "small", "key", silence).stream(ASKED, 20))


def test_the_request_names_the_model_the_messages_and_the_limits(server: Scripted) -> None:
    server.replies = [streams(piece("Green"), piece(".", "stop"), "[DONE]")]
    assert said(server) == "Green."
    assert server.keys == ["Bearer key"]
    (asked,) = server.asked
    assert asked["model"] == "small"
    assert [m["role"] for m in asked["messages"]] == ["system", "user"]
    assert (asked["max_tokens"], asked["stream"], asked["temperature"]) == (20, True, 0)


def test_the_context_is_what_the_server_tells_or_a_usual_one(server: Scripted) -> None:
    assert ServerModel(server.url, "small").context_tokens == 4096
    assert ServerModel(server.url, "large").context_tokens == 8192


def test_a_model_the_server_does_not_have_is_told_what_it_has(server: Scripted) -> None:
    with pytest.raises(ModelError, match="has no model 'huge'; it has small, large: name one"):
        ServerModel(server.url, "huge")


def test_a_busy_server_is_asked_again_while_it_has_said_nothing(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.models.server._PAUSE_SECONDS", 0.01)
    busy = sends(503, {"error": {"message": "loading model"}})
    server.replies = [busy, sends(429, {}), streams(piece("Green", "stop"), "[DONE]")]
    assert said(server) == "Green"
    server.replies = [busy, busy, busy]
    with pytest.raises(ModelError, match=r"answered 503 \(loading model\)"):
        said(server)
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (sends(401, {"error": {"message": "no key"}}), "wants a key"),
        (sends(403, "no"), "wants a key"),
        (sends(404, {"error": {"message": "no such model"}}), "has no model 'small', or its"),
        (
            sends(400, {"error": {"message": "maximum context length is 512 tokens"}}),
            "The passages are too long for small",
        ),
        (sends(500, {"error": "out of memory"}), r"answered 500 \(out of memory\)"),
        (streams(piece("Green"), whole=False), "broke off in the middle"),
        (streams(piece("Green")), "broke off in the middle"),
        (streams(json.dumps({"error": {"message": "crashed"}})), r"answered 200 \(crashed\)"),
        (streams("x" * (1 << 21)), "sent a line of more than"),
    ],
)
def test_each_failure_is_told_in_one_sentence(server: Scripted, reply: Reply, message: str) -> None:
    server.replies = [reply]
    with pytest.raises(ModelError, match=message) as error:
        said(server)
    assert str(error.value).endswith(".")


def test_a_server_that_falls_silent_is_left(server: Scripted) -> None:
    server.replies = [streams(piece("Green"), then=lambda: time.sleep(1.5))]
    with pytest.raises(ModelError, match="said nothing for too long"):
        said(server, silence=0.3)


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached"):
        ServerModel("http://127.0.0.1:9/v1", "small")


def test_events_that_are_no_answer_are_read_over(server: Scripted) -> None:
    odd = ["not json", "[]", "{}", json.dumps({"choices": [{"delta": None}, 3]})]
    server.replies = [streams(*odd, piece("Green", "stop"), "[DONE]")]
    assert said(server) == "Green"


def test_a_list_of_models_that_is_none_is_taken_for_an_empty_one(server: Scripted) -> None:
    server.models = sends(200, {"data": "none"})
    assert ServerModel(server.url, "small").context_tokens == 8192
