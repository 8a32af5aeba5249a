"""The durable store of a library and its two look-ups, by meaning and by words.

SQLite is the truth; the file of vectors is a cache that is rebuilt from it. `indexes/README.md`
describes both.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.errors import DocumentError, LibraryError, NotFoundError, UsageError
from rag.files import make_private, private_folder, sweep_unfinished
from rag.library import integrity, keyword_index, vocabulary
from rag.library.conversations import Conversations
from rag.library.database import DATABASE, Database
from rag.library.rows import document_of_rows, write_chunks, write_digest, write_document
from rag.library.source_files import FILES, SourceFiles
from rag.library.unanswered import Unanswered
from rag.library.vector_index import Dense
from rag.text.query import is_within, names_it, phrases_of
from rag.types import EVERYTHING, Chunk, Document, DocumentInfo, Filter, Vectors

_LIBRARY_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


def library_folder(indexes: Path, name: str) -> Path:
    """The folder of the library of that name, whether it is there or not.

    Raises UsageError for a name that could be a path.
    """
    if not _LIBRARY_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a library; use up to 64 letters, digits, hyphens, underscores "
            "and dots, no dot in front."
        )
    return indexes / name


def library_file(indexes: Path, name: str) -> tuple[int, int] | None:
    """Return what identifies the file of a library, so that another in its place is noticed.

    None where there is none.
    """
    try:
        status = (library_folder(indexes, name) / DATABASE).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def library_names(indexes: Path) -> list[str]:
    """The names of the libraries in a folder, sorted; none where the folder does not exist."""
    return sorted(
        file.parent.name
        for file in indexes.glob(f"*/{DATABASE}")
        if _LIBRARY_NAME.fullmatch(file.parent.name)
    )


class Library:
    """The documents of one folder `indexes/<name>/`.

    Safe from several threads, and beside other processes.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        """Use `Library.open`."""
        self.folder = folder
        self.source_files = SourceFiles(folder)
        self.conversations = Conversations(database)
        self.unanswered = Unanswered(database)
        self._database = database
        self._opened_with = self.embedder
        self._dense = Dense(folder, database)

    @classmethod
    def open(
        cls, folder: Path, *, embedder: str = "", dimension: int = 0, create: bool = False
    ) -> Self:
        """The library in `folder`, brought to the present format.

        With `create` a new one where there is none.

        An `embedder` and `dimension` left out are whatever the library was built with. Raises
        LibraryError where there is no library, where it was built with another embedder or by a
        newer version, and where it is damaged.
        """
        if create:
            if not (embedder and dimension > 0):
                raise ValueError("a new library needs the name and the dimension of its embedder")
            try:
                private_folder(folder)
            except OSError as error:
                raise LibraryError(
                    f"The folder {str(folder)!r} cannot be made: {error.strerror}; choose another."
                ) from error
            sweep_unfinished(folder.parent)
        elif not _has_library(folder):
            raise _no_library(folder)
        _keep_private(folder)
        database = Database(folder, create)
        try:
            if not database.prepare(embedder, dimension, create):
                raise _no_library(folder)
        except BaseException:
            database.close()
            raise
        return cls(folder, database)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- What it is -------------------------------------------------------------------------------

    @property
    def embedder(self) -> str:
        """The name of the embedder the library was built with."""
        return self._database.state().embedder

    @property
    def dimension(self) -> int:
        """The length of its vectors."""
        return self._database.state().dimension

    @property
    def generation(self) -> int:
        """How many changes the library has seen, those of other processes too."""
        return self._database.state().generation

    @property
    def count(self) -> int:
        """The number of chunks."""
        return int(self._database.rows("SELECT count(*) FROM chunks")[0][0])

    # --- Documents --------------------------------------------------------------------------------

    def add(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        path: Path,
        pending: Sequence[bytes] = (),
    ) -> None:
        """Add the document, or replace the one of its name, wholly or not at all.

        `vectors` are unit vectors, float32 [chunks, dimension]; `path` is the file it was read
        from; what waited under the keys `pending` waits no longer. Raises UsageError where the name
        belongs to another file, LibraryError where the library cannot be written, ValueError where
        the parts do not fit.
        """
        place = _absolute(path)
        with self._database.counted_transaction() as database:
            self._check_embedder()
            source = database.execute(
                "SELECT path FROM documents WHERE name = ?", [document.name]
            ).fetchone()
            if source and source[0] != place:
                raise UsageError(
                    f"The name {document.name!r} belongs to {source[0]!r}, so {str(path)!r} was "
                    "not added; add it again, it then "
                    "gets a name of its own."
                )
            database.execute("DELETE FROM documents WHERE path = ?", [place])
            key = write_document(database, document, place)
            write_chunks(database, key, document, chunks, vectors, self.dimension)
            database.executemany("DELETE FROM pending WHERE key = ?", [[key] for key in pending])
        self._sweep()

    def remove(self, name: str) -> None:
        """Remove the document of that name. Raises NotFoundError where there is none."""
        with self._database.counted_transaction() as database:
            if not database.execute("DELETE FROM documents WHERE name = ?", [name]).rowcount:
                raise NotFoundError(self._no_document(name))
        self._sweep()

    def rebuild(
        self,
        embedder: str,
        dimension: int,
        make: Callable[[Document], tuple[Sequence[Chunk], Vectors]],
    ) -> None:
        """Replace the chunks and vectors of every document by what `make` returns for it, wholly or
        not at all.

        Nothing waits in `pending` then.
        """
        with self._database.counted_transaction() as database:
            database.execute(
                "UPDATE settings SET embedder = ?, dimension = ?, cache = '', cached = 0",
                [embedder, dimension],
            )
            for key, name in database.execute(
                "SELECT id, name FROM documents ORDER BY name"
            ).fetchall():
                document = self.document(name)
                chunks, vectors = make(document)
                database.execute("DELETE FROM chunks WHERE document = ?", [key])
                write_chunks(database, key, document, chunks, vectors, dimension)
            database.execute("DELETE FROM pending")
        self._opened_with = embedder

    def pending(self, keys: Sequence[bytes], dimension: int) -> dict[bytes, NDArray[np.float32]]:
        """Of these keys those under which `keep` has put a vector, each with it, float32
        [dimension].
        """
        with self._database.reading() as database:
            found = (
                database.execute("SELECT key, vector FROM pending WHERE key = ?", [key]).fetchone()
                for key in keys
            )
            vectors = {
                row[0]: np.frombuffer(row[1], "<f2").astype(np.float32)
                for row in found
                if row and not len(row[1]) % 2
            }
        return {
            key: v
            for key, v in vectors.items()
            if len(v) == dimension and abs(np.linalg.norm(v) - 1) < 0.01
        }

    def keep(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors, float32 [keys, dimension], until the document they are of is complete.

        No look-up finds them.
        """
        with self._database.transaction() as database:
            rows = [
                (key, vector.tobytes())
                for key, vector in zip(keys, vectors.astype("<f2"), strict=True)
            ]
            database.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?)", rows)

    def drop_pending(self, start: bytes) -> None:
        """Drop what waits under keys that start with this byte."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM pending WHERE substr(key, 1, 1) = ?", [start])

    def documents(self, only: Filter = EVERYTHING) -> list[DocumentInfo]:
        """Return what is listed of the documents of the filter's names and dates, by name.

        Raises UsageError for a document that is not in the library, and for a date that is none.
        """
        infos = _infos(self._database.rows("SELECT * FROM listing"))
        names = self._names_within(only, [(info.name, info.date) for info in infos])
        return [info for info in infos if info.name in names]

    def find(self, path: Path) -> DocumentInfo | None:
        """The document that was read from the file at `path`."""
        return next(
            iter(
                _infos(self._database.rows("SELECT * FROM listing WHERE path = ?", _absolute(path)))
            ),
            None,
        )

    def find_content(self, sha256: str) -> DocumentInfo | None:
        """The document that was read from a file of that sha256, the first by name where there
        are several.
        """
        return next(
            iter(
                _infos(
                    self._database.rows("SELECT * FROM listing WHERE sha256 = ? LIMIT 1", sha256)
                )
            ),
            None,
        )

    def below(self, folder: Path) -> list[DocumentInfo]:
        """The documents whose files lay in the folder, or in one below it, in the order of their
        names.
        """
        place = Path(_absolute(folder))
        return [document for document in self.documents() if document.path.is_relative_to(place)]

    def move(self, name: str, path: Path) -> None:
        """Note that the file of the document, if it is still there, now lies at `path`, where
        that is no other's.
        """
        with self._database.counted_transaction() as database:
            row = [_absolute(path), path.name, name]
            database.execute(
                "UPDATE OR IGNORE documents SET path = ?, file = ? WHERE name = ?", row
            )
            write_digest(database, name)

    def info(self, name: str) -> DocumentInfo:
        """The document of that name, as a list shows it.

        Raises NotFoundError where there is none.
        """
        found = _infos(self._database.rows("SELECT * FROM listing WHERE name = ?", name))
        if not found:
            raise NotFoundError(self._no_document(name))
        return found[0]

    def free_name(self, stem: str) -> str:
        """`stem`, or the first of stem-2, stem-3 … that no document has."""
        names = {name for (name,) in self._database.rows("SELECT name FROM documents")}
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        return name

    def document(self, name: str) -> Document:
        """The whole document of that name, equal to the one that was added.

        Raises NotFoundError where there is none.
        """
        with self._database.reading() as database:
            document = document_of_rows(database, name)
            if document is None:
                raise NotFoundError(self._no_document(name))
        return document

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One state of the library for several look-ups, even where another process changes it
        in between.
        """
        with self._database.reading():
            self._database.state()  # SQLite holds a state from the first row that is read
            yield

    # --- Look-ups ---------------------------------------------------------------------------------

    def select(self, only: Filter, question: str = "") -> NDArray[np.int64] | None:
        """The ids of the chunks that pass the filter and hold every phrase the question puts in
        quotation marks; None for all.

        Raises UsageError for a document that is not in the library, and for a date that is none.
        """
        conditions: list[str] = []
        values: list[str] = []
        with self._database.reading():
            if only.documents or only.after or only.before:
                conditions.append("document IN (SELECT value FROM json_each(?))")
                values.append(json.dumps(self._documents_within(only)))
            if only.speaker:
                speakers = [
                    name for (name,) in self._database.rows("SELECT DISTINCT speaker FROM speakers")
                ]
                conditions.append(
                    "id IN (SELECT chunk FROM speakers WHERE speaker IN (SELECT value FROM "
                    "json_each(?)))"
                )
                values.append(
                    json.dumps([name for name in speakers if names_it(name, only.speaker)])
                )
            if only.section:
                sections = [
                    path for (path,) in self._database.rows("SELECT DISTINCT section FROM chunks")
                ]
                conditions.append("section IN (SELECT value FROM json_each(?))")
                values.append(
                    json.dumps([path for path in sections if names_it(path, only.section)])
                )
            if phrases := phrases_of(question, keyword_index.indexed_languages(self._database)):
                conditions.append("id IN (SELECT rowid FROM words WHERE words MATCH ?)")
                values.append(" AND ".join(phrases))
            if not conditions:
                return None
            found = self._database.rows(
                f"SELECT id FROM chunks WHERE {' AND '.join(conditions)} ORDER BY id", *values
            )
        return np.array([chunk for (chunk,) in found], np.int64)

    def dense(
        self, vector: NDArray[np.float32], k: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The ids of the `k` chunks whose vectors are nearest to the unit vector [dimension], with
        their cosines, best first.

        With `among`, which `select` gives, only those chunks compete.
        """
        self._check_embedder()  # nobody else knows whose vector it is
        return self._dense.nearest(vector, k, among)

    def every_vector(self) -> list[tuple[NDArray[np.int64], Vectors]]:
        """The ids of all chunks and their unit vectors, float32 [ids, dimension], in batches.

        What `dense` is measured by.
        """
        return self._dense.everything()

    def lexical(
        self, question: str, k: int, among: NDArray[np.int64] | None = None, earlier: str = ""
    ) -> list[tuple[int, float]]:
        """The ids of the `k` chunks that share most with the words of the question, with their bm25
        (more is better), best first.

        With `among`, which `select` gives, only those chunks compete; how rare a word is is counted
        in all. The words of `earlier`, what was asked before, count half.
        """
        return keyword_index.best(self._database, question, k, among, earlier)

    def idf(self, words: Sequence[str]) -> list[float]:
        """How rare each word is among the chunks, its inverse document frequency (Robertson &
        Spärck Jones 1976).
        """
        return keyword_index.idf(self._database, words, len(self._dense.current()))

    def holds(self, word: str) -> bool:
        """Return whether a passage, or what stands beside it, has the word in some form."""
        return vocabulary.holds(self._database, word)

    def nearest_word(self, word: str) -> str:
        """Return the word of the documents that is most like a word; "" where none is like it."""
        return vocabulary.nearest_word(self._database, word)

    def optimize(self) -> None:
        """Make searches as fast as they can be after much was added.

        Seconds for a million chunks, nothing for few.

        Raises LibraryError where the library cannot be written.
        """
        self._dense.optimize()

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, str, str]]:
        """The chunks of these ids, each with the title and date of its document.

        One removed in the meantime is left out.
        """
        found = self._database.rows(
            'SELECT c.id, d.name, c.number, c.section, c.paragraph, c.start, c."end", c.text,'
            " c.context, d.title,        d.date FROM chunks c JOIN documents d ON d.id = c.document"
            " WHERE c.id IN (SELECT value FROM json_each(?))",
            json.dumps(list(ids)),
        )
        return {int(key): (Chunk(*columns), title, date) for key, *columns, title, date in found}

    # --- Health -----------------------------------------------------------------------------------

    def copy(self, file: Path) -> None:
        """Write the database as it is now into a file that is empty or not there.

        Raises LibraryError where that cannot be.
        """
        self._database.copy(file)

    def verify(self) -> list[str]:
        """What is wrong with the library, in sentences; nothing for a whole one. Reads all of it.

        Raises LibraryError where it is too damaged to be read, or another process is adding to it.
        """
        return [
            *integrity.find_damage(self._database),
            *self._dense.check(),
            *self.conversations.check(),
        ]

    def repair(self, make: Callable[[Document], tuple[Sequence[Chunk], Vectors]]) -> list[str]:
        """Repair what the stored text of the documents is enough for; what was done, in sentences.

        `make` gives the chunks of a document and their vectors, as for `rebuild`. Raises
        LibraryError where the library is too damaged, or cannot be written to.
        """
        done = integrity.repair_database(self._database, make)
        if self._dense.check():
            self._dense.forget()
            done.append("The file of vectors was removed.")
        return done

    # --- Behind the scenes ------------------------------------------------------------------------

    def _check_embedder(self) -> None:
        """Raises LibraryError where another process has rebuilt the library for another embedder
        since it was opened.
        """
        if self.embedder != self._opened_with:
            raise LibraryError(
                f"The library {self.folder.name!r} was rebuilt with the embedding "
                f"model {self.embedder!r} meanwhile; start "
                "again with that model."
            )

    def _sweep(self) -> None:
        """Remove the copies of files that no document was read from."""
        self.source_files.sweep(
            {sha256 for (sha256,) in self._database.rows("SELECT sha256 FROM documents")}
        )

    def _documents_within(self, only: Filter) -> list[int]:
        """The keys of the documents that the filter's names and dates let through."""
        rows = self._database.rows("SELECT id, name, date FROM documents")
        names = self._names_within(only, [(name, date) for _, name, date in rows])
        return [key for key, name, _ in rows if name in names]

    def _names_within(self, only: Filter, dated: Sequence[tuple[str, str]]) -> set[str]:
        """Return which of the names, each with its date, the filter lets through.

        Raises UsageError for a name of the filter that is not among them, and for a date that is
        none.
        """
        known = {name.casefold() for name, _ in dated}
        for name in only.documents:
            if name.casefold() not in known:
                raise UsageError(self._no_document(name))
        wanted = {name.casefold() for name in only.documents} or known
        return {
            name
            for name, date in dated
            if name.casefold() in wanted and is_within(date, only.after, only.before)
        }

    def _no_document(self, name: str) -> str:
        names = [known for (known,) in self._database.rows("SELECT name FROM documents")]
        near = get_close_matches(name, names)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else "see `rag list` for those there are."
        )
        return f"There is no document {name!r} in the library {self.folder.name!r}; {hint}"


