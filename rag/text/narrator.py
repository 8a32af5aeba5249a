"""Who speaks in the quotations of a text, by what stands around them. Pure.

Where the text does not say, or could be misread, the speaker stays empty: a wrong speaker is worse
than none.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.text.markers import NOTE_MARKER, RAISED_DIGITS
from rag.text.sentences import sentence_spans
from rag.text.speech import (
    ADVERBS,
    DESCRIBED,
    OPENERS,
    PERSON,
    SAYS,
    SPEAKER,
    SUBJECT,
    WORD_OF_NAME,
)
from rag.types import Paragraph

_MARKERS_OF_NOTES = re.compile(rf"{NOTE_MARKER}|[{RAISED_DIGITS}]+")
# What stands before a name that is no subject: "an aide to Putin said".
_OBJECT = re.compile(
    r"\b(?:to|of|by|with|for|from|against|than|and|or|on|about|at|in)\s+(?:the\s+)?$"
)
_LONGEST_OBJECT = 40  # characters of it, before the name
_OF = rf"(?:\s+(?:of|from|at|in)\s+(?:the\s+)?{PERSON})?"
_INTRODUCTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<subject>{PERSON}){_OF}\s+{ADVERBS}{SAYS}",  # Maxim Yusin bluntly stated
        # Yuri Ushakov, a senior aide, claimed
        rf"^[^,:;]{{0,80}}?(?P<subject>{PERSON}),\s[^:;]{{1,150}}?,\s+{ADVERBS}{SAYS}",
        # The mayor, Ludo Fenn, said
        rf"^[^,:;]{{2,80}},\s(?P<subject>{PERSON}),\s+{ADVERBS}{SAYS}",
        # the diplomat added
        rf"(?:^|[,;]\s|\b(?:and|but)\s)(?P<described>{DESCRIBED})\s+{ADVERBS}{SAYS}",
        rf"\b(?P<pronoun>[Hh]e|[Ss]he)\s+{ADVERBS}{SAYS}",
        r"\b[Ii]n (?P<pronoun>his|her) (?:own )?(?:words|view|opinion)\b",
        (
            r"\b[Aa]ccording"
            rf" to\s+(?:(?:[a-z][\w-]*\s+){{0,5}}?(?P<name>{PERSON})|"
            rf"(?P<described>{DESCRIBED}))\s*(?:,|$)"
        ),
        # echoed by Vincent Smith:
        rf"{SAYS}\s+by\s+(?:[a-z][\w-]*\s+){{0,5}}?(?P<name>{PERSON})\s*:?$",
        rf"^For\s+(?P<name>{PERSON}),",  # For Babayev, the agreement recalled
        rf"\b[Ii]n\s+(?:the\s+(?:words|view|opinion)\s+of\s+(?P<name>{PERSON})|"
        rf"(?P<owner>{PERSON})['’]s\s+(?:words|view|opinion))",
    )
)
_TRAILERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:is|was)\s+(?:how|what)\s+{SUBJECT}\s+{ADVERBS}{SAYS}",
        # said columnist Georgy Bovt; of two who speak together neither is named
        rf"{SAYS}\s+(?:(?:[a-z][\w-]*\s+){{0,6}}?(?P<name>(?>{PERSON}))"
        rf"(?!\s+(?:and|or)\s+{WORD_OF_NAME})|(?P<pronoun>he|she)\b)",
        rf"{SAYS}\s+(?P<anyone>{DESCRIBED})(?=\s*[.,;:]|\s*$|\s+(?:in|on|at|to|during|when|"
        rf"after|as)\b)",
        rf"(?P<name>{PERSON})(?:,\s[^:;.]{{1,150}}?,)?\s+{ADVERBS}{SAYS}",
        rf"{SUBJECT}\s+{ADVERBS}{SAYS}",
    )
)
_FIRST_NAME = re.compile(rf"(?:[^,.:;]{{2,80}},\s)?(?P<name>{PERSON})(?=,|\s+(?!and\b|or\b)[a-z])")
_PRONOUN = re.compile(r"\b(?:[Ss]?[Hh]e|[Hh]is|[Hh]er)\b")
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
# A name with one of these is no person's.
_BODY = """
    states state union nations party council committee commission academy university institute club
    agency ministry bank fund court forum kingdom republic federation league organization
    organisation group grouping center centre association authority office department house east
    west north south war times news press sea ocean route islands statement report charter
    conference congress parliament senate government constitution act
