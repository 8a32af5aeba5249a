"""A text -> its tokens with their places, exactly those of the word index of a library in a folder.

SQLite makes them: a table in memory that holds no text, and is asked for what it would index.
[sqlite3, FTS5]
"""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

# `tokenize` as in rag/library/sqlite/schema.py, so that every engine finds the same.
_WORD_TABLES = """
CREATE VIRTUAL TABLE words USING fts5 (
    text, context, content = '', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE tokens USING fts5vocab (words, instance);
"""
_LONGEST_TOKEN = 500  # characters; PostgreSQL keeps lexemes of up to 2,046 bytes
# Of a text; PostgreSQL keeps places up to 16,383. Those of the context begin behind them, so that
# no phrase runs from one into the other.
_MOST_PLACES = 8000
_CONTEXT = 8100

Places = dict[str, list[int]]  # token -> where it stands, from 1, in order


class Tokenizer:
    """Texts to tokens. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.executescript(_WORD_TABLES)
        # The tokens of the words of a question, each of which is asked for in several forms.
        self.tokens_of = lru_cache(1 << 12)(self._tokens_of)

    def places(self, texts: Sequence[tuple[str, str]]) -> list[tuple[Places, int]]:
        """Return the tokens of each text and its context, and how many there are in both."""
        found: list[Places] = [defaultdict(list) for _ in texts]
        lengths = [0] * len(texts)
        with self._lock:
            self._database.execute("INSERT INTO words (words) VALUES ('delete-all')")
            self._database.executemany(
                "INSERT INTO words (rowid, text, context) VALUES (?, ?, ?)",
                ((number, *both) for number, both in enumerate(texts)),
            )
            rows = self._database.execute('SELECT term, doc, col, "offset" FROM tokens').fetchall()
        for term, text, column, offset in rows:
            lengths[text] += 1
            if offset < _MOST_PLACES:
                place = offset + 1 + (_CONTEXT if column == "context" else 0)
                found[text][term[:_LONGEST_TOKEN]].append(place)
        return [
            ({token: sorted(places) for token, places in one.items()}, length)
            for one, length in zip(found, lengths, strict=True)
        ]

    def _tokens_of(self, words: str) -> tuple[str, ...]:
        """Return the tokens of some words in their order."""
        ((places, _),) = self.places([(words, "")])
        return tuple(
            token for _, token in sorted((at, t) for t, all_of in places.items() for at in all_of)
        )