def _infos(rows: Sequence[Any]) -> list[DocumentInfo]:
    return [DocumentInfo(name, file, Path(path), *rest) for name, file, path, *rest in rows]


def _absolute(path: Path) -> str:
    """Return the absolute path, which identifies a file.

    Links are kept, since what they point to may change.
    """
    place = os.path.normpath(path.absolute())
    try:
        place.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(
            f"The name of {place!a} is not readable text, so the file was left out; rename it."
        ) from error
    return place


def _has_library(folder: Path) -> bool:
    try:
        return (folder / DATABASE).is_file()
    except OSError as error:
        message = (
            f"The library {folder.name!r} cannot be opened ({error.strerror}); check the"
            " permissions of its folder."
        )
        raise LibraryError(message) from error


def _keep_private(folder: Path) -> None:
    """Let nobody but its owner read a library, one that an earlier version made neither."""
    make_private(folder, folder=True)
    make_private(folder / FILES, folder=True)
    for file in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        make_private(folder / file)


def _no_library(folder: Path) -> LibraryError:
    names = [name for name in library_names(folder.parent) if name != folder.name]
    there = f"there are {', '.join(map(repr, names))}" if names else "there is none yet"
    named = "" if folder.name == "default" else f" --library {folder.name}"
    return LibraryError(
        f"There is no library {folder.name!r} in {str(folder.parent)!r}, {there}; make it with "
        f"`rag add FOLDER{named}`, or of the sample reports with `rag add --samples{named}`."
    )
