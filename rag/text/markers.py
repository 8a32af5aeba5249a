"""A text -> the markers of notes in it, "[2, 4–6]" or "³", and the numbers they name (pure)."""

import re

DIGITS = "0123456789"
RAISED_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
TO_RAISED = str.maketrans(DIGITS, RAISED_DIGITS)
FROM_RAISED = str.maketrans(RAISED_DIGITS, DIGITS)

_RAISED_SIGNS = TO_RAISED | str.maketrans("+-−–()n", "⁺⁻⁻⁻⁽⁾ⁿ")

# A pattern for other patterns to contain: digits in square brackets, as notes are marked with.
NOTE_MARKER = r"\[\s*\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*\]"
BRACKETED = re.compile(NOTE_MARKER)
# Raised digits behind a word or its punctuation; those behind a letter or a unit are exponents.
RAISED = re.compile(
    r"(?<=[^\W\d_][^\W\d_]|[\w)][.,;:!?”\"’»)])(?<!\b[kcmd]m)[⁰¹²³⁴-⁹]{1,3}(?![\w⁺⁻])"
)
_NUMBERS = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
_LONGEST_RANGE = 20  # notes: "[1-300]" is no marker


def raised(text: str, sign: str = "") -> str:
    """Return a number in raised digits; any other text unchanged, with `sign` before it."""
    if text.strip() and all(ord(c) in _RAISED_SIGNS for c in text.strip()):
        return text.translate(_RAISED_SIGNS)
    return f"{sign}{text}" if text else ""


def marked_numbers(marker: str) -> list[str]:
    """Return the numbers of the notes that a marker names, "[2, 4–6]" -> 2, 4, 5, 6.

    Empty if it holds a range that no marker has.
    """
    numbers: list[str] = []
    for first, last in _NUMBERS.findall(marker.translate(FROM_RAISED)):
        if not last:
            numbers.append(first)
        elif int(first) < int(last) <= int(first) + _LONGEST_RANGE:
            numbers += map(str, range(int(first), int(last) + 1))
        else:
            return []
    return numbers
