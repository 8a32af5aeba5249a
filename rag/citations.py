"""A model's text + Sources -> sentences, verdicts, Citations. Pure.

What the model wrote is a list of claims. A claim is compared with the sentences the prompt offered, not with the question,
and rests on those that hold its words; every number and name in it must stand in the words it cites.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from math import prod

from rag.sentences import sentence_spans
from rag.types import Citation, Document, Evidence, Piece, Quotation, Sentence, Source, Verdict
from rag.words import FUNCTION_WORDS, NEGATIONS, content_of, is_number, stem, words_of

# [1] · [1, 2] · [1–3] · [ 12 ]: in the model's text these are its markers, since the sources are shown to it without any.
_MARKER = re.compile(r"\[\s*\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*\]")
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)")
_DEBRIS = re.compile(r"\(\s*[,;]*\s*\)|\[\s*\]")
_SPACE_BEFORE_POINT = re.compile(r"\s+(?=[.,;:!?])")
_FIRST_PERSON = frozenset("i me my mine we us our ours myself ourselves".split())
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
_QUOTATION_MARKS = '"“”„«»'

# Shares of a claim's content words that its cited words hold. Set on answers of the embedded model read by eye: above the
# first the rest is grammar ("grew" for "increased"), below the second the claim is about something else.
_SUPPORTED, _PARTLY = 0.75, 0.5
_GAP = 2  # characters of white space between two sentences that follow one another
_CUT_AFTER = tuple(";:,—–")  # where a sentence that is too long to be weighed as one is cut
_REPEATED = 3
BRIEF = 15  # words; what is longer is better read in its sentence
_COPIED = 0.8  # of a sentence's words, told in their order


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer and the source sentences it rests on: none where it is unsupported."""

    text: str
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    reason: str = ""


# --- The model's text -> claims -----------------------------------------------------------------------------------


def claims(text: str) -> list[str]:
    """The sentences of a model's text, without markers and what they leave behind."""
    found = (_clean(text[start:end]) for start, end in sentence_spans(text))
    return [sentence for sentence in found if words_of(sentence)]


def markers(text: str, offered: int) -> tuple[int, ...]:
    """The numbers 1…`offered` that the markers of `text` name, in order of first use; others are not markers of ours."""
    numbers: list[int] = []
    for marker in _MARKER.findall(text):
        inside = _RANGE.sub(lambda m: ",".join(str(n) for n in _span_of_numbers(m)), marker[1:-1])
        numbers += [int(number) for number in re.findall(r"\d+", inside)]
    return tuple(dict.fromkeys(n for n in numbers if 1 <= n <= offered))


def check(claim: str, sources: Sequence[Source], question: str = "") -> Claim:
    """The claim with its verdict and the sentences it rests on, chosen from all the sources by what they say.

    `question` is given for a claim of an answer: one that says nothing beyond the question is no answer to it.
    """
    sentences = [sentence for source in sources for sentence in source.sentences]
    words = content_of(claim)
    if not words or words <= content_of(question):
        return Claim(claim, "unsupported", (), "says nothing beyond the question")
    if _repeats_itself(claim):
        return Claim(claim, "unsupported", (), "repeats itself")
    names = _names_in(sentences)
    best = max((_weigh(claim, words, names, group) for group in _groups(sentences)), key=lambda w: w.rank, default=None)
    if best is None or best.share < _PARTLY:
        return Claim(claim, "unsupported", (), "no source says so")
    text = _verbatim_quotes(claim, best.evidence)
    if best.missing:
        return Claim(text, "unsupported", (), "not in the sources: " + ", ".join(best.missing))
    if best.negated:
        return Claim(text, "unsupported", (), "a negation of the source or of the answer is lost")
    if best.share < _SUPPORTED:
        return Claim(text, "partly", best.evidence, f"{best.share:.0%} of its words stand in the source")
    return Claim(text, "supported", best.evidence)


def _repeats_itself(claim: str) -> bool:
    """Whether three words come three times, as when a small model cannot find the end."""
    words = [word.lower() for word in words_of(claim)]
    return max(Counter(zip(words, words[1:], words[2:], strict=False)).values(), default=0) >= _REPEATED


