"""Words broken at a line's end -> words (pure)."""

import re
from collections import Counter
from collections.abc import Sequence

from rag.reading.pdf.paragraphs import BlockDraft

_HYPHENATED_WORD = re.compile(r"\w+(?:[-‐‑]\w+)*")
_ANY_HYPHEN = str.maketrans("‐‑", "--")
_FIRST_WORD = re.compile(r"\w+")
_BROKEN_WORD = re.compile(r"(?<![\w‐‑-])([\w‐‑-]*\w)([-‐‑])$")  # at the end of a line
# With the word that goes on in the next line.
_BROKEN_WORDS = re.compile(r"(?<![\w‐‑-])[\w‐‑-]+[-‐‑]\n\w+")
# Behind "short-" these open the rest of "short- and long-term"; "end-to-end" goes on with a hyphen.
_SUSPENDED = re.compile(
    r"(?:and|or|to|nor|und|oder|bis|sowie|bzw|et|ou|y|o|e|en|of|och|og|eller)\b(?![-‐‑])"
)
_WITHIN = re.compile(r"(?:and|or|to|of|the|in|on|by|for|de|la|und)[-‐‑]")
# No word that is written as one is broken behind these, or before these.
_ALWAYS_HYPHENATED = frozenset(("self", "ex", "non", "so", "well"))
_COMPOUNDS_END = re.compile(
    r"(?:based|driven|oriented|related|specific|sponsored|funded|owned|called|known|approved|"
    r"term|level|scale|free|friendly)\b"
)


def word_counts(parts: Sequence[BlockDraft]) -> Counter[str]:
    """Return how often each word stands in the document, in small letters.

    Words broken at a line's end are left out.
    """
    words = Counter[str]()
    for part in parts:
        text = "\n".join(line.text for _, line in part.lines).lower()
        words.update(_HYPHENATED_WORD.findall(_BROKEN_WORDS.sub(" ", text).translate(_ANY_HYPHEN)))
    return words


def join_at_line_end(before: str, after: str, words: Counter[str]) -> tuple[bool, str] | None:
    """Return whether the hyphen that ends a line goes, and what joins it to the line after it.

    None if the line ends with no hyphen behind a word. `words` is what `word_counts` returns.
    """
    broken = _BROKEN_WORD.search(before[-60:])
    rest = _FIRST_WORD.match(after)
    if not broken or not rest:
        return None
    if _SUSPENDED.match(after):
        return False, " "
    if broken[2] == "‑" or _WITHIN.match(after):  # U+2011 is a hyphen wherever the line ends
        return False, ""
    return _is_one_word(broken[1], rest[0], words), ""


def _is_one_word(first: str, second: str, words: Counter[str]) -> bool:
    """Return whether the hyphen between parts of a word is only there because the line ended.

    The other words of the document decide.
    """
    joined, hyphenated = words[f"{first}{second}".lower()], words[f"{first}-{second}".lower()]
    if joined != hyphenated:
        return joined > hyphenated
    if first.lower() in _ALWAYS_HYPHENATED or _COMPOUNDS_END.match(second):
        return False
    # "rail-bound", where others write of rail and are bound
    compound = words[first.lower()] and words[second.lower()]
    return second[0].islower() and first.isalpha() and not compound
