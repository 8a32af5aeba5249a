"""The quotations of a text and who says them (pure).

Where the text does not say, or could be misread, the speaker stays empty: a wrong speaker is worse
than none.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.text.sentences import sentence_spans
from rag.types import Paragraph, Quotation, Reference

SHORTEST = 4  # words: what is shorter is a title, a term or a scare quote
_MARK = re.compile('["“”„«»]')
_AFTER_LAST_MARK = re.compile(r"(?:\[\d{1,3}\]|[\s.,;:!?…⁰¹²³⁴-⁹])*")
_LAST_MARKER = re.compile(r"\s?(?:\[\d{1,3}\]|[⁰¹²³⁴-⁹])\Z")
_LONGEST_MARKER = 6  # characters: " [123]"
_NOTE_MARKER = re.compile(r"\[\d{1,3}\]|[⁰¹²³⁴-⁹]+")

# Names are told by their capitals, speakers by a verb of saying beside them.
_UPPER = "".join(letter for letter in map(chr, range(0x530)) if letter.isupper())
# A word is taken whole or not at all, and has an end: of one in a hundred parts each part could be
# the first of a name.
_WORD_OF_NAME = (
    rf"(?:(?:[{_UPPER}]\.){{1,12}}+|(?:St|Dr|Mr|Mrs|Ms|Gen|Sen|Lt|Col|Prof)\."
    rf"|[{_UPPER}]\w*+(?:-\w++|['’](?=[{_UPPER}])\w++){{0,12}}+)"
)
_PERSON = (
    rf"\b{_WORD_OF_NAME}(?:\s+(?:(?:de|da|di|du|del|la|le|van|von|der|den|bin|ibn|al|el)\s+){{0,2}}"
    rf"{_WORD_OF_NAME}){{0,6}}"
)
_STEMS = """
    acknowledg add admitt announc answer appeal argu ask assert assess believ call caution claim
    comment compar complain conced conclud confirm consider contend continu criticis criticiz declar
    den describ echo emphasis emphasiz estimat exclaim expect explain express insist lament maintain
    mutter not notic observ opin pledg prais predict promis propos question recall recognis recogniz
    reiterat remark repeat repl report respond shout stat stress suggest summaris summariz testif
    underlin underscor urg vow warn whisper
