"""Question + Hits -> Evidence.

Every sentence of the hits with the chance that it answers. Pure, the models are handed in.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from rag.protocols import Embedder, Reader
from rag.text.sentences import sentence_spans
from rag.text.tokens import FUNCTION_WORDS, MONTHS, content_of, is_number, stem, words_of
from rag.types import Evidence, Hit, Vectors

Rarity = Callable[[Sequence[str]], list[float]]

# Two logistic regressions over the signals below, fitted by tests/benchmarks/evidence.py: one
# orders the sentences, the other gives the chance that a sentence answers at all. Ranks serve only
# the first: something always ranks first.
_FITTED = Path(__file__).parents[1] / "data" / "evidence.json"
# A sentence elsewhere is shown beside the best one when it is nearly as likely.
_NEARLY = 0.55
_MAX_ELSEWHERE = 3
# Neighbours of the best sentence are shown with it, in the same footnote, as far as there is room:
# a pronoun or a "now we have seventeen" is only understood with the sentence before it.
_NEIGHBOURS = 2
MAX_WORDS = 60
_PLACE_WORDS = 45  # where a brief answer of up to fifteen stands above
_LIKELY = 0.3  # of the chance of the best sentence
# A model that is certain to decline takes an eighth from the odds; the logarithm of its probability
# counts a fifth of a log-odds, and what it does less often than the least counts no more.
_SECOND, _WEIGHT, _LEAST_DECLINES = 0.88, 0.2, 1e-4
_RANK_OFFSET = (
    2  # of few hits the first ranks may decide, where a search lets the many level them out
)
_MAX_SHOWN = 4
# of the question's words: most sentences have other names in them, and few are about the same
_SAME_MATTER = 0.7
_MAX_COMPARED = 12  # of the best sentences, to see whether another document tells otherwise
_FEW_WORDS = 2

# A sentence longer than this is weighed in parts, cut at the mark nearest to its middle: half a
# page proves nothing exactly.
_LONG_WORDS = 45
_CLAUSE_END = re.compile(r"[;:,—–](?=\s)")

_LEAST_LOG_ODDS = (
    -8.0
)  # the reader's minus infinity, for what it could not take in, made comparable
_AMOUNT = re.compile(
    r"(?i)\bhow (?:many|much|long|far|often|old|tall|high|big|large|deep|fast)\b|"
    r"\b(?:what|which)\W+(?:\w+\W+){0,3}(?:percentage|number|share|amount|price|salary|age|length|population|distance|cost)\b"
)
_TIME = re.compile(
    r"(?i)^\W*(?:and |but |so |since |until |by )?when\b|\bwhen\W*$|"
    r"\b(?:what|which) (?:year|date|day|month|century|decade|time|season)\b"
)
_INITIALS = re.compile(
    r"\b([A-Z]{2,6})\b(?=.{0,200}\b(?:stand|short) for\b)|(?:initials|acronym|abbreviation)\W+(?:of\W+)?([A-Z]{2,6})\b"
)
# Who said something stands in front of the quotation, not in it.
_PERSON = re.compile(
    r"(?i)^\W*(?:and |but )?(?:who|whom|whose)\b"
    r"(?!\W+(?:\w+\W+)?(?:said|says?|told|argue|claim|call|state|wrote|writ|declare|ask))"
)
# What names what it asks for; "And in 2022?" or "What about Oslo?" asks for what was asked before.
_ASKS = re.compile(
    r"(?i)\b(?:who|whom|whose|when|where|which|why|(?:what|how)(?! about))\b|"
    r"^\W*(?:and |but |so )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b"
)
_CALENDAR = re.compile(
    r"(?i)\b(?:1\d{3}s?|20\d\ds?|\d[\d,]{0,20}+ ?(?:AD|BC|CE|BCE|BP)|\d+(?:st|nd|rd|th)|\w+(?:teenth|tieth)|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|century|today|yesterday|spring|summer|autumn|winter|years?|"
    r"months?|weeks?|days?|night|morning|evening|\d{1,2}[:.]\d\d|noon|midnight|o'clock)\b"
)

# A sentence that gives orders to whoever answers is no evidence of anything: it is text of its
# document and nothing else. One that tells of such orders ("The system prompt was leaked", "Drivers
# ignore all the rules") is.
_ORDER = re.compile(
    r"(?i)(?:^|[.!?:;,\"“'(\[\]>*#–—-]\s*+|\n[^\S\n]*+|\b(?:please|must|should|shall|now|and|you|then|always|immediately)\s+)"
    r"(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|preceding|other|all)\b.{0,40}"
    r"\b(?:instructions?|sources?|prompts?|rules?|context|directions?)\b|"
    r"\b(?:reverse|encrypt|encode|translate|include|integrate|insert|embed|append|mention|begin|start|end|format|rewrite|repeat)\b"
    r".{0,60}\byour (?:\w+ )?(?:reply|response|answer|output)\b|"
    r"\byour (?:whole|entire|complete|full|only|final|next) (?:reply|response|answer|output) (?:must|should|shall|is)\b|"
    r"\b(?:assistants?|chatbots?|language models?|AIs?|LLMs?) (?:must|should|shall|will|has to|have to|need to) "
    r"(?:\w+ )?(?:state|reply|answer|say|respond|output|write|print|cite|tell|refuse|add|include)\b"
    r".{0,60}\b(?:this|these|following|only|instead|nothing|exactly|questions?|answer|reply|response|source|prompt)\b|"
    r"\bcorrect (?:reply|answer|response) to (?:the|this|any) (?:question|query)\b|"
    r"\b(?:your|reveal|repeat|print|show|output|disclose)\b.{0,40}\bsystem prompt\b|"
    r"\bwhen(?:ever)? you (?:cite|reply)\b|##\s*+(?:instructions?|system|assistant|user|response)\b|"
    r"(?:^|(?<=[.!?:]\s))(?:reply|respond|answer) (?:only )?with\b"
)

# Words that are capitalised because they open a sentence.
_OPENERS = frozenset(stem(word) for word in FUNCTION_WORDS)

SIGNALS = (
    "reader",  # the log-odds of the reader
    "cosine",  # of the vectors of question and sentence
    # the share of the question's content words that sentence and context hold, rare words counting
    # more
    "words",
    "words_of_passage",  # the same for the whole chunk
    # 1 where an amount, a time or a person is asked for and the sentence brings none
    "kind_missing",
    "rank_by_cosine",  # 1 for the sentence with the highest cosine of all, 1/2 for the second …
    "rank_by_reader",
)


def in_context(question: str, before: str) -> str:
    """The question behind the one before it in a conversation, "" where there is none."""
    return f"{before} {question}".strip()


def asked_for(question: str, before: str) -> str:
    """The question that names what is asked for: this one, or with the one before it."""
    return question if _ASKS.search(question) else in_context(question, before)


def weigh(
    question: str,
    hits: Sequence[Hit],
    reader: Reader,
    embedder: Embedder,
    rarity: Rarity,
    before: str = "",
) -> tuple[Evidence, ...]:
    """The sentences of the hits, the best first.

    `score` is the chance (0..1) that the sentence answers the question.

    `before` is the question before it in a conversation, with which it is understood.
    """
    places, signals = measure(question, hits, reader, embedder, rarity, before)
    if not places:
        return ()
    order, chance, offset = fitted()
    # A text that spells initials out says what they stand for, whatever else it is like.
    spelled = np.array(
        [_spells_out(question, hit.chunk.text[start:end]) for hit, start, end in places]
    )
    chances = np.where(spelled, 1.0, 1 / (1 + np.exp(-(signals @ chance + offset))))
    evidence = [
        Evidence(
            hit,
            hit.chunk.start + start,
            hit.chunk.start + end,
            hit.chunk.text[start:end],
            float(chance),
        )
        for (hit, start, end), chance in zip(places, chances, strict=True)
    ]
    return tuple(evidence[i] for i in np.lexsort((-(signals @ order), ~spelled)))


def measure(
    question: str,
    hits: Sequence[Hit],
    reader: Reader,
    embedder: Embedder,
    rarity: Rarity,
    before: str = "",
) -> tuple[list[tuple[Hit, int, int]], Vectors]:
    """The sentences of the hits as (hit, start, end in its chunk), and their signals, float32
    [sentences, len(SIGNALS)].
    """
    asked, question = asked_for(question, before), in_context(question, before)
    spans = [_sentences(hit) for hit in hits]
    places = [
        (hit, start, end)
        for hit, sentences in zip(hits, spans, strict=True)
        for start, end in sentences
    ]
    texts = [hit.chunk.text[start:end] for hit, start, end in places]
    if not texts:
        return [], np.empty((0, len(SIGNALS)), np.float32)
    passages = [
        (hit.chunk.context, [hit.chunk.text[start:end] for start, end in sentences])
        for hit, sentences in zip(hits, spans, strict=True)
    ]
    log_odds = np.maximum(np.concatenate(reader.read(question, passages)), _LEAST_LOG_ODDS)
    vectors = embedder.encode([question, *texts])
    cosines = vectors[1:] @ vectors[0]
    ranked = zip(_reciprocal_ranks(cosines), _reciprocal_ranks(log_odds), strict=True)

    wanted = sorted({word.lower() for word in words_of(question)} - FUNCTION_WORDS)
    rare = {stem(word): value for word, value in zip(wanted, rarity(wanted), strict=True)}
    contexts = {hit.chunk: content_of(hit.chunk.context) for hit in hits}
    chunks = {hit.chunk: content_of(hit.chunk.text) | contexts[hit.chunk] for hit in hits}
    known = content_of(question)
    rows = [
        (
            log_odds[i],
            cosines[i],
            _share(rare, content_of(texts[i]) | contexts[hit.chunk]),
            _share(rare, chunks[hit.chunk]),
            float(_kind_missing(asked, texts[i], known)),
            by_cosine,
            by_reader,
        )
        for i, ((hit, _, _), (by_cosine, by_reader)) in enumerate(zip(places, ranked, strict=True))
    ]
    return places, np.array(rows, np.float32)


def _reciprocal_ranks(values: Vectors) -> Vectors:
    ranks = np.empty(len(values), np.float32)
    ranks[np.argsort(-values, kind="stable")] = 1 / np.arange(1, len(values) + 1)
    return ranks


def _share(rare: dict[str, float], held: frozenset[str]) -> float:
    total = sum(rare.values())
    return sum(value for word, value in rare.items() if word in held) / total if total else 0.0


def _kind_missing(question: str, text: str, known: frozenset[str]) -> bool:
    """Whether the question asks for an amount, a time or a person, and the text brings none of
    its own.
    """
    if _AMOUNT.search(question):
        parts = (part for word in words_of(text) for part in word.split("-"))
        return not any(is_number(part) and stem(part) not in known for part in parts)
    if _TIME.search(question):
        return not any(stem(found) not in known for found in _CALENDAR.findall(text))
    if _PERSON.search(question):
        return not any(
            word[0].isupper() and stem(word) not in known | _OPENERS for word in words_of(text)
        )
    return False


def _spells_out(question: str, text: str) -> bool:
    """Whether the question asks what initials stand for and the text has both them and the words
    they begin.

    After Schwartz & Hearst 2003, "A simple algorithm for identifying abbreviation definitions", for
    whole initials only.
    """
    asked = _INITIALS.search(question)
    initials = next(filter(None, asked.groups()), "") if asked else ""
    words = r"\W+(?:(?:of|for|on|and|the|in|to)\W+)*".join(rf"\b{letter}\w+" for letter in initials)
    return bool(initials) and initials in text and re.search(words, text) is not None


@cache
def fitted() -> tuple[Vectors, Vectors, float]:
    """The weights that order, and the weights and the offset of the chance."""
    values = json.loads(_FITTED.read_text(encoding="utf-8"))
    order, chance = (
        np.array([values[name].get(signal, 0) for signal in SIGNALS], np.float32)
        for name in ("order", "chance")
    )
    return order, chance, values["offset"]


def reorder(hits: Sequence[Hit], evidence: Sequence[Evidence]) -> tuple[Hit, ...]:
    """The hits by their own rank and that of their best sentence, fused by reciprocal ranks
    (Cormack et al. 2009).
    """
    best = {
        hit: rank for rank, hit in enumerate(dict.fromkeys(sentence.hit for sentence in evidence))
    }
    scores = [
        1 / (_RANK_OFFSET + rank) + (1 / (_RANK_OFFSET + best[hit]) if hit in best else 0.0)
        for rank, hit in enumerate(hits)
    ]
    return tuple(
        hit for _, hit in sorted(zip(scores, hits, strict=True), key=lambda scored: -scored[0])
    )


def enough(evidence: Sequence[Evidence], certainty: float, declines: float | None = None) -> bool:
    """Whether the best sentence answers with at least this chance.

    Where none does, the sources do not answer at all.

    `declines` is the probability with which a model that read the sources says that they do not
    answer; None: none was asked.
    """
    return bool(evidence) and _seconded(evidence[0].score, declines) >= certainty


def _seconded(chance: float, declines: float | None) -> float:
    """The chance with its odds multiplied by what a model's word adds or takes."""
    factor = 1.0 if declines is None else _SECOND * max(declines, _LEAST_DECLINES) ** -_WEIGHT
    return chance * factor / (1 - chance + chance * factor)


