"""Measure how fast the product is, each figure beside a reference in the same run.

docs/evaluation.md explains the figures.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from rag.config import Settings
from rag.errors import ModelError, RagError, UsageError
from rag.evaluation.dataset import cloze_questions
from rag.evaluation.metrics import percentiles
from rag.evaluation.synthetic import PARAGRAPHS, Reports
from rag.library.chunking import make_chunks
from rag.library.folders import library_folder
from rag.library.store import Library
from rag.models.bundled import embedding_model_folder
from rag.pipeline import Pipeline
from rag.protocols import ModelSet
from rag.search import search

_QUESTIONS_SEED = 0
_DEPTH = 50  # chunks that a search takes from each look-up
_RECALLED = 10  # chunks whose recall is measured
_ASKED = 100  # generated questions
_ADDED = 5  # reports, the middle one of which is timed
_QUESTIONS_OF_A_LIBRARY, _DOCUMENTS_ASKED_ABOUT = 20, 8

# A process of its own: torch shares neither memory nor threads with what it is compared with, and
# stays warm between texts.
_REFERENCE_PROGRAM = """
import json, sys, time
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)
for line in sys.stdin:
    texts = json.loads(line)
    started = time.perf_counter()
    model.encode(texts, show_progress_bar=False)
    print(time.perf_counter() - started, flush=True)
"""


# A process of its own, in which the models take no memory: what the library takes to open, and at
# most.
_OPENING_PROGRAM = """
import json, sys, time
from pathlib import Path
import faiss, numpy
from rag.library.store import Library
from rag.search import search
def most():  # in bytes; nan where it is not known
    try:  # elsewhere than on Linux, where the next one begins with what the parent had
        return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = most()
started = time.perf_counter()
library = Library.open(Path(sys.argv[1]))
questions = json.load(sys.stdin)
search(library, questions[0][0], numpy.array(questions[0][1], numpy.float32))
seconds = time.perf_counter() - started
for question, vector in questions:
    search(library, question, numpy.array(vector, numpy.float32))
