"""A question for several things -> each with its footnote, complete or marked as partial."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.answering import citations
from rag.answering.citations import evidence_at
from rag.answering.shapes.fact import own_words, row_claim
from rag.answering.shapes.request import Request
from rag.answering.verify import Claim
from rag.text.rows import is_row
from rag.text.sentences import LIST_ITEM, item_starts, sentence_spans
from rag.text.tokens import content_of, content_of_document, is_number, stem, words_of
from rag.types import Document, Evidence, Hit, Mode, Span

_WHO_SPEAKS = re.compile(r"(?i)\b(?:quoted|interviewed|speak|speaks|speakers?|spoke|cited)\b")
_MAX_READ = 48  # passages, about six seconds on two cores
_NEAREST = 16  # passages read where no document is named
_MAX_ITEMS = 15
_FEWEST_ITEMS = 2  # one thing is a fact
_MAX_LEADS = 2  # sentences that a list is looked for at: the best may only repeat the question
_MOST_ASKED = 0.6  # of the question's words, in the title and heading of a list that answers it
_JOINS_ITEMS = re.compile(r"[;,]?(?:\s+(?:and|or))?\s*$")


def listed(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield the things a question asks for, one claim each; nothing if there are not several."""
    speakers = _speakers(request) if _WHO_SPEAKS.search(request.question.text) else []
    claims, unread = speakers or _stored_items(request), ""
    if not claims and not request.question.may_be_list:
        hits, unread = _to_read(request)
        claims = _read_items(request, hits)
    if len(claims) >= _FEWEST_ITEMS:
        if unread:
            request.note(unread)
        for claim in claims[:_MAX_ITEMS]:
            yield "extractive", claim
        if len(claims) > _MAX_ITEMS:
            request.note(f"The first {_MAX_ITEMS} of {len(claims)} are listed.")


# --- Who is quoted --------------------------------------------------------------------------------


def _speakers(request: Request) -> list[Claim]:
    """Return who is quoted in the documents that the question names, or in the nearest one."""
    nearest = tuple(e.hit.chunk.document for e in request.evidence[:1])
    names = request.question.documents or nearest
    first: dict[str, Evidence] = {}
    for name in names:
        document = request.corpus.document(name)
        for quotation in document.quotations:
            if quotation.speaker and quotation.speaker not in first:
                first[quotation.speaker] = _first_sentence(document, quotation.start, quotation.end)
    return [Claim(speaker, "supported", (evidence,)) for speaker, evidence in first.items()]


def _first_sentence(document: Document, start: int, end: int) -> Evidence:
    first, last = next(iter(sentence_spans(document.text[start:end])), (0, end - start))
    return evidence_at(document, start + first, start + last)


# --- A list as the document has it ----------------------------------------------------------------


def _stored_items(request: Request) -> list[Claim]:
    """Return the items of the list that answers: the best sentence is one of them or leads it in.

    A list is led in by the sentence before it. Else it is the list of the nearest documents whose
    title and heading hold what the question asks for.
    """
    for best in request.evidence[:_MAX_LEADS]:
        if best.score < request.certainty:
            break
        document = request.corpus.document(best.hit.chunk.document)
        for items in _lists_in(document):
            start, end = items[0].start, items[-1].end
            between = document.text[best.end : start].strip()
            bullet = LIST_ITEM.match(f"{between} x")  # of the first item
            lead = between if bullet is None or bullet.end() <= len(between) else ""
            if start <= best.end <= end or (best.end <= start and not lead):
                return [_item(document, item) for item in items]
    return _items_under_heading(request)


