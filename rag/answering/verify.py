"""A claim + Sources -> whether they hold it, and which of their sentences do. Pure.

A claim is compared with the sentences the prompt offered, not with the question, and rests on those
that hold its words. Every number in it must stand in them with its currency, unit, magnitude and
month, every name in them or beside them, in their title, section or speaker. Of the numbers, names
and parts of one sentence that have changed places about half are seen, by their order and their
neighbours. checks/checks.py has each check.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import combinations, pairwise

from rag.answering.checks.checks import (
    CHECKS,
    CHECKS_OF_RESTATEMENT,
    PARTLY,
    SUPPORTED,
    Check,
    Finding,
    apply,
)
from rag.answering.checks.compared import Compared
from rag.answering.checks.names import known_names, names_of
from rag.answering.checks.speakers import quoted_speaker, speaker_of
from rag.text.dates import YEAR, in_words
from rag.text.quantities import amounts_of, missing
from rag.text.quotations import SHORTEST
from rag.text.speech import sayings
from rag.text.tokens import FUNCTION_WORDS, content_of, inflections, is_number, stem, words_of
from rag.types import Document, Evidence, Source, Verdict

_FIRST_PERSON = frozenset("i me my mine we us our ours myself ourselves".split())
# Words in double quotation marks, and in single ones that are no apostrophes.
_QUOTED = re.compile(
    r"[\"“”„«»「」『』]([^\"“”„«»「」『』]+)[\"“”„«»「」『』]|"
    r"(?<!\w)[‘']([^‘’']{3,}?)[’'](?!\w)"
)

_REFERRING = frozenset("i we he she it they this that these those who which both".split())
_ASKS_WHO = frozenset("who whom whose which".split())
_SHARED_PREDICATE = 3  # words that two sentences share where they say the same
_LONGEST_SUBJECT = 6  # words
_MOST_COMPARED = 200  # words of a sentence: the time may grow with the square of their number
_LONGEST_REFERENCE = 3  # words of "the board", one more than it has
_GAP = 2  # characters of white space between two sentences that follow one another
_LONGEST_RUN = 4  # sentences that follow one another and hold a claim together
_EDGE = re.compile(r"\b|((?<!\w)(?!\w))")

DocumentLookup = Callable[[str], Document]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer and the source sentences it rests on.

    None if it is unsupported.
    """

    text: str
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    reason: str = ""


def check_sentence(
    claim: str,
    sources: Sequence[Source],
    document: DocumentLookup,
    question: str = "",
    checks: Sequence[Check] = CHECKS,
) -> Claim:
    """Return the claim with its verdict and the sentences it rests on.

    These are chosen from all the sources by what they say. `document` gives the whole document of
    a name. `question` is given for a claim of an answer: one that says nothing beyond the question
    is no answer to it. A measurement may leave out some of the checks.
    """
    sentences = [sentence for source in sources for sentence in source.sentences]
    groups = [*_groups(sentences)] or [()]
    words = content_of(claim)
    whole = next((group for group in groups if _is_whole(claim, group)), None)
    if whole and not (question and words <= content_of(question)):
        return Claim(claim, "supported", whole)
    known = known_names(sentence.text for sentence in sentences)
    beside = {s: _beside(s, document) for s in sentences}

    def checked(evidence: tuple[Evidence, ...]) -> _Checked:
        compared = Compared(claim, question, evidence, known, beside)
        return _Checked(compared, *apply(checks, compared))

    best = max(map(checked, groups), key=lambda c: c.rank)
    if best.lacks_words:
        pairs = _across(claim, words, sentences)
        best = max([best, *map(checked, pairs)], key=lambda c: c.rank)
    compared, finding = best.compared, best.finding
    text = _verbatim_quotes(claim, compared.evidence) if compared.share >= PARTLY else claim
    if finding is None:
        return Claim(text, "supported", compared.evidence)
    evidence = () if finding.verdict == "unsupported" else compared.evidence
    return Claim(text, finding.verdict, evidence, finding.reason)


def _is_whole(claim: str, evidence: tuple[Evidence, ...]) -> bool:
    """Return whether a claim is the sentences themselves, word for word."""
    text = " ".join(e.text for e in evidence)
    return words_of(claim) == words_of(text) and not missing(amounts_of(claim), text)


