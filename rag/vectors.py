"""Vectors in memory and their nearest to a question; where there are very many, in clusters that a file keeps.         [faiss]"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rag.types import Vectors

if TYPE_CHECKING:
    import faiss

Ids = NDArray[np.int64]

MANY = 100_000  # vectors that are looked at one by one: 7 ms; beyond, clusters are worth their making
_LOOSE = 50_000  # changes after which clusters are made anew: one by one they cost a search 4 ms
_PROBED = 6  # one cluster in so many is looked at: the recall@10 of docs/evaluation.md
_CANDIDATES = (
    4  # times as many as asked for come out of the clusters, whose vectors are of eight bits, to be ranked by the true ones
)
_TRAINED_ON = 40  # vectors a cluster; FAISS asks for 39
_ITERATIONS = 10  # of k-means; 25 gain nothing that is measurable
_SUFFIX, _UNFINISHED = ".faiss", "vectors.tmp"


class VectorIndex:
    """The unit vectors of a library under the ids of their chunks. It does not change, so that threads may share it."""

    def __init__(self, dimension: int, clusters: "faiss.IndexIVF | None" = None) -> None:
        """An empty index, or one of the clusters that `read_clusters` gave."""
        import faiss

        self.dimension = dimension
        # Half precision holds the vectors as the database does, in half the room of full, and takes two thirds of the time.
        flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._loose = faiss.IndexIDMap2(flat)
        self._clusters = clusters
        self._removed = np.empty(0, np.int64)  # from the clusters

    def __len__(self) -> int:
        in_clusters = self._clusters.ntotal - len(self._removed) if self._clusters else 0
        return int(self._loose.ntotal) + in_clusters

    @property
    def exact(self) -> bool:
        """Whether `nearest` misses none and its cosines are those of the vectors; else they are candidates."""
        return self._clusters is None

    def with_more(self, ids: Ids, vectors: Vectors) -> Self:
        """This index and more vectors, float32 [ids, dimension]."""
        other = self._copy()
        other._loose.add_with_ids(np.ascontiguousarray(vectors, np.float32), ids)
        return other

    def without(self, ids: Ids) -> Self:
        """This index without the vectors of these ids, as far as it has them."""
        if not len(ids):
            return self
        other = self._copy()
        other._loose.remove_ids(_selector(ids))
        if self._clusters is not None:
            other._removed = np.union1d(self._removed, _held(self._clusters, ids))
        return other

    def _copy(self) -> Self:
        import faiss

        other = type(self)(self.dimension, self._clusters)
        other._loose, other._removed = faiss.clone_index(self._loose), self._removed
        return other

    def nearest(self, vector: NDArray[np.float32], k: int, among: Ids | None = None) -> list[tuple[int, float]]:
        """The ids of the `k` vectors nearest to the unit vector [dimension], with their cosines, best first.

        With `among` only those ids compete. Where the index is not `exact`, four times as many candidates.
        """
        import faiss

        # One question is no work to share: on two busy cores threads that wait for each other took 26 ms instead of 1.4.
        faiss.omp_set_num_threads(1)
        query = np.ascontiguousarray(vector, np.float32)[None, :]
        selector = None if among is None else _selector(among)
        parameters = faiss.SearchParameters(sel=selector)
        found = _found(self._loose, query, k, parameters)
        if self._clusters is not None:
            # A filter may leave so little that it lies in few clusters, so none is passed over.
            probed = self._clusters.nlist if among is not None else -(-self._clusters.nlist // _PROBED)
            if among is None and len(self._removed):
                removed = _selector(self._removed)
                selector = faiss.IDSelectorNot(removed)
            k *= _CANDIDATES
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=probed)
            found += _found(self._clusters, query, k, parameters)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]


def make_clusters(batches: Iterable[tuple[Ids, Vectors]], count: int, dimension: int) -> "faiss.IndexIVF":
    """Clusters of `count` unit vectors, which come in batches of their ids and float32 [ids, dimension].

    An inverted file of vectors of eight bits a number (Jégou, Douze and Schmid 2011); a search looks at an eighth of it.
    """
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    nlist = max(1, 2 ** round(np.log2(2 * np.sqrt(count))))
    quantizer = faiss.IndexFlatIP(dimension)
    clusters = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, nlist, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, False
    )
    clusters.cp.niter = _ITERATIONS
    clusters.cp.min_points_per_centroid = 1
    share, drawn = min(1.0, _TRAINED_ON * nlist / count), np.random.default_rng(0)
    kept: list[tuple[Ids, NDArray[np.float16]]] = []
    sample = []
    for ids, vectors in batches:
        kept.append((ids, vectors.astype(np.float16)))
        sample.append(vectors[drawn.random(len(ids)) < share])
    clusters.train(np.concatenate(sample))
    for ids, halves in kept:
        clusters.add_with_ids(halves.astype(np.float32), ids)
    return clusters


def write_clusters(clusters: "faiss.IndexIVF", folder: Path) -> str:
    """Write the clusters into a file of the folder that is named by its sha256, which is returned. Raises OSError."""
    import faiss

    body = faiss.serialize_index(clusters).data
    name = hashlib.sha256(body).hexdigest()
    # Always the same, so that what a crash leaves is written over; what two processes mix up fails its sha256.
    temporary = folder / _UNFINISHED
    with temporary.open("wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(clusters_file(folder, name))
    return name


def read_clusters(folder: Path, name: str) -> "faiss.IndexIVF | None":
    """The clusters of the file with this sha256; None where there is none: FAISS reads only what we wrote ourselves."""
    import faiss

    data = _whole(folder, name)
    return faiss.deserialize_index(np.frombuffer(data, np.uint8)) if data else None


def has_clusters(folder: Path, name: str) -> bool:
    """Whether there is a file with this sha256."""
    return _whole(folder, name) is not None


def clusters_file(folder: Path, name: str) -> Path:
    """Where the clusters with this sha256 are kept."""
    return folder / f"{name}{_SUFFIX}"


def _whole(folder: Path, name: str) -> bytes | None:
    try:
        data = clusters_file(folder, name).read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == name else None


def remove_other_clusters(folder: Path, name: str) -> None:
    """Remove the files of all clusters but those with this sha256, where they can be."""
    for file in folder.glob(f"*{_SUFFIX}"):
        if file.stem != name:
            try:
                file.unlink()
            except OSError:  # Windows keeps a file that is being read; the next time it goes
                continue


def needs_clusters(loose: int, removed: int, clustered: bool) -> bool:
    """Whether so many vectors outside the clusters, and so many removed from them, are worth making them anew."""
    return loose + removed > (_LOOSE if clustered else MANY)


def _selector(ids: Ids) -> "faiss.IDSelector":
    """A bit for each id: a test costs the same however many there are."""
    import faiss

    bits = np.zeros(int(ids.max(initial=0)) // 8 * 8 + 8, np.uint8)
    bits[ids] = 1
    packed: NDArray[np.uint8] = np.packbits(bits, bitorder="little")
    return faiss.IDSelectorBitmap(packed)


def _held(clusters: "faiss.IndexIVF", ids: Ids) -> Ids:
    """Those of the ids that are in the clusters."""
    import faiss

    if not len(ids):
        return ids
    lists = clusters.invlists
    held = [faiss.rev_swig_ptr(lists.get_ids(i), lists.list_size(i)) for i in range(clusters.nlist) if lists.list_size(i)]
    return np.intersect1d(ids, np.concatenate(held)) if held else ids[:0]


def _found(index: "faiss.Index", query: Vectors, k: int, parameters: "faiss.SearchParameters") -> list[tuple[int, float]]:
    k = min(k, index.ntotal)
    if k < 1:
        return []
    scores, ids = index.search(query, k, params=parameters)
    return [(int(i), float(score)) for i, score in zip(ids[0], scores[0], strict=True) if i >= 0]
