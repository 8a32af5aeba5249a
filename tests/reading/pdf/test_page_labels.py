"""Pages are called what is printed on them, or what the file says is."""

from collections.abc import Callable
from io import BytesIO

import pytest
from drawn_pdf import HEIGHT, WIDTH, drawn, write
from reportlab.pdfgen.canvas import Canvas

from rag.reading.documents import document_of
from rag.types import Document


def numbered(number: str) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        write(canvas, 40, 540, f"Boats may not lie at the quay of part {number or 'one'}.")
        write(canvas, 195, 12, number, 8)

    return draw


def labelled(*labels: tuple[int, str, int, str]) -> bytes:
    """A PDF of four pages that states labels: from which page, style, first number, prefix."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=(WIDTH, HEIGHT))
    for page, style, start, prefix in labels:
        canvas.addPageLabel(page, style, start, prefix)
    for _ in range(4):
        numbered("")(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def read(data: bytes) -> Document:
    return document_of(data, "quay.pdf")


def test_labels_that_the_file_states_are_believed() -> None:
    document = read(
        labelled((0, "ROMAN_LOWER", 1, ""), (2, "ARABIC", 57, ""), (3, "ARABIC", 1, "A-"))
    )
    assert document.page_labels == ("i", "ii", "57", "A-1")
    assert [document.page_label(page) for page in (1, 3, 9)] == ["i", "57", "9"]
    assert {fact.source for fact in document.facts} == {"page labels"}


@pytest.mark.parametrize(
    ("printed", "labels"),
    [
        (["", "", "57", "58", "59", "60"], ("55", "56", "57", "58", "59", "60")),
        (["", "ii", "1", "2", "3", "4"], ("", "ii", "1", "2", "3", "4")),
        (["1", "2", "3", "4"], ()),
        (["1968", "204", "31", ""], ()),
    ],
    ids=["from a volume", "front matter", "places in the file", "no numbers of pages"],
)
def test_numbers_that_are_printed_on_the_pages_are_found(
    printed: list[str], labels: tuple[str, ...]
) -> None:
    document = read(drawn(*map(numbered, printed)))
    assert document.page_labels == labels
    assert document.page_label(2) == (labels[1] if labels else "2")
