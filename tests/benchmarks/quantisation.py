"""What 8-bit arithmetic costs the large reader, and what it saves.

    python tests/benchmarks/quantisation.py [--limit N] [--only NAME…] SET_DIR…

The first eight passages of the product's own search are read by the model in single precision and
in each variant of 8 bits. For each: the share of the answerable questions whose best sentence is
support, of those with a short answer the share whose best span is that answer, the root mean square
of the differences from single precision (log-odds of sentences, scores of spans), the mean of the
latter, and the median time for eight passages, all in one run with the small reader. Quote ratios,
not times. The packages of the base must be installed, as the README says.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
from decision import is_support

from rag.answering.rank import passages_of
from rag.config import Settings
from rag.evaluation.dataset import Question, read_set, sample
from rag.evaluation.metrics import stands_in
from rag.evaluation.predictions import library_of
from rag.models import reader_graph
from rag.models.embedder import load_tokenizer
from rag.models.onnx import Session
from rag.models.reader import ADAPTER, LargeReader
from rag.models.reader_base import reader_base
from rag.models.reader_graph import build, merged
from rag.models.registry import Models
from rag.models.small_reader import SmallReader
from rag.pipeline import READ
from rag.types import Passage, Reading

FULL = "single precision"
CALIBRATED = 40  # passages from which the ranges of the static variant are taken
Rows = list[list[int]]  # token ids


@dataclass
class Asked:
    """A question with the passages that were found for it."""

    question: Question
    passages: list[Passage]
    support: np.ndarray  # of all sentences of all passages


@dataclass
class Found:
    """What a variant made of the questions."""

    readings: list[list[Reading]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class ReaderOf(LargeReader):
    """The large reader with another exported model."""

    def __init__(self, path: Path) -> None:
        self._session = Session(path)
        self._tokenizer = load_tokenizer()
        self.rows: Rows = []

    def _run(self, row: list[int]) -> Any:
        self.rows.append(row)
        return super()._run(row)


def dynamic(full: Path, target: Path, rows: Rows, leave: str = "", **options: Any) -> None:
    """ONNX Runtime's dynamic quantization, without the layers whose names hold `leave`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    nodes = [node.name for node in onnx.load(full).graph.node]
    left = [name for name in nodes if leave and leave in name]
    options = {"weight_type": QuantType.QInt8, "reduce_range": True} | options
    quantize_dynamic(full, target, per_channel=True, nodes_to_exclude=left, **options)


def static(full: Path, target: Path, rows: Rows) -> None:
    """ONNX Runtime's static quantization, its ranges taken from some passages."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Passages(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._inputs: Iterator[dict[str, Any]] = (
                {"input_ids": np.array([row], np.int64)} for row in rows[:CALIBRATED]
            )

        def get_next(self) -> dict[str, Any] | None:
            return next(self._inputs, None)

    quantize_static(
        full,
        target,
        Passages(),
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )


def ours(
    weights: reader_graph.Weights,
    levels: tuple[int, int, int],
    full: Path,
    target: Path,
    rows: Rows,
) -> None:
    """A scale for each token, with these levels of weights and states."""
    names = ("WEIGHT_LEVELS", "SIGNED_LEVELS", "UNSIGNED_LEVELS")
    before = [getattr(reader_graph, name) for name in names]
    for name, value in zip(names, levels, strict=True):
        setattr(reader_graph, name, value)
    try:
        onnx.save(build(weights), target)
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(reader_graph, name, value)


def of_rank(base: Path, rank: int, full: Path, target: Path, rows: Rows) -> None:
    """The product's 8 bits with the adapter cut to its largest singular values."""
    from safetensors.numpy import load_file, save_file

    adapter = {name: value.astype(np.float32) for name, value in load_file(ADAPTER).items()}
    for name in [name.removesuffix(".up") for name in adapter if name.endswith(".up")]:
        left, across = np.linalg.qr(adapter[f"{name}.up"])
        right, down = np.linalg.qr(adapter[f"{name}.down"].T)
        u, s, v = np.linalg.svd(across @ down.T)  # as small as the rank
        adapter[f"{name}.up"] = left @ u[:, :rank] * np.sqrt(s[:rank])
        adapter[f"{name}.down"] = np.sqrt(s[:rank, None]) * v[:rank] @ right.T
    cut = target.with_suffix(".safetensors")
    save_file({name: value.astype(np.float16) for name, value in adapter.items()}, cut)
    onnx.save(build(merged(base, cut)), target)