"""
_BODIES = frozenset(_BODY.split())


class _Piece(NamedTuple):
    kind: str  # "heading", "narration" or "quotation"
    start: int
    end: int


class Narrator:
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
                for found in re.finditer(PERSON, text[paragraph.start : paragraph.end]):
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
                    r"[.!?:…][\"”’)\]]*\s*$", self._narration(before or piece)
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
                if re.search(r"\w", self._narration(narration)):
                    yield narration
                if start >= paragraph.end:
                    break
                yield _Piece("quotation", start, end)
                upcoming += 1
                cursor = end

    def _narration(self, piece: _Piece) -> str:
        return _MARKERS_OF_NOTES.sub("", self._text[piece.start : piece.end])

    def _goes_on(self, piece: _Piece) -> bool:
        """Return whether `piece` continues the sentence before the quotation.

        It names nobody else then.
        """
        return self._text[piece.start - 2] not in ".!?…" and not re.search(
            PERSON, self._narration(piece)
        )

    def _first_sentence(self, piece: _Piece) -> str:
        narration = self._narration(piece)
        start, end = sentence_spans(narration)[0]
        return narration[start:end].strip(" ,;.–—")

    def _narrate(self, piece: _Piece, goes_on: bool, between: bool) -> None:
        """Take in a stretch of narration.

        It may go on with a quotation's sentence, or stand between two quotations.
        """
        narration = self._narration(piece)
        sentences = [narration[start:end] for start, end in sentence_spans(narration)]
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
        """Return who is introduced first in `sentence` with a verb of saying or its like.

        "" if nobody is.
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
        """Return the full names of all persons that `sentence` names."""
        names = (_plain(name)[0] for name in re.findall(PERSON, sentence))
        return {
            full
            for words in names
            if words and self._is_person(full := self._fullest(words, position))
        }

    def _subject(self, sentence: str, position: int) -> str:
        """Return the person a sentence opens with."""
        match = _FIRST_NAME.match(sentence)
        who = self._who(match, position) if match else ""
        return who if match and (self._is_person(who) or _plain(match["name"])[1]) else ""

    def _is_person(self, name: str) -> bool:
        return "".join(name.split()).lower() in self._forms

    def _trailer(self, quotation: _Piece, after: _Piece) -> re.Match[str] | None:
        """Return the words that name the speaker behind a quotation: `," said Peskov.`"""
        if (
            after.kind != "narration"
            or after.start != quotation.end
            or self._text[quotation.end - 2] == "."
        ):
            return None
        narration = self._narration(after)
        narration = narration[len(narration) - len(narration.lstrip(" ,–—\n")) :]
        matches = (pattern.match(narration) for pattern in _TRAILERS)
        return next((match for match in matches if match and self._who(match, after.start)), None)

    def _who(self, match: re.Match[str], position: int) -> str:
        """Return the speaker a match names, in the fullest form that the text has."""
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
        if not head or (groups.get("described") and not SPEAKER.fullmatch(head[0])):
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
        """Return the key of the first person whom a word can stand for.

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
    """Return whether the name that a match takes for its subject is an object.

    "an aide to Putin said".
    """
    if match.groupdict().get("subject") is None:
        return False
    start = match.start("subject")
    return _OBJECT.search(match.string, max(0, start - _LONGEST_OBJECT), start) is not None


def _plain(name: str) -> tuple[list[str], bool]:
    """Return the words of a name without what stands before it, and whether a title did."""
    words = name.split()
    titles = [count for count, word in enumerate(words) if _TITLE.fullmatch(word.rstrip("."))]
    words = words[titles[-1] + 1 :] if titles else words
    while words and words[0].lower() in OPENERS:
        words = words[1:]
    return words, bool(titles)
