"""The durable store of a library and its two look-ups, by meaning and by words.                   [sqlite3, faiss]

SQLite is the truth; the file of vectors is a cache that is rebuilt from it. `indexes/README.md` describes both.
"""

import hashlib
import json
import os
import re
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from difflib import get_close_matches
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rag.types import (
    Chunk,
    Document,
    DocumentError,
    LibraryError,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    UsageError,
    Vectors,
)

if TYPE_CHECKING:
    import faiss

FORMAT = 1
_APPLICATION = 0x52414731  # "RAG1": tells a library from any other SQLite file
_DATABASE = "library.db"
_CACHE = "vectors.faiss"
# A document is written in well under a second, so a writer that waits longer than this stands behind a whole rebuild.
_BUSY_SECONDS = 5.0
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")

# How much a word counts in bm25 in the text, and in the context (title, headings, speaker).
_TEXT_WEIGHT, _CONTEXT_WEIGHT = 1.0, 1.0
# A word of more chunks than this is frequent, and counting on would cost more than it tells.
_COUNTED = 20_000
_WORD = re.compile(r"\w+")
# A quotation mark opens before a word and closes after one, so that the inches in 5" pipes ask for nothing.
_PHRASE = re.compile(r"""(?<!\w)["“”„«](?=\S)([^"“”„«»]+)(?<=\S)["“”»](?!\w)""")
# Words that nearly every question holds: they say nothing about the passage and cost the most to rank.
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a about an and any are as at be been by can could d did do does for from had has have how i if in into is it its ll m "
        "me of on or re s said say says should so t tell than that the their them then there these they this those to ve was we "
        "were what when where which while who whom whose why will with would you your"
    )
)

# The text of chunks stands here once more, so that a hit costs one row and not the text of its whole document; the word
# index reads it from here instead of keeping its own. AUTOINCREMENT: an id found by one look-up never names a newer chunk.
_SCHEMA = """
CREATE TABLE settings (
    one INTEGER PRIMARY KEY CHECK (one = 1), embedder TEXT NOT NULL, dimension INTEGER NOT NULL,
    generation INTEGER NOT NULL, stamp TEXT NOT NULL
) STRICT;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, file TEXT NOT NULL, sha256 TEXT NOT NULL, title TEXT NOT NULL,
    dateline TEXT NOT NULL, date TEXT NOT NULL, path TEXT NOT NULL UNIQUE, text TEXT NOT NULL
) STRICT;
CREATE TABLE sections (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    heading TEXT NOT NULL, path TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE paragraphs (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    number INTEGER NOT NULL, kind TEXT NOT NULL, section INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE quotations (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, speaker TEXT NOT NULL, lead_in TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE "references" (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    number TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE notes (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, position INTEGER NOT NULL,
    number TEXT NOT NULL, text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, section TEXT NOT NULL, paragraph INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    text TEXT NOT NULL, context TEXT NOT NULL, UNIQUE (document, number)
) STRICT;
CREATE VIEW listing AS SELECT
    name, file, path, sha256, title, date,
    (SELECT count(*) FROM paragraphs p WHERE p.document = d.id AND p.number > 0) AS paragraphs,
    (SELECT count(*) FROM chunks c WHERE c.document = d.id) AS chunks
FROM documents d ORDER BY name;
CREATE TABLE vectors (chunk INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, vector BLOB NOT NULL) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (
    text, context, content = 'chunks', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO words (rowid, text, context) VALUES (new.id, new.text, new.context);
END;
CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words (words, rowid, text, context) VALUES ('delete', old.id, old.text, old.context);
END;
"""

