"""Words broken at a line's end -> words (pure)."""

import re
from collections import Counter
from collections.abc import Sequence

from rag.reading.pdf.paragraphs import BlockDraft

_HYPHENATED_WORD = re.compile(r"\w+(?:[-‐]\w+)*")
FIRST_WORD = re.compile(r"\w+")
BROKEN_WORD = re.compile(r"(?<![\w‐-])([\w‐-]*\w)[-‐]$")  # at the end of a line
_BROKEN_WORDS = re.compile(
    r"(?<![\w‐-])[\w‐-]+[-‐]\n\w+"
)  # with the word that goes on in the next line


def word_counts(parts: Sequence[BlockDraft]) -> Counter[str]:
    """How often each word stands in the document, in small letters.

    Words broken at a line's end are left out.
    """
    words = Counter[str]()
    for part in parts:
        text = "\n".join(line.text for _, line in part.lines).lower()
        words.update(_HYPHENATED_WORD.findall(_BROKEN_WORDS.sub(" ", text).replace("‐", "-")))
    return words


def is_one_word(first: str, second: str, words: Counter[str]) -> bool:
    """Whether the hyphen between two parts of a word is only there because the line ended.

    The document's other words tell.
    """
    joined, hyphenated = words[f"{first}{second}".lower()], words[f"{first}-{second}".lower()]
    if joined != hyphenated:
        return joined > hyphenated
    compound = (
        words[first.lower()] and words[second.lower()]
    )  # "rail-bound", where others write of rail and are bound
    return second[0].islower() and first.isalpha() and not compound
