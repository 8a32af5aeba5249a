"""A question with a slip of the pen -> the question with the word that was meant. Pure."""

import re
from collections.abc import Callable

from rag.text.tokens import FUNCTION_WORDS

_LONG_WORD = re.compile(r"[^\W\d_]{5,}")  # a shorter word is like too many others


def correct(
    question: str,
    is_known: Callable[[str], bool],
    nearest: Callable[[str], str],
) -> tuple[str, tuple[str, ...]]:
    """Return the question with each unknown word replaced by the nearest one, and what to say.

    `is_known` returns whether a document or the language has a word; `nearest` returns the most
    similar word of the documents, "" if there is none.
    """
    notes: list[str] = []

    def meant(found: re.Match[str]) -> str:
        word = found[0]
        if word.lower() in FUNCTION_WORDS or is_known(word):
            return word
        better = nearest(word)
        if not better:
            return word
        notes.append(f"No document has “{word}”; searched for “{better}”.")
        return better

    return _LONG_WORD.sub(meant, question), tuple(notes)
