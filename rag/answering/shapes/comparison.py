"""A question that compares -> one line for each side with its footnote, and their difference."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from rag.answering.conflicts import prefer_newest, prefer_oldest
from rag.answering.shapes.fact import fact, own_words, row_claim, source_claim, whole_sentence
from rag.answering.shapes.request import Request
from rag.answering.verify import Claim
from rag.text.dates import YEAR, in_words
from rag.text.quantities import Amount, amounts_of
from rag.text.rows import is_row
from rag.text.tokens import FUNCTION_WORDS, content_of, content_of_document, stem, words_of
from rag.types import DocumentInfo, Evidence, Mode

_READ = 8  # hits whose sentences are read for each side
_MAX_SIDES = 5
_MAX_NAME_WORDS = 5
_OPENING = 200  # characters of a document's first page, where its title block stands
_FEWEST_SIDES = 2
# Of the confidence asked for: a part of a question is asked in fewer words than a reader expects,
# and an answer is only given where all the parts have one.
_OF_A_SIDE = 0.5
# Of versions of one document the oldest is meant.
_FORMER = re.compile(r"(?i)\b(?:old|older|oldest|former|previous|earlier|first|original)\b")
_JOIN = r"(?:\s*,\s*(?:and\s+)?|\s+(?:and|to|with|or|vs\.?|versus|than|from|until)\s+|\s*[-–]\s*)"
_YEARS = re.compile(
    rf"(?:\b(?:between|from|in|for|of|since|during)\s+)?(?:the\s+)?(?:years?\s+)?{YEAR.pattern}"
    rf"(?:{_JOIN}(?:[a-z]+\s+){{0,4}}{YEAR.pattern})+"
)
# "than in 2011", "than that of 2011", "2011": what goes with another year
_A_YEAR = re.compile(
    rf"(?i)(?:,? ?\b(?:than|and|or|to|with|against) )?(?:(?:that|those) )?"
    rf"(?:\b(?:of|in|for|from) )?(?:the )?(?P<year>{YEAR.pattern})"
)
# What makes a question a comparison and is no part of what is asked of each side.
_FRAME = re.compile(
    r"(?i)^(?:please\s+)?(?:compare\s+|contrast\s+|(?:what|which)(?: is| are|'s| was| were)?\s+"
    r"(?:the\s+)?(?:main\s+|key\s+)?differences?\s+(?:in|of)\s+|how\s+(?:do|does|did)\s+"
    r"(?=.+\b(?:compare|differ)))"
)
_ASKING_VERB = "is|are|was|were|did|do|does|has|have|had|can|could|will|would|should"
_QUESTION_START = re.compile(
    rf"(?i)(?:(?:by|in|on|at|for|of) )?(?:what|which|who|when|where|how|why|{_ASKING_VERB})\b"
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
_TWO_NAMES = re.compile(
    rf"(?P<one>{_NAMED})(?: and| with| to| versus| vs\.?| or|,? compared (?:to|with)"
    rf"|,? (?:more|less|fewer) than| than| differs? from),? (?P<other>{_NAMED})"
)
# "Time to a judgment, Maren versus Lower Tiss", "wool: spring vs autumn"
_BESIDE_ASPECT = re.compile(
    r"(?i)^(?P<aspect>[^,:]+)[,:] (?P<one>[^,:]+?) (?:versus|vs\.?|against|compared (?:to|with)) "
    r"(?P<other>[^,:]+)$"
)
_TAIL = re.compile(
    r"(?i)^(?P<other>.+?)\s+(?:in terms of|regarding|as to|by|for|in their|on)\s+(?P<aspect>.+)$"
)
_ASPECT_OF_SIDE = re.compile(r"(?i)^(?P<aspect>.+\b(?:of|in|at|for|on|by|from))\s+(?P<side>.+)$")
_CHANGE = re.compile(
    r"(?i)^how (?:has|have|had|did|does|do) (?P<what>.+?) (?:change|develop|evolve|grow|rise|fall|"
    r"differ|vary|increase|decrease|decline|drop|improve)(?:d|n|ed|s)?\b"
)
# "in the first and in the third quarter": two phrases that begin alike.
_BEFORE_PHRASE = r"in|of|at|by|for|on|from|during|before|after|under|with"
_PARALLEL = re.compile(
    rf"(?i)\b(?P<before>{_BEFORE_PHRASE}) (?P<one>(?:[\w’'.-]+ ){{1,4}}?)(?:,? ?)"
    rf"(?:and|or|to|than|versus|vs\.?|compared (?:to|with)) (?P=before) "
    rf"(?P<other>(?:(?!(?:{_BEFORE_PHRASE})\b)[\w’'.-]+ ?){{1,4}})"
)
_DIFFER = re.compile(
    r"(?i)^how (?:do|does|did) (?P<sides>.+?) (?:differ|compare)"
    r"(?: (?:in|on|by|as to) (?:their |its )?(?P<aspect>.+))?$"
)
# "What the owners and the crews say about the strike"
_BOTH_SAY = re.compile(
    r"(?i)^what (?P<one>.+?) and (?P<other>.+?) (?P<says>(?:say|think|write|report|claim|argue|want"
    r"|propose|recommend|expect|find|conclude)\b.*)$"
)
_HOW_MUCH = re.compile(r"(?i),? (?:and )?by how (?:much|many)$")  # the difference is told anyway
# "Is the north richer than the south"
_MORE_THAN = re.compile(
    rf"(?i)^(?P<asks>{_ASKING_VERB}) (?P<one>.+?) (?P<more>(?:be )?(?:(?:more|less) \w+|\w+er)) "
    r"than (?P<other>.+)$"
)
# "How many seats has the old boat, and how many the new one": one question after the other.
_ASKED_TWICE = re.compile(
    r"(?i)^(?P<first>.*?\b(?P<asks>how (?:many|much|long|high|old)|what|when|where|who|which)\b.+?)"
    r",? (?:and|or),? (?:[a-z]+ )?(?P=asks)\b(?P<second>.*)$"
)
_OF_ANOTHER = re.compile(r"(?i)\b(?:those|that|the ones?) of (?P<other>\w+)")
_PERSONAL = re.compile(r"(?i)\b(?:it|they|he|she)\b")
_LIKE_ANOTHER = re.compile(
    r"(?i)^(?:(?:is|are|was|were|do|does|did|has|have|had) )*(?:the )?(?P<kind>[\w’'-]+) ones?\b"
)


class Side(NamedTuple):
    """One of the things compared."""

    name: str  # what its line begins with
    question: str  # what is asked of it
    documents: tuple[str, ...]  # where it is looked for; () for everywhere


def comparison(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield a line for each side, and the difference of two numbers.

    A sentence that names all sides compares them itself. Where no two sides are found the question
    is answered as a fact, unless the best passage lacks a name or year of the question.
    """
    question, document = request.question, request.corpus.document
    compared = sides(question.text, question.documents, request.corpus.documents())
    if len(compared) < _FEWEST_SIDES:
        yield from fact(request)
        return
    if not request.decision.reason and _names_all(request.evidence[0], compared):
        yield "extractive", own_words(replace(request.evidence[0], focus=None), None, document)
        return
    found = [(side, best) for side in compared if (best := _best(request, side, compared))]
    places = {_place_of(side, best) for side, best in found}
    if len(found) < len(compared) or len(places) < _FEWEST_SIDES:
        if request.evidence and _holds_proper_words(request, request.evidence[0], question.text):
            yield from fact(request)
        return
    for side, best in found:
        claim = source_claim(side.question, best, document)
        yield "extractive", replace(claim, text=f"{side.name}: {claim.text}")
    if len(found) == _FEWEST_SIDES:
        yield from _difference(*found)


