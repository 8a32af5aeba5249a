"""What a claim and its sources deny, doubt and oppose, clause by clause. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.text.tokens import NEGATIONS, is_number, stem, words_of

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
# Stems of verbs for what is only meant, planned or claimed.
_MEANT = frozenset(
    "plan propos expect accus aim intend alleg suspect forecast predict rumour rumor fear".split()
)
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
# The sides whose words say the same, not only the contrary of the other side.
_ALIKE = tuple(
    side
    for pair in _OPPOSITES
    for side in pair
    if side
    & frozenset("rise fall begin end accept reject support oppos buy sell join leav".split())
)


@dataclass(frozen=True, slots=True)
class AlignedClause:
    """A clause of a claim, and the clauses of the sources that have most of its words."""

    words: list[str]
    stems: frozenset[str]  # of its words with content
    clauses: list[list[str]]  # all those of the sources, in order
    nearest: list[int]  # of these, those with most of the stems


def align(claim: str, content: frozenset[str], sentences: Sequence[str]) -> list[AlignedClause]:
    """Return the clauses of a claim that share a word with the sentences, each with the nearest.

    `content` has the stems of the claim's content words.
    """
    clauses = [clause for sentence in sentences for clause in clauses_of(sentence)]
    found = []
    for words in clauses_of(claim):
        stems = frozenset(map(stem, words)) & content
        shared = [len(stems & {stem(word) for word in clause}) for clause in clauses]
        if any(shared):
            nearest = [i for i, number in enumerate(shared) if number == max(shared)]
            found.append(AlignedClause(words, stems, clauses, nearest))
    return found


def negates(aligned: Iterable[AlignedClause]) -> bool:
    """Return whether a clause is denied on one side only, in the claim or the source."""
    return any(
        _denies(clause.words) != _denies(_about(clause.clauses[i], clause.stems))
        for clause in aligned
        for i in clause.nearest
    )


def with_alike(stems: frozenset[str]) -> frozenset[str]:
    """Return the stems, and those of other words for the same change or act: "fell", "dropped"."""
    sides = (side for side in _ALIKE if not side.isdisjoint(stems))
    return stems.union(*sides)


def opposes(claim: str, text: str, aligned: Iterable[AlignedClause]) -> bool:
    """Return whether a claim, or a clause of it, has one of two opposites and `text` the other."""
    return any(
        _opposite(clause.words, clause.clauses[i]) for clause in aligned for i in clause.nearest
    ) or _opposite(words_of(claim), words_of(text))


def drops_doubt(claim: str, aligned: Iterable[AlignedClause]) -> bool:
    """Return whether a claim states as certain what the nearest clauses only say may be so."""
    if not _MEANT.isdisjoint(map(stem, words_of(claim))):
        return False
    return any(
        _HEDGED.isdisjoint(_small(clause.words)) and all(_doubts(clause, i) for i in clause.nearest)
        for clause in aligned
    )


def _doubts(aligned: AlignedClause, at: int) -> bool:
    """Return whether a clause of the sources says only that something may be, or is planned."""
    about = _about(aligned.clauses[at], aligned.stems)
    return (
        not _HEDGES.isdisjoint(_small(about))
        or not _MEANT.isdisjoint(stem(word) for word in about if word[0].islower())
        or any(
            clause[0].lower() in ("if", "unless")
            for clause in aligned.clauses[max(0, at - 1) : at + 2]
        )
    )


def clauses_of(text: str) -> list[list[str]]:
    """Return the words of each clause."""
    parts = (words_of(part) for part in _CLAUSE_END.split(_NO_NEGATION.sub("", text)))
    return [part for part in parts if part]


def _opposite(claim: Sequence[str], source: Sequence[str]) -> bool:
    """Return whether the claim has a word of one side, and the source only words of the other."""
    said, written = ({stem(word) for word in words} for words in (claim, source))
    return any(
        said & one and not written & one and written & other and not said & other
        for one, other in (sides for pair in _OPPOSITES for sides in (pair, pair[::-1]))
    )


def _about(clause: Sequence[str], stems: Iterable[str]) -> Sequence[str]:
    """Return the part of a clause that speaks of the words with these stems.

    From two words before the first of its words to the last.
    """
    shared = [i for i, word in enumerate(clause) if stem(word) in stems]
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
    """Return the words that begin with a small letter, and "If": "May" is a month."""
    return {word.lower() for word in words if word[0].islower() or word == "If"}
