"""Which words of a claim are names, and which of them its sources lack. Pure."""

from collections.abc import Iterable

from rag.text.tokens import FUNCTION_WORDS, is_number, stem, words_of

_OF_A_PLACE = ("ese", "ian", "ean")  # endings of the adjective of a country
_SHORTEST_PLACE = 5  # letters: of Iran and Iraq three are the same
_LONGEST_ENDING = 2  # letters that the adjective has more


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


def is_of_same_place(name: str, words: Iterable[str]) -> bool:
    """Return whether a name and one of the words are a country and its adjective.

    "China" and "Chinese", "Italian" and "Italy": one has an ending of adjectives, and both begin
    with all of the shorter one but its last letter. "Julia" and "Julian" are two persons.
    """
    return any(
        len(short) >= _SHORTEST_PLACE
        and long.endswith(_OF_A_PLACE)
        and long.startswith(short[:-1])
        and not short.endswith("ia")
        and len(long) <= len(short) + _LONGEST_ENDING
        for word in words
        if word[0].isupper() and word != name
        for short, long in (sorted((name, word), key=len),)
    )
