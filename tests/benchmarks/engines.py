"""Measure the engines of a library side by side: speed, recall with filters, and bytes a passage.

    python tests/benchmarks/engines.py [PASSAGES] [FOLDER]

The libraries are generated, the same for each engine. PostgreSQL is started in the folder.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np

from rag.evaluation.synthetic import PARAGRAPHS, Reports
from rag.library.places import FolderLibraries, LibraryPlace
from rag.library.postgres.libraries import TeamLibraries
from rag.library.store import Library
from rag.search import search
from rag.types import EVERYTHING, Filter

DIMENSION = 384
QUESTIONS = 100
RECALLED = 10


def milliseconds(calls: list[Callable[[], object]]) -> tuple[float, float]:
    """The median and the 95th percentile of some calls."""
    spent = []
    for call in calls:
        started = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - started))
    return median(spent), float(np.percentile(spent, 95))


def recall(library: Library, only: Filter, vectors: list[np.ndarray]) -> float:
    """The share of the exactly nearest that `dense` finds."""
    batches = library.every_vector()
    ids = np.concatenate([ids for ids, _ in batches])
    stored = np.concatenate([vectors for _, vectors in batches])
    among = library.select(only)
    if among is not None:
        passing = np.isin(ids, list(library._index.matching(among)))
        ids, stored = ids[passing], stored[passing]
    found = 0.0
    for vector in vectors:
        exact = set(ids[np.argsort(-(stored @ vector), kind="stable")[:RECALLED]].tolist())
        near = {chunk for chunk, _ in library.dense(vector, RECALLED, among)}
        found += len(near & exact) / len(exact)
    return found / len(vectors)


def measure(name: str, libraries: LibraryPlace, passages: int) -> None:
    reports = Reports(DIMENSION)
    started = time.perf_counter()
    with libraries.open("made", embedder="made", dimension=DIMENSION, create=True) as library:
        names = []
        for document, chunks, vectors in islice(reports.documents(), -(-passages // PARAGRAPHS)):
            library.add(document, chunks, vectors, Path("/generated") / document.file)
            names.append(document.name)
        added = time.perf_counter() - started
        library.optimize()
        optimized = time.perf_counter() - started - added
        asked = [reports.question(number) for number in range(1, QUESTIONS + 1)]
        tenth, few = (Filter(documents=tuple(names[::step])) for step in (10, 100))
        print(
            f"{name}: {library.count} passages, added in {added:.0f} s, optimized in "
            f"{optimized:.0f} s, {library.size / library.count:.0f} bytes a passage",
            flush=True,
        )
        for told, only in (("all", EVERYTHING), ("1 in 10", tenth), ("1 in 100", few)):
            calls = [partial(search, library, q, v, only=only) for q, v in asked]
            milliseconds(calls[:5])
            p50, p95 = milliseconds(calls)
            nearest = recall(library, only, [v for _, v in asked[:50]])
            print(
                f"  {told}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, recall@{RECALLED} {nearest:.3f}",
                flush=True,
            )


def main() -> None:
    passages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name)
        measure("SQLite and FAISS", FolderLibraries(folder / "indexes"), passages)
        team = TeamLibraries(f"local:{folder / 'team'}", folder)
        measure("PostgreSQL and pgvector", team, passages)


if __name__ == "__main__":
    main()
