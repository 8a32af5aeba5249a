"""A PDF -> the blocks a reader of its pages sees, each line with its box.

And the picture of a page.        [pypdfium2]

PDFium says which characters stand where and in what type. `page_words` makes words of them,
`page_lines` lines of the words, and `layout` blocks of the lines.
"""

import ctypes
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import DocumentError, NotFoundError
from rag.reading.blocks import Content
from rag.reading.facts import stated_facts
from rag.reading.pdf.layout import blocks
from rag.reading.pdf.lines import Page
from rag.reading.pdf.page_lines import framed_pages
from rag.reading.pdf.page_words import PageReader, render_scale
from rag.text.characters import visible

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

MAX_PAGES = 3_000  # what is longer is a collection, not a report
MAX_CHARACTERS = 10_000_000  # a full page on each of that many, read in about half a minute
SMALLEST_PAGE = 1.0  # points along its shorter edge
FEWEST_LETTERS = 20  # of a page: with fewer and more ink than INKED it gave no text
MOST_NAMED = 8  # pages
# PDFium is not thread-safe, not even for two documents.
_PDFIUM_LOCK = Lock()
_NO_TITLE = re.compile(
    r"(?i)microsoft \w+ -.*|untitled.*|(?:document|title|unknown|none|slide)\s*\d*|\S+\.\w{2,5}|"
    r"[\w-]*\d[\w-]*|.?"
)


def read_pdf(data: bytes) -> Content:
    """Return what the pages show, in reading order, with a box for each line.

    Running headers and page numbers are furniture.

    Raises DocumentError if the file is encrypted, damaged, too long, or has no text.
    """
    with _opened(data) as pdf:
        unread: list[int] = []
        pages = list(_pages(pdf, unread))
        if not any(page.lines or page.furniture for page in pages):
            raise _no_text(pdf)
        title, language = _title(pdf), _language(pdf)
        stated = [("title", title), ("author", pdf.get_metadata_value("Author"))]
        missing = _unread(unread, len(pdf))
    facts = stated_facts(((n, visible(value)) for n, value in stated), "document properties")
    return Content(blocks(pages), title=title, language=language, unread=missing, facts=facts)


def page_image(data: bytes, page: int, width: int) -> bytes:
    """Return a PNG of one page, `width` pixels wide.

    Pages count from 1. No edge is longer than MAX_PIXELS.

    Raises NotFoundError if there is no such page, DocumentError where the file cannot be opened.
    """
    with _opened(data) as pdf:
        if not 1 <= page <= len(pdf):
            raise NotFoundError(
                f"Page {page} was asked for, and the PDF has pages 1 to {len(pdf)}: ask for one "
                f"of these."
            )
        shown = pdf[page - 1]
        if min(shown.get_size()) < SMALLEST_PAGE:
            raise NotFoundError(
                f"Page {page} of the PDF has no size, where one with a picture was expected: ask "
                f"for another."
            )
        png = BytesIO()
        shown.render(scale=render_scale(shown, max(1, width))).to_pil().save(png, "PNG")
        return png.getvalue()


@contextmanager
def _opened(data: bytes) -> "Iterator[PdfDocument]":
    from pypdfium2 import PdfDocument, PdfiumError, raw

    with _PDFIUM_LOCK:
        try:
            with PdfDocument(data) as pdf:
                yield pdf
        except PdfiumError as error:
            # For a file without pages PDFium repeats the reason of the failure before it.
            if (
                error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
                and b"/Encrypt" in data
            ):
                raise DocumentError(
                    "The PDF is encrypted with a password: save it without one and add it again."
                ) from error
            raise DocumentError(
                "The PDF is damaged or has no pages: fetch or export it again."
            ) from error


def _pages(pdf: "PdfDocument", unread: list[int]) -> Iterator[Page]:
    """Yield what the pages show; the numbers of those that show ink and no text go to `unread`."""
    count = len(pdf)
    if count > MAX_PAGES:
        raise DocumentError(
            f"The PDF has {count:,} pages, more than the {MAX_PAGES:,} that are read: add it in "
            f"parts."
        )
    characters, place = 0, 1
    pdf.init_forms()
    for number in range(1, count + 1):
        page = _with_annotations(pdf, number)
        width, height = page.get_size()
        if min(width, height) < SMALLEST_PAGE:
            continue  # it shows nothing
        reader = PageReader(page)
        characters += reader.count
        if characters > MAX_CHARACTERS:
            raise DocumentError(
                f"The PDF has more than the {MAX_CHARACTERS:,} characters that are read: add it "
                f"in parts."
            )
        words = reader.words()
        letters = sum(len(word.text) for alike in words.values() for word in alike)
        if letters < FEWEST_LETTERS and reader.shows_ink():
            unread.append(number)
        for shown in framed_pages(words, width, height, number, place):
            place += 1
            yield shown
        page.close()


def _with_annotations(pdf: "PdfDocument", number: int) -> "PdfPage":
    """Return a page with the values of its form and its notes as part of its text."""
    from pypdfium2 import raw

    page = pdf[number - 1]
    if not raw.FPDFPage_GetAnnotCount(page.raw):
        return page
    flattened = raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY)
    if flattened != raw.FLATTEN_SUCCESS:
        return page
    page.close()
    return pdf[number - 1]


def _unread(pages: Sequence[int], count: int) -> str:
    """Return a sentence that names the pages that gave no text, "" if all gave some."""
    if not pages:
        return ""
    named = ", ".join(map(str, pages[:MOST_NAMED])) + (", …" if len(pages) > MOST_NAMED else "")
    return (
        f"{len(pages)} of {count} pages show something and gave no text ({named}): if they are "
        "scans, run OCR on the PDF, for example with ocrmypdf, and add it again."
    )


def _no_text(pdf: "PdfDocument") -> DocumentError:
    from pypdfium2 import raw

    images = any(
        next(page.get_objects([raw.FPDF_PAGEOBJ_IMAGE], max_depth=2), None) for page in pdf
    )
    if images:
        return DocumentError(
            "The PDF is scanned and has no text: run OCR on it, for example with ocrmypdf, and "
            "add it again."
        )
    return DocumentError(
        "The PDF shows no text, where a report was expected: check that it was exported whole."
    )


def _title(pdf: "PdfDocument") -> str:
    """Return the title the file states, where it is one.

    Programs put file names and their own names there.
    """
    title = " ".join(visible(pdf.get_metadata_value("Title")).split())
    return "" if _NO_TITLE.fullmatch(title) or len(title) > 300 else title


def _language(pdf: "PdfDocument") -> str:
    from pypdfium2 import raw

    buffer = ctypes.create_string_buffer(64)
    length = raw.FPDFCatalog_GetLanguage(
        pdf, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), len(buffer)
    )
    language = (
        buffer.raw[: max(0, length - 2)].decode("utf-16-le", "replace")
        if length <= len(buffer)
        else ""
    )
    return language if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", language) else ""
