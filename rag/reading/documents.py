"""A file -> Document: its kind is recognised by its content, and one reader a kind makes the blocks
that `structure` reads.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path, PurePath

from rag.errors import DocumentError
from rag.files import MAX_BYTES, read_regular
from rag.reading.archive import office_kind
from rag.reading.blocks import Block, Content, decoded, split_struck
from rag.reading.csv import is_table, read_table
from rag.reading.mail import is_mail, read_eml, read_msg
from rag.reading.markdown import read_markdown
from rag.reading.ocr import Recognizer
from rag.reading.office.docx import read_docx
from rag.reading.office.odt import read_odt
from rag.reading.office.pptx import read_pptx
from rag.reading.office.rtf import read_rtf
from rag.reading.office.shared import OLE
from rag.reading.office.xlsx import read_xlsx
from rag.reading.pdf.document import read_pdf
from rag.reading.structure import LONGEST_HEADING, NOTES_HEADING, UNDERLINE, structured
from rag.reading.web.epub import read_epub
from rag.reading.web.html import read_html
from rag.reading.xml import is_html
from rag.text.characters import visible
from rag.types import Document

SUFFIXES = (
    ".txt",
    ".md",
    ".markdown",
    ".html",
    ".htm",
    ".xhtml",
    ".pdf",
    ".docx",
    ".odt",
    ".epub",
    ".csv",
    ".tsv",
    ".xlsx",
    ".ods",
    ".pptx",
    ".odp",
    ".rtf",
    ".eml",
    ".msg",
)
OFFICE_SUFFIXES = (".doc", ".dot", ".ppt", ".xls", ".pages", ".numbers", ".key", ".wpd")
_OUTLOOK = "__properties_version1.0".encode("utf-16-le")  # a stream that every saved mail has
MAX_BLOCKS = 500_000  # a book of a thousand pages has 20,000 paragraphs
LONGEST_WRAPPED = 160  # characters: nobody wraps wider, so a longer line is a paragraph of its own
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def read_document(path: Path) -> Document:
    """Return the document in a file with one of `SUFFIXES`, named after the file.

    It is read in this process. Raises what `load` and `document_of` raise.
    """
    return document_of(load(path), path.name)


def document_of(data: bytes, file: str, recognizer: Recognizer | None = None) -> Document:
    """Return the document that the bytes of a file with this name hold.

    The content decides what kind of file it is, not the name. The `recognizer` reads the scans in
    a PDF. Raises DocumentError if it is empty, damaged, encrypted, too long, or of another kind.
    """
    path = PurePath(file)
    try:
        kind = _kind(data, path.suffix.lower())
        content = read_pdf(data, recognizer) if kind == "PDF" else READERS[kind](data)
    except DocumentError as error:
        reason = str(error)
        raise DocumentError(
            f"{file} cannot be read, because {reason[0].lower()}{reason[1:]}"
        ) from error
    if not any(split_struck(block.text)[0].strip() for block in content.blocks):
        raise DocumentError(
            f"{file} is empty, where a report was expected: check that the file was saved whole."
        )
    if len(content.blocks) > MAX_BLOCKS:
        raise DocumentError(
            f"{file} has more than the {MAX_BLOCKS:,} paragraphs that are read: split it into "
            f"parts and add those."
        )
    return structured(content, path.stem, file, hashlib.sha256(data).hexdigest())


def load(path: Path) -> bytes:
    """Return the bytes of a file of one of `SUFFIXES`.

    Raises DocumentError if the file is missing, too large, or of another kind.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        kind = f"a {path.suffix} file" if suffix else "a file without an extension"
        remedy = (
            "save it as DOCX or PDF"
            if suffix in OFFICE_SUFFIXES
            else "save it as PDF, or its text as a .txt file,"
        )
        raise DocumentError(
            f"{path.name} is {kind}, and only {', '.join(SUFFIXES)} are read: {remedy} and add "
            f"that."
        )
    try:
        size = path.stat().st_size
        data = b"" if size > MAX_BYTES else read_regular(path, MAX_BYTES)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise DocumentError(
            f"{path} cannot be opened ({reason}), where a readable file was expected: check the "
            f"path."
        ) from error
    if max(size, len(data)) > MAX_BYTES:  # the system may say less than there is
        has = f"{size / 1e6:.0f} MB, " if size > MAX_BYTES else ""
        raise DocumentError(
            f"{path.name} has {has}more than the {MAX_BYTES / 1e6:.0f} MB that are read: split it "
            "into parts and add those."
        )
    return data


# --- What kind of file --------------------------------------------------------------------------


def _kind(data: bytes, suffix: str) -> str:
    """Return the key of `READERS` for the content; the suffix only separates kinds of text."""
    if data.startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in data[:1024]):
        return "PDF"
    if data.startswith(b"PK\x03\x04"):
        kind = office_kind(data)
    elif data.startswith(OLE):
        kind = "MSG" if _OUTLOOK in data else "DOCX"
    elif data.startswith(b"{\\rtf"):
        kind = "RTF"
    elif suffix == ".eml" and is_mail(data):
        return "EML"
    elif is_html(data, suffix):
        return "HTML"
    elif suffix in (".csv", ".tsv") and is_table(data):
        return "table"
    else:
        return "Markdown" if suffix in (".md", ".markdown") else "text"
    if kind in READERS:
        return kind
    raise DocumentError(
        f"It is {kind} inside, whatever its name, and that is not read: save it as DOCX or PDF "
        f"and add that."
    )


# --- Plain text and Markdown --------------------------------------------------------------------


def _text(data: bytes) -> str:
    text = decoded(data)
    if len(_CONTROL.findall(text)) * 100 > len(text):
        raise DocumentError(
            "The file is binary, and a report was expected: export it as PDF or DOCX and add that."
        )
    return visible(text)


def read_text(data: bytes) -> Content:
    """Return the blocks between blank lines, with every character kept.

    Each long line is a block of its own; an underlined line is a heading.
    """
    text = _text(data)
    spans: list[tuple[int, int, int | None]] = []
    lines: list[tuple[int, int]] = []

    def close(level: int | None = None) -> None:
        if any(end - start > LONGEST_WRAPPED for start, end in lines):
            spans.extend((start, end, None) for start, end in lines)
        elif lines:
            spans.append((lines[0][0], lines[-1][1], level))
        lines.clear()

    offset = 0
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        start = offset + len(line) - len(line.lstrip())
        offset += len(line)
        if not stripped:
            close()
            continue
        if len(lines) == 1 and NOTES_HEADING.fullmatch(text[slice(*lines[0])]):
            close()
        lines.append((start, start + len(stripped)))
        if (
            len(lines) == 2
            and UNDERLINE.fullmatch(line)
            and lines[0][1] - lines[0][0] <= LONGEST_HEADING
        ):
            close(level=1 if "=" in line else 2)
    close()
    above = [0, *(end for _, end, _ in spans)]
    return Content(
        [
            Block(text[start:end], level, before=text[before:start])
            for before, (start, end, level) in zip(above, spans, strict=False)
        ]
    )


READERS: dict[str, Callable[[bytes], Content]] = {
    "text": read_text,
    "Markdown": lambda data: read_markdown(_text(data)),
    "HTML": read_html,
    "table": read_table,
    "PDF": read_pdf,
    "DOCX": read_docx,
    "ODT": read_odt,
    "EPUB": read_epub,
    "ODS": read_odt,
    "ODP": read_odt,
    "XLSX": read_xlsx,
    "PPTX": read_pptx,
    "RTF": read_rtf,
    "EML": read_eml,
    "MSG": read_msg,
}
