"""A document and its chunks <-> the rows of a library. Pure but for the database they are given."""

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from rag.library.sql.database import Connection, SqlValue
from rag.library.sql.digests import digest, digest_rows
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

BOX = struct.Struct("<3q4d")  # start, end, page; left, top, right, bottom
CELL = struct.Struct("<5I")  # start, end; row, column, columns

# The tables of a document's parts, each with its columns, in the order in which they are hashed.
PART_COLUMNS = {
    "sections": 'heading, path, start, "end"',
    "paragraphs": 'number, kind, section, start, "end"',
    "quotations": 'start, "end", speaker, lead_in, note',
    '"references"': 'number, start, "end"',
    "notes": 'number, text, start, "end"',
    "tables": 'start, "end", heads, head_rows, cells',
}
_DOCUMENT_COLUMNS = (
    "name, file, path, sha256, title, dateline, date, text, number, language, boxes, facts, struck"
)
_CHUNK_COLUMNS = 'number, section, paragraph, start, "end", text, context, language'
# Who speaks in a chunk; one document's where " AND q.document = ?" is added.
SPEAKERS = """SELECT DISTINCT c.id, q.speaker FROM quotations q
    JOIN chunks c ON c.document = q.document AND c.start < q."end" AND c."end" > q.start
    WHERE q.speaker <> ''"""


def write_document(connection: Connection, document: Document, place: str) -> int:
    """Write the document, its chunks aside; its key. `place` is the path of its file."""
    row, parts = _document_row(document, place), _part_rows(document)
    values = _marks(_DOCUMENT_COLUMNS)
    insert = f"INSERT INTO documents ({_DOCUMENT_COLUMNS}) VALUES ({values}) RETURNING id"
    key: int = connection.execute(insert, row).fetchone()[0]
    for table, columns in PART_COLUMNS.items():
        connection.executemany(
            f"INSERT INTO {table} (document, position, {columns}) VALUES (?, ?, {_marks(columns)})",
            [(key, *part) for part in parts[table]],
        )
    _write_digest(connection, key, digest(*row, *map(digest_rows, parts.values())))
    return key


def write_digest(connection: Connection, name: str) -> None:
    """Write the hash of the document as it is now stored, its chunks aside."""
    found = connection.execute("SELECT id FROM documents WHERE name = ?", [name]).fetchone()
    if found:
        _write_digest(connection, found[0], digest_of_document(connection, found[0]))


def digest_of_document(connection: Connection, key: int) -> bytes:
    """Return the hash of a document as it is stored, its chunks aside."""
    row = connection.execute(
        f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE id = ?", [key]
    ).fetchone()
    parts = [
        connection.execute(
            f"SELECT position, {columns} FROM {table} WHERE document = ? ORDER BY position", [key]
        ).fetchall()
        for table, columns in PART_COLUMNS.items()
    ]
    return digest(*row, *map(digest_rows, parts))


def digests_of_chunks(connection: Connection, key: int) -> list[tuple[int, bytes]]:
    """Return the ids of a document's chunks as they are stored, in their order, with hashes."""
    columns = ", ".join(f"c.{column}" for column in _CHUNK_COLUMNS.split(", "))
    rows = connection.execute(
        f"SELECT c.id, {columns}, v.vector FROM chunks c LEFT JOIN vectors v ON v.chunk = c.id "
        "WHERE c.document = ? ORDER BY c.number",
        [key],
    ).fetchall()
    return [(chunk, digest(*values)) for chunk, *values in rows]


def _write_digest(connection: Connection, key: int, made: bytes) -> None:
    connection.execute("DELETE FROM document_digests WHERE document = ?", [key])
    connection.execute("INSERT INTO document_digests (document, digest) VALUES (?, ?)", [key, made])


def _document_row(document: Document, place: str) -> list[SqlValue]:
    boxes = b"".join(
        BOX.pack(b.start, b.end, b.page, b.left, b.top, b.right, b.bottom) for b in document.boxes
    )
    facts, struck = (
        json.dumps([astuple(part) for part in parts]) for parts in (document.facts, document.struck)
    )
    return [
        document.name,
        document.file,
        place,
        document.sha256,
        document.title,
        document.dateline,
        document.date,
        document.text,
        document.number,
        document.language,
        boxes,
        facts,
        struck,
    ]


def _part_rows(document: Document) -> dict[str, list[tuple[SqlValue, ...]]]:
    """Return the rows of a document's parts by their table, each with its position in front."""
    rows: dict[str, Iterable[tuple[SqlValue, ...]]] = {
        "sections": ((s.heading, json.dumps(s.path), s.start, s.end) for s in document.sections),
        "paragraphs": map(astuple, document.paragraphs),
        "quotations": map(astuple, document.quotations),
        '"references"': map(astuple, document.references),
        "notes": map(astuple, document.notes),
        "tables": map(_table_row, document.tables),
    }
    return {
        table: [(position, *row) for position, row in enumerate(rows[table])]
        for table in PART_COLUMNS
    }


