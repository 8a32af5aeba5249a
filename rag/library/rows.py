"""A document and its chunks <-> the rows of a library. Pure but for the database they are given."""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.library.schema import CHUNK_DIGEST, DOCUMENT_DIGEST, SPEAKERS
from rag.types import (
    Box,
    Chunk,
    Document,
    Fact,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Struck,
    Table,
    TableCell,
    Vectors,
)

if TYPE_CHECKING:
    import sqlite3

BOX = struct.Struct("<3q4d")  # start, end, page; left, top, right, bottom
CELL = struct.Struct("<5I")  # start, end; row, column, columns


def write_document(database: "sqlite3.Connection", document: Document, place: str) -> int | None:
    """Write the document, its chunks aside; its key. `place` is the path of its file."""
    row = [
        document.name,
        document.file,
        document.sha256,
        document.title,
        document.dateline,
        document.date,
        place,
    ]
    row += [document.text, document.number, document.language]
    boxes = b"".join(
        BOX.pack(b.start, b.end, b.page, b.left, b.top, b.right, b.bottom) for b in document.boxes
    )
    stated = [
        json.dumps([astuple(part) for part in parts]) for parts in (document.facts, document.struck)
    ]
    insert = "INSERT INTO documents VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    key = database.execute(insert, [*row, boxes, *stated]).lastrowid
    sections = [
        (key, i, s.heading, json.dumps(s.path), s.start, s.end)
        for i, s in enumerate(document.sections)
    ]
    database.executemany("INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?)", sections)
    database.executemany(
        "INSERT INTO paragraphs VALUES (?, ?, ?, ?, ?, ?, ?)", _rows_of(key, document.paragraphs)
    )
    database.executemany(
        "INSERT INTO quotations VALUES (?, ?, ?, ?, ?, ?, ?)", _rows_of(key, document.quotations)
    )
    database.executemany(
        'INSERT INTO "references" VALUES (?, ?, ?, ?, ?)', _rows_of(key, document.references)
    )
    database.executemany(
        "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", _rows_of(key, document.notes)
    )
    database.executemany(
        "INSERT INTO tables VALUES (?, ?, ?, ?, ?, ?, ?)", _rows_of_tables(key, document.tables)
    )
    write_digest(database, document.name)
    return key


def write_digest(database: "sqlite3.Connection", name: str) -> None:
    """Write the hash of the document as it is now stored, its chunks aside."""
    database.execute(
        "INSERT OR REPLACE INTO document_digests "
        f"SELECT d.id, {DOCUMENT_DIGEST} FROM documents d WHERE d.name = ?",
        [name],
    )


def write_chunks(
    database: "sqlite3.Connection",
    key: int | None,
    document: Document,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    dimension: int,
) -> None:
    """Write the chunks of the document under its key.

    Raises ValueError where the parts do not fit each other.
    """
    if vectors.shape != (len(chunks), dimension):
        raise ValueError(f"vectors are {vectors.shape}, expected {(len(chunks), dimension)}")
    # Also false for what is not a number, which would rank first for every question.
    if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < 0.01):
        raise ValueError("vectors are not unit vectors")
    if any(document.text[chunk.start : chunk.end] != chunk.text for chunk in chunks):
        raise ValueError(f"a chunk is not the text of {document.name!r} at its place")
    for chunk, vector in zip(chunks, vectors.astype("<f2"), strict=True):
        row = [
            key,
            chunk.number,
            chunk.section,
            chunk.paragraph,
            chunk.start,
            chunk.end,
            chunk.text,
            chunk.context,
            document.language,
        ]
        chunk_key = database.execute(
            "INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row
        ).lastrowid
        database.execute("INSERT INTO vectors VALUES (?, ?)", [chunk_key, vector.tobytes()])
    database.execute(f"{SPEAKERS} AND q.document = ?", [key])
    database.execute(
        f"INSERT INTO chunk_digests SELECT c.id, {CHUNK_DIGEST} FROM chunks c WHERE c.document = ?",
        [key],
    )


def document_of_rows(database: "sqlite3.Connection", name: str) -> Document | None:
    """Return the document of that name, equal to the one written.

    None where there is none. Raises ValueError for damaged rows.
    """
    row = database.execute(
        "SELECT id, file, sha256, title, dateline, date, text, number, language, boxes, "
        "facts, struck FROM documents WHERE name = ?",
        [name],
    ).fetchone()
    if row is None:
        return None
    key, file, sha256, title, dateline, date, text, number, language, boxes, facts, struck = row
    if len(boxes) % BOX.size:
        raise ValueError(f"the boxes of {name!r} are cut")

    def parts(columns: str, table: str) -> list[Any]:
        query = f"SELECT {columns} FROM {table} WHERE document = ? ORDER BY position"
        return database.execute(query, [key]).fetchall()

    return Document(
        name=name,
        file=file,
        sha256=sha256,
        title=title,
        dateline=dateline,
        date=date,
        text=text,
        sections=tuple(
            Section(heading, tuple(json.loads(path)), start, end)
            for heading, path, start, end in parts('heading, path, start, "end"', "sections")
        ),
        paragraphs=tuple(
            Paragraph(*row) for row in parts('number, kind, section, start, "end"', "paragraphs")
        ),
        quotations=tuple(
            Quotation(*row) for row in parts('start, "end", speaker, lead_in, note', "quotations")
        ),
        references=tuple(Reference(*row) for row in parts('number, start, "end"', '"references"')),
        notes=tuple(Note(*row) for row in parts('number, text, start, "end"', "notes")),
        number=number,
        language=language,
        boxes=tuple(Box(*row) for row in BOX.iter_unpack(boxes)),
        tables=tuple(
            Table(start, end, tuple(json.loads(heads)), head_rows, _cells_of(cells))
            for start, end, heads, head_rows, cells in parts(
                'start, "end", heads, head_rows, cells', "tables"
            )
        ),
        struck=tuple(Struck(*row) for row in json.loads(struck)),
        facts=tuple(Fact(*row) for row in json.loads(facts)),
    )


def _cells_of(blob: bytes) -> tuple[TableCell, ...]:
    """Return the cells in a blob; raise ValueError where it is cut."""
    if len(blob) % CELL.size:
        raise ValueError("the cells of a table are cut")
    return tuple(TableCell(*row) for row in CELL.iter_unpack(blob))


def _rows_of_tables(key: int | None, tables: Sequence[Table]) -> Iterator[tuple[Any, ...]]:
    for position, table in enumerate(tables):
        cells = b"".join(CELL.pack(c.start, c.end, c.row, c.column, c.columns) for c in table.cells)
        heads = json.dumps(table.heads)
        yield key, position, table.start, table.end, heads, table.head_rows, cells


def _rows_of(
    key: int | None, parts: Sequence[Paragraph | Quotation | Reference | Note]
) -> Iterator[tuple[Any, ...]]:
    return ((key, position, *astuple(part)) for position, part in enumerate(parts))
