"""A PDF -> the blocks a reader of its pages sees, each line with its box.

And the picture of a page.        [pypdfium2]

PDFium says which characters stand where and in what type. Characters of one type between white
space make a word, words that follow each other on a baseline a line; `layout` makes blocks of the
lines.
"""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from rag.errors import DocumentError, NotFoundError
from rag.reading.blocks import Content
from rag.reading.pdf_layout import Page, TextLine, blocks, turned_back
from rag.text.characters import visible
from rag.text.markers import TO_RAISED

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

MAX_PAGES = 3_000  # what is longer is a collection, not a report
MAX_CHARACTERS = 10_000_000  # a full page on each of that many, read in about half a minute
MAX_PIXELS = (
    4_000  # along the longer edge of a page's picture: a wide page must not fill the memory
)
SMALLEST_TYPE = 1.0  # points: nobody reads smaller
# of a page's area: a picture this large is a scan, and invisible text over it is what it says
SCAN = 0.7
WHITE = 250  # of 255
FEWEST_LETTERS = 20  # of a page: with fewer and more ink than INKED it gave no text
INK, INKED = 200, 0.005  # of 255; of the page's pixels
MOST_NAMED = 8  # pages
WORD_GAP = 0.8  # of the type's size: wider gaps may be a gutter or the edge of a cell
# Turned text is read as a page of its own where it has as many letters, and this share of those of
# the upright text: less is a label or a stamp in the margin.
TURNS = (90, 180, 270)  # degrees
FEWEST_TURNED, TURNED_PAGE = 150, 0.15
CAPITAL = 0.7  # of the type's size: the height of its tallest letters
ASCENT, DESCENT = (
    0.8,
    0.22,
)  # of the type's size: how far a line reaches above and below its baseline

# PDFium is not thread-safe, not even for two documents.
_PDFIUM_LOCK = Lock()

# PDFium writes "\x02" or "\ufffe" for the hyphen of a word that goes on in the next line, and no
# line end.
_RUN = re.compile(r"[^\s\x02\ufffe]+[\x02\ufffe]?|[\x02\ufffe]")
_REPLACED_CHARACTERS = str.maketrans(
    {
        "\x02": "-",
        "\ufffe": "-",
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
        "ﬅ": "st",
        "ﬆ": "st",
    }
)
_BOLD = re.compile(r"(?i)bold|black|heavy")
_RAISED_MARKER = re.compile(
    r"\[?([0-9]{1,3}(?:[,–-][0-9]{1,3})*)\]?"
)  # of a note, where it is raised
_HAS_EXPONENT = re.compile(
    r"(?:(?<![\d])\d{1,3}|\b(?:[kcmd]?m|ft|in|[a-zA-Z]))$"
)  # "10³", "km²", "x²", but "in 2019[3]"
_NO_TITLE = re.compile(
    r"(?i)microsoft \w+ -.*|untitled.*|(?:document|title|unknown|none|slide)\s*\d*|\S+\.\w{2,5}|"
    r"[\w-]*\d[\w-]*|.?"
)


def read_pdf(data: bytes) -> Content:
    """What the pages show, in reading order, with a box for each line.

    Running headers and page numbers are furniture.

    Raises DocumentError where the file is encrypted, damaged, too long, or has no text.
    """
    with _opened(data) as pdf:
        unread: list[int] = []
        pages = list(_pages(pdf, unread))
        if not any(page.lines or page.furniture for page in pages):
            raise _no_text(pdf)
        title, language = _title(pdf), _language(pdf)
        missing = _unread(unread, len(pdf))
    return Content(blocks(pages), title=title, language=language, unread=missing)


