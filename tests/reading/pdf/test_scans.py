"""Pages without text are read by text recognition, and what it reads is marked as such."""

from pathlib import Path

import pytest
from drawn_pdf import BOLD, drawn, scanned, texts, write
from PIL.Image import Image
from reportlab.pdfgen.canvas import Canvas

from rag.errors import DocumentError
from rag.reading.ocr import NO_OCR, RecognizedWord, find_recognizer
from rag.reading.pdf.document import read_pdf
from rag.reading.process.worker import WorkerPool
from rag.types import Fact


def first(canvas: Canvas) -> None:
    write(canvas, 40, 540, "Boats longer than twelve metres may not lie at the old quay.")


def second(canvas: Canvas) -> None:
    write(canvas, 40, 540, "The New Quay", 20, BOLD)
    lines = ["It was opened on 3 May 2021 by Eva", "Kvist, and has room for twelve boats."]
    write(canvas, 40, 500, lines, 12)


def test_a_scan_is_read_in_the_process_that_reads_files_with_boxes_and_is_marked(
    tmp_path: Path,
) -> None:
    file = tmp_path / "quay.pdf"
    file.write_bytes(drawn(first, scanned(second)))
    pool = WorkerPool()
    try:
        document = pool.read(file)
    finally:
        pool.close()
    assert "The New Quay" in [section.heading for section in document.sections]
    sentence = "It was opened on 3 May 2021 by Eva Kvist, and has room for twelve boats."
    assert sentence in document.text
    assert document.unread == ""
    assert [fact.value for fact in document.facts if fact.name == "recognized"] == ["2"]
    assert [document.is_recognized(page) for page in (None, 1, 2)] == [False, False, True]
    start = document.text.index(sentence)
    (box, *_) = [box for box in document.boxes if box.start == start]
    assert box.page == 2
    assert (box.left, box.top) == pytest.approx((40 / 400, 90 / 600), abs=0.02)


def test_text_recognition_can_be_turned_off() -> None:
    assert find_recognizer("")
    assert find_recognizer(NO_OCR) is None


def test_pages_without_text_are_told_with_what_reads_them() -> None:
    told = read_pdf(drawn(first, scanned(second, dots=30))).unread
    assert told == (
        "1 of 2 pages show something and gave no text (2): if they are scans, install text "
        "recognition with `pip install rag-reports[ocr]`, or run OCR on the PDF, for example with "
        "ocrmypdf, and add it again."
    )


class Typist:
    """A recogniser that reads what a test says it reads, whatever the picture."""

    name, longest_edge, line_height = "Typist", 1_200, 1.0

    def __init__(self, *lines: tuple[float, float, float, str]) -> None:
        """Take the left edge, the top and the height of each line, and its words."""
        self._lines = lines

    def words(self, picture: Image) -> list[RecognizedWord]:
        assert max(picture.size) == self.longest_edge
        found: list[RecognizedWord] = []
        for number, (left, top, height, line) in enumerate(self._lines):
            for place, word in enumerate(line.split()):
                right = left + 0.5 * height * len(word)
                found.append(
                    RecognizedWord(word, place > 0, number, left, right, top, top + height)
                )
                left = right + 0.3 * height
        return found


def test_lines_of_about_one_height_are_one_paragraph_and_a_higher_one_a_heading() -> None:
    typist = Typist(
        (80, 80, 50, "Old Piers"),
        (80, 200, 20, "The piers are safe, and they will"),
        (80, 224, 23, "stay so for a year, as long as no"),
        (80, 250, 21, "ship of the line comes too near."),
    )
    content = read_pdf(drawn(scanned(second, dots=30)), typist)
    assert texts(content) == [
        "Old Piers",
        "The piers are safe, and they will stay so for a year, as long as no ship of the line "
        "comes too near.",
    ]
    assert [block.level for block in content.blocks] == [1, None]
    assert content.facts == [Fact("recognized", "1", "Typist")]


def test_a_scan_that_gives_no_words_is_told() -> None:
    pages = drawn(first, scanned(second, dots=30), scanned(second, dots=30))
    assert read_pdf(pages, Typist()).unread == (
        "2 of 3 pages show something and gave no text (2, 3), not even to Typist: look at them, "
        "they may be pictures."
    )
    with pytest.raises(DocumentError, match="Typist found no text"):
        read_pdf(drawn(scanned(second, dots=30)), Typist())


def test_a_scan_with_a_stamp_is_read_and_a_page_of_text_is_not() -> None:
    def stamped(canvas: Canvas) -> None:
        scanned(second, dots=30)(canvas)
        write(canvas, 40, 20, "Downloaded on a day in May from the archive of the port.", 6)

    typist = Typist((80, 200, 20, "The piers are safe, and they will stay so for a year at least."))
    content = read_pdf(drawn(stamped, first), typist)
    assert [fact.value for fact in content.facts] == ["1"]
    assert "The piers are safe" in texts(content)[0]