def answers(
    claim: str, question: str, claimed: Sequence[Evidence], evidence: Sequence[Evidence]
) -> bool:
    """Whether a claim that rests on `claimed` answers the question.

    It does if it rests on the best sentence, says of what it is the answer, and brings the kind of
    answer asked for: a number or a name that is not the question's, or at least three words that
    are not. A bare name stands in the source, but whether it is the one asked for cannot be told:
    of 29 that a small model gave, 14 were wrong. A model that copies some other sentence of its
    sources, or turns the question into a statement, says something true that was not asked.
    """
    known = content_of(question)
    new = [word for word in words_of(claim) if stem(word) not in known | _OPENERS]
    tells = any(is_number(word) or word[0].isupper() for word in new[1:]) or len(new) > _FEW_WORDS
    about = not content_of(claim).isdisjoint(known)
    return evidence[0] in claimed and about and tells and not _kind_missing(question, claim, known)


def names_it(phrase: str, question: str) -> bool:
    """Whether some words of a sentence are of the kind that is asked for, and not of the
    question.
    """
    known = content_of(question)
    return not content_of(phrase) <= known and not _kind_missing(question, phrase, known)


def choose(question: str, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The sentences to show as they are, at most sixty words of them, in reading order.

    They are the best one, one of another document that tells otherwise, others where they are
    nearly as likely, and the neighbours of the best one.
    """
    best = evidence[0]
    nearly = [e for e in evidence[1:_MAX_ELSEWHERE] if e.score >= _NEARLY * best.score]
    return _filled(
        [best],
        [*otherwise(question, evidence), *nearly, *_around(best, evidence, _NEIGHBOURS)],
        MAX_WORDS,
    )


def otherwise(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The likeliest sentence of another document that tells otherwise than the best one, if one
    is nearly as likely.
    """
    best = evidence[0]
    compared = (e for e in evidence[1:_MAX_COMPARED] if e.score >= _NEARLY * best.score)
    return [e for e in compared if _disagree(question, best, e)][:1]


def likely(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best sentence, then those that another judge's word is enough for to be shown beside
    it, and that leave no more than sixty words in all.
    """
    best, *others = evidence
    room = MAX_WORDS - len(best.text.split())
    return [
        best,
        *(e for e in others if e.score >= _LIKELY * best.score and len(e.text.split()) <= room),
    ]


def in_place(question: str, evidence: Sequence[Evidence], told: Evidence) -> tuple[Evidence, ...]:
    """The best sentence between its neighbours, the one that was told, which may be the same, and
    one of another document that tells otherwise, in reading order.

    The others leave room for brief words above where there is one sentence, and make no more than
    sixty words with two.
    """
    best = evidence[0]
    others = [*otherwise(question, evidence), *_around(best, evidence, 1)]
    return _filled([best, told], others, _PLACE_WORDS if told is best else MAX_WORDS)


def _filled(
    chosen: Iterable[Evidence], others: Iterable[Evidence], most: int
) -> tuple[Evidence, ...]:
    """The chosen sentences and those of the others for which there is room among `most` words,
    in reading order.
    """
    shown = dict.fromkeys(chosen)
    room = most - sum(len(sentence.text.split()) for sentence in shown)
    for sentence in others:
        words = len(sentence.text.split())
        if sentence not in shown and words <= room and len(shown) < _MAX_SHOWN:
            shown[sentence] = None
            room -= words
    return tuple(in_reading_order(shown))


def _around(best: Evidence, evidence: Sequence[Evidence], reach: int) -> list[Evidence]:
    """The sentence and so many before and behind it in its paragraph, the nearest first."""
    paragraph = _paragraph_of(best, evidence)
    at = paragraph.index(best)
    return sorted(
        paragraph[max(0, at - reach) : at + reach + 1], key=lambda e: abs(paragraph.index(e) - at)
    )


def _paragraph_of(best: Evidence, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The sentences of the hit that no blank line parts from the best one, in their order."""
    text, offset = best.hit.chunk.text, best.hit.chunk.start
    start = text.rfind("\n\n", 0, best.start - offset) + offset
    end = text.find("\n\n", best.end - offset)
    end = end + offset if end >= 0 else best.hit.chunk.end
    return sorted(
        (e for e in evidence if e.hit is best.hit and start <= e.start and e.end <= end),
        key=lambda e: e.start,
    )


def _disagree(question: str, one: Evidence, other: Evidence) -> bool:
    """Whether sentences of two documents answer a question for an amount, a time or a person
    with different ones.
    """
    if one.hit.chunk.document == other.hit.chunk.document:
        return False
    known = content_of(question)
    if _AMOUNT.search(question) or _TIME.search(question):
        told, too = (
            {stem(word) for word in words_of(e.text) if is_number(word) or word in MONTHS} - known
            for e in (one, other)
        )
    elif _PERSON.search(question) and len(known & content_of(other.text)) >= _SAME_MATTER * len(
        known
    ):
        told, too = (
            {stem(w) for w in words_of(e.text) if w[0].isupper()} - known - _OPENERS
            for e in (one, other)
        )
    else:
        return False
    # What both have besides, a year or a place, is no agreement.
    return bool(told - too and too - told)


def in_reading_order(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Sentences of one document in its order; documents in the order of their best sentence."""
    by_document: dict[str, list[Evidence]] = {}
    for sentence in evidence:
        by_document.setdefault(sentence.hit.chunk.document, []).append(sentence)
    return [
        sentence
        for group in by_document.values()
        for sentence in sorted(group, key=lambda e: e.start)
    ]


def sentences_of(hit: Hit) -> tuple[Evidence, ...]:
    """The sentences of a hit in their order, with the hit's own score.

    Not weighed for any question.
    """
    start = hit.chunk.start
    return tuple(
        Evidence(hit, start + a, start + b, hit.chunk.text[a:b], hit.score)
        for a, b in _sentences(hit)
    )


def _sentences(hit: Hit) -> list[tuple[int, int]]:
    text = hit.chunk.text
    spans = [
        (start, end) for start, end in sentence_spans(text) if not _ORDER.search(text[start:end])
    ]
    return [part for start, end in spans for part in _clauses(text, start, end)]


def _clauses(text: str, start: int, end: int) -> list[tuple[int, int]]:
    if len(text[start:end].split()) <= _LONG_WORDS:
        return [(start, end)]
    middle = (start + end) / 2
    cuts = [mark.end() for mark in _CLAUSE_END.finditer(text, start, end)]
    cut = min(cuts, key=lambda c: abs(c - middle), default=end)
    # A cut near either end would leave a crumb.
    if abs(cut - middle) > (end - start) / 4:
        return [(start, end)]
    rest = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
    return [*_clauses(text, start, cut), *_clauses(text, rest, end)]
