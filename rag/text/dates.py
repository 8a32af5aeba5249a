"""Dates as texts write them. Pure."""

import re
from collections.abc import Sequence
from datetime import date

from rag.text.tokens import MONTHS

YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# "2022/23", "2022–2023": both years are meant, and those between them.
_YEARS_ON = re.compile(r"(?<!\d)((?:19|20)\d\d) ?(?:[/–-]|to|and) ?((?:19|20)?\d\d?)(?!\d)")
_LONGEST_YEARS = 200  # of a span; a longer one is none


def in_words(iso: str) -> str:
    """Return "3 November 2023" for "2023-11-03", "November 2023" for "2023-11", "" for ""."""
    year, *rest = iso.split("-")
    if not rest:
        return year
    month = MONTHS[int(rest[0]) - 1]
    return f"{int(rest[1])} {month} {year}" if len(rest) > 1 else f"{month} {year}"


def written_forms(iso: str) -> Sequence[str]:
    """Return the ways in which a text may state a date, the usual ones first."""
    words = in_words(iso)
    if iso.count("-") < len(("month", "day")):
        return (words, iso)
    day = date.fromisoformat(iso)
    month = MONTHS[day.month - 1]
    return (
        words,
        f"{month} {day.day}, {day.year}",
        f"{day.day:02} {month} {day.year}",
        f"{day.day} {month[:3]} {day.year}",
        iso,
        f"{day.day:02}.{day.month:02}.{day.year}",
        f"{day.day}.{day.month}.{day.year}",
    )


def years_of(text: str) -> frozenset[str]:
    """Return the years that a text names, those of a span like "2022/23" too."""
    years = set(YEAR.findall(text))
    for first, last in _YEARS_ON.findall(text):
        end = int(f"{first[: -len(last)]}{last}")
        years.update(map(str, range(int(first), min(end, int(first) + _LONGEST_YEARS) + 1)))
    return frozenset(years)