@dataclass(frozen=True, slots=True)
class _Weight:
    evidence: tuple[Evidence, ...]
    share: float  # of the claim's content words that the evidence holds
    missing: tuple[str, ...]  # numbers and names that it does not hold
    negated: bool

    @property
    def rank(self) -> tuple[bool, bool, bool, float, int, float]:
        about_it = self.share >= _PARTLY
        return (about_it, not self.missing, not self.negated, self.share, -len(self.evidence), self.evidence[0].score)


def _weigh(claim: str, words: frozenset[str], known: frozenset[str], evidence: tuple[Evidence, ...]) -> _Weight:
    text = " ".join(e.text for e in evidence)
    held = content_of(text)
    # Title, section and speaker are part of the citation, so a claim may name them; other words must be the source's.
    named = content_of(" ".join(e.hit.chunk.context for e in evidence))
    told = _names_and_numbers(claim, known)
    names = {stem(word) for word in told} & named
    share = len(words & (held | names)) / len(words)
    missing = tuple(word for word in told if not content_of(word) <= held | named)
    return _Weight(evidence, share, missing, _negated(claim, words, text))


def _groups(sentences: Sequence[Evidence]) -> Iterator[tuple[Evidence, ...]]:
    """Single sentences, then pairs of neighbours."""
    yield from ((sentence,) for sentence in sentences)
    for first, second in pairwise(sentences):
        if _follows(first, second):
            yield first, second


def _negated(claim: str, words: frozenset[str], source: str) -> bool:
    """Whether one of claim and source denies what the other says: a negation among, or right before, the words both have."""
    found = words_of(source)
    shared = [i for i, word in enumerate(found) if stem(word) in words]
    about = found[max(0, shared[0] - 2) : shared[-1] + 1] if shared else []
    return (not NEGATIONS.isdisjoint(word.lower() for word in words_of(claim))) != any(
        word.lower() in NEGATIONS for word in about
    )


def _names_and_numbers(claim: str, known: frozenset[str]) -> list[str]:
    """The numbers of a claim and its capitalised words; the first, which is capitalised anyway, where it is a `known` name."""
    return [
        word
        for i, word in enumerate(words_of(claim))
        if is_number(word)
        or (word[0].isupper() and word.lower() not in FUNCTION_WORDS and (i > 0 or _first_is_name(word, claim, known)))
    ]


def _first_is_name(word: str, claim: str, known: frozenset[str]) -> bool:
    """Whether the first word is a name: it is one in the sources, or another capitalised word follows, or it is an acronym."""
    following = claim[claim.index(word[0]) + len(word) :].lstrip()
    return stem(word) in known or following[:1].isupper() or (len(word) > 1 and word.isupper())


def _names_in(sentences: Sequence[Evidence]) -> frozenset[str]:
    """The stems of the words that the sentences only ever write with a capital letter, inside a sentence at least once."""
    capital: set[str] = set()
    small: set[str] = set()
    for sentence in sentences:
        for i, word in enumerate(words_of(sentence.text)):
            if word[0].islower():
                small.add(stem(word))
            elif i > 0 and not is_number(word):
                capital.add(stem(word))
    return frozenset(capital - small)


def _verbatim_quotes(claim: str, evidence: Sequence[Evidence]) -> str:
    """The claim; words in quotation marks that the evidence does not hold to the letter lose the marks."""
    text = " ".join(" ".join(e.text for e in evidence).split())
    return _QUOTED.sub(lambda quoted: quoted[0] if quoted[1].strip(" .,") in text else quoted[1], claim)


def _clean(sentence: str) -> str:
    without = _DEBRIS.sub("", _MARKER.sub("", sentence))
    return _SPACE_BEFORE_POINT.sub("", " ".join(without.split()))


def _span_of_numbers(match: re.Match[str]) -> range:
    first, last = int(match[1]), int(match[2])
    return range(first, min(last, first + 50) + 1)  # "[1-999]" names no more sources than there can be


