"""Texts -> unit vectors.

Question + passages -> log-odds.     [sentence-transformers, torch; onnxruntime, onnx, tokenizers]

Two models of one body. The embedder is all-MiniLM-L6-v2 as it comes. The reader is the same network
with an adapter of our own (`data/reader.safetensors`, described in docs/reader.md): it reads a
question and a passage together and scores for each sentence whether it answers. Both run in ONNX
Runtime with 8-bit weights, at more than twice the speed of sentence-transformers, and a question is
answered without importing torch. The ONNX files are exported once, compared with the original, and
kept in the user's cache.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import ModelError

if TYPE_CHECKING:
    import torch

BATCH = 16  # texts of like length; larger batches spill out of a laptop's cache


# The least agreement of an exported model with the original: below, the export went wrong.
_LEAST_COSINE = 0.9


# --- ONNX Runtime ---------------------------------------------------------------------------------


# A run takes all the cores, and memory that its session keeps for the next one. Runs side by side
# would get in each other's way and keep that memory once for each, so they take turns, first come,
# first served.
_turns = ThreadPoolExecutor(1, thread_name_prefix="onnxruntime")


def forbid_telemetry() -> None:
    """Forbid ONNX Runtime its telemetry, in this process and its children.

    Call it before any import of onnxruntime: from 1.29 on it reports to its vendor unless asked not
    to, and keeps an id of the machine and a database of events in the user's cache. It reads the
    variable when it is first imported; `onnxruntime.disable_telemetry_events()` comes too late.
    pyproject.toml asks for an older version, but another one may be installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


class Session:
    """A network and its one output."""

    def __init__(self, path: Path) -> None:
        forbid_telemetry()
        import onnxruntime

        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(self, inputs: dict[str, Any]) -> Any:
        return _turns.submit(self._session.run, None, inputs).result()[0]


def batches(rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Any, Any]]:
    """Yield the indices of rows of like length, so that little is spent on padding.

    With each their ids and mask, int64 [batch, width].
    """
    by_length = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for at in range(0, len(rows), BATCH):
        batch = by_length[at : at + BATCH]
        ids = np.zeros((len(batch), len(rows[batch[-1]])), np.int64)  # the padding token is 0
        mask = np.zeros_like(ids)
        for row, i in enumerate(batch):
            ids[row, : len(rows[i])] = rows[i]
            mask[row, : len(rows[i])] = 1
        yield batch, ids, mask


# --- The export, once -----------------------------------------------------------------------------


def export_onnx(
    module: "torch.nn.Module", inputs: tuple[str, ...], output: dict[int, str], target: Path
) -> None:
    """Write the module to `target` as ONNX with 8-bit weights.

    Seven bits of the eight are used (`reduce_range`), since processors without VNNI saturate on
    eight: a library built on one laptop is searched on another.
    """
    forbid_telemetry()
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    full = target.with_suffix(".full")
    try:
        with _quiet():
            torch.onnx.export(
                module,
                (torch.ones(2, 8, dtype=torch.long),) * len(inputs),
                str(full),
                dynamo=False,
                input_names=list(inputs),
                output_names=["output"],
                dynamic_axes={name: {0: "texts", 1: "tokens"} for name in inputs}
                | {"output": output},
            )
            quantize_dynamic(
                full, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
            )
    finally:
        full.unlink(missing_ok=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's warnings off the terminal, and restore logging afterwards.

    It warns that it is superseded, that branches of Python become constants, and of preparations it
    can do without; whether the outcome is right is measured, and the user can do nothing about it.
    """
    root = logging.getLogger()
    handlers = root.handlers[:]  # the quantizer speaks through the root, which makes it one
    root.addFilter(_dropped)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeFilter(_dropped)
        root.handlers[:] = handlers


def _dropped(_: logging.LogRecord) -> bool:
    return False


def check_agreement(cosine: float) -> None:
    if cosine < _LEAST_COSINE:
        raise ModelError(
            f"The exported embedding model does not agree with the original (cosine {cosine:.3f},"
            f" expected {_LEAST_COSINE} or more); reinstall onnxruntime and torch in the versions"
            " this project names."
        )