"""
_SAYS = (
    r"(?:sa(?:id|ys|ying)|told|tell(?:s|ing)|wrote|writ(?:es|ing)|thought|thinks|(?:went|goes)"
    r" on|point(?:ed|s|ing) out"
    r"|put (?:it|the|this|his|her)"
    # In the present tense only where it cannot be a noun: "the Baltic states", "the expert notes".
    rf"|(?:{'|'.join(_STEMS.split())})(?:i?ed|ing|(?:e?s|ies)(?=\s+(?:that|how|what|why|this)\b|"
    rf"[:,])))\b"
)
_ADVERBS = (
    r"(?:(?:\w+ly|also|then|even|further|again|later|once|thus|himself|herself|has|had|recently|in"
    r" turn)\s+){0,3}"
)
_CLAUSE = (
    r"(?:that|which|who|whose|whether|is|are|was|were|be|has|have|had|when|while|as|will|would)\b"
)
_DESCRIBED = rf"(?:[Tt]he|[Aa]n?|[Oo]ne|[Aa]nother)(?:\s++(?!{_CLAUSE})[\w'’-]++){{1,12}}?"
_SUBJECT = rf"(?:(?P<name>{_PERSON})|(?P<anyone>{_DESCRIBED})|(?P<pronoun>[Hh]e|[Ss]he))"
# What stands before a name that is no subject: "an aide to Putin said".
_OBJECT = re.compile(
    r"\b(?:to|of|by|with|for|from|against|than|and|or|on|about|at|in)\s+(?:the\s+)?$"
)
_LONGEST_OBJECT = 40  # characters of it, before the name
_OF = rf"(?:\s+(?:of|from|at|in)\s+(?:the\s+)?{_PERSON})?"
_INTRODUCTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<subject>{_PERSON}){_OF}\s+{_ADVERBS}{_SAYS}",  # Maxim Yusin bluntly stated
        # Yuri Ushakov, a senior aide, claimed
        rf"^[^,:;]{{0,80}}?(?P<subject>{_PERSON}),\s[^:;]{{1,150}}?,\s+{_ADVERBS}{_SAYS}",
        # The mayor, Ludo Fenn, said
        rf"^[^,:;]{{2,80}},\s(?P<subject>{_PERSON}),\s+{_ADVERBS}{_SAYS}",
        # the diplomat added
        rf"(?:^|[,;]\s|\b(?:and|but)\s)(?P<described>{_DESCRIBED})\s+{_ADVERBS}{_SAYS}",
        rf"\b(?P<pronoun>[Hh]e|[Ss]he)\s+{_ADVERBS}{_SAYS}",
        r"\b[Ii]n (?P<pronoun>his|her) (?:own )?(?:words|view|opinion)\b",
        (
            r"\b[Aa]ccording"
            rf" to\s+(?:(?:[a-z][\w-]*\s+){{0,5}}?(?P<name>{_PERSON})|"
            rf"(?P<described>{_DESCRIBED}))\s*(?:,|$)"
        ),
        # echoed by Vincent Smith:
        rf"{_SAYS}\s+by\s+(?:[a-z][\w-]*\s+){{0,5}}?(?P<name>{_PERSON})\s*:?$",
        rf"^For\s+(?P<name>{_PERSON}),",  # For Babayev, the agreement recalled
        rf"\b[Ii]n\s+(?:the\s+(?:words|view|opinion)\s+of\s+(?P<name>{_PERSON})|"
        rf"(?P<owner>{_PERSON})['’]s\s+(?:words|view|opinion))",
    )
)
_TRAILERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:is|was)\s+(?:how|what)\s+{_SUBJECT}\s+{_ADVERBS}{_SAYS}",
        # said columnist Georgy Bovt; of two who speak together neither is named
        rf"{_SAYS}\s+(?:(?:[a-z][\w-]*\s+){{0,6}}?(?P<name>(?>{_PERSON}))"
        rf"(?!\s+(?:and|or)\s+{_WORD_OF_NAME})|(?P<pronoun>he|she)\b)",
        rf"{_SAYS}\s+(?P<anyone>{_DESCRIBED})(?=\s*[.,;:]|\s*$|\s+(?:in|on|at|to|during|when|"
        rf"after|as)\b)",
        rf"(?P<name>{_PERSON})(?:,\s[^:;.]{{1,150}}?,)?\s+{_ADVERBS}{_SAYS}",
        rf"{_SUBJECT}\s+{_ADVERBS}{_SAYS}",
    )
)
_FIRST_NAME = re.compile(rf"(?:[^,.:;]{{2,80}},\s)?(?P<name>{_PERSON})(?=,|\s+(?!and\b|or\b)[a-z])")
_PEOPLE = """
    official minister president expert analyst scholar writer reporter commentator leader speaker
    aide adviser lawyer officer commander soldier general chief head member researcher teacher
    student farmer worker manager engineer owner driver premier secretary envoy source witness
    resident report statement ministry government council board committee commission agency office
    newspaper paper company court letter colleague observer participant founder author user patient
    nurse judge king queen pope delegate deputy
"""
_PRONOUN = re.compile(r"\b(?:[Ss]?[Hh]e|[Hh]is|[Hh]er)\b")
# The head of a description of somebody who can speak.
_SPEAKER = re.compile(
    rf"(?i)(?:\w*(?:ist|ian|m[ae]n|person|crat|eer|master|mat|or)|{'|'.join(_PEOPLE.split())})s?"
)
_TITLES = """
    president prime minister deputy vice chairman chairwoman chair chancellor king queen prince
    princess secretary general director professor speaker dr mr mrs ms sir lord lady comrade senator
    governor mayor ambassador colonel major captain admiral marshal commander spokesman spokeswoman
    foreign defence defense finance ayatollah sheikh imam pope bishop judge justice representative
    commissioner premier leader chief emir sultan gen sen lt col prof historian author engineer
    analyst
