"""Tables of every format become rows that say what they hold by themselves."""

from pathlib import Path

import pytest
from docx import Document as WordDocument
from hypothesis import given
from hypothesis import strategies as st
from readers import read, shown

from rag.library.chunking import make_chunks
from rag.reading.tables import Cell, table_blocks

FEES = [["Goods", "2021", "2022"], ["Timber", "4.10", "4.35"], ["Grain", "2.75", "2.80"]]
BY_YEAR = [
    "Timber · 2021: 4.10\nTimber · 2022: 4.35",
    "Grain · 2021: 2.75\nGrain · 2022: 2.80",
]


def as_html(rows: list[list[str]], head: str = "td") -> str:
    tags = [head, *["td"] * len(rows)]
    shown = ("".join(f"<{t}>{v}</{t}>" for v in row) for t, row in zip(tags, rows, strict=False))
    return "<p>Fees.</p><table>" + "".join(f"<tr>{row}</tr>" for row in shown) + "</table>"


def as_docx(folder: Path, rows: list[list[str]]) -> bytes:
    document = WordDocument()
    table = document.add_table(len(rows), len(rows[0]))
    for cells, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(cells.cells, values, strict=True):
            cell.text = value
    document.save(str(folder / "made.docx"))
    return (folder / "made.docx").read_bytes()


def rows_of(folder: Path, content: str | bytes, name: str) -> list[str]:
    return [text for text in shown(read(folder, content, name), "text") if " · " in text]


@pytest.mark.parametrize("name", ["t.csv", "t.html", "t.th.html", "t.md", "t.docx"])
def test_where_columns_are_years_each_value_has_a_line(tmp_path: Path, name: str) -> None:
    content: str | bytes
    match name:
        case "t.csv":
            content = "\n".join(map(",".join, FEES))
        case "t.html":
            content = as_html(FEES)
        case "t.th.html":
            content = as_html(FEES, head="th")
        case "t.md":
            lines = [f"| {' | '.join(row)} |" for row in FEES]
            content = "\n".join(["Fees.\n", lines[0], "|---|---|---|", *lines[1:]])
        case _:
            content = as_docx(tmp_path, FEES)
    assert rows_of(tmp_path, content, name) == BY_YEAR


def test_spans_fill_what_they_cover_and_heads_of_two_rows_are_joined(tmp_path: Path) -> None:
    page = """<table><tr><th>District</th><th>Town</th><th colspan=2>Beds</th></tr>
    <tr><th></th><th></th><th>General</th><th>Intensive</th></tr>
    <tr><td rowspan=2>North</td><td>Dalby</td><td>120</td><td>14</td></tr>
    <tr><td>Esker</td><td colspan=2>85</td></tr></table>"""
    assert rows_of(tmp_path, page, "t.html") == [
        "District: North · Town: Dalby · Beds General: 120 · Beds Intensive: 14",
        "District: North · Town: Esker · Beds General, Beds Intensive: 85",
    ]


def test_heads_that_are_repeated_over_pages_are_no_rows(tmp_path: Path) -> None:
    page = as_html([*FEES[:2], FEES[0], FEES[2]], head="th")
    assert rows_of(tmp_path, page, "t.html") == BY_YEAR


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("sep=;\nShip;Tons\nAurora;12400\n", ["Ship: Aurora · Tons: 12400"]),
        (",Wheat,Barley\nField 1,4.1,3.0\nField 2,3.8\nField 3,5.2,4.4,replanted\n",
         ["Field 1 · Wheat: 4.1 · Barley: 3.0", "Field 2 · Wheat: 3.8",
          "Field 3 · Wheat: 5.2 · Barley: 4.4 · replanted"]),
        ("Population of the county\n(in persons)\n\nTown,Men,Women\nOst,12,13\nVest,8,9\nMid,3,4\n",
         ["Town: Ost · Men: 12 · Women: 13", "Town: Vest · Men: 8 · Women: 9",
          "Town: Mid · Men: 3 · Women: 4"]),
        ("1,2\na,b\na,b,c\na,b\n", ["1: a · 2: b", "1: a · 2: b · c", "1: a · 2: b"]),
    ],
    ids=["separator", "ragged", "title", "numbered"],
)  # fmt: skip
def test_files_of_values_are_read_as_they_come(tmp_path: Path, table: str, rows: list[str]) -> None:
    assert rows_of(tmp_path, table, "t.csv") == rows


def test_lines_above_the_names_of_columns_are_title_and_text(tmp_path: Path) -> None:
    document = read(tmp_path, "Men of the county\nas counted\nTown,Men\nOst,12\nVest,8\n", "t.csv")
    assert document.title == "Men of the county"
    assert shown(document, "text")[0] == "as counted"


def test_a_table_of_words_without_heads_is_not_given_any(tmp_path: Path) -> None:
    page = as_html([["Name", "Ilse Marten"], ["Place", "Halden"]])
    assert shown(read(tmp_path, page, "t.html"), "text") == [
        "Name | Ilse Marten",
        "Place | Halden",
    ]


def test_no_chunk_cuts_a_row(tmp_path: Path) -> None:
    rows = [["Town", "Remark"], *([f"T{n}.", f"No. {n}. Checked. " * 6] for n in range(40))]
    document = read(tmp_path, as_html(rows, head="th"), "t.html")
    starts = {p.start for p in document.paragraphs}
    ends = {p.end for p in document.paragraphs}
    for chunk in make_chunks(document, lambda text: len(text.split())):
        assert chunk.start in starts
        assert chunk.end in ends


@given(
    st.lists(
        st.lists(
            st.builds(
                Cell,
                st.text("ab1 ", max_size=4),
                st.booleans(),
                st.integers(-1, 5),
                st.integers(-1, 5),
            ),
            max_size=4,
        ),
        max_size=12,
    ),
    st.none() | st.integers(-1, 7),
)
def test_no_value_of_any_table_is_lost(rows: list[list[Cell]], heads: int | None) -> None:
    shown = " ".join(block.text for block in table_blocks(rows, heads))
    words = set(shown.replace(":", " ").replace(",", " ").split())
    could_be_heads = 0 if heads == 0 else 7  # heads stand with their values, and only there
    filled = [row for row in rows if any(cell.text.strip() for cell in row)]
    body = [cell for row in filled[could_be_heads:] for cell in row]
    assert all(words.issuperset(cell.text.split()) for cell in body)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([["File", "MD5"], ["a.exe", "dab3f591b37f"], ["b.exe", "c023544af85e"]], 2),
        ([["Date", "Author"], ["12 May 2013", "Ann"], ["13 May 2013", "Bo"]], 2),
        ([["Title", "Rules"], ["Version", "2"], ["Authors", "Ann and Bo"]], 0),
        ([["a.exe", "dab3f591b37f"], ["b.exe", "c023544af85e"], ["c.exe", "123544af85e"]], 0),
        ([["Ann", "none"], ["Bo", "c2104"]], 0),
    ],
    ids=["checksums", "dates", "names and values", "no heads", "one value"],
)
def test_words_over_dates_and_codes_are_heads(rows: list[list[str]], count: int) -> None:
    blocks = table_blocks([[Cell(text) for text in row] for row in rows])
    assert sum(": " in block.text for block in blocks) == count