def asked_of(folder: Path, limit: int) -> list[Asked]:
    chosen = sample(read_set(folder), limit, seed=0)
    settings = Settings(Path(), "", model=None, embeddings="", generate=False)
    asked = []
    with library_of(chosen, settings, Models(settings), lambda *_: None) as pipeline:
        for question in chosen.questions:
            hits = pipeline.search(question.text, history=question.history)[:READ]
            passages = passages_of(hits)
            support = [
                is_support(passage.text[start:end], question)
                for passage in passages
                for start, end in passage.sentences
            ]
            if support:
                asked.append(Asked(question, passages, np.array(support)))
    return asked


def read(reader: LargeReader | SmallReader, asked: list[Asked], found: Found) -> None:
    for row in asked:
        started = perf_counter()
        found.readings.append(reader.read(row.question.text, row.passages))
        found.seconds.append(perf_counter() - started)


def best_is_support(asked: Asked, readings: list[Reading]) -> bool:
    return bool(asked.support[np.concatenate([r.sentences for r in readings]).argmax()])


def best_is_answer(asked: Asked, readings: list[Reading]) -> bool | None:
    """Whether the best span is one of the short answers, None where there is none."""
    short = [answer for answer in asked.question.answers if len(answer.split()) <= 8]
    passage, reading = max(
        zip(asked.passages, readings, strict=True), key=lambda pair: pair[1].span_score
    )
    if not short or not reading.span:
        return None if not short else False
    words = passage.text[slice(*reading.span)]
    return any(stands_in(words, answer) and stands_in(answer, words) for answer in short)


def show(name: str, asked: list[Asked], found: Found, full: Found, base: float) -> None:
    answerable = [
        (row, readings)
        for row, readings in zip(asked, found.readings, strict=True)
        if row.question.answerable
    ]
    best = np.mean([best_is_support(*pair) for pair in answerable])
    spans = [right for pair in answerable if (right := best_is_answer(*pair)) is not None]
    mine, its = ([r for rs in f.readings for r in rs] for f in (found, full))
    odds = np.concatenate([a.sentences - b.sentences for a, b in zip(mine, its, strict=True)])
    odds = odds[np.isfinite(odds)]
    scores = np.array([a.span_score - b.span_score for a, b in zip(mine, its, strict=True)])
    seconds = float(np.median(found.seconds))
    print(
        f"{name:32} best {best:.4f}  span {np.mean(spans) if spans else np.nan:.3f}  "
        f"differs by {np.sqrt((odds**2).mean()):.3f} and {np.sqrt((scores**2).mean()):.3f} "
        f"(mean {scores.mean():+.3f})  {seconds:.2f} s, {seconds / base:.1f} times the small one",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET_DIR")
    parser.add_argument("--limit", type=int, default=sys.maxsize, help="questions of each set")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="beside single precision"
    )
    options = parser.parse_args()
    asked = [row for folder in options.sets for row in asked_of(folder, options.limit)]
    with reader_base(None) as base, tempfile.TemporaryDirectory(prefix="rag-quantisation-") as name:
        weights = merged(base, ADAPTER)
        full_model = Path(name, "full.onnx")
        onnx.save(build(weights, eight_bit=False), full_model)
        small, full = Found(), Found()
        read(SmallReader(), asked, small)
        reader = ReaderOf(full_model)
        read(reader, asked, full)
        against = float(np.median(small.seconds))
        sentences = [best_is_support(row, r) for row, r in zip(asked, small.readings, strict=True)]
        right = [s for s, row in zip(sentences, asked, strict=True) if row.question.answerable]
        print(f"{'small reader':32} best {np.mean(right):.4f}  {against:.2f} s", flush=True)
        show(FULL, asked, full, full, against)
        for variant, make in variants(weights, base).items():
            if not options.only or variant in options.only:
                model, found = Path(name, "variant.onnx"), Found()
                make(full_model, model, reader.rows)
                read(ReaderOf(model), asked, found)
                show(variant, asked, found, full, against)
                print(f"{'':32} {model.stat().st_size / 1e6:.0f} MB")


def variants(
    weights: reader_graph.Weights, base: Path
) -> dict[str, Callable[[Path, Path, Rows], None]]:
    """What makes each variant out of the model in single precision."""
    only_linear = {"op_types_to_quantize": ["MatMul"], "extra_options": {"MatMulConstBOnly": True}}
    return {
        "scale a token (the product)": partial(ours, weights, (63, 127, 255)),
        "scale a token, states 7 bits": partial(ours, weights, (127, 63, 127)),
        "scale a token, all 8 bits": partial(ours, weights, (127, 127, 255)),
        "scale a token, rank 32": partial(of_rank, base, 32),
        "dynamic, reduced range": dynamic,
        "dynamic, whole range": partial(dynamic, reduce_range=False),
        "dynamic, linear layers only": partial(dynamic, **only_linear),
        "dynamic, down-projections full": partial(dynamic, leave="output.dense", **only_linear),
        "static": static,
    }


if __name__ == "__main__":
    main()
