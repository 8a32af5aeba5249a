"""Evidence that answers -> the claims of the answer, as they come about."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rag.answering import citations
from rag.answering.conflicts import find_conflict, is_version
from rag.answering.fact import state_fact
from rag.answering.grounded import write_grounded
from rag.answering.verify import Claim, DocumentLookup
from rag.protocols import ChatModel
from rag.types import Evidence, Mode


def compose(
    question: str,
    evidence: Sequence[Evidence],
    min_confidence: float,
    chat: ChatModel | None,
    document: DocumentLookup,
    templates: Path,
) -> Iterator[tuple[Mode, Claim]]:
    """Yield the claims of the answer, each with who worded it: the model or the source.

    The best sentence is known to answer. A chat model writes out of several passages, and what the
    sources do not hold is left out; a base model puts the short answer into a sentence. Where
    neither comes about, the best sentence answers itself. Closing the iterator stops the model.
    """
    cited: set[Evidence] = set()
    if chat and chat.follows_instructions:
        for claim in write_grounded(question, evidence, chat, document, templates):
            cited.update(claim.evidence)
            yield "generated", claim
    if not cited:
        mode, claim = state_fact(question, evidence[0], chat, document, templates)
        cited.update(claim.evidence)
        yield mode, claim
    shown = [e for e in evidence if any(_overlap(e, c) for c in cited)] or [evidence[0]]
    conflict = find_conflict([shown[0], *(e for e in evidence if e not in shown)], min_confidence)
    if conflict:
        title, date = conflict.hit.title, conflict.hit.date
        for quote in citations.quoted([conflict], document):
            named = f"{title} ({date})" if date else title
            is_older = is_version(conflict, shown[0])
            opening = (
                f"An earlier version, {named}, says" if is_older else f"{named} says otherwise"
            )
            yield "extractive", replace(quote, text=f"{opening}: {quote.text}")


def _overlap(one: Evidence, other: Evidence) -> bool:
    same = one.hit.chunk.document == other.hit.chunk.document
    return same and one.start < other.end and other.start < one.end
