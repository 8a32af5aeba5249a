"""The command line beside a running server: the same answers, without a model of its own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fakes import FakeModels, ServiceWith
from loaded import loaded_by
from served import GRAIN, KEY, QUESTION, SAID, TOKEN, serving

from rag.cli import main as command_line
from rag.config import Settings
from rag.service.client import Server, announce, models_of, running, withdraw
from rag.service.service import Service

NOWHERE = Server("127.0.0.1", 9, "stale", ())


def main(arguments: Sequence[str]) -> int:
    """Run a command with the fakes and, unless the settings want none, a language model."""
    return command_line.main(
        arguments, lambda settings: FakeModels(*[SAID] if settings.generate else [])
    )


@contextmanager
def announced(service: Service, token: str = "") -> Iterator[Server]:
    """The service, served and told of."""
    settings = Settings.from_environment()
    with serving(service, token) as url:
        server = Server("127.0.0.1", urlsplit(url).port or 0, KEY, models_of(settings))
        announce(server, service.indexes)
        yield server
        withdraw(server, service.indexes)


@pytest.fixture
def service(service_with: ServiceWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("RAG_INDEXES", str(tmp_path / "indexes"))
    monkeypatch.setenv("RAG_LIBRARY", "grain")
    return service_with({"grain": GRAIN}, SAID, SAID, SAID, SAID)


def without_seconds(text: str) -> object:
    answer = json.loads(text)
    return [answer] if isinstance(answer, list) else answer | {"seconds": None}


def test_an_answer_is_the_same_from_a_server_and_from_here(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> list[tuple[int, object, str]]:
        outcomes = []
        for arguments in (
            ["ask", "--json", "-v", QUESTION],
            ["ask", "--json", "--certainty", "1", "-v", "who governs wool"],
            ["search", "--json", "-v", "--document", "south", QUESTION],
        ):
            code = main(arguments)
            out, err = capsys.readouterr()
            outcomes.append((code, without_seconds(out), err))
        return outcomes

    here = said()
    with announced(service, TOKEN) as server:
        there = said()
    assert [code for code, *_ in here] == [0, 3, 0]
    assert [outcome[:2] for outcome in there] == [outcome[:2] for outcome in here]
    assert [err for *_, err in there] == [
        f"{err}Answered by the server at {server.url}\n" for *_, err in here
    ]


def test_a_server_goes_on_with_a_conversation_and_keeps_the_answer(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    with announced(service) as server:
        assert main(["ask", "--conversation", "0", "-v", QUESTION]) == 0
        assert capsys.readouterr().err.endswith(
            f"Answered by the server at {server.url}\nKept in the conversation 1.\n\n"
        )
        assert main(["ask", "--conversation", "1", "--json", QUESTION]) == 0
        assert json.loads(capsys.readouterr().out)["conversation"] == 1
        assert len(service.pipeline("grain").library.conversations.answers(1)) == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask", "?!"], 2),
        (["ask", "--conversation", "7", "x"], 2),
        (["ask", "--library", "nowhere", "x"], 4),
        (["search", "-k", "101", "trade"], 0),
    ],
)
def test_what_the_server_does_not_answer_is_answered_here(
    service: Service, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main(arguments) == code
    here = capsys.readouterr()
    with announced(service):
        assert main(arguments) == code
    assert capsys.readouterr() == here


def test_a_question_to_a_running_server_loads_no_model(service: Service, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with announced(service):
        for command in (
            ["ask", QUESTION],
            ["ask", "--conversation", "0", QUESTION],
            ["search", QUESTION],
        ):
            assert loaded_by("-m", "rag", *command) == {"numpy"}
            done = subprocess.run(
                [sys.executable, "-m", "rag", *command],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            assert "rose by 30 percent in May." in done.stdout


@pytest.mark.parametrize(("name", "value"), [("RAG_MODEL", "none"), ("RAG_ADAPTER", "tone.gguf")])
def test_a_server_with_other_models_is_not_asked(
    service: Service,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    with announced(service):
        monkeypatch.setenv(name, value)
        assert main(["ask", "-v", QUESTION]) == 0
    assert "Answered by the server" not in capsys.readouterr().err


def test_a_server_that_ended_without_a_word_is_none(tmp_path: Path) -> None:
    announce(NOWHERE, tmp_path)
    assert running(tmp_path) is None


def test_another_program_at_the_same_port_is_not_told_the_key(tmp_path: Path) -> None:
    asked: list[str] = []

    class Impostor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok", "proof": "0"}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Impostor) as impostor:
        threading.Thread(target=impostor.handle_request, daemon=True).start()
        announce(replace(NOWHERE, port=impostor.server_port), tmp_path)
        assert running(tmp_path) is None
    assert len(asked) == 1
    assert "stale" not in asked[0]


def test_only_its_user_can_read_of_a_server_and_only_itself_takes_it_back(tmp_path: Path) -> None:
    announce(NOWHERE, tmp_path)
    (file,) = tmp_path.iterdir()
    assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o600
    withdraw(replace(NOWHERE, key="another"), tmp_path)
    assert file.exists()
    withdraw(NOWHERE, tmp_path)
    assert not file.exists()


@pytest.mark.parametrize(
    "told",
    [
        "",
        "[]",
        '{"host": "192.0.2.1", "port": 80, "key": "k", "models": []}',
        '{"host": "127.0.0.1", "port": 80, "key": "k\\r\\nX: y", "models": []}',
        '{"host": "127.0.0.1", "port": 99999, "key": "k", "models": []}',
    ],
)
def test_a_folder_from_elsewhere_sends_no_question_away(tmp_path: Path, told: str) -> None:
    (tmp_path / ".server.json").write_text(told)
    assert running(tmp_path) is None
