"""A page of a PDF -> its words, each with its place and type.        [pypdfium2]"""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

from rag.reading.pdf.lines import half_point, turned_back
from rag.reading.pdf.spaces import Word, respaced, split_at
from rag.text.characters import visible

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

SMALLEST_TYPE = 1.0  # points: nobody reads smaller
# of a page's area: pictures this large are a scan, and invisible text over it is what it says
SCAN = 0.7
WHITE = 250  # of 255
INK, INKED = 200, 0.005  # of 255; of the page's pixels
MAX_PIXELS = (
    4_000  # along the longer edge of a page's picture: a wide page must not fill the memory
)
CAPITAL = 0.7  # of the type's size: the height of its tallest letters
# of the type's size: how far a line reaches above and below its baseline
ASCENT, DESCENT = 0.8, 0.22
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
UNSPACED = "\u2e80"  # Chinese, Japanese and Korean stand from here on, which need no spaces
_BOLD = re.compile(r"(?i)bold|black|heavy")


@dataclass(frozen=True, slots=True)
class _TypeStyle:
    """How a text object is set."""

    size: float  # points
    bold: bool
    baseline: float  # as shown when its page is turned by `turn`
    turn: int | None  # degrees clockwise from upright, None for what is aslant
    hidden: bool
    white: bool


