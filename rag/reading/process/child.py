"""What runs in the process that reads files: one after the other, until nobody wants more.

It holds no network connection, no library and no setting of the product, and ends with the process
that started it, whatever it is doing then.
"""

import os
import select
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from rag.errors import DocumentError, NotFoundError
from rag.reading.documents import document_of
from rag.reading.ocr import RecognizedWord, Recognizer, find_recognizer
from rag.reading.process.wire import RECOGNIZING, from_line, picture_lines, to_line, wire_lines

if TYPE_CHECKING:
    from PIL.Image import Image

IDLE_SECONDS = 60  # without a file; the process takes 60 MB meanwhile
# Bytes that text recognition takes beside the file: measured 1,240 MB of addresses for a page, most
# of them never used.
OCR_MEMORY = 2_500_000_000


def run(memory: int, life: int | None) -> None:
    """Read the files that standard input brings, and write what they hold to standard output.

    `memory` is the number of bytes that the process may take. `life` is a file descriptor whose
    other end the starting process holds open as long as it lives.
    """
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    if life is not None:
        _end_with(life)
        _limit_memory(memory)
    while True:
        _wait_no_longer_than(IDLE_SECONDS)
        header = requests.readline()
        _wait_no_longer_than(0)
        if not header:
            return
        file, (size, page, width, ocr) = from_line(header)
        found = None if page else find_recognizer(ocr)
        limit = None if life is None else memory
        recognizer = _ReportingRecognizer(found, answers, limit) if found else None
        try:
            _answer(file, requests.read(size), page, width, recognizer, answers)
        except MemoryError:
            answers.write(to_line("memory", None))
            answers.flush()
            return  # what is left of its memory is in pieces
        answers.flush()
        if recognizer and recognizer.pages:
            return  # the next file is to be read within the usual limits


class _ReportingRecognizer:
    """A recogniser that says of each page that it begins, and takes the memory it needs."""

    def __init__(self, recognizer: Recognizer, answers: BinaryIO, memory: int | None) -> None:
        self.name = recognizer.name
        self.longest_edge = recognizer.longest_edge
        self.line_height = recognizer.line_height
        self.pages = 0
        self._recognizer = recognizer
        self._answers = answers
        self._memory = memory

    def words(self, picture: "Image") -> list[RecognizedWord]:
        if not self.pages and self._memory is not None:
            _limit_memory(self._memory + OCR_MEMORY)
        self.pages += 1
        self._answers.write(to_line(RECOGNIZING, self.pages))
        self._answers.flush()
        return self._recognizer.words(picture)


def _answer(
    file: str,
    data: bytes,
    page: int,
    width: int,
    recognizer: Recognizer | None,
    answers: BinaryIO,
) -> None:
    """Write the document of a file, or the picture of a page, or why there is none.

    Raises MemoryError.
    """
    try:
        lines = (
            _picture(data, page, width) if page else wire_lines(document_of(data, file, recognizer))
        )
    except DocumentError as error:
        answers.write(to_line("refused", str(error)))
    except NotFoundError as error:
        answers.write(to_line("missing", str(error)))
    except MemoryError:
        raise
    except Exception as error:  # a defect of ours: the other process reports it
        from traceback import format_exception

        answers.write(to_line("defect", [type(error).__name__, "".join(format_exception(error))]))
    else:
        answers.writelines(lines)


def _picture(data: bytes, page: int, width: int) -> Iterator[bytes]:
    from rag.reading.pdf.document import page_image

    return picture_lines(page_image(data, page, width))


def _limit_memory(memory: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    # The memory of a process that dies holds the file it read.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _end_with(life: int) -> None:
    """Have the system end this process when the other end of `life` is closed.

    A thread that waits for it could not: patterns and C libraries hold the interpreter.
    """
    import fcntl

    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([life], [], [], 0)[0]:  # it was closed before the system knew of it
        os._exit(1)


def _wait_no_longer_than(seconds: int) -> None:
    """Have the system end this process after so many seconds; 0 calls that off."""
    if os.name == "posix":
        signal.setitimer(signal.ITIMER_REAL, seconds)
