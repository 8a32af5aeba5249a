"""The numbers of a Word file's lists and headings, as Word prints them: "2.2(b)", "Article IV"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.reading.xml import number_in

if TYPE_CHECKING:
    from lxml.etree import _Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LIST_LEVELS = 9
BULLET = "- "
_LONGEST_NUMBER_TEXT = 60  # characters around the numbers of a level
_PLACE = re.compile("%([1-9])")
_ROMAN_DIGITS = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_LONGEST_ROMAN = 4000


@dataclass(frozen=True, slots=True)
class _Level:
    """A depth of a list whose items are numbered."""

    start: int
    form: str  # a value of w:numFmt
    text: str  # "%1.%2": what is printed, with places for the numbers of this depth and those above
    legal: bool  # all numbers in digits


@dataclass(frozen=True, slots=True)
class _List:
    """A list; a depth without a level has bullets."""

    counted_as: str  # lists with the same go on counting where another stopped
    levels: Mapping[int, _Level]


class Numbering:
    """Counts the items of the lists of one document."""

    def __init__(self, numbering: "_Element | None") -> None:
        """Read the part of a Word file that defines its lists, None where it has none."""
        self._lists = {} if numbering is None else _lists(numbering)
        self._counts: dict[tuple[str, int], int] = {}

    def next_number(self, number: str, depth: int) -> str:
        """Return what is printed before the next item of a list at a depth, "" for a bullet."""
        definition = self._lists.get(number)
        level = definition.levels.get(depth) if definition else None
        if definition is None or level is None:
            return ""
        for deeper in range(depth + 1, LIST_LEVELS):
            self._counts.pop((definition.counted_as, deeper), None)
        key = definition.counted_as, depth
        self._counts[key] = self._counts.get(key, level.start - 1) + 1

        def counted(place: re.Match[str]) -> str:
            at = int(place[1]) - 1
            shown = definition.levels.get(at)
            if shown is None:
                return ""
            count = self._counts.get((definition.counted_as, at), shown.start)
            return _written(count, "decimal" if level.legal else shown.form)

        return " ".join(_PLACE.sub(counted, level.text).split())


def _lists(numbering: "_Element") -> dict[str, _List]:
    """Return the lists by their numbers."""
    abstract = {
        _value(definition, "abstractNumId"): {
            number_in(_value(level, "ilvl")): _level(level)
            for level in definition.iterchildren(f"{_W}lvl")
            if _value(level.find(f"{_W}numFmt")) not in ("bullet", "none")
        }
        for definition in numbering.iterchildren(f"{_W}abstractNum")
    }
    lists: dict[str, _List] = {}
    for definition in numbering.iterchildren(f"{_W}num"):
        base = _value(definition.find(f"{_W}abstractNumId"))
        levels = dict(abstract.get(base, {}))
        restarted = False
        for override in definition.iterchildren(f"{_W}lvlOverride"):
            depth = number_in(_value(override, "ilvl"))
            start, level = override.find(f"{_W}startOverride"), override.find(f"{_W}lvl")
            if level is not None:
                levels[depth] = _level(level)
            if start is not None:
                restarted = True
                if known := levels.get(depth):
                    levels[depth] = _Level(
                        number_in(_value(start), 1), known.form, known.text, known.legal
                    )
        number = _value(definition, "numId")
        lists[number] = _List(f"num {number}" if restarted else base, levels)
    return lists


def _level(level: "_Element") -> _Level:
    depth = number_in(_value(level, "ilvl"))
    stated = level.find(f"{_W}lvlText")
    text = f"%{depth + 1}." if stated is None else _value(stated)[:_LONGEST_NUMBER_TEXT]
    return _Level(
        number_in(_value(level.find(f"{_W}start")), 1),
        _value(level.find(f"{_W}numFmt")),
        text,
        level.find(f"{_W}isLgl") is not None,
    )


def _value(element: "_Element | None", attribute: str = "val") -> str:
    return "" if element is None else element.get(_W + attribute, "")


def _written(number: int, form: str) -> str:
    """Return a number in a form of w:numFmt; in digits in one that is not known."""
    match form:
        case "lowerLetter" | "upperLetter" if number > 0:
            # behind "z" Word goes on with "aa", "bb"
            letters = chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 9)
        case "lowerRoman" | "upperRoman" if 0 < number < _LONGEST_ROMAN:
            letters = _in_roman_digits(number)
        case "decimalZero":
            return f"{number:02}"
        case _:
            return str(number)
    return letters.upper() if form.startswith("upper") else letters


def _in_roman_digits(number: int) -> str:
    shown = ""
    for value, digits in _ROMAN_DIGITS:
        shown += digits * (number // value)
        number %= value
    return shown