print(seconds, most() - before)
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure, and the reference that it is compared with."""

    what: str
    value: float
    unit: str  # "chunks/s", "ms", "s", "MB", "KB" or "of 1"
    reference: str = ""  # "" where there is none
    reference_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value in units of the reference, None if there is none."""
        return self.value / self.reference_value if self.reference_value else None


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; the defaults take about two minutes on two idle cores."""

    reports: int = 5  # that are read, chunked, encoded and stored
    chunks: int = 10_000  # of the library that is searched, at least
    rounds: int = 5  # how often each question is asked
    starts: int = 5  # how many processes are started


Encode = Callable[[Sequence[str]], float]  # seconds that the reference takes for these texts
EncodedQuestion = tuple[str, NDArray[np.float32]]  # and its unit vector
_WHOLE = Size()


def bench(
    settings: Settings,
    models: ModelSet,
    own: bool,
    say: Callable[[str], None],
    size: Size = _WHOLE,
) -> list[Measurement]:
    """Return the figures; with `own` also those of the library that the settings name.

    `say` is called with what is measured next. Raises UsageError if that library holds no
    sentence to ask about, LibraryError and ModelError as a search does.
    """
    if settings.store and own:
        raise UsageError(
            "Libraries in a folder are measured, and RAG_STORE names a server; leave it away, or "
            "leave --library away."
        )
    with Pipeline(settings, models) as pipeline:
        own_questions = _questions_about(pipeline) if own else []
    with tempfile.TemporaryDirectory(prefix="rag-bench-") as name, _reference(settings) as encode:
        made = replace(settings, indexes=Path(name) / "indexes", store="")
        say("Reports into a library")
        rows = _encoding(
            replace(made, library="build"), models, Path(name) / "build", size.reports, encode
        )
        say(f"A library of {size.chunks:,} chunks")
        searched = replace(made, library="search")
        reports = Reports(models.embedder.dimension)
        _fill_library(searched, models, reports, size.chunks)
        # The words of a generated question are known to the library, its meaning is drawn as those
        # of the passages are.
        last = -(-size.chunks // PARAGRAPHS)
        generated = [
            reports.question(number) for number in np.linspace(1, last, _ASKED).astype(int).tolist()
        ]
        questions = [
            (question, models.embedder.encode([question])[0]) for question in own_questions
        ]
        for asked, encoded in ((searched, generated), (settings, questions)):
            if encoded:
                say(f"Questions to the library {asked.library!r}")
                with Pipeline(asked, models) as pipeline:
                    rows += _latency(pipeline, encoded, size.rounds, encode)
                    rows += _room(pipeline, encoded)
                rows += _adding(asked, reports, Path(name) / "copy")
                rows.append(_measure_start(asked, encoded[0][0], size.starts))
    return rows


# --- What is measured -----------------------------------------------------------------------------


def _encoding(
    settings: Settings, models: ModelSet, folder: Path, reports: int, encode: Encode
) -> list[Measurement]:
    """Measure adding reports, and encoding alone, in chunks a second beside the reference."""
    embedder = models.embedder
    spent: dict[str, list[float]] = {"build": [], "encode": []}
    reference, chunks = [], []
    with Pipeline(settings, models) as pipeline:
        for path in _files(folder, reports + 1, embedder.dimension):
            with _clock(spent["build"]):
                (added,) = pipeline.add([path])
            document = pipeline.document(added.document)
            texts = [
                f"{chunk.context}\n{chunk.text}"
                for chunk in make_chunks(document, embedder.count_tokens)
            ]
            with _clock(spent["encode"]):
                embedder.encode(texts)
            reference.append(encode(texts))
            chunks.append(len(texts))

    def speed(seconds: Sequence[float]) -> float:  # the first report warms everything up
        return median(n / s for n, s in zip(chunks[1:], seconds[1:], strict=True))

    compared = ("SentenceTransformer.encode", speed(reference))
    return [
        Measurement("read, chunk, encode, store", speed(spent["build"]), "chunks/s", *compared),
        Measurement("encode", speed(spent["encode"]), "chunks/s", *compared),
    ]


def _latency(
    pipeline: Pipeline, questions: Sequence[EncodedQuestion], rounds: int, encode: Encode
) -> list[Measurement]:
    """Measure a search from question to fused hits, and its parts, beside the reference."""
    library, embedder = pipeline.library, pipeline.models.embedder
    parts = ("encode", "dense", "lexical", "fetch")
    spent: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        if turn <= 1:  # the first one warms everything up
            spent = {name: [] for name in ("hits", "encoded", "reference", *parts)}
        for question, vector in questions:
            with _clock(spent["hits"]):
                pipeline.search(question)
            spent["reference"].append(encode([question]))
            with _clock(spent["encoded"]):
                search(library, question, vector)
            with _clock(spent["encode"]):
                embedder.encode([question])
            with _clock(spent["dense"]):
                dense = library.dense(vector, _DEPTH)
            with _clock(spent["lexical"]):
                lexical = library.lexical(question, _DEPTH)
            with _clock(spent["fetch"]):
                library.chunks([chunk for chunk, _ in dense + lexical])

    whole, encoded, reference = (
        percentiles(spent[name]) for name in ("hits", "encoded", "reference")
    )
    name, compared = (
        f"{library.count:,} chunks, question to hits",
        "SentenceTransformer.encode of the question",
    )
    return [
        Measurement(f"{name}, p50", 1000 * whole.p50, "ms", compared, 1000 * reference.p50),
        Measurement(f"{name}, p95", 1000 * whole.p95, "ms", compared, 1000 * reference.p95),
        Measurement("once it is encoded, p50", 1000 * encoded.p50, "ms"),
        Measurement("once it is encoded, p95", 1000 * encoded.p95, "ms"),
        *(
            Measurement(f"of it {part}, p50", 1000 * percentiles(spent[part]).p50, "ms")
            for part in parts
        ),
    ]


def _room(pipeline: Pipeline, questions: Sequence[EncodedQuestion]) -> list[Measurement]:
    """Measure the recall of the index, and the time, memory and disk that a library needs."""
    library = pipeline.library
    everything = library.every_vector()
    found = []
    for _, vector in questions:
        cosines = np.concatenate([vectors @ vector for _, vectors in everything])
        least = np.sort(cosines)[-_RECALLED:].min(initial=1.0)
        found.append(
            sum(cosine >= least - 1e-6 for _, cosine in library.dense(vector, _RECALLED))
            / min(_RECALLED, len(cosines))
        )
    asked = json.dumps([(question, vector.tolist()) for question, vector in questions])
    command = [sys.executable, "-c", _OPENING_PROGRAM, str(library.folder)]
    opened = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if opened.returncode:
        raise RagError(
            f"A process that opens the library {pipeline.name!r} failed: "
            f"{opened.stderr.strip().splitlines()[-1]}"
        )
    seconds, memory = map(float, opened.stdout.split())
    return [
        Measurement(f"recall@{_RECALLED} of the nearest vectors", float(np.mean(found)), "of 1"),
        Measurement("library opened and asked once", seconds, "s"),
        *(
            [Measurement("memory while it is asked, models apart", memory / 1e6, "MB")]
            if not np.isnan(memory)
            else []
        ),  # Windows does not say
        Measurement(
            "on the disk, a chunk",
            sum(f.stat().st_size for f in library.folder.glob("*.*")) / library.count / 1000,
            "KB",
        ),
    ]


def _adding(settings: Settings, reports: Reports, folder: Path) -> list[Measurement]:
    """Measure the seconds to store one more report, in a copy of the library."""
    shutil.copytree(library_folder(settings.indexes, settings.library), folder)
    document, chunks, vectors = next(reports.documents())
    spent: list[float] = []
    with Library.open(folder) as library:
        for number in range(_ADDED):
            name = library.free_name("one-more")
            made = [replace(chunk, document=name) for chunk in chunks]
            with _clock(spent):
                library.add(
                    replace(document, name=name), made, vectors, Path(f"/generated/{number}.txt")
                )
                library.optimize()
    shutil.rmtree(folder)
    return [Measurement(f"one more report of {len(chunks)} chunks stored", median(spent), "s")]


def _measure_start(settings: Settings, question: str, starts: int) -> Measurement:
    """Measure the seconds from process start to first hit, in turns with the reference."""
    environment = {**os.environ, "RAG_INDEXES": str(settings.indexes.absolute())}
    search = [sys.executable, "-m", "rag", "search", "--library", settings.library, question]
    torch = [sys.executable, "-c", "import torch; print()"]
    spent = [
        (_first_line(search, environment), _first_line(torch, environment)) for _ in range(starts)
    ]
    ours, reference = zip(*spent, strict=True)
    return Measurement(
        "rag search, start to first hit", median(ours), "s", "import torch", median(reference)
    )


def _first_line(command: Sequence[str], environment: dict[str, str]) -> float:
    """Return the seconds from process start to its first line. Raises RagError if it fails."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        out = cast(IO[bytes], process.stdout)
        out.readline()
        seconds = time.perf_counter() - started
        out.read()
    if process.returncode:
        raise RagError(
            f"A process to be timed failed with exit code {process.returncode}; run it to see "
            f"why: {' '.join(command)}"
        )
    return seconds


