"""What each number of a text stands beside: which number a claim puts in another one's place. Pure.

A model that shortens a sentence with two numbers may take the wrong one: "net debt stood at $2.9
billion", of "net debt stood at $3.2 billion, compared with $2.9 billion a year earlier". Both stand
in the source, so only the words near them can decide.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from rag.text.tokens import FUNCTION_WORDS, MAGNITUDES, is_number, number_of, stem, words_of

_NEIGHBOURS = 3  # content words on either side of a number that are looked at
_FEWEST_SHARED = 2  # of them that must speak for another number
# Characters of a claim, or of its sentences. What is longer is a table or a list, and the time to
# compare grows with the cube of the length.
_LONGEST_COMPARED = 1500
_BREAK = re.compile(r"[;:.!?]\s|\s[–—]\s|[()]")
_MONEY = re.compile(r"[€$£¥]\s?$")
_MONEY_BEHIND = re.compile(r"\s?(?:bn|mn|m|million|billion)?\s?(?:euro|dollar|crown|pound)s?\b")
_PERCENT_BEHIND = re.compile(r"\s?(?:%|percent|per cent|pct)")
_RESPECTIVELY = re.compile(r"\brespectively\b")
_PURE = re.compile(r"[\d.,]+")  # "AP3" is a name
_BOUND_YEAR = re.compile(r"1\d{3}|20\d\d")
_UNIT_BEHIND = re.compile(r"\s?(°|(?:km|mm|ms|m|s)\b|[a-z]+)")
# Words that only say what a number counts.
_PARTS_OF_NUMBERS = MAGNITUDES | {"percent", "per", "cent", "pct"}


class _Item(NamedTuple):
    """A content word or a number; `kind` is "" for a word, "break" where a clause ends."""

    key: str
    kind: str


def misplaced_numbers(claim: str, source: str) -> list[tuple[str, str]]:
    """Return the numbers of a claim that stand where the source has another one, with that one.

    Near what the claim has beside its number, the source must have another number of the same kind
    nearer, for two of its neighbours and with none to speak for it. That number must not be in the
    claim: an exchange of two numbers looks like a change of order.
    """
    if max(len(claim), len(source)) > _LONGEST_COMPARED or _RESPECTIVELY.search(source):
        return []  # what belongs together stands apart
    said, written = _items(claim), _items(source)
    claimed = {item.key for item in said}
    found = []
    for at, item in enumerate(said):
        rivals = _rivals(at, said, written) if item.kind not in ("", "break") else frozenset()
        if rivals and rivals.isdisjoint(claimed):
            found.append((item.key, min(rivals)))
    return found


def _rivals(at: int, said: Sequence[_Item], written: Sequence[_Item]) -> frozenset[str]:
    """Return the numbers that the source has in the place of the claim's number at `at`.

    None if a neighbour speaks for it, or too few for another one.
    """
    number = said[at].key
    places = _places(written)
    own = [p for p in places.get(number, ()) if written[p].kind]
    kinds = {written[p].kind for p in own}
    # "From 8,450 to 7,900": either may stand alone, so one right beside it is no other one.
    others = [
        p
        for p, i in enumerate(written)
        if i.kind in kinds and i.key != number and _word_distance([p], own) > 1
    ]
    if not own or not others:
        return frozenset()
    in_claim = _places(said)
    rivals: list[str] = []
    for neighbour in _neighbours(at, said, places):
        mine = _word_distance(places[neighbour], own)
        nearest = min(others, key=lambda p: _word_distance(places[neighbour], [p]))
        theirs = _word_distance(places[neighbour], [nearest])
        rival = written[nearest].key
        distance = _word_distance(in_claim[neighbour], [at])
        # Where the claim has the other number as near, it says the same as the source.
        if (
            theirs < mine
            and _word_distance(in_claim[neighbour], in_claim.get(rival, ())) > distance
        ):
            rivals.append(rival)
        elif mine < theirs:
            return frozenset()
    return frozenset(rivals) if len(rivals) >= _FEWEST_SHARED else frozenset()


def _neighbours(at: int, said: Sequence[_Item], places: dict[str, list[int]]) -> list[str]:
    """Return the neighbours of a number on both sides that also occur in the source.

    The nearest words, and the nearest number of another kind: a year says most about an amount.
    """
    near: list[str] = []
    for step in (-1, 1):
        words = numbers = 0
        place = at + step
        while 0 <= place < len(said) and said[place].kind not in ("break", said[at].kind):
            item = said[place]
            if item.key in places and (words < _NEIGHBOURS if not item.kind else not numbers):
                near.append(item.key)
                words, numbers = words + (not item.kind), numbers + bool(item.kind)
            place += step
    return near


def _word_distance(some: Sequence[int], others: Sequence[int]) -> float:
    return min((abs(one - other) for one in some for other in others), default=float("inf"))


def _places(items: Sequence[_Item]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        if item.kind != "break":
            places[item.key].append(place)
    return dict(places)


def _items(text: str) -> list[_Item]:
    items: list[_Item] = []
    at = 0
    for word in words_of(text):
        start = text.find(word, at)
        if _BREAK.search(text[at:start]):
            items.append(_Item("", "break"))
        at = start + len(word)
        if is_number(word) and _PURE.fullmatch(number_of(word)):
            items.append(
                _Item(number_of(word), _kind_of_number(word, text[:start], text[at : at + 20]))
            )
        elif word.lower() not in FUNCTION_WORDS | _PARTS_OF_NUMBERS:
            items.append(_Item(stem(word), ""))
    return items


def _kind_of_number(number: str, before: str, behind: str) -> str:
    """Return what a number is of: money, a share, a year, what it is measured in, or a count."""
    if _MONEY.search(before[-2:]) or _MONEY_BEHIND.match(behind):
        return "money"
    if _PERCENT_BEHIND.match(behind):
        return "share"
    if _BOUND_YEAR.fullmatch(number):
        return "year"
    unit = _UNIT_BEHIND.match(behind)
    return f"of {unit[1]}" if unit and unit[1] in _MEASURED else "count"


_MEASURED = frozenset(
    "° km mm ms m s metres kilometres miles feet hours hour minutes days weeks months years".split()
)
