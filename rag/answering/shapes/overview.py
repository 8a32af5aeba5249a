"""A request for a summary -> a briefing of cited sentences, chosen to cover the whole."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

import numpy as np

from rag.answering import citations
from rag.answering.citations import evidence_at, evidence_of
from rag.answering.shapes.request import Request
from rag.answering.verify import Claim
from rag.text.dates import in_words
from rag.text.sentences import is_question, sentence_spans
from rag.text.tokens import content_of
from rag.types import Document, Evidence, Hit, Mode, Vectors

_MAX_SENTENCES = 8
_MIN_SENTENCES = 7  # as far as there are so many
_MAX_BRIEFING_WORDS = 165  # of a briefing: with its heading a page of a notebook, about 180 words
# Words of a sentence that says something by itself and is still read at one go.
_SHORTEST, _LONGEST_SENTENCE = 7, 34
_WEIGHED_SENTENCES = 12  # of each part of a document: the first of each paragraph first
_TOPIC_HITS = 12
_FEWEST_ON_TOPIC = 3  # sentences on a subject that stand by themselves
# Of the words of a topic, weighed alike: a passage that holds fewer is on something else.
_ON_TOPIC = 0.5
# What needs the sentence before, or is about the text itself.
_NOT_ALONE = re.compile(
    r"(?:He|She|It|They|His|Her|Its|Their|This|These|That|Those|Both|Yes|No|But|And|Or|So|Then|"
    r"The (?:first|second|third|others?|latter|former|same|rest)|There|Such|Here|However|Instead|"
    r"Also|Still|Yet|For example|Source|Table|Figure|Note)\b"
)
_REFERS_BACK = re.compile(r"\b(?:it|its|they|them|their|he|his|him|she|her|this|these|those)\b")
_REFERRING_PRICE = (
    0.2  # of a cosine: of sentences that say as much the one that names things is taken
)


def overview(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield a briefing on the document a question names, or on its subject.

    Of several that fit, versions or years of one report, it is on the newest.
    """
    question = request.question
    if question.subject:
        chosen = _on_topic(request)
    else:
        newest = max(map(request.corpus.document, question.documents), key=_age)
        if len(question.documents) > 1:
            request.note(f"{len(question.documents)} documents fit; this is on the newest.")
        chosen = _of_document(request, newest)
        if chosen:
            yield "extractive", _heading(newest)
    for claim in citations.quoted(chosen, request.corpus.document):
        yield "extractive", claim


def _age(document: Document) -> tuple[str, str]:
    return document.date, document.name


def _heading(document: Document) -> Claim:
    """Return the title, author and date of a document as the line that a briefing begins with."""
    parts = [f"“{document.title}”", *document.authors, in_words(document.date)]
    line = f"{', '.join(part for part in parts if part)}."
    return Claim(line, "supported", evidence_of(document, document.title))


# --- A document -----------------------------------------------------------------------------------


def _of_document(request: Request, document: Document) -> list[Evidence]:
    """Return the most telling sentences of the parts of a document, in its order."""
    parts = [_candidates(document, part) for part in _parts_of(document)]
    parts = [part for part in parts if part]
    if not parts:
        return []
    vectors = request.corpus.encode([e.text for part in parts for e in part])
    centre = vectors.mean(axis=0)
    chosen: list[tuple[Evidence, np.ndarray[tuple[int], np.dtype[np.float32]]]] = []
    rest: list[tuple[float, Evidence, Vectors]] = []
    at = 0
    for part in parts:
        own = vectors[at : at + len(part)]
        at += len(part)
        # What is near to its part and to the whole, and not said already.
        scores = own @ (own.mean(axis=0) + centre)
        scores -= _REFERRING_PRICE * np.array([bool(_REFERS_BACK.search(e.text)) for e in part])
        if chosen:
            scores = scores - (own @ np.stack([v for _, v in chosen]).T).max(axis=1)
        order = np.argsort(-scores, kind="stable")
        chosen.append((part[order[0]], own[order[0]]))
        rest += [(float(scores[i]), part[i], own[i]) for i in order[1:]]
    picked = [e for e, _ in chosen]
    for _, evidence, _ in sorted(rest, key=lambda r: -r[0]):
        if len(picked) >= _MIN_SENTENCES:
            break
        picked.append(evidence)
    return sorted(_within_briefing(picked), key=lambda e: e.start)