def copies(claim: Claim) -> bool:
    """Whether a claim is a sentence of its source nearly as it stands: then the sentence itself, quoted, is the better answer."""
    told = [word.lower() for word in words_of(claim.text)]
    return any(
        len(told) >= _COPIED * len(written) and " ".join(told) in " ".join(written)
        for written in ([word.lower() for word in words_of(e.text)] for e in claim.evidence)
    )


def phrase(text: str, sentence: Evidence) -> Claim | None:
    """A model's whole text as a claim that rests on the sentence, if it is brief and its words stand there in a row."""
    told = " ".join(claims(text))
    said, written = ([word.lower() for word in words_of(t)] for t in (told, sentence.text))
    if not 0 < len(said) <= BRIEF or f" {' '.join(said)} " not in f" {' '.join(written)} ":
        return None
    first = told.split()[0]
    told = told[0].upper() + told[1:] if first.islower() else told  # "mRNA" stays
    return Claim(told if told.endswith((".", "!", "?")) else f"{told}.", "supported", (sentence,))


def chance(pieces: Iterable[Piece]) -> float:
    """0..1, with which a model chose all that it wrote before its first marker."""
    return prod(piece.chance for piece in takewhile(lambda piece: "[" not in piece.text, pieces))


def attributed(claim: Claim, document: Callable[[str], Document]) -> Claim:
    """The claim with its speaker named, where it rests on one's quoted words alone: an opinion stays its speaker's.

    A claim in the first person can't be reported so, and becomes unsupported: its words are better quoted.
    """
    spoken = [document(e.hit.chunk.document).quotation_at(e.start, e.end) for e in claim.evidence]
    speakers = {quotation.speaker if quotation else "" for quotation in spoken}
    speaker = speakers.pop() if len(speakers) == 1 else ""
    words = words_of(claim.text)
    if not speaker or content_of(speaker) & content_of(claim.text):
        return claim
    if not _FIRST_PERSON.isdisjoint(word.lower() for word in words):
        return replace(claim, verdict="unsupported", evidence=(), reason="speaks in the first person of somebody quoted")
    # A first word that the source never writes small may be a name.
    small = FUNCTION_WORDS | {word for e in claim.evidence for word in words_of(e.text)}
    text = claim.text[0].lower() + claim.text[1:] if words[0].lower() in small else claim.text
    return replace(claim, text=f"According to {speaker}, {text}")


# --- Claims -> numbered sentences and citations ---------------------------------------------------------------------


