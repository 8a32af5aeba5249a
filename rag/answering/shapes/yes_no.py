"""A question for yes or no -> the sentence that says so, with the verdict where it is plain."""

import re
from collections.abc import Iterator
from dataclasses import replace

from rag.answering.checks.checks import (
    apply,
    has_its_names_and_amounts,
    has_most_of_its_words,
    keeps_direction,
    keeps_doubt,
    keeps_negations,
)
from rag.answering.checks.compared import Compared
from rag.answering.citations import quoted
from rag.answering.shapes.fact import context_sentence, contradicted, own_words, whole_sentence
from rag.answering.shapes.request import Request
from rag.answering.verify import Claim
from rag.text.tokens import words_of
from rag.types import Evidence, Mode

_LEADING_VERB = re.compile(r"^\w+(?:['’]t)? ")  # "Did", "isn't": what is left is a statement
_MAX_PAIR_WORDS = 45  # of the two sentences shown where the second needs the first
_VERDICTS = {True: "Yes: ", False: "No: ", None: ""}


def yes_no(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield the best sentence, with "Yes" or "No" before it if it says so."""
    if request.decision.reason:
        return
    document = request.corpus.document
    best = replace(whole_sentence(request.evidence[0]), focus=None)
    before = context_sentence(best)
    claim = own_words(best, before, document)
    if before and len(f"{before.text} {best.text}".split()) <= _MAX_PAIR_WORDS:
        # "It had none" says who only behind its sentence before.
        (lead,) = quoted([before], document)
        claim = replace(claim, text=f"{lead.text} {claim.text}")
    verdict = _affirms(_LEADING_VERB.sub("", request.question.text.rstrip("?! ")), best)
    said = words_of(claim.text)[0].lower() in ("yes", "no")  # it says so itself
    yield "extractive", claim if said else replace(claim, text=_VERDICTS[verdict] + claim.text)
    yield from contradicted(request.evidence, claim.evidence, request.certainty, document)


def _affirms(statement: str, evidence: Evidence) -> bool | None:
    """Return whether a sentence says what a statement says (True) or its opposite (False).

    None if it says neither for certain: it lacks words, names or numbers of the statement, or
    only says that it may be so.
    """
    hit = evidence.hit
    beside = {evidence: f"{hit.title} {hit.chunk.section}"}
    compared = Compared(statement, "", (evidence,), beside=beside)
    if any(apply((has_its_names_and_amounts, has_most_of_its_words), compared)[1:]):
        return None
    if keeps_negations(compared) or keeps_direction(compared):
        return False
    return None if keeps_doubt(compared) else True