def _parts_of(document: Document) -> list[list[tuple[int, int]]]:
    """Return the spans of the paragraphs of at most _MAX_SENTENCES parts of a document.

    The parts are its sections at the deepest level that has few enough; those of a document of more
    sections, or of none, are runs of about the same length.
    """
    texts = [p for p in document.paragraphs if p.kind == "text"]
    paths = [document.sections[p.section].path for p in texts]
    for depth in (3, 2, 1):
        groups = [
            [(p.start, p.end) for p, _ in run]
            for _, run in groupby(
                zip(texts, [path[:depth] for path in paths], strict=True), itemgetter(1)
            )
        ]
        if 1 < len(groups) <= _MAX_SENTENCES:
            return groups
    spans = [(p.start, p.end) for p in texts]
    total = sum(end - start for start, end in spans) or 1
    ends = np.cumsum([end - start for start, end in spans]) - 1
    return [
        [span for span, _ in run]
        for _, run in groupby(
            zip(spans, ends, strict=True), lambda pair: int(pair[1] * _MAX_SENTENCES / total)
        )
    ]


def _candidates(document: Document, spans: Sequence[tuple[int, int]]) -> list[Evidence]:
    """Return sentences that can stand alone, the first of each paragraph before the others.

    If none of them can, those that only lean on the sentence before: no part is left out.
    """
    sentences = [
        (rank, start + first, start + last)
        for start, end in spans
        for rank, (first, last) in enumerate(sentence_spans(document.text[start:end]))
        if _tells_something(document, start + first, start + last)
    ]
    alone = [s for s in sentences if not _NOT_ALONE.match(document.text, s[1])]
    found = sorted(alone or sentences)[:_WEIGHED_SENTENCES]
    return [evidence_at(document, first, last) for _, first, last in found]


def _tells_something(document: Document, start: int, end: int) -> bool:
    text = document.text[start:end]
    if not _SHORTEST <= len(text.split()) <= _LONGEST_SENTENCE or is_question(text):
        return False
    if not text.rstrip('"”’)]0123456789').endswith((".", "!")) or not text[0].isupper():
        return False
    if any(table.start <= start < table.end for table in document.tables):
        return False  # a row says nothing without its table
    # Of a quotation only the narration around it, or the whole with its speaker, can be quoted.
    return not document.quotations_in(start, end)


# --- A subject ------------------------------------------------------------------------------------


def _on_topic(request: Request) -> list[Evidence]:
    """Return the sentences that say most on a subject, in the order of their documents."""
    question = request.question
    wanted = content_of(question.subject)
    hits = request.corpus.search(question.subject, _TOPIC_HITS, question.documents)
    hits = tuple(hit for hit in hits if _covers(hit, wanted))
    if not hits:
        return []
    evidence = request.corpus.read(question.text, hits)
    evidence = tuple(e for e in evidence if len(e.text.split()) >= _SHORTEST)
    if not evidence:
        return []
    topic, *vectors = request.corpus.encode([question.subject, *(e.text for e in evidence)])
    near = np.argsort(-(np.stack(vectors) @ topic), kind="stable")
    # The reader orders by what answers, the vectors by what is on the subject.
    by_meaning = np.argsort(near)  # the place of each sentence in `near`
    best = sorted(near.tolist(), key=lambda by_reader: by_reader + by_meaning[by_reader])
    on_subject = [evidence[i] for i in best if wanted & content_of(evidence[i].text)]
    chosen = _within_briefing(on_subject or [evidence[i] for i in best[:_MIN_SENTENCES]])
    if len(chosen) < _FEWEST_ON_TOPIC:  # what comes next goes on with it
        followed = [part for e in chosen for part in (e, _next_in_paragraph(e)) if part]
        chosen = _within_briefing(followed)
    order = {hit.chunk.document: n for n, hit in reversed(list(enumerate(hits)))}
    return sorted(chosen, key=lambda e: (order[e.hit.chunk.document], e.start))


def _next_in_paragraph(evidence: Evidence) -> Evidence | None:
    """Return the sentence behind this one; None if it is the last of its paragraph."""
    offset, text = evidence.hit.chunk.start, evidence.hit.chunk.text
    for start, end in sentence_spans(text):
        if offset + start >= evidence.end:
            if "\n\n" in text[evidence.end - offset : start]:
                return None
            following = replace(evidence, start=offset + start, end=offset + end, focus=None)
            return replace(following, text=text[start:end])
    return None


def _covers(hit: Hit, wanted: frozenset[str]) -> bool:
    held = content_of(hit.chunk.text) | content_of(hit.chunk.context)
    return len(wanted & held) >= _ON_TOPIC * len(wanted)


def _within_briefing(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the first of the sentences, none twice, as many as a briefing may have."""
    chosen: dict[str, Evidence] = {}
    words = 0
    for sentence in evidence:
        length = len(sentence.text.split())
        fits = len(chosen) < _MAX_SENTENCES and words + length <= _MAX_BRIEFING_WORDS
        if fits and sentence.text not in chosen:
            chosen[sentence.text] = sentence
            words += length
    return list(chosen.values())
