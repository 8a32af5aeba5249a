"""A filter -> the conditions that the rows of an index are found with. Pure but for the look-up of
names.
"""

from dataclasses import dataclass
from typing import Any

from rag.library.postgres.database import PostgresDatabase
from rag.library.postgres.tokens import Tokenizer
from rag.text.query import Term, name_words, names_it
from rag.types import Filter


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on a row of `passages_N`, in SQL, and their values."""

    conditions: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def sql(self) -> str:
        return " AND ".join(self.conditions)


ALL_PASSAGES = Selection(("true",), ())


def selection_of(
    database: PostgresDatabase, only: Filter, phrases: list[Term], tokenizer: Tokenizer
) -> Selection | None:
    """Return the filter and the phrases as conditions; None where both leave nothing out."""
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, *of: Any) -> None:
        conditions.append(condition)
        values.extend(of)

    if only.documents:
        add(
            "document IN (SELECT id FROM documents WHERE name = ANY(%s))",
            list(only.documents),
        )
    # A date of which less is stated than of the end lies on both sides of it.
    for end, sign in ((only.after, ">="), (only.before, "<=")):
        if end:
            add(
                f"date <> '' AND left(date, length(%s)) {sign} left(%s, length(date))",
                end,
                end,
            )
    if only.speaker:
        speakers = database.rows("SELECT DISTINCT speaker FROM speakers")
        add("speakers && %s::text[]", [s for (s,) in speakers if names_it(s, only.speaker)])
    if only.section:
        words = sorted(name_words(only.section))
        add("section_words @> %s::text[]" if words else "%s::text[] IS NULL", words)
    for phrase in phrases:
        add("words @@ %s::tsquery", tsquery(phrase, tokenizer))
    return Selection(tuple(conditions), tuple(values)) if conditions else None


def tsquery(term: Term, tokenizer: Tokenizer) -> str:
    """Return the query for any form of a term; "" where none has a token."""
    forms = dict.fromkeys(tokenizer.tokens_of(form) for form in term)
    return " | ".join(f"({phrase_query(form)})" for form in forms if form)


def phrase_query(tokens: tuple[str, ...]) -> str:
    """Return the query for tokens that follow each other."""
    return " <-> ".join(map(lexeme, tokens))


def lexeme(token: str) -> str:
    """Return a token as it is written in a tsquery or a tsvector."""
    quoted = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'"
