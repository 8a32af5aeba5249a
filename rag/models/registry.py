"""The models of a process, each loaded when first asked for."""

import logging
import threading

from rag.config import Settings
from rag.models.embedder import make_embedder
from rag.models.llm import INSTALL_LANGUAGE_MODEL, LlamaModel, missing_for, model_name
from rag.models.reader import make_reader
from rag.models.reranker import CrossEncoderReranker
from rag.models.server import ServerModel
from rag.protocols import ChatModel, Embedder, Reader, Reranker

logger = logging.getLogger(__name__)

_NO_LANGUAGE_MODEL = (
    "No language model can run here (%s), so answers are the reports' own sentences. To have one: "
    "%s. To hear no more of it: RAG_MODEL=none."
)


class Models:
    """The models, each loaded when first asked for and then kept; safe from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None
        self._reader: Reader | None = None
        self._reranker: Reranker | None = None
        self._chat: ChatModel | None = None
        self._told = False  # that there is none, once

    @property
    def embedder(self) -> Embedder:
        with self._lock:
            self._embedder = self._embedder or make_embedder(
                self._settings.embeddings, self._settings.cache
            )
            return self._embedder

    @property
    def reader(self) -> Reader:
        with self._lock:
            self._reader = self._reader or make_reader(self._settings.cache)
            return self._reader

    @property
    def reranker(self) -> Reranker | None:
        """The reranker; None where the settings name none."""
        with self._lock:
            if self._settings.reranker:
                self._reranker = self._reranker or CrossEncoderReranker(self._settings.reranker)
            return self._reranker

    @property
    def chat_name(self) -> str:
        """The name of the language model, which is not loaded for it."""
        if self._settings.server:
            return f"{self._settings.server_model} at {self._settings.server}"
        if not self._settings.generate:
            return "none"
        if missing := _missing(self._settings):
            return f"none, for {missing}"
        return model_name(self._settings.model, self._settings.adapter)

    @property
    def chat(self) -> ChatModel | None:
        """The language model; None where the settings name none, or the embedded one cannot run.

        Raises ModelError where a model that the settings name cannot be used.
        """
        with self._lock:
            if self._settings.generate and not self._chat and not self._told:
                if missing := _missing(self._settings):
                    logger.warning(_NO_LANGUAGE_MODEL, missing, INSTALL_LANGUAGE_MODEL)
                    self._told = True
                else:
                    self._chat = _load_chat(self._settings)
            return self._chat


def _missing(settings: Settings) -> str:
    """Return what the embedded language model lacks; "" where that is not the one to load."""
    named = settings.server or settings.model or settings.adapter
    return "" if named else missing_for(None)


def _load_chat(settings: Settings) -> ChatModel:
    if settings.server:
        return ServerModel(
            settings.server,
            settings.server_model,
            settings.server_key,
            passage_tokens=settings.passage_tokens,
        )
    return LlamaModel(settings.model, settings.adapter, settings.cache, settings.passage_tokens)
