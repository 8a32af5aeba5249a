"""What every reader of a format makes of its file.

The blocks a reader of the page sees, in order.     [charset-normalizer]
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category

from rag.errors import DocumentError
from rag.types import Box, Kind

_BOMS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}

MOST_NULS = 100  # a text has one NUL in as many bytes at most, by accident
MOST_STRAY = 200  # a text in UTF-8 has one byte that is none in as many at most
_WITH_STRAY_BYTES = "rag.stray-bytes"
_LATIN_1 = re.compile(r"(?:iso[-_]?8859[-_]1|latin-?1|l1|(?:us-)?ascii|(?:windows-|cp)1252)")
_ONE_BYTE = re.compile(r"(?:iso[-_]?8859|latin|windows-125|cp125|koi8|macintosh)")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list, table or note as it is shown.

    What refers to a note stands in it as "[1]".
    """

    text: str
    level: int | None = (
        # of a heading, 1 outermost; 0 where the format says it is none, None where it does not say
        None
    )
    kind: Kind | None = (
        # where the format says so: "furniture", "text" that is no title, "note" that opens with
        # "[1] "
        None
    )
    quoted: bool = (
        False  # set off as a quotation, as block quotes are, with or without quotation marks
    )
    boxes: tuple[
        Box, ...
    ] = ()  # where its lines stand on pages, offsets within `text`, which is `visible` then
    before: str | None = (
        None  # the white space above it where the file's own is kept; None is a blank line
    )


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it is shown, and what it states of itself; "" where it does not."""

    blocks: Sequence[Block]
    title: str = ""
    date: str = ""  # as it is written
    language: str = ""  # a language tag: "en", "de-CH"
    unread: str = ""  # what of the file could not be read, as a sentence


def decoded(data: bytes, declared: str = "") -> str:
    """Return the text of a file, as its byte order mark, its bytes or what it declares tell.

    A single-byte encoding is declared by many a page in UTF-8, so that comes first there. A few
    bytes that are no text spoil nothing. Raises DocumentError where it is in no known encoding, or
    binary.
    """
    marked = next((name for bom, name in _BOMS.items() if data.startswith(bom)), "")
    encoding = marked or _unmarked_utf16(data)
    if not encoding and b"\0" in data:
        if data.count(b"\0") * MOST_NULS > len(data):
            raise DocumentError(
                "The file is binary, and a report was expected: export it as PDF or DOCX and add "
                "that."
            )
        data = data.replace(b"\0", b"")
    for candidate in [encoding] if encoding else _encodings_to_try(declared):
        try:
            return data.decode(candidate)
        except (UnicodeError, LookupError):  # or no encoding is called so
            continue
    if marked.startswith("utf-8") or not encoding:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", _WITH_STRAY_BYTES)
        if sum("\udc80" <= c <= "\udcff" for c in data.decode("utf-8", "surrogateescape")) * (
            MOST_STRAY
        ) <= len(data):
            return text
    if not encoding:
        from charset_normalizer import from_bytes

        if best := from_bytes(data).best():
            return str(best)
    raise DocumentError(
        "The text is in no known encoding, where a report was expected: save it as UTF-8 and add "
        "it again."
    )


def _encodings_to_try(declared: str) -> list[str]:
    """Return the encodings to try, as browsers do: Latin-1 means Windows-1252."""
    name = declared.lower()
    if not name or name.startswith(("utf-16", "utf-32", "ucs")):  # could not be read so far if so
        return ["utf-8"]
    if _LATIN_1.fullmatch(name):
        return ["utf-8", "cp1252", "latin-1"]
    return ["utf-8", declared] if _ONE_BYTE.match(name) else [declared, "utf-8"]


def _unmarked_utf16(data: bytes) -> str:
    """Return the encoding of a text in UTF-16 without a byte order mark, "" for any other."""
    sample = data[: 2 * (min(len(data), 4000) // 2)]
    if b"\0" not in sample or len(sample) < 8:
        return ""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, "replace")
        spaces = sum(c in " \t\r\n" for c in text)
        odd = sum(category(c) in ("Cc", "Cn", "Co", "Cs") and c not in "\t\r\n" for c in text)
        if not odd and "\ufffd" not in text and spaces * 100 >= len(text):
            return encoding
    return ""


def _stray_bytes(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are no UTF-8 as Windows programs do."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


codecs.register_error(_WITH_STRAY_BYTES, _stray_bytes)