"""
_TITLE = re.compile(
    rf"(?i){'|'.join(_TITLES.split())}|\w{{3,}}(?:nomist|logist|nalist|entist|umnist)"
)
# What has a capital only because it opens a sentence, and days.
_OPENER_WORDS = """
    although though but and when if while yet then however for after before also as at in on to from
    by with since until because despite during nor so thus still even today now here there this that
    these those moreover meanwhile instead where what why how who both like only last the he she it
    they we i you his her their our its my yesterday monday tuesday wednesday thursday friday
    saturday sunday
"""
_OPENERS = frozenset(_OPENER_WORDS.split())
# A name with one of these is no person's.
_BODY = """
    states state union nations party council committee commission academy university institute club
    agency ministry bank fund court forum kingdom republic federation league organization
    organisation group grouping center centre association authority office department house east
    west north south war times news press sea ocean route islands statement report charter
    conference congress parliament senate government constitution act
"""
_BODIES = frozenset(_BODY.split())


# --- Reported speech ------------------------------------------------------------------------------

_BEGINS = r"(?:^|[,;]\s|\b(?:and|but|while|whereas|as)\s)"
_TELLS = rf"{_ADVERBS}(?:{_SAYS}|(?:say|believe|think|argue|claim|insist)s?)"
_WHO = rf"{_SUBJECT}(?:\s\([^)]{{0,150}}\)|,\s[^:;]{{1,150}}?,)?"
_WHOM = rf"(?:\s+(?:reporters|journalists|parliament|(?:the\s+)?{_PERSON}))?"
_WHEN = r"(?:\s+(?:on|in|at|during|after|last)\s+(?:(?!that\b)[\w'’-]++\s?){1,4}?)?"
_REPORTS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        # Maxim Yusin, a columnist, told us on Monday that
        rf"{_BEGINS}{_WHO}\s+{_TELLS}{_WHOM}{_WHEN}\s+that\s+(?P<said>.+)",
        # the mayor said the bridge
        rf"{_BEGINS}{_WHO}\s+{_ADVERBS}(?:said|says)\s+"
        r"(?P<said>(?:the|an?|it|he|she|they|there|this|these|its|his|her|their|no|some|all|most|"
        r"many|[A-Z]\w*)\b.+)",
        # the bridge is closed, the mayor said
        rf"^(?P<said>.+),\s+{_WHO}\s+{_TELLS}{_WHOM}{_WHEN}\W*+$",
        rf"^(?P<said>.+),\s+(?:said|says)\s+{_WHO}{_WHEN}\W*+$",
        (
            r"\b(?:[Aa]ccording to|[Ii]n the (?:view|opinion|words)"
            rf" of)\s+{_WHO}(?:,\s[^:;]{{1,80}}?)?,\s+(?P<said>.+)"
        ),
        rf"^(?P<said>.+?),?(?<!\s)\s++according to\s+{_WHO}\W*+$",
    )
)
_ATTRIBUTION = re.compile(
    rf"(?:{_PERSON}|{_DESCRIBED}|\b(?:[Hh]e|[Ss]he|[Tt]hey))"
    rf"(?:\s\([^)]{{0,150}}\)|,\s[^:;]{{1,150}}?,)?\s+{_TELLS}\b|\b[Aa]ccording to\b"
)
_NEXT = re.compile(
    rf"(?:[,;]\s|\b(?:and|but|while|whereas)\s){{1,4}}(?:{_ATTRIBUTION.pattern}|(?:\w+\s)?"
    rf"[a-z]+s\s+{_TELLS}\s+that\b)"
)
_MOST_REPORTS = 20  # of one form in a sentence; each may run to its end


def reported(sentence: str) -> list[tuple[str, str]]:
    """Who a sentence says said something, without quotation marks, and what.

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
    """The words with which a text says of what it tells that somebody said so.

    ["Maxim Yusin stated"].
    """
    return [match[0] for match in _ATTRIBUTION.finditer(text)]