@dataclass(frozen=True, slots=True)
class _Checked:
    """Sentences that may hold a claim, and what the checks say of the claim beside them."""

    compared: Compared
    passed: int  # checks, until one refuses the claim
    finding: Finding | None

    @property
    def lacks_words(self) -> bool:
        """Whether words, names or amounts of the claim stand in none of the sentences."""
        compared = self.compared
        return compared.share < SUPPORTED or bool(compared.absent_names or compared.absent_amounts)

    @property
    def rank(self) -> tuple[int, bool, float, int, float]:
        """What the best sentences have most of, the most important first."""
        evidence = self.compared.evidence
        best_score = evidence[0].score if evidence else 0.0
        return self.passed, not self.finding, self.compared.share, -len(evidence), best_score


def _beside(sentence: Evidence, document: DocumentLookup) -> str:
    hit = sentence.hit
    speaker = quoted_speaker(sentence, document(hit.chunk.document))
    return f"{hit.title} {hit.chunk.section} {speaker}"


def _groups(sentences: Sequence[Evidence]) -> Iterator[tuple[Evidence, ...]]:
    """Yield single sentences, then runs of neighbours."""
    yield from ((sentence,) for sentence in sentences)
    for length in range(2, _LONGEST_RUN + 1):
        for first in range(len(sentences) - length + 1):
            run = tuple(sentences[first : first + length])
            if all(follows(*pair) for pair in pairwise(run)):
                yield run


def _across(
    claim: str, words: frozenset[str], sentences: Sequence[Evidence]
) -> Iterator[tuple[Evidence, ...]]:
    """Yield pairs from different places that both speak of what the claim begins with.

    Both hold half of what else it says, too.
    """
    first = next((stem(word) for word in words_of(claim) if stem(word) in words), "")
    plain = {
        stem(word) for word in words_of(claim) if word[0].islower() and not is_number(word)
    } & words
    speaking = [
        s
        for s in sentences
        if first in (held := content_of(s.text)) and len(plain & held) >= PARTLY * len(plain)
    ]
    yield from (
        pair
        for pair in combinations(speaking, 2)
        if not follows(*pair) and not follows(*pair[::-1])
    )


def follows(one: Evidence, other: Evidence) -> bool:
    """Return whether the other sentence comes right behind the one."""
    return one.hit.chunk.document == other.hit.chunk.document and 0 <= other.start - one.end <= _GAP


# --- Words in quotation marks ---------------------------------------------------------------------


def _verbatim_quotes(claim: str, evidence: Sequence[Evidence]) -> str:
    """Return the claim without quotation marks around words that the evidence does not hold.

    Words that it holds to the letter keep them.
    """
    if not _QUOTED.search(claim):
        return claim
    text = _with_edges(" ".join(" ".join(e.text for e in evidence).split()))

    def kept(quoted: re.Match[str]) -> str:
        words = quoted[1] or quoted[2]
        return quoted[0] if _with_edges(words.strip(" .,")) in text else words

    return _QUOTED.sub(kept, claim)


def _with_edges(text: str) -> str:
    """Return the text with marks where words begin and end and where none are.

    So one text holds another at whole words only.

    To look for words as a pattern can take the product of both lengths.
    """
    return _EDGE.sub(lambda edge: "\1" if edge[1] is None else "\2", text)


# --- Who says it ----------------------------------------------------------------------------------


