"""Files as they are found: odd encodings, forms, struck-out text, packages that lie a little."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from readers import read, shown
from reportlab.pdfgen.canvas import Canvas

from rag.errors import DocumentError
from rag.reading.blocks import decoded
from rag.text.characters import visible

# --- Characters ---------------------------------------------------------------------------------

SENTENCE = "Die Möwe fährt über den Fjord – täglich um 9 Uhr. "


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (SENTENCE.encode("utf-16-le"), ""),
        (SENTENCE.encode("utf-16-be"), ""),
        ((SENTENCE * 9).encode().replace(b"Fjord", b"Fjor\0d", 1), ""),
        (SENTENCE.encode(), "iso-8859-1"),
        (SENTENCE.encode(), "utf-16"),
        (SENTENCE.encode("cp1252"), "iso-8859-1"),
        ("Чайка идёт через фьорд. ".encode("utf-16-le"), ""),
    ],
    ids=["utf-16-le", "utf-16-be", "nul", "lies", "impossible", "as browsers do", "cyrillic"],
)
def test_the_encoding_is_told_from_the_bytes(data: bytes, declared: str) -> None:
    text = decoded(data, declared)
    assert text in (SENTENCE, SENTENCE * 9, "Чайка идёт через фьорд. ")


def test_one_stray_byte_spoils_nothing_else() -> None:
    data = (SENTENCE * 20).encode() + "Größe".encode("cp1252")
    assert decoded(data).startswith(SENTENCE * 20 + "Gr")


def test_what_is_full_of_nuls_is_binary() -> None:
    with pytest.raises(DocumentError, match="binary"):
        decoded(b"\x01\0\0\0\x07\0\0" * 50)


@pytest.mark.parametrize(
    ("text", "seen"), [("\ud83d\ude00", "😀"), ("a\ud83d b", "a\ufffd b"), ("\ude00", "\ufffd")]
)
def test_surrogates_are_paired_or_replaced(text: str, seen: str) -> None:
    assert visible(text) == seen


# --- Struck-out text ----------------------------------------------------------------------------


def struck_docx(mark: str) -> bytes:
    document = WordDocument()
    paragraph = document.add_paragraph("The deposit is ")
    setattr(paragraph.add_run("200").font, mark, True)
    paragraph.add_run(" 350 euros.")
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.md", "The deposit is ~~200~~ 350 euros.\n"),
        ("s.html", "<p>The deposit is <del>200</del> <ins>350</ins> euros.</p>"),
        ("s.html", "<p>The deposit is <s>200</s> 350 euros.</p>"),
        (
            "s.html",
            '<p>The deposit is <b style="text-decoration: red line-through">200</b> 350 euros.</p>',
        ),
        ("s.html", "<style>.x{text-decoration-line:line-through}</style>"
         '<p>The deposit is <i class="x">200</i> 350 euros.</p>'),
        ("s.docx", struck_docx("strike")),
        ("s.docx", struck_docx("double_strike")),
    ],
)  # fmt: skip
def test_what_is_struck_out_is_not_said(tmp_path: Path, name: str, content: str | bytes) -> None:
    document = read(tmp_path, content, name)
    assert " ".join(document.text.split()) == "The deposit is 350 euros."


# --- Forms --------------------------------------------------------------------------------------


def field(inner: str) -> str:
    return (
        f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{inner}</w:ffData></w:fldChar></w:r>'
        "<w:r><w:instrText>FORM</w:instrText></w:r>"
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


@pytest.mark.parametrize(
    ("inner", "sign"),
    [
        ('<w:checkBox><w:default w:val="1"/></w:checkBox>', "☒"),
        ('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>', "☐"),
        ("<w:checkBox><w:checked/></w:checkBox>", "☒"),
        ('<w:ddList><w:result w:val="1"/><w:listEntry w:val="no"/><w:listEntry w:val="yes"/>'
         "</w:ddList>", "yes"),
    ],
)  # fmt: skip
def test_fields_of_old_forms_show_their_value(tmp_path: Path, inner: str, sign: str) -> None:
    document = WordDocument()
    body = f"<w:p {nsdecls('w')}>{field(inner)}<w:r><w:t> Doors close</w:t></w:r></w:p>"
    document.element.body.insert(0, parse_xml(body))
    stream = BytesIO()
    document.save(stream)
    assert read(tmp_path, stream.getvalue(), "f.docx").text == f"{sign} Doors close"


def pdf(*pages: Callable[[Canvas], None]) -> bytes:
    stream = BytesIO()
    canvas = Canvas(stream, pagesize=(400, 500))
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def test_values_of_pdf_forms_are_read_where_they_stand(tmp_path: Path) -> None:
    def form(canvas: Canvas) -> None:
        canvas.drawString(40, 400, "Application for a mooring in the harbour")
        canvas.drawString(40, 300, "Name of the boat:")
        canvas.acroForm.textfield(
            name="boat", value="Silver Petrel", x=180, y=296, width=120, height=16, fontSize=10
        )

    document = read(tmp_path, pdf(form), "form.pdf")
    assert "Name of the boat: Silver Petrel" in document.text.replace(" | ", " ")


# --- Pages of a PDF -----------------------------------------------------------------------------


def prose(canvas: Canvas) -> None:
    for line in range(8):
        canvas.drawString(40, 400 - 14 * line, "The quay was built in 1931 by the town of Halden.")


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_turned_page_is_read_in_its_own_direction(tmp_path: Path, angle: int) -> None:
    def turned(canvas: Canvas) -> None:
        canvas.translate(200, 250)
        canvas.rotate(angle)
        canvas.translate(-180, -300)
        for number, row in enumerate(("Fjellby has 112 cm.", "Lindal has 34 cm.")):
            canvas.drawString(60, 330 - 14 * number, row)

    document = read(tmp_path, pdf(prose, turned), "t.pdf")
    assert "Fjellby has 112 cm. Lindal has 34 cm." in " ".join(document.text.split())
    box = document.boxes[-1]
    assert box.page == 2
    if angle != 180:  # a line that stands upright is higher than wide
        assert (box.bottom - box.top) * 500 > (box.right - box.left) * 400


def test_a_stamp_beside_the_text_stays_furniture(tmp_path: Path) -> None:
    def stamped(canvas: Canvas) -> None:
        prose(canvas)
        canvas.rotate(90)
        canvas.drawString(100, -20, "arXiv:2101.00001 [cs.CL] 1 Jan 2021")

    document = read(tmp_path, pdf(stamped), "t.pdf")
    assert shown(document, "furniture") == ["arXiv:2101.00001 [cs.CL] 1 Jan 2021"]


def test_type_of_a_negative_size_that_is_mirrored_back_is_read(tmp_path: Path) -> None:
    def mirrored(canvas: Canvas) -> None:
        text = canvas.beginText()
        text.setFont("Helvetica", -12)
        text.setTextTransform(-1, 0, 0, -1, 40, 300)
        text.textOut("Total to schedule K-1")
        canvas.drawText(text)

    assert "Total to schedule K-1" in read(tmp_path, pdf(prose, mirrored), "t.pdf").text


def test_pages_that_show_something_and_gave_no_text_are_named(tmp_path: Path) -> None:
    def picture(canvas: Canvas) -> None:
        canvas.rect(50, 100, 250, 250, fill=1)

    def blank(canvas: Canvas) -> None:
        canvas.drawString(200, 20, "3")

    document = read(tmp_path, pdf(prose, picture, blank), "t.pdf")
    assert document.unread.startswith("1 of 3 pages show something and gave no text (2)")
    assert not read(tmp_path, pdf(prose, blank), "t.pdf").unread


# --- Packages -----------------------------------------------------------------------------------


def test_a_strict_word_file_is_read(tmp_path: Path) -> None:
    stream, strict = BytesIO(), BytesIO()
    document = WordDocument()
    document.add_paragraph("Strict and read.")
    document.save(stream)
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(strict, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for kind in (b"wordprocessingml", b"officeDocument"):
                usual = b"http://schemas.openxmlformats.org/" + kind + b"/2006/"
                content = content.replace(usual, b"http://purl.oclc.org/ooxml/" + kind + b"/")
            new.writestr(name, content)
    assert read(tmp_path, strict.getvalue(), "s.docx").text == "Strict and read."


@pytest.mark.parametrize(
    ("member", "href", "kind"),
    [
        ("O/a b.xhtml", "a%20b.xhtml", "application/xhtml+xml"),
        ("O/a%20b.xhtml", "a%20b.xhtml", "application/xhtml+xml"),
        ("O/One.XHTML", "one.xhtml", "application/xhtml+xml"),
        ("O/one.xml", "one.xml", "text/xml"),
        ("O/one.html", "one.html", "text/html; charset=utf-8"),
    ],
)
def test_chapters_are_found_whatever_they_are_called(
    tmp_path: Path, member: str, href: str, kind: str
) -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        root = '<container><rootfiles><rootfile full-path="O/b.opf"/></rootfiles></container>'
        book.writestr("META-INF/container.xml", root)
        item = f'<item id="a" href="{href}" media-type="{kind}"/>'
        spine = '<spine><itemref idref="a"/></spine>'
        book.writestr("O/b.opf", f"<package><manifest>{item}</manifest>{spine}</package>")
        book.writestr(member, "<html><body><p>Anna buys the boat.</p></body></html>")
    assert "Anna buys the boat." in read(tmp_path, stream.getvalue(), "b.epub").text
