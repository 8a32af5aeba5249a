"""A claim + Sources -> whether they hold it, and which of their sentences do. Pure.

A claim is compared with the sentences the prompt offered, not with the question, and rests on those
that hold its words. Every number in it must stand in them with its currency, unit, magnitude and
month, every name in them or beside them, in their title, section or speaker. Two numbers or names
of one sentence that have changed places are not seen.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, pairwise

from rag.text.quantities import COUNTED, amounts_of, missing
from rag.text.quotations import SHORTEST, reported, sayings
from rag.text.tokens import (
    FUNCTION_WORDS,
    MAGNITUDES,
    NEGATIONS,
    content_of,
    is_number,
    stem,
    words_of,
)
from rag.types import Document, Evidence, Source, Verdict

_FIRST_PERSON = frozenset("i me my mine we us our ours myself ourselves".split())
# Words in double quotation marks, and in single ones that are no apostrophes.
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]|(?<!\w)[‘']([^‘’']{3,}?)[’'](?!\w)")

# Shares of a claim's content words that its cited words hold. Set on answers of the embedded model
# read by eye: above the first the rest is grammar ("grew" for "increased"), below the second the
# claim is about something else.
_SUPPORTED, _PARTLY = 0.75, 0.5
_GAP = 2  # characters of white space between two sentences that follow one another
_LONGEST_RUN = 4  # sentences that follow one another and hold a claim together
_REPEATED = 3
_COPIED = 0.8  # of a sentence's words, told in their order
_NEGATION_REACH = 3  # words before others; a negation among them denies these
_TITLE_WORDS = 7  # in quotation marks without a speaker; more are somebody's words

_EDGE = re.compile(r"\b|((?<!\w)(?!\w))")

# "No. 5" and "not only" deny nothing.
_NO_NEGATION = re.compile(r"\b[Nn]o\.(?=\s*\d)|\b[Nn]ot (?:only|just|merely)\b")
_CLAUSE_END = re.compile(
    r"[,;:—–](?=\s)|\s(?=(?:but|while|whereas|although|though|because|before|after|until|when|if|"
    r"unless)\s)"
)
# What denies what follows: words, stems, and stems that do before "to".
_DENYING_WORDS = frozenset("hardly barely prevents prevented preventing".split())
_DENYING = frozenset("refus deni scarc seldom rare unlik avoid lack".split())
_DENYING_TO = frozenset("fail declin".split())
_ALMOST = frozenset(("almost", "nearly"))  # before a quantity it denies nothing that matters
_THE_FEW = frozenset("a the these last past next first".split())
_HEDGES = frozenset(
    "may might could if unless perhaps possibly probably allegedly reportedly".split()
)
# Stems that tell of what is only meant, planned or claimed.
_MEANT = frozenset("plan propos expect accus aim intend alleg suspect forecast predict".split())
_HEDGED = _HEDGES | frozenset("can would should likely expected supposed said".split())
# Stems of which a claim may not have one where its source has one of the other side.
_OPPOSITES = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        (
            "rise rose risen rais increas grow grew grown gain climb jump improv expand surg soar",
            (
                "fall fell fallen decreas declin drop lose lost shrink shrank shrunk reduc halv"
                " plung slump"
            ),
        ),
        ("all everi entir alway everyon", "most some half sever part few mani often usual sometim"),
        ("more", "less fewer"),
        ("higher highest", "lower lowest"),
        ("largest biggest most", "smallest least"),
        ("befor", "after"),
        ("first", "last"),
        ("up", "down"),
        ("abov", "below"),
        ("faster", "slower"),
        ("longer", "shorter"),
        ("older", "younger"),
        ("earlier", "later"),
        ("includ", "exclud"),
        ("doubl", "tripl"),
        ("men man male", "women woman femal"),
        ("confirm", "deni"),
        ("win won", "lose lost"),
        ("open", "close shut"),
        ("begin began begun start", "end finish stop ceas"),
        ("accept approv grant", "reject refus"),
        ("support favour favor", "oppos"),
        ("buy bought acquir purchas", "sell sold"),
        ("import", "export"),
        ("join enter", "leav left"),
        ("north northern", "south southern"),
        ("east eastern", "west western"),
    )
)

# "at least" before an amount, "million dollars" behind it.
_BOUND = re.compile(
    r"(?i)\b(?:at (?:least|most)|(?:no |not )?(?:more|less|fewer) than|up"
    r" to|nearly|almost|over|under|about|around)\s[€$£¥]?$"
)
_UNIT = re.compile(
    rf"(?:[\s-](?:{'|'.join(sorted(COUNTED | MAGNITUDES, key=len, reverse=True))})\b){{1,3}}"
)

DocumentLookup = Callable[[str], Document]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer and the source sentences it rests on.

    None where it is unsupported.
    """

    text: str
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    reason: str = ""


