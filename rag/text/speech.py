"""Reported speech: who a sentence says said something, by a verb of saying beside a name. Pure."""

import re

# Names are recognised by their capitals, speakers by a verb of saying beside them.
_UPPER = "".join(letter for letter in map(chr, range(0x530)) if letter.isupper())
# A word is taken whole or not at all, and has an end: of one in a hundred parts each part could be
# the first of a name.
WORD_OF_NAME = (
    rf"(?:(?:[{_UPPER}]\.){{1,12}}+|(?:St|Dr|Mr|Mrs|Ms|Gen|Sen|Lt|Col|Prof)\."
    rf"|[{_UPPER}]\w*+(?:-\w++|['’](?=[{_UPPER}])\w++){{0,12}}+)"
)
PERSON = (
    rf"\b{WORD_OF_NAME}(?:\s+(?:(?:de|da|di|du|del|la|le|van|von|der|den|bin|ibn|al|el)\s+){{0,2}}"
    rf"{WORD_OF_NAME}){{0,6}}"
)
_STEMS = """
    acknowledg add admitt announc answer appeal argu ask assert assess believ call caution claim
    comment compar complain conced conclud confirm consider contend continu criticis criticiz declar
    den describ echo emphasis emphasiz estimat exclaim expect explain express insist lament maintain
    mutter not notic observ opin pledg prais predict promis propos question recall recognis recogniz
    reiterat remark repeat repl report respond shout stat stress suggest summaris summariz testif
    underlin underscor urg vow warn whisper
"""
SAYS = (
    r"(?:sa(?:id|ys|ying)|told|tell(?:s|ing)|wrote|writ(?:es|ing)|thought|thinks|(?:went|goes)"
    r" on|point(?:ed|s|ing) out"
    r"|put (?:it|the|this|his|her)"
    # In the present tense only where it cannot be a noun: "the Baltic states", "the expert notes".
    rf"|(?:{'|'.join(_STEMS.split())})(?:i?ed|ing|(?:e?s|ies)(?=\s+(?:that|how|what|why|this)\b|"
    rf"[:,])))\b"
)
ADVERBS = (
    r"(?:(?:\w+ly|also|then|even|further|again|later|once|thus|himself|herself|has|had|recently|in"
    r" turn)\s+){0,3}"
)
_CLAUSE = (
    r"(?:that|which|who|whose|whether|is|are|was|were|be|has|have|had|when|while|as|will|would)\b"
)
DESCRIBED = rf"(?:[Tt]he|[Aa]n?|[Oo]ne|[Aa]nother)(?:\s++(?!{_CLAUSE})[\w'’-]++){{1,12}}?"
SUBJECT = rf"(?:(?P<name>{PERSON})|(?P<anyone>{DESCRIBED})|(?P<pronoun>[Hh]e|[Ss]he))"
_PEOPLE = """
    official minister president expert analyst scholar writer reporter commentator leader speaker
    aide adviser lawyer officer commander soldier general chief head member researcher teacher
    student farmer worker manager engineer owner driver premier secretary envoy source witness
    resident report statement ministry government council board committee commission agency office
    newspaper paper company court letter colleague observer participant founder author user patient
    nurse judge king queen pope delegate deputy
"""
# The head of a description of somebody who can speak.
SPEAKER = re.compile(
    rf"(?i)(?:\w*(?:ist|ian|m[ae]n|person|crat|eer|master|mat|or)|{'|'.join(_PEOPLE.split())})s?"
)
# What has a capital only because it opens a sentence, and days.
_OPENER_WORDS = """
    although though but and when if while yet then however for after before also as at in on to from
    by with since until because despite during nor so thus still even today now here there this that
    these those moreover meanwhile instead where what why how who both like only last the he she it
    they we i you his her their our its my yesterday monday tuesday wednesday thursday friday
    saturday sunday
"""
OPENERS = frozenset(_OPENER_WORDS.split())
_BEGINS = r"(?:^|[,;]\s|\b(?:and|but|while|whereas|as)\s)"
_SAYING = rf"{ADVERBS}(?:{SAYS}|(?:say|believe|think|argue|claim|insist)s?)"
_WHO = rf"{SUBJECT}(?:\s\([^)]{{0,150}}\)|,\s[^:;]{{1,150}}?,)?"
_WHOM = rf"(?:\s+(?:reporters|journalists|parliament|(?:the\s+)?{PERSON}))?"
_WHEN = r"(?:\s+(?:on|in|at|during|after|last)\s+(?:(?!that\b)[\w'’-]++\s?){1,4}?)?"
_REPORTS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        # Maxim Yusin, a columnist, told us on Monday that
        rf"{_BEGINS}{_WHO}\s+{_SAYING}{_WHOM}{_WHEN}\s+that\s+(?P<said>.+)",
        # the mayor said the bridge
        rf"{_BEGINS}{_WHO}\s+{ADVERBS}(?:said|says)\s+"
        r"(?P<said>(?:the|an?|it|he|she|they|there|this|these|its|his|her|their|no|some|all|most|"
        r"many|[A-Z]\w*)\b.+)",
        # the bridge is closed, the mayor said
        rf"^(?P<said>.+),\s+{_WHO}\s+{_SAYING}{_WHOM}{_WHEN}\W*+$",
        rf"^(?P<said>.+),\s+(?:said|says)\s+{_WHO}{_WHEN}\W*+$",
        (
            r"\b(?:[Aa]ccording to|[Ii]n the (?:view|opinion|words)"
            rf" of)\s+{_WHO}(?:,\s[^:;]{{1,80}}?)?,\s+(?P<said>.+)"
        ),
        rf"^(?P<said>.+?),?(?<!\s)\s++according to\s+{_WHO}\W*+$",
    )
)
_ATTRIBUTION = re.compile(
    rf"(?:{PERSON}|{DESCRIBED}|\b(?:[Hh]e|[Ss]he|[Tt]hey))"
    rf"(?:\s\([^)]{{0,150}}\)|,\s[^:;]{{1,150}}?,)?\s+{_SAYING}\b|\b[Aa]ccording to\b"
)
_NEXT = re.compile(
    rf"(?:[,;]\s|\b(?:and|but|while|whereas)\s){{1,4}}(?:{_ATTRIBUTION.pattern}|(?:\w+\s)?"
    rf"[a-z]+s\s+{_SAYING}\s+that\b)"
)
_MOST_REPORTS = 20  # of one form in a sentence; each may run to its end


