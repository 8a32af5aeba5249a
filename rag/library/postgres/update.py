"""The store -> the index: the passages of documents that the outbox names."""

import json
from collections import Counter
from typing import Any

import numpy as np

from rag.library.postgres.database import PostgresDatabase, Raw
from rag.library.postgres.schema import GRANTS, LOCK, index_tables
from rag.library.postgres.selection import lexeme
from rag.library.postgres.tokens import Places, Tokenizer
from rag.text.languages import indexed
from rag.text.query import name_words

_DOCUMENTS_AT_ONCE = 50  # taken in by one transaction: a second of work or less
_NEW_PASSAGES = """
SELECT c.id, c.document, d.date, c.section, c.text, c.context, c.language, v.vector,
    ARRAY(SELECT speaker FROM speakers s WHERE s.chunk = c.id)
FROM chunks c JOIN documents d ON d.id = c.document JOIN vectors v ON v.chunk = c.id
WHERE c.document = ANY(%s)
"""


def take_in(raw: Raw, workspace: int, tokenizer: Tokenizer) -> None:
    """Make the index hold exactly the passages that the store has of some documents.

    They are the first that the outbox names, and are taken out of it, in the transaction that is
    open. Taken in twice, they are the same.
    """
    # Lost with the machine, it is taken in again: what it took out of the outbox is lost with it.
    raw.execute("SET LOCAL synchronous_commit = off")
    rows = raw.execute(
        "SELECT document FROM outbox ORDER BY document LIMIT %s", [_DOCUMENTS_AT_ONCE]
    ).fetchall()
    documents = [document for (document,) in rows]
    gone = raw.execute(
        f"DELETE FROM passages_{workspace} WHERE document = ANY(%s) "
        "RETURNING length, tsvector_to_array(words)",
        [documents],
    ).fetchall()
    new = raw.execute(_NEW_PASSAGES, [documents]).fetchall()
    places = tokenizer.places([(indexed(row[4], row[6]), indexed(row[5], row[6])) for row in new])
    columns = "chunk, document, date, section_words, speakers, length, words, embedding"
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY passages_{workspace} ({columns}) FROM STDIN") as copy,
    ):
        for row, (tokens, length) in zip(new, places, strict=True):
            copy.write_row(_passage(row, tokens, length))
    counts = Counter(token for tokens, _ in places for token in tokens)
    counts.subtract(token for _, tokens in gone for token in tokens)
    _count_terms(raw, workspace, {term: count for term, count in counts.items() if count})
    raw.execute(
        "UPDATE index_sizes SET passages = passages + %s, tokens = tokens + %s",
        [
            len(new) - len(gone),
            sum(length for _, length in places) - sum(length for length, _ in gone),
        ],
    )
    raw.execute("DELETE FROM outbox WHERE document = ANY(%s)", [documents])


def make_anew(database: PostgresDatabase) -> None:
    """Empty the index, for vectors of the present dimension, and have all of it taken in again."""
    workspace = database.workspace
    with database.server.owning() as raw, raw.transaction():
        raw.execute("SELECT set_config('rag.workspace', %s, true)", [str(workspace)])
        raw.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, workspace])
        own = "WHERE workspace = %s"  # for a user whom policies do not hold back
        found = raw.execute(f"SELECT dimension FROM settings {own}", [workspace]).fetchone()
        if found is None:
            raise database.damaged()
        raw.execute(f"DROP TABLE IF EXISTS passages_{workspace}, terms_{workspace}")
        raw.execute(f"DELETE FROM index_sizes {own}", [workspace])
        make_index(raw, workspace, found[0])
        raw.execute(
            f"INSERT INTO outbox (document) SELECT id FROM documents {own} ON CONFLICT DO NOTHING",
            [workspace],
        )


def make_index(raw: Raw, workspace: int, dimension: int) -> None:
    """Make the tables of an empty index; `rag.workspace` is set to the workspace."""
    raw.execute(index_tables(workspace, dimension))
    raw.execute(
        "INSERT INTO index_sizes (dimension, passages, tokens) VALUES (%s, 0, 0)", [dimension]
    )
    raw.execute(GRANTS)


def remove_workspace(raw: Raw, workspace: int) -> None:
    """Remove a library with all its rows and its index."""
    raw.execute("SELECT set_config('rag.workspace', %s, true)", [str(workspace)])
    raw.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, workspace])
    raw.execute(f"DROP TABLE IF EXISTS passages_{workspace}, terms_{workspace}")
    raw.execute("DELETE FROM workspaces WHERE id = %s", [workspace])
    for table in ("pending", "unanswered", "source_files", "outbox", "index_sizes"):
        raw.execute(f"DELETE FROM {table} WHERE workspace = %s", [workspace])


def _passage(row: Any, tokens: Places, length: int) -> tuple[Any, ...]:
    chunk, document, date, section, _, _, _, vector, speakers = row
    words = " ".join(f"{lexeme(t)}:{','.join(map(str, at[:255]))}" for t, at in tokens.items())
    halves = np.frombuffer(vector, "<f2").astype(np.float32).tolist()
    shown = json.dumps(halves)
    return chunk, document, date, sorted(name_words(section)), speakers, length, words, shown


def _count_terms(raw: Raw, workspace: int, changes: dict[str, int]) -> None:
    """Note how many passages more, or fewer, hold each term."""
    table = f"terms_{workspace}"
    raw.execute(
        f"INSERT INTO {table} AS t SELECT * FROM unnest(%s::text[], %s::bigint[]) "
        "ON CONFLICT (term) DO UPDATE SET passages = t.passages + excluded.passages",
        [list(changes), list(changes.values())],
    )
    fewer = [term for term, change in changes.items() if change < 0]
    raw.execute(
        f"DELETE FROM {table} WHERE term = ANY(%s) AND passages <= 0",
        [fewer],
    )