def check_sentence(
    claim: str, sources: Sequence[Source], document: DocumentLookup, question: str = ""
) -> Claim:
    """The claim with its verdict and the sentences it rests on, chosen from all the sources by what
    they say.

    `document` gives the whole document of a name. `question` is given for a claim of an answer: one
    that says nothing beyond the question is no answer to it.
    """
    sentences = [sentence for source in sources for sentence in source.sentences]
    groups = list(_groups(sentences))
    words = content_of(claim)
    whole = next((group for group in groups if _is_whole(claim, group)), None)
    if whole and not (question and words <= content_of(question)):
        return Claim(claim, "supported", whole)
    if not words or words <= content_of(question):
        return Claim(claim, "unsupported", (), "says nothing beyond the question")
    if _repeats_itself(claim):
        return Claim(claim, "unsupported", (), "repeats itself")
    names = _names_in(sentences)
    # Title, section and speaker are part of a citation, so a claim may name them.
    beside = {s: f"{s.hit.title} {s.hit.chunk.section} {_speaker(s, document)}" for s in sentences}
    weigh = partial(_weigh, claim, words, names, beside)
    best = max(map(weigh, groups), key=lambda w: w.rank, default=None)
    if best and (best.missing or best.share < _SUPPORTED):
        best = max([best, *map(weigh, _across(claim, words, sentences))], key=lambda w: w.rank)
    if best is None or best.share < _PARTLY:
        return Claim(claim, "unsupported", (), "no source says so")
    text = _verbatim_quotes(claim, best.evidence)
    if best.missing:
        return Claim(text, "unsupported", (), "not in the sources: " + ", ".join(best.missing))
    if best.denied:
        return Claim(text, "unsupported", (), best.denied)
    if speaker := _other_speaker(claim, best.evidence):
        return Claim(text, "unsupported", (), f"these are the words of {speaker}")
    if best.share < _SUPPORTED:
        return Claim(
            text, "partly", best.evidence, f"{best.share:.0%} of its words stand in the source"
        )
    if best.hedged:
        return Claim(text, "partly", best.evidence, "the source does not say so for certain")
    return Claim(text, "supported", best.evidence)


def _is_whole(claim: str, evidence: tuple[Evidence, ...]) -> bool:
    """Whether a claim is the sentences themselves, word for word."""
    text = " ".join(e.text for e in evidence)
    return words_of(claim) == words_of(text) and not missing(amounts_of(claim), text)


def _repeats_itself(claim: str) -> bool:
    """Whether three words come three times, as when a small model cannot find the end."""
    words = [word.lower() for word in words_of(claim)]
    return (
        max(Counter(zip(words, words[1:], words[2:], strict=False)).values(), default=0)
        >= _REPEATED
    )


@dataclass(frozen=True, slots=True)
class _Weight:
    evidence: tuple[Evidence, ...]
    share: float  # of the claim's content words that the evidence holds
    missing: tuple[str, ...]  # numbers and names that it does not hold
    denied: str  # how the evidence says otherwise; "" where it does not
    hedged: bool  # the evidence only says that it may be so

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, float, int, float]:
        about_it = self.share >= _PARTLY
        first = self.evidence[0].score
        return (
            about_it,
            not self.missing,
            not self.denied,
            not self.hedged,
            self.share,
            -len(self.evidence),
            first,
        )


