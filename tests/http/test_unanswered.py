"""Questions without an answer over HTTP, on a real port."""

import time

import httpx
from fakes import ServiceWith
from served import GRAIN, serving

CHAPEL = "Who painted the ceiling of a chapel?"


def test_questions_without_an_answer_are_listed_answered_by_an_upload_and_removed(
    service_with: ServiceWith,
) -> None:
    with (
        serving(service_with({"grain": GRAIN})) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        answer = client.post("/v1/ask", json={"question": CHAPEL}).json()
        assert answer["abstained"]
        assert answer["declined"].startswith("I found no passage")
        (kept,) = client.get("/v1/unanswered").json()["unanswered"]
        assert (kept["question"], kept["reason"]) == (CHAPEL, answer["reason"])
        assert kept["answered"] == ""
        text = b"Chapels\n\nThis one painted the ceiling of a chapel."
        job = client.post("/v1/documents", files={"file": ("chapel.txt", text)}).json()
        while job["status"] in ("waiting", "adding"):
            time.sleep(0.05)
            job = client.get(f"/v1/jobs/{job['job']}").json()
        assert (job["status"], job["answered"]) == ("added", [CHAPEL])
        assert client.get("/v1/unanswered").json()["unanswered"][0]["answered"]
        assert client.delete("/v1/unanswered").status_code == 204
        assert client.get("/v1/unanswered").json() == {"unanswered": []}
