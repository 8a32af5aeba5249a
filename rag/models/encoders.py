"""Texts -> unit vectors; question + passages -> log-odds.     [sentence-transformers, torch; onnxruntime, onnx, tokenizers]

Two models of one body. The embedder is all-MiniLM-L6-v2 as it comes. The reader is the same network with an adapter of our
own (`data/reader.safetensors`, described in docs/reader.md): it reads a question and a passage together and tells for each
sentence whether it answers. Both run in ONNX Runtime with 8-bit weights, at more than twice the speed of
sentence-transformers, and a question is answered without importing torch. The ONNX files are exported once, compared with
the original, and kept in the user's cache.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.models.bundled import (EMBEDDING_MODEL, cache_folder, cached, check_embedding_model, embedding_model_folder, sha256_of)
from rag.errors import (ModelError)
from rag.protocols import (Embedder)
from rag.types import (Vectors)

if TYPE_CHECKING:
    import torch

_BATCH = 16  # texts of like length; larger batches spill out of a laptop's cache
MAX_QUESTION_TOKENS, MAX_CONTEXT_TOKENS, _MAX_READ_TOKENS = 48, 48, 384
_CLS, SEP, POINT = 101, 102, 1012  # of the BERT vocabulary

ADAPTER = Path(__file__).parent / "data" / "reader.safetensors"
_ADAPTER_SHA256 = "d37f74443b4260da7db2f45279cfea3f43c2bdcf9fcb7f43cdca4f19d9c0cb2b"

# The least agreement of an exported model with the original: below, the export went wrong.
_LEAST_COSINE = 0.9
_PROBES = (
    "How much did trade grow last year?",
    "The harbour authority said on 3 May 2024 that dredging would cost $12.5 million.",
    "«Мы согласны», — сказал он.",
    "She wrote that the council had never been asked. " * 12,
)


def make_embedder(model: str) -> Embedder:
    """The embedder of that name: the embedded one for "", else a sentence-transformers model by path or name."""
    return SentenceTransformerEmbedder(model) if model else OnnxEmbedder()


class OnnxEmbedder:
    """The embedded all-MiniLM-L6-v2 in ONNX Runtime, mean-pooled (Reimers & Gurevych 2019)."""

    name = f"{EMBEDDING_MODEL} int8"
    dimension = 384
    max_tokens = 254  # 256 with the two special tokens

    def __init__(self) -> None:
        """Raises ModelError where the model is missing or damaged."""
        self._session = _Session(cached(cache_folder() / f"{EMBEDDING_MODEL}-int8.onnx", _export_embedder))
        self._tokenizer = load_tokenizer()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 [n, 384]."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        # A text too long is cut in front of its final [SEP].
        rows = [ids if len(ids) <= self.max_tokens + 2 else [*ids[: self.max_tokens + 1], SEP] for ids in tokens]
        for batch, ids, mask in _batches(rows):
            vectors[batch] = self._session.run({"input_ids": ids, "attention_mask": mask})
        return vectors

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model that is on this machine, by path or by its name on the hub."""

    def __init__(self, model: str) -> None:
        """Raises ModelError where the model is not on this machine or cannot be read."""
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(model, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The embedding model {model!r} is not on this machine or cannot be read; give the folder of a "
                "sentence-transformers model, or leave RAG_EMBEDDINGS empty for the embedded one."
            ) from error
        dimension = self._model.get_sentence_embedding_dimension()
        if not dimension:
            raise ModelError(f"The model {model!r} gives no sentence vectors; choose a sentence-transformers model.")
        self.name = Path(model).name if Path(model).exists() else model
        self.dimension = dimension
        self.max_tokens = (self._model.max_seq_length or 512) - 2

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 [n, dimension]."""
        vectors = self._model.encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer.encode(text, add_special_tokens=False))


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder that is on this machine, by path or by its name on the hub."""

    def __init__(self, model: str) -> None:
        """Raises ModelError where the model is not on this machine, cannot be read, or does not give one score a passage."""
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(model, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The reranker {model!r} is not on this machine or cannot be read; give the folder of a sentence-transformers "
                "cross-encoder, or leave RAG_RERANKER empty for none."
            ) from error
        if self._model.num_labels != 1:
            raise ModelError(
                f"The model {model!r} sorts texts into {self._model.num_labels} classes, a reranker gives one score; choose a "
                "cross-encoder made for ranking."
            )
        self.name = Path(model).name if Path(model).exists() else model

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        """How well each passage answers, float32 [passages]."""
        if not passages:
            return np.empty(0, np.float32)
        pairs = [(question, passage) for passage in passages]
        return np.asarray(self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False), np.float32)