def page_image(data: bytes, page: int, width: int) -> bytes:
    """A PNG of one page, `width` pixels wide.

    Pages count from 1. No edge is longer than MAX_PIXELS.

    Raises NotFoundError where there is no such page, DocumentError where the file cannot be opened.
    """
    with _opened(data) as pdf:
        if not 1 <= page <= len(pdf):
            raise NotFoundError(
                f"Page {page} was asked for, and the PDF has pages 1 to {len(pdf)}: ask for one "
                f"of these."
            )
        shown = pdf[page - 1]
        png = BytesIO()
        shown.render(scale=_render_scale(shown, max(1, width))).to_pil().save(png, "PNG")
        return png.getvalue()


# --- The file -----------------------------------------------------------------------------------


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


def _render_scale(page: "PdfPage", width: int) -> float:
    wide, high = page.get_size()
    return float(min(width / wide, MAX_PIXELS / wide, MAX_PIXELS / high))


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
        reader = _PageReader(page)
        characters += reader.count
        if characters > MAX_CHARACTERS:
            raise DocumentError(
                f"The PDF has more than the {MAX_CHARACTERS:,} characters that are read: add it "
                f"in parts."
            )
        width, height = page.get_size()
        words = reader.words()
        letters = sum(len(word.text) for alike in words.values() for word in alike)
        if letters < FEWEST_LETTERS and reader.shows_ink():
            unread.append(number)
        for shown in _frames(words, width, height, number, place):
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
    """Return a sentence that names the pages that gave no text, "" where all gave some."""
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
    """The title the file states, where it is one.

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


# --- A page -> words ----------------------------------------------------------------------------


class _Word(NamedTuple):
    """Characters of one type between white space, in points from the top left corner of the page
    as it is shown.
    """

    text: str
    apart: bool  # whether white space stands before it
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class _TypeStyle:
    """How a text object is set."""

    size: float  # points
    bold: bool
    baseline: float  # as shown when its page is turned by `turn`
    turn: int | None  # degrees clockwise from upright, None for what is aslant
    hidden: bool
    white: bool


class _PageReader:
    """The words of one page, in the order of PDFium, which is mostly that of the file."""

    def __init__(self, page: "PdfPage") -> None:
        from pypdfium2 import raw

        self._raw = raw
        self._page = page
        self._text = page.get_textpage()
        self._box = page.get_bbox()
        self._rotation = page.get_rotation()
        self._width, self._height = page.get_size()
        self._styles: dict[bytes, _TypeStyle] = {}
        # By font and stated size the height of the tallest letter, in points.
        self._tallest: dict[tuple[bytes, float], float] = {}
        self._scanned: bool | None = None
        self._picture: tuple[memoryview, int, float] | None = None
        self.count = self._text.count_chars()

    def words(self) -> dict[int | None, list[_Word]]:
        """Return the words by how they are turned, placed as they show when turned upright."""
        words: dict[int | None, list[_Word]] = {}
        text = self._characters()
        for run in _RUN.finditer(text):
            for first, end, style in self._set_alike(*run.span()):
                shown = text[first:end].translate(_REPLACED_CHARACTERS)
                shown = visible(f"{shown[:-1]}-" if shown[-1] == "\xad" else shown)
                if style.hidden or not shown:
                    continue
                word = self._word(
                    shown, first == 0 or text[first - 1].isspace(), first, end - 1, style
                )
                if self._is_seen(word, style):
                    words.setdefault(style.turn, []).append(word)
        return words

    def _characters(self) -> str:
        """One character for each index.

        What stands for a hyphen at a line's end is "\\x02" or "\\ufffe".
        """
        text: str = self._text.get_text_range()
        if len(text) == self.count:
            return text
        codes = (
            self._raw.FPDFText_GetUnicode(self._text.raw, index) for index in range(self.count)
        )
        return "".join(chr(code) if code < 0x110000 else "\0" for code in codes)

    def _set_alike(self, start: int, end: int) -> Iterator[tuple[int, int, _TypeStyle]]:
        """The spans of characters set alike, and how."""
        style = self._style_at(start)
        if style is self._style_at(end - 1):  # the characters of an object follow each other
            yield start, end, style
            return
        for style, group in groupby(range(start, end), self._style_at):
            indexes = list(group)
            yield indexes[0], indexes[-1] + 1, style

    def _style_at(self, index: int) -> _TypeStyle:
        """How a character is set.

        In one text object all are of one type, on one baseline; its address stands for it.
        """
        item = self._raw.FPDFText_GetTextObject(self._text.raw, index)
        address = bytes(item)
        if address not in self._styles:
            self._styles[address] = self._style(index, item)
        return self._styles[address]

    def _style(self, index: int, item: object) -> _TypeStyle:
        raw, text = self._raw, self._text.raw
        matrix, flags, x, y = raw.FS_MATRIX(), ctypes.c_int(), ctypes.c_double(), ctypes.c_double()
        raw.FPDFText_GetMatrix(text, index, matrix)
        stated = raw.FPDFText_GetFontSize(text, index)
        size = abs(stated) * (matrix.c**2 + matrix.d**2) ** 0.5
        if size < SMALLEST_TYPE and (drawn := self._drawn_size(item, stated)) > 2 * size:
            size = drawn  # fonts that are drawn glyph by glyph may state any size
        raw.FPDFText_GetCharOrigin(text, index, x, y)
        name = ctypes.create_string_buffer(128)
        raw.FPDFText_GetFontInfo(text, index, name, len(name), flags)
        bold = raw.FPDFText_GetFontWeight(text, index) >= 600 or bool(
            _BOLD.search(name.value.decode("utf-8", "replace"))
        )
        sign = -1 if stated < 0 else 1  # what is mirrored twice is upright
        here, there = self._shown(0, 0), self._shown(sign * matrix.a, sign * matrix.b)
        turn = _turn(there[0] - here[0], there[1] - here[1])
        red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
        raw.FPDFText_GetFillColor(text, index, red, green, blue, alpha)
        mode = raw.FPDFTextObj_GetTextRenderMode(item)
        filled = mode in (raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP)
        invisible = mode == raw.FPDF_TEXTRENDERMODE_INVISIBLE and not self._is_scanned()
        return _TypeStyle(
            size=size,
            bold=bold,
            baseline=self._framed(x.value, y.value, turn)[1],
            turn=turn,
            hidden=invisible
            or mode == raw.FPDF_TEXTRENDERMODE_CLIP
            or size < SMALLEST_TYPE
            or (filled and not alpha.value),
            white=filled and min(red.value, green.value, blue.value) >= WHITE,
        )

    def _word(self, text: str, apart: bool, first: int, last: int, style: _TypeStyle) -> _Word:
        start, end = self._raw.FS_RECTF(), self._raw.FS_RECTF()
        self._raw.FPDFText_GetLooseCharBox(self._text.raw, first, start)
        self._raw.FPDFText_GetLooseCharBox(self._text.raw, last, end)
        left, bottom = min(start.left, end.left), min(start.bottom, end.bottom)
        right, top = max(start.right, end.right), max(start.top, end.top)
        one, other = (self._framed(*c, style.turn) for c in ((left, bottom), (right, top)))
        (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
        baseline, size = style.baseline, style.size
        if style.turn is not None:  # some fonts state a height that no line has
            top, bottom = baseline - ASCENT * size, baseline + DESCENT * size
        return _Word(text, apart, left, top, right, bottom, baseline, size, style.bold)

    def _shown(self, x: float, y: float) -> tuple[float, float]:
        """A place of the page's own space, in points from the top left corner of the page as it
        is shown.
        """
        left, bottom, right, top = self._box
        match self._rotation:
            case 90:
                return y - bottom, x - left
            case 180:
                return right - x, y - bottom
            case 270:
                return top - y, right - x
        return x - left, top - y

    def _framed(self, x: float, y: float, turn: int | None) -> tuple[float, float]:
        """Return a place of the page's own space as it shows when the page is turned."""
        across, down = self._shown(x, y)
        match turn:
            case 90:
                return down, self._width - across
            case 180:
                return self._width - across, self._height - down
            case 270:
                return self._height - down, across
        return across, down

    def _drawn_size(self, item: object, stated: float) -> float:
        """Return the size of a font, told from the tallest letters that state the same size."""
        raw, text = self._raw, self._text.raw
        if not self._tallest:
            box = raw.FS_RECTF()
            for index in range(self.count):
                if chr(raw.FPDFText_GetUnicode(text, index)).isalnum():
                    raw.FPDFText_GetLooseCharBox(text, index, box)
                    font = bytes(raw.FPDFTextObj_GetFont(raw.FPDFText_GetTextObject(text, index)))
                    key = font, raw.FPDFText_GetFontSize(text, index)
                    height = min(box.top - box.bottom, self._height)
                    self._tallest[key] = max(self._tallest.get(key, 0.0), height)
        return self._tallest.get((bytes(raw.FPDFTextObj_GetFont(item)), stated), 0.0) / CAPITAL

    def _is_seen(self, word: _Word, style: _TypeStyle) -> bool:
        if style.turn:
            word = _turned_back(word, style.turn, self._width, self._height)
        inside = (
            0 <= word.left + word.right <= 2 * self._width
            and 0 <= word.top + word.bottom <= 2 * self._height
        )
        return inside and not (style.white and self._is_on_white(word))

    def shows_ink(self) -> bool:
        """Return whether the page shows more than a few marks."""
        pixels, _, _ = self._rendered()
        return sum(pixel < INK for pixel in pixels) > INKED * len(pixels)

    def _rendered(self) -> tuple[memoryview, int, float]:
        """Return the page in shades of gray, the length of a row, and the pixels of a point."""
        if self._picture is None:
            scale = min(1.0, _render_scale(self._page, 1000))
            bitmap = self._page.render(scale=scale, grayscale=True)
            self._picture = memoryview(bytes(bitmap.buffer)), bitmap.stride, scale
        return self._picture

    def _is_scanned(self) -> bool:
        if self._scanned is None:
            left, bottom, right, top = self._box
            area = SCAN * (right - left) * (top - bottom)
            images = (
                image.get_bounds()
                for image in self._page.get_objects([self._raw.FPDF_PAGEOBJ_IMAGE], max_depth=2)
            )
            self._scanned = any((x1 - x0) * (y1 - y0) >= area for x0, y0, x1, y1 in images)
        return self._scanned

    def _is_on_white(self, word: _Word) -> bool:
        """Whether all is white at the height of its letters.

        White text stands out where something dark lies behind it.
        """
        pixels, stride, scale = self._rendered()
        rows = [int((word.baseline - share * word.size) * scale) for share in (0.1, 0.3, 0.5)]
        columns = slice(max(0, int(word.left * scale)), int(word.right * scale) + 1)
        seen = [
            pixels[row * stride : (row + 1) * stride][columns]
            for row in rows
            if 0 <= row < len(pixels) // stride
        ]
        return all(min(row, default=255) >= WHITE for row in seen)


