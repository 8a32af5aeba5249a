"""A PDF -> the blocks a reader of its pages sees, each line with its box.

And the picture of a page.        [pypdfium2]

PDFium says which characters stand where and in what type. `page_words` makes words of them,
`page_lines` lines of the words, `tables` tables of words between drawn lines, and `layout` blocks
of the lines.
"""

import ctypes
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import DocumentError, NotFoundError
from rag.reading.blocks import Content
from rag.reading.facts import stated_facts
from rag.reading.ocr import ADVICE, Recognizer
from rag.reading.pdf.forms import CheckBox, box_words, page_with_annotations
from rag.reading.pdf.furniture import printed_labels
from rag.reading.pdf.layout import blocks
from rag.reading.pdf.lines import Page
from rag.reading.pdf.page_words import PageReader, render_scale
from rag.reading.pdf.pages import framed_pages
from rag.reading.pdf.scans import recognized_words
from rag.reading.pdf.spaces import Word
from rag.reading.pdf_tables.rulings import page_rulings
from rag.text.characters import visible
from rag.types import Fact

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

MAX_PAGES = 3_000  # what is longer is a collection, not a report
MAX_CHARACTERS = 10_000_000  # a full page on each of that many, read in about half a minute
SMALLEST_PAGE = 1.0  # points along its shorter edge
FEWEST_LETTERS = 20  # of a page: with fewer and more ink than INKED it gave no text
STAMPED = 300  # letters: a scan with fewer may bear a stamp alone
MAX_RECOGNIZED = 500  # pages whose text is recognised: an hour's work
LONGEST_LABEL = 20  # characters of the number of a page
MOST_NAMED = 8  # pages
# PDFium is not thread-safe, not even for two documents.
_PDFIUM_LOCK = Lock()
_NO_TITLE = re.compile(
    r"(?i)microsoft \w+ -.*|untitled.*|(?:document|title|unknown|none|slide)\s*\d*|\S+\.\w{2,5}|"
    r"[\w-]*\d[\w-]*|.?"
)


@dataclass(slots=True)
class _Unusual:
    """The numbers of pages without text, and of those whose text was recognised."""

    unread: list[int] = field(default_factory=list)
    recognized: list[int] = field(default_factory=list)


def read_pdf(data: bytes, recognizer: Recognizer | None = None) -> Content:
    """Return what the pages show, in reading order, with a box for each line.

    Running headers and page numbers are furniture. The text of scans is what the `recognizer`
    reads on them; a fact names their pages.

    Raises DocumentError if the file is encrypted, damaged, too long, or has no text.
    """
    with _opened(data) as pdf:
        unusual = _Unusual()
        pages = list(_pages(pdf, recognizer, unusual))
        if not any(page.lines or page.furniture for page in pages):
            raise _no_text(pdf, recognizer)
        title, language = _title(pdf), _language(pdf)
        # A file that states any label states that of its first page.
        labelled = len(pdf) if _label(pdf, 0) else 0
        stated_labels = [_label(pdf, index) for index in range(labelled)]
        stated = [("title", title), ("author", pdf.get_metadata_value("Author"))]
        count = len(pdf)
        missing = _unread(unusual.unread, count, recognizer)
    facts = stated_facts(((n, visible(value)) for n, value in stated), "document properties")
    if labels := _page_labels(stated_labels, pages, count):
        facts.append(labels)
    if recognizer and unusual.recognized:
        facts.append(Fact("recognized", _ranges(unusual.recognized), recognizer.name))
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


def _pages(pdf: "PdfDocument", recognizer: Recognizer | None, unusual: _Unusual) -> Iterator[Page]:
    """Yield what the pages show; the numbers of those that are read otherwise go to `unusual`."""
    count = len(pdf)
    if count > MAX_PAGES:
        raise DocumentError(
            f"The PDF has {count:,} pages, more than the {MAX_PAGES:,} that are read: add it in "
            f"parts."
        )
    characters, place = 0, 1
    pdf.init_forms()
    for number in range(1, count + 1):
        page, boxes = page_with_annotations(pdf, number)
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
        words = _words_of_page(reader, page, number, recognizer, unusual)
        if boxes:
            _add_boxes(boxes, words, reader)
        rulings = page_rulings(page, reader.shown)
        for shown in framed_pages(words, rulings, (width, height), number, place):
            place += 1
            yield shown
        page.close()