def _weigh(
    claim: str,
    words: frozenset[str],
    known: frozenset[str],
    beside: Mapping[Evidence, str],
    evidence: tuple[Evidence, ...],
) -> _Weight:
    text, around = (
        " ".join(texts) for texts in ([e.text for e in evidence], [beside[e] for e in evidence])
    )
    held, named = content_of(text), content_of(around)
    told = _names_of_claim(claim, known)
    names = {stem(word) for word in told} & named
    lost = missing(amounts_of(claim), text)
    if not lost:  # in whatever form
        held |= {
            stem(word) for word in words_of(claim) if is_number(word) or word.lower() in COUNTED
        }
    share = len(words & (held | names)) / len(words)
    if share < _PARTLY:  # about something else, whatever it lacks
        return _Weight(evidence, share, (), "", False)
    tokens = {*words_of(text), *words_of(around)}
    absent = [
        w
        for w in told
        if (w not in tokens if w.lower() in FUNCTION_WORDS else not content_of(w) <= held | named)
    ]
    names_absent = frozenset(absent)
    absent += [number for number in lost if number not in names_absent]
    denied, hedged = _stance(claim, words, evidence)
    if not denied and (elsewhere := _told_of_other(claim, told, evidence)):
        denied = f"the source says {elsewhere} of something else"
    return _Weight(evidence, share, tuple(absent), denied, hedged)


def _told_of_other(claim: str, names: Sequence[str], evidence: Sequence[Evidence]) -> str:
    """A name or number of the claim that stands only in sentences which hold less than half of its
    clause; "" for none.

    The word that a clause begins with is left out: who acts is often named in the sentence before.
    """
    if len(evidence) == 1:
        return ""
    sentences = [content_of(e.text) for e in evidence]
    named = frozenset(names)
    for clause in _clauses(claim):
        told = [stem(word) for word in clause if word.lower() not in FUNCTION_WORDS]
        plain = {
            stem(word)
            for word in clause
            if word.lower() not in FUNCTION_WORDS and not is_number(word)
        }
        shared = [len(plain & held) for held in sentences]
        for word in clause:
            key = stem(word)
            if (word not in named and not is_number(word)) or told[:1] == [key]:
                continue
            # The key is left out on both sides, so that a clause of n words is compared once, not n
            # times.
            itself = key in plain
            about = len(plain) - itself
            holding = [
                number - itself
                for number, held in zip(shared, sentences, strict=True)
                if key in held
            ]
            if holding and about and max(holding) < _PARTLY * about:
                return word
    return ""


def _groups(sentences: Sequence[Evidence]) -> Iterator[tuple[Evidence, ...]]:
    """Single sentences, then runs of neighbours."""
    yield from ((sentence,) for sentence in sentences)
    for length in range(2, _LONGEST_RUN + 1):
        for first in range(len(sentences) - length + 1):
            run = tuple(sentences[first : first + length])
            if all(follows(*pair) for pair in pairwise(run)):
                yield run


def _across(
    claim: str, words: frozenset[str], sentences: Sequence[Evidence]
) -> Iterator[tuple[Evidence, ...]]:
    """Pairs from different places that both speak of what the claim begins with, and of half of
    what else it tells.
    """
    first = next((stem(word) for word in words_of(claim) if stem(word) in words), "")
    plain = {
        stem(word) for word in words_of(claim) if word[0].islower() and not is_number(word)
    } & words
    speaking = [
        s
        for s in sentences
        if first in (held := content_of(s.text)) and len(plain & held) >= _PARTLY * len(plain)
    ]
    yield from (
        pair
        for pair in combinations(speaking, 2)
        if not follows(*pair) and not follows(*pair[::-1])
    )


def follows(one: Evidence, other: Evidence) -> bool:
    """Whether the other sentence comes right behind the one."""
    return one.hit.chunk.document == other.hit.chunk.document and 0 <= other.start - one.end <= _GAP


# --- Whether a claim says what its source says ----------------------------------------------------


def _stance(claim: str, words: frozenset[str], evidence: Sequence[Evidence]) -> tuple[str, bool]:
    """How the evidence denies the claim, "" where it does not, and whether it only says that it may
    be so.

    Each clause is compared with the clauses of the source that have most of its words.
    """
    clauses = [clause for e in evidence for clause in _clauses(e.text)]
    hedged, as_meant = False, not _MEANT.isdisjoint(map(stem, words_of(claim)))
    for part in _clauses(claim):
        told = {stem(word) for word in part} & words
        shared = [len(told & {stem(word) for word in clause}) for clause in clauses]
        if not any(shared):
            continue
        nearest = [i for i, number in enumerate(shared) if number == max(shared)]
        if any(_denies(part) != _denies(_about(clauses[i], told)) for i in nearest):
            return "a negation of the source or of the answer is lost", False
        if any(_opposite(part, clauses[i]) for i in nearest):
            return "the source says the opposite", False
        hedged |= (
            _HEDGED.isdisjoint(_small(part))
            and not as_meant
            and all(
                not _HEDGES.isdisjoint(_small(_about(clauses[i], told)))
                or not _MEANT.isdisjoint(
                    stem(word) for word in _about(clauses[i], told) if word[0].islower()
                )
                or any(
                    clause[0].lower() in ("if", "unless")
                    for clause in clauses[max(0, i - 1) : i + 2]
                )
                for i in nearest
            )
        )
    if _opposite(words_of(claim), words_of(" ".join(e.text for e in evidence))):
        return "the source says the opposite", False
    return "", hedged