def _turn(across: float, down: float) -> int | None:
    """Return how far text that runs this way is turned; None where it is aslant."""
    if abs(down) < 0.2 * abs(across):
        return 0 if across > 0 else 180
    if abs(across) < 0.2 * abs(down):
        return 90 if down > 0 else 270
    return None


# --- Words -> lines -----------------------------------------------------------------------------


def _lines_of(words: Sequence[_Word], page: int) -> list[TextLine]:
    """Words that follow each other on one baseline without a wide gap."""
    lines: list[TextLine] = []
    line: list[_Word] = []
    left = right = baseline = size = 0.0
    for word in words:
        largest = max(size, word.size)
        gap = max(word.left - right, left - word.right)
        if line and (abs(word.baseline - baseline) > 0.5 * largest or gap > WORD_GAP * largest):
            lines.append(_line_of(line, page))
            line = []
        if not line:
            left, right, baseline, size = word.left, word.right, word.baseline, word.size
        elif word.size > size:
            baseline, size = word.baseline, word.size
        left, right = min(left, word.left), max(right, word.right)
        line.append(word)
    return lines + ([_line_of(line, page)] if line else [])


def _line_of(words: Sequence[_Word], page: int) -> TextLine:
    """The words as one line in the type of most of its letters."""
    letters = Counter[tuple[float, bool]]()
    for word in words:
        letters[word.size, word.bold] += len(word.text)
    (size, bold), _ = letters.most_common(1)[0]
    lowest = max((word for word in words if word.size == size), key=lambda word: word.baseline)
    bold = bold and all(word.bold or not word.text.isalpha() for word in words)
    left, right = min(word.left for word in words), max(word.right for word in words)
    text = _line_text(words, lowest.baseline, size)
    return TextLine(text, page, left, lowest.top, right, lowest.bottom, lowest.baseline, size, bold)


