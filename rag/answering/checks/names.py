"""Which words of a claim are names, and which of them its sources lack. Pure."""

from collections.abc import Iterable

from rag.text.tokens import FUNCTION_WORDS, is_number, stem, words_of


def names_of(claim: str, known: frozenset[str]) -> list[str]:
    """Return the capitalised words of a claim.

    The first, which is capitalised anyway, where it is a `known` name.
    """
    loud = claim.isupper()
    return [
        word
        for i, word in enumerate(words_of(claim))
        if not is_number(word) and _is_name(word, i, claim, loud, known)
    ]


def _is_name(word: str, at: int, claim: str, loud: bool, known: frozenset[str]) -> bool:
    if not word[0].isupper():
        return False
    if word.lower() in FUNCTION_WORDS:  # Theresa May, the WHO
        return (at > 0 and word in ("May", "Will")) or (
            len(word) > 1 and word.isupper() and not loud
        )
    return at > 0 or _first_is_name(word, claim, known)


def _first_is_name(word: str, claim: str, known: frozenset[str]) -> bool:
    """Return whether the first word is a name.

    It is one in the sources, or another capitalised word follows, or it is an acronym.
    """
    following = claim[claim.index(word[0]) + len(word) :].lstrip()
    return stem(word) in known or following[:1].isupper() or (len(word) > 1 and word.isupper())


def known_names(sentences: Iterable[str]) -> frozenset[str]:
    """Return the stems of the words that the sentences only ever write with a capital letter.

    Each stands inside a sentence at least once.
    """
    capital: set[str] = set()
    small: set[str] = set()
    for sentence in sentences:
        for i, word in enumerate(words_of(sentence)):
            if word[0].islower():
                small.add(stem(word))
            elif i > 0 and not is_number(word):
                capital.add(stem(word))
    return frozenset(capital - small)
