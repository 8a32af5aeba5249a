"""Who may ask the HTTP API, how often and how much, and what the log says of it."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import ServiceWith
from served import (
    GRAIN,
    QUESTION,
    TOKEN,
    problem,
    serving,
)

from rag.errors import (
    UsageError,
)
from rag.http.access import Access
from rag.http.auth import read_token
from rag.http.limits import MAX_BODY, RateLimiter


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "elsewhere.example"}, 421),
        ({"host": "127.0.0.1.elsewhere.example:80"}, 421),
        ({"host": "[::"}, 400),
        ({"origin": "http://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"x-request-id": "x" * 100}, 200),
    ],
)
def test_other_names_and_other_sites_are_refused(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert (
        client.post("/v1/search", json={"question": QUESTION}, headers=headers).status_code
        == status
    )


def test_a_page_of_another_site_gets_no_leave_to_read(client: httpx.Client) -> None:
    answer = client.get("/v1/documents", headers={"origin": "http://elsewhere.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_without_the_token_nothing_is_answered_but_whether_the_server_lives(
    service_with: ServiceWith, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rag.http.access")
    with (
        serving(service_with({"grain": GRAIN}), TOKEN) as url,
        httpx.Client(base_url=url) as client,
    ):
        assert client.get("/health").status_code == 200
        for given in (
            "",
            "Bearer",
            "Bearer wrong",
            f"Basic {TOKEN}",
            f"Bearer {TOKEN}x",
            "Bearer \xff",
        ):
            refused = client.get(
                "/v1/documents", headers={"authorization": given.encode("latin-1")}
            )
            assert problem(refused)[0] == 401
        assert client.get("/").status_code == 401
        assert client.get("/?token=wrong").status_code == 401
        assert (
            client.get("/v1/documents", headers={"authorization": f"Bearer {TOKEN}"}).status_code
            == 200
        )
        given = client.get(f"/?token={TOKEN}")
        assert (given.status_code, given.headers["location"]) == (303, "/")
        assert client.get("/v1/documents").status_code == 200, "the cookie serves as well"
    assert len(caplog.records) > 5
    assert TOKEN not in caplog.text


def test_a_token_that_asks_too_often_is_told_when_to_go_on(service_with: ServiceWith) -> None:
    with serving(service_with({"grain": GRAIN}), TOKEN, requests_a_minute=3) as url:
        answers = [
            httpx.get(f"{url}/v1/documents", headers={"authorization": f"Bearer {TOKEN}"})
            for _ in range(4)
        ]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 21


def test_an_allowance_fills_evenly() -> None:
    limiter = RateLimiter(2)
    assert [limiter.take(100), limiter.take(100)] == [0, 0]
    assert limiter.take(100) == 30
    assert limiter.take(129) == pytest.approx(1)
    assert limiter.take(130.1) == 0


def test_a_body_that_is_too_large_is_refused_announced_or_not(client: httpx.Client) -> None:
    assert problem(client.post("/v1/ask", content=b" " * (MAX_BODY + 1)))[0] == 413

    def pieces() -> Iterator[bytes]:
        yield from [b" " * 100_000] * 11

    assert problem(client.post("/v1/ask", content=pieces()))[0] == 413


def test_the_log_is_a_line_for_each_request_without_its_words(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rag.http.access")
    client.post(
        "/v1/search?x=secret%0Aline",
        json={"question": QUESTION},
        headers={"x-request-id": "mine-1"},
    )
    client.get("/v1/documents/secret/text", headers={"x-request-id": "evil\\n{}"})
    first, second = (
        json.loads(record.getMessage())
        for record in caplog.records
        if record.name == "rag.http.access"
    )
    assert {key: first[key] for key in ("id", "method", "route", "status")} == {
        "id": "mine-1",
        "method": "POST",
        "route": "/v1/search",
        "status": 200,
    }
    assert (second["route"], second["status"]) == ("/v1/documents/{document}/text", 404)
    assert second["id"].isalnum()
    assert "secret" not in caplog.text
    assert QUESTION not in caplog.text


@pytest.mark.parametrize(
    "token", ["", "short", "a token with spaces in it", "ein-Schlüssel-mit-Umlaut"]
)
def test_other_machines_are_not_served_without_a_good_token(tmp_path: Path, token: str) -> None:
    with pytest.raises(UsageError, match="set RAG_TOKEN"):
        read_token("0.0.0.0", None, token)
    (tmp_path / "token").write_text(token, encoding="utf-8")
    with pytest.raises(UsageError, match="set RAG_TOKEN"):
        read_token("127.0.0.1", tmp_path / "token", "")
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    assert read_token("0.0.0.0", tmp_path / "token", token) == TOKEN
    assert read_token("127.0.0.1", None, "") == ""


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(
    service_with: ServiceWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("within")

    async def run() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "path": "/v1/x",
            "method": "GET",
            "headers": [(b"host", b"127.0.0.1")],
        }
        with pytest.raises(RuntimeError, match="within"):
            await Access(broken, frozenset({"127.0.0.1"}))(scope, receive, send)
        return sent

    assert asyncio.run(run()) == [], "a fault is not swallowed, the server behind it answers"
