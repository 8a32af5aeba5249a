"""Spreadsheets, slides and rich text, made by the libraries that programs use."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.comments import Comment
from pptx import Presentation
from pptx.util import Inches
from readers import assert_spans_hold, read, shown

from rag.errors import DocumentError


def workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Yields"
    for row in (["Field", "Barley", None], ["Field 12", 3.5, None], ["Field 14", 4.25, None]):
        sheet.append(row)
    sheet["B2"].number_format = "0.00"
    sheet["B3"].comment = Comment("replanted in May", "Ann")
    beds = book.create_sheet("Beds")
    for row in (["District", "Town", "Beds"], ["North", "Dalby", 120], [None, "Esker", 85]):
        beds.append(row)
    beds.merge_cells("A2:A3")
    hidden = book.create_sheet("Secret")
    hidden.append(["A", "B"])
    hidden.sheet_state = "hidden"
    book.properties.creator = "Karin Solvang"
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def slides() -> bytes:
    show = Presentation()
    first = show.slides.add_slide(show.slide_layouts[1])
    first.shapes.title.text = "The harbour in winter"
    first.placeholders[1].text = "Ice closed the quay\nThe lock froze"
    first.notes_slide.notes_text_frame.text = "Mention the cost of 12 million."
    second = show.slides.add_slide(show.slide_layouts[5])
    second.shapes.title.text = "Fees"
    table = second.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for (row, column), text in {
        (0, 0): "Goods", (0, 1): "Fee", (1, 0): "Timber", (1, 1): "4.10",
    }.items():  # fmt: skip
        table.cell(row, column).text = text
    unseen = show.slides.add_slide(show.slide_layouts[5])
    unseen.shapes.title.text = "Backup"
    unseen._element.set("show", "0")
    stream = BytesIO()
    show.save(stream)
    return stream.getvalue()


def test_a_sheet_is_a_table_and_merged_cells_fill_what_they_cover(tmp_path: Path) -> None:
    document = read(tmp_path, workbook(), "book.xlsx")
    assert_spans_hold(document)
    assert shown(document, "text")[:5] == [
        "Field: Field 12 · Barley: 3.50",
        "Field: Field 14 · Barley: 4.25",
        "B3: replanted in May",
        "District: North · Town: Dalby · Beds: 120",
        "District: North · Town: Esker · Beds: 85",
    ]
    assert [section.heading for section in document.sections[:2]] == ["Yields", "Beds"]
    assert len(document.tables) == 2
    assert "Secret" not in document.text
    assert "Author: Karin Solvang" in document.text


def test_a_slide_is_a_section_with_its_table_and_its_notes(tmp_path: Path) -> None:
    document = read(tmp_path, slides(), "show.pptx")
    assert_spans_hold(document)
    assert document.title == "The harbour in winter"
    assert shown(document, "text")[:3] == [
        "- Ice closed the quay\n- The lock froze",
        "Notes: Mention the cost of 12 million.",
        "Goods: Timber · Fee: 4.10",
    ]
    assert "Backup" not in document.text


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("sheet.ods", "spreadsheet",
         '<table:table table:name="Fees"><table:table-row><table:table-cell><text:p>Goods</text:p>'
         "</table:table-cell><table:table-cell><text:p>Fee</text:p></table:table-cell>"
         "</table:table-row><table:table-row><table:table-cell><text:p>Timber</text:p>"
         "</table:table-cell><table:table-cell><text:p>4.10</text:p></table:table-cell>"
         "</table:table-row></table:table>"),
        ("show.odp", "presentation",
         '<draw:page draw:name="one"><draw:frame><draw:text-box><text:p>Goods: Timber · Fee: 4.10'
         "</text:p></draw:text-box></draw:frame></draw:page>"),
    ],
)  # fmt: skip
def test_open_document_sheets_and_slides_are_read(
    tmp_path: Path, name: str, kind: str, body: str
) -> None:
    spaces = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{uri}:1.0"'
        for prefix, uri in {
            "office": "office", "text": "text", "table": "table", "draw": "drawing",
        }.items()
    )  # fmt: skip
    content = (
        f"<office:document-content {spaces}><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", content)
    document = read(tmp_path, stream.getvalue(), name)
    assert "Goods: Timber · Fee: 4.10" in document.text


def test_rich_text_keeps_its_paragraphs_and_tables(tmp_path: Path) -> None:
    source = (
        r"{\rtf1\ansi{\info{\author Ann Dahl}}The harbour is closed.\par "
        r"\trowd\cellx1000\cellx2000 Goods\cell Fee\cell\row "
        r"\trowd\cellx1000\cellx2000 Timber\cell 4.10\cell\row "
        r"\pard It opens in M\'e4rz.\par}"
    )
    document = read(tmp_path, source, "a.rtf")
    told = document.text.split("\n\n")
    assert told[0] == "The harbour is closed."
    assert "Goods: Timber · Fee: 4.10" in told
    assert "It opens in März." in told
    assert "Author: Ann Dahl" in told


@pytest.mark.parametrize("name", ["book.xlsx", "show.pptx"])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    whole = workbook() if name.endswith("xlsx") else slides()
    part = "xl/workbook.xml" if name.endswith("xlsx") else "ppt/presentation.xml"
    stream = BytesIO()
    with ZipFile(BytesIO(whole)) as old, ZipFile(stream, "w") as new:
        for item in old.namelist():
            new.writestr(item, b"<x/>" if item == part else old.read(item))
    with pytest.raises(DocumentError, match=r"^(book|show)\.\w+ .*[.]$"):
        read(tmp_path, stream.getvalue(), name)