class OnnxReader:
    """The reader: a cross-encoder over question and passage that gives each sentence of the passage its log-odds.

    A sentence's log-odds are the mean over its tokens of a linear function of their last hidden states, so all sentences of
    a passage are weighed in one pass, each in its context.
    """

    name = f"{EMBEDDING_MODEL} reader int8"

    def __init__(self) -> None:
        """Raises ModelError where the model or its adapter is missing or damaged."""
        self._session = _Session(cached(cache_folder() / f"reader-{_ADAPTER_SHA256[:12]}-int8.onnx", _export_reader))
        self._tokenizer = load_tokenizer()

    def read(self, question: str, passages: Sequence[tuple[str, Sequence[str]]]) -> list[Vectors]:
        """For each passage (its context, its sentences) the log-odds that a sentence answers the question, float32 [sentences].

        A sentence beyond what the network can take in gets minus infinity.
        """
        rows, starts, spans = [], [], []
        for context, sentences in passages:
            tokens, start, sentence_spans = self._tokens(question, context, sentences)
            rows.append(tokens)
            starts.append(start)
            spans.append(sentence_spans)
        scores: list[Vectors] = [np.empty(0, np.float32)] * len(rows)
        for batch, ids, mask in _batches(rows):
            types = (np.arange(ids.shape[1]) >= np.array([starts[i] for i in batch])[:, None]).astype(np.int64) * mask
            per_token = self._session.run({"input_ids": ids, "token_type_ids": types, "attention_mask": mask})
            for row, i in enumerate(batch):
                means = [per_token[row, a:b].mean() if b > a else -np.inf for a, b in spans[i]]
                scores[i] = np.array(means, np.float32)
        return scores

    def _tokens(self, question: str, context: str, sentences: Sequence[str]) -> tuple[list[int], int, list[tuple[int, int]]]:
        """[CLS] question [SEP] context. sentences [SEP]; where the passage begins; the tokens of each sentence."""
        asked, about, *read = (
            encoding.ids for encoding in self._tokenizer.encode_batch([question, context, *sentences], add_special_tokens=False)
        )
        tokens = [_CLS, *asked[:MAX_QUESTION_TOKENS], SEP]
        start = len(tokens)
        tokens += [*about[:MAX_CONTEXT_TOKENS], POINT] if about else []
        spans = []
        for ids in read:
            kept = ids[: max(0, _MAX_READ_TOKENS - 1 - len(tokens))]
            spans.append((len(tokens), len(tokens) + len(kept)))
            tokens += kept
        return [*tokens, SEP], start, spans


# --- ONNX Runtime -------------------------------------------------------------------------------------------------


# A run takes all the cores, and memory that its session keeps for the next one. Runs side by side would get in each other's way
# and keep that memory once for each, so they take turns, first come, first served.
_turns = ThreadPoolExecutor(1, thread_name_prefix="onnxruntime")


class _Session:
    """A network and its one output."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(self, inputs: dict[str, Any]) -> Any:
        return _turns.submit(self._session.run, None, inputs).result()[0]


def load_tokenizer() -> Any:
    """The tokenizer of the embedded model, without padding or truncation."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(embedding_model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _batches(rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Any, Any]]:
    """The indices of rows of like length, so that little is spent on padding, with their ids and mask, int64 [batch, width]."""
    by_length = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for at in range(0, len(rows), _BATCH):
        batch = by_length[at : at + _BATCH]
        ids = np.zeros((len(batch), len(rows[batch[-1]])), np.int64)  # the padding token is 0
        mask = np.zeros_like(ids)
        for row, i in enumerate(batch):
            ids[row, : len(rows[i])] = rows[i]
            mask[row, : len(rows[i])] = 1
        yield batch, ids, mask


