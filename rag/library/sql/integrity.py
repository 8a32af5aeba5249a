"""What is wrong with a library, and the repair of what its documents' stored text is enough
for.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rag.library.sql.database import Connection, Database
from rag.library.sql.rows import (
    BOX,
    SPEAKERS,
    digest_of_document,
    digests_of_chunks,
    document_of_rows,
    write_chunks,
)
from rag.types import (
    Box,
    Chunk,
    Document,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Table,
    TableCell,
    Vectors,
)

_LARGEST_DIMENSION = 65_536
_RUNNING_TEXT = (
    'SELECT start, "end" FROM paragraphs WHERE document = ? AND kind = \'text\' AND start < "end"'
)
_CHUNK_DIGESTS = """SELECT h.digest FROM chunks c LEFT JOIN chunk_digests h ON h.chunk = c.id
    WHERE c.document = ? ORDER BY c.number"""
_DOCUMENT_DIGEST_OF = """SELECT d.id, h.digest FROM documents d
    LEFT JOIN document_digests h ON h.document = d.id WHERE d.name = ?"""
_SPEAKERS_OF = """SELECT chunk, speaker FROM speakers JOIN chunks ON id = chunk
    WHERE document = ? ORDER BY chunk, speaker"""
_SPEAKERS_DUE = f"{SPEAKERS} AND q.document = ? ORDER BY 1, 2"
_ORPHANS = {
    "vectors": "vector",
    "speakers": "speaker",
    "chunk_digests": "hash of a passage",
}  # tables made from others -> what a row of theirs is


def find_damage(database: Database) -> list[str]:
    """Return what is wrong with the database, in sentences; nothing for a whole one.

    Reads all of it.

    Raises LibraryError where it is too damaged to be read, or another process is writing to it.
    """
    with database.reading() as connection:
        found = database.check()
        dimension = database.state().dimension
        if not 0 < dimension <= _LARGEST_DIMENSION:
            found.append(f"Vectors of {dimension} dimensions are none.")
        for key, name, text, boxes in connection.execute(
            "SELECT id, name, text, length(boxes) FROM documents ORDER BY name"
        ):
            found += _of_passages(connection, key, name, text, dimension)
            if boxes % BOX.size:
                found.append(f"The places of lines on the pages of {name!r} are cut.")
            else:
                found += _of_parts(connection, name)
    return found


def repair_database(
    database: Database, make: Callable[[Document], tuple[Sequence[Chunk], Vectors]]
) -> list[str]:
    """Repair the database; return what was done, in sentences.

    Indexes, the word index, what belongs to nothing, passages and their vectors.

    `make` gives the chunks of a document, and their unit vectors, float32 [chunks, dimension].
    """
    done = []
    with database.counted_transaction() as connection:
        if database.check():
            database.make_indexes()
            done.append("The indexes were made again, that of the words too.")
        for table, row in _ORPHANS.items():
            if count := connection.execute(
                f"DELETE FROM {table} WHERE chunk NOT IN (SELECT id FROM chunks)"
            ).rowcount:
                done.append(f"What belonged to nothing was removed: {count} × {row}.")
    dimension = database.state().dimension
    for key, name in database.rows("SELECT id, name FROM documents ORDER BY name"):
        with database.reading() as connection:
            document = None if _of_parts(connection, name) else document_of_rows(connection, name)
            hurt = document and _of_passages(connection, key, name, document.text, dimension)
        if document and hurt:
            chunks, vectors = make(document)
            with database.counted_transaction() as connection:
                connection.execute("DELETE FROM chunks WHERE document = ?", [key])
                write_chunks(connection, key, document, chunks, vectors, dimension)
            done.append(f"The passages of {name!r} were made again and embedded.")
    return done


def _of_passages(
    connection: Connection, key: int, name: str, text: str, dimension: int
) -> list[str]:
    """Return what is wrong with the passages of a document and their vectors."""
    rows = connection.execute(
        'SELECT c.number, c.start, c."end", c.text, v.vector FROM chunks c LEFT JOIN vectors v ON'
        " v.chunk = c.id WHERE c.document = ? ORDER BY c.number",
        [key],
    ).fetchall()
    found = []
    if any(text[start:end] != words for _, start, end, words, _ in rows):
        found.append(f"A passage of {name!r} differs from the text of the document.")
    if [number for number, *_ in rows] != list(range(len(rows))) or not _hold(
        rows, connection.execute(_RUNNING_TEXT, [key])
    ):
        found.append(f"A passage of {name!r} is missing.")
    vectors = [vector or b"" for *_, vector in rows]
    if any(len(vector) != 2 * dimension for vector in vectors):
        found.append(f"A vector of {name!r} is missing or has another dimension.")
    elif rows:
        norms = np.linalg.norm(
            np.frombuffer(b"".join(vectors), "<f2").astype(np.float32).reshape(len(rows), -1),
            axis=1,
        )
        if not np.all(np.abs(norms - 1) < 0.01):
            found.append(f"A vector of {name!r} is not of length one.")
    stored = [stored for (stored,) in connection.execute(_CHUNK_DIGESTS, [key])]
    if not found and stored != [made for _, made in digests_of_chunks(connection, key)]:
        found.append(f"A passage of {name!r} is not as it was stored.")
    spoken, due = (
        connection.execute(query, [key]).fetchall() for query in (_SPEAKERS_OF, _SPEAKERS_DUE)
    )
    if spoken != due:
        found.append(f"Who speaks in the passages of {name!r} is not as it was stored.")
    return found


def _hold(
    rows: Sequence[tuple[int, int, int, str, bytes]], paragraphs: Iterable[tuple[int, int]]
) -> bool:
    """Return whether the passages hold the paragraphs from beginning to end.

    A paragraph may be split among them.
    """
    spans = sorted((start, end) for _, start, end, *_ in rows)
    starts = [start for start, _ in spans]

    def held(place: int) -> bool:
        found = bisect_right(starts, place)
        return found > 0 and place < spans[found - 1][1]

    return all(held(start) and held(end - 1) for start, end in paragraphs)


def _of_parts(connection: Connection, name: str) -> list[str]:
    """Return what is wrong with the parts of a document.

    These are its sections, paragraphs, quotations, references and notes.
    """
    try:
        document = document_of_rows(connection, name)
    except (ValueError, TypeError, RecursionError):
        return [f"The parts of {name!r} cannot be read."]
    if document is None:
        return []
    parts: list[Section | Paragraph | Quotation | Reference | Note | Box | Table | TableCell] = [
        *document.sections,
        *document.paragraphs,
        *document.tables,
        *(cell for table in document.tables for cell in table.cells),
    ]
    parts += [*document.quotations, *document.references, *document.notes, *document.boxes]
    if not all(0 <= part.start <= part.end <= len(document.text) for part in parts):
        return [f"A part of {name!r} lies outside its text."]
    headings = all(
        isinstance(heading, str) for section in document.sections for heading in section.path
    )
    if not headings or not all(
        0 <= paragraph.section < len(document.sections) for paragraph in document.paragraphs
    ):
        return [f"The sections of {name!r} do not fit."]
    key, stored = connection.execute(_DOCUMENT_DIGEST_OF, [name]).fetchone()
    if stored != digest_of_document(connection, key):
        return [
            f"The text or a part of {name!r} is not as it was stored; remove it and add its "
            "file again."
        ]
    return []
