"""The HTTP API over a real port: its routes, its errors and its description."""

import httpx
import pytest
from fakes import ServiceWith
from served import (
    problem,
    serving,
)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/documents/nothing/text", 404),
        ("GET", "/v1/documents/..%2f..%2fetc%2fpasswd/text", 404),
        ("GET", "/v1/documents?library=nowhere", 404),
        ("GET", "/v1/documents?library=..%2f..", 422),
        ("GET", "/v1/documents/north/pages/1.png", 404),
        ("GET", "/v1/documents/..%2f..%2fetc%2fpasswd/pages/1.png", 404),
        ("GET", "/v1/documents/north/pages/..%2f1.png", 404),
        ("GET", "/v1/documents/north/pages/first.png", 422),
        ("GET", "/v1/documents/north/pages/1.png?width=1000000", 422),
        ("GET", "/v1/jobs/none", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/ask", 405),
        ("DELETE", "/health", 405),
        ("TRACE", "/v1/models", 405),
        ("DELETE", "/v1/chat/completions", 405),
    ],
)
def test_what_is_not_there_is_a_problem(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    assert problem(client.request(method, path))[0] == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"question": 1}',
        b'{"question": "a", "certainty": false}',
        b'{"question": "a", "more": 1}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_off_is_a_problem_that_repeats_none_of_it(
    client: httpx.Client, body: bytes
) -> None:
    status, detail = problem(
        client.post("/v1/ask", content=body, headers={"content-type": "application/json"})
    )
    assert status == 422
    assert detail.startswith("The request is off at body")


def test_the_server_says_that_it_lives_and_which_libraries_it_has(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json()["ready"] is True
    libraries = client.get("/v1/libraries").json()["libraries"]
    assert libraries == [
        {"library": "grain", "default": True},
        {"library": "wool", "default": False},
    ]


def test_a_server_without_its_library_is_not_ready(service_with: ServiceWith) -> None:
    with serving(service_with({})) as url:
        answer = httpx.get(f"{url}/ready")
        assert (answer.status_code, answer.json()["library"][:27]) == (
            503,
            "There is no library 'grain'",
        )


def test_the_description_states_every_route_its_errors_and_examples(client: httpx.Client) -> None:
    description = client.get("/v1/openapi.json").json()
    assert set(description["paths"]) == {
        "/health",
        "/ready",
        "/v1/ask",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/conversations",
        "/v1/unanswered",
        "/v1/conversations/{conversation}",
        "/v1/conversations/{conversation}/export",
        "/v1/documents",
        "/v1/documents/{document}",
        "/v1/documents/{document}/pages/{page}.png",
        "/v1/documents/{document}/text",
        "/v1/jobs/{job}",
        "/v1/libraries",
        "/v1/models",
        "/v1/search",
    }
    for path in description["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["422"]["content"]
    assert description["components"]["schemas"]["Ask"]["examples"] == [
        {"question": "How much did trade grow?"}
    ]
