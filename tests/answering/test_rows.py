"""A question names a row of a table by words that others do not hold, a column by its head."""

import csv
from io import StringIO

import pytest

from rag.answering.rows import with_named_rows
from rag.reading.documents import document_of
from rag.types import Chunk, Document, Evidence, Hit, Span

WELLS = """Town,Users,Depth (m),Soil
Farby,497,21,sand
Farwick,1473,19,clay
Farstad,4296,25,clay
"""
FARES = """Route,Season,Adult fare,Car fare
Arden - Holm,May,12.50,48.00
Arden - Holm,July,16.00,61.00
Holm - Vik,July,11.50,44.00
"""
ORDERS = """Order No,Customer,Order Date,Status
A-1003,Mill & Co,2024-02-02,cancelled
A-1004,Brandt Optics,2024-02-20,shipped
A-1005,Novak Glass,2024-03-05,shipped
"""


def evidence_of(document: Document, order: str, focus: str = "") -> list[Evidence]:
    """The rows in an order, "201" for the third, the first and the second, each less likely; the
    focus is a word of the first.
    """
    rows = [p for p in document.paragraphs if p.kind == "text"]
    found: list[Evidence] = []
    for rank, number in enumerate(map(int, order)):
        row = rows[number]
        text = document.text[row.start : row.end]
        chunk = Chunk(document.name, number, "", 1, row.start, row.end, text, "")
        at = row.start + text.index(focus) if focus and not rank else None
        found.append(
            Evidence(
                Hit(chunk, "", 0.5, "both"),
                row.start,
                row.end,
                text,
                0.9 - 0.1 * rank,
                None if at is None else Span(at, at + len(focus)),
            )
        )
    return found


def best(source: str, question: str, order: str, focus: str = "") -> Evidence:
    document = document_of(source.encode(), "table.csv")
    assert len(list(csv.reader(StringIO(source)))) == len(document.paragraphs) + 1
    return with_named_rows(question, evidence_of(document, order, focus), lambda _: document)[0]


@pytest.mark.parametrize(
    ("source", "question", "text", "answer"),
    [
        (
            WELLS,
            "How deep is the well in Farwick?",
            "Town: Farwick · Users: 1473 · Depth (m): 19",
            "19",
        ),
        (
            FARES,
            "What does an adult pay from Arden to Holm in July?",
            "Route: Arden - Holm · Season: July · Adult fare: 16.00",
            "16.00",
        ),
        (
            ORDERS,
            "Which customer cancelled?",
            "Order No: A-1003 · Customer: Mill & Co · Order Date: 2024-02-02 · Status: cancelled",
            "Mill & Co",
        ),
        (
            ORDERS,
            "Which order was cancelled?",
            "Order No: A-1003 · Customer: Mill & Co · Order Date: 2024-02-02 · Status: cancelled",
            "",
        ),
    ],
    ids=["cut behind the value", "several words name the row", "value before", "two heads"],
)
@pytest.mark.parametrize("order", ["201", "102", "210"])
def test_the_row_that_is_named_comes_first_with_the_value_that_is_asked_for(
    source: str, question: str, text: str, answer: str, order: str
) -> None:
    found = best(source, question, order)
    assert (found.text, found.short_answer) == (text, answer)
    assert found.score == 0.9


@pytest.mark.parametrize(
    "question", ["Which order was shipped?", "Who chairs the board?", "How deep are the wells?"]
)
def test_where_no_row_holds_more_than_all_others_the_order_stays(question: str) -> None:
    found = best(ORDERS, question, "201", focus="Novak")
    assert (found.text[:16], found.short_answer) == ("Order No: A-1005", "Novak")


def test_a_value_of_another_row_is_no_focus() -> None:
    assert best(ORDERS, "Which order was cancelled?", "201", focus="Novak").focus is None


def test_other_evidence_stays_where_it_is() -> None:
    report = document_of(b"The wells of Farwick are deep.", "report.txt")
    table = document_of(WELLS.encode(), "table.csv")
    evidence = [*evidence_of(report, "0"), *evidence_of(table, "201")]
    found = with_named_rows(
        "How deep is the well in Farwick?", evidence, {"report": report, "table": table}.__getitem__
    )
    assert [one.hit.chunk.document for one in found] == ["report", "table", "table", "table"]
    assert [one.short_answer for one in found] == ["", "19", "", ""]


def test_a_row_that_was_not_read_is_not_brought_up() -> None:
    document = document_of(WELLS.encode(), "table.csv")
    evidence = evidence_of(document, "20")
    assert with_named_rows("How deep is it in Farwick?", evidence, lambda _: document) == tuple(
        evidence
    )
