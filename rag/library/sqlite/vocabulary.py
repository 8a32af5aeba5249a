"""The words of a library in a folder, by its word index.   [FTS5]"""

from rag.library.sqlite.database import SqliteDatabase
from rag.library.sqlite.keyword_index import match
from rag.library.vocabulary import languages_of, most_like
from rag.text.query import term_of

_PASSAGES = 3  # looked at
_VOCABULARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, words, row)"
)


def holds(database: SqliteDatabase, word: str) -> bool:
    """Return whether a passage, or what stands beside it, has the word in some form."""
    term = match(term_of(word, languages_of(database)))
    return bool(database.rows("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", term))


def nearest_word(database: SqliteDatabase, word: str) -> str:
    """Return the word of the library that is most like a word; "" where none is like it."""

    def stems(first: str, shortest: int, longest: int) -> list[str]:
        database.rows(_VOCABULARY)
        rows = database.rows(
            "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? "
            "AND length(term) BETWEEN ? AND ?",
            first,
            chr(ord(first) + 1),
            shortest,
            longest,
        )
        return [term for (term,) in rows]

    def texts_with(stem: str) -> list[str]:
        rows = database.rows(
            "SELECT c.text FROM words w JOIN chunks c ON c.id = w.rowid WHERE words MATCH ? "
            "LIMIT ?",
            f'"{stem}"',
            _PASSAGES,
        )
        return [text for (text,) in rows]

    with database.reading():
        return most_like(word, stems, texts_with)
