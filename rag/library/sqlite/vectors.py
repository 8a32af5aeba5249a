"""Vectors in memory and their nearest to a question.

Where there are very many, as codes that a file keeps.            [faiss]
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rag.files import written_whole
from rag.types import Vectors

if TYPE_CHECKING:
    import faiss

Ids = NDArray[np.int64]

# vectors that are compared as they are: 7 ms; of more, codes of eight bits a number are, in a
# quarter of the time
MANY = 100_000
_LOOSE = (
    50_000  # changes after which codes are made anew: compared as they are, they cost a search 4 ms
)
# times as many as asked for: the ten nearest of 30,000 passages are the first twelve by their codes
_CANDIDATES = 2
# standard deviations of a number of a unit vector; of 12 million none was wider, and one that is is
# cut
_LARGEST_DEVIATION = 6.0
_SUFFIX = ".faiss"


class VectorIndex:
    """The unit vectors of a library under the ids of their chunks.

    It does not change, so that threads may share it.
    """

    def __init__(self, dimension: int, codes: "faiss.Index | None" = None) -> None:
        """Make an empty index, or one of the codes that `read_codes` gave."""
        import faiss

        self.dimension = dimension
        # Half precision holds the vectors as the database does, in half the room of full, and takes
        # two thirds of the time.
        flat = faiss.IndexScalarQuantizer(
            dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._loose = faiss.IndexIDMap2(flat)
        self._codes = codes
        self._removed = np.empty(0, np.int64)  # from the codes

    def __len__(self) -> int:
        in_codes = self._codes.ntotal - len(self._removed) if self._codes else 0
        return int(self._loose.ntotal) + in_codes

    @property
    def exact(self) -> bool:
        """Whether `nearest` misses none and its cosines are those of the vectors.

        Else they are candidates.
        """
        return self._codes is None

    def with_more(self, ids: Ids, vectors: Vectors) -> Self:
        """Return this index and more vectors, float32 [ids, dimension]."""
        other = self._copy()
        other._loose.add_with_ids(np.ascontiguousarray(vectors, np.float32), ids)
        return other

    def without(self, ids: Ids) -> Self:
        """Return this index without the vectors of these ids, as far as it has them."""
        if not len(ids):
            return self
        other = self._copy()
        other._loose.remove_ids(_selector(ids))
        if self._codes is not None:
            other._removed = np.union1d(self._removed, _with_codes(self._codes, ids))
        return other

    def _copy(self) -> Self:
        import faiss

        other = type(self)(self.dimension, self._codes)
        other._loose, other._removed = faiss.clone_index(self._loose), self._removed
        return other

    def nearest(
        self, vector: NDArray[np.float32], k: int, among: Ids | None = None
    ) -> list[tuple[int, float]]:
        """Return the ids of the `k` vectors nearest to the unit vector [dimension], best first.

        Each comes with its cosine.

        With `among` only those ids compete. Where the index is not `exact`, twice as many
        candidates with cosines that are a little off.
        """
        import faiss

        # One question is no work to share: on two busy cores threads that wait for each other took
        # 26 ms instead of 1.4.
        faiss.omp_set_num_threads(1)
        query = np.ascontiguousarray(vector, np.float32)[None, :]
        k = k if self.exact else k * _CANDIDATES
        selector = None if among is None else _selector(among)
        found = _found(self._loose, query, k, selector)
        if self._codes is not None:
            if among is None and len(self._removed):
                removed = _selector(self._removed)
                selector = faiss.IDSelectorNot(removed)
            coded = _found(self._codes, _coded(query), k, selector)
            found += [(i, 1 - distance / 2 / _scale(self.dimension) ** 2) for i, distance in coded]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]


def make_codes(batches: Iterable[tuple[Ids, Vectors]], dimension: int) -> "faiss.Index":
    """Return codes of unit vectors, which come in batches of their ids and float32 [ids,
    dimension].

    Eight bits a number.

    Of unit vectors the nearest by angle are the nearest by distance, and distances of bytes are
    reckoned in integers.
    """
    import faiss

    bytes_of = faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_L2
    )
    codes = faiss.IndexIDMap2(bytes_of)
    for ids, vectors in batches:
        codes.add_with_ids(_coded(vectors), ids)
    return codes


def _coded(vectors: Vectors) -> Vectors:
    """Return unit vectors in whole numbers from 0 to 255."""
    return np.clip(np.round(vectors * _scale(vectors.shape[1]) + 128), 0, 255).astype(np.float32)


def _scale(dimension: int) -> float:
    """Return how many steps of a code a length of one is."""
    return float(127 * np.sqrt(dimension) / _LARGEST_DEVIATION)


def write_codes(codes: "faiss.Index", folder: Path) -> str:
    """Write the codes into a file of the folder that is named by its sha256, which is returned.
    Raises OSError.
    """
    import faiss

    body = faiss.serialize_index(codes).data
    name = hashlib.sha256(body).hexdigest()
    with written_whole(codes_file(folder, name)) as unfinished:
        unfinished.write_bytes(body)
    return name


def read_codes(folder: Path, name: str) -> "faiss.Index | None":
    """Return the codes in the file with this sha256.

    None where there is none: FAISS reads only what we wrote ourselves.
    """
    import faiss

    data = _whole(folder, name)
    return faiss.deserialize_index(np.frombuffer(data, np.uint8)) if data else None


def has_codes(folder: Path, name: str) -> bool:
    """Return whether there is a file with this sha256."""
    return _whole(folder, name) is not None


def codes_file(folder: Path, name: str) -> Path:
    """Return where the codes with this sha256 are kept."""
    return folder / f"{name}{_SUFFIX}"


def _whole(folder: Path, name: str) -> bytes | None:
    try:
        data = codes_file(folder, name).read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == name else None


def remove_other_codes(folder: Path, name: str) -> None:
    """Remove the files of all codes but those with this sha256, where they can be."""
    for file in folder.glob(f"*{_SUFFIX}"):
        if file.stem != name:
            try:
                file.unlink()
            except OSError:  # Windows keeps a file that is being read; the next time it goes
                continue


def needs_codes(loose: int, removed: int, coded: bool) -> bool:
    """Return whether the codes are worth making anew.

    That depends on how many vectors have none, and how many that were removed still have some.
    """
    return loose + removed > (_LOOSE if coded else MANY)


def _selector(ids: Ids) -> "faiss.IDSelector":
    """Return a bit for each id: a test costs the same however many there are."""
    import faiss

    bits = np.zeros(int(ids.max(initial=0)) // 8 * 8 + 8, np.uint8)
    bits[ids] = 1
    packed: NDArray[np.uint8] = np.packbits(bits, bitorder="little")
    return faiss.IDSelectorBitmap(packed)


def _with_codes(codes: "faiss.Index", ids: Ids) -> Ids:
    """Return those of the ids that have a code."""
    import faiss

    return np.intersect1d(ids, faiss.vector_to_array(codes.id_map))


def _found(
    index: "faiss.Index", query: Vectors, k: int, selector: "faiss.IDSelector | None"
) -> list[tuple[int, float]]:
    import faiss

    k = min(k, index.ntotal)
    if k < 1:
        return []
    scores, ids = index.search(query, k, params=faiss.SearchParameters(sel=selector))
    return [(int(i), float(score)) for i, score in zip(ids[0], scores[0], strict=True) if i >= 0]