# --- The export, once ---------------------------------------------------------------------------------------------


def _export_embedder(target: Path) -> None:
    import torch

    original = _original()

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = original

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = self.body({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]
            return torch.nn.functional.normalize(vectors, dim=1)

    _export(Pooled(), ("input_ids", "attention_mask"), {0: "texts"}, target)
    features = original.preprocess(list(_PROBES))
    inputs = {name: features[name].numpy() for name in ("input_ids", "attention_mask")}
    expected = original.encode(list(_PROBES), normalize_embeddings=True, show_progress_bar=False)
    _check_agreement((_Session(target).run(inputs) * expected).sum(axis=1).min())


def _export_reader(target: Path) -> None:
    import torch
    from safetensors.torch import load_file

    if sha256_of(ADAPTER) != _ADAPTER_SHA256:
        raise ModelError(f"The adapter {ADAPTER} is not the expected one (sha256 differs); install the project again.")
    adapter = load_file(ADAPTER)
    bert: Any = _original()[0].auto_model
    for name, layer in bert.named_modules():
        if f"{name}.down" in adapter:  # LoRA (Hu et al. 2021): W + up · down, its scale already in `up`
            layer.weight.data += adapter[f"{name}.up"].float() @ adapter[f"{name}.down"].float()

    class Reader(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = bert
            self.head = torch.nn.Linear(bert.config.hidden_size, 1)
            self.head.load_state_dict({"weight": adapter["head.weight"].float(), "bias": adapter["head.bias"].float()})

        def forward(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.body(input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask).last_hidden_state
            log_odds: torch.Tensor = self.head(states).squeeze(-1)
            return log_odds

    reader = Reader().eval()
    names = ("input_ids", "token_type_ids", "attention_mask")
    _export(reader, names, {0: "texts", 1: "tokens"}, target)
    features = [torch.tensor([load_tokenizer().encode(*_PROBES[:2]).ids])]
    features += [(features[0].cumsum(1) > features[0].cumsum(1)[0, 10]).long(), torch.ones_like(features[0])]
    with torch.no_grad():
        expected = reader(*features).numpy()[0]
    found = _Session(target).run({name: value.numpy() for name, value in zip(names, features, strict=True)})[0]
    _check_agreement(float(found @ expected / (np.linalg.norm(found) * np.linalg.norm(expected))))


def _original() -> Any:
    """The embedded sentence-transformers model, its weights checked, fit for export."""
    import logging
    import warnings

    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    # The exporter warns that it is superseded and that Python branches become constants; whether the outcome is right is
    # measured, and the user can do nothing about either.
    disable_progress_bar()
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)

    check_embedding_model()
    original = SentenceTransformer(str(embedding_model_folder()), device="cpu", local_files_only=True)
    original[0].auto_model.set_attn_implementation("eager")  # the exporter cannot follow the fused one
    return original.eval()


def _export(module: "torch.nn.Module", inputs: tuple[str, ...], output: dict[int, str], target: Path) -> None:
    """Write the module to `target` as ONNX with 8-bit weights.

    Seven bits of the eight are used (`reduce_range`), since processors without VNNI saturate on eight: a library built on one
    laptop is searched on another.
    """
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    full = target.with_suffix(".full")
    try:
        torch.onnx.export(
            module,
            (torch.ones(2, 8, dtype=torch.long),) * len(inputs),
            str(full),
            dynamo=False,
            input_names=list(inputs),
            output_names=["output"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in inputs} | {"output": output},
        )
        quantize_dynamic(full, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    finally:
        full.unlink(missing_ok=True)


def _check_agreement(cosine: float) -> None:
    if cosine < _LEAST_COSINE:
        raise ModelError(
            f"The exported embedding model does not agree with the original (cosine {cosine:.3f}, expected {_LEAST_COSINE} or "
            "more); reinstall onnxruntime and torch in the versions this project names."
        )
