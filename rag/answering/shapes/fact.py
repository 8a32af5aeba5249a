"""The best sentence -> the answer in one sentence: the model's where it holds, or the source's."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from rag.answering import citations, prompt, verify
from rag.answering.conflicts import find_conflict, is_version
from rag.answering.generate import generate
from rag.answering.grounded import write_grounded
from rag.answering.shapes.request import Request
from rag.answering.verify import Claim, DocumentLookup
from rag.protocols import ChatModel
from rag.text.lookalikes import as_label, poses
from rag.text.rows import cell_asked_for, cells_of
from rag.text.sentences import LIST_ITEM, is_question, sentence_spans
from rag.text.tokens import words_of
from rag.types import Evidence, Mode, Span

_MAX_RESTATED_TOKENS = 60
# Words within which a reader expects the answer; one that comes later is put in front.
_MAX_WORDS_BEFORE_ANSWER = 25
_MAX_QUOTED_WORDS = 40  # of a sentence shown as it stands; a longer one is opened in its footnote
_MAX_WHOLE_WORDS = 50  # of a sentence that is shown whole where the reader found a part of it
_GOES_ON_IN_ROW = re.compile(r" [·|] \S")  # behind a value of a row of a table
# A sentence that begins with one of these needs the sentence before it.
_DEPENDS = re.compile(r"(?:He|She|It|They|His|Her|Its|Their|This|These|That|Those|Both|Yes|No)\b")


def fact(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield the answer in a sentence, and a sentence of another document that contradicts it.

    A chat model writes out of several passages, and what the sources do not hold is left out; a
    base model puts the short answer into a sentence. If neither succeeds, the best sentence
    is the answer.
    """
    if request.decision.reason:
        return
    evidence, document, chat = request.evidence, request.corpus.document, request.chat
    question = request.question.text
    cited: set[Evidence] = set()
    if chat and chat.follows_instructions:
        written = write_grounded(
            question,
            evidence,
            chat,
            document,
            request.templates,
            request.note,
            lambda k: request.corpus.search(question, k),
        )
        for claim in written:
            cited.update(claim.evidence)
            yield "generated", claim
    if not cited:
        mode, claim = state_fact(question, evidence[0], chat, document, request.templates)
        cited.update(claim.evidence)
        yield mode, claim
    yield from contradicted(evidence, cited, request.certainty, document)


def contradicted(
    evidence: Sequence[Evidence],
    cited: Collection[Evidence],
    certainty: float,
    document: DocumentLookup,
) -> Iterator[tuple[Mode, Claim]]:
    """Yield the sentence that contradicts the cited ones, with the name of its document."""
    shown = [e for e in evidence if any(_overlap(e, c) for c in cited)] or [evidence[0]]
    conflict = find_conflict([shown[0], *(e for e in evidence if e not in shown)], certainty)
    if conflict:
        title, date = as_label(conflict.hit.title), conflict.hit.date
        for quote in citations.quoted([conflict], document):
            named = f"{title} ({date})" if date else title
            is_older = is_version(conflict, shown[0])
            opening = (
                f"An earlier version, {named}, says" if is_older else f"{named} says otherwise"
            )
            said = quote.text.removeprefix(f"{title}: ")  # it is named already
            yield "extractive", replace(quote, text=f"{opening}: {said}")


def state_fact(
    question: str,
    best: Evidence,
    chat: ChatModel | None,
    document: DocumentLookup,
    templates: Path,
) -> tuple[Mode, Claim]:
    """Return the answer in one sentence: the model's where it holds, else the source's own."""
    is_likely = best.score >= prompt.LIKELY  # else the words of the source are the safer answer
    if chat and is_likely and not chat.follows_instructions and not row_claim(question, best):
        claim = _restated(question, whole_sentence(best), chat, document, templates)
        if claim:
            return "generated", claim
    return "extractive", source_claim(question, best, document)


def source_claim(question: str, best: Evidence, document: DocumentLookup) -> Claim:
    """Return the answer in the words of its source: the cell of a row, or the sentence."""
    if of_row := row_claim(question, best):
        return of_row
    best = whole_sentence(best)
    return own_words(best, context_sentence(best), document)


def row_claim(question: str, best: Evidence) -> Claim | None:
    """Return what a row of a table answers: its first value, and the cell asked for with its head.

    None if the sentence is no row, or has no short answer.
    """
    if best.focus is None:
        return None
    start, end = best.focus.start - best.start, best.focus.end - best.start
    cell = cell_asked_for(question, best.text, start, end)
    if cell is None:
        return None
    label = cells_of(best.text)[0].value
    named = f"{label}, {cell.head}" if cell.head else label
    text = f"{label}." if cell.value == label else f"{named}: {cell.value}."
    focus = Span(best.start + cell.start, best.start + cell.end)
    return Claim(text, "supported", (replace(best, focus=focus),))


