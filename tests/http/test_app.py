"""The HTTP API over a real port, by the clients people use, and who may ask it."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fakes import EndlessModel, ServiceWith
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from served import (
    EVENTS,
    GRAIN,
    QUESTION,
    QUOTE,
    SAID,
    TOKEN,
    a_pdf,
    events,
    finished,
    problem,
    serving,
)

from rag.errors import (
    BusyError,
    DocumentError,
    NotFoundError,
    StoppedError,
    TimedOutError,
    UsageError,
)
from rag.http.access import MAX_BODY, Access, RateLimiter
from rag.http.auth import read_token
from rag.pipeline import Pipeline
from rag.reading.documents import SUFFIXES
from rag.service import service as service_module
from rag.service.fair_queue import FairQueue, RequestContext
from rag.service.service import MAX_PAGE_IMAGES
from rag.service.uploads import document_name, supported_suffix

# --- Questions ------------------------------------------------------------------------------------


def test_a_search_finds_passages_by_their_offsets(client: httpx.Client) -> None:
    found = client.post("/v1/search", json={"question": QUESTION, "k": 1})
    (hit,) = found.json()["hits"]
    text = client.get("/v1/documents/north/text").json()["text"]
    assert text[hit["start"] : hit["end"]] == hit["text"] == QUOTE


def test_a_filter_and_a_library_are_honoured(client: httpx.Client) -> None:
    def documents(**body: object) -> list[str]:
        hits = client.post("/v1/search", json={"question": "percent", **body}).json()["hits"]
        return sorted({hit["document"] for hit in hits})

    assert documents() == ["north", "south"]
    assert documents(filter={"documents": ["south"]}) == ["south"]
    assert documents(library="wool") == ["west"]


def test_an_answer_cites_exact_words(client: httpx.Client) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert (answer["answer"], answer["mode"], answer["abstained"]) == (
        f"{SAID}[1]",
        "generated",
        False,
    )
    (citation,) = answer["citations"]
    text = client.get(f"/v1/documents/{citation['document']}/text").json()["text"]
    assert text[citation["start"] : citation["end"]] == citation["quote"] == QUOTE


def test_an_answer_comes_as_events_hits_first_and_the_whole_answer_last(
    client: httpx.Client,
) -> None:
    streamed = client.post("/v1/ask", json={"question": QUESTION}, headers=EVENTS)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    (hits, found), (sentence, said), (last, answer) = events(streamed.text)
    assert (hits, sentence, last) == ("hits", "sentence", "answer")
    assert found[0]["document"] == "north"
    assert said == {"text": SAID, "verdict": "supported", "markers": [1], "reason": ""}
    assert answer["sentences"] == [said]


def test_the_events_of_an_error_before_the_answer_are_its_status(client: httpx.Client) -> None:
    status, detail = problem(client.post("/v1/ask", json={"question": "?!"}, headers=EVENTS))
    assert (status, detail) == (422, "The question is empty; type a question in plain words.")


def test_who_leaves_stops_the_model(service_with: ServiceWith) -> None:
    model = EndlessModel(SAID)
    with serving(service_with({"grain": GRAIN}, chat=model)) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=1)
        assert model.stopped.wait(5)
        model.stopped.clear()
        with httpx.stream(
            "POST", f"{url}/v1/ask", json={"question": QUESTION}, headers=EVENTS, timeout=5
        ) as response:
            for line in response.iter_lines():
                if line == "event: sentence":
                    break
        assert model.stopped.wait(5)


def test_a_server_that_ends_stops_its_models_and_answers_those_who_wait(
    service_with: ServiceWith,
) -> None:
    model = EndlessModel(SAID)
    answers: list[tuple[int, str]] = []
    service = service_with({"grain": GRAIN}, chat=model)
    with serving(service) as url:
        thread = threading.Thread(
            target=lambda: answers.append(
                problem(httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=9))
            )
        )
        thread.start()
        assert model.started.wait(5)
    thread.join(5)
    assert answers == [(503, "The question was stopped before its answer was whole; ask it again.")]


def test_searches_do_not_wait_for_a_generation_and_too_many_questions_are_refused(
    service_with: ServiceWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_QUESTIONS", 2)
    model = EndlessModel(SAID)
    with (
        serving(service_with({"grain": GRAIN}, chat=model)) as url,
        httpx.Client(base_url=url, timeout=10) as client,
    ):

        def ask() -> None:
            statuses.append(
                httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=30).status_code
            )

        statuses: list[int] = []
        askers = [threading.Thread(target=ask) for _ in range(2)]
        for asker in askers:
            asker.start()
        while (ready := client.get("/ready").json())["waiting"] < 1:
            time.sleep(0.02)
        assert (ready["ready"], ready["asking"], ready["waiting"]) == (True, 2, 1)
        assert client.post("/v1/search", json={"question": QUESTION}).json()["hits"]
        refused = client.post("/v1/ask", json={"question": QUESTION})
        assert problem(refused)[0] == 503
        assert refused.headers["retry-after"] == "5"
    for asker in askers:
        asker.join(10)
    assert statuses == [503, 503], "those under way when the server ends are told"


def test_those_who_wait_are_served_in_the_order_they_came() -> None:
    line, served = FairQueue(), list[int]()

    def wait(number: int) -> None:
        with line.turn(RequestContext()):
            served.append(number)

    with line.turn(RequestContext()):
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=wait, args=[number]))
            threads[-1].start()
            while len(line) < number + 2:
                time.sleep(0.001)
        assert served == []
    for thread in threads:
        thread.join(5)
    assert served == [0, 1, 2, 3, 4]
    assert len(line) == 0


def test_one_who_waits_can_leave_the_line() -> None:
    line, leaving = FairQueue(), RequestContext()
    with line.turn(RequestContext()):
        leaving.stop()
        with pytest.raises(StoppedError), line.turn(leaving):
            raise AssertionError("its turn has not come")
        assert len(line) == 1


def test_a_question_has_an_end() -> None:
    with pytest.raises(TimedOutError, match="longer than -1 seconds"):
        RequestContext(-1).check()


# --- Documents ------------------------------------------------------------------------------------


def test_a_report_that_is_sent_is_found_replaced_and_removed(client: httpx.Client) -> None:
    def send(text: str) -> dict[str, Any]:
        return finished(
            client, client.post("/v1/documents", files={"file": ("East Trade.txt", text)})
        )

    job = send("Eastern Trade\n\nTea rose by 7 percent.")
    assert (job["status"], job["document"], job["chunks"]) == ("added", "East-Trade", 1)
    assert (
        client.post("/v1/search", json={"question": "tea", "k": 1}).json()["hits"][0]["document"]
        == "East-Trade"
    )
    assert send("Eastern Trade\n\nTea fell by 8 percent.")["status"] == "replaced"
    listed = client.get("/v1/documents").json()["documents"]
    assert [entry["document"] for entry in listed] == ["East-Trade", "north", "south"]
    assert "Tea fell" in client.get("/v1/documents/East-Trade/text").json()["text"]
    assert client.delete("/v1/documents/East-Trade").status_code == 204
    assert problem(client.delete("/v1/documents/East-Trade"))[0] == 404


def test_a_report_that_cannot_be_read_says_why_and_of_a_kind_that_is_not_read_is_refused(
    client: httpx.Client,
) -> None:
    job = finished(client, client.post("/v1/documents", files={"file": ("empty.txt", " ")}))
    assert (job["status"], job["reason"].split(",")[0]) == ("failed", "empty.txt is empty")
    assert problem(client.post("/v1/documents", files={"file": ("x.exe", "MZ")}))[0] == 422


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.txt", "..\\..\\x.txt", "/etc/x.txt", "a\x00b.txt", "....txt", "x/../y.txt"],
)
def test_no_name_that_is_sent_becomes_a_path(
    client: httpx.Client, tmp_path: Path, name: str
) -> None:
    before = {p for p in tmp_path.rglob("*") if p.suffix == ".txt"}
    job = finished(
        client,
        client.post("/v1/documents", files={"file": (name, "A Report\n\nSomething was said.")}),
    )
    assert job["status"] == "added"
    assert set(job["document"]) & set("/\\\x00") == set()
    assert {p for p in tmp_path.rglob("*") if p.suffix == ".txt"} == before


@given(st.text())
def test_the_name_of_a_document_from_elsewhere_is_plain(name: str) -> None:
    plain = document_name(name)
    assert 0 < len(plain) <= 80
    assert not set(plain) & set("/\\\x00\n\r: ")
    assert plain.strip(".") == plain


@pytest.mark.parametrize("name", ["a.exe", "a", "", "a.txt/..", "a.txt\x00"])
def test_a_suffix_is_one_of_those_we_read(name: str) -> None:
    assert supported_suffix("a.PDF") == ".pdf"
    with pytest.raises(DocumentError, match=SUFFIXES[0]):
        supported_suffix(name)


def test_the_text_of_a_document_has_its_paragraphs_at_their_offsets(client: httpx.Client) -> None:
    document = client.get("/v1/documents/north/text").json()
    numbered = [p for p in document["paragraphs"] if p["kind"] == "text"]
    assert [document["text"][p["start"] : p["end"]] for p in numbered] == [QUOTE]
    assert numbered[0]["page"] is None


def test_a_page_of_a_pdf_that_was_sent_is_shown_until_the_document_is_removed(
    client: httpx.Client, tmp_path: Path
) -> None:
    data = a_pdf("Tea rose by 7 percent.", "Salt fell by 8 percent.")
    kept = tmp_path / "indexes" / "grain" / "files"
    assert (
        finished(client, client.post("/v1/documents", files={"file": ("tea.pdf", data)}))["status"]
        == "added"
    )
    assert [file.read_bytes() for file in kept.iterdir()] == [data]
    first, second = (client.get(f"/v1/documents/tea/pages/{page}.png?width=600") for page in (1, 2))
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    assert Image.open(BytesIO(first.content)).size == (600, 800)
    assert first.content != second.content
    finished(
        client,
        client.post("/v1/documents", files={"file": ("tea.pdf", a_pdf("Tea fell.", "Salt rose."))}),
    )
    assert len(list(kept.iterdir())) == 1, "the copy of the older version goes with it"
    assert client.get("/v1/documents/tea/pages/1.png?width=600").content != first.content
    client.delete("/v1/documents/tea")
    assert list(kept.iterdir()) == []


def test_a_page_is_shown_from_the_file_that_was_read_and_from_no_other(
    service_with: ServiceWith, tmp_path: Path
) -> None:
    file = tmp_path / "tea.pdf"
    file.write_bytes(data := a_pdf("Tea rose by 7 percent."))
    service = service_with({"grain": GRAIN})
    list(service.pipeline("grain").add([file]))
    assert service.page_image("grain", "tea", 1, 100).startswith(b"\x89PNG")
    file.write_bytes(a_pdf("Something else."))
    with pytest.raises(NotFoundError, match="has changed or is not there any more"):
        service.page_image("grain", "tea", 1, 100)
    copies = tmp_path / "indexes" / "grain" / "files"
    copies.mkdir()
    (copies / f"{sha256(data).hexdigest()}.pdf").write_bytes(file.read_bytes())
    with pytest.raises(NotFoundError, match="has changed or is not there any more"):
        service.page_image("grain", "tea", 1, 100)
    file.write_bytes(data)
    assert service.page_image("grain", "tea", 1, 100).startswith(b"\x89PNG")
    service.close()


def test_pages_that_are_drawn_take_no_more_than_their_share_of_threads(
    service_with: ServiceWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, drawing, done = (
        service_with({"grain": GRAIN}),
        threading.Semaphore(0),
        threading.Event(),
    )

    def draw(*_: object) -> bytes:
        drawing.release()
        done.wait(10)
        return b"drawn"

    monkeypatch.setattr(Pipeline, "page_image", draw)
    with ThreadPoolExecutor(MAX_PAGE_IMAGES) as pool:
        drawn = [
            pool.submit(service.page_image, "grain", "tea", 1, 100) for _ in range(MAX_PAGE_IMAGES)
        ]
        for _ in drawn:
            assert drawing.acquire(timeout=10)
        with pytest.raises(BusyError, match="8 pages are being drawn"):
            service.page_image("grain", "tea", 1, 100)
        done.set()
    assert [one.result() for one in drawn] == [b"drawn"] * MAX_PAGE_IMAGES
    assert service.page_image("grain", "tea", 1, 100) == b"drawn"
    service.close()


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
        "/v1/conversations",
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


# --- OpenAI's client ------------------------------------------------------------------------------


@pytest.fixture
def assistant(client: httpx.Client) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{client.base_url}/v1", api_key="none", max_retries=0
    ) as assistant:
        yield assistant


def test_openais_client_gets_an_answer_with_footnotes_and_annotations(
    assistant: openai.OpenAI,
) -> None:
    done = assistant.chat.completions.create(
        model="rag", messages=[{"role": "user", "content": QUESTION}], temperature=0
    )
    message = done.choices[0].message
    assert message.content is not None
    assert message.content.startswith(f'{SAID}[1]\n\n[1] "{QUOTE}"\n')
    (annotation,) = [a.to_dict() for a in message.annotations or []]
    cited = annotation["url_citation"]
    assert message.content[cited["start_index"] : cited["end_index"]] == "[1]"
    assert (annotation["quote"], annotation["document"], cited["title"]) == (
        QUOTE,
        "north",
        "Northern Trade",
    )


def test_the_pieces_openais_client_gets_are_the_whole_answer(assistant: openai.OpenAI) -> None:
    stream = assistant.chat.completions.create(
        model="grain", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    chunks = [chunk.choices[0] for chunk in stream]
    assert [c.delta.content for c in chunks][:2] == ["", f"{SAID}[1]"]
    assert "".join(c.delta.content or "" for c in chunks).startswith(
        f'{SAID}[1]\n\n[1] "{QUOTE}"\n'
    )
    assert chunks[-1].finish_reason == "stop"


def test_a_question_leans_on_the_one_before_it(assistant: openai.OpenAI) -> None:
    def said(*messages: Any) -> str:
        done = assistant.chat.completions.create(model="wool", messages=messages)
        return str(done.choices[0].message.content)

    before = [
        {"role": "user", "content": "wool fell by percent"},
        {"role": "assistant", "content": "Yes."},
    ]
    follow_up = {"role": "user", "content": "fell"}
    assert said(*before, follow_up).startswith("Wool fell by 5 percent.[1]")


def test_openais_client_hears_what_is_wrong(assistant: openai.OpenAI) -> None:
    assert [model.id for model in assistant.models.list()] == ["rag", "grain", "wool"]
    with pytest.raises(openai.NotFoundError, match="There is no library 'gpt'"):
        assistant.chat.completions.create(
            model="gpt", messages=[{"role": "user", "content": "wool"}]
        )
    with pytest.raises(openai.UnprocessableEntityError, match="not the user's"):
        assistant.chat.completions.create(
            model="rag", messages=[{"role": "system", "content": "wool"}]
        )


# --- Access ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "elsewhere.example"}, 421),
        ({"host": "127.0.0.1.elsewhere.example:80"}, 421),
        ({"host": "[::"}, 421),
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
