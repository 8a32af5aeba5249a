"""Who says what: the speaker of a claim's words in its sources, and in the claim. Pure."""

from collections.abc import Sequence

from rag.text.speech import reported
from rag.text.tokens import content_of
from rag.types import Document, Evidence

_TITLE_WORDS = 7  # in quotation marks without a speaker; more are somebody's words


def speaker_of(claim: str, evidence: Evidence, source: Document) -> tuple[str, str] | None:
    """Return who says the part of a sentence that a claim takes, and all that they say there.

    None if the document itself says it.
    """
    words = content_of(claim)
    for quotation in source.quotations_in(evidence.start, evidence.end):
        first, last = max(quotation.start, evidence.start), min(quotation.end, evidence.end)
        said, around = (
            source.text[first:last],
            source.text[evidence.start : first] + source.text[last : evidence.end],
        )
        if _only_in(words, said, around) and (
            quotation.speaker or len(said.split()) > _TITLE_WORDS
        ):
            return quotation.speaker, said
    for speaker, said in reported(evidence.text):
        if _only_in(words, said, evidence.text.replace(said, " ")):
            return speaker, said
    return None


def other_speaker(claim: str, evidence: Sequence[Evidence]) -> str:
    """Return who really says, in the evidence, what the claim gives to somebody else.

    "" if nobody does.
    """
    reports = [
        (speaker, content_of(said))
        for e in evidence
        for speaker, said in reported(e.text)
        if speaker
    ]
    for who, said in reported(claim) if reports else ():
        speaker, shared = max(
            ((speaker, len(words & content_of(said))) for speaker, words in reports),
            key=lambda s: s[1],
        )
        if who and shared and content_of(who).isdisjoint(content_of(speaker)):
            return speaker
    return ""


def _only_in(words: frozenset[str], said: str, around: str) -> bool:
    """Return whether what is said has words of a claim that stand nowhere around it."""
    return not (words & content_of(said)) <= content_of(around)


def quoted_speaker(evidence: Evidence, source: Document) -> str:
    """Return the speaker of a quotation that the sentence touches; "" if there is none."""
    quotations = source.quotations_in(evidence.start, evidence.end)
    return next((q.speaker for q in quotations), "")