@contextmanager
def _reference(settings: Settings) -> Iterator[Encode]:
    """Yield SentenceTransformer.encode with its defaults, in a process of its own.

    Its model is the embedding model of the settings.
    """
    model = settings.embeddings or str(embedding_model_folder())
    command = [sys.executable, "-c", _REFERENCE_PROGRAM, model]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        texts_in, seconds_out = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

        def encode(texts: Sequence[str]) -> float:
            try:
                print(json.dumps(texts), file=texts_in, flush=True)
                return float(seconds_out.readline())
            except (OSError, ValueError) as error:
                raise ModelError(
                    "The process that encodes with sentence-transformers for comparison ended; "
                    f"see that it can load {model!r}."
                ) from error

        yield encode


@contextmanager
def _clock(spent: list[float]) -> Iterator[None]:
    """Append the seconds that the block takes."""
    started = time.perf_counter()
    yield
    spent.append(time.perf_counter() - started)


# --- What it is measured on -----------------------------------------------------------------------


def _fill_library(settings: Settings, models: ModelSet, reports: Reports, chunks: int) -> None:
    """Fill a library with generated reports of at least `chunks` chunks together."""
    embedder = models.embedder
    place = library_folder(settings.indexes, settings.library)
    with Library.open(
        place, embedder=embedder.name, dimension=embedder.dimension, create=True
    ) as library:
        for document, made, vectors in islice(reports.documents(), -(-chunks // PARAGRAPHS)):
            library.add(document, made, vectors, Path("/generated") / document.file)
        library.optimize()


def _files(folder: Path, count: int, dimension: int) -> Iterator[Path]:
    """Yield generated reports as text files."""
    folder.mkdir()
    reports = Reports(dimension)
    for number in range(1, count + 1):
        path = folder / f"report-{number}.txt"
        path.write_text(reports.text(number), encoding="utf-8")
        yield path


def _questions_about(pipeline: Pipeline) -> list[str]:
    """Return cloze questions about some documents of the library."""
    names = [info.name for info in pipeline.library.documents()]
    drawn = np.random.default_rng(_QUESTIONS_SEED).permutation(names)[:_DOCUMENTS_ASKED_ABOUT]
    documents = [pipeline.document(name) for name in drawn.tolist()]
    questions = [
        line["question"]
        for line in cloze_questions(documents, _QUESTIONS_OF_A_LIBRARY, _QUESTIONS_SEED)
    ]
    if not questions:
        raise UsageError(
            f"The library {pipeline.name!r} has no sentence with a number or a name to ask about; "
            "add reports to it, or measure "
            "without --library."
        )
    return questions
