"""Texts to unit vectors.   [sentence-transformers, tokenizers]"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import cache_folder
from rag.errors import ModelError
from rag.models.bundled import (
    EMBEDDING_MODEL,
    cached,
    check_embedding_model,
    embedding_model_folder,
)
from rag.models.onnx import BATCH, Session, batches, check_agreement, export_onnx
from rag.protocols import Embedder
from rag.types import Vectors

CLS, SEP, POINT = 101, 102, 1012  # of the BERT vocabulary


PROBES = (
    "How much did trade grow last year?",
    "The harbour authority said on 3 May 2024 that dredging would cost $12.5 million.",
    "«Мы согласны», — сказал он.",
    "She wrote that the council had never been asked. " * 12,
)


def make_embedder(model: str, cache: Path | None = None) -> Embedder:
    """Return the embedder of that name.

    The embedded one for "", which is kept in the folder `cache`, else a sentence-transformers model
    by path or name.
    """
    return SentenceTransformerEmbedder(model) if model else OnnxEmbedder(cache)


class OnnxEmbedder:
    """The embedded all-MiniLM-L6-v2 in ONNX Runtime, mean-pooled (Reimers & Gurevych 2019)."""

    name = f"{EMBEDDING_MODEL} int8"
    dimension = 384
    max_tokens = 254  # 256 with the two special tokens

    def __init__(self, cache: Path | None = None) -> None:
        """Load the model from the folder `cache`, by default the user's, and make it on first use.

        Raises ModelError if the model is missing or damaged.
        """
        self._session = Session(
            cached(cache_folder(cache) / f"{EMBEDDING_MODEL}-int8.onnx", _export_embedder)
        )
        self._tokenizer = load_tokenizer()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, float32 [n, 384]."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        # A text too long is cut in front of its final [SEP].
        rows = [
            ids if len(ids) <= self.max_tokens + 2 else [*ids[: self.max_tokens + 1], SEP]
            for ids in tokens
        ]
        for batch, ids, mask in batches(rows):
            vectors[batch] = self._session.run({"input_ids": ids, "attention_mask": mask})
        return vectors

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model on this machine, by path or by its name on the hub."""

    def __init__(self, model: str) -> None:
        """Load the model. Raises ModelError if it is not on this machine or cannot be read."""
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(
                model_folder(model), device="cpu", local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The embedding model {model!r} is not on this machine or cannot be read; give the"
                " folder of a sentence-transformers model, or leave RAG_EMBEDDINGS empty for the"
                " embedded one."
            ) from error
        dimension = self._model.get_sentence_embedding_dimension()
        if not dimension:
            raise ModelError(
                f"The model {model!r} gives no sentence vectors; choose a sentence-transformers"
                " model."
            )
        self.name = Path(model).name if Path(model).exists() else model
        self.dimension = dimension
        self.max_tokens = (self._model.max_seq_length or 512) - 2

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, float32 [n, dimension]."""
        vectors = self._model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, np.float32)

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer.encode(text, add_special_tokens=False))


def model_folder(model: str) -> str:
    """Return the folder of a model that is on this machine, by path or by its name on the hub.

    A name would be looked up on the hub in spite of `local_files_only`, so the libraries are given
    folders alone. Raises OSError or ValueError if there is none.
    """
    from huggingface_hub import snapshot_download

    if Path(model).is_dir():
        return model
    # As sentence-transformers has it: a name without an owner is one of its own.
    name = model if "/" in model else f"sentence-transformers/{model}"
    return snapshot_download(name, local_files_only=True)


def load_tokenizer() -> Any:
    """Return the tokenizer of the embedded model, without padding or truncation."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(embedding_model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _export_embedder(target: Path) -> None:
    import torch

    original = load_original()

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = original

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = self.body(
                {"input_ids": input_ids, "attention_mask": attention_mask}
            )["sentence_embedding"]
            return torch.nn.functional.normalize(vectors, dim=1)

    export_onnx(Pooled(), ("input_ids", "attention_mask"), {0: "texts"}, target)
    features = original.preprocess(list(PROBES))
    inputs = {name: features[name].numpy() for name in ("input_ids", "attention_mask")}
    expected = original.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    check_agreement((Session(target).run(inputs) * expected).sum(axis=1).min())


def load_original() -> Any:
    """Return the embedded sentence-transformers model, its weights checked, fit for export."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import (
        disable_progress_bar,
        enable_progress_bar,
        is_progress_bar_enabled,
    )

    check_embedding_model()
    shows_progress = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        original = SentenceTransformer(
            str(embedding_model_folder()), device="cpu", local_files_only=True
        )
    finally:
        if shows_progress:
            enable_progress_bar()
    original[0].auto_model.set_attn_implementation(
        "eager"
    )  # the exporter cannot follow the fused one
    return original.eval()
