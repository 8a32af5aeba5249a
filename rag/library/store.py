"""One library: its store, which is the truth, and its index, which finds in it.

`Library.open` opens one that is kept in a folder, SQLite with FAISS, which `indexes/README.md`
describes.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.errors import DocumentError, LibraryError, NotFoundError, UsageError
from rag.files import private_folder, sweep_unfinished
from rag.library.folders import has_library, keep_private, no_library
from rag.library.migrate import Migrated, copy_library
from rag.library.seams import ChunkIds, Index, MakePassages, Store
from rag.library.source_files import SourceFiles
from rag.library.sql.sql_store import SqlStore
from rag.library.sqlite.database import SqliteDatabase
from rag.library.sqlite.index import FolderIndex
from rag.text.query import is_within
from rag.types import EVERYTHING, Chunk, Document, DocumentInfo, Filter, Vectors


class Library:
    """The documents of one library. Safe from several threads, and beside other processes."""

    def __init__(self, folder: Path, store: Store, index: Index) -> None:
        """Use `Library.open`."""
        self.folder = folder
        self.name = store.name
        self.source_files = store.source_files
        self.conversations = store.conversations
        self.unanswered = store.unanswered
        self._store = store
        self._index = index
        self._opened_with = self.embedder

    @classmethod
    def open(
        cls, folder: Path, *, embedder: str = "", dimension: int = 0, create: bool = False
    ) -> Self:
        """Return the library in `folder`, brought to the present format.

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
        elif not has_library(folder):
            raise no_library(folder)
        keep_private(folder)
        database = SqliteDatabase(folder, create)
        try:
            if not database.prepare(embedder, dimension, create):
                raise no_library(folder)
        except BaseException:
            database.close()
            raise
        store = SqlStore(database, SourceFiles(folder))
        return cls(folder, store, FolderIndex(folder, database))

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- What it is -------------------------------------------------------------------------------

    @property
    def embedder(self) -> str:
        """The name of the embedder the library was built with."""
        return self._store.state().embedder

    @property
    def dimension(self) -> int:
        """The length of its vectors."""
        return self._store.state().dimension

    @property
    def generation(self) -> int:
        """How many changes the library has seen, those of other processes too."""
        return self._store.state().generation

    @property
    def count(self) -> int:
        """The number of chunks."""
        return self._store.count()

    @property
    def size(self) -> int:
        """How much room it takes on the disk."""
        return self._store.size()

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
        self._store.add(document, chunks, vectors, _absolute(path), pending, self._opened_with)
        self._index.update()

    def remove(self, name: str) -> None:
        """Remove the document of that name. Raises NotFoundError where there is none."""
        self._store.remove(name)
        self._index.update()

    def rebuild(self, embedder: str, dimension: int, make: MakePassages) -> None:
        """Replace the chunks and vectors of every document by what `make` returns for it, wholly or
        not at all.

        Nothing waits in `pending` then.
        """
        self._store.rebuild(embedder, dimension, make)
        self._opened_with = embedder
        self._index.update()

    def pending(self, keys: Sequence[bytes], dimension: int) -> dict[bytes, NDArray[np.float32]]:
        """Return of these keys those under which `keep` has put a vector, each with it, float32
        [dimension].
        """
        vectors = {
            key: np.frombuffer(vector, "<f2").astype(np.float32)
            for key, vector in self._store.pending(keys).items()
            if not len(vector) % 2
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
        self._store.keep(keys, vectors)

    def drop_pending(self, start: bytes) -> None:
        """Drop what waits under keys that start with this byte."""
        self._store.drop_pending(start)

    def documents(self, only: Filter = EVERYTHING) -> list[DocumentInfo]:
        """Return what is listed of the documents of the filter's names and dates, by name.

        Raises UsageError for a document that is not in the library, and for a date that is none.
        """
        infos = self._store.listing()
        names = set(self._named(only, [info.name for info in infos]))
        return [
            info
            for info in infos
            if is_within(info.date, only.after, only.before)
            and (info.name in names or not only.documents)
        ]

    def names_by_age(self) -> list[str]:
        """Return the names of the documents, the one that was added last at the end."""
        return self._store.names_by_age()

    def find(self, path: Path) -> DocumentInfo | None:
        """Return the document that was read from the file at `path`."""
        return self._store.info("path", _absolute(path))

    def find_content(self, sha256: str) -> DocumentInfo | None:
        """Return the document that was read from a file of that sha256, the first by name where
        there are several.
        """
        return self._store.info("sha256", sha256)

    def below(self, folder: Path) -> list[DocumentInfo]:
        """Return the documents whose files lay in the folder, or in one below it, in the order of
        their names.
        """
        place = Path(_absolute(folder))
        return [document for document in self.documents() if document.path.is_relative_to(place)]

    def move(self, name: str, path: Path) -> None:
        """Note that the file of the document, if it is still there, now lies at `path`, where
        that is no other's.
        """
        self._store.move(name, _absolute(path), path.name)

    def info(self, name: str) -> DocumentInfo:
        """Return the document of that name, as a list shows it.

        Raises NotFoundError where there is none.
        """
        found = self._store.info("name", name)
        if found is None:
            raise NotFoundError(self._store.no_document(name))
        return found

    def free_name(self, stem: str) -> str:
        """Return `stem`, or the first of stem-2, stem-3 … that no document has."""
        names = set(self._store.names_like(stem))
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        return name

    def document(self, name: str) -> Document:
        """Return the whole document of that name, equal to the one that was added.

        Raises NotFoundError where there is none.
        """
        document = self._store.document(name)
        if document is None:
            raise NotFoundError(self._store.no_document(name))
        return document

    def snapshot(self) -> AbstractContextManager[None]:
        """Return one state of the library for several look-ups, even where another process changes
        it in between.
        """
        self._index.update()
        return self._store.snapshot()

    # --- Look-ups ---------------------------------------------------------------------------------

    def select(self, only: Filter, question: str = "") -> Any:
        """Return the filter, and every phrase the question puts in quotation marks, as the look-ups
        take it.

        None where it leaves nothing out.

        Raises UsageError for a document that is not in the library, and for a date that is none.
        """
        with self.snapshot():
            is_within("", only.after, only.before)  # which refuses what is no date
            if only.documents:
                only = replace(only, documents=self._named(only, self._store.names()))
            return self._index.select(only, question)

    def matching(self, only: Filter, question: str = "") -> dict[int, tuple[Chunk, str, str]]:
        """Return the chunks that pass the filter and hold the phrases, as `chunks` returns them.

        None of them where neither leaves anything out. Raises what `select` does.
        """
        with self.snapshot():
            among = self.select(only, question)
            return self.chunks([] if among is None else self._index.matching(among))

    def dense(
        self, vector: NDArray[np.float32], k: int, among: Any = None
    ) -> list[tuple[int, float]]:
        """Return the ids of the `k` chunks whose vectors are nearest to the unit vector
        [dimension], with their cosines, best first.

        With `among`, which `select` gives, only those chunks compete.
        """
        self._store.check_embedder(self._opened_with)  # nobody else knows whose vector it is
        return self._index.dense(vector, k, among)

    def every_vector(self) -> list[tuple[ChunkIds, Vectors]]:
        """Return the ids of all chunks and their unit vectors, float32 [ids, dimension], in
        batches.

        What `dense` is measured by.
        """
        return self._index.everything()

    def lexical(
        self, question: str, k: int, among: Any = None, earlier: str = ""
    ) -> list[tuple[int, float]]:
        """Return the ids of the `k` chunks that share most with the words of the question, with
        their bm25 (more is better), best first.

        With `among`, which `select` gives, only those chunks compete; how rare a word is is counted
        in all. The words of `earlier`, what was asked before, count half.
        """
        return self._index.lexical(question, k, among, earlier)

    def idf(self, words: Sequence[str]) -> list[float]:
        """Return how rare each word is among the chunks, its inverse document frequency (Robertson
        & Spärck Jones 1976).
        """
        return self._index.idf(words)

    def holds(self, word: str) -> bool:
        """Return whether a passage, or what stands beside it, has the word in some form."""
        return self._index.holds(word)

    def nearest_word(self, word: str) -> str:
        """Return the word of the documents that is most like a word; "" where none is like it."""
        return self._index.nearest_word(word)

    def optimize(self) -> None:
        """Make searches as fast as they can be after much was added.

        Seconds for a million chunks, nothing for few.

        Raises LibraryError where the library cannot be written.
        """
        self._index.optimize()

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, str, str]]:
        """Return the chunks of these ids, each with the title and date of its document.

        One removed in the meantime is left out.
        """
        return self._store.chunks(ids)

    # --- Health -----------------------------------------------------------------------------------

    def copy(self, file: Path) -> None:
        """Write the database as it is now into a file that is empty or not there.

        Raises LibraryError where that cannot be.
        """
        self._store.copy(file)

    def verify(self) -> list[str]:
        """Return what is wrong with the library, in sentences.

        Nothing for a whole one. Reads all of it.

        Raises LibraryError where it is too damaged to be read, or another process is adding to it.
        """
        return [*self._store.verify(), *self._index.check()]

    def repair(self, make: MakePassages) -> list[str]:
        """Repair what the stored text of the documents is enough for; what was done, in sentences.

        `make` gives the chunks of a document and their vectors, as for `rebuild`. Raises
        LibraryError where the library is too damaged, or cannot be written to.
        """
        return [*self._store.repair(make), *self._index.repair()]

    def take_over(self, source: "Library", progress: Callable[[int, int], None]) -> Migrated:
        """Copy what is in another library into this one, and compare both.

        `progress` is called with the documents that are done, and with how many there are. An
        interrupted run goes on where it was. Raises LibraryError where a copy differs, UsageError
        where a name belongs to another document here.
        """
        return copy_library(source._store, self._store, progress)

    # --- Behind the scenes ------------------------------------------------------------------------

    def _named(self, only: Filter, known: Sequence[str]) -> tuple[str, ...]:
        """Return the documents of the filter as they are named, whatever its capitals.

        Raises UsageError for one that is not among the `known`.
        """
        named = {name.casefold(): name for name in known}
        for name in only.documents:
            if name.casefold() not in named:
                raise UsageError(self._store.no_document(name))
        wanted = {name.casefold() for name in only.documents}
        return tuple(name for name in known if name.casefold() in wanted)


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