def _place_of(side: Side, best: Evidence) -> tuple[str, int]:
    """Return where a side's answer stands: in a row of a table its cell, else its sentence."""
    row = row_claim(side.question, best)
    focus = row.evidence[0].focus if row else None
    return best.hit.chunk.document, focus.start if focus else best.start


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
    asked = _HOW_MUCH.sub("", question.strip().rstrip("?.! "))
    years = list(dict.fromkeys(YEAR.findall(asked)))
    if len(years) >= _FEWEST_SIDES:
        return [_of_year(asked, year, named, documents) for year in years[:_MAX_SIDES]]
    if len(named) >= _FEWEST_SIDES:
        called = _told_apart([d for d in documents if d.name in named[:_MAX_SIDES]])
        return [Side(title, f"{asked}?", (name,)) for name, title in called.items()]
    if differ := _DIFFER.match(asked):
        aspect = f"{differ['aspect']} of " if differ["aspect"] else ""
        asked = f"{aspect}{differ['sides']}"
    return _parallel(asked, tuple(named)) or _pair(asked, tuple(named))


def _told_apart(documents: Sequence[DocumentInfo]) -> dict[str, str]:
    """Return the titles of documents by their names, with date or file where two are alike."""
    times = Counter(d.title for d in documents)
    return {
        d.name: f"{d.title} ({in_words(d.date) or d.file})" if times[d.title] > 1 else d.title
        for d in documents
    }


