"""How much of what: units, rates, fractions, ranks and prefixes that a claim changes. Pure."""

import re

from rag.text.tokens import number_of

_NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*\d|(?<![\w.,])\d")
_PERIODS = "second minute hour day week month quarter year decade century".split()
_RATE = re.compile(
    rf"(?:\W+[^\W\d]+){{0,4}}?\W+(?:per|an?|each|every)\s+({'|'.join(_PERIODS)})\b"
    r"(?!\s+(?:earlier|ago))"
)
# Symbols of units, those of one quantity together; of two quantities nothing is compared.
_SYMBOLS = {
    symbol: row
    for row, symbols in enumerate(
        (
            "ns µs ms s min h",
            "Pa hPa kPa MPa GPa bar",
            "nm µm mm cm m km",
            "µg mg g kg t",
            "W kW MW GW TW",
            "Wh kWh MWh GWh TWh",
            "Hz kHz MHz GHz",
            "V kV mV",
            "kB MB GB TB",
            "ml cl l",
        )
    )
    for symbol in symbols.split()
}
_UNIT_SYMBOL = re.compile(rf"\s?({'|'.join(sorted(_SYMBOLS, key=len, reverse=True))})\b")
# "A week earlier", and what a claim may make of it.
_AGO = re.compile(rf"\b(?:an?|one)\s+({'|'.join(_PERIODS)})\s+(?:earlier|ago|before|later)\b")


# "Two-thirds", "a quarter"; "the second-largest".
_FRACTION = re.compile(r"(?i)\b(an?|one|two|three|four|five)[\s-](third|quarter|fifth|tenth)s?\b")
_ARTICLE_AS_NUMBER = {"a": "one", "an": "one"}
_SUPERLATIVE = re.compile(
    r"(?i)\b(?:(second|third|fourth|fifth)[\s-])?"
    r"((?:larg|small|high|tall|long|old|young|bigg|rich|poor)est)\b"
)
_LETTER_RUN = re.compile(r"[^\W\d_]+")
_PREFIXES = ("un", "in", "im", "ir", "non")
_SHORTEST_STEM = 5  # letters behind a prefix: "in" and "form" are not what "inform" is made of


def changed_measures(claim: str, source: str) -> list[tuple[str, str]]:
    """Return the measures that a claim changes, each with what the source says instead.

    Numbers are compared where both texts state the unit by a symbol of one quantity, or the period
    of a rate. Fractions, ranks and periods of the past are compared with those of their kind, and a
    word with the same one behind a prefix that denies it.
    """
    found: list[tuple[str, str]] = []
    said, written = _measured(claim), _measured(source)
    for key, units in said.items():
        known = written.get(key, set())
        if known and not units & known:
            found.append((min(units), min(known)))
    return found + _changed_prefixes(claim, source)


def _changed_prefixes(claim: str, source: str) -> list[tuple[str, str]]:
    said, written = ({w.lower() for w in _LETTER_RUN.findall(text)} for text in (claim, source))
    changed = [
        (word, other)
        for word in said - written
        for prefix in _PREFIXES
        for other in (prefix + word, word.removeprefix(prefix))
        if other != word and len(min(word, other, key=len)) >= _SHORTEST_STEM
        if other in written and other not in said
    ]
    return sorted(changed)


def _measured(text: str) -> dict[tuple[str, str], set[str]]:
    """Return the units of each number, by the number and the quantity."""
    units: dict[tuple[str, str], set[str]] = {}
    for number in _NUMBER.finditer(text):
        key = number_of(number[0])
        if symbol := _UNIT_SYMBOL.match(text, number.end()):
            units.setdefault((key, str(_SYMBOLS[symbol[1]])), set()).add(symbol[1])
        if rate := _RATE.match(text, number.end()):
            units.setdefault((key, "rate"), set()).add(f"a {rate[1]}")
    for fraction in _FRACTION.finditer(text):
        part = fraction[1].lower()
        units.setdefault((fraction[2].lower(), "part"), set()).add(
            _ARTICLE_AS_NUMBER.get(part, part)
        )
    for rank in _SUPERLATIVE.finditer(text):
        degree = f"{(rank[1] or 'first').lower()} {rank[2].lower()}"
        units.setdefault((rank[2].lower(), "rank"), set()).add(degree)
    for period in _AGO.finditer(text):
        units.setdefault(("", "ago"), set()).add(f"a {period[1]}")
    return units
