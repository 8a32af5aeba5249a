"""What every reader of a format makes of its file.

The blocks a reader of the page sees, in order.     [charset-normalizer]
"""

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from unicodedata import category

from rag.errors import DocumentError
from rag.text.characters import visible
from rag.types import Box, Fact, Kind

_BOMS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}

MOST_NULS = 100  # a text has one NUL in as many bytes at most, by accident
MOST_STRAY = 200  # a text in UTF-8 has one byte that is none in as many at most
_NO_MARKS = {0x0E: None, 0x0F: None}
_STRUCK = re.compile("\x0e([^\x0e\x0f]*)\x0f")
_AFTER_A_WORD = ("", ".", ",", ";", ":", "!", "?", ")")  # no space stands before these
_WITH_STRAY_BYTES = "rag.stray-bytes"
_LATIN_1 = re.compile(r"(?:iso[-_]?8859[-_]1|latin-?1|l1|(?:us-)?ascii|(?:windows-|cp)1252)")
_ONE_BYTE = re.compile(r"(?:iso[-_]?8859|latin|windows-125|cp125|koi8|macintosh)")


class Piece(NamedTuple):
    """A part of a table's row: a value, or what stands between values."""

    text: str
    column: int = -1  # of a value, from 0
    columns: int = 1  # that it spans
    cell: int = -1  # the number of its cell among all that were handed in, row by row


@dataclass(frozen=True, slots=True)
class TableRow:
    """What a block that is a row of a table holds: its pieces together are the block's text."""

    pieces: tuple[Piece, ...]
    heads: tuple[str, ...]  # of the table's columns
    is_first: bool  # of its table
    is_head: bool


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
    # of a table; two blocks of the same words are the same, so it is not compared
    row: TableRow | None = field(default=None, compare=False)

    def mapped(self, change: Callable[[str], str]) -> "Block":
        """Return the block with its text changed, that of a row piece by piece."""
        if self.row is None:
            return replace(self, text=change(self.text))
        pieces = tuple(piece._replace(text=change(piece.text)) for piece in self.row.pieces)
        text = "".join(piece.text for piece in pieces)
        return replace(self, text=text, row=replace(self.row, pieces=pieces))


def struck_out(text: str) -> str:
    """Return the text marked as struck out, for the text of a block to hold."""
    return f"\x0e{unmarked(text)}\x0f" if text else ""


def unmarked(text: str) -> str:
    """Return the text without the two characters that mark what is struck out."""
    return text.translate(_NO_MARKS)


def visible_marked(text: str) -> str:
    """Return the text as `visible` does, what is struck out still marked."""
    parts = enumerate(map(visible, _STRUCK.split(text)))
    return "".join(struck_out(part) if number % 2 else part for number, part in parts)


def split_struck(text: str) -> tuple[str, list[tuple[int, str]]]:
    """Return the visible text without struck-out words, and those words with their offsets.

    Of the spaces around what is struck out one is left, or none if it stands at an end.
    """
    kept = ""
    gone: list[tuple[int, str]] = []
    for number, part in enumerate(_STRUCK.split(text.replace("\x0f\x0e", ""))):
        shown = visible(part)
        if number % 2:
            if words := " ".join(shown.split()):
                gone.append((len(kept), words))
            continue
        if number and shown[:1] in _AFTER_A_WORD:
            kept = kept.rstrip(" ")
        elif number and (not kept or kept[-1].isspace()):
            shown = shown.lstrip(" ")
        kept += shown
    return kept, [(min(at, len(kept)), words) for at, words in gone]


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it is shown, and what it states of itself; "" if it does not."""

    blocks: Sequence[Block]
    title: str = ""
    date: str = ""  # as it is written
    language: str = ""  # a language tag: "en", "de-CH"
    facts: Sequence[Fact] = ()  # all that it states beside its text, with the places
    title_stands: bool = False  # also where headings of the first level have other words
    unread: str = ""  # what of the file could not be read, as a sentence


def decoded(data: bytes, declared: str = "") -> str:
    """Decode a file by its byte order mark, by its bytes, or by the encoding it declares.

    A single-byte encoding is declared by many a page in UTF-8, so that comes first there. A few
    bytes that are no text spoil nothing. Raises DocumentError if it is in no known encoding, or
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
