"""Cross-encoders of the user that rerank hits.   [sentence-transformers]"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.errors import ModelError
from rag.models.embedder import model_folder
from rag.models.onnx import BATCH
from rag.types import Vectors

if TYPE_CHECKING:
    pass


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder on this machine, by path or hub name."""

    def __init__(self, model: str) -> None:
        """Load the model.

        Raises ModelError if it is not on this machine, cannot be read, or does not give one
        score a passage.
        """
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(
                model_folder(model), device="cpu", local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The reranker {model!r} is not on this machine or cannot be read; give the folder"
                " of a sentence-transformers cross-encoder, or leave RAG_RERANKER empty for none."
            ) from error
        if self._model.num_labels != 1:
            raise ModelError(
                f"The model {model!r} sorts texts into {self._model.num_labels} classes, a reranker"
                " gives one score; choose a cross-encoder made for ranking."
            )
        self.name = Path(model).name if Path(model).exists() else model

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        """Return how well each passage answers, float32 [passages]."""
        if not passages:
            return np.empty(0, np.float32)
        pairs = [(question, passage) for passage in passages]
        return np.asarray(
            self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False), np.float32
        )
