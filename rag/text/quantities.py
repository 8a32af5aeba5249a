"""A text -> its numbers with their currency, unit, magnitude and month, in forms that compare.

Also of other languages: "12,5 Prozent" is "12.5 percent".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from rag.text.foreign_amounts import (
    PERCENT_ELSEWHERE,
    in_english_digits,
    is_english,
    magnitude_elsewhere,
    month_elsewhere,
    with_english_dates,
)
from rag.text.tokens import MAGNITUDES, MONTH_NUMBERS, number_of

_AMOUNT_TOKEN = re.compile(
    r"[€$£¥%–-]|[^\W_]+(?:(?:[.,:'’]|(?<!\d)-|-(?!\d))[^\W_]+)*"
)  # "3-1" is two
_SHORT = re.compile(
    r"(?<=\d) ?(bn|tn|mn)\b|(?<=[€$£¥])([\d.,]*\d)m\b|(?<=\d)(?=(?:km|cm|mm|kg)\b)"
)  # "$34bn", "£1.5m", "5km"
_LONG = {"bn": " billion", "tn": " trillion", "mn": " million", None: " "}
_COMPOUND = re.compile(r"(\d[\d.,]*)-([a-z]+)")  # "30-year"
_CURRENCY_SIGNS = {"usd": "$", "us": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
_CURRENCIES = {"dollar": "$", "euro": "€", "pound": "£", "yen": "¥"}
_CURRENCIES |= {
    name: name
    for name in (
        "crown franc krona krone lira mark peso rand real rial rouble rubl ruble rupee yuan"
    ).split()
}
_PERCENT = frozenset(("percent", "pct")) | PERCENT_ELSEWHERE
# What a number is measured in, by all its names.
_MEASURES = {
    name: names.split("/")[0]
    for names in (
        "year/years month/months week/weeks day/days hour/hours minute/minutes/min "
        "second/seconds/sec decade/decades "
        "century/centuries kilometre/kilometres/kilometer/kilometers/km "
        "metre/metres/meter/meters/m "
        "centimetre/centimetres/centimeter/centimeters/cm "
        "millimetre/millimetres/millimeter/millimeters/mm mile/miles "
        "foot/feet/ft inch/inches acre/acres hectare/hectares/ha kilogram/kilograms/kg "
        "gram/grams/g tonne/tonnes ton/tons "
        "litre/litres/liter/liters gallon/gallons kilowatt/kilowatts/kw megawatt/megawatts/mw "
        "gigawatt/gigawatts/gw"
    ).split()
    for name in names.split("/")
}
# Words that only name what a number counts, and are compared with it.
COUNTED = frozenset(
    (*_PERCENT, "per", "cent", *_CURRENCIES, *(f"{name}s" for name in _CURRENCIES), *_MEASURES)
)
_JOINS = frozenset(("to", "and", "or", "–", "-"))
_BETWEEN = frozenset(("of", "the", "de", "del", "di"))
_DAY_NUMBER = re.compile(r"0?[1-9]|[12]\d|3[01]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of a text."""

    text: str  # as it stands
    number: str  # "30", "12th", "million"
    sign: str = ""  # of a currency
    unit: str = ""  # "%", or a magnitude: "million"
    month: int = 0  # of a date; 0: none
    measure: str = ""  # "kilometre"

    def same(self, other: "Amount") -> bool:
        """Return whether both may mean the same.

        A currency, a measure or the month of a year that one leaves out is no difference.
        """
        if (self.number, self.unit) != (other.number, other.unit):
            return False
        if any(
            one and two and one != two
            for one, two in ((self.sign, other.sign), (self.measure, other.measure))
        ):
            return False
        is_day = _DAY_NUMBER.fullmatch(self.number) is not None
        return self.month == other.month or (not is_day and 0 in (self.month, other.month))

    def __str__(self) -> str:
        after = {"": "", "%": "%"}.get(self.unit, f" {self.unit}")
        return f"{self.sign if len(self.sign) == 1 else ''}{self.text}{after}"


@lru_cache(1 << 12)
def amounts_of(text: str) -> tuple[Amount, ...]:
    """Return the numbers of the text, in order; "10 to 15 million" are two amounts of millions."""
    tokens = _AMOUNT_TOKEN.findall(
        _SHORT.sub(lambda m: (f"{m[2]} million") if m[2] else _LONG[m[1]], with_english_dates(text))
    )
    english = is_english(tokens)  # once: the time would grow with the square of the length
    if not english:
        tokens = [magnitude_elsewhere(token) or token for token in tokens]
    amounts: list[Amount] = []
    joined: list[
        bool
    ] = []  # whether nothing but "to", "and" or "or" stands between each and the next one
    at = 0
    while at < len(tokens):
        number = _number(tokens, at)
        if not number:
            at += 1
            continue
        amount, after = _counted(tokens, at, number, english)
        amounts.append(amount)
        joined.append(_joins(tokens, after))
        at = after
    for index in reversed(range(len(amounts) - 1)):
        if joined[index]:
            amounts[index] = _completed(amounts[index], amounts[index + 1])
    return tuple(amounts)