def _opposite(claim: Sequence[str], source: Sequence[str]) -> bool:
    """Whether the claim has a word of one side where the source has only words of the other."""
    said, written = ({stem(word) for word in words} for words in (claim, source))
    return any(
        said & one and not written & one and written & other and not said & other
        for one, other in (sides for pair in _OPPOSITES for sides in (pair, pair[::-1]))
    )


def _clauses(text: str) -> list[list[str]]:
    parts = (words_of(part) for part in _CLAUSE_END.split(_NO_NEGATION.sub("", text)))
    return [part for part in parts if part]


def _about(clause: Sequence[str], told: Iterable[str]) -> Sequence[str]:
    """What of a clause speaks of what is told.

    From two words before the first of its words to the last.
    """
    shared = [i for i, word in enumerate(clause) if stem(word) in told]
    return clause[max(0, shared[0] - 2) : shared[-1] + 1]


def _denies(words: Sequence[str]) -> bool:
    return any(
        word.lower() in NEGATIONS | _DENYING_WORDS
        or (stem(word) in _DENYING and word.lower() != "unlike")
        or (word.lower() == "few" and not (i > 0 and words[i - 1].lower() in _THE_FEW))
        or (word.lower() in _ALMOST and not any(map(is_number, words[i + 1 : i + 2])))
        or (stem(word) in _DENYING_TO and words[i + 1 : i + 2] == ["to"])
        for i, word in enumerate(words)
    )


def _small(words: Iterable[str]) -> set[str]:
    """The words that begin with a small letter, and "If": "May" is a month."""
    return {word.lower() for word in words if word[0].islower() or word == "If"}


# --- Names and quoted words -----------------------------------------------------------------------


def _names_of_claim(claim: str, known: frozenset[str]) -> list[str]:
    """The capitalised words of a claim.

    The first, which is capitalised anyway, where it is a `known` name.
    """
    loud = claim.isupper()
    return [
        word
        for i, word in enumerate(words_of(claim))
        if not is_number(word) and _is_name(word, i, claim, loud, known)
    ]


def _is_name(word: str, at: int, claim: str, loud: bool, known: frozenset[str]) -> bool:
    if not word[0].isupper():
        return False
    if word.lower() in FUNCTION_WORDS:  # Theresa May, the WHO
        return (at > 0 and word in ("May", "Will")) or (
            len(word) > 1 and word.isupper() and not loud
        )
    return at > 0 or _first_is_name(word, claim, known)


def _first_is_name(word: str, claim: str, known: frozenset[str]) -> bool:
    """Whether the first word is a name.

    It is one in the sources, or another capitalised word follows, or it is an acronym.
    """
    following = claim[claim.index(word[0]) + len(word) :].lstrip()
    return stem(word) in known or following[:1].isupper() or (len(word) > 1 and word.isupper())


def _names_in(sentences: Sequence[Evidence]) -> frozenset[str]:
    """The stems of the words that the sentences only ever write with a capital letter, inside a
    sentence at least once.
    """
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
    """The claim; words in quotation marks that the evidence does not hold to the letter lose the
    marks.
    """
    if not _QUOTED.search(claim):
        return claim
    text = _with_edges(" ".join(" ".join(e.text for e in evidence).split()))

    def kept(quoted: re.Match[str]) -> str:
        words = quoted[1] or quoted[2]
        return quoted[0] if _with_edges(words.strip(" .,")) in text else words

    return _QUOTED.sub(kept, claim)


def _with_edges(text: str) -> str:
    """The text with marks where words begin and end and where none are, so that one holds another
    at whole words only.

    To look for words as a pattern can take the product of both lengths.
    """
    return _EDGE.sub(lambda edge: "\1" if edge[1] is None else "\2", text)


# --- Who says it ----------------------------------------------------------------------------------


