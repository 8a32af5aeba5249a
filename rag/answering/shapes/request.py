"""What a shape of answer gets: the question as understood, and what it may look up."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rag.answering.decide import Decision
from rag.answering.understand import Understood
from rag.answering.verify import Claim
from rag.protocols import ChatModel
from rag.types import Document, DocumentInfo, Evidence, Hit, Mode, Vectors


class Corpus(Protocol):
    """The documents that the reader's filter lets through, and the models that search and read."""

    def documents(self) -> Sequence[DocumentInfo]:
        """Return what the library lists of each document."""
        ...

    def document(self, name: str) -> Document:
        """Return the whole document of that name. Raises NotFoundError if there is none."""
        ...

    def search(self, question: str, k: int, documents: Sequence[str] = ()) -> tuple[Hit, ...]:
        """Return the best `k` hits for the question, of these documents or of all."""
        ...

    def passages(self, documents: Sequence[str]) -> tuple[Hit, ...]:
        """Return every passage of the documents, in their order."""
        ...

    def holding(self, words: str) -> tuple[Hit, ...]:
        """Return the passages that hold the words in this order, whatever their endings."""
        ...

    def read(self, question: str, hits: Sequence[Hit]) -> tuple[Evidence, ...]:
        """Return the sentences of the hits, the best first, each with its chance to answer."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, float32 [texts, dimension]."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A question on its way to an answer."""

    question: Understood
    evidence: tuple[Evidence, ...]  # of the nearest passages, the best first
    decision: Decision  # whether that evidence answers
    certainty: float
    corpus: Corpus
    chat: ChatModel | None
    templates: Path  # the folder of the prompts
    note: Callable[[str], None]  # takes what a reader must know of the answer besides its sentences


# Yields the claims of an answer as they come about, each with who worded it; none where the shape
# does not fit or the documents hold no answer of this shape.
ShapeFunction = Callable[[Request], Iterator[tuple[Mode, Claim]]]