def _who(match: re.Match[str]) -> str | None:
    """The name or description of who speaks, "" for a pronoun; None for what is neither."""
    if match["pronoun"] or match["name"] in ("He", "She"):
        return ""
    if match["name"]:
        return None if match["name"].split()[0].lower() in _OPENERS else match["name"]
    described = match["anyone"]
    head = re.split(r"\s(?:of|from|at|in|for)\s", described)[0].split()[-1]
    return described[0].lower() + described[1:] if _SPEAKER.fullmatch(head) else None


class _Piece(NamedTuple):
    kind: str  # "heading", "narration" or "quotation"
    start: int
    end: int


def quotations(
    text: str,
    paragraphs: Sequence[Paragraph],
    references: Sequence[Reference],
    set_off: frozenset[int] = frozenset(),
) -> tuple[Quotation, ...]:
    """The quotations of `text` in order, four words or more, with speaker, lead-in and closing
    note.

    A quotation runs on over paragraphs that each open with a mark; a heading ends it, furniture
    does not. Paragraphs that are set off as quotations (`set_off`: where they start) are quoted
    without marks, those in a row together.
    """
    spans = [
        (start, end)
        for start, end in _spans(text, paragraphs, set_off)
        if len(re.findall(r"\w+", text[start:end])) >= SHORTEST
    ]
    numbers = {reference.start: reference.number for reference in reversed(references)}
    narrator = _Narrator(text, paragraphs) if spans else None
    found: list[Quotation] = []
    for start, end, speaker, lead_in in narrator.attribute(spans) if narrator else ():
        marker = end + len(text[end : end + 3]) - len(text[end : end + 3].lstrip(" .,;"))
        found.append(
            Quotation(start, end, speaker, " ".join(lead_in.split()), numbers.get(marker, ""))
        )
    return tuple(found)


# --- Where quotations start and end ---------------------------------------------------------------


def _spans(
    text: str, paragraphs: Sequence[Paragraph], set_off: frozenset[int]
) -> Iterator[tuple[int, int]]:
    carried, carried_end = (
        -1,
        0,
    )  # the start of a quotation that the last paragraph left open, and that paragraph's end
    block, block_end = -1, 0  # the same for paragraphs that are set off
    for paragraph in paragraphs:
        if paragraph.kind in ("furniture", "note"):
            continue
        if (
            paragraph.kind == "text"
            and paragraph.start in set_off
            and text[paragraph.start] not in '"“„«'
        ):
            block = block if block >= 0 else carried if carried >= 0 else paragraph.start
            block_end = _before_markers(text, paragraph)
            carried = -1
            continue
        if block >= 0:
            yield block, block_end
            block = -1
        if carried >= 0 and (paragraph.kind != "text" or text[paragraph.start] not in '"“„«'):
            yield carried, carried_end
            carried = -1
        if paragraph.kind != "text":
            continue
        start, closed = carried, 0
        inside: list[str] = []
        carried = -1
        for mark in _MARK.finditer(text, paragraph.start, paragraph.end):
            if _opens(text, paragraph, mark.start(), inside):
                start = mark.start() if start < 0 else start
                inside.append(mark[0])
            elif inside:
                inside.pop()
                closed = mark.end()
                if not inside:
                    yield start, closed
                    start = -1
        if inside and closed > start and _AFTER_LAST_MARK.fullmatch(text, closed, paragraph.end):
            yield start, closed  # a mark inside has no partner, but the last one closes the whole
        elif inside:
            carried, carried_end = start, paragraph.end
    if carried >= 0:
        yield carried, carried_end
    if block >= 0:
        yield block, block_end


