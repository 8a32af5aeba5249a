"""A Document as lines of JSON, on their way out of the process that reads untrusted files.

Nothing but text and numbers crosses, and each is checked where it arrives: a file that took over
the process that read it can lie about its own words, and nothing else. The lines are short, so that
no one of them holds the interpreter for long.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from operator import attrgetter
from pathlib import PurePath
from typing import Any, get_args

from rag.types import (
    Box,
    Document,
    Fact,
    FactName,
    Kind,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Struck,
    Table,
    TableCell,
)

MAX_BYTES_OUT = 100_000_000  # twice the largest file
MAX_PARTS = 1_000_000  # paragraphs, lines, notes…: a hundred times those of a thousand-page report
LONGEST_LINE = 4_000_000  # bytes
_TEXT_PIECE = 100_000  # characters of the text in a line; one may take twelve bytes of JSON
_PICTURE_PIECE = 900_000  # bytes of a picture in a line
_PARTS_A_LINE = 500  # in a line
_END = "end"
PICTURE = "picture"
RECOGNIZING = "recognizing"  # a page begins, which takes its time
_PNG = b"\x89PNG\r\n"
_STATED_FIELDS = ("title", "dateline", "date", "number", "language", "unread")
# By the field of Document its class, and the fields of that with their types.
_TABLES: dict[str, tuple[type, dict[str, type]]] = {
    "sections": (Section, {"heading": str, "path": list, "start": int, "end": int}),
    "paragraphs": (
        Paragraph,
        {"number": int, "kind": str, "section": int, "start": int, "end": int},
    ),
    "quotations": (
        Quotation,
        {"start": int, "end": int, "speaker": str, "lead_in": str, "note": str},
    ),
    "references": (Reference, {"number": str, "start": int, "end": int}),
    "notes": (Note, {"number": str, "text": str, "start": int, "end": int}),
    "boxes": (
        Box,
        {
            "start": int,
            "end": int,
            "page": int,
            "left": float,
            "top": float,
            "right": float,
            "bottom": float,
        },
    ),
    "struck": (Struck, {"at": int, "text": str}),
    "facts": (Fact, {"name": str, "value": str, "source": str}),
    # Their cells follow, each behind the position of its table.
    "tables": (Table, {"start": int, "end": int, "heads": list, "head_rows": int}),
}
_CELLS = "cells"
_FACT_NAMES = frozenset(get_args(FactName))


def to_line(name: str, value: object) -> bytes:
    """Return a line of JSON. Raises ValueError for NaN and infinity."""
    line = json.dumps([name, value], ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return line.encode("utf-8", "surrogatepass") + b"\n"


def request_line(file: str, size: int, page: int = 0, width: int = 0, ocr: str = "") -> bytes:
    """Return the line that asks for a file of so many bytes, which follow it.

    With a `page` its picture is asked for, so many pixels wide, and not the document. `ocr` is the
    setting of text recognition.
    """
    return to_line(file, [size, page, width, ocr])


def from_line(line: bytes) -> tuple[str, Any]:
    """Return the name and the value of a line. Raises ValueError if it is not one of ours."""
    if len(line) >= LONGEST_LINE or not line.endswith(b"\n"):
        raise ValueError("a line is cut")
    name, value = json.loads(line.decode("utf-8", "surrogatepass"), parse_constant=_refuse_constant)
    if not isinstance(name, str):
        raise ValueError("a line has no name")
    return name, value


def wire_lines(document: Document) -> Iterator[bytes]:
    """Yield the lines of a document, but for its name, file and hash, which the receiver knows."""
    yield to_line("stated", [getattr(document, name) for name in _STATED_FIELDS])
    for start in range(0, len(document.text), _TEXT_PIECE):
        yield to_line("text", document.text[start : start + _TEXT_PIECE])
    for table, (_, fields) in _TABLES.items():
        rows = map(attrgetter(*fields), getattr(document, table))
        while part := list(islice(rows, _PARTS_A_LINE)):
            yield to_line(table, part)
    cells = (
        (number, c.start, c.end, c.row, c.column, c.columns)
        for number, table_of_cells in enumerate(document.tables)
        for c in table_of_cells.cells
    )
    while part := list(islice(cells, _PARTS_A_LINE)):
        yield to_line(_CELLS, part)
    yield to_line(_END, None)


def picture_lines(png: bytes) -> Iterator[bytes]:
    """Yield the lines of a picture."""
    for start in range(0, len(png), _PICTURE_PIECE):
        yield to_line(PICTURE, b64encode(png[start : start + _PICTURE_PIECE]).decode())
    yield to_line(_END, None)


def picture_from(lines: Iterable[tuple[str, Any]], first: tuple[str, Any]) -> bytes | None:
    """Return the picture of the lines; None if it has too much.

    Raises ValueError if a line is missing or not what `picture_lines` makes.
    """
    png: list[bytes] = []
    for name, value in chain([first], lines):
        if name == _END:
            whole = b"".join(png)
            if not whole.startswith(_PNG):
                raise ValueError("it is no picture")
            return whole
        if name == "size":
            return None
        if name != PICTURE:
            raise ValueError(f"no line is called {name}")
        png.append(b64decode(value, validate=True))
    raise ValueError("the picture has no end")


def document_from(
    lines: Iterable[tuple[str, Any]], first: tuple[str, Any], file: str, sha256: str
) -> Document | None:
    """Return the document of the lines behind the `first`; None if it has too much.

    That is more than MAX_ROWS rows, or a line named "size". Raises ValueError if a line is
    missing or not what `wire_lines` makes.
    """
    name, stated = first
    if name != "stated" or list(map(type, stated)) != [str] * len(_STATED_FIELDS):
        raise ValueError("the first line is another")
    text: list[str] = []
    tables: dict[str, list[Any]] = {table: [] for table in _TABLES}
    cells: list[tuple[int, TableCell]] = []
    ended = False
    for part, value in lines:
        if part == _END:
            ended = True
            break
        if part in _TABLES:
            tables[part] += [_row(part, row) for row in value]
        elif part == _CELLS:
            cells += map(_numbered_cell, value)
        elif part == "text" and isinstance(value, str):
            text.append(value)
        elif part != "size":
            raise ValueError(f"no line is called {part}")
        if part == "size" or sum(map(len, tables.values())) + len(cells) > MAX_PARTS:
            return None
    if not ended:
        raise ValueError("the document has no end")
    whole = "".join(text)
    _check_spans(tables, [cell for _, cell in cells], len(whole))
    tables["tables"] = _with_cells(tables["tables"], cells)
    fields: dict[str, Any] = {table: tuple(rows) for table, rows in tables.items()}
    fields |= zip(_STATED_FIELDS, stated, strict=True)
    return Document(name=PurePath(file).stem, file=file, sha256=sha256, text=whole, **fields)


def _row(table: str, row: Any) -> Any:  # noqa: ANN401 - of JSON
    """Return the object of a row. Raises ValueError if its values are of other types."""
    kind, fields = _TABLES[table]
    if not isinstance(row, list) or list(map(type, row)) != list(fields.values()):
        raise ValueError(f"a row is none of {table}")
    if table == "sections":
        heading, path, start, end = row
        if not all(isinstance(part, str) for part in path):
            raise ValueError("a heading is no text")
        return Section(heading, tuple(path), start, end)
    if table == "tables":
        start, end, heads, head_rows = row
        if not all(isinstance(head, str) for head in heads):
            raise ValueError("a head is no text")
        return Table(start, end, tuple(heads), head_rows, ())
    return kind(*row)


def _numbered_cell(row: Any) -> tuple[int, TableCell]:  # noqa: ANN401 - of JSON
    """Return the position of a table and one of its cells. Raises ValueError for another row."""
    if not isinstance(row, list) or list(map(type, row)) != [int] * 6 or min(row) < 0:
        raise ValueError("a row is no cell")
    return row[0], TableCell(*row[1:])


def _with_cells(tables: list[Table], cells: list[tuple[int, TableCell]]) -> list[Table]:
    """Return the tables with their cells. Raises ValueError for a cell of none."""
    held: list[list[TableCell]] = [[] for _ in tables]
    for number, cell in cells:
        if number >= len(held):
            raise ValueError("a cell is in no table")
        held[number].append(cell)
    return [replace(t, cells=tuple(part)) for t, part in zip(tables, held, strict=True)]


def _check_spans(tables: dict[str, list[Any]], cells: list[TableCell], length: int) -> None:
    """Raise ValueError where something points out of the text or to no section."""
    spans = [rows for name, rows in tables.items() if name not in ("struck", "facts")]
    if not all(0 <= row.start <= row.end <= length for rows in [*spans, cells] for row in rows):
        raise ValueError("a span lies outside the text")
    if not all(0 <= struck.at <= length for struck in tables["struck"]):
        raise ValueError("what is struck out lies outside the text")
    if not all(fact.name in _FACT_NAMES for fact in tables["facts"]):
        raise ValueError("a fact has no name of ours")
    sections = len(tables["sections"])
    kinds = frozenset(get_args(Kind))
    if not all(0 <= p.section < sections and p.kind in kinds for p in tables["paragraphs"]):
        raise ValueError("a paragraph lies in no section")
    if not all(box.page > 0 for box in tables["boxes"]):
        raise ValueError("a line is on no page")


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
