"""Conversations over HTTP, on a real port."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fakes import ServiceWith
from served import EVENTS, GRAIN, QUESTION, QUOTE, SAID, events, problem, serving


@pytest.fixture
def client(service_with: ServiceWith) -> Iterator[httpx.Client]:
    """A client of a server whose model says the one good sentence whatever it is asked."""
    service = service_with(
        {"grain": GRAIN, "wool": {"west.txt": "Western Trade\n\nWool fell by 5 percent."}},
        *[SAID] * 9,
    )
    with serving(service) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def asked(
    client: httpx.Client, key: int | None, question: str = QUESTION, **more: object
) -> dict[str, Any]:
    answer = client.post("/v1/ask", json={"question": question, "conversation": key, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def listed(client: httpx.Client, **parameters: str) -> list[dict[str, Any]]:
    return list(client.get("/v1/conversations", params=parameters).json()["conversations"])


def test_an_answer_is_kept_only_where_a_conversation_is_named(client: httpx.Client) -> None:
    assert "conversation" not in asked(client, None)
    assert "conversation" not in client.post("/v1/ask", json={"question": QUESTION}).json()
    assert listed(client) == []
    first = asked(client, 0)
    assert asked(client, first["conversation"])["conversation"] == first["conversation"]
    (entry,) = listed(client)
    assert (entry["conversation"], entry["name"], entry["turns"]) == (
        first["conversation"],
        QUESTION,
        2,
    )
    read = client.get(f"/v1/conversations/{entry['conversation']}").json()
    kept = {key: value for key, value in first.items() if key != "conversation"}
    assert read == entry | {"answers": [kept, read["answers"][1]]}


def test_the_events_of_a_kept_answer_end_with_its_key(client: httpx.Client) -> None:
    streamed = client.post(
        "/v1/ask", json={"question": QUESTION, "conversation": 0}, headers=EVENTS
    )
    name, answer = events(streamed.text)[-1]
    assert (name, answer["answer"]) == ("answer", f"{SAID}[1]")
    assert [c["conversation"] for c in listed(client)] == [answer["conversation"]]


def test_a_question_leans_on_what_was_asked_in_its_conversation(client: httpx.Client) -> None:
    key = asked(client, 0, "wool fell by percent", library="wool")["conversation"]
    follow_up = "where was it"
    assert asked(client, None, follow_up, library="wool")["abstained"]
    answer = asked(client, key, follow_up, library="wool")["answer"]
    assert answer == "Wool fell by 5 percent.[1]"


def test_conversations_are_found_renamed_and_removed_in_their_library(client: httpx.Client) -> None:
    key = asked(client, 0)["conversation"]
    assert [c["conversation"] for c in listed(client, words="GRAIN may")] == [key]
    assert listed(client, words="walrus") == listed(client, library="wool") == []
    renamed = client.patch(f"/v1/conversations/{key}", json={"name": " May\n2026 "})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "May 2026")
    assert problem(client.patch(f"/v1/conversations/{key}", json={"name": " \u202e"}))[0] == 422
    assert problem(client.patch(f"/v1/conversations/{key}", json={"name": "n" * 201}))[0] == 422
    assert client.delete(f"/v1/conversations/{key}").status_code == 204
    assert problem(client.get(f"/v1/conversations/{key}"))[0] == 404


@pytest.mark.parametrize(
    ("kind", "media_type", "begins"),
    [
        ("md", "text/markdown; charset=utf-8", b"# Prices &lt;b&gt;"),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK"),
        ("json", "application/json", b"{"),
    ],
)
def test_a_conversation_is_sent_as_a_file(
    client: httpx.Client, kind: str, media_type: str, begins: bytes
) -> None:
    key = asked(client, 0)["conversation"]
    client.patch(f"/v1/conversations/{key}", json={"name": 'Prices <b>"; filename=/etc/é\\x'})
    sent = client.get(f"/v1/conversations/{key}/export", params={"kind": kind})
    assert (sent.status_code, sent.headers["content-type"]) == (200, media_type)
    assert sent.content.startswith(begins)
    how, name = sent.headers["content-disposition"].split("; filename*=UTF-8''")
    assert (how, unquote(name)) == ("attachment", f"Prices-b-filename-etc-é-x.{kind}")
    assert sent.headers["x-content-type-options"] == "nosniff"
    if kind == "json":
        assert json.loads(sent.content)["answers"][0]["citations"][0]["quote"] == QUOTE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/conversations/7", 404),
        ("DELETE", "/v1/conversations/7", 404),
        ("GET", "/v1/conversations/7/export?kind=md", 404),
        ("GET", f"/v1/conversations/{2**70}", 404),
        ("GET", "/v1/conversations?library=nowhere", 404),
        ("GET", "/v1/conversations/0", 422),
        ("GET", "/v1/conversations/x", 422),
        ("GET", "/v1/conversations/7/export?kind=exe", 422),
        ("GET", "/v1/conversations/7/export", 422),
        ("PUT", "/v1/conversations/7", 405),
    ],
)
def test_what_is_not_there_is_a_problem(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    assert problem(client.request(method, path))[0] == status


def test_a_question_in_a_conversation_that_is_not_there_is_not_answered(
    client: httpx.Client,
) -> None:
    status, detail = problem(client.post("/v1/ask", json={"question": QUESTION, "conversation": 7}))
    assert (status, detail[:29]) == (404, "There is no conversation 7 in")
    assert problem(client.patch("/v1/conversations/7", json={"name": "x"}))[0] == 404
    assert (
        problem(client.post("/v1/ask", json={"question": QUESTION, "conversation": -1}))[0] == 422
    )
