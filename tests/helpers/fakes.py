"""The fakes all tests share: models whose outcome one can compute by hand."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from itertools import groupby
from math import log
from re import finditer
from zlib import crc32

import numpy as np

from rag.pipeline import Pipeline
from rag.protocols import ChatModel, Embedder, Reader, Reranker
from rag.service.service import Service
from rag.types import Passage, Prompt, Reading, Vectors


def words(text: str) -> list[str]:
    """The words of a text as the fakes see them.

    In lower case, without the punctuation around them.
    """
    stripped = (word.strip("\"“”'’.,:;!?()[]") for word in text.lower().split())
    return [word for word in stripped if word]


class WordsEmbedder:
    """One axis for each word.

    The cosine of two texts of m and n different words, c of them in common, is c / √(m · n).
    """

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
    """A sentence answers with the chance that is the share of the question's words it holds.

    The chance is kept within 0.02 and 0.98. The short answer is the longest run of words of the
    best sentence that are not the question's, or else the whole of it without its point.
    """

    name = "overlap"

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        return [self._read(question, passage) for passage in passages]

    def log_odds(self, question: str, sentence: str) -> float:
        asked = set(words(question))
        share = min(max(len(asked & set(words(sentence))) / len(asked), 0.02), 0.98)
        return log(share / (1 - share))

    def _read(self, question: str, passage: Passage) -> Reading:
        sentences = [passage.text[start:end] for start, end in passage.sentences]
        scores = np.array([self.log_odds(question, sentence) for sentence in sentences], np.float32)
        if not sentences:
            return Reading(None, -np.inf, scores)
        best = int(scores.argmax())
        start, end = passage.sentences[best]
        asked = set(words(question))
        runs = [
            [match.span() for match in run]
            for known, run in groupby(
                finditer(r"[^\s.,;:!?\"“”]+", passage.text[start:end]),
                lambda match: bool(asked & set(words(match[0]))),
            )
            if not known
        ]
        run = max(runs, key=len, default=[(0, len(sentences[best].rstrip(".!?")))])
        return Reading((start + run[0][0], start + run[-1][1]), float(scores[best]), scores)


class ScriptedModel:
    """A language model that says what it is told to, one reply a prompt, word by word.

    `prompts` holds what it was asked.
    """

    name = "scripted"
    context_tokens = 4096
    passage_tokens = 2000
    follows_instructions = True

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[Prompt] = []
        self.spoken: list[
            str
        ] = []  # the pieces that were fetched: all of a reply, unless the model was stopped
        self.stopped = 0  # how often a stream was closed before its end

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        self.prompts.append(prompt)
        try:
            for number, word in enumerate(self.replies.pop(0).split(" ")[:max_tokens]):
                self.spoken.append(word if number == 0 else f" {word}")
                yield self.spoken[-1]
        except GeneratorExit:
            self.stopped += 1
            raise

    def count_tokens(self, text: str) -> int:
        return len(text.split())


class EndlessModel:
    """A language model that begins with a sentence and then babbles until it is stopped.

    It is cut after so many words; `pause`, in seconds before each, says how soon that may be.
    """

    name = "endless"
    context_tokens = 4096
    passage_tokens = 2000
    follows_instructions = True

    def __init__(self, opening: str, pause: float = 0.01) -> None:
        self.opening = opening
        self.pause = pause
        self.started = threading.Event()
        self.stopped = threading.Event()
        self.may_go_on = threading.Event()  # cleared, it pauses behind its sentence
        self.may_go_on.set()

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        self.started.set()
        try:
            yield f"{self.opening} "
            while True:
                time.sleep(self.pause)
                yield "and so on "
                self.may_go_on.wait()
        finally:
            self.stopped.set()

    def count_tokens(self, text: str) -> int:
        return len(text.split())


class FakeModels:
    """The three models of a pipeline, faked.

    The language model is `chat`, or says the replies; without either there is none.
    """

    def __init__(self, *replies: str, chat: ChatModel | None = None) -> None:
        self.embedder: Embedder = WordsEmbedder()
        self.reader: Reader = OverlapReader()
        self.reranker: Reranker | None = None
        self.chat = chat or (ScriptedModel(*replies) if replies else None)
        self.chat_name = self.chat.name if self.chat else "none"


PipelineWith = Callable[..., Pipeline]
Serve = Callable[..., str]
ServiceWith = Callable[..., Service]
