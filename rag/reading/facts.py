"""What a file states of itself: title, author, date, publisher, number, language, version (pure).

Metadata is taken from the places that formats have for it; the rest is read on the first page.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rag.reading.dates import FoundDate, dates_in
from rag.text.languages import spaced
from rag.types import Fact, FactName

# The names that formats, sites and programs give each fact, the most telling first.
_NAMES_OF_FACTS: dict[FactName, str] = {
    "title": "title headline citation_title dc.title dcterms.title og:title",
    "author": "author authors creator creators byline citation_author dc.creator dcterms.creator "
    "article:author parsely-author sailthru.author initial-creator writer",
    "date": "datepublished date published citation_publication_date citation_date "
    "article:published_time dc.date dc.date.issued dcterms.issued dcterms.date dcterms.created "
    "pubdate publishdate publication_date issued datecreated",
    "publisher": "publisher dc.publisher dcterms.publisher citation_publisher og:site_name company "
    "organization organisation institution institute",
    "number": "number report-number report_number citation_technical_report_number docnumber "
    "documentnumber document-number",
    "language": "language lang inlanguage dc.language citation_language og:locale",
    "version": "version revision edition",
    "replaced_by": "replaced-by replaced_by replacedby superseded-by superseded_by "
    "dcterms.isreplacedby",
}
_NAME_OF = {name: fact for fact, names in _NAMES_OF_FACTS.items() for name in names.split()}
_RANK_OF_NAME = {
    name: n for names in _NAMES_OF_FACTS.values() for n, name in enumerate(names.split())
}
_MANY: tuple[FactName, ...] = ("author",)  # of which a file may state several
_LONGEST_VALUE = 300  # characters: what is longer is a text
_NO_AUTHOR = re.compile(
    r"(?i)\(?(?:admin(?:istrator)?|user|owner|root|author|anonymous|unknown|none|n/?a|unspecified|"
    r"python-docx|microsoft.*|(?:open|libre)office.*|\S*://\S*|@\w+|.*\.(?:com|org|net|gov)|"
    r"[\W\d_]*|\w{1,2})\)?"
)
# Titles that programs, templates and forms write: of another thing than the file.
NO_TITLE = re.compile(
    r"(?i)(?:microsoft \w+ -|powerpoint presentation|presentation title).*|untitled.*|"
    r"(?:document|title|unknown|none|slide|presentation|book|sheet|blank|default)\s*\d*|"
    r"(?:layout|page) ?\d+|\S+\.\w{2,5}|\d+|"
    r"united states securities and exchange commission|(?:form )?10-[kq]|home ?page|index|"
    r"click to (?:add|edit).*|(?:enter|your|insert) .{0,20}title.*"
)

# Headings that are no titles either.
NO_SHOWN_TITLE = re.compile(
    r"(?i)united states securities and exchange commission|(?:form )?10-[kq]|untitled.*|"
    r"powerpoint presentation|microsoft word -.*|slide \d+|\S+\.(?:docx?|pdf|html?|xlsx?|pptx?)"
)

_FIRST_BLOCKS = 40  # of a document without pages, where its first page may end
_FIRST_CHARACTERS = 4000
_LONGEST_STATEMENT = 160  # characters: what is longer is running text
_LABELLED = re.compile(
    r"(?i)\b(?:(?:report )?date(?: of (?:issue|publication|report|release))?|dated|"
    r"published(?: on| in)?|publication date|issued?(?: date| on)?|issue date|"
    r"released?(?: date| on)?|"
    r"(?:last )?(?:updated?|revised|modified|revision|review(?:ed)?)(?: on| date)?|"
    r"effective(?: date| from| as of)?|in force (?:since|from)|approved(?: on)?|adopted(?: on)?|"
    r"version|draft|edition|rev\.?|as of|posted(?: on)?|prepared(?: on)?|submitted(?: on)?|"
    r"veröffentlicht(?: am)?|stand|datum|vom|ausgabe|fassung|date de publication|publié le|"
    r"mis à jour le|fecha(?: de publicación)?|publicado el|data(?: di pubblicazione)?|"
    r"pubblicato il|"
    r"дата|опубликовано|от)\b[^\n]{0,40}$"
)
# Dates of something else than of the file.
_OTHER_DATES = re.compile(
    r"(?i)\b(?:ended?|ending|born|died|retrieved|accessed|viewed|visited|since|until|till|before|"
    r"after|amended|between|expir\w+|expires?|due|deadline|valid|meeting|conference|founded|"
    r"established|copyright|received|accepted|download\w*|printed|on or about|period|"
    r"anniversary|act of|(?:closing|payment|maturity|birth|start|first|next|event|hearing) date|"
    r"law of|regulation|directive|decision|see|cf|FR \d+)\b[^\n]{0,60}$"
)
_LINE_WORDS = 9  # beside a date that a line may hold and still be a dateline
_PRINTED = re.compile(
    r"\b\d+\]?\s*(?:of|/)\s*\d+\s+\d{1,2}[./]\d{1,2}[./]\d{4}"
)  # "1 of 30 03/22/2015"
# "07/01/2015 - 03/25/2016", and the time of a print, "15.9.2007 11:02".
_NUMBERS_OF_TIME = re.compile(
    r"\d{1,2}/\d{1,2}/\d{4}\s*[-–—]\s*\d{1,2}/\d{1,2}/\d{4}|"
    r"^\d{1,2}[./]\s?\d{1,2}[./]\s?\d{4},?\s+\d{1,2}:\d\d(?::\d\d)?$"
)
# Behind other words only these right before it call a date that of the file.
_CALLED_LATE = re.compile(
    r"(?i)\w.*\b(?:published|publication date|report date|date of (?:issue|publication|report)|"
    r"issued|released?|updated|revised|version|as of|"
    r"(?-i:Submitted|Presented|Delivered) to (?:\w+ ){1,5}(?=on\b))(?: on|on|:)?\s*$"
)
# A line out of running text: "On 20 March 2013, at", "in November 1998. The", "registered on …."
_IN_SENTENCE = re.compile(
    r"^(?i:on|in|since|by|during|at)\s.*\s\w+\s\w+\s\w+\s\w+|"
    r"[a-z\d]{2}[.!?]\s+[A-Z][a-z]+|^[a-z].*\.$"
)
MOST_DATES = 4  # of those that are lines of their own: more are the column of a table
_ONLY_YEAR = re.compile(r"(?:©\s*)?(?P<year>(?:19|20)\d\d)")
_VERSION_PATTERN = re.compile(
    r"(?i)\b(?:version|revision|rev\.|edition|v\.?)\s*(?=[\d(])\(?(?!(?:19|20)\d\d\b)"
    r"(\d+(?:\.\d+){0,3}[a-z]?)\b"
)
_REPLACED = re.compile(r"(?i)\b(?:replaced|superseded|obsoleted)\s+by:?\s+((?:[^\s.;,)]+\s?){1,8})")
_BYLINE = re.compile(
    r"(?:By|by|Author|Authors|Written by|Prepared by|Von|Par|Por|Autor|Autorin|Auteur|Verfasser)"
    r"\s*:?\s+(?P<who>(?:(?:Dr|Prof|Mr|Mrs|Ms|Sir)\.?\s+)*[^\W\d_a-z]\w*\.?(?:[ -]"
    r"(?:de|van|von|der|den|di|da|del|la|le|al|bin|ibn|&|and|und|et|y|[^\W\d_a-z]\w*\.?)|"
    r",(?= ?[A-Z]))+)\s*"
)


def stated_facts(pairs: Iterable[tuple[str, Any]], source: str) -> list[Fact]:
    """Return the facts among names and values as a file states them; values may be lists.

    Of several values for one fact the most telling name's stands, of authors all of it.
    """
    found: dict[FactName, tuple[int, list[str]]] = {}
    for key, value in pairs:
        name = key.strip().lower()
        fact = _NAME_OF.get(name)
        if fact is None:
            continue
        values = [text for one in _listed(value) if (text := _checked_value(fact, one))]
        rank, held = found.get(fact, (len(_RANK_OF_NAME), []))
        if not values or rank < _RANK_OF_NAME[name]:
            continue
        found[fact] = (
            _RANK_OF_NAME[name],
            [*held, *values] if rank == _RANK_OF_NAME[name] else values,
        )
    return [
        Fact(fact, value, source)
        for fact, (_, values) in found.items()
        for value in list(dict.fromkeys(values))[: None if fact in _MANY else 1]
    ]


def _listed(value: object) -> Iterator[str]:
    """Yield the texts that a value stands for: "Ann, Bo" of a list, the name of an object."""
    match value:
        case list() | tuple():
            for one in value:
                yield from _listed(one)
        case dict():
            yield from _listed(value.get("name") or value.get("literal") or "")
        case None | bool():
            return
        case _:
            yield str(value)


def _checked_value(fact: FactName, value: str) -> str:
    """Return a value as it is kept, "" if it says nothing."""
    text = " ".join(value.split())
    if not text or len(text) > _LONGEST_VALUE:
        return ""
    match fact:
        case "author":
            return "" if _NO_AUTHOR.fullmatch(text) else text
        case "title":
            return "" if NO_TITLE.fullmatch(text) else text
        case "date":
            return iso_date(text)
        case "language":
            return text.replace("_", "-") if re.fullmatch(r"[A-Za-z]{2,3}([-_]\w+)*", text) else ""
    return text


def iso_date(text: str) -> str:
    """Return the first date of a text as ISO 8601, a year alone too; "" if there is none."""
    if found := dates_in(text):
        return found[0].iso
    year = re.fullmatch(r"\s*((?:1[5-9]|20)\d\d)(?:-(\d\d))?\s*", text)
    if year and 0 < int(year[2] or 1) < 13:
        return "-".join(filter(None, year.groups()))
    return ""


def first_value(facts: Iterable[Fact], name: FactName) -> str:
    """Return the value of the first fact of that name, "" if none is stated."""
    return next((fact.value for fact in facts if fact.name == name), "")


def front_matter(fields: Mapping[str, Any]) -> list[Fact]:
    """Return the facts of the front matter of a Markdown file."""
    return stated_facts(((str(key), value) for key, value in fields.items()), "front matter")


# --- The first page -----------------------------------------------------------------------------


def facts_on_first_page(lines: Sequence[str]) -> list[Fact]:
    """Return what the lines of a first page say of the file: date, version, author, successor."""
    facts: list[Fact] = []
    if found := _date_of(lines):
        facts.append(Fact("date", found[0], f"first page: {found[1]}"))
    for name, pattern in (
        ("version", _VERSION_PATTERN),
        ("replaced_by", _REPLACED),
        ("author", _BYLINE),
    ):
        for line in lines:
            if len(line) > _LONGEST_STATEMENT:
                continue
            match = _byline_in(line) if name == "author" else pattern.search(line)
            if match and _is_of_document(name, match, line):
                fact = Fact(name, match[1].strip(), f"first page: {line}")  # type: ignore[arg-type]
                facts.append(fact)
                break
    return facts


def _byline_in(line: str) -> re.Match[str] | None:
    """Return the byline that a line is, or that stands in it between bars."""
    return next(filter(None, map(_BYLINE.fullmatch, re.split(r"\s[|·]\s", line))), None)


def _is_of_document(name: str, match: re.Match[str], line: str) -> bool:
    """Return whether a version is the document's: it opens its line or stands among few words.

    Other versions are those of programs.
    """
    return name != "version" or match.start() == 0 or len(line.split()) <= _LINE_WORDS


def is_of_something_else(before: str) -> bool:
    """Return whether the words before a date say that it is not the date of the file."""
    return bool(_OTHER_DATES.search(before))


def _date_of(lines: Sequence[str]) -> tuple[str, str] | None:
    """Return the date of the file and the line that says so.

    A date that is called one, "Published 3 May 2021", or else the first that is a line of its own,
    or that is called one behind other words; of "Version 2, 9 January 2024" the date. A bare year
    counts where nothing else does.
    """
    found: dict[str, tuple[str, str]] = {}
    alone: set[str] = set()
    years: set[str] = set()
    for line in (part for whole in lines for part in _with_parts(whole)):
        if len(line) > _LONGEST_STATEMENT:
            continue
        if only := _ONLY_YEAR.fullmatch(line.strip()):
            found.setdefault("year", (only["year"], line))
            years.add(only["year"])
        for how, iso in _dates_of_file(line):
            found.setdefault(how, (iso, line))
            alone |= {iso} if how == "alone" else set()
    if len(alone) > MOST_DATES:
        del found["alone"]
    if len(years) > 1:  # the axis of a chart
        del found["year"]
    ranks = ("published", "called", "alone", "called late", "year")
    return next((found[how] for how in ranks if how in found), None)


def _with_parts(line: str) -> list[str]:
    """Return a line, and what stands before its bar: "3 May 2021" of "3 May 2021 | By Ann"."""
    first, *rest = re.split(r"\s\|\s", line)
    return [line, first] if len(rest) == 1 else [line]


def _dates_of_file(line: str) -> Iterator[tuple[str, str]]:
    """Yield the dates of a line that may be those of the file, each with how it stands there."""
    dates = dates_in(line)
    if _is_range(line, dates):
        return
    after = 0
    for date in dates:
        before, after = line[after : date.start], date.end
        if is_of_something_else(before):
            continue
        if _CALLED_LATE.search(before):
            yield "called late", date.iso
        label = _LABELLED.search(before)
        if label and not any(map(str.isalnum, before[: label.start()])):
            is_published = label[0].lower().startswith(("publ", "issue", "release", "posted"))
            yield "published" if is_published else "called", date.iso
        if len(dates) <= 2 and date is dates[0] and _is_bare_date(line, date):
            yield "alone", date.iso


def _is_range(line: str, dates: Sequence[FoundDate]) -> bool:
    """Return whether the dates of a line are the ends of a time, or its date is that of a print."""
    if len(dates) < 2:
        return bool(_PRINTED.search(line) or _NUMBERS_OF_TIME.search(line))
    between = line[dates[0].end : dates[1].start].strip().lower()
    return between in ("", "-", "–", "—", "to", "bis", "and", "until", "through", "au", "al")


def _is_bare_date(line: str, found: FoundDate) -> bool:
    rest = line[: found.start] + line[found.end :]
    words = re.findall(r"[^\W\d_]+", spaced(rest))
    sentence = line.rstrip().endswith((".", "?", "!", ",", ":")) and len(words) > 4
    if line[found.end :].lstrip().startswith(":") or _IN_SENTENCE.search(line):
        return False  # what happened on that day
    return len(words) <= _LINE_WORDS and not sentence and sum(w.islower() for w in words) <= 4


def first_page(blocks: Iterable[tuple[str, int]]) -> list[str]:
    """Return the lines of the first page of blocks, each with its page from 1, 0 for none."""
    lines: list[str] = []
    characters = 0
    for number, (text, page) in enumerate(blocks):
        if page > 1 or (not page and number >= _FIRST_BLOCKS) or characters > _FIRST_CHARACTERS:
            break
        lines += [line.strip() for line in text.splitlines() if line.strip()]
        characters += len(text)
    return lines
