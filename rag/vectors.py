"""Vectors in memory, their nearest to a question, and the file that spares building them anew.                   [faiss]"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rag.types import Vectors

if TYPE_CHECKING:
    import faiss


class VectorIndex:
    """The unit vectors of a library under the ids of their chunks; exact."""

    def __init__(self, index: "faiss.Index") -> None:
        """Use `build` or `load`."""
        self._index = index

    @classmethod
    def build(cls, ids: Sequence[int], vectors: Vectors) -> Self:
        """An index of vectors, float32 [ids, dimension]."""
        import faiss

        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(vectors, np.array(ids, np.int64))
        return cls(index)

    @classmethod
    def load(cls, file: Path, stamp: str) -> Self | None:
        """What `save` wrote; None where it is missing, damaged, or of another stamp: FAISS reads only what we wrote ourselves."""
        import faiss

        try:
            data = file.read_bytes()
        except OSError:
            return None
        length = len(_header(stamp, b""))
        if data[:length] != _header(stamp, memoryview(data)[length:]):
            return None
        return cls(faiss.deserialize_index(np.frombuffer(data, np.uint8, offset=length)))

    def save(self, file: Path, stamp: str) -> None:
        """Write the index under a stamp that names the state of the library it holds."""
        import faiss

        body = faiss.serialize_index(self._index).data
        temporary = file.with_name(f"{file.name}.tmp")
        # Only a cache: a folder that cannot be written is no trouble, and what two processes mixed up fails its checksum.
        with suppress(OSError):
            with temporary.open("wb") as out:
                out.write(_header(stamp, body))
                out.write(body)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)

    def nearest(self, vector: NDArray[np.float32], k: int, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """The ids of the `k` vectors nearest to the unit vector [dimension], with their cosines, best first.

        With `among` only those ids compete.
        """
        import faiss

        k = min(k, self._index.ntotal if among is None else len(among))
        if k < 1:
            return []
        # One question is no work to share: on two busy cores threads that wait for each other took 26 ms instead of 1.4.
        faiss.omp_set_num_threads(1)
        selector = faiss.IDSelectorBatch(np.array(among, np.int64)) if among is not None else None
        parameters = faiss.SearchParameters()
        parameters.sel = selector  # which FAISS does not keep alive
        scores, ids = self._index.search(np.ascontiguousarray(vector, np.float32)[None, :], k, params=parameters)
        found = ((int(i), float(score)) for i, score in zip(ids[0], scores[0], strict=True) if i >= 0)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _header(stamp: str, body: bytes | memoryview) -> bytes:
    """What stands in front of the saved index: the stamp and the checksum of the rest. Of constant length."""
    return f"{stamp} {hashlib.sha256(body).hexdigest()}\n".encode()
