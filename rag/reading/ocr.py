"""A picture of a page -> its words, each with its place, by text recognition (OCR).   [rapidocr]

Tesseract reads where it is installed, else RapidOCR, whose weights come in its package.
"""

import csv
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rag.errors import DocumentError

if TYPE_CHECKING:
    from PIL.Image import Image

NO_OCR = "none"  # the setting that turns it off
ADVICE = (
    "install text recognition with `pip install rag-reports[ocr]`, or run OCR on the PDF, for "
    "example with ocrmypdf, and add it again"
)
TESSERACT = "tesseract"
SECONDS_A_PAGE = 100
# Of 100: what tesseract is less certain of than this are marks and pictures more than letters.
_LEAST_CERTAIN_WORD = 30
_WORD_ROW, _LINE_ROW = "5", "4"  # levels of tesseract's table


class RecognizedWord(NamedTuple):
    """A word in a picture, in pixels from its top left corner."""

    text: str
    apart: bool  # whether white space stands before it in its line
    line: int  # words of one line have the same number
    left: float
    right: float
    top: float  # of its line
    bottom: float  # of its line


class Recognizer(Protocol):
    """Reads the words of pictures."""

    name: str
    longest_edge: int  # pixels of a picture that it reads best
    line_height: float  # of a line's box, in sizes of the type

    def words(self, picture: "Image") -> list[RecognizedWord]:
        """Return the words of an upright picture, line by line.

        Raises DocumentError where the languages that are set cannot be read.
        """
        ...


def find_recognizer(languages: str) -> Recognizer | None:
    """Return what recognises text on this machine, None where nothing does or it is turned off.

    `languages` are those of tesseract, "eng+deu"; "" is its default. RapidOCR reads Latin, Greek,
    Chinese and Japanese letters alike and needs none.
    """
    if languages == NO_OCR:
        return None
    if program := shutil.which(TESSERACT):
        return _Tesseract(program, languages)
    return _RapidOcr() if find_spec("rapidocr") else None


class _Tesseract:
    name = "Tesseract"
    longest_edge = 3_500  # a page of A4 at 300 dots an inch, which it was trained on
    line_height = 0.93

    def __init__(self, program: str, languages: str) -> None:
        self._command = [program, "stdin", "stdout", *(["-l", languages] * bool(languages)), "tsv"]

    def words(self, picture: "Image") -> list[RecognizedWord]:
        png = BytesIO()
        picture.convert("L").save(png, "PNG")
        try:
            done = subprocess.run(  # noqa: S603 - the program that the user installed
                self._command,
                input=png.getvalue(),
                capture_output=True,
                timeout=SECONDS_A_PAGE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return []  # the page is told to have given no text
        if done.returncode:
            raise DocumentError(
                "Tesseract cannot read with the languages that are set (RAG_OCR): see `tesseract "
                "--list-langs`, and set some of those, like RAG_OCR=eng+deu."
            )
        return list(_words_of_table(done.stdout.decode("utf-8", "replace")))


def _words_of_table(table: str) -> Iterator[RecognizedWord]:
    """Yield the words of tesseract's table, with the heights of their lines."""
    rows = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    line, top, bottom, first = -1, 0.0, 0.0, True
    for row in rows:
        if row["level"] == _LINE_ROW:
            line, top, first = line + 1, float(row["top"]), True
            bottom = top + float(row["height"])
        text = (row["text"] or "").strip()
        if row["level"] != _WORD_ROW or not text or float(row["conf"]) < _LEAST_CERTAIN_WORD:
            continue
        left = float(row["left"])
        right = left + float(row["width"])
        yield RecognizedWord(text, not first, line, left, right, top, bottom)
        first = False


class _RapidOcr:
    name = "RapidOCR"
    longest_edge = 2_000  # it shrinks what is larger
    line_height = 1.3

    def __init__(self) -> None:
        self._engine: Any = None

    def words(self, picture: "Image") -> list[RecognizedWord]:
        import numpy as np

        if self._engine is None:
            from rapidocr import RapidOCR

            self._engine = RapidOCR(params={"Global.log_level": "critical"})
        found = self._engine(np.asarray(picture.convert("RGB"))[:, :, ::-1], return_word_box=True)
        if not getattr(found, "txts", None):
            return []
        boxes = [[[float(x), float(y)] for x, y in box] for box in found.boxes]
        pieces = list(found.word_results or ())
        if len(pieces) != len(boxes):
            pieces = [()] * len(boxes)
        return [
            word
            for number, (text, box, parts) in enumerate(zip(found.txts, boxes, pieces, strict=True))
            for word in _words_of_line(number, str(text), box, parts)
        ]


def _words_of_line(
    number: int, text: str, box: Sequence[Sequence[float]], parts: Sequence[Any]
) -> Iterator[RecognizedWord]:
    """Yield the words of a line with their places; where these are not known, by their letters."""
    lefts, rights = [p[0] for p in (box[0], box[3])], [p[0] for p in (box[1], box[2])]
    top, bottom = (box[0][1] + box[1][1]) / 2, (box[2][1] + box[3][1]) / 2
    known = iter(parts if "".join(str(part[0]) for part in parts) == "".join(text.split()) else ())
    width = (max(rights) - min(lefts)) / max(1, len(text))
    at = 0
    for is_space, run in groupby(text, str.isspace):
        letters = "".join(run)
        if not is_space:
            left = min(lefts) + at * width
            yield from _placed_parts(
                letters,
                known,
                RecognizedWord(
                    letters, at > 0, number, left, left + len(letters) * width, top, bottom
                ),
            )
        at += len(letters)


def _placed_parts(
    letters: str, known: Iterator[Any], whole: RecognizedWord
) -> Iterator[RecognizedWord]:
    """Yield the parts of a word that have places of their own, or the whole where none has."""
    rest, apart = letters, whole.apart
    while rest:
        part = next(known, None)
        if part is None or not rest.startswith(str(part[0])) or not part[0]:
            yield whole._replace(text=rest, apart=apart)
            return
        across = [float(x) for x, _ in part[2]]
        yield whole._replace(text=str(part[0]), apart=apart, left=min(across), right=max(across))
        rest, apart = rest[len(str(part[0])) :], False