def cite(claims: Iterable[Claim], document: Callable[[str], Document]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """The claims as sentences with markers, and the citations the markers name, numbered from 1 by first use.

    Neighbouring sentences of a document become one span. `document` gives the whole document of a name.
    """
    claims = list(claims)
    spans = _merged({(e.hit.chunk.document, e.start, e.end) for claim in claims for e in claim.evidence}, document)
    citations: dict[tuple[str, int, int], Citation] = {}
    sentences: list[Sentence] = []
    for claim in claims:
        markers: dict[int, None] = {}
        for evidence in claim.evidence:
            name = evidence.hit.chunk.document
            span = next(s for s in spans if s[0] == name and s[1] <= evidence.start and evidence.end <= s[2])
            if span not in citations:
                citations[span] = _citation(len(citations) + 1, document(name), *span[1:], evidence)
            markers[citations[span].marker] = None
        sentences.append(Sentence(claim.text, claim.verdict, tuple(markers), claim.reason))
    return tuple(sentences), tuple(citations.values())


def quoted(chosen: Iterable[Evidence], document: Callable[[str], Document]) -> list[Claim]:
    """Sentences of the sources as claims in their own words, those that follow one another in one quotation as one claim.

    They lose the report's own markers. Of a sentence that is quoted in part, "…" tells where it goes on. An opinion stays its
    speaker's: 'Sergei Strokan: "…"'.
    """
    groups: list[list[Evidence]] = []
    for evidence in chosen:
        if groups and _follows(groups[-1][-1], evidence) and _is_one(groups[-1][-1], evidence, document):
            groups[-1].append(evidence)
        else:
            groups.append([evidence])
    return [Claim(_in_its_words(group, document), "supported", tuple(group)) for group in groups]


def _follows(one: Evidence, other: Evidence) -> bool:
    """Whether the other sentence comes right behind the one."""
    return one.hit.chunk.document == other.hit.chunk.document and 0 <= other.start - one.end <= _GAP


def _is_one(one: Evidence, other: Evidence, document: Callable[[str], Document]) -> bool:
    """Whether two that follow one another are parts of one sentence, or of one quotation."""
    source = document(one.hit.chunk.document)
    spoken, then = (source.quotation_at(e.start, _end_of_words(source, e.start, e.end)) for e in (one, other))
    return spoken == then and (spoken is not None or one.text.endswith(_CUT_AFTER))


def _in_its_words(group: Sequence[Evidence], document: Callable[[str], Document]) -> str:
    source = document(group[0].hit.chunk.document)
    start, end = group[0].start, _end_of_words(source, group[0].start, group[-1].end)
    text = source.text[start:end]
    for reference in reversed(source.references):
        if start <= reference.start and reference.end <= end:
            text = text[: reference.start - start] + text[reference.end - start :]
    text = _clean(text)
    before = source.text[max(0, start - _GAP) : start].rstrip(" ")
    if before.endswith(_CUT_AFTER) and not text.startswith(tuple(_QUOTATION_MARKS)):
        text = f"… {text}"
    if text.endswith(_CUT_AFTER):
        text = f"{text[:-1].rstrip()} …"
    quotation = source.quotation_at(start, end)
    if quotation is None:
        return _balanced(text)
    inner = text.strip(_QUOTATION_MARKS + " ").replace('"', "'")
    return f"{quotation.speaker}: “{inner}”" if quotation.speaker else f"“{inner}”"


def render(sentences: Iterable[Sentence]) -> str:
    """The answer's text: 'Trade rose by 30 percent.[1] It fell in May.[2][3]'."""
    return " ".join(s.text + "".join(f"[{marker}]" for marker in s.markers) for s in sentences)


def _merged(spans: set[tuple[str, int, int]], document: Callable[[str], Document]) -> list[tuple[str, int, int]]:
    merged: list[tuple[str, int, int]] = []
    for name, start, end in sorted(spans):
        if merged and merged[-1][0] == name and not document(name).text[merged[-1][2] : start].strip():
            merged[-1] = (name, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((name, start, end))
    return merged


def _citation(marker: int, document: Document, start: int, end: int, evidence: Evidence) -> Citation:
    note = document.note_at(start, end)
    end = _end_of_words(document, start, end)
    paragraph = document.paragraph_at(start)
    quotation = _spoken(document, start, end)
    return Citation(
        marker=marker,
        document=document.name,
        title=document.title,
        section=evidence.hit.chunk.section,
        page=document.page_at(start),
        paragraph=paragraph.number if paragraph else evidence.hit.chunk.paragraph,
        speaker=quotation.speaker if quotation else "",
        start=start,
        end=end,
        quote=document.text[start:end],
        note=note,
    )


def _end_of_words(document: Document, start: int, end: int) -> int:
    """Where the words of a span end, in front of the report's own markers: `Citation.note` names their note."""
    for reference in reversed(document.references):
        if start < reference.start and reference.end == end:
            end = reference.start
    return end


def _spoken(document: Document, start: int, end: int) -> Quotation | None:
    """The quotation that most of the span lies in: a lead-in before the words does not take them from their speaker."""
    return next((q for q in document.quotations if min(end, q.end) - max(start, q.start) > (end - start) / 2), None)


def _balanced(text: str) -> str:
    """Narration with an open quotation, closed; a mark without its partner at the front, dropped."""
    if text.count('"') % 2 and "“" not in text:
        text = text[1:] if text.startswith('"') else text[:-1] if text.endswith('"') else text + '"'
    if text.count("“") > text.count("”"):
        text += "”"
    elif text.count("”") > text.count("“"):
        text = text.removesuffix("”")
    return text
