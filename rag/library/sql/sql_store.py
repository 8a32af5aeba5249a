"""The store of a library in a database: the same tables and SQL in SQLite and PostgreSQL."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from rag.errors import LibraryError, NotFoundError, UsageError
from rag.library.seams import KeptFiles, MakePassages
from rag.library.sql import integrity
from rag.library.sql.conversations import Conversations
from rag.library.sql.database import Database, LibraryState
from rag.library.sql.digests import digest
from rag.library.sql.rows import (
    digest_of_document,
    digests_of_chunks,
    document_of_rows,
    passages_of_rows,
    write_chunks,
    write_digest,
    write_document,
)
from rag.library.sql.unanswered import Unanswered
from rag.types import Chunk, Document, DocumentInfo, Vectors

_LISTED = "SELECT name, file, path, sha256, title, date, paragraphs, chunks FROM listing"


class SqlStore:
    """A `Store` over a database."""

    def __init__(self, database: Database, source_files: KeptFiles) -> None:
        self.name = database.name
        self.conversations = Conversations(database)
        self.unanswered = Unanswered(database)
        self.source_files = source_files
        self._database = database

    def close(self) -> None:
        self._database.close()

    def state(self) -> LibraryState:
        return self._database.state()

    def count(self) -> int:
        return int(self._database.rows("SELECT count(*) FROM chunks")[0][0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._database.reading():
            self._database.state()  # a database holds a state from the first row that is read
            yield

    # --- Changes ----------------------------------------------------------------------------------

    def add(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        place: str,
        pending: Sequence[bytes],
        embedder: str,
    ) -> None:
        with self._database.counted_transaction() as connection:
            self.check_embedder(embedder)
            source = connection.execute(
                "SELECT path FROM documents WHERE name = ?", [document.name]
            ).fetchone()
            if source and source[0] != place:
                raise UsageError(
                    f"The name {document.name!r} belongs to {source[0]!r}, so {place!r} was "
                    "not added; add it again, it then gets a name of its own."
                )
            connection.execute("DELETE FROM documents WHERE path = ?", [place])
            key = write_document(connection, document, place)
            write_chunks(connection, key, document, chunks, vectors, self.state().dimension)
            connection.executemany("DELETE FROM pending WHERE key = ?", [[key] for key in pending])
        self._sweep()

    def check_embedder(self, embedder: str) -> None:
        """Raise LibraryError where the library is of another embedder by now."""
        if (now := self.state().embedder) != embedder:
            raise LibraryError(
                f"The library {self.name!r} was rebuilt with the embedding model {now!r} "
                "meanwhile; start again with that model."
            )

    def remove(self, name: str) -> None:
        with self._database.counted_transaction() as connection:
            if not connection.execute("DELETE FROM documents WHERE name = ?", [name]).rowcount:
                raise NotFoundError(self.no_document(name))
        self._sweep()

    def rebuild(self, embedder: str, dimension: int, make: MakePassages) -> None:
        with self._database.counted_transaction() as connection:
            self._database.set_embedder(embedder, dimension)
            for key, name in connection.execute(
                "SELECT id, name FROM documents ORDER BY name"
            ).fetchall():
                document = document_of_rows(connection, name)
                if document is None:
                    raise self._database.damaged()
                chunks, vectors = make(document)
                connection.execute("DELETE FROM chunks WHERE document = ?", [key])
                write_chunks(connection, key, document, chunks, vectors, dimension)
            connection.execute("DELETE FROM pending")

    def move(self, name: str, place: str, file: str) -> None:
        with self._database.counted_transaction() as connection:
            taken = connection.execute("SELECT 1 FROM documents WHERE path = ?", [place])
            if not taken.fetchone():
                row = [place, file, name]
                connection.execute("UPDATE documents SET path = ?, file = ? WHERE name = ?", row)
                write_digest(connection, name)

    # --- Documents --------------------------------------------------------------------------------

    def document(self, name: str) -> Document | None:
        with self._database.reading() as connection:
            return document_of_rows(connection, name)

    def passages(self, name: str) -> tuple[list[Chunk], Vectors]:
        with self._database.reading() as connection:
            try:
                return passages_of_rows(connection, name, self.state().dimension)
            except ValueError as error:
                raise self._database.damaged() from error

    def digest(self, name: str) -> bytes:
        with self._database.reading() as connection:
            found = connection.execute("SELECT id FROM documents WHERE name = ?", [name]).fetchone()
            if found is None:
                return b""
            chunks = [made for _, made in digests_of_chunks(connection, found[0])]
            return digest(digest_of_document(connection, found[0]), *chunks)

    def listing(self) -> list[DocumentInfo]:
        return _infos(self._database.rows(f"{_LISTED} ORDER BY name"))

    def info(self, by: Literal["name", "path", "sha256"], value: str) -> DocumentInfo | None:
        rows = self._database.rows(f"{_LISTED} WHERE {by} = ? ORDER BY name LIMIT 1", value)
        return next(iter(_infos(rows)), None)

    def names_by_age(self) -> list[str]:
        return [name for (name,) in self._database.rows("SELECT name FROM documents ORDER BY id")]

    def no_document(self, name: str) -> str:
        near = get_close_matches(name, self.names())
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else "see `rag list` for those there are."
        )
        return f"There is no document {name!r} in the library {self.name!r}; {hint}"

    def names(self) -> list[str]:
        return [name for (name,) in self._database.rows("SELECT name FROM documents ORDER BY name")]

    def names_like(self, stem: str) -> list[str]:
        rows = self._database.rows(
            "SELECT name FROM documents WHERE substr(name, 1, ?) = ?", len(stem), stem
        )
        return [name for (name,) in rows]

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, str, str]]:
        found = self._database.rows(
            'SELECT c.id, d.name, c.number, c.section, c.paragraph, c.start, c."end", c.text, '
            "c.context, d.title, d.date FROM chunks c JOIN documents d ON d.id = c.document "
            f"WHERE c.id IN {self._database.listed}",
            json.dumps(list(ids)),
        )
        return {int(key): (Chunk(*columns), title, date) for key, *columns, title, date in found}

    # --- Vectors that wait ------------------------------------------------------------------------

    def pending(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        with self._database.reading() as connection:
            query = "SELECT key, vector FROM pending WHERE key = ?"
            rows = [connection.execute(query, [key]).fetchone() for key in keys]
        return dict(row for row in rows if row)

    def keep(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        halves = [vector.tobytes() for vector in vectors.astype("<f2")]
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM pending WHERE key = ?", [[key] for key in keys])
            connection.executemany(
                "INSERT INTO pending (key, vector) VALUES (?, ?)",
                list(zip(keys, halves, strict=True)),
            )

    def drop_pending(self, start: bytes) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pending WHERE substr(key, 1, 1) = ?", [start])

    # --- Health -----------------------------------------------------------------------------------

    def copy(self, file: Path) -> None:
        self._database.copy(file)

    def size(self) -> int:
        return self._database.size()

    def verify(self) -> list[str]:
        return [*integrity.find_damage(self._database), *self.conversations.check()]

    def repair(self, make: MakePassages) -> list[str]:
        return integrity.repair_database(self._database, make)

    def _sweep(self) -> None:
        """Remove the copies of files that no document was read from."""

        def hashes() -> set[str]:
            return {sha256 for (sha256,) in self._database.rows("SELECT sha256 FROM documents")}

        self.source_files.sweep(hashes)


def _infos(rows: Sequence[Any]) -> list[DocumentInfo]:
    return [DocumentInfo(name, file, Path(path), *rest) for name, file, path, *rest in rows]
