"""The words that a library holds, and the nearest of them to one that it does not.   [FTS5]"""

from difflib import SequenceMatcher, get_close_matches

from rag.library.sqlite.database import SqliteDatabase
from rag.library.sqlite.keyword_index import indexed_languages, match
from rag.text.query import term_of
from rag.text.tokens import words_of

# How alike two words must be, 0..1 (Ratcliff & Obershelp): one letter of five may be another, or
# missing, and two of ten. The index holds stems, which are shorter than the words.
_ALIKE_WORD, _ALIKE_STEM = 0.8, 0.68
_STEMS_LOOKED_AT, _PASSAGES = 5, 3  # looked at
_LENGTHS = 3  # letters that a stem may have more or less
_VOCABULARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, words, row)"
)


def holds(database: SqliteDatabase, word: str) -> bool:
    """Return whether a passage, or what stands beside it, has the word in some form."""
    term = match(term_of(word, indexed_languages(database)))
    return bool(database.rows("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", term))


def nearest_word(database: SqliteDatabase, word: str) -> str:
    """Return the word of the library that is most like a word; "" where none is like it.

    Both begin with the same letter: of ten slips of the pen nine come later.
    """
    word = word.lower()
    with database.reading():
        database.rows(_VOCABULARY)
        stems = database.rows(
            "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? "
            "AND length(term) BETWEEN ? AND ?",
            word[0],
            chr(ord(word[0]) + 1),
            len(word) - _LENGTHS - 2,
            len(word) + _LENGTHS,
        )
        near = get_close_matches(word, [stem for (stem,) in stems], _STEMS_LOOKED_AT, _ALIKE_STEM)
        texts = [
            text
            for stem in near
            for (text,) in database.rows(
                "SELECT c.text FROM words w JOIN chunks c ON c.id = w.rowid WHERE words MATCH ? "
                "LIMIT ?",
                f'"{stem}"',
                _PASSAGES,
            )
        ]
    words = {held.lower() for text in texts for held in words_of(text)}
    likeness = {held: SequenceMatcher(None, word, held).ratio() for held in sorted(words)}
    best = max(likeness, key=lambda held: likeness[held], default="")
    return best if best and likeness[best] >= _ALIKE_WORD else ""
