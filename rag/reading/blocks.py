"""What every reader of a format makes of its file.

The blocks a reader of the page sees, in order.     [charset-normalizer]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import DocumentError
from rag.types import Box, Kind

_BOMS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


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


def decoded(data: bytes, declared: str = "") -> str:
    """The text of a file: its byte order mark tells the encoding, else what it declares, else
    UTF-8, else the likeliest.

    Raises DocumentError where it is in no known encoding, or binary.
    """
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), "")
    if not encoding and b"\0" in data:
        raise DocumentError(
            "The file is binary, and a report was expected: export it as PDF or DOCX and add that."
        )
    for candidate in [encoding] if encoding else [declared, "utf-8"] if declared else ["utf-8"]:
        try:
            return data.decode(candidate)
        except (UnicodeError, LookupError):  # or no encoding is called so
            continue
    if not encoding:
        from charset_normalizer import from_bytes

        if best := from_bytes(data).best():
            return str(best)
    raise DocumentError(
        "The text is in no known encoding, where a report was expected: save it as UTF-8 and add "
        "it again."
    )
