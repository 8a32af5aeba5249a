"""What a document says in short, and its own page."""

import time
from pathlib import Path

import pytest
from fakes import ServiceWith
from pages import ATTRIBUTES, HOSTILE, TAGS, Page
from visit import DOCUMENT

from rag.errors import NotFoundError, UsageError
from rag.service.service import Service
from rag.types import DocumentInfo
from rag.ui.overviews import DocumentOverview, Overviews
from rag.ui.sources_view import about_html, library_html, scope_html

HARBOUR = (
    "The harbour\n\nThe harbour of Norr was opened in 1887. Ships of three lands called there "
    "each summer.\n\nThe pier was rebuilt after the storm. Its stones came from the north."
)


@pytest.fixture
def service(service_with: ServiceWith) -> Service:
    return service_with({"grain": {"harbour.txt": HARBOUR}})


def ready(overviews: Overviews) -> DocumentOverview:
    while not (found := overviews.of("grain", "harbour")).ready:
        time.sleep(0.02)
    return found


def test_an_overview_is_of_the_document_alone_without_the_line_of_its_title(
    service: Service,
) -> None:
    found = ready(Overviews(service))
    assert found.answer is not None
    assert {c.document for c in found.answer.citations} == {"harbour"}
    assert "The harbour" not in [c.quote for c in found.answer.citations]
    markers = {marker for sentence in found.answer.sentences for marker in sentence.markers}
    assert sorted(markers) == [c.marker for c in found.answer.citations]
    assert min(markers) == 1
    assert "When was the harbour of Norr opened?" in found.questions


def test_of_a_document_that_is_not_there_there_is_no_overview(service: Service) -> None:
    with pytest.raises(NotFoundError):
        Overviews(service).of("grain", "gone")


def test_a_title_and_a_date_that_are_corrected_are_those_it_is_cited_under(
    service: Service,
) -> None:
    service.correct("grain", "harbour", "  The Port   of Norr ", "1890-05")
    info = service.pipeline("grain").library.info("harbour")
    assert (info.title, info.date) == ("The Port of Norr", "1890-05")
    answer = service.attempt("grain", "When was the harbour of Norr opened?")
    assert {c.title for c in answer.citations} == {"The Port of Norr"}
    assert service.pipeline("grain").library.verify() == []
    for title, date in (("", ""), ("x" * 301, ""), ("Port", "last May")):
        with pytest.raises(UsageError):
            service.correct("grain", "harbour", title, date)


def info(name: str, title: str, date: str = "") -> DocumentInfo:
    return DocumentInfo(name, f"{name}.txt", Path("/reports/a.txt"), "", title, date, 3, 5)


REPORTS = [info("b", "Trade", "2024-01-01"), info("a", "Trade"), info("c", "Wool", "2023")]


def test_documents_are_listed_by_title_with_those_ticked_that_were_chosen() -> None:
    shown = Page(library_html("grain", REPORTS, {"a"}, ["c", "b", "a"]))
    assert shown.text("header") == "3 documents in the library grain1 document without a date"
    boxes = [a for tag, a in shown.elements if tag == "input" and "data-pick" in a]
    assert [(a["data-pick"], "checked" in a) for a in boxes] == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]
    items = [a for tag, a in shown.elements if tag == "li"]
    assert [a["data-added"] for a in items] == ["2", "1", "0"]
    assert items[0]["data-sought"] == "trade a.txt "


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((), "Searches all 3 documents Show"),
        (("a",), "Searches only 1 of 3 documents: Trade Change Search all"),
        (("a", "b", "c"), "Searches only 3 of 3 documents Change Search all"),
    ],
)
def test_beside_the_question_it_is_said_what_it_is_asked_of(
    chosen: tuple[str, ...], said: str
) -> None:
    assert Page(scope_html(REPORTS, chosen)).text("p") == said
    assert scope_html([], chosen) == ""


def test_the_page_of_a_document_tells_what_is_still_looked_for() -> None:
    waiting = Page(about_html(DOCUMENT, REPORTS[0], DocumentOverview()))
    assert "Reading the document" in waiting.text("article")
    assert "data-busy" in dict(waiting.elements[0][1])
    done = Page(about_html(DOCUMENT, REPORTS[0], DocumentOverview(None, ("Why?",), True)))
    assert "No overview could be made." in done.text("article")
    assert done.text("ul") == "Why?"
    assert "data-busy" not in dict(done.elements[0][1])


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_written_in_a_document_becomes_markup(text: str) -> None:
    named = info(text, text, text)
    for piece in (scope_html([named], (text,)), about_html(DOCUMENT, named, DocumentOverview())):
        shown = Page(piece)
        assert {tag for tag, _ in shown.elements} <= TAGS | {"dl", "dt", "dd", "form"}
        assert {name for _, attributes in shown.elements for name in attributes} <= ATTRIBUTES | {
            "name",
            "maxlength",
            "data-form",
            "data-busy",
        }