def missing(amounts: Iterable[Amount], text: str) -> list[str]:
    """Return those of the amounts that the text does not hold, as they stand.

    Where only the unit is another one, they come with their unit.
    """
    held: dict[
        tuple[str, str], set[Amount]
    ] = {}  # what can be the same has the same number and unit
    for amount in amounts_of(text):
        held.setdefault((amount.number, amount.unit), set()).add(replace(amount, text=""))
    numbers = {number for number, _ in held}
    return [
        str(a) if a.number in numbers else a.text
        for a in amounts
        if not any(a.same(other) for other in held.get((a.number, a.unit), ()))
    ]


def _number(tokens: list[str], at: int) -> str:
    """Return the number that the token is, in digits; "" if it is no number."""
    word = tokens[at].lower()
    before = tokens[at - 1].lower() if at else ""
    if (word == "second" and before in ("a", "per", "each", "every")) or (
        word == "first" and before == "at"
    ):
        return ""
    if compound := _COMPOUND.fullmatch(word):
        word = compound[1]
    number = number_of(in_english_digits(word))
    return number if number in MAGNITUDES or any(map(str.isdigit, number)) else ""


def _counted(tokens: list[str], at: int, number: str, english: bool) -> tuple[Amount, int]:
    """Return the amount at a token, and where what belongs to it ends."""
    before = tokens[at - 1] if at else ""
    sign = (
        before
        if before in ("€$£¥")
        else _CURRENCY_SIGNS.get(before.lower(), (""))
        if before.isupper()
        else ("")
    )
    unit, after = "", at + 1
    following = [token.lower() for token in tokens[after : after + 2]]
    if (
        following[:1] == ["%"]
        or (following[:1] and following[0] in _PERCENT)
        or following == ["per", "cent"]
    ):
        unit, after = "%", after + (2 if following[0] == "per" else 1)
    elif following and number_of(following[0]) in MAGNITUDES and number not in MAGNITUDES:
        unit, after = number_of(following[0]), after + 1
    if after < len(tokens) and not sign:
        sign = _CURRENCIES.get(tokens[after].lower().removesuffix("s"), "")
    month = _month(tokens, at, english)
    if month and number.endswith("th"):
        number = number.removesuffix("th")
    compound = _COMPOUND.fullmatch(tokens[at].lower())
    counted = compound[2] if compound else "".join(tokens[after : after + 1]).lower()
    measure = "" if number.endswith("th") else _MEASURES.get(counted, "")
    return Amount(tokens[at], number, sign, unit, month, measure), after


def _month(tokens: list[str], at: int, english: bool) -> int:
    """Return the month next to a number, in English alone or in another language, too.

    "3 June", "the 3rd of June", "June 3", "June 2006", "June 3, 2006".
    """
    before = [token for token in reversed(tokens[max(0, at - 3) : at]) if token not in _BETWEEN]
    after = [token for token in tokens[at + 1 : at + 4] if token not in _BETWEEN]
    if before[1:] and _DAY_NUMBER.fullmatch(before[0]):
        before = before[1:]  # the day between the month and the year
    beside = (*before[:1], *after[:1])
    month = next((MONTH_NUMBERS[token] for token in beside if token in MONTH_NUMBERS), 0)
    if month or english:
        return month
    return next(filter(None, map(month_elsewhere, beside)), 0)


def _joins(tokens: list[str], at: int) -> bool:
    if at >= len(tokens) or tokens[at].lower() not in _JOINS:
        return False
    at += 2 if tokens[at + 1 : at + 2] and tokens[at + 1] in "€$£¥" else 1
    return at < len(tokens) and bool(_number(tokens, at))


def _completed(amount: Amount, next_one: Amount) -> Amount:
    """Return the amount with what is written behind the next one alone: "10 to 15 million"."""
    if amount.unit or amount.month:
        return amount
    sign, measure = amount.sign or next_one.sign, amount.measure or next_one.measure
    return replace(amount, unit=next_one.unit, sign=sign, month=next_one.month, measure=measure)
