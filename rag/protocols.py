"""What a model or an observer of progress must offer."""

from collections.abc import Generator, Sequence
from typing import Protocol

from rag.types import Passage, Prompt, Reading, Vectors


class Embedder(Protocol):
    """Texts to unit vectors."""

    name: str  # identifies the vector space: a library refuses an embedder of another name
    dimension: int
    max_tokens: int  # longer texts are cut by the model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, float32 [n, dimension]."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the number of the model's own tokens in `text`, special tokens left out."""
        ...


class ChatModel(Protocol):
    """Prompts to text."""

    name: str
    context_tokens: int
    passage_tokens: int  # of the passages that it is to be shown at once
    follows_instructions: bool  # it answers messages; else it completes a text

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        """Yield pieces of the completion as they come; closing the iterator stops the model."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the number of the model's own tokens in `text`."""
        ...


class Reranker(Protocol):
    """Question and passages to how well each answers."""

    name: str

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        """Return one number for each passage, float32 [passages], more for the better.

        Comparable within one question only.
        """
        ...


class Reader(Protocol):
    """Question and passages to the words and sentences that answer."""

    name: str

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """Return a reading of each passage, in their order."""
        ...


class ModelSet(Protocol):
    """The models of a process."""

    @property
    def embedder(self) -> Embedder: ...

    @property
    def reader(self) -> Reader: ...

    @property
    def reranker(self) -> Reranker | None:
        """The reranker; None if none is used."""
        ...

    @property
    def chat(self) -> ChatModel | None:
        """The language model; None if none is used."""
        ...

    @property
    def chat_name(self) -> str:
        """The name of the language model, which is not loaded for it; "none" without one."""
        ...


class Progress(Protocol):
    """What is called with the progress of longer work."""

    def done(self, number: int, of: int) -> None:
        """Take note that `number` of `of` documents are done."""
        ...

    def embedded(self, passages: int) -> None:
        """Take note that so many more passages have their vectors."""
        ...