def attributed(claim: Claim, document: DocumentLookup) -> Claim:
    """The claim with its speaker named, where it rests on somebody's words alone.

    An opinion stays its speaker's.

    Where nobody is named, or a claim in the first person can't be reported so, it is supported in
    part: it is better quoted.
    """
    speaker = spoken_by(claim, document)
    if speaker is None:
        return claim
    if not speaker:
        return replace(
            claim,
            verdict="partly",
            reason="these are the words of somebody the source does not name there",
        )
    words = words_of(claim.text)
    if any(
        word.lower() in _FIRST_PERSON and (len(word) == 1 or not word.isupper()) for word in words
    ):
        return replace(claim, verdict="partly", reason=f"speaks in the first person of {speaker}")
    # A first word that the source never writes small may be a name.
    small = FUNCTION_WORDS | {word for e in claim.evidence for word in words_of(e.text)}
    is_plain = (
        words[0].lower() in small
        and (len(words[0]) == 1 or words[0][1:].islower())
        and words[0] not in ("May", "Will")
    )
    text = claim.text[0].lower() + claim.text[1:] if is_plain else claim.text
    return replace(claim, text=f"According to {speaker}, {text}")


def spoken_by(claim: Claim, document: DocumentLookup) -> str | None:
    """Whose words a claim gives as if they were the document's own.

    "" for somebody unnamed, None where it does not.
    """
    spoken = [_speaker_of(claim.text, e, document) for e in claim.evidence]
    if not spoken or None in spoken or len({speaker for speaker, _ in filter(None, spoken)}) > 1:
        return None
    said = content_of(" ".join(words for _, words in filter(None, spoken)))
    # A verb of saying among what is said is the speaker's; "according to" has no word of its own.
    told_as_said = any(
        not (verb := content_of(saying)) or not verb <= said for saying in sayings(claim.text)
    )
    quoted = any(len(words_of(quote[0])) >= SHORTEST for quote in _QUOTED.finditer(claim.text))
    return None if told_as_said or quoted else next(speaker for speaker, _ in filter(None, spoken))


def _speaker_of(claim: str, evidence: Evidence, document: DocumentLookup) -> tuple[str, str] | None:
    """Who says what a claim takes from a sentence, and all that they say there.

    None where the document itself says it.
    """
    source = document(evidence.hit.chunk.document)
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


def _other_speaker(claim: str, evidence: Sequence[Evidence]) -> str:
    """Who says in the evidence what the claim has somebody else say; "" where nobody does."""
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
    """Whether what is said has words of a claim that stand nowhere around it."""
    return not (words & content_of(said)) <= content_of(around)


def _speaker(evidence: Evidence, document: DocumentLookup) -> str:
    """The speaker of a quotation that the sentence reaches into; "" where there is none."""
    quotations = document(evidence.hit.chunk.document).quotations_in(evidence.start, evidence.end)
    return next((q.speaker for q in quotations), "")


# --- A short answer, restated ---------------------------------------------------------------------


def restates(claim: str, question: str, short_answer: str, shown: Sequence[Evidence]) -> bool:
    """Whether a sentence only puts the short answer into the words of its question and source.

    The answer stands in it; every number, name and content word stands in the question, the source
    or its title; nothing is denied, hedged or turned around that was not.
    """
    words, said = words_of(claim), " ".join(words_of(claim)).lower()
    if " ".join(words_of(short_answer)).lower() not in said or _repeats_itself(claim):
        return False
    source = " ".join(e.text for e in shown)
    hit = shown[0].hit
    around = f"{question} {hit.title} {hit.chunk.section}"
    known = content_of(source) | content_of(around)
    answer = content_of(short_answer)
    if not content_of(claim) <= known or content_of(claim) <= answer:
        return False
    if missing(amounts_of(claim), f"{source} {around}"):
        return False
    denied, hedged = _stance(claim, content_of(claim), shown)
    return not denied and not hedged and not _turned_around(words, question, source)


def _turned_around(words: Sequence[str], question: str, source: str) -> bool:
    """Whether two names of a sentence stand in another order than in question and source."""
    names = [
        stem(word) for word in words if word[0].isupper() and word.lower() not in FUNCTION_WORDS
    ]
    orders = [[stem(word) for word in words_of(text)] for text in (question, source)]
    for one, other in pairwise(dict.fromkeys(names)):
        known = [order for order in orders if one in order and other in order]
        if known and all(order.index(other) < order.index(one) for order in known):
            return True
    return False