def _line_text(words: Sequence[_Word], baseline: float, size: float) -> str:
    """What the words say; raised numbers, which refer to notes, in brackets or, as exponents, in
    superscript characters.
    """
    text, right, after_marker = "", 0.0, False
    for word in words:
        shown = word.text
        small = word.size <= 0.85 * size and baseline - word.baseline >= 0.15 * size
        marker = _RAISED_MARKER.fullmatch(shown) if small else None
        if marker and not word.apart and _HAS_EXPONENT.search(text[-8:]):
            shown = shown.translate(TO_RAISED)
        elif marker:
            shown = f"[{marker[1]}]"
        closes = (
            word.left - right < 0.1 * size and shown[0] in ".,;:!?)]”’"
        )  # PDFium sees a gap behind raised type
        if text and (after_marker or (word.apart and not closes)):
            shown = f" {shown}"
        after_marker = marker is not None and not text  # a note begins
        text, right = text + shown, word.right
    return text


def _frames(
    words: dict[int | None, list[_Word]], width: float, height: float, number: int, place: int
) -> Iterator[Page]:
    """Yield a page as its upright text shows it, then as it shows when turned to read the rest.

    A few turned words are no page of their own, they stand in the margin or label a chart. `place`
    is that of the first one among all pages.
    """
    beside = [*words.pop(None, [])]
    upright = sum(len(word.text) for word in words.get(0, []))
    for turn in TURNS:
        alike = words.get(turn, [])
        letters = sum(len(word.text) for word in alike)
        if letters < TURNED_PAGE * upright or letters < min(upright, FEWEST_TURNED):
            beside += [_turned_back(word, turn, width, height) for word in words.pop(turn, [])]
    furniture = [_together(beside, place)] if beside else []
    yield Page(width, height, _lines_of(words.pop(0, []), place), furniture, number)
    for turn in TURNS:
        if not (alike := words.get(turn, [])):
            continue
        place += 1
        across, down = (width, height) if turn == 180 else (height, width)
        yield Page(across, down, _lines_of(alike, place), (), number, turn)


def _turned_back(word: _Word, turn: int, width: float, height: float) -> _Word:
    """Return a word with its box on the page as it is shown."""
    one = turned_back(word.left, word.top, turn, width, height)
    other = turned_back(word.right, word.bottom, turn, width, height)
    (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return word._replace(left=left, right=right, top=top, bottom=bottom, baseline=bottom)


def _together(words: Sequence[_Word], page: int) -> TextLine:
    """All words that do not stand upright, as one line."""
    text = "".join(f" {word.text}" if word.apart else word.text for word in words).strip()
    left, right = min(word.left for word in words), max(word.right for word in words)
    top, bottom = min(word.top for word in words), max(word.bottom for word in words)
    return TextLine(
        text, page, left, top, right, bottom, baseline=bottom, size=bottom - top, bold=False
    )
