"""A page without text -> the words that text recognition reads on its picture."""

from collections.abc import Iterable
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

from rag.reading.ocr import RecognizedWord, Recognizer
from rag.reading.pdf.spaces import Word
from rag.text.characters import visible

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_BELOW_BASELINE = 0.24  # of a line's height
_FINEST = 300 / 72  # pixels of a point
# Heights of lines differ by their letters and by the scan: as far from the usual one, a line is in
# the type of the text.
_ALIKE_HEIGHT = 0.25


def recognized_words(page: "PdfPage", recognizer: Recognizer) -> list[Word]:
    """Return the words of a page's picture, in points from its top left corner.

    Raises what `Recognizer.words` raises.
    """
    scale = min(_FINEST, recognizer.longest_edge / max(page.get_size()))
    picture = page.render(scale=scale).to_pil()
    found = [
        word._replace(text=text)
        for word in recognizer.words(picture)
        if (text := visible(word.text).strip())
    ]
    heights = [line[0].bottom - line[0].top for line in _lines_of_words(found)]
    usual = median(heights) if heights else 0.0
    words: list[Word] = []
    for line in _lines_of_words(found):
        top, bottom = line[0].top, line[0].bottom
        height = bottom - top
        if abs(height - usual) <= _ALIKE_HEIGHT * usual:
            height = usual
        baseline = bottom - _BELOW_BASELINE * (bottom - top)
        size = max(height, 1.0) / recognizer.line_height / scale
        words += [
            Word(
                text=word.text,
                apart=word.apart or not place,
                guessed=False,
                left=word.left / scale,
                top=top / scale,
                right=word.right / scale,
                bottom=bottom / scale,
                baseline=baseline / scale,
                size=size,
                bold=False,
            )
            for place, word in enumerate(line)
        ]
    return words


def _lines_of_words(words: Iterable[RecognizedWord]) -> list[list[RecognizedWord]]:
    return [list(line) for _, line in groupby(words, lambda word: word.line)]