class PageReader:
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
        self._bold_fonts: dict[bytes, bool] = {}
        # Filled by PDFium again and again: to make them takes longer than the calls.
        self._rects = raw.FS_RECTF(), raw.FS_RECTF()
        self._matrix = raw.FS_MATRIX()
        self._origin = ctypes.c_double(), ctypes.c_double()
        self._colour = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
        # By font and stated size the height of the tallest letter, in points.
        self._tallest: dict[tuple[bytes, float], float] = {}
        self._scanned: bool | None = None
        self._picture: tuple[memoryview, int, float] | None = None
        self.count = self._text.count_chars()

    def words(self) -> dict[int | None, list[Word]]:
        """Return the words by how they are turned, placed as they show when turned upright."""
        words: dict[int | None, list[Word]] = {}
        text = self._characters()
        pieces = [
            (first, end, style, [] if whole else self._gaps(text, first, end, style))
            for run in _RUN.finditer(text)
            for first, end, style, whole in self._set_alike(*run.span())
            if not style.hidden
        ]
        # Some programs set all letters tight or wide: a space is what is wider than usual.
        by_size: dict[float, list[float]] = {}
        for _, _, style, gaps in pieces:
            by_size.setdefault(half_point(style.size), []).extend(gaps)
        usual = {size: median(gaps) for size, gaps in by_size.items() if gaps}
        for start, stop, style, gaps in pieces:
            for first, end in split_at(gaps, usual.get(half_point(style.size), 0), start, stop):
                if not (shown := self._shown_as(text, first, end)):
                    continue
                apart = first > start or first == 0 or text[first - 1].isspace()
                guessed = first == start > 0 and self._is_guessed(first - 1)
                word = self._word(shown, apart, guessed, first, end - 1, style)
                if self._is_seen(word, style):
                    words.setdefault(style.turn, []).append(word)
        return {turn: respaced(alike, usual) for turn, alike in words.items()}

    def _shown_as(self, text: str, first: int, end: int) -> str:
        """Return characters as they show; a soft hyphen with a width is drawn as a hyphen."""
        shown = text[first:end].translate(_REPLACED_CHARACTERS)
        if "\xad" in shown:
            box = self._raw.FS_RECTF()
            self._raw.FPDFText_GetLooseCharBox(
                self._text.raw, first + text[first:end].index("\xad"), box
            )
            if box.right > box.left:
                shown = shown.replace("\xad", "-")
        return visible(shown)

    def _gaps(self, text: str, first: int, end: int, style: _TypeStyle) -> list[float]:
        """Return the distances of characters that are placed one by one, in sizes of the type.

        Within one text object PDFium finds the spaces itself, so no gaps are returned there.
        """
        raw, page = self._raw, self._text.raw
        one = raw.FPDFText_GetTextObject(page, first)
        if bytes(one) == bytes(raw.FPDFText_GetTextObject(page, end - 1)):
            return []
        if any(character >= UNSPACED for character in text[first:end]):
            return []
        box, right, gaps = raw.FS_RECTF(), 0.0, list[float]()
        for index in range(first, end):
            raw.FPDFText_GetLooseCharBox(page, index, box)
            across = [
                self.framed(x, y, style.turn)[0]
                for x, y in ((box.left, box.bottom), (box.right, box.top))
            ]
            if index > first:
                gaps.append((min(across) - right) / style.size)
            right = max(across)
        return gaps

    def _characters(self) -> str:
        """Return one character for each index.

        What stands for a hyphen at a line's end is "\x02" or "\ufffe".
        """
        text: str = self._text.get_text_range()
        if len(text) == self.count:
            return text
        codes = (
            self._raw.FPDFText_GetUnicode(self._text.raw, index) for index in range(self.count)
        )
        return "".join(chr(code) if code < 0x110000 else "\0" for code in codes)

    def _set_alike(self, start: int, end: int) -> Iterator[tuple[int, int, _TypeStyle, bool]]:
        """Yield the spans of characters set alike, how, and whether they are of one object."""
        style = self._style_at(start)
        # The characters of an object follow each other.
        if end == start + 1 or style is self._style_at(end - 1):
            yield start, end, style, True
            return
        for style, group in groupby(range(start, end), self._style_at):
            indexes = list(group)
            yield indexes[0], indexes[-1] + 1, style, len(indexes) == 1

    def _style_at(self, index: int) -> _TypeStyle:
        """Return how a character is set.

        In one text object all are of one type, on one baseline; its address stands for it.
        """
        item = self._raw.FPDFText_GetTextObject(self._text.raw, index)
        address = bytes(item)
        if address not in self._styles:
            self._styles[address] = self._style(index, item)
        return self._styles[address]

    def _style(self, index: int, item: object) -> _TypeStyle:
        raw, text, matrix = self._raw, self._text.raw, self._matrix
        x, y = self._origin
        raw.FPDFText_GetMatrix(text, index, matrix)
        stated = raw.FPDFText_GetFontSize(text, index)
        size = abs(stated) * (matrix.c**2 + matrix.d**2) ** 0.5
        if size < SMALLEST_TYPE and (drawn := self._drawn_size(item, stated)) > 2 * size:
            size = drawn  # fonts that are drawn glyph by glyph may state any size
        raw.FPDFText_GetCharOrigin(text, index, x, y)
        sign = -1 if stated < 0 else 1  # what is mirrored twice is upright
        turn = _turn(*self._direction(sign * matrix.a, sign * matrix.b))
        red, green, blue, alpha = self._colour
        raw.FPDFText_GetFillColor(text, index, red, green, blue, alpha)
        mode = raw.FPDFTextObj_GetTextRenderMode(item)
        filled = mode in (raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP)
        invisible = mode == raw.FPDF_TEXTRENDERMODE_INVISIBLE and not self.is_scanned()
        return _TypeStyle(
            size=size,
            bold=self._is_bold(index, item),
            baseline=self.framed(x.value, y.value, turn)[1],
            turn=turn,
            hidden=invisible
            or mode == raw.FPDF_TEXTRENDERMODE_CLIP
            or size < SMALLEST_TYPE
            or (filled and not alpha.value),
            white=filled and min(red.value, green.value, blue.value) >= WHITE,
        )

    def _is_bold(self, index: int, item: object) -> bool:
        """Return whether the font of a character is bold; each font is asked once."""
        raw, text = self._raw, self._text.raw
        font = bytes(raw.FPDFTextObj_GetFont(item))
        bold = self._bold_fonts.get(font)
        if bold is None:
            name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
            raw.FPDFText_GetFontInfo(text, index, name, len(name), flags)
            bold = raw.FPDFText_GetFontWeight(text, index) >= 600 or bool(
                _BOLD.search(name.value.decode("utf-8", "replace"))
            )
            if any(font):  # it has an address
                self._bold_fonts[font] = bold
        return bold

    def _is_guessed(self, index: int) -> bool:
        """Return whether PDFium made a character up from where the others stand."""
        return bool(self._raw.FPDFText_IsGenerated(self._text.raw, index) == 1)

    def _word(
        self, text: str, apart: bool, guessed: bool, first: int, last: int, style: _TypeStyle
    ) -> Word:
        start, end = self._rects
        self._raw.FPDFText_GetLooseCharBox(self._text.raw, first, start)
        left, bottom, right, top = start.left, start.bottom, start.right, start.top
        if last != first:
            self._raw.FPDFText_GetLooseCharBox(self._text.raw, last, end)
            left, bottom = min(left, end.left), min(bottom, end.bottom)
            right, top = max(right, end.right), max(top, end.top)
        left, top = self.framed(left, top, style.turn)
        right, bottom = self.framed(right, bottom, style.turn)
        if left > right:
            left, right = right, left
        if top > bottom:
            top, bottom = bottom, top
        baseline, size = style.baseline, style.size
        if style.turn is not None:  # some fonts state a height that no line has
            top, bottom = baseline - ASCENT * size, baseline + DESCENT * size
        return Word(text, apart, guessed, left, top, right, bottom, baseline, size, style.bold)

    def shown(self, x: float, y: float) -> tuple[float, float]:
        """Convert a point of the page's own space to the page as it is shown.

        In points from the top left corner of the page.
        """
        left, bottom, right, top = self._box
        match self._rotation:
            case 0:
                return x - left, top - y
            case 90:
                return y - bottom, x - left
            case 180:
                return right - x, y - bottom
            case 270:
                return top - y, right - x
        return x - left, top - y

    def _direction(self, x: float, y: float) -> tuple[float, float]:
        """Return a direction of the page's own space as it is shown: across and down."""
        match self._rotation:
            case 90:
                return y, x
            case 180:
                return -x, y
            case 270:
                return -y, -x
        return x, -y

    def framed(self, x: float, y: float, turn: int | None) -> tuple[float, float]:
        """Convert a point of the page's own space to the page as it is turned."""
        across, down = self.shown(x, y)
        if not turn:
            return across, down
        match turn:
            case 90:
                return down, self._width - across
            case 180:
                return self._width - across, self._height - down
            case 270:
                return self._height - down, across
        return across, down

    def _drawn_size(self, item: object, stated: float) -> float:
        """Return the size of a font, by the tallest letters that state the same size."""
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

    def _is_seen(self, word: Word, style: _TypeStyle) -> bool:
        if style.turn:
            word = word_turned_back(word, style.turn, self._width, self._height)
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
            scale = min(1.0, render_scale(self._page, 1000))
            bitmap = self._page.render(scale=scale, grayscale=True)
            self._picture = memoryview(bytes(bitmap.buffer)), bitmap.stride, scale
        return self._picture

    def is_scanned(self) -> bool:
        """Return whether pictures, one or many side by side, cover the page."""
        if self._scanned is None:
            left, bottom, right, top = self._box
            images = (
                image.get_bounds()
                for image in self._page.get_objects([self._raw.FPDF_PAGEOBJ_IMAGE], max_depth=2)
            )
            covered = sum(
                max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, bottom))
                for x0, y0, x1, y1 in images
            )
            self._scanned = covered >= SCAN * (right - left) * (top - bottom)
        return self._scanned

    def _is_on_white(self, word: Word) -> bool:
        """Return whether all is white at the height of its letters.

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


def render_scale(page: "PdfPage", width: int) -> float:
    wide, high = page.get_size()
    return float(min(width / wide, MAX_PIXELS / wide, MAX_PIXELS / high))


def _turn(across: float, down: float) -> int | None:
    """Return how far text that runs this way is turned; None if it is aslant."""
    if abs(down) < 0.2 * abs(across):
        return 0 if across > 0 else 180
    if abs(across) < 0.2 * abs(down):
        return 90 if down > 0 else 270
    return None


def word_turned_back(word: Word, turn: int, width: float, height: float) -> Word:
    """Return a word of a turned page with its box on the page as it is shown."""
    one = turned_back(word.left, word.top, turn, width, height)
    other = turned_back(word.right, word.bottom, turn, width, height)
    (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return word._replace(left=left, right=right, top=top, bottom=bottom, baseline=bottom)
