"""A question that compares -> one line for each side with its footnote, and their difference."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from rag.answering.conflicts import prefer_newest
from rag.answering.shapes.fact import own_words, state_fact, whole_sentence
from rag.answering.shapes.request import Request
from rag.answering.verify import Claim
from rag.text.dates import YEAR
from rag.text.quantities import Amount, amounts_of
from rag.text.tokens import content_of
from rag.types import DocumentInfo, Evidence, Mode

_READ = 8  # hits whose sentences are read for each side
_MAX_SIDES = 5
_FEWEST_SIDES = 2
# Of the confidence asked for: a part of a question is asked in fewer words than a reader expects,
# and an answer is only given where all the parts have one.
_OF_A_SIDE = 0.5
_JOIN = r"(?:\s*,\s*(?:and\s+)?|\s+(?:and|to|with|or|vs\.?|versus|than|from|until)\s+|\s*[-–]\s*)"
_YEARS = re.compile(
    rf"(?:\b(?:between|from|in|for|of|since|during)\s+)?(?:the\s+)?(?:years?\s+)?{YEAR.pattern}"
    rf"(?:{_JOIN}(?:[a-z]+\s+){{0,4}}{YEAR.pattern})+"
)
# What makes a question a comparison and is no part of what is asked of each side.
_FRAME = re.compile(
    r"(?i)^(?:please\s+)?(?:compare\s+|contrast\s+|(?:what|which)(?: is| are|'s| was| were)?\s+"
    r"(?:the\s+)?(?:main\s+|key\s+)?differences?\s+(?:in|of)\s+|how\s+(?:do|does|did)\s+"
    r"(?=.+\b(?:compare|differ)))"
)
_QUESTION_START = re.compile(
    r"(?i)(?:what|which|who|when|where|how|why|is|are|was|were|did|do|does|has)\b"
)
_BETWEEN_SIDES = re.compile(
    r"(?i)^(?:what|which)?(?: is| are|'s| was| were)?\s*(?:the\s+)?(?:main\s+|key\s+)?"
    r"(?:differences?|comparison)\s+(?:in (?P<aspect>.+?) )?between\s+(?P<rest>.+)"
)
_PAIR = re.compile(
    r"(?i)^(?P<one>.+?)\s+(?:and|with|to|versus|vs\.?|or|compared (?:to|with)|differ(?:s)? from|"
    r"compare (?:to|with))\s+(?P<other>.+)$"
)
_NAMED = r"(?:the )?[A-Z][\w’'-]*(?: (?:of |de |the )?[A-Z][\w’'-]*)*"
_NAMED_THING = re.compile(_NAMED)
_NAMES = re.compile(
    rf"(?P<one>{_NAMED})(?: and| with| to| versus| vs\.?| or|,? compared (?:to|with)"
    rf"|,? (?:more|less|fewer) than| than| differs? from),? (?P<other>{_NAMED})"
)
_TAIL = re.compile(
    r"(?i)^(?P<other>.+?)\s+(?:in terms of|regarding|as to|by|for|in their|on)\s+(?P<aspect>.+)$"
)
_ASPECT_OF_SIDE = re.compile(r"(?i)^(?P<aspect>.+\b(?:of|in|at|for|on|by|from))\s+(?P<side>.+)$")
_CHANGE = re.compile(
    r"(?i)^how (?:has|have|had|did|does|do) (?P<what>.+?) (?:change|develop|evolve|grow|rise|fall|"
    r"differ|vary|increase|decrease|decline|drop|improve)(?:d|n|ed|s)?\b"
)


class Side(NamedTuple):
    """One of the things compared."""

    name: str  # what its line begins with
    question: str  # what is asked of it
    documents: tuple[str, ...]  # where it is looked for; () for everywhere
    is_open: bool = False  # whether nothing in particular is asked of it


def comparison(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield a line for each side, and the difference of two numbers; nothing for less than two.

    A sentence that names all sides compares them itself.
    """
    question, document = request.question, request.corpus.document
    compared = sides(question.text, question.documents, request.corpus.documents())
    if len(compared) < _FEWEST_SIDES:
        return
    if not request.decision.reason and _names_all(request.evidence[0], compared):
        yield "extractive", own_words(replace(request.evidence[0], focus=None), None, document)
        return
    found = [(side, best) for side in compared if (best := _best(request, side))]
    places = {(best.hit.chunk.document, best.start) for _, best in found}
    if len(found) < len(compared) or len(places) < _FEWEST_SIDES:
        return
    for side, best in found:
        chat = None if side.is_open else request.chat
        mode, claim = state_fact(side.question, best, chat, document, request.templates)
        yield mode, replace(claim, text=f"{side.name}: {claim.text}")
    if len(found) == _FEWEST_SIDES:
        yield from _difference(*found)


def _names_all(best: Evidence, compared: Sequence[Side]) -> bool:
    held = content_of(best.text)
    return all(content_of(side.name) <= held for side in compared)


def _difference(
    one: tuple[Side, Evidence], other: tuple[Side, Evidence]
) -> Iterator[tuple[Mode, Claim]]:
    """Yield what the second number is above the first, where both are one of one unit."""
    (first_side, first), (second_side, second) = one, other
    by = _above(first, second)
    if by:
        text = f"{second_side.name} is {by} than {first_side.name} (our subtraction)."
        cited = (whole_sentence(first), whole_sentence(second))
        yield "extractive", Claim(text, "supported", cited)


