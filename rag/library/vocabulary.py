"""The words that a library holds: in which languages, and which is nearest to one it has not."""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher, get_close_matches

from rag.library.sql.database import Database
from rag.text.languages import ENGLISH, STEMMERS, base_language
from rag.text.tokens import words_of

# How alike two words must be, 0..1 (Ratcliff & Obershelp): one letter of five may be another, or
# missing, and two of ten. An index holds stems, which are shorter than the words.
_ALIKE_WORD, _ALIKE_STEM = 0.8, 0.68
_STEMS_LOOKED_AT = 5
_LENGTHS = 3  # letters that a stem may have more or less


def languages_of(database: Database) -> list[str]:
    """Return the languages of the documents, but English, whose words stand as they are."""
    rows = database.rows("SELECT DISTINCT language FROM documents WHERE language <> ''")
    return sorted({base_language(tag) for (tag,) in rows} & STEMMERS.keys() - {ENGLISH})


def most_like(
    word: str,
    stems: Callable[[str, int, int], Sequence[str]],
    texts_with: Callable[[str], Sequence[str]],
) -> str:
    """Return the word of the library that is most like a word; "" where none is like it.

    `stems` gives those of the index that begin with a letter and have so many letters at least and
    at most, `texts_with` some texts that hold a stem. Both words begin with the same letter: of ten
    slips of the pen nine come later.
    """
    word = word.lower()
    held = stems(word[0], len(word) - _LENGTHS - 2, len(word) + _LENGTHS)
    near = get_close_matches(word, held, _STEMS_LOOKED_AT, _ALIKE_STEM)
    words = {w.lower() for stem in near for text in texts_with(stem) for w in words_of(text)}
    likeness = {w: SequenceMatcher(None, word, w).ratio() for w in sorted(words)}
    best = max(likeness, key=lambda w: likeness[w], default="")
    return best if best and likeness[best] >= _ALIKE_WORD else ""
