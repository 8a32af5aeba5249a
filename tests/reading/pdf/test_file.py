"""A PDF as a file: what is refused, what it states of itself, the pictures of its pages."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pypdfium2
import pytest
from drawn_pdf import (
    HEIGHT,
    WIDTH,
    drawn,
    picture,
    report_with_a_title_page,
    texts,
    with_footnotes,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from rag.errors import DocumentError, NotFoundError
from rag.reading.blocks import Block
from rag.reading.pdf import document, page_words
from rag.reading.pdf.document import page_image, read_pdf

# --- Files that cannot be read ------------------------------------------------------------------


def sentence(canvas: Canvas) -> None:
    write(canvas, 40, 500, "A sentence of the report.")


def encrypted() -> bytes:
    file = BytesIO()
    canvas = Canvas(file, encrypt=StandardEncryption("secret", ownerPassword="owner"))
    sentence(canvas)
    canvas.save()
    return file.getvalue()


def without_pages() -> bytes:
    with pypdfium2.PdfDocument.new() as document:
        file = BytesIO()
        document.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            encrypted(),
            "The PDF is encrypted with a password: save it without one and add it again.",
        ),
        (
            b"%PDF-1.7\nnothing else",
            "The PDF is damaged or has no pages: fetch or export it again.",
        ),
        (b"", "The PDF is damaged or has no pages: fetch or export it again."),
        (without_pages(), "The PDF is damaged or has no pages: fetch or export it again."),
        (
            drawn(lambda canvas: None),
            "The PDF shows no text, where a report was expected: check that it was exported whole.",
        ),
        (
            drawn(picture),
            "The PDF is scanned and has no text: install text recognition with `pip install "
            "rag-reports[ocr]`, or run OCR on the PDF, for example with ocrmypdf, and add it "
            "again.",
        ),
    ],
    ids=["encrypted", "damaged", "of no bytes", "without pages", "empty page", "scan"],
)
def test_a_file_without_readable_text_is_refused_with_the_remedy(data: bytes, message: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read_pdf(data)
    assert str(refused.value) == message


def test_a_page_without_a_size_shows_nothing_and_spoils_nothing() -> None:
    def thin(canvas: Canvas) -> None:
        canvas.setPageSize((200, 0.5))
        sentence(canvas)

    def thick(canvas: Canvas) -> None:
        canvas.setPageSize((WIDTH, HEIGHT))
        sentence(canvas)

    data = drawn(thin, thick)
    assert texts(read_pdf(data)) == ["A sentence of the report."]
    with pytest.raises(NotFoundError, match=r"^Page 1 of the PDF has no size"):
        page_image(data, 1, 100)


def test_a_file_of_too_many_pages_or_characters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = drawn(sentence, sentence)
    monkeypatch.setattr(document, "MAX_CHARACTERS", 30)
    with pytest.raises(
        DocumentError,
        match=r"^The PDF has more than the 30 characters that are read: add it in parts.$",
    ):
        read_pdf(data)
    monkeypatch.setattr(document, "MAX_PAGES", 1)
    with pytest.raises(
        DocumentError,
        match=r"^The PDF has 2 pages, more than the 1 that are read: add it in parts.$",
    ):
        read_pdf(data)


WHOLE = with_footnotes()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=12,
    )
)
def test_a_damaged_file_is_read_or_refused(damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(WHOLE)
    for at, piece in damage:
        data[at : at + len(piece)] = piece
    blocks: Sequence[Block] = ()
    refusal = ""
    try:
        blocks = read_pdf(bytes(data)).blocks
    except DocumentError as error:
        refusal = str(error)
    assert refusal.startswith("The PDF ") or (blocks and all(block.text for block in blocks))


def test_threads_may_read_at_once() -> None:
    files = [with_footnotes(), report_with_a_title_page()] * 4
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read_pdf, files)) == [*map(read_pdf, files[:2])] * 4


# --- What a file states of itself ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("The State of the Crossings", "The State of the Crossings"),
        ("Crossings", "Crossings"),
        ("Microsoft Word - crossings final.doc", ""),
        ("crossings_final.docx", ""),
        ("untitled", ""),
        ("Document1", ""),
        ("RPT-2020-11", ""),
    ],
)
def test_a_title_is_believed_unless_a_program_made_it(stated: str, title: str) -> None:
    assert read_pdf(drawn(sentence, title=stated)).title == title


@pytest.mark.parametrize(
    ("stated", "language"), [("de-CH", "de-CH"), ("en", "en"), ("English!", ""), (None, "")]
)
def test_the_language_is_the_one_the_file_states(stated: str | None, language: str) -> None:
    assert read_pdf(drawn(sentence, language=stated)).language == language


# --- The picture of a page ----------------------------------------------------------------------


def test_the_picture_of_a_page_is_as_wide_as_asked_and_shows_the_lines_in_their_boxes() -> None:
    data = drawn(lambda canvas: write(canvas, 40, 500, "First."), sentence)
    box = read_pdf(data).blocks[1].boxes[0]
    picture = Image.open(BytesIO(page_image(data, 2, 800)))
    assert (picture.format, picture.size) == ("PNG", (800, 1200))
    inked = picture.convert("L").point(lambda value: 255 * (value < 128)).getbbox()
    assert inked is not None
    assert box.left * 800 <= inked[0] + 2
    assert box.top * 1200 <= inked[1]
    assert inked[2] <= box.right * 800 + 2
    assert inked[3] <= box.bottom * 1200 + 2


def test_a_picture_stays_within_bounds_however_large_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_words, "MAX_PIXELS", 300)
    assert Image.open(BytesIO(page_image(drawn(sentence), 1, 1_000_000))).size == (200, 300)


@pytest.mark.parametrize("page", [0, 3, -1])
def test_a_page_that_is_not_there_is_refused(page: int) -> None:
    with pytest.raises(
        NotFoundError,
        match=f"^Page {page} was asked for, and the PDF has pages 1 to 2: ask for one of these.$",
    ):
        page_image(drawn(sentence, sentence), page, 100)
