"""The fakes all tests share: models whose outcome one can compute by hand, and what runs on them, from a pipeline to a server."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import numpy as np
import pytest

from rag import serve as server
from rag.config import (CERTAINTY, Settings)
from rag.models.registry import (Models)
from rag.pipeline import (Pipeline)
from rag.service.service import (Service)
from rag.types import (Piece, Prompt, Vectors)


def words(text: str) -> list[str]:
    """The words of a text as the fakes see them: in lower case, without the punctuation around them."""
    stripped = (word.strip("\"“”'’.,:;!?()[]") for word in text.lower().split())
    return [word for word in stripped if word]


class WordsEmbedder:
    """One axis for each word: the cosine of two texts of m and n different words, c of them in common, is c / √(m · n)."""

    name = "words"
    dimension = 4096  # so wide that two words of a test share no axis
    max_tokens = 254

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors: Vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            axes = {crc32(word.encode()) % self.dimension for word in words(text)} or {0}
            vector[list(axes)] = len(axes) ** -0.5
        return vectors

    def count_tokens(self, text: str) -> int:
        return len(words(text))


class OverlapReader:
    """A sentence answers with the chance that is the share of the question's words it holds, kept within 0.02 and 0.98."""

    name = "overlap"

    def read(self, question: str, passages: Sequence[tuple[str, Sequence[str]]]) -> list[Vectors]:
        return [np.array([self.log_odds(question, s) for s in sentences], np.float32) for _, sentences in passages]

    def log_odds(self, question: str, sentence: str) -> float:
        asked = set(words(question))
        share = min(max(len(asked & set(words(sentence))) / len(asked), 0.02), 0.98)
        return log(share / (1 - share))


class ScriptedModel:
    """A language model that says what it is told to, one reply a prompt, word by word; `prompts` holds what it was asked."""

    name = "scripted"
    context_tokens = 4096
    brief = False
    chance, declines = 1.0, 0.0  # of each word

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[Prompt] = []
        self.spoken: list[str] = []  # the pieces that were fetched: all of a reply, unless the model was stopped
        self.stopped = 0  # how often a stream was closed before its end

    def stream(self, prompt: Prompt, max_tokens: int) -> Iterator[Piece]:
        self.prompts.append(prompt)
        try:
            for number, word in enumerate(self.replies.pop(0).split(" ")[:max_tokens]):
                self.spoken.append(word if number == 0 else f" {word}")
                yield Piece(self.spoken[-1], self.chance, self.declines)
        except GeneratorExit:
            self.stopped += 1
            raise

    def count_tokens(self, text: str) -> int:
        return len(text.split())


class EndlessModel:
    """A language model that begins with a sentence and then babbles until it is stopped."""

    name = "endless"
    context_tokens = 4096
    brief = False

    def __init__(self, opening: str) -> None:
        self.opening = opening
        self.started = threading.Event()
        self.stopped = threading.Event()

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[Piece]:
        self.started.set()
        try:
            yield Piece(f"{self.opening} ", 1.0)
            while True:
                time.sleep(0.01)
                yield Piece("and so on ", 1.0)
        finally:
            self.stopped.set()

    def count_tokens(self, text: str) -> int:
        return len(text.split())


class FakeModels:
    """The three models of a pipeline, faked."""

    def __init__(self, *replies: str) -> None:
        self.embedder = WordsEmbedder()
        self.reader = OverlapReader()
        self.reranker = None
        self.chat = ScriptedModel(*replies) if replies else None
        self.chat_name = "scripted" if replies else "none"


PipelineWith = Callable[..., Pipeline]


@pytest.fixture
def pipeline_with(tmp_path: Path) -> Iterator[PipelineWith]:
    """Makes a pipeline over the texts given by file name; its language model says `replies`, and there is none without any."""
    opened: list[Pipeline] = []

    def make(texts: Mapping[str, str], *replies: str) -> Pipeline:
        folder = tmp_path / f"reports-{len(opened)}"
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        settings = Settings(tmp_path / "indexes", f"library-{len(opened)}", model=None, embeddings="", generate=bool(replies))
        opened.append(Pipeline(settings, cast(Models, FakeModels(*replies))))
        failed = [added for added in opened[-1].add([folder]) if added.outcome == "failed"]
        assert not failed, f"the test's own texts are no reports: {failed}"
        return opened[-1]

    yield make
    for pipeline in opened:
        pipeline.close()


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service of no library yet, without a language model."""
    models = FakeModels()
    monkeypatch.setattr("rag.models.registry.make_embedder", lambda _: models.embedder)
    monkeypatch.setattr("rag.models.registry.OnnxReader", lambda: models.reader)
    service = Service(Settings(tmp_path / "indexes", "default", None, embeddings="", generate=False))
    yield service
    service.close()


Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves a page over the libraries given as {name: {file: text}}, with the models of the other tests; its URL."""
    closing: list[Callable[[], None]] = []

    def start(libraries: Mapping[str, Mapping[str, str]], *replies: str, chat: Any = None, certainty: float = CERTAINTY) -> str:
        models = FakeModels(*replies)
        monkeypatch.setattr("rag.models.registry.make_embedder", lambda _: models.embedder)
        monkeypatch.setattr("rag.models.registry.OnnxReader", lambda: models.reader)
        monkeypatch.setattr("rag.models.registry.LlamaModel", lambda *_: chat or models.chat)
        generate = bool(chat or replies)
        settings = Settings(tmp_path / "indexes", "default", None, embeddings="", generate=generate, certainty=certainty)
        for name, texts in libraries.items():
            folder = tmp_path / name
            folder.mkdir()
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
            with Pipeline(replace(settings, library=name)) as pipeline:
                assert [added.outcome for added in pipeline.add([folder])] == ["added"] * len(texts)
        url, close = server.serve(settings, "127.0.0.1", None)
        closing.append(close)
        return url

    yield start
    for close in closing:
        close()


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    # RAG_CACHE stays: it only says where the files made from the embedded models lie.
    for name in ("RAG_INDEXES", "RAG_LIBRARY", "RAG_MODEL", "RAG_ADAPTER", "RAG_EMBEDDINGS", "RAG_RERANKER"):
        monkeypatch.delenv(name, raising=False)
