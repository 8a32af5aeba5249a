"""Weighed sentences -> the claims of an answer, as they come about."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice

from rag.answering import citations, evidence, prompt, verify
from rag.answering.verify import Claim, Documents
from rag.config import bundled
from rag.protocols import ChatModel
from rag.types import Evidence, Mode, Piece, Source

MAX_ANSWER_TOKENS = 120
# Seconds that a model may write; then the sources answer, or what it has written so far.
_PATIENCE = 120.0
# Chance of its words; of those that a model is less sure of, every third is wrong.
_SURE = 0.5


def compose(
    question: str,
    before: str,
    weighed: Sequence[Evidence],
    certainty: float,
    chat: ChatModel | None,
    document: Documents,
) -> Iterator[tuple[Mode, Claim]]:
    """Yield the claims of the answer, each with who worded it: the model or the source.

    `before` is the question before this one in a conversation. Nothing is yielded where the chance
    of being right stays below `certainty`. Closing the iterator stops the model.
    """
    if not evidence.enough(weighed, certainty, declines=0.0):  # whatever a model says
        return
    asked, silent = evidence.asked_for(question, before), True
    if not (chat and chat.brief) and not evidence.enough(weighed, certainty):
        return
    if chat:
        sources = prompt.choose_sources(weighed, chat.count_tokens)
        in_context = evidence.in_context(question, before)
        built = prompt.build(in_context, sources, bundled("prompts"))
        with closing(chat.stream(built, MAX_ANSWER_TOKENS)) as pieces:
            if chat.brief:
                first = list(
                    islice(pieces, 1)
                )  # what it begins with decides whether more is wanted
                declines = first[0].declines if first else 1.0
                if not evidence.enough(weighed, certainty, declines):
                    return
                written = [piece for piece in _until_cut(chain(first, pieces)) if piece]
                claims = _short_answer(written, asked, weighed, document)
            else:
                claims = _checked_sentences(_until_cut(pieces), asked, sources, weighed, document)
            for claim in claims:
                silent = False
                yield claim
    if silent:
        for quote in citations.quoted(evidence.choose(asked, weighed), document):
            yield "extractive", quote


def _checked_sentences(
    pieces: Iterable[Piece | None],
    question: str,
    sources: Sequence[Source],
    weighed: Sequence[Evidence],
    document: Documents,
) -> Iterator[tuple[Mode, Claim]]:
    """Yield the sentences of the model that hold, and a source that says otherwise."""
    text, done = "", 0
    cited: set[Evidence] = set()
    for piece in pieces:
        text += piece.text if piece else ""
        sentences = citations.claims(text)
        # The last sentence is complete only when the model is; None says so.
        for sentence in sentences[done : len(sentences) - (piece is not None)]:
            done += 1
            claim = verify.check(sentence, sources, document, question)
            if verify.copies(claim):
                return  # the sentence itself, with those around it, says more
            claim = verify.attributed(claim, document)
            answers = evidence.answers(claim.text, question, claim.evidence, weighed)
            if claim.verdict == "supported" and answers:
                cited.update(claim.evidence)
                yield "generated", claim
    if cited:
        conflicting = (e for e in evidence.otherwise(question, weighed) if e not in cited)
        for quote in citations.quoted(conflicting, document):
            yield "extractive", quote


def _short_answer(
    written: Sequence[Piece], question: str, weighed: Sequence[Evidence], document: Documents
) -> Iterator[tuple[Mode, Claim]]:
    """Yield the best sentence, below some words of it where the model is sure of them.

    Words of another sentence are rarely right, but that sentence, quoted beside the best one, often
    is.
    """
    text = " ".join(citations.claims("".join(piece.text for piece in written)))
    phrases = (verify.phrase(text, sentence) for sentence in evidence.likely(weighed))
    fitting = (claim for claim in phrases if claim and evidence.names_it(claim.text, question))
    claim = next(fitting, None)
    if claim is None:
        return
    (source,) = claim.evidence
    is_sure = citations.chance(written) >= _SURE
    if source is weighed[0] and is_sure and not verify.copies(claim):
        claim = verify.attributed(claim, document)
        if claim.verdict == "supported":
            yield "generated", claim
    for quote in citations.quoted(evidence.in_place(question, weighed, source), document):
        yield "extractive", quote


def _until_cut(pieces: Iterable[Piece]) -> Iterator[Piece | None]:
    """Yield the pieces, and None behind them where the model came to its end, not where it was
    cut.
    """
    until = time.monotonic() + _PATIENCE
    for number, piece in enumerate(pieces, 1):
        yield piece
        if number >= MAX_ANSWER_TOKENS or time.monotonic() > until:
            return
    yield None
