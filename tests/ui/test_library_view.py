"""HTML of what a library holds, read as a browser would read it."""

import time
from pathlib import Path

import pytest
from pages import ATTRIBUTES, HOSTILE, TAGS, Page

from rag.service.jobs import Job
from rag.types import Conversation, DocumentInfo
from rag.ui.library_view import (
    adding_html,
    conversations_html,
    holdings_html,
    no_library_html,
    work_html,
)
from rag.ui.sources_view import library_html

LIST_TAGS = set(
    "table thead tbody tr th td figure svg title desc line rect text progress select option"
    " form".split()
)
LIST_ATTRIBUTES = set(
    "data-busy data-rename data-replace data-sure scope viewbox aria-labelledby x y x1 x2 y1 y2"
    " width height max aria-current data-sought data-date data-added data-pick checked data-sift"
    " data-sort data-pick-all data-form for name maxlength datetime".split()
)
KEPT = [
    Conversation(3, "What of trade?", "2024-03-01T10:00:00Z", "2024-03-02T10:20:30Z", 2),
    Conversation(1, "What of wool?", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z", 1),
]


def test_conversations_are_listed_and_the_open_one_is_marked() -> None:
    shown = Page(conversations_html(KEPT, 1, searched=False))
    items = [attributes for tag, attributes in shown.elements if tag == "li"]
    assert items == [{}, {"aria-current": "true"}]
    assert "What of trade?2 questions · 2024-03-02, 10:20 UTC" in shown.text("ol")
    assert [a["data-conversation"] for _, a in shown.elements if a.get("data-do") == "resume"] == [
        "3",
        "1",
    ]


def test_no_conversation_is_told_apart_from_none_that_was_found() -> None:
    assert "Nothing was asked yet" in conversations_html([], None, searched=False)
    assert "No conversations found" in conversations_html([], None, searched=True)


def test_a_report_that_was_sent_can_be_replaced_and_no_other() -> None:
    reports = [
        DocumentInfo("sent", "a.txt", Path("/uploaded/a.txt"), "", "A", "", 1, 1),
        DocumentInfo("read", "b.txt", Path("/reports/b.txt"), "", "B", "", 1, 1),
    ]
    shown = Page(holdings_html("trade", reports, 0))
    assert [a["data-replace"] for _, a in shown.elements if "data-replace" in a] == ["sent"]


def held(*dates: str) -> list[DocumentInfo]:
    return [
        DocumentInfo(f"r{n}", f"r{n}.txt", Path(), "", f"Report {n}", date, 3, 1000)
        for n, date in enumerate(dates)
    ]


def bars(*dates: str) -> list[str]:
    """What the bars of the picture say of themselves; the table beside them says the same."""
    shown = Page(holdings_html("a", held(*dates), 0))
    said = [
        text for text, inside in shown.texts if [tag for tag, _ in inside[-2:]] == ["rect", "title"]
    ]
    assert sum(int(bar.split()[1]) for bar in said) == len([date for date in dates if date])
    cells = [
        text
        for text, inside in shown.texts
        if "details" in [tag for tag, _ in inside] and inside[-1][0] in ("th", "td")
    ]
    assert [
        f"{when}: {number} document{'s' * (number != '1')}"
        for when, number in zip(cells[2::2], cells[3::2], strict=True)
    ] == said
    return said


def test_a_library_is_told_in_figures_and_each_of_its_reports_opens_and_can_be_removed() -> None:
    shown = Page(holdings_html("trade", held("2024-01-02", ""), 2_500_000))
    assert shown.text("section").startswith("trade2 documents · 2,000 passages · 2.5 MB")
    for kind, number in (("discard", 2), ("verify", 1), ("rebuild", 1)):
        assert [a.get("data-do") for _, a in shown.elements].count(kind) == number
    assert shown.attributes("data-document") == ["r0", "r0", "r1", "r1"]


def test_the_timeline_has_a_bar_for_each_month_or_for_each_year_where_there_are_many() -> None:
    assert bars("2023-12-30", "2024-02-01", "2024-02-28") == [
        "2023-12: 1 document",
        "2024-02: 2 documents",
    ]
    assert bars("2003-12-30", "2024", "2024-02-28", "") == ["2003: 1 document", "2024: 2 documents"]
    assert Page(holdings_html("a", held("2024-02-01", ""), 0)).text("svg") == "", (
        "one date is no picture"
    )
    assert Page(holdings_html("a", held("0001-01-01", "2024-02-01"), 0)).text("svg") == "", (
        "nor is a wrong one"
    )


def test_work_says_how_far_it_is_and_what_went_wrong() -> None:
    began = time.monotonic() - 15  # for three of twelve: nine more take three times as long
    adding = Job("1", "a", "add", "/reports", "running", number=3, of=12, begun=began)
    failed = Job(
        "2",
        "a",
        "verify",
        status="failed",
        message="The library is damaged:",
        faults=("A passage differs.",),
    )
    jobs = [
        Job("3", "a", "upload", "north.pdf", "added", chunks=7),
        Job("4", "a", "upload", "b.txt", "failed", message="It is empty."),
    ]
    shown = Page(work_html(jobs, [adding, failed]))
    assert shown.text("header") == "2 files · 1 added · 1 not addedCancel"
    assert [shown.text("li", class_=status) for status in ("added", "running")] == [
        "north.pdf · added · 7 passages",
        "Adding /reports · 3 of 12 · about 45 s left",
    ]
    assert (
        shown.text("li", class_="failed")
        == "VerifyingThe library is damaged:A passage differs.b.txt · not addedIt is empty."
    )
    assert next("data-busy" in a for tag, a in shown.elements if tag == "section")
    assert "data-busy" not in work_html(jobs, [failed])
    assert "data-busy" in work_html([*jobs, Job("5", "a", "upload", "c.txt")], [failed])
    assert [(a["value"], a["max"]) for tag, a in shown.elements if tag == "progress"] == [
        ("3", "12")
    ]


def test_of_many_files_those_that_were_not_added_come_first_and_the_rest_is_folded() -> None:
    jobs = [Job(str(n), "a", "upload", f"{n}.txt", "added") for n in range(20)]
    jobs.append(Job("x", "a", "upload", "x.txt", "failed", message="It is empty."))
    shown = Page(work_html(jobs, []))
    assert shown.text("header") == "21 files · 20 added · 1 not addedDismiss"
    assert shown.text("section").index("x.txt") < shown.text("section").index("0.txt")
    assert shown.text("summary") == "12 more files"


def test_what_is_still_to_be_sent_is_counted_and_can_be_cancelled() -> None:
    jobs = [Job("1", "a", "upload", "1.txt", "added"), Job("2", "a", "upload", "2.txt")]
    shown = Page(work_html(jobs, []))
    assert shown.text("header") == "1 of 2 files done · 1 addedCancel"
    assert [a["value"] for tag, a in shown.elements if tag == "progress"] == ["1"]


def test_documents_without_a_date_are_counted_and_the_picture_says_so() -> None:
    shown = Page(holdings_html("a", held("2024-02-01", "2024-03-01", ""), 0))
    assert shown.text("figcaption") == "Documents by month. 1 document without a date is not shown."


def test_a_folder_is_asked_for_at_the_machine_itself_only() -> None:
    for form in (adding_html, no_library_html):
        assert ['name="folder"' in form(local) for local in (True, False)] == [True, False]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_written_in_a_name_becomes_markup(text: str) -> None:
    for piece in (
        library_html(
            text, [DocumentInfo(text, text, Path(), "", text, text, 1, 1)] * 2, (text,), ()
        ),
        conversations_html([Conversation(1, text, "", "", 1)], None, searched=False),
        holdings_html(
            text,
            [DocumentInfo(text, text, Path(), "", text, date, 1, 1) for date in (text, "2024-01")],
            0,
        ),
        work_html(
            [Job("1", "a", "upload", text, "failed", message=text)],
            [Job(text, text, "add", text, "failed", number=1, of=1, message=text, faults=(text,))],
        ),
    ):
        shown = Page(piece)
        assert {tag for tag, _ in shown.elements} <= TAGS | LIST_TAGS
        assert {
            name for _, attributes in shown.elements for name in attributes
        } <= ATTRIBUTES | LIST_ATTRIBUTES
        assert text in "".join(part for part, _ in shown.texts)