def _items_under_heading(request: Request) -> list[Claim]:
    """Return the items of the list whose title and heading hold the words of the question.

    Under a heading whose words all stand in the question the text of the document may hold the
    rest: its recommendations, of a title that says nothing of what was inspected.
    """
    wanted = content_of(request.question.text)
    if not wanted:
        return []
    nearest = dict.fromkeys(e.hit.chunk.document for e in request.evidence)
    best: tuple[float, Document, list[Span]] | None = None
    for document in map(request.corpus.document, request.question.documents or nearest):
        in_title = content_of(document.title) & wanted
        in_text: frozenset[str] | None = None  # made once, and only if a heading asks for it
        for items in _lists_in(document):
            paragraph = document.paragraph_at(items[0].start)
            path = document.sections[paragraph.section].path if paragraph else ()
            heading = content_of(path[-1] if path else "")
            if heading.isdisjoint(wanted):
                continue
            beside = in_title
            if heading <= wanted:
                if in_text is None:
                    in_text = content_of_document(document.text) & wanted
                beside = in_text
            held = len(beside | (heading & wanted)) / len(wanted)
            if held >= _MOST_ASKED and (best is None or held > best[0]):
                best = held, document, items
    return [_item(best[1], item) for item in best[2]] if best else []


def _lists_in(document: Document) -> list[list[Span]]:
    """Return the items of each list, their bullets and what joins them left out."""
    lists: list[list[Span]] = []
    ends = -1
    for paragraph in document.paragraphs:
        if paragraph.kind != "text":
            continue
        starts = item_starts(document.text, paragraph.start, paragraph.end)
        if not starts and LIST_ITEM.match(document.text, paragraph.start):
            starts = [paragraph.start]  # items with blank lines between them
        if not starts:
            continue
        goes_on = ends >= 0 and not document.text[ends : starts[0]].strip()
        if not goes_on:
            lists.append([])
        bounds = [*starts, paragraph.end]
        lists[-1] += [_item_words(document.text, *pair) for pair in pairwise(bounds)]
        ends = paragraph.end
    return lists


def _item_words(text: str, start: int, end: int) -> Span:
    """Return the words of an item: without its bullet, and the "; and" before the next one."""
    bullet = LIST_ITEM.match(text, start)
    start = bullet.end() if bullet else start
    return Span(start, start + len(_JOINS_ITEMS.sub("", text[start:end])))


def _item(document: Document, item: Span) -> Claim:
    (claim,) = citations.quoted([evidence_at(document, item.start, item.end)], lambda _: document)
    return claim


# --- Sentences that answer each -------------------------------------------------------------------


def _read_items(request: Request, hits: Sequence[Hit]) -> list[Claim]:
    """Return one claim for each different short answer that the reader is sure of."""
    question = request.question
    found: list[Evidence] = []
    answers: list[frozenset[str]] = []
    for evidence in request.corpus.read(question.text, hits):
        if evidence.score < request.certainty:
            continue
        if not _is_row_asked_for(question.text, evidence):
            continue
        words = content_of(evidence.short_answer)
        # A part of an answer, or one in other words, is none of its own.
        if words and not any(words <= known or known <= words for known in answers):
            answers.append(words)
            found.append(evidence)
    document = request.corpus.document
    return [row_claim(question.text, e) or own_words(e, None, document) for e in found]


def _is_row_asked_for(question: str, evidence: Evidence) -> bool:
    """Return False for a row of a table that lacks a number or year of the question."""
    if not is_row(evidence.text):
        return True
    held = content_of(f"{evidence.text} {evidence.hit.title} {evidence.hit.chunk.context}")
    return {stem(word) for word in words_of(question) if is_number(word)} <= held


def _to_read(request: Request) -> tuple[Sequence[Hit], str]:
    """Return every passage of the documents that the question names, or the nearest of all.

    And a sentence on what of these documents is not read; "" if all of it is.
    """
    question, corpus = request.question, request.corpus
    if not question.documents:
        return corpus.search(question.text, _NEAREST), ""
    hits = corpus.passages(question.documents)
    if len(hits) <= _MAX_READ:
        return hits, ""
    unread = f"The {_MAX_READ} nearest of {len(hits)} passages were read; there may be more."
    return corpus.search(question.text, _MAX_READ, question.documents), unread