def _words_of_page(
    reader: PageReader,
    page: "PdfPage",
    number: int,
    recognizer: Recognizer | None,
    unusual: _Unusual,
) -> dict[int | None, list[Word]]:
    """Return the words of a page, of a scan those that the recogniser reads on it."""
    words = reader.words()
    letters = _count_letters(words)
    is_empty = letters < FEWEST_LETTERS and reader.shows_ink()
    could_be_scan = recognizer and (is_empty or (letters < STAMPED and reader.is_scanned()))
    if recognizer and could_be_scan and len(unusual.recognized) < MAX_RECOGNIZED:
        read: dict[int | None, list[Word]] = {0: recognized_words(page, recognizer)}
        if _count_letters(read) > letters:
            unusual.recognized.append(number)
            return read
    if is_empty:
        unusual.unread.append(number)
    return words


def _add_boxes(
    boxes: Sequence[CheckBox], words: dict[int | None, list[Word]], reader: PageReader
) -> None:
    """Add the check boxes of a page to its words; they are turned as most of its text is."""
    turns = [turn for turn in words if turn is not None]
    turn = max(turns, key=lambda turn: len(words[turn]), default=0)
    beside = words.setdefault(turn, [])
    beside += box_words(boxes, lambda x, y: reader.framed(x, y, turn), beside)


def _count_letters(words: dict[int | None, list[Word]]) -> int:
    return sum(len(word.text) for alike in words.values() for word in alike)


def _ranges(pages: Sequence[int]) -> str:
    """Return rising numbers as "1-3, 7"."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _unread(pages: Sequence[int], count: int, recognizer: Recognizer | None) -> str:
    """Return a sentence that names the pages that gave no text, "" if all gave some."""
    if not pages:
        return ""
    named = ", ".join(map(str, pages[:MOST_NAMED])) + (", …" if len(pages) > MOST_NAMED else "")
    told = f"{len(pages)} of {count} pages show something and gave no text ({named})"
    if recognizer:
        return f"{told}, not even to {recognizer.name}: look at them, they may be pictures."
    return f"{told}: if they are scans, {ADVICE}."


def _no_text(pdf: "PdfDocument", recognizer: Recognizer | None) -> DocumentError:
    from pypdfium2 import raw

    images = any(
        next(page.get_objects([raw.FPDF_PAGEOBJ_IMAGE], max_depth=2), None) for page in pdf
    )
    if images and recognizer:
        return DocumentError(
            f"The PDF has pictures alone, and {recognizer.name} found no text in them, where a "
            "report was expected: scan it anew with more contrast."
        )
    if images:
        return DocumentError(f"The PDF is scanned and has no text: {ADVICE}.")
    return DocumentError(
        "The PDF shows no text, where a report was expected: check that it was exported whole."
    )


def _title(pdf: "PdfDocument") -> str:
    """Return the title the file states, where it is one.

    Programs put file names and their own names there.
    """
    title = " ".join(visible(pdf.get_metadata_value("Title")).split())
    return "" if _NO_TITLE.fullmatch(title) or len(title) > 300 else title


def _label(pdf: "PdfDocument", index: int) -> str:
    """Return the label that the file states for a page, "" where it states none of one line."""
    label = " ".join(visible(pdf.get_page_label(index)).split())
    return "" if len(label) > LONGEST_LABEL or "," in label else label


def _page_labels(stated: Sequence[str], pages: Sequence[Page], count: int) -> Fact | None:
    """Return what is printed on the pages as a fact, None where that is their place in the file.

    What the file states is believed, else what the pages show.
    """
    places = [str(place) for place in range(1, count + 1)]
    if stated:
        labels, source = list(stated), "page labels"
    else:
        shown = printed_labels(pages)
        labels, source = [shown.get(int(place), "") for place in places], "numbers on the pages"
    told = [(label, place) for label, place in zip(labels, places, strict=True) if label]
    if all(label == place for label, place in told):
        return None
    return Fact("page_labels", ", ".join(labels), source)


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
