"""Documents over HTTP: sent, shown, replaced and removed; no name becomes a path."""

import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import ServiceWith
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from served import (
    GRAIN,
    QUOTE,
    a_pdf,
    finished,
    problem,
)

from rag.errors import (
    BusyError,
    DocumentError,
    NotFoundError,
)
from rag.pipeline import Pipeline
from rag.reading.documents import SUFFIXES
from rag.service.service import MAX_PAGE_IMAGES
from rag.service.uploads import document_name, supported_suffix


def test_a_report_that_is_sent_is_found_replaced_and_removed(client: httpx.Client) -> None:
    job = sent(client, "East Trade.txt", "Eastern Trade\n\nTea rose by 7 percent.")
    assert (job["status"], job["document"], job["chunks"]) == ("added", "East-Trade", 1)
    assert (
        client.post("/v1/search", json={"question": "tea", "k": 1}).json()["hits"][0]["document"]
        == "East-Trade"
    )
    later = sent(client, "b.txt", "Eastern Trade\n\nTea fell by 8 percent.", "East-Trade")
    assert (later["status"], later["document"]) == ("replaced", "East-Trade")
    assert names(client) == ["East-Trade", "north", "south"]
    assert "Tea fell" in client.get("/v1/documents/East-Trade/text").json()["text"]
    assert client.delete("/v1/documents/East-Trade").status_code == 204
    assert problem(client.delete("/v1/documents/East-Trade"))[0] == 404


def sent(client: httpx.Client, name: str, text: str, replaces: str = "") -> dict[str, Any]:
    """The job of a file that was sent, once it is done."""
    files, query = {"file": (name, text)}, {"replaces": replaces} if replaces else {}
    return finished(client, client.post("/v1/documents", files=files, params=query))


def names(client: httpx.Client) -> list[str]:
    return [entry["document"] for entry in client.get("/v1/documents").json()["documents"]]


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("Plan A.txt", "Plan%A.txt", "Plan-A"),
        ("2021/report.txt", "2022/report.txt", "report"),
        ("tea.txt", "tea.txt", "tea"),
        ("tea.txt", "tea.md", "tea"),
        ("north.txt", "North.txt", "North"),
    ],
)
def test_no_report_that_is_sent_takes_the_place_of_another(
    client: httpx.Client, one: str, other: str, name: str
) -> None:
    jobs = [sent(client, file, f"Tea\n\nTea of the {n}.") for n, file in enumerate((one, other))]
    assert [job["status"] for job in jobs] == ["added", "added"]
    third = sent(client, other, "Tea\n\nTea of another year.")
    documents = [*(job["document"] for job in jobs), third["document"]]
    assert len(set(documents)) == 3
    assert set(names(client)) == {"north", "south", *documents}
    assert third["reason"] == f"Another report has this name, so it is called {documents[2]!r}."
    for number, document in enumerate(documents[:2]):
        text = client.get(f"/v1/documents/{document}/text").json()["text"]
        assert f"Tea of the {number}." in text


def test_the_same_file_is_added_once_whatever_its_name(client: httpx.Client) -> None:
    text = "Eastern Trade\n\nTea rose by 7 percent."
    assert sent(client, "tea.txt", text)["status"] == "added"
    again = sent(client, "other.txt", text)
    assert (again["status"], again["document"]) == ("unchanged", "tea")
    assert again["reason"] == "The library holds this file already, as 'tea'."
    assert names(client) == ["north", "south", "tea"]


def test_only_a_report_that_was_sent_is_replaced(client: httpx.Client) -> None:
    for name, status, why in (
        ("nowhere", 404, "There is no document 'nowhere'"),
        ("north", 422, "replaced by changing that file"),
    ):
        refused = client.post(
            "/v1/documents", files={"file": ("a.txt", "Tea.")}, params={"replaces": name}
        )
        told = problem(refused)
        assert told[0] == status
        assert why in told[1]
    assert names(client) == ["north", "south"]


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
        client.post(
            "/v1/documents?replaces=tea",
            files={"file": ("tea.pdf", a_pdf("Tea fell.", "Salt rose."))},
        ),
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
        done.wait(60)
        return b"drawn"

    monkeypatch.setattr(Pipeline, "page_image", draw)
    with ThreadPoolExecutor(MAX_PAGE_IMAGES) as pool:
        drawn = [
            pool.submit(service.page_image, "grain", "tea", 1, 100) for _ in range(MAX_PAGE_IMAGES)
        ]
        for _ in drawn:
            assert drawing.acquire(timeout=60)
        with pytest.raises(BusyError, match="8 pages are being drawn"):
            service.page_image("grain", "tea", 1, 100)
        done.set()
    assert [one.result() for one in drawn] == [b"drawn"] * MAX_PAGE_IMAGES
    assert service.page_image("grain", "tea", 1, 100) == b"drawn"
    service.close()
