"""What a server tells of itself to those who watch over it."""

import re
from collections.abc import Mapping

import httpx
import pytest
from fakes import ServiceWith
from served import GRAIN, QUESTION, SAID, finished, problem, serving

from rag.service.metrics import Metrics


def values(text: str) -> Mapping[str, float]:
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }


def test_a_duration_is_in_every_bucket_from_its_own_upwards() -> None:
    metrics = Metrics()
    for seconds in (0.05, 0.1, 500):
        metrics.observe("rag_answer_seconds", seconds)
    found = values(metrics.text({}))
    assert [
        found[f'rag_answer_seconds_bucket{{le="{limit}"}}']
        for limit in ("0.03", "0.1", "100.0", "+Inf")
    ] == [0, 2, 2, 3]
    assert (found["rag_answer_seconds_count"], found["rag_answer_seconds_sum"]) == (
        3,
        pytest.approx(500.15),
    )


def test_what_was_asked_refused_and_added_is_counted_and_no_word_of_it_told(
    service_with: ServiceWith,
) -> None:
    with (
        serving(service_with({"grain": GRAIN}, SAID), metrics=True) as url,
        httpx.Client(base_url=url) as client,
    ):
        client.post("/v1/ask", json={"question": QUESTION})
        client.post("/v1/ask", json={"question": "who governs wool", "certainty": 1})
        client.post("/v1/ask", json={"question": "?"})
        client.post("/v1/search", json={"question": QUESTION})
        client.get("/v1/documents/secret-name/text")
        client.get("/v1/documents", headers={"host": "elsewhere.example"})
        finished(
            client, client.post("/v1/documents", files={"file": ("tea.txt", "Tea\n\nIt rose.")})
        )
        told = client.get("/metrics")
    found = values(told.text)
    outcomes = {key: value for key, value in found.items() if key.startswith("rag_questions_total")}
    assert outcomes == {
        f'rag_questions_total{{outcome="{name}"}}': 1
        for name in ("generated", "abstained", "failed")
    }
    assert found['rag_requests_total{route="/v1/search",status="200"}'] == 1
    assert found['rag_requests_total{route="/v1/documents/{document}/text",status="404"}'] == 1
    assert found['rag_requests_total{route="",status="421"}'] == 1
    assert found['rag_uploads_total{outcome="added"}'] == 1
    assert (found["rag_asking"], found["rag_line_length"]) == (0, 0)
    assert not re.search("secret|grain|wool|tea", told.text)
    form = re.compile(
        r'# (HELP|TYPE) rag_[a-z_]+ .+|rag_[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})?'
        r" [0-9.e+-]+"
    )
    assert all(form.fullmatch(line) for line in told.text.splitlines())


def test_without_the_switch_nothing_is_told(service_with: ServiceWith) -> None:
    with serving(service_with({"grain": GRAIN})) as url:
        assert problem(httpx.get(f"{url}/metrics"))[0] == 404
