"""Tables and what is struck out: where they stand in the text, and how the report shows them."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from libraries import add, new_library
from pages import Page
from readers import read

from rag.reading.blocks import Content, split_struck, struck_out
from rag.reading.structure import structured
from rag.reading.tables import Cell, table_blocks
from rag.render.document_html import report_html
from rag.types import Citation, Document

ORDERS = "Order No,Customer,Amount\nA-1,Brandt,4120.50\nA-2,Larsen,880.00\n"
BEDS = """<table><tr><th>District</th><th>Town</th><th colspan=2>Beds</th></tr>
<tr><th></th><th></th><th>General</th><th>Intensive</th></tr>
<tr><td rowspan=2>North</td><td>Dalby</td><td>120</td><td>14</td></tr>
<tr><td>Esker</td><td colspan=2>85</td></tr></table>"""
YEARS = "| Goods | 2021 | Unit | 2022 |\n|---|---|---|---|\n| Timber | 4.10 | t | 4.35 |\n"


def grid_of(document: Document) -> list[list[str]]:
    """The rows of the only table, each cell at its column."""
    (table,) = document.tables
    rows: list[list[str]] = [[""] * len(table.heads) for _ in range(table.cells[-1].row + 1)]
    for cell in table.cells:
        rows[cell.row][cell.column] = document.text[cell.start : cell.end]
    return rows


@pytest.mark.parametrize(
    ("name", "content", "heads", "rows"),
    [
        ("t.csv", ORDERS, ("Order No", "Customer", "Amount"),
         [["A-1", "Brandt", "4120.50"], ["A-2", "Larsen", "880.00"]]),
        ("t.html", BEDS, ("District", "Town", "Beds General", "Beds Intensive"),
         [["North", "Dalby", "120", "14"], ["North", "Esker", "85", ""]]),
        ("t.md", YEARS, ("Goods", "Unit", "2021", "2022"),
         [["Goods", "Unit", "2021", "2022"], ["Timber", "t", "4.10", "4.35"]]),
    ],
)  # fmt: skip
def test_the_cells_of_a_table_are_spans_of_the_text(
    tmp_path: Path, name: str, content: str, heads: tuple[str, ...], rows: list[list[str]]
) -> None:
    document = read(tmp_path, content, name)
    assert document.tables[0].heads == heads
    assert grid_of(document) == rows


texts = st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=4), min_size=1, max_size=5)


@given(texts)
def test_cells_of_any_table_are_in_order_and_the_view_keeps_the_text(
    rows: list[list[str]],
) -> None:
    blocks = table_blocks([[Cell(text) for text in row] for row in rows])
    document = structured(Content(blocks), "t", "t.html", "")
    assume(document.text)
    cells = [cell for table in document.tables for cell in table.cells]
    assert all(one.end <= two.start for one, two in pairwise(cells))
    assert all(document.text[cell.start : cell.end].strip() for cell in cells)
    assert Page(report_html(document)).text(class_="text") == document.text


def test_the_report_shows_a_table_with_its_heads_above_the_columns(tmp_path: Path) -> None:
    document = read(tmp_path, ORDERS, "t.csv")
    page = Page(report_html(document))
    assert [a["data-head"] for tag, a in page.elements if tag == "th" and "data-head" in a] == [
        "Order No",
        "Customer",
        "Amount",
    ]
    assert [tag for tag, _ in page.elements if tag in ("tr", "td")] == [
        "tr",
        *["tr", "td", "td"] * 2,
    ]
    seen = [
        text
        for text, inside in page.texts
        if any(tag in ("td", "th") for tag, _ in inside)
        and not any(a.get("class") == "unseen" for _, a in inside)
    ]
    assert seen == ["A-1", "Brandt", "4120.50", "A-2", "Larsen", "880.00"]


def test_the_marks_of_a_cited_row_hold_its_words(tmp_path: Path) -> None:
    document = read(tmp_path, ORDERS, "t.csv")
    row = document.paragraphs[-1]
    quote = document.text[row.start : row.end]
    cited = Citation(1, document.name, "", "", None, 2, "", row.start, row.end, quote, None)
    shown = Page(report_html(document, [cited]))
    assert (
        shown.text("mark", data_markers="1")
        == quote
        == ("Order No: A-2 · Customer: Larsen · Amount: 880.00")
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.md", "The deposit is ~~200~~ 350 euros.\n"),
        ("s.html", "<p>The deposit is <del>200</del> 350 euros.</p>"),
    ],
)
def test_what_is_struck_out_is_shown_where_it_stood(
    tmp_path: Path, name: str, content: str
) -> None:
    document = read(tmp_path, content, name)
    assert [(document.text[: s.at], s.text) for s in document.struck] == [
        ("The deposit is ", "200")
    ]
    page = Page(report_html(document))
    assert [a for tag, a in page.elements if tag == "del"] == [{"data-struck": "200"}]
    assert page.text(class_="text") == document.text


def test_a_cell_and_a_paragraph_that_are_struck_out_are_not_said(tmp_path: Path) -> None:
    page = (
        "<p><s>All of this is gone.</s></p><p>The crew.</p><table><tr><th>Ship</th><th>Cook</th>"
        "</tr><tr><td>Aurora</td><td><s>Ove</s></td></tr><tr><td>Borealis</td><td><s>Ida</s> Tor"
        "</td></tr></table>"
    )
    document = read(tmp_path, page, "crew.html")
    assert document.text.split("\n\n") == [
        "The crew.",
        "Ship: Aurora",
        "Ship: Borealis · Cook: Tor",
    ]
    assert [s.text for s in document.struck] == ["All of this is gone.", "Ove", "Ida"]
    shown = Page(report_html(document))
    assert [a["data-struck"] for tag, a in shown.elements if tag == "del"] == [
        "All of this is gone.", "Ove", "Ida",
    ]  # fmt: skip


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=5))
def test_what_is_struck_out_leaves_no_trace_in_the_text(parts: list[tuple[str, str]]) -> None:
    text = "".join(f"{said}{struck_out(gone)}" for said, gone in parts if "\x0e" not in said)
    told, gone = split_struck(text)
    assert "\x0e" not in told
    assert all(0 <= at <= len(told) and words.strip() == words for at, words in gone)


def test_tables_and_what_is_struck_out_are_stored(tmp_path: Path) -> None:
    document = read(tmp_path, "Old ~~200~~ 350.\n\n" + YEARS, "t.md")
    assert document.tables
    assert document.struck
    with new_library(tmp_path / "library") as library:
        add(library, document)
        assert library.document("t") == document
        assert library.verify() == []