def _restated(
    question: str,
    best: Evidence,
    chat: ChatModel,
    document: DocumentLookup,
    templates: Path,
) -> Claim | None:
    """Return the short answer as a sentence of the model; None if that says more, or is none."""
    if best.focus is None:
        return None
    before, short = context_sentence(best), citations.short_answer(best, document)
    source = " ".join([before.text, best.text] if before else [best.text])
    named = f"{best.hit.title}. {source}"
    built = prompt.restatement(question, short, named, templates)
    *written, end = generate(chat, built, _MAX_RESTATED_TOKENS)
    if end is not None:
        return None  # it was cut off
    sentences = citations.claims("".join(piece for piece in written if piece))
    shown = [sentence for sentence in (before, best) if sentence]
    if len(sentences) != 1 or not verify.restates(sentences[0], question, short, shown):
        return None
    if poses(sentences[0]):
        return None
    claim = verify.attributed(Claim(sentences[0], "supported", tuple(shown)), document)
    return claim if claim.verdict == "supported" else None


def own_words(best: Evidence, before: Evidence | None, document: DocumentLookup) -> Claim:
    """Return the sentence as it stands, or with the short answer in front if that comes late."""
    (quote,) = citations.quoted([best], document)
    evidence = (before, best) if before else (best,)
    if best.focus is None or poses(best.text):
        return replace(quote, evidence=evidence)
    short = citations.short_answer(best, document)
    words = quote.text.split()
    ends = quote.text.rstrip('"”’)').endswith((".", "!", "?"))
    is_direct = _is_run_of(words_of(short), words_of(" ".join(words[:_MAX_WORDS_BEFORE_ANSWER])))
    if ends and is_direct and len(words) <= _MAX_QUOTED_WORDS:
        return replace(quote, evidence=evidence)
    opening = short[:1].upper() + short[1:] if short.split()[0].islower() else short
    text = quote.text if ends else f"{quote.text.rstrip('…')}."
    if len(short.split()) * 2 > len(words):
        return replace(quote, text=text, evidence=evidence)
    quoted = text if text.endswith(("”", '"')) else f"“{text.replace('“', '‘').replace('”', '’')}”"
    return replace(quote, text=f"{opening}: {quoted}", evidence=evidence)


def _is_run_of(run: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether the words of `run` stand in `words`, one after the other."""
    return any(list(words[at : at + len(run)]) == list(run) for at in range(len(words)))


def whole_sentence(evidence: Evidence) -> Evidence:
    """Return the sentence that a part of it is from, and the next one where it only leads in.

    An item of a list comes with what leads it in and goes on in it; a row of a table that was cut
    behind a value stays so.
    """
    offset, text = evidence.hit.chunk.start, evidence.hit.chunk.text
    spans = sentence_spans(text)
    for number, (start, end) in enumerate(spans):
        if offset + start <= evidence.start and evidence.end <= offset + end:
            is_opening = evidence.start == offset + start
            if is_opening and _GOES_ON_IN_ROW.match(text, evidence.end - offset):
                return evidence
            if text[start:end].endswith(":") and number + 1 < len(spans):
                end = spans[number + 1][1]
            start = _lead_in(text, spans[: number + 1])
            if len(text[start:end].split()) > _MAX_WHOLE_WORDS:
                return evidence
            whole = text[start:end]
            return replace(evidence, start=offset + start, end=offset + end, text=whole)
    return evidence


def _lead_in(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """Return where the words begin that the last of the spans goes on with; else its own start.

    Those are an unfinished sentence before the items of a list.
    """
    start = spans[-1][0]
    marker = LIST_ITEM.match(text, start)
    if not marker:
        return start
    goes_on = text[marker.end() : marker.end() + 1].islower()
    indent = start - text.rfind("\n", 0, start)
    for first, last in reversed(spans[:-1]):
        stands = first - text.rfind("\n", 0, first)
        if LIST_ITEM.match(text, first) and stands >= indent:
            continue  # an item beside it, or below one
        lead = text[first:last]
        return first if lead.endswith(":") or (goes_on and lead[-1].isalnum()) else start
    return start


def context_sentence(evidence: Evidence) -> Evidence | None:
    """Return the sentence before, if this one begins with a pronoun or that one asks a question."""
    offset, text = evidence.hit.chunk.start, evidence.hit.chunk.text
    spans = sentence_spans(text)
    for (start, end), following in pairwise(spans):
        if offset + following[0] != evidence.start:
            continue
        if _DEPENDS.match(evidence.text) or is_question(text[start:end]):
            return replace(
                evidence,
                start=offset + start,
                end=offset + end,
                text=text[start:end],
                focus=None,
            )
    return None


def _overlap(one: Evidence, other: Evidence) -> bool:
    same = one.hit.chunk.document == other.hit.chunk.document
    return same and one.start < other.end and other.start < one.end
