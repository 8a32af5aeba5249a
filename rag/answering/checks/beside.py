"""Which name of a claim stands where its source has another one. Pure.

"It lies mostly in Ethiopia", of "It lies mostly in Kenya, its northern end in Ethiopia": both names
stand in the source, but behind "mostly in" it has the other one.
"""

from itertools import pairwise
from typing import NamedTuple

from rag.text.tokens import FUNCTION_WORDS, is_number, stem, words_of

_NEAR = 2  # content words within which a name still belongs to a word: "met the author George Sand"
_ARTICLES = frozenset(("a", "an", "the"))
_MOST_WORDS = 300  # of a sentence; what is longer is a table


class _Part(NamedTuple):
    """A content word or a name, with the function words before it, without articles."""

    stems: frozenset[str]
    is_name: bool
    before: tuple[str, ...]
    is_joined: bool  # nothing stands between it and the part before
    text: str


def misplaced_name(claim: str, sentence: str) -> tuple[str, str] | None:
    """Return a name of a claim and the one that the sentence has in its place; None without one.

    The word in front of the name stands in the sentence once, with the same small words and another
    name behind it, and the claim's name stands elsewhere in the sentence.
    """
    said, written = _parts(claim), _parts(sentence)
    if len(written) > _MOST_WORDS:
        return None
    for word, name in pairwise(said):
        if word.is_name or not name.is_name:
            continue
        places = [at for at, part in enumerate(written) if part.stems == word.stems]
        if len(places) != 1 or written[places[0]].is_name or places[0] + 1 == len(written):
            continue
        other = written[places[0] + 1]
        behind = written[places[0] + 2 : places[0] + 3]
        if any(part.is_joined for part in behind):  # "the French author"
            continue
        if not other.is_name or other.before != name.before or other.stems & name.stems:
            continue
        own = [at for at, part in enumerate(written) if part.is_name and part.stems & name.stems]
        if own and all(abs(at - places[0]) > _NEAR for at in own):
            return name.text, other.text
    return None


def _parts(text: str) -> list[_Part]:
    parts: list[_Part] = []
    small: tuple[str, ...] = ()
    for word in words_of(text):
        if word.lower() in FUNCTION_WORDS:
            small = (*small, word.lower())
            continue
        is_name = word[0].isupper() and not is_number(word)
        if is_name and parts and parts[-1].is_name and not small:
            last = parts[-1]
            parts[-1] = last._replace(stems=last.stems | {stem(word)}, text=f"{last.text} {word}")
        else:
            before = tuple(w for w in small if w not in _ARTICLES)
            parts.append(_Part(frozenset((stem(word),)), is_name, before, not small, word))
        small = ()
    return parts