def _before_markers(text: str, paragraph: Paragraph) -> int:
    """Where the words of a paragraph end, in front of the markers of notes that close it."""
    end = paragraph.end
    while marker := _LAST_MARKER.search(text, max(paragraph.start, end - _LONGEST_MARKER), end):
        end = marker.start()
    return end


def _opens(text: str, paragraph: Paragraph, position: int, inside: Sequence[str]) -> bool:
    """Whether the mark at `position` opens a quotation; `inside` are the marks still open there."""
    mark = text[position]
    if mark != '"':
        return mark in "«„" or (mark == "“" and inside[-1:] != ["„"])
    before = text[position - 1] if position > paragraph.start else " "
    after = text[position + 1] if position + 1 < paragraph.end else " "
    if position == paragraph.start or before.isspace() != after.isspace():
        return position == paragraph.start or before.isspace()
    if before.isspace() or not (before.isalnum() or after.isalnum()):
        return not inside
    return (
        not (before.isalnum() or before in ".,!?…)")
        if before.isalnum() != after.isalnum()
        else not inside
    )


# --- Who speaks -----------------------------------------------------------------------------------


class _Narrator:
    """Reads a text in order and remembers who was introduced."""

    def __init__(self, text: str, paragraphs: Sequence[Paragraph]) -> None:
        self._text = text
        self._paragraphs = paragraphs
        self._forms: dict[
            str, Counter[str]
        ] = {}  # a person's key -> the ways the text writes the name
        self._mentions: dict[str, list[int]] = {}  # a person's key -> where
        # A word of a name -> the keys of the persons it can stand for, in order of their first
        # mention.
        self._last_words: dict[str, dict[str, None]] = {}
        self._described: set[str] = set()
        self._described_with: dict[str, str] = {}  # a word -> the newest description that has it
        for paragraph in paragraphs:
            if paragraph.kind == "text":
                for found in re.finditer(_PERSON, text[paragraph.start : paragraph.end]):
                    self._learn(found[0], paragraph.start + found.start())
        self._fullest_form = {
            key: max(forms.items(), key=lambda form: (form[1], len(form[0])))[0]
            for key, forms in self._forms.items()
        }
        self._named_by: dict[
            str, tuple[str, list[int], list[str]]
        ] = {}  # what `_persons_called` has found
        self._forget()

    def _learn(self, name: str, position: int) -> None:
        words, titled = _plain(name)
        if not 2 <= len(words) <= 4 or any(word.lower() in _BODIES for word in words):
            return
        key = "".join(words).lower()
        self._forms.setdefault(key, Counter())[" ".join(words)] += 1
        self._mentions.setdefault(key, []).append(position)
        # A first word stands for a person only beside a title: "President Xi Jinping", but not
        # "Moscow Times".
        for word in {words[-1], words[0] if titled else words[-1]}:
            self._last_words.setdefault(word, {})[key] = None

    def _forget(self) -> None:
        self._speaker = self._lead_in = (
            ""  # who speaks on if nothing intervenes, and the words that said so
        )
        self._in_sentence = ""  # who is introduced in the sentence that the text has reached
        self._named = ""  # whom "he" and "she" mean
        self._rival = (
            False  # whether they could mean somebody else, whom the last sentence names too
        )

    def attribute(self, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, str, str]]:
        """Start, end, speaker and lead-in of each of `spans`."""
        pieces = list(self._pieces(spans))
        trailer: re.Match[str] | None = None
        for before, piece, after in zip([None, *pieces], pieces, [*pieces[1:], None], strict=False):
            if piece.kind == "heading":
                self._forget()
            elif piece.kind == "narration":
                quoted = before is not None and before.kind == "quotation"
                behind = quoted and before is not None and before.end == piece.start
                self._narrate(
                    piece,
                    behind and (trailer is not None or self._goes_on(piece)),
                    between=quoted and not behind,
                )
            else:
                embedded = (
                    before is not None and before.kind == "narration" and before.end == piece.start
                )
                embedded = embedded and not re.search(
                    r"[.!?:…][\"”’)\]]*\s*$", self._told(before or piece)
                )
                speaker, lead_in = (self._in_sentence if embedded else self._speaker), self._lead_in
                trailer = self._trailer(piece, after) if after is not None else None
                if trailer and after:
                    speaker, lead_in = self._who(trailer, after.start), self._first_sentence(after)
                    self._named = speaker or self._named
                self._speaker, self._lead_in, self._in_sentence = speaker, "", speaker
                yield piece.start, piece.end, speaker, lead_in if speaker else ""

    def _pieces(self, spans: Sequence[tuple[int, int]]) -> Iterator[_Piece]:
        upcoming = 0
        for paragraph in self._paragraphs:
            if paragraph.kind == "heading":
                yield _Piece("heading", paragraph.start, paragraph.end)
            if paragraph.kind != "text":
                continue
            cursor = paragraph.start
            if upcoming and spans[upcoming - 1][1] > cursor:
                cursor = min(spans[upcoming - 1][1], paragraph.end)
            while cursor < paragraph.end:
                start, end = (
                    spans[upcoming] if upcoming < len(spans) else (paragraph.end, paragraph.end)
                )
                narration = _Piece("narration", cursor, min(start, paragraph.end))
                if re.search(r"\w", self._told(narration)):
                    yield narration
                if start >= paragraph.end:
                    break
                yield _Piece("quotation", start, end)
                upcoming += 1
                cursor = end

    def _told(self, piece: _Piece) -> str:
        return _NOTE_MARKER.sub("", self._text[piece.start : piece.end])

    def _goes_on(self, piece: _Piece) -> bool:
        """Whether `piece` goes on with the sentence of the quotation before it, and names nobody
        else.
        """
        return self._text[piece.start - 2] not in ".!?…" and not re.search(
            _PERSON, self._told(piece)
        )

    def _first_sentence(self, piece: _Piece) -> str:
        told = self._told(piece)
        start, end = sentence_spans(told)[0]
        return told[start:end].strip(" ,;.–—")

    def _narrate(self, piece: _Piece, goes_on: bool, between: bool) -> None:
        """Take in a stretch of narration.

        It may go on with a quotation's sentence, or stand between two quotations.
        """
        told = self._told(piece)
        sentences = [told[start:end] for start, end in sentence_spans(told)]
        introduced = lead_in = current = ""
        met = False  # whether anybody is named or goes on as "he" or "she"
        for count, sentence in enumerate(sentences):
            colon = (
                sentence.endswith(":")
                and count == len(sentences) - 1
                and sentence.count("(") == sentence.count(")")
            )
            subject, persons = (
                self._subject(sentence, piece.start),
                self._persons(sentence, piece.start),
            )
            current = self._speaker if count == 0 and goes_on else ""
            current = (
                current or self._introduced(sentence, piece.start) or (subject if colon else "")
            )
            if not current and colon and between and len(sentences) == 1 and not persons:
                current = self._speaker  # "The visit also heralded a new era:"
            if current:
                introduced, lead_in = current, sentence
            elif (
                subject and subject != introduced
            ):  # somebody else acts: what follows may be either's words
                introduced = ""
            elif colon and introduced:
                current, lead_in = introduced, sentence
            self._named = current or subject or self._named
            self._rival = bool(persons - {self._named})
            met = met or bool(current or subject or _PRONOUN.search(sentence))
        self._named = self._named if met else ""
        self._speaker, self._lead_in, self._in_sentence = introduced, lead_in, current

    def _introduced(self, sentence: str, position: int) -> str:
        """Who is introduced first in `sentence` with a verb of saying or its like.

        "" where nobody is.
        """
        found = [
            match
            for pattern in _INTRODUCTIONS
            for match in pattern.finditer(sentence)
            if not _is_object(match)
        ]
        named = [match for match in sorted(found, key=re.Match.end) if self._who(match, position)]
        return self._who(named[0], position) if named else ""

    def _persons(self, sentence: str, position: int) -> set[str]:
        """Everybody that `sentence` names."""
        names = (_plain(name)[0] for name in re.findall(_PERSON, sentence))
        return {
            full
            for words in names
            if words and self._is_person(full := self._fullest(words, position))
        }

    def _subject(self, sentence: str, position: int) -> str:
        """The person a sentence opens with."""
        match = _FIRST_NAME.match(sentence)
        who = self._who(match, position) if match else ""
        return who if match and (self._is_person(who) or _plain(match["name"])[1]) else ""

    def _is_person(self, name: str) -> bool:
        return "".join(name.split()).lower() in self._forms

    def _trailer(self, quotation: _Piece, after: _Piece) -> re.Match[str] | None:
        """The words that name the speaker behind a quotation: `," said Peskov.`"""
        if (
            after.kind != "narration"
            or after.start != quotation.end
            or self._text[quotation.end - 2] == "."
        ):
            return None
        told = self._told(after)
        told = told[len(told) - len(told.lstrip(" ,–—\n")) :]
        matches = (pattern.match(told) for pattern in _TRAILERS)
        return next((match for match in matches if match and self._who(match, after.start)), None)

    def _who(self, match: re.Match[str], position: int) -> str:
        """The speaker a match names, in the fullest form that the text has."""
        groups = match.groupdict()
        if group := next(
            (group for group in ("name", "subject", "owner") if groups.get(group)), ""
        ):
            words, _ = _plain(match[group])
            name = self._fullest(words, position) if words else ""
            start = match.start(group)
            article = (
                match[group].startswith("The ")
                or match.string[max(0, start - 4) : start].lower() == "the "
            )
            return f"the {name}" if name and article and not self._is_person(name) else name
        if groups.get("pronoun"):
            return "" if self._rival else self._named
        described = " ".join((groups.get("described") or groups.get("anyone") or "").split())
        described = described[:1].lower() + described[1:]
        head = re.split(r"\s(?:of|from|in|at|to|for|on|with|by)\s", described)[0].split()[-1:]
        if not head or (groups.get("described") and not _SPEAKER.fullmatch(head[0])):
            return ""
        if described.startswith("the "):
            described = self._described_with.get(head[0], described)
        if described not in self._described:
            self._described.add(described)
            self._described_with |= dict.fromkeys(described.split(), described)
        return described

    def _fullest(self, words: list[str], position: int) -> str:
        key = "".join(words).lower()
        if len(words) == 1 and words[0] in self._last_words:
            # Of two Johnsons it is the one last mentioned; before all of them, the first.
            first, places, persons = self._persons_called(words[0])
            before = bisect_right(places, position)
            key = persons[before - 1] if before else first
        return self._fullest_form.get(key) or " ".join(words)

    def _persons_called(self, word: str) -> tuple[str, list[int], list[str]]:
        """The key of the first person whom a word can stand for.

        Where all of them are named, in order, and the key there.
        """
        if word not in self._named_by:
            known = [*self._last_words[word]]
            known = [
                key for key in known if len(self._mentions[key]) > 1
            ] or known  # one mention may be two names in a row
            mentions = sorted((place, key) for key in known for place in self._mentions[key])
            self._named_by[word] = (
                known[0],
                [place for place, _ in mentions],
                [key for _, key in mentions],
            )
        return self._named_by[word]


def _is_object(match: re.Match[str]) -> bool:
    """Whether the name that a match takes for its subject is an object: "an aide to Putin said"."""
    if match.groupdict().get("subject") is None:
        return False
    start = match.start("subject")
    return _OBJECT.search(match.string, max(0, start - _LONGEST_OBJECT), start) is not None


def _plain(name: str) -> tuple[list[str], bool]:
    """The words of a name without what stands before it, and whether a title did."""
    words = name.split()
    titles = [count for count, word in enumerate(words) if _TITLE.fullmatch(word.rstrip("."))]
    words = words[titles[-1] + 1 :] if titles else words
    while words and words[0].lower() in _OPENERS:
        words = words[1:]
    return words, bool(titles)
