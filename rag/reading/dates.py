"""A text -> the dates in it, as ISO 8601, in many languages."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import NamedTuple

from rag.text.months import month_numbers

_DAY_PATTERN = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)?"
_YEAR_GROUP = r"(?P<year>(?:1[5-9]|20)\d\d)\b"
_JOINS_PARTS = r"(?:,?\s+|\s+[-–]\s+)(?:(?:of|de|del|di)\s+)?"


class FoundDate(NamedTuple):
    """A date in a text: "2024-01-09", "2024-01" or "2024", and its span."""

    iso: str
    start: int
    end: int


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    names = "|".join(sorted(map(re.escape, month_numbers()), key=len, reverse=True))
    # Hebrew and Russian write prepositions and endings at the word; the name itself ends it.
    month = rf"(?:ב|ל)?(?P<month>{names})\b\.?"
    usual = (
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b{month}\s+{_DAY_PATTERN}(?!\d),?\s+{_YEAR_GROUP}",
            rf"\b{_DAY_PATTERN}\s*[-–]?\s*(?:(?:de|of)\s+)?{month}{_JOINS_PARTS}{_YEAR_GROUP}",
            rf"\b{_DAY_PATTERN}-{month}-{_YEAR_GROUP}",
            rf"(?<![\d/.-]){_YEAR_GROUP}[-‐‑](?P<month>\d{{1,2}})[-‐‑](?P<day>\d{{1,2}})(?!\d)",
            rf"(?<![\d/.-]){_YEAR_GROUP}/(?P<month>\d\d)/(?P<day>\d\d)(?!\d)",
            rf"(?<![\d.])(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?{_YEAR_GROUP}",
            r"(?P<year>(?:1[5-9]|20)\d\d)\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*"
            r"(?:(?P<day>\d{1,2})\s*[日일])?",
            rf"\b{month}{_JOINS_PARTS}{_YEAR_GROUP}",
        )
    )
    return (*usual, _SLASHED)


# Which of two small numbers is the day is clear only if one is above twelve.
_SLASHED = re.compile(rf"(?<![\d/])(?P<one>\d{{1,2}})/(?P<other>\d{{1,2}})/{_YEAR_GROUP}")


def dates_in(text: str) -> list[FoundDate]:
    """Return the dates that state a month, in the order of the text; none inside another."""
    found: list[FoundDate] = []
    for one in sorted(_all(text), key=lambda date: (date.start, -date.end)):
        if not found or one.start >= found[-1].end:
            found.append(one)
    return found


def _all(text: str) -> Iterator[FoundDate]:
    for pattern in _patterns():
        for match in pattern.finditer(text):
            if iso := _iso_of_parts(match.groupdict()):
                yield FoundDate(iso, *match.span())


def _iso_of_parts(parts: dict[str, str | None]) -> str:
    """Return what a pattern matched as ISO 8601; "" where there is no such day."""
    year = int(parts["year"] or 0)
    if parts.get("one"):
        first, second = int(parts["one"] or 0), int(parts["other"] or 0)
        if (first > 12) == (second > 12) and first != second:
            return ""
        month, day = (second, first) if first > 12 else (first, second)
    else:
        name = (parts["month"] or "").lower()
        month = int(name) if name.isdecimal() else month_numbers()[name.rstrip(".")]
        day = int(parts.get("day") or 0)
    try:
        shown = date(year, month, day or 1).isoformat()
    except ValueError:
        return ""
    return shown if day else shown[:7]