def attributed(claim: Claim, document: DocumentLookup) -> Claim:
    """Return the claim with its speaker named, if it rests on one person's words alone.

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
    """Return who said the words that a claim gives as the document's own.

    "" if the speaker has no name, None if the claim gives no such words.
    """
    spoken = [speaker_of(claim.text, e, document(e.hit.chunk.document)) for e in claim.evidence]
    if not spoken or None in spoken or len({speaker for speaker, _ in filter(None, spoken)}) > 1:
        return None
    said = content_of(" ".join(words for _, words in filter(None, spoken)))
    # A verb of saying among what is said is the speaker's; "according to" has no word of its own.
    is_attributed = any(
        not (verb := content_of(saying)) or not verb <= said for saying in sayings(claim.text)
    )
    quoted = any(len(words_of(quote[0])) >= SHORTEST for quote in _QUOTED.finditer(claim.text))
    return None if is_attributed or quoted else next(speaker for speaker, _ in filter(None, spoken))


# --- A short answer, restated ---------------------------------------------------------------------


def restates(claim: str, question: str, short_answer: str, shown: Sequence[Evidence]) -> bool:
    """Return whether a sentence only restates the short answer, in words of question and source.

    The answer stands in it; every content word stands in the question, in this or another form, or
    in the source or its title; every number stands in the source, its title, heading or date, and
    every name in the passage or there: a year of the question beside the figure of another one is
    no answer. Nothing is denied, hedged or turned around that was not.
    """
    words, answer_words = words_of(claim), words_of(short_answer)
    if " ".join(answer_words).lower() not in " ".join(words).lower():
        return False
    source = " ".join(e.text for e in shown)
    hit = shown[0].hit
    around = f"{question} {hit.title} {hit.chunk.section}"
    known = content_of(source) | content_of(around) | _inflected(question)
    answer = content_of(short_answer)
    if not content_of(claim) <= known or content_of(claim) <= answer:
        return False
    if answer <= content_of(question):  # which says nothing that was not asked
        return False
    stated = f"{source} {hit.title} {hit.chunk.section} {hit.date[:4]} {in_words(hit.date)}"
    passage = f"{stated} {hit.chunk.text} {hit.chunk.context}"
    if _unproved(claim, question, stated, passage):
        return False
    names = names_of(claim, known_names([question, hit.chunk.text]))
    if any(not content_of(name) <= content_of(passage) for name in names):
        return False
    _, finding = apply(CHECKS_OF_RESTATEMENT, Compared(claim, question, tuple(shown)))
    return (
        finding is None
        and not _turned_around(words, question, source)
        and not any(_says_of_another(words, words_of(e.text), answer) for e in shown)
    )


def _unproved(claim: str, question: str, stated: str, passage: str) -> list[str]:
    """Return the numbers of a claim that its source does not hold.

    What the question counts, as in "the two teams", need not stand in the sentence that answers,
    but in its passage, and "one" and "first" need not stand there. A year must stand in the
    sentence.
    """
    counted = [amount for amount in amounts_of(question) if not YEAR.fullmatch(amount.number)]
    return [
        text
        for amount in amounts_of(claim)
        for text in missing([amount], stated)
        if not any(amount.same(other) for other in counted)
        or (amount.number != "1" and missing([amount], passage))
    ]


def _inflected(question: str) -> frozenset[str]:
    """Return the stems of all forms of a question's words: who asks "did get" is told "got"."""
    return frozenset(stem(form) for word in words_of(question) for form in inflections(word))


def _says_of_another(words: Sequence[str], source: Sequence[str], answer: frozenset[str]) -> bool:
    """Return whether a sentence says of one subject what its source says of another.

    "The board paid 412 crowns", of "An average household paid 412 crowns": what both say is the
    longest run of words that they share, its subject what stands before that. It counts where it
    holds the `answer`, these being its stems, and more than that. A subject that the source only
    refers to, with a pronoun or as "the board", may be named.
    """
    said, written = ([word.lower() for word in text[:_MOST_COMPARED]] for text in (words, source))
    run = SequenceMatcher(None, said, written, autojunk=False).find_longest_match()
    shared = content_of(" ".join(said[run.a : run.a + run.size]))
    if run.size < _SHARED_PREDICATE or not answer < shared:
        return False
    subject, other = said[: run.a], written[max(0, run.b - _LONGEST_SUBJECT) : run.b]
    refers = len(other) < _LONGEST_REFERENCE and other[:1] == ["the"]
    if refers or not _REFERRING.isdisjoint(other):
        return False
    stated, known = content_of(" ".join(subject)), content_of(" ".join(other))
    return bool(stated and known) and stated.isdisjoint(known)


def _turned_around(words: Sequence[str], question: str, source: str) -> bool:
    """Return whether two names of a sentence stand in another order than in question and source.

    Only of a question that asks who did something, or to whom: a place or a date may stand anywhere
    in the sentence.
    """
    if _ASKS_WHO.isdisjoint(word.lower() for word in words_of(question)):
        return False
    names = [
        stem(word) for word in words if word[0].isupper() and word.lower() not in FUNCTION_WORDS
    ]
    orders = [[stem(word) for word in words_of(text)] for text in (question, source)]
    for one, other in pairwise(dict.fromkeys(names)):
        known = [order for order in orders if one in order and other in order]
        if known and all(order.index(other) < order.index(one) for order in known):
            return True
    return False
