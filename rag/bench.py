"""How fast the product is on this machine, each figure beside its reference in the same run. docs/evaluation.md explains them."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import IO, cast

import numpy as np

from rag.chunks import make_chunks
from rag.config import Settings, bundled
from rag.documents import read_document
from rag.embedded import embedding_model_folder
from rag.evaluate import percentiles
from rag.evaluation_sets import cloze_questions
from rag.library import Library, library_folder
from rag.pipeline import Models, Pipeline
from rag.types import ModelError, RagError, UsageError, Vectors

_SEED = 0
_DEPTH = 50  # chunks that a search takes from each look-up
_REPORT_PARAGRAPHS = 120  # some thirty pages
# Paragraphs of reports have some 60 words in the middle and a long tail; one word in ten is a name or a number, which few
# paragraphs share. Both decide how long the lists of the word index are.
_PARAGRAPH_WORDS, _SPREAD, _SENTENCE_WORDS = 60, 0.5, 20
_RARE_SHARE, _RARE_WORDS = 0.1, 20_000
_QUESTIONS_OF_A_LIBRARY, _DOCUMENTS_ASKED_ABOUT = 20, 8

# A process of its own: torch shares neither memory nor threads with what it is compared with, and stays warm between texts.
_REFERENCE = """
import json, sys, time
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)
for line in sys.stdin:
    texts = json.loads(line)
    started = time.perf_counter()
    model.encode(texts, show_progress_bar=False)
    print(time.perf_counter() - started, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with what it is compared with."""

    what: str
    value: float
    unit: str  # "chunks/s", "ms" or "s"
    reference: str = ""  # "" where there is none
    reference_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value in units of the reference; None where there is none."""
        return self.value / self.reference_value if self.reference_value else None


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; the defaults take some two minutes on two quiet cores."""

    reports: int = 5  # that are read, chunked, encoded and stored
    chunks: int = 10_000  # of the library that is searched
    rounds: int = 5  # how often each question is asked
    starts: int = 5  # how many processes are started


Encode = Callable[[Sequence[str]], float]  # seconds that the reference takes for these texts
_WHOLE = Size()


def bench(settings: Settings, own: bool, say: Callable[[str], None], size: Size = _WHOLE) -> list[Row]:
    """The figures; with `own` also those of the library that the settings name. `say` is told what is measured next.

    Raises UsageError where that library holds no sentence to ask about, LibraryError and ModelError as a search does.
    """
    with Pipeline(settings) as pipeline:
        models = pipeline.models
        own_questions = _questions_about(pipeline) if own else []
    with tempfile.TemporaryDirectory(prefix="rag-bench-") as name, _reference(settings) as encode:
        made = replace(settings, indexes=Path(name) / "indexes")
        say("Reports into a library")
        rows = _encoding(replace(made, library="build"), models, Path(name) / "build", size.reports, encode)
        say(f"A library of {size.chunks:,} chunks")
        searched = replace(made, library="search")
        _fill(searched, models, Path(name) / "search", size.chunks)
        for asked, questions in ((searched, _sample_questions()), (settings, own_questions)):
            if questions:
                say(f"Questions to the library {asked.library!r}")
                with Pipeline(asked, models) as pipeline:
                    rows += _latency(pipeline, questions, size.rounds, encode)
                rows.append(_start(asked, questions[0], size.starts))
    return rows


# --- What is measured ---------------------------------------------------------------------------------------------


def _encoding(settings: Settings, models: Models, folder: Path, reports: int, encode: Encode) -> list[Row]:
    """Chunks a second of the whole way into a library and of the encoder alone, in turns with the reference."""
    embedder = models.embedder
    spent: dict[str, list[float]] = {"build": [], "encode": []}
    reference, chunks = [], []
    with Pipeline(settings, models) as pipeline:
        for path in islice(_reports(folder), reports + 1):
            with _clock(spent["build"]):
                (added,) = pipeline.add([path])
            document = pipeline.document(added.document)
            texts = [f"{chunk.context}\n{chunk.text}" for chunk in make_chunks(document, embedder.count_tokens)]
            with _clock(spent["encode"]):
                embedder.encode(texts)
            reference.append(encode(texts))
            chunks.append(len(texts))

    def speed(seconds: Sequence[float]) -> float:  # the first report warms everything up
        return median(n / s for n, s in zip(chunks[1:], seconds[1:], strict=True))

    compared = ("SentenceTransformer.encode", speed(reference))
    return [
        Row("read, chunk, encode, store", speed(spent["build"]), "chunks/s", *compared),
        Row("encode", speed(spent["encode"]), "chunks/s", *compared),
    ]


def _latency(pipeline: Pipeline, questions: Sequence[str], rounds: int, encode: Encode) -> list[Row]:
    """From question to fused hits, and the parts of it, in turns with the reference."""
    library, embedder = pipeline.library, pipeline.models.embedder
    parts = ("encode", "dense", "lexical", "fetch")
    spent: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        if turn <= 1:  # the first one warms everything up
            spent = {name: [] for name in ("hits", "reference", *parts)}
        for question in questions:
            with _clock(spent["hits"]):
                pipeline.search(question)
            spent["reference"].append(encode([question]))
            with _clock(spent["encode"]):
                vector = embedder.encode([question])[0]
            with _clock(spent["dense"]):
                dense = library.dense(vector, _DEPTH)
            with _clock(spent["lexical"]):
                lexical = library.lexical(question, _DEPTH)
            with _clock(spent["fetch"]):
                library.chunks([chunk for chunk, _ in dense + lexical])

    (p50, p95), reference = percentiles(spent["hits"]), percentiles(spent["reference"])
    name, compared = f"{library.count:,} chunks, question to hits", "SentenceTransformer.encode of the question"
    return [
        Row(f"{name}, p50", 1000 * p50, "ms", compared, 1000 * reference.p50),
        Row(f"{name}, p95", 1000 * p95, "ms", compared, 1000 * reference.p95),
        *(Row(f"of it {part}, p50", 1000 * percentiles(spent[part]).p50, "ms") for part in parts),
    ]


def _start(settings: Settings, question: str, starts: int) -> Row:
    """Seconds from the start of a process to the first hit on screen, in turns with the reference."""
    environment = {**os.environ, "RAG_INDEXES": str(settings.indexes.absolute())}
    search = [sys.executable, "-m", "rag", "search", "--library", settings.library, question]
    torch = [sys.executable, "-c", "import torch; print()"]
    spent = [(_first_line(search, environment), _first_line(torch, environment)) for _ in range(starts)]
    ours, reference = zip(*spent, strict=True)
    return Row("rag search, start to first hit", median(ours), "s", "import torch", median(reference))


def _first_line(command: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds from the start of a process to its first line. Raises RagError where it fails."""
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        out = cast(IO[bytes], process.stdout)
        out.readline()
        seconds = time.perf_counter() - started
        out.read()
    if process.returncode:
        raise RagError(
            f"A process to be timed failed with exit code {process.returncode}; run it to see why: {' '.join(command)}"
        )
    return seconds


@contextmanager
def _reference(settings: Settings) -> Iterator[Encode]:
    """SentenceTransformer.encode as it comes, with the embedding model of the settings, in a process of its own."""
    model = settings.embeddings or str(embedding_model_folder())
    command = [sys.executable, "-c", _REFERENCE, model]
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
                    f"The process that encodes with sentence-transformers for comparison ended; see that it can load {model!r}."
                ) from error

        yield encode