def _parallel(asked: str, named: tuple[str, ...]) -> list[Side]:
    """Return the two sides of a question with two phrases that begin alike, or that asks twice."""
    if twice := _ASKED_TWICE.match(asked):
        first, second = twice["first"], twice["second"].strip()
        other = _other_question(first, second, twice["asks"])
    elif both := _PARALLEL.search(asked):
        one, two, before = both["one"].split(), both["other"].split(), both["before"]
        if one[0] == two[0]:  # of "the first and in the third quarter" the noun stands once
            one += two[len(one) :]
        start, end = asked[: both.start()], asked[both.end() :]
        first, other = (f"{start}{before} {' '.join(words)} {end}".strip() for words in (one, two))
    elif than := _MORE_THAN.match(asked):
        return [
            Side(_name_of_side(side), f"{than['asks']} {side} {than['more']}?", named)
            for side in than.group("one", "other")
        ]
    else:
        return []
    pair = [re.sub(r"(?i)^(?:both|each) ", "", _asked(text)) for text in (first, other)]
    names = _differing(*pair)
    return [Side(name, f"{text}?", named) for name, text in zip(names, pair, strict=True)]


def _other_question(first: str, second: str, asks: str) -> str:
    """Return the second question of two, with what it leaves out of the first."""
    if like := _LIKE_ANOTHER.match(second):
        # "the new one": whose adjective stands in the place of the first's.
        return re.sub(r"(?i)\bthe [a-z]+\b", f"the {like['kind']}", first, count=1)
    opening = second.split(" ", 1)[0]
    shared = [*re.finditer(rf"(?i)\b{re.escape(opening)}\b", first)] if opening else []
    if shared and opening.lower() not in _ASKING_VERB.split("|"):
        return f"{first[: shared[-1].start()]}{second}"
    if of := _OF_ANOTHER.search(second):
        return re.sub(r"\bof \w+", f"of {of['other']}", first, count=1)
    subject = re.search(rf"(?i)\b(?:{_ASKING_VERB}) ((?:the |an? )?[\w’'-]+)", first)
    return f"{asks} {_PERSONAL.sub(subject[1], second, count=1) if subject else second}"


def _differing(one: str, other: str) -> tuple[str, str]:
    """Return the words by which two questions differ, each as the name of a side."""
    first, second = one.split(), other.split()
    begin = 0
    while begin < min(len(first), len(second)) and first[begin] == second[begin]:
        begin += 1
    end = 0
    most = min(len(first), len(second)) - begin
    while end < most and first[-1 - end] == second[-1 - end]:
        end += 1
    runs = (words[begin : len(words) - end] for words in (first, second))
    noun = first[-end] if end and first[-end] not in FUNCTION_WORDS else ""  # that both have
    names = []
    for run, others in zip(runs, (second, first), strict=True):
        words = run if len(run) <= _MAX_NAME_WORDS else [w for w in run if w not in others]
        names.append(_name_of_side(" ".join([*words, noun]).strip()))
    return names[0] or "One", names[1] or "The other"


