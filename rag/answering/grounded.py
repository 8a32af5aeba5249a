"""Evidence + a chat model -> the sentences it writes that the sources hold."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from rag.answering import citations, prompt, verify
from rag.answering.generate import generate
from rag.answering.verify import Claim, DocumentLookup
from rag.protocols import ChatModel
from rag.types import Evidence

_MAX_ANSWER_TOKENS = 120


def write_grounded(
    question: str,
    evidence: Sequence[Evidence],
    chat: ChatModel,
    document: DocumentLookup,
    templates: Path,
) -> Iterator[Claim]:
    """Yield the sentences of a chat model that its sources hold, as they come."""
    sources = prompt.choose_sources(evidence, chat.count_tokens)
    built = prompt.grounded(question, sources, templates)
    text, done = "", 0
    with closing(generate(chat, built, _MAX_ANSWER_TOKENS)) as pieces:
        for piece in pieces:
            text += piece or ""
            sentences = citations.claims(text)
            # The last sentence is complete only when the model is; None says so.
            for sentence in sentences[done : len(sentences) - (piece is not None)]:
                done += 1
                claim = verify.check_sentence(sentence, sources, document, question)
                claim = verify.attributed(claim, document)
                if claim.verdict == "supported":
                    yield claim