@contextmanager
def _clock(spent: list[float]) -> Iterator[None]:
    """Adds the seconds that the block takes."""
    started = time.perf_counter()
    yield
    spent.append(time.perf_counter() - started)


# --- What it is measured on ---------------------------------------------------------------------------------------


def _fill(settings: Settings, models: Models, folder: Path, chunks: int) -> None:
    """A library of so many chunks. Their vectors are drawn: an exact search takes as long whatever they hold."""
    embedder, random = models.embedder, np.random.default_rng(_SEED)
    place = library_folder(settings.indexes, settings.library)
    with Library.open(place, embedder=embedder.name, dimension=embedder.dimension, create=True) as library:
        for path in _reports(folder):
            document = read_document(path)
            made = make_chunks(document, embedder.count_tokens)[: chunks - library.count]
            vectors: Vectors = random.standard_normal((len(made), embedder.dimension), np.float32)
            library.add(document, made, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), path)
            if library.count == chunks:
                return


def _reports(folder: Path) -> Iterator[Path]:
    """Reports without end: words as often as the sample reports use them, between them names and numbers of their own."""
    folder.mkdir()
    random = np.random.default_rng(_SEED)
    samples = (path for path in sorted(bundled("samples").iterdir()) if path.suffix in (".md", ".txt"))
    common = Counter(re.findall(r"[a-z]+", " ".join(path.read_text(encoding="utf-8") for path in samples)))
    words, shares = np.array(list(common)), np.array(list(common.values())) / common.total()
    syllables = sorted({word[:3] for word in common if len(word) > 4})
    names = ["".join(pair).capitalize() for pair in random.choice(syllables, (_RARE_WORDS, 2))]
    rare = np.array([name if i % 4 else str(i) for i, name in enumerate(names)])
    rare_shares = 1 / np.arange(1, _RARE_WORDS + 1)  # Zipf's law
    rare_shares /= rare_shares.sum()

    for number in count(1):
        paragraphs = [f"Generated Report {number}"]
        for length in random.lognormal(np.log(_PARAGRAPH_WORDS), _SPREAD, _REPORT_PARAGRAPHS).astype(int) + 8:
            drawn = np.where(
                random.random(length) < _RARE_SHARE,
                random.choice(rare, length, p=rare_shares),
                random.choice(words, length, p=shares),
            )
            sentences = (" ".join(drawn[at : at + _SENTENCE_WORDS]) for at in range(0, length, _SENTENCE_WORDS))
            paragraphs.append(" ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences))
        path = folder / f"report-{number}.txt"
        path.write_text("\n\n".join(paragraphs), encoding="utf-8")
        yield path


def _sample_questions() -> list[str]:
    with (bundled("samples") / "questions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["question"] for line in lines]


def _questions_about(pipeline: Pipeline) -> list[str]:
    """Cloze questions about some documents of the library."""
    names = [info.name for info in pipeline.library.documents()]
    drawn = np.random.default_rng(_SEED).permutation(names)[:_DOCUMENTS_ASKED_ABOUT]
    documents = [pipeline.document(name) for name in drawn.tolist()]
    questions = [line["question"] for line in cloze_questions(documents, _QUESTIONS_OF_A_LIBRARY, _SEED)]
    if not questions:
        raise UsageError(
            f"The library {pipeline.name!r} has no sentence with a number or a name to ask about; add reports to it, or measure "
            "without --library."
        )
    return questions