def sides(question: str, named: Sequence[str], documents: Sequence[DocumentInfo]) -> list[Side]:
    """Return what a question compares: years, documents, or the two that it names."""
    asked = question.strip().rstrip("?.! ")
    years = list(dict.fromkeys(YEAR.findall(asked)))
    if len(years) >= _FEWEST_SIDES:
        return [_of_year(asked, year, named, documents) for year in years[:_MAX_SIDES]]
    if len(named) >= _FEWEST_SIDES:
        titles = {d.name: d.title for d in documents}
        return [Side(titles[name], f"{asked}?", (name,)) for name in named[:_MAX_SIDES]]
    return _pair(asked, tuple(named))


def _of_year(
    asked: str, year: str, named: Sequence[str], documents: Sequence[DocumentInfo]
) -> Side:
    """Return one year's side, asked alone, and looked for in the named documents of that year."""
    alone, number = _YEARS.subn(f"in {year}", asked, count=1)
    if not number:
        alone = YEAR.sub(lambda found: found[0] if found[0] == year else "", asked)
    changed = _CHANGE.match(alone)
    alone = f"What was {changed['what']} in {year}" if changed else _asked(alone)
    own = tuple(
        d.name
        for d in documents
        if d.name in named and year in (d.date[:4], *YEAR.findall(d.title))
    )
    return Side(year, f"{alone}?", own or tuple(named))


def _pair(asked: str, named: tuple[str, ...]) -> list[Side]:
    """Return the two sides of "the rent in A and B", "A and B by rent", "rents between A and B"."""
    between = _BETWEEN_SIDES.match(asked)
    rest = between["rest"] if between else _FRAME.sub("", asked)
    rest = re.sub(r"(?i)\s+(?:differ|compare)$", "", rest)
    aspect = (between["aspect"] or "") if between else ""
    if not aspect and (names := _NAMES.search(rest)):
        before, after = rest[: names.start()], rest[names.end() :]
        if content_of(before) | content_of(after):
            pairs = (
                (name, _asked(f"{before}{name}{after}")) for name in names.group("one", "other")
            )
            return [Side(_name_of_side(name), f"{asks}?", named) for name, asks in pairs]
    pair = _PAIR.match(rest)
    if not pair:
        return []
    one, other = pair["one"], pair["other"]
    if _QUESTION_START.match(one) and (called := [*_NAMED_THING.finditer(one)][1:]):
        # "How many seats has Alba compared with Brisa": what is asked of one is asked of the other.
        name = called[-1]
        return [
            Side(name[0], f"{one}?", named),
            Side(_name_of_side(other), f"{one[: name.start()]}{other}{one[name.end() :]}?", named),
        ]
    if tail := _TAIL.match(other):
        other, aspect = tail["other"], tail["aspect"]
    whole = _ASPECT_OF_SIDE.match(one)
    if whole and not aspect:
        aspect, one = whole["aspect"], whole["side"]
        same = _ASPECT_OF_SIDE.match(other)
        other = same["side"] if same else re.sub(r"(?i)^(?:of|in|at|for|on|by|from) ", "", other)
        return [Side(_name_of_side(s), f"{_asked(f'{aspect} {s}')}?", named) for s in (one, other)]
    if aspect:
        return [
            Side(_name_of_side(s), f"What is the {_without_article(aspect)} of {s}?", named)
            for s in (one, other)
        ]
    return [
        Side(_name_of_side(s), f"What is said about {s}?", named, is_open=True)
        for s in (one, other)
    ]


def _asked(phrase: str) -> str:
    """Return what is asked of one side as a question: "What was the rent in 2021"."""
    phrase = _FRAME.sub("", phrase)
    return phrase if _QUESTION_START.match(phrase) else f"What was {phrase}"


def _name_of_side(side: str) -> str:
    side = re.sub(r"(?i)^(?:the|a|an)\s+", "", side.strip(" ,"))
    return side[:1].upper() + side[1:]


def _without_article(aspect: str) -> str:
    return re.sub(r"(?i)^(?:the|their|its)\s+", "", aspect.strip())


def _best(request: Request, side: Side) -> Evidence | None:
    hits = request.corpus.search(side.question, _READ, side.documents)
    evidence = request.corpus.read(side.question, hits)
    evidence = prefer_newest(evidence, request.min_confidence)
    least = _OF_A_SIDE * request.min_confidence
    likely = [e for e in evidence if e.score >= least]
    name = content_of(side.name)
    of_side = (e for e in likely if name <= content_of(f"{e.text} {e.hit.chunk.context}"))
    return next(of_side, likely[0] if likely and likely[0] is evidence[0] else None)


def _above(one: Evidence, other: Evidence) -> str:
    """Return by how much one number exceeds another, in words; "" if they do not compare."""
    first, second = _amount(one), _amount(other)
    if first is None or second is None:
        return ""
    units = {(a.sign, a.unit, a.measure) for a in (first, second)}
    if len(units) > 1 or first.month or second.month:
        return ""
    try:
        by = Decimal(second.number) - Decimal(first.number)
    except InvalidOperation:
        return ""  # a number in words beyond those that are read
    if not by:
        return ""
    sign, unit, measure = units.pop()
    counted = [f"{name}s" if len(name) > 1 else "" for name in (sign, measure)]
    after = "".join(f" {part}" for part in (unit, *counted) if part).replace(" %", "%")
    before = sign if len(sign) == 1 else ""
    return f"{before}{abs(by):,}{after} {'higher' if by > 0 else 'lower'}"


def _amount(evidence: Evidence) -> Amount | None:
    """Return the number of a short answer that holds one, and is no year."""
    amounts = amounts_of(evidence.short_answer)
    return amounts[0] if len(amounts) == 1 and not YEAR.fullmatch(amounts[0].text) else None