def reported(sentence: str) -> list[tuple[str, str]]:
    """Return who said something according to a sentence without quotation marks, and what.

    [("Maxim Yusin", "Russia has changed.")].

    Who is only a pronoun there is "".
    """
    found: list[tuple[str, str]] = []
    for pattern in _REPORTS:
        match = pattern.search(sentence)
        for _ in range(_MOST_REPORTS):
            if not match:
                break
            behind, end = match.span("said")
            if (who := _who(match)) is not None:
                other = _NEXT.search(sentence, behind, end)  # what another one says begins there
                found.append((who, sentence[behind : other.start() if other else end]))
            match = pattern.search(sentence, behind) if behind > match.start() else None
    return found


def sayings(text: str) -> list[str]:
    """Return the words of a text that attribute what it says to somebody.

    ["Maxim Yusin stated"].
    """
    return [match[0] for match in _ATTRIBUTION.finditer(text)]


def _who(match: re.Match[str]) -> str | None:
    """Return the name or description of who speaks, "" for a pronoun; None for what is neither."""
    if match["pronoun"] or match["name"] in ("He", "She"):
        return ""
    if match["name"]:
        return None if match["name"].split()[0].lower() in OPENERS else match["name"]
    described = match["anyone"]
    head = re.split(r"\s(?:of|from|at|in|for)\s", described)[0].split()[-1]
    return described[0].lower() + described[1:] if SPEAKER.fullmatch(head) else None
