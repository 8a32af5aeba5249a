"""The two seams of a library: a `Store` is the truth, an `Index` is derived from it.

A store changes in transactions and loses nothing. An index ranks the passages of a store by meaning
and by words; it may be behind, never holds what the store has not, and can be made again.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.library.sql.conversations import Conversations
from rag.library.sql.database import LibraryState
from rag.library.sql.unanswered import Unanswered
from rag.types import Chunk, Document, DocumentInfo, Filter, Vectors

ChunkIds = NDArray[np.int64]
MakePassages = Callable[[Document], tuple[Sequence[Chunk], Vectors]]


class KeptFiles(Protocol):
    """The files that documents were read from, as far as they are kept."""

    def keep(self, data: bytes, sha256: str) -> None:
        """Keep a PDF, of which `sha256` is the hash.

        Raises OSError where it cannot be written.
        """
        ...

    def kept(self, sha256: str) -> bytes | None:
        """Return what is kept under this hash; None where nothing is."""
        ...

    def read(self, path: Path, sha256: str) -> bytes | None:
        """Return the copy, or the file at `path` if that is unchanged; else None."""
        ...

    def sweep(self, wanted: Callable[[], Collection[str]]) -> None:
        """Remove the copies whose hash is not among the `wanted`, which are looked up if needed."""
        ...


class Store(Protocol):
    """The documents of one library with all that belongs to them.

    Safe from several threads, and beside other processes. What changes a document is wholly done
    or not at all. Every method raises LibraryError where the store cannot be used.
    """

    name: str  # of the library
    conversations: Conversations
    unanswered: Unanswered
    source_files: KeptFiles

    def close(self) -> None: ...

    def state(self) -> LibraryState: ...

    def count(self) -> int:
        """Return the number of chunks."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Return one state of the library for several look-ups of this thread."""
        ...

    def add(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        place: str,
        pending: Sequence[bytes],
        embedder: str,
    ) -> None:
        """Add the document of the file at `place`, or replace the one of its name.

        Raises UsageError where the name belongs to another file, LibraryError where the library is
        not of this `embedder` any more, ValueError where the parts do not fit.
        """
        ...

    def check_embedder(self, embedder: str) -> None:
        """Raise LibraryError where the library is of another embedder by now."""
        ...

    def remove(self, name: str) -> None:
        """Remove the document of that name. Raises NotFoundError where there is none."""
        ...

    def rebuild(self, embedder: str, dimension: int, make: MakePassages) -> None:
        """Replace the chunks and vectors of every document by what `make` returns for it."""
        ...

    def move(self, name: str, place: str, file: str) -> None:
        """Note that the file of the document now lies at `place`, where that is no other's."""
        ...

    def document(self, name: str) -> Document | None: ...

    def passages(self, name: str) -> tuple[list[Chunk], Vectors]:
        """Return the chunks of the document, in order, and their vectors."""
        ...

    def digest(self, name: str) -> bytes:
        """Return a hash of the document with its passages and vectors, as it is stored.

        The same in every engine; b"" where there is no document of that name.
        """
        ...

    def listing(self) -> list[DocumentInfo]:
        """Return what is listed of each document, by name."""
        ...

    def info(self, by: Literal["name", "path", "sha256"], value: str) -> DocumentInfo | None:
        """Return the document of this name, place or content; the first by name."""
        ...

    def no_document(self, name: str) -> str:
        """Return the sentence that there is no document of that name, and which are like it."""
        ...

    def names(self) -> list[str]: ...

    def names_by_age(self) -> list[str]:
        """Return the names of all documents, the one that was added last at the end."""
        ...

    def names_like(self, stem: str) -> list[str]:
        """Return the names that begin with the stem."""
        ...

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, str, str]]:
        """Return the chunks of these ids, each with the title and date of its document.

        One removed in the meantime is left out.
        """
        ...

    def pending(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the vectors that wait under these keys, in half precision."""
        ...

    def keep(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors, float32 [keys, dimension], until their document is complete."""
        ...

    def drop_pending(self, start: bytes) -> None:
        """Drop what waits under keys that start with this byte."""
        ...

    def copy(self, file: Path) -> None:
        """Write the library as it is now into a file that is empty or not there."""
        ...

    def size(self) -> int:
        """Return how much room the library takes, roughly."""
        ...

    def verify(self) -> list[str]:
        """Return what is wrong with the library, in sentences. Reads all of it."""
        ...

    def repair(self, make: MakePassages) -> list[str]:
        """Repair what the stored text of the documents is enough for; return what was done."""
        ...


class Index(Protocol):
    """The two rankings of a library's chunks, apart, with filters and phrases inside.

    `select` compiles a filter into what this index looks up with; the other methods take that as
    `among`, and None for no filter.
    """

    def select(self, only: Filter, question: str) -> Any:
        """Return the filter and the phrases that the question puts in quotation marks.

        In the index's own form; None where both leave nothing out. The filter's documents are
        named as they are stored, its dates are dates.
        """
        ...

    def matching(self, among: Any) -> list[int]:
        """Return the ids of the chunks that pass, in their order."""
        ...

    def dense(
        self, vector: NDArray[np.float32], k: int, among: Any = None
    ) -> list[tuple[int, float]]:
        """Return the ids of the `k` chunks nearest to the unit vector [dimension], best first.

        Each comes with its cosine.
        """
        ...

    def lexical(
        self, question: str, k: int, among: Any = None, earlier: str = ""
    ) -> list[tuple[int, float]]:
        """Return the ids of the `k` chunks that share most with the words of the question.

        The best come first, each with its bm25; more is better. How rare a word is is counted in
        all chunks. The words of `earlier`, what was asked before, count half.
        """
        ...

    def idf(self, words: Sequence[str]) -> list[float]:
        """Return the inverse document frequency of each word (Robertson, Spärck Jones 1976)."""
        ...

    def holds(self, word: str) -> bool:
        """Return whether a chunk, or what stands beside it, has the word in some form."""
        ...

    def nearest_word(self, word: str) -> str:
        """Return the word of the library that is most like a word; "" where none is like it."""
        ...

    def everything(self) -> list[tuple[ChunkIds, Vectors]]:
        """Return the ids of all chunks and their unit vectors, in batches."""
        ...

    def update(self) -> None:
        """Take in what the store has changed since, as far as nobody else does."""
        ...

    def optimize(self) -> None:
        """Take in all that changed, and make searches as fast as they can be."""
        ...

    def check(self) -> list[str]:
        """Return what is wrong with the index, in sentences."""
        ...

    def repair(self) -> list[str]:
        """Make again what is wrong with it; return what was done, in sentences."""
        ...