def _of_year(
    asked: str, year: str, named: Sequence[str], documents: Sequence[DocumentInfo]
) -> Side:
    """Return one year's side, asked alone, and looked for in the named documents of that year."""
    alone, number = _YEARS.subn(f"in {year}", asked, count=1)
    if not number:
        alone = _A_YEAR.sub(lambda found: found[0] if found["year"] == year else " ", asked)
        alone = " ".join(alone.split())
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
    if beside := _BESIDE_ASPECT.match(asked):
        aspect = beside["aspect"]
        return [
            Side(_name_of_side(side), f"{_asked(f'{aspect} {side}')}?", named)
            for side in beside.group("one", "other")
        ]
    between = _BETWEEN_SIDES.match(asked)
    rest = between["rest"] if between else _FRAME.sub("", asked)
    if _QUESTION_START.match(rest):
        rest = rest[:1].lower() + rest[1:]  # its capital letter makes no name
    if both := _BOTH_SAY.match(rest):
        return [
            Side(_name_of_side(side), f"What do {side} {both['says']}?", named)
            for side in both.group("one", "other")
        ]
    aspect = (between["aspect"] or "") if between else ""
    if not aspect and (names := _TWO_NAMES.search(rest)):
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
    if _QUESTION_START.match(one) and (called := [*_NAMED_THING.finditer(one)]):
        # "How many seats has Alba compared with Brisa": what is asked of one is asked of the other.
        name, one = called[-1], one[:1].upper() + one[1:]
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
    return [Side(_name_of_side(s), f"What is said about {s}?", named) for s in (one, other)]


def _asked(phrase: str) -> str:
    """Return what is asked of one side as a question: "What was the rent in 2021"."""
    phrase = _FRAME.sub("", phrase)
    is_question = _QUESTION_START.match(phrase)
    return phrase[:1].upper() + phrase[1:] if is_question else f"What was {phrase}"


def _name_of_side(side: str) -> str:
    side = re.sub(r"(?i)^(?:the|a|an)\s+", "", side.strip(" ,"))
    return side[:1].upper() + side[1:]


def _without_article(aspect: str) -> str:
    return re.sub(r"(?i)^(?:the|their|its)\s+", "", aspect.strip())


def _best(request: Request, side: Side, compared: Sequence[Side]) -> Evidence | None:
    others = {word for other in compared if other is not side for word in words_of(other.name)}
    own = " ".join(word for word in words_of(side.name) if word not in others)
    hits = request.corpus.search(side.question, _READ, side.documents)
    evidence = request.corpus.read(side.question, hits)
    least = _OF_A_SIDE * request.certainty
    if _FORMER.search(side.name):
        evidence = prefer_oldest(evidence, least)
    else:
        evidence = prefer_newest(evidence, request.certainty)
    likely = [
        e
        for e in evidence
        if e.score >= least and _holds_proper_words(request, e, side.question, own)
    ]
    is_apart = len({other.documents for other in compared}) == len(compared)
    if is_apart or YEAR.fullmatch(side.name):
        return next(iter(likely), None)  # its documents, or the year, tell it from the others
    name = content_of(own)
    of_side = (e for e in likely if name <= content_of(f"{e.text} {e.hit.chunk.context}"))
    # A thing may be called otherwise in a report, but not by another name or number.
    return next(of_side, likely[0] if likely and likely[0] is evidence[0] else None)


def _holds_proper_words(
    request: Request, evidence: Evidence, question: str, name: str | None = None
) -> bool:
    """Return whether a document holds the names in `name`, and a sentence the years of a question.

    All names of the question count if no name is given. A year may stand in the passage, the title
    or the date, too, unless the sentence is a row of a table with a year of its own.
    """
    hit, text, years = evidence.hit, evidence.text, YEAR.findall(question)
    document = request.corpus.document(hit.chunk.document)
    opening = f"{document.file} {document.text[:_OPENING]}"  # "Annual report 2022"
    around = f"{hit.chunk.text} {hit.chunk.context} {hit.title} {hit.date} {opening}"
    dated = text if is_row(text) and YEAR.search(text) else around
    words = words_of(question)
    wanted = set(words_of(question if name is None else name))
    named = {w for w in words[1:] if w[0].isupper() and w.lower() not in FUNCTION_WORDS} & wanted
    if not all(year in dated for year in years):
        return False
    elsewhere = {stem(word) for word in named} - content_of(around)
    return not elsewhere or elsewhere <= content_of_document(document.text)


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