_TROUBLE = {
    sqlite3.SQLITE_BUSY: "is in use: another process is adding to it; try again when that has finished.",
    sqlite3.SQLITE_READONLY: "cannot be written to; check the permissions of its folder.",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the permissions of its folder.",
    sqlite3.SQLITE_PERM: "cannot be opened; check the permissions of its folder.",
    sqlite3.SQLITE_FULL: "is unchanged, the disk is full; make room and try again.",
}
_DAMAGED = "is damaged; restore its folder from a copy, or remove it and add the files again."


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a list of documents shows."""

    name: str
    file: str
    path: Path  # where the file was when it was added, absolute
    sha256: str
    title: str
    date: str
    paragraphs: int
    chunks: int


class _Settings(NamedTuple):
    embedder: str
    dimension: int
    generation: int
    stamp: str  # random and new with every change, so no other library and no restored copy has the same one


def library_folder(indexes: Path, name: str) -> Path:
    """The folder of the library of that name, whether it is there or not. Raises UsageError for a name that could be a path."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a library; use up to 64 letters, digits, hyphens, underscores and dots, no dot in front."
        )
    return indexes / name


def library_names(indexes: Path) -> list[str]:
    """The names of the libraries in a folder, sorted; none where the folder does not exist."""
    return sorted(file.parent.name for file in indexes.glob(f"*/{_DATABASE}") if _NAME.fullmatch(file.parent.name))


