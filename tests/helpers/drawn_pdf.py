"""Pages drawn by the tests as a PDF, and read back; every `read` also checks every box."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from io import BytesIO

import pypdfium2
from PIL import Image
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfgen.canvas import Canvas

from rag.reading.blocks import Content
from rag.reading.pdf.document import read_pdf
from rag.text.characters import visible

WIDTH, HEIGHT = 400, 600
ROMAN, BOLD = "Times-Roman", "Times-Bold"


def drawn(
    *pages: Callable[[Canvas], None], rotate: int = 0, title: str = "", language: str | None = None
) -> bytes:
    """A PDF whose pages the functions draw."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=(WIDTH, HEIGHT), lang=language)
    canvas.setTitle(title)
    for draw in pages:
        canvas.setPageRotation(rotate)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def write(
    canvas: Canvas,
    x: float,
    y: float,
    lines: Sequence[str] | str,
    size: float = 10,
    font: str = ROMAN,
) -> float:
    """Lines under each other from baseline `y`; "^1^" is raised. The baseline of the next line."""
    for line in [lines] if isinstance(lines, str) else lines:
        text = canvas.beginText(x, y)
        for number, piece in enumerate(line.split("^")):
            text.setFont(font, 0.6 * size if number % 2 else size)
            text.setRise(0.35 * size if number % 2 else 0)
            text.textOut(piece)
        canvas.drawText(text)
        y -= 1.2 * size
    return y


def wrapped(text: str, width: float, size: float = 10, font: str = ROMAN) -> list[str]:
    return simpleSplit(text, font, size, width)


def letters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


def read(data: bytes) -> Content:
    """What `read_pdf` makes of it.

    Each line of each block has a box on a page, and PDFium finds the line's text in that box.
    """
    content = read_pdf(data)
    with pypdfium2.PdfDocument(data) as document:
        for block in content.blocks:
            assert visible(block.text) == block.text
            at = 0
            for box in block.boxes:
                assert at <= box.start < box.end <= len(block.text)
                assert not letters(block.text[at : box.start])
                at = box.end
                assert 0 <= box.left < box.right <= 1
                assert 0 <= box.top < box.bottom <= 1
                page = document[box.page - 1]
                if not page.get_rotation():
                    width, height = page.get_size()
                    edges = (
                        box.left * width,
                        (1 - box.bottom) * height,
                        box.right * width,
                        (1 - box.top) * height,
                    )
                    shown = letters(page.get_textpage().get_text_bounded(*edges))
                    if block.row:  # the box of a value holds its head, which stands elsewhere
                        assert letters(block.text[: box.end]).endswith(shown)
                    else:
                        assert letters(block.text[box.start : box.end]) in shown
            assert at == len(block.text)
    return content


def texts(content: Content, kind: str | None = None) -> list[str]:
    return [block.text for block in content.blocks if block.kind == kind]


QUOTATION = (
    '"We have built the line twice," the minister said in his speech to the rail workers. "The '
    "first time we built it for coal, "
    "and the second time for people, and nobody who stood in the snow that winter will forget "
    "what the second one cost us, in "
    "money and in years. What we will not do is build it a third time for the sake of a contract "
    "that was signed in haste by "
    'those who came before."'
)


SET_OFF = (
    "The line is not a gift and it was never meant as one; it is a debt, and we intend to pay it "
    "back with interest before the "
    "end of the decade."
)


def with_footnotes() -> bytes:
    quotation = wrapped(QUOTATION, 320)
    first_page, second_page = quotation[:4], quotation[4:]

    def first(canvas: Canvas) -> None:
        y = write(
            canvas,
            40,
            540,
            wrapped("The minister spoke of trade^1^ in May 2019^2^, and of 40 km^2^ of land.", 320),
        )
        y = write(canvas, 40, y - 8, "He then spoke at length about the line.")
        y = write(canvas, 80, y - 8, wrapped(SET_OFF, 240))
        write(canvas, 40, 70 + 12 * len(first_page), first_page)
        y = write(
            canvas,
            40,
            52,
            ["^1^ Interfax, May 4, 2019, in a report that runs over", "a second line of the note."],
            8,
        )
        write(canvas, 40, y, "^2^ Ministry of Transport, press release.", 8)
        write(canvas, 195, 12, "- 1 -", 8)

    def second(canvas: Canvas) -> None:
        y = write(canvas, 40, 540, second_page)
        write(canvas, 40, y - 8, "The workers did not answer.^3^")
        write(canvas, 40, 52, "^3^ So the reporter.", 8)
        write(canvas, 195, 12, "- 2 -", 8)

    return drawn(first, second)


def report_with_a_title_page() -> bytes:
    def title_page(canvas: Canvas) -> None:
        write(canvas, 60, 400, ["The State of the Crossings", "and of the Ports"], 24, BOLD)
        write(canvas, 60, 320, "Report No. 12 | March 4, 2020")

    def body(canvas: Canvas) -> None:
        y = write(canvas, 40, 540, "1    What was asked", 16, BOLD)
        y = write(
            canvas,
            40,
            y,
            wrapped(
                "Offices at nine crossings were asked what they count, and how often they count "
                "it.",
                320,
            ),
        )
        y = write(canvas, 40, y - 10, "1.1    Who answered", 13, BOLD)
        y = write(canvas, 40, y, "Seven answered:")
        y = write(canvas, 40, y - 4, "•  three at the northern border, where")
        y = write(canvas, 52, y, "the counting is done by hand;")
        y = write(canvas, 40, y, "•  four at the ports.")
        y = write(canvas, 40, y - 10, "Figures", 10, BOLD)
        for row in (
            ("Crossing", "2018", "2019"),
            ("North", "4,100", "5,300"),
            ("South", "700", "900"),
        ):
            for x, cell in zip((40, 150, 220), row, strict=True):
                write(canvas, x, y - 4, cell)
            y -= 14
        y = write(canvas, 55, y - 10, "The ports counted more than before,")
        y = write(canvas, 40, y, ["because they began to count at night.", "This was new."])
        write(canvas, 55, y, ["Nobody had asked for it, but all used", "the figures."][:1])
        write(canvas, 40, y - 12, "the figures.")

    return drawn(title_page, body)


def scanned(draw: Callable[[Canvas], None], dots: int = 150) -> Callable[[Canvas], None]:
    """What draws a page as a picture, with so many dots an inch."""
    with pypdfium2.PdfDocument(drawn(draw)) as pdf:
        shown = pdf[0].render(scale=dots / 72).to_pil().convert("L")
    return lambda canvas: canvas.drawImage(ImageReader(shown), 0, 0, WIDTH, HEIGHT)


def picture(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 60), "lightgray")), 0, 0, WIDTH, HEIGHT)