def _table_row(table: Table) -> tuple[SqlValue, ...]:
    cells = b"".join(CELL.pack(c.start, c.end, c.row, c.column, c.columns) for c in table.cells)
    return table.start, table.end, json.dumps(table.heads), table.head_rows, cells


def _marks(columns: str) -> str:
    return ", ".join("?" * len(columns.split(", ")))


def write_chunks(
    connection: Connection,
    key: int,
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
    rows = [(*_chunk_row(chunk), document.language) for chunk in chunks]
    halves = [vector.tobytes() for vector in vectors.astype("<f2")]
    connection.executemany(
        f"INSERT INTO chunks (document, {_CHUNK_COLUMNS}) VALUES (?, {_marks(_CHUNK_COLUMNS)})",
        [(key, *row) for row in rows],
    )
    of_chunk = "SELECT id, ? FROM chunks WHERE document = ? AND number = ?"
    connection.executemany(
        f"INSERT INTO vectors (chunk, vector) {of_chunk}",
        [(half, key, row[0]) for row, half in zip(rows, halves, strict=True)],
    )
    connection.execute(
        f"INSERT INTO speakers (chunk, speaker) {SPEAKERS} AND q.document = ?", [key]
    )
    connection.executemany(
        f"INSERT INTO chunk_digests (chunk, digest) {of_chunk}",
        [(digest(*row, half), key, row[0]) for row, half in zip(rows, halves, strict=True)],
    )


def _chunk_row(chunk: Chunk) -> tuple[SqlValue, ...]:
    return (
        chunk.number,
        chunk.section,
        chunk.paragraph,
        chunk.start,
        chunk.end,
        chunk.text,
        chunk.context,
    )


def passages_of_rows(
    connection: Connection, name: str, dimension: int
) -> tuple[list[Chunk], Vectors]:
    """Return the chunks of a document, in order, and their vectors, float32 [chunks, dimension].

    Raises ValueError for damaged rows.
    """
    rows = connection.execute(
        'SELECT c.number, c.section, c.paragraph, c.start, c."end", c.text, c.context, v.vector '
        "FROM documents d JOIN chunks c ON c.document = d.id LEFT JOIN vectors v ON v.chunk = c.id "
        "WHERE d.name = ? ORDER BY c.number",
        [name],
    ).fetchall()
    data = b"".join(vector or b"" for *_, vector in rows)
    if len(data) != 2 * dimension * len(rows):
        raise ValueError(f"a vector of {name!r} is missing")
    vectors = np.frombuffer(data, "<f2").reshape(-1, dimension).astype(np.float32)
    return [Chunk(name, *columns) for *columns, _ in rows], vectors


def document_of_rows(connection: Connection, name: str) -> Document | None:
    """Return the document of that name, equal to the one written.

    None where there is none. Raises ValueError for damaged rows.
    """
    row = connection.execute(
        "SELECT id, file, sha256, title, dateline, date, text, number, language, boxes, "
        "facts, struck FROM documents WHERE name = ?",
        [name],
    ).fetchone()
    if row is None:
        return None
    key, file, sha256, title, dateline, date, text, number, language, boxes, facts, struck = row
    if len(boxes) % BOX.size:
        raise ValueError(f"the boxes of {name!r} are cut")

    def parts(table: str) -> list[Any]:
        query = f"SELECT {PART_COLUMNS[table]} FROM {table} WHERE document = ? ORDER BY position"
        return connection.execute(query, [key]).fetchall()

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
            for heading, path, start, end in parts("sections")
        ),
        paragraphs=tuple(Paragraph(*row) for row in parts("paragraphs")),
        quotations=tuple(Quotation(*row) for row in parts("quotations")),
        references=tuple(Reference(*row) for row in parts('"references"')),
        notes=tuple(Note(*row) for row in parts("notes")),
        number=number,
        language=language,
        boxes=tuple(Box(*row) for row in BOX.iter_unpack(boxes)),
        tables=tuple(
            Table(start, end, tuple(json.loads(heads)), head_rows, _cells_of(cells))
            for start, end, heads, head_rows, cells in parts("tables")
        ),
        struck=tuple(Struck(*row) for row in json.loads(struck)),
        facts=tuple(Fact(*row) for row in json.loads(facts)),
    )


def _cells_of(blob: bytes) -> tuple[TableCell, ...]:
    """Return the cells in a blob; raise ValueError where it is cut."""
    if len(blob) % CELL.size:
        raise ValueError("the cells of a table are cut")
    return tuple(TableCell(*row) for row in CELL.iter_unpack(blob))