class Library:
    """The documents of one folder `indexes/<name>/`. Safe from several threads, and beside other processes.

    One connection under one lock serves all threads: a look-up holds it for milliseconds, where an answer takes seconds, and
    there is nothing to clean up behind threads that end.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Use `Library.open`."""
        self.folder = folder
        self._database = database
        self._lock = threading.RLock()
        self._index: faiss.Index | None = None
        self._index_stamp = ""

    @classmethod
    def open(cls, folder: Path, *, embedder: str = "", dimension: int = 0, create: bool = False) -> Self:
        """The library in `folder`; with `create` a new one where there is none.

        An `embedder` and `dimension` left out are whatever the library was built with. Raises LibraryError where there is no
        library, where it was built with another embedder or by a newer version, and where it is damaged.
        """
        file = folder / _DATABASE
        if create:
            if not (embedder and dimension > 0):
                raise ValueError("a new library needs the name and the dimension of its embedder")
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LibraryError(f"The folder {str(folder)!r} cannot be made: {error.strerror}; choose another.") from error
        elif not file.is_file():
            raise _no_library(folder)
        with _troubles(folder):
            library = cls(folder, _connect(file, create))
        try:
            library._check(embedder, dimension, create)
        except BaseException:
            library.close()
            raise
        return library

    def close(self) -> None:
        with self._lock:
            self._database.close()
            self._index = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- What it is -----------------------------------------------------------------------------------------------

    @property
    def embedder(self) -> str:
        """The name of the embedder the library was built with."""
        return self._settings().embedder

    @property
    def dimension(self) -> int:
        """The length of its vectors."""
        return self._settings().dimension

    @property
    def generation(self) -> int:
        """How many changes the library has seen, those of other processes too."""
        return self._settings().generation

    @property
    def count(self) -> int:
        """The number of chunks."""
        return int(self._rows("SELECT count(*) FROM chunks")[0][0])

    # --- Documents ------------------------------------------------------------------------------------------------

    def add(self, document: Document, chunks: Sequence[Chunk], vectors: Vectors, path: Path) -> None:
        """Add the document, or replace the one of its name, wholly or not at all.

        `vectors` are unit vectors, float32 [chunks, dimension]; `path` is the file it was read from. Raises UsageError where the
        name belongs to another file, LibraryError where the library cannot be written, ValueError where the parts do not fit.
        """
        place = _place(path)
        with self._changing() as database:
            source = database.execute("SELECT path FROM documents WHERE name = ?", [document.name]).fetchone()
            if source and source[0] != place:
                raise UsageError(
                    f"The name {document.name!r} belongs to {source[0]!r}, so {str(path)!r} was not added; add it again, it then "
                    "gets a name of its own."
                )
            database.execute("DELETE FROM documents WHERE path = ?", [place])
            row = [document.name, document.file, document.sha256, document.title]
            row += [document.dateline, document.date, place, document.text]
            key = database.execute("INSERT INTO documents VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            sections = [(key, i, s.heading, json.dumps(s.path), s.start, s.end) for i, s in enumerate(document.sections)]
            database.executemany("INSERT INTO sections VALUES (?, ?, ?, ?, ?, ?)", sections)
            database.executemany("INSERT INTO paragraphs VALUES (?, ?, ?, ?, ?, ?, ?)", _rows_of(key, document.paragraphs))
            database.executemany("INSERT INTO quotations VALUES (?, ?, ?, ?, ?, ?, ?)", _rows_of(key, document.quotations))
            database.executemany('INSERT INTO "references" VALUES (?, ?, ?, ?, ?)', _rows_of(key, document.references))
            database.executemany("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", _rows_of(key, document.notes))
            self._add_chunks(database, key, document, chunks, vectors)

    def remove(self, name: str) -> None:
        """Remove the document of that name. Raises UsageError where there is none."""
        with self._changing() as database:
            if not database.execute("DELETE FROM documents WHERE name = ?", [name]).rowcount:
                raise self._no_document(name)

    def rebuild(self, embedder: str, dimension: int, make: Callable[[Document], tuple[Sequence[Chunk], Vectors]]) -> None:
        """Replace the chunks and vectors of every document by what `make` returns for it, wholly or not at all."""
        with self._changing() as database:
            database.execute("UPDATE settings SET embedder = ?, dimension = ?", [embedder, dimension])
            for key, name in database.execute("SELECT id, name FROM documents ORDER BY name").fetchall():
                document = self.document(name)
                chunks, vectors = make(document)
                database.execute("DELETE FROM chunks WHERE document = ?", [key])
                self._add_chunks(database, key, document, chunks, vectors)

    def documents(self) -> list[DocumentInfo]:
        """All documents, in the order of their names."""
        return _infos(self._rows("SELECT * FROM listing"))

    def find(self, path: Path) -> DocumentInfo | None:
        """The document that was read from the file at `path`."""
        return next(iter(_infos(self._rows("SELECT * FROM listing WHERE path = ?", _place(path)))), None)

    def free_name(self, stem: str) -> str:
        """`stem`, or the first of stem-2, stem-3 … that no document has."""
        names = {name for (name,) in self._rows("SELECT name FROM documents")}
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        return name

    def document(self, name: str) -> Document:
        """The whole document of that name, equal to the one that was added. Raises UsageError where there is none."""
        with self._reading() as database:
            row = database.execute(
                "SELECT id, file, sha256, title, dateline, date, text FROM documents WHERE name = ?", [name]
            ).fetchone()
            if row is None:
                raise self._no_document(name)
            key, file, sha256, title, dateline, date, text = row

            def parts(query: str) -> list[Any]:
                return database.execute(query, [key]).fetchall()

            sections = parts('SELECT heading, path, start, "end" FROM sections WHERE document = ? ORDER BY position')
            paragraphs = parts('SELECT number, kind, section, start, "end" FROM paragraphs WHERE document = ? ORDER BY position')
            quotations = parts('SELECT start, "end", speaker, lead_in, note FROM quotations WHERE document = ? ORDER BY position')
            references = parts('SELECT number, start, "end" FROM "references" WHERE document = ? ORDER BY position')
            notes = parts('SELECT number, text, start, "end" FROM notes WHERE document = ? ORDER BY position')
        return Document(
            name=name,
            file=file,
            sha256=sha256,
            title=title,
            dateline=dateline,
            date=date,
            text=text,
            sections=tuple(Section(heading, tuple(json.loads(path)), start, end) for heading, path, start, end in sections),
            paragraphs=tuple(Paragraph(*row) for row in paragraphs),
            quotations=tuple(Quotation(*row) for row in quotations),
            references=tuple(Reference(*row) for row in references),
            notes=tuple(Note(*row) for row in notes),
        )

    # --- Look-ups -------------------------------------------------------------------------------------------------

    def dense(self, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        """The ids of the `k` chunks whose vectors are nearest to the unit vector [dimension], with their cosines, best first."""
        import faiss

        index = self._current_index()
        k = min(k, index.ntotal)
        if k < 1:
            return []
        # One question is no work to share: on two busy cores threads that wait for each other took 26 ms instead of 1.4.
        faiss.omp_set_num_threads(1)
        scores, ids = index.search(np.ascontiguousarray(vector, np.float32)[None, :], k)
        return sorted(zip(ids[0].tolist(), scores[0].tolist(), strict=True), key=lambda found: (-found[1], found[0]))

    def lexical(self, question: str, k: int) -> list[tuple[int, float]]:
        """The ids of the `k` chunks that share most with the words of the question, with their bm25 (more is better), best first.

        Words between quotation marks are a phrase that every chunk must hold, whatever else it holds.
        """
        query = _word_query(question)
        if not query:
            return []
        found = self._rows(
            "SELECT rowid, -bm25(words, ?, ?) AS score FROM words WHERE words MATCH ? ORDER BY score DESC, rowid LIMIT ?",
            _TEXT_WEIGHT,
            _CONTEXT_WEIGHT,
            query,
            max(k, 0),
        )
        return [(int(chunk), float(score)) for chunk, score in found]

    def rarity(self, words: Sequence[str]) -> list[float]:
        """How rare each word is among the chunks, its inverse document frequency (Robertson & Spärck Jones 1976)."""
        chunks = self.count
        found = [
            self._rows("SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)", f'"{word}"', _COUNTED)[0][0]
            for word in (word.replace('"', "") for word in words)
        ]
        return [log(1 + (max(chunks, n) - n + 0.5) / (n + 0.5)) for n in found]

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, str]]:
        """The chunks of these ids, each with the title of its document; one removed in the meantime is left out."""
        found = self._rows(
            'SELECT c.id, d.name, c.number, c.section, c.paragraph, c.start, c."end", c.text, c.context, d.title '
            "FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id IN (SELECT value FROM json_each(?))",
            json.dumps(list(ids)),
        )
        return {int(key): (Chunk(*columns), title) for key, *columns, title in found}

    # --- Health ---------------------------------------------------------------------------------------------------

    def verify(self) -> list[str]:
        """What is wrong with the library, in sentences; nothing for a whole one. Reads all of it.

        Raises LibraryError where it is too damaged to be read, or another process is adding to it.
        """
        problems: list[str] = []
        with self._reading() as database:
            problems += [f"The database reports: {m}." for (m,) in database.execute("PRAGMA integrity_check") if m != "ok"]
            problems += [f"A row of {table} belongs to nothing." for table, *_ in database.execute("PRAGMA foreign_key_check")]
            size = 4 * self.dimension
            problems += [
                f"A vector of {name!r} is missing or has another dimension."
                for (name,) in database.execute(
                    "SELECT DISTINCT d.name FROM documents d JOIN chunks c ON c.document = d.id "
                    "LEFT JOIN vectors v ON v.chunk = c.id WHERE length(v.vector) IS NOT ?",
                    [size],
                )
            ]
            for key, name, text in database.execute("SELECT id, name, text FROM documents"):
                spans = database.execute('SELECT start, "end", text FROM chunks WHERE document = ?', [key])
                if any(text[start:end] != words for start, end, words in spans):
                    problems.append(f"A passage of {name!r} differs from the text of the document.")
            try:
                database.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
            except sqlite3.DatabaseError as error:
                code = error.sqlite_errorcode & 0xFF
                if code == sqlite3.SQLITE_CORRUPT:
                    problems.append("The word index differs from the passages.")
                # The check writes nothing, yet SQLite refuses it where nothing can be written.
                elif code != sqlite3.SQLITE_READONLY:
                    raise
        return problems

    # --- Inside ---------------------------------------------------------------------------------------------------

    def _check(self, embedder: str, dimension: int, create: bool) -> None:
        """Make the tables where the database is empty, then see that it is a library for this embedder."""
        if create:
            self._create(embedder, dimension)
        with self._reading() as database:
            application = database.execute("PRAGMA application_id").fetchone()[0]
            version = database.execute("PRAGMA user_version").fetchone()[0]
            empty = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if empty:
            raise _no_library(self.folder)
        if application != _APPLICATION:
            raise LibraryError(f"{str(self.folder / _DATABASE)!r} is a database, but not a library; choose another folder.")
        if version > FORMAT:
            raise LibraryError(
                f"The library {self.folder.name!r} has format {version}, this program reads format {FORMAT}; update the program."
            )
        built = self._settings()
        if (embedder or built.embedder, dimension or built.dimension) != (built.embedder, built.dimension):
            raise LibraryError(
                f"The library {self.folder.name!r} was built with the embedding model {built.embedder!r} ({built.dimension} "
                f"dimensions), not with {embedder!r} ({dimension}); name that model, or run `rag rebuild` to embed it anew."
            )
        if create:
            self._let_readers_go_on()

    def _create(self, embedder: str, dimension: int) -> None:
        """Make the tables, unless they are there or another process is faster."""
        with self._lock, _troubles(self.folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                if not self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                    for statement in _statements(_SCHEMA):
                        self._database.execute(statement)
                    self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
                    self._database.execute(f"PRAGMA user_version = {FORMAT}")
                    row = [embedder, dimension, uuid.uuid4().hex]
                    self._database.execute("INSERT INTO settings VALUES (1, ?, ?, 0, ?)", row)
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    def _let_readers_go_on(self) -> None:
        """Have SQLite write ahead, so that readers need not wait for a writer. Where it cannot, it keeps to its older way."""
        # It cannot for a moment where several open the library at once; one of them, or the next, succeeds.
        with self._lock, suppress(sqlite3.OperationalError):
            self._database.execute("PRAGMA journal_mode = WAL")

    def _add_chunks(
        self, database: sqlite3.Connection, key: int | None, document: Document, chunks: Sequence[Chunk], vectors: Vectors
    ) -> None:
        shape = (len(chunks), self.dimension)
        if vectors.shape != shape:
            raise ValueError(f"vectors are {vectors.shape}, expected {shape}")
        # Also false for what is not a number, which would rank first for every question.
        if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < 0.01):
            raise ValueError("vectors are not unit vectors")
        if any(document.text[chunk.start : chunk.end] != chunk.text for chunk in chunks):
            raise ValueError(f"a chunk is not the text of {document.name!r} at its place")
        for chunk, vector in zip(chunks, vectors.astype("<f4"), strict=True):
            row = [key, chunk.number, chunk.section, chunk.paragraph, chunk.start, chunk.end, chunk.text, chunk.context]
            chunk_key = database.execute("INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            database.execute("INSERT INTO vectors VALUES (?, ?)", [chunk_key, vector.tobytes()])

    def _no_document(self, name: str) -> UsageError:
        names = [known for (known,) in self._rows("SELECT name FROM documents")]
        near = get_close_matches(name, names)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see `rag list` for those there are."
        return UsageError(f"There is no document {name!r} in the library {self.folder.name!r}; {hint}")

    def _settings(self) -> _Settings:
        rows = self._rows("SELECT embedder, dimension, generation, stamp FROM settings")
        if not rows:
            raise LibraryError(f"The library {self.folder.name!r} {_DAMAGED}")
        return _Settings(*rows[0])

    def _rows(self, query: str, *values: str | float) -> list[Any]:
        with self._lock, _troubles(self.folder):
            return self._database.execute(query, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the library for several queries, even where another process changes it in between."""
        with self._lock, _troubles(self.folder):
            if self._database.in_transaction:  # of the same thread, which holds the lock
                yield self._database
                return
            self._database.execute("BEGIN")
            try:
                yield self._database
            finally:
                self._database.execute("ROLLBACK")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One change, kept wholly where the block ends well, else not at all."""
        with self._lock, _troubles(self.folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("UPDATE settings SET generation = generation + 1, stamp = ?", [uuid.uuid4().hex])
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    def _current_index(self) -> "faiss.Index":
        """The vectors of the library as it is now: from memory, else from the verified cache, else from the database."""
        with self._reading() as database:
            settings = self._settings()
            if self._index is None or settings.stamp != self._index_stamp:
                self._index = self._cached_index(settings.stamp)
                if self._index is None:
                    self._index = _build_index(self.folder, database, settings.dimension)
                    self._cache_index(self._index, settings.stamp)
                self._index_stamp = settings.stamp
            return self._index

    def _cached_index(self, stamp: str) -> "faiss.Index | None":
        """The cached index, None where it is missing, damaged, or of another state: FAISS reads only what we wrote ourselves."""
        import faiss

        try:
            data = (self.folder / _CACHE).read_bytes()
        except OSError:
            return None
        length = len(_cache_header(stamp, b""))
        if data[:length] != _cache_header(stamp, memoryview(data)[length:]):
            return None
        return faiss.deserialize_index(np.frombuffer(data, np.uint8, offset=length))

    def _cache_index(self, index: "faiss.Index", stamp: str) -> None:
        import faiss

        body = faiss.serialize_index(index).data
        temporary = self.folder / f"{_CACHE}.tmp"
        # Only a cache: a folder that cannot be written is no trouble, and what two processes mixed up fails its checksum.
        with suppress(OSError):
            with temporary.open("wb") as file:
                file.write(_cache_header(stamp, body))
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / _CACHE)


def _connect(file: Path, create: bool) -> sqlite3.Connection:
    """A connection that has read once. Where the folder is read-only, one that needs no files beside the database."""
    unmerged = file.with_name(f"{file.name}-wal").exists()
    # Immutable skips the locks and the changes that wait beside the database, so it is the last resort, and only without any.
    modes = ["rwc"] if create else ["rw", "ro"] + ["ro&immutable=1"] * (not unmerged)
    for mode in modes:
        database = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return database
        except sqlite3.OperationalError as error:
            database.close()
            if mode == modes[-1] or error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        except BaseException:
            database.close()
            raise
    raise AssertionError


def _build_index(folder: Path, database: sqlite3.Connection, dimension: int) -> "faiss.Index":
    import faiss

    rows = database.execute("SELECT chunk, vector FROM vectors ORDER BY chunk").fetchall()
    data = b"".join(vector for _, vector in rows)
    if len(data) != len(rows) * dimension * 4:
        raise LibraryError(f"The library {folder.name!r} {_DAMAGED}")
    vectors = np.frombuffer(data, "<f4").reshape(-1, dimension).astype(np.float32)
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    index.add_with_ids(vectors, np.array([chunk for chunk, _ in rows], np.int64))
    return index


def _cache_header(stamp: str, body: bytes | memoryview) -> bytes:
    """What stands in front of the cached index: the state of the library it holds and its checksum. Of constant length."""
    return f"{stamp} {hashlib.sha256(body).hexdigest()}\n".encode()


def _word_query(question: str) -> str:
    """A query of words in quotation marks only, so that no character of the question is an operator; "" where it has no words."""
    phrases = [words for phrase in _PHRASE.findall(question) if (words := _WORD.findall(phrase))]
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(question)))
    words = [word for word in words if word not in _STOP_WORDS] or words
    required = [f'"{" ".join(phrase)}"' for phrase in phrases]
    # Naming the phrases among the choices lets a chunk match by its phrases alone, while the other words still raise it.
    choices = " OR ".join([*required, *(f'"{word}"' for word in words)])
    return " AND ".join([*required, f"({choices})"]) if choices else ""


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would end the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _rows_of(key: int | None, parts: Sequence[Paragraph | Quotation | Reference | Note]) -> Iterator[tuple[Any, ...]]:
    return ((key, position, *astuple(part)) for position, part in enumerate(parts))


def _infos(rows: Sequence[Any]) -> list[DocumentInfo]:
    return [DocumentInfo(name, file, Path(path), *rest) for name, file, path, *rest in rows]


def _place(path: Path) -> str:
    """The absolute path that tells files apart; links are kept, since what they point to may change."""
    place = os.path.normpath(path.absolute())
    try:
        place.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(f"The name of {place!a} is not readable text, so the file was left out; rename it.") from error
    return place


def _no_library(folder: Path) -> LibraryError:
    names = [name for name in library_names(folder.parent) if name != folder.name]
    there = f"there are {', '.join(map(repr, names))}" if names else "there is none yet"
    return LibraryError(f"There is no library {folder.name!r} in {str(folder.parent)!r}, {there}; make it with `rag add`.")


@contextmanager
def _troubles(folder: Path) -> Iterator[None]:
    """Turns what SQLite reports about the file into the error a user meets; errors of our own making pass."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if type(error) not in (sqlite3.DatabaseError, sqlite3.OperationalError):
            raise
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        raise LibraryError(f"The library {folder.name!r} {_TROUBLE.get(code, _DAMAGED)}") from error
