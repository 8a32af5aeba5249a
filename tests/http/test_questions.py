"""Questions over HTTP: found, answered, stopped, and waiting in turn."""

import json
import socket
import threading
import time
from dataclasses import fields

import httpx
import pytest
from fakes import EndlessModel, ServiceWith
from served import (
    EVENTS,
    GRAIN,
    QUESTION,
    QUOTE,
    SAID,
    events,
    problem,
    serving,
)

from rag.errors import (
    StoppedError,
    TimedOutError,
)
from rag.render.json import answer_json, read_answer
from rag.service import service as service_module
from rag.service.fair_queue import FairQueue, RequestContext
from rag.types import Answer, Chunk, Hit


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


def test_an_answer_over_http_is_all_that_an_answer_holds(client: httpx.Client) -> None:
    for question in (QUESTION, "Who painted the ceiling?"):
        answer = client.post("/v1/ask", json={"question": question}).json()
        assert json.loads(json.dumps(answer_json(read_answer(answer)))) == answer
        assert set(answer) == {field.name for field in fields(Answer)}
        assert set(answer["hits"][0]) == {
            field.name for noun in (Chunk, Hit) for field in fields(noun)
        } - {"chunk"}


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
        with socket.create_connection((httpx.URL(url).host, httpx.URL(url).port)) as connection:
            request = httpx.Request("POST", f"{url}/v1/ask", json={"question": QUESTION})
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            connection.sendall(f"POST /v1/ask HTTP/1.1\r\n{head}\r\n".encode() + request.content)
            assert model.started.wait(60)
        assert model.stopped.wait(60)
        model.stopped.clear()
        with httpx.stream(
            "POST", f"{url}/v1/ask", json={"question": QUESTION}, headers=EVENTS, timeout=60
        ) as response:
            for line in response.iter_lines():
                if line == "event: sentence":
                    break
        assert model.stopped.wait(60)


def test_a_server_that_ends_stops_its_models_and_answers_those_who_wait(
    service_with: ServiceWith,
) -> None:
    model = EndlessModel(SAID)
    answers: list[tuple[int, str]] = []
    service = service_with({"grain": GRAIN}, chat=model)
    with serving(service) as url:
        thread = threading.Thread(
            target=lambda: answers.append(
                problem(httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=60))
            )
        )
        thread.start()
        assert model.started.wait(60)
    thread.join(60)
    assert answers == [(503, "The question was stopped before its answer was whole; ask it again.")]


def test_searches_do_not_wait_for_a_generation_and_too_many_questions_are_refused(
    service_with: ServiceWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_QUESTIONS", 2)
    model = EndlessModel(SAID)
    with (
        serving(service_with({"grain": GRAIN}, chat=model)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):

        def ask() -> None:
            statuses.append(
                httpx.post(f"{url}/v1/ask", json={"question": QUESTION}, timeout=60).status_code
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
        asker.join(60)
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
        thread.join(60)
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
