"""Questions and their answers, kept in the library they were asked of."""

import json
from datetime import UTC, datetime

from rag.config import LONGEST_CONVERSATION_NAME
from rag.errors import LibraryError, NotFoundError, UsageError
from rag.library.sql.database import Connection, Database, SqlValue
from rag.library.sql.digests import digest
from rag.render.json import answer_json, read_answer
from rag.text.characters import printable
from rag.text.tokens import folded
from rag.types import Answer, Conversation, Turn

_NAMED_AFTER = (
    80  # characters of the first question that name its conversation: as many as a list shows
)
_LARGEST_KEY = 2**63 - 1  # that SQLite takes

_LISTING = (
    "SELECT c.id, c.name, c.begun, c.changed, (SELECT count(*) FROM turns t WHERE t.conversation ="
    " c.id) FROM conversations c"
)
# Name, when it began and changed, questions with their answers as JSON.
WholeConversation = tuple[str, str, str, tuple[tuple[str, str], ...]]

# What is hashed of each.
_TURN = "conversation, position, question, answer"
_CONVERSATION = "id, name, begun, changed"


class Conversations:
    """The conversations of one library.

    A key names one for good: that of a removed one is not used again.

    Whatever is given a key raises NotFoundError where there is no such conversation; whatever
    writes, LibraryError where the library cannot be written to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, question: str) -> int:
        """Return the key of a new conversation, which is empty.

        It is named after its first question.
        """
        with self._database.transaction() as connection:
            return _begin(connection, question)

    def append(self, key: int, answer: Answer) -> None:
        """Keep an answer as the last of the conversation."""
        with self._database.transaction() as connection:
            self._append(connection, key, answer)

    def keep(self, key: int, answer: Answer) -> int:
        """Keep an answer as the last of the conversation, and return its key.

        A key of 0 begins a new conversation.
        """
        with self._database.transaction() as connection:
            key = key or _begin(connection, answer.question)
            self._append(connection, key, answer)
        return key

    def take_out(self, key: int, position: int) -> None:
        """Remove one answer of the conversation, counted from 0; those after it move up.

        Raises NotFoundError, too, where there is no answer in that place.
        """
        with self._database.transaction() as connection:
            self.conversation(key)
            turns = connection.execute(
                "SELECT question, answer FROM turns WHERE conversation = ? ORDER BY position", [key]
            ).fetchall()
            if not 0 <= position < len(turns):
                raise NotFoundError(
                    f"The conversation {key} has {len(turns)} answers, and none in place "
                    f"{position + 1}; read it again."
                )
            connection.execute(
                "DELETE FROM turns WHERE conversation = ? AND position >= ?", [key, position]
            )
            for place, (question, answer) in enumerate(turns[position + 1 :], position):
                self._write_turn(connection, [key, place, question, answer])
            connection.execute("UPDATE conversations SET changed = ? WHERE id = ?", [_now(), key])
            _write_conversation_digest(connection, key)

    def listing(self, words: str = "") -> list[Conversation]:
        """Return all conversations, the last changed first.

        With words those that hold all of them in their name, questions and answers.

        A word may be a part of one, and capitals and the marks of letters make no difference.
        """
        with self._database.reading():
            found = self._found(f"{_LISTING} ORDER BY c.changed DESC, c.id DESC")
            if wanted := folded(words).split():
                texts = {c.key: c.name for c in found}
                # A damaged one raises an error where it is opened; it holds no words.
                words_said = f"SELECT conversation, question, {self._database.said} FROM turns"
                for key, question, said in self._database.rows(words_said):
                    texts[key] = f"{texts[key]}\n{question}\n{said or ''}"
                held = {key: folded(text) for key, text in texts.items()}
                found = [c for c in found if all(word in held[c.key] for word in wanted)]
        return found

    def conversation(self, key: int) -> Conversation:
        """Return the conversation of that key."""
        found = self._found(f"{_LISTING} WHERE c.id = ?", max(0, min(key, _LARGEST_KEY)))
        if not found:
            raise NotFoundError(
                f"There is no conversation {key} in this library; see `rag conversations` for "
                "those there are."
            )
        return found[0]

    def answers(self, key: int) -> list[Answer]:
        """Return the answers of the conversation in their order, equal to those that were kept.

        Raises LibraryError where one is damaged.
        """
        with self._database.reading():
            self.conversation(key)
            rows = self._database.rows(
                "SELECT answer FROM turns WHERE conversation = ? ORDER BY position", key
            )
        try:
            return [read_answer(json.loads(stored)) for (stored,) in rows]
        except (ValueError, RecursionError) as error:
            raise _damaged_answer(key) from error

    def history(self, key: int) -> list[Turn]:
        """Return what was asked in the conversation, for a follow-up question to lean on."""
        with self._database.reading():
            self.conversation(key)
            rows = self._database.rows(
                "SELECT question FROM turns WHERE conversation = ? ORDER BY position", key
            )
        return [Turn("user", question) for (question,) in rows]

    def whole(self) -> list[WholeConversation]:
        """Return all conversations as they are stored, the first begun first."""
        with self._database.reading() as connection:
            return [
                (
                    name,
                    begun,
                    changed,
                    tuple(
                        (question, answer)
                        for question, answer in connection.execute(
                            "SELECT question, answer FROM turns WHERE conversation = ? "
                            "ORDER BY position",
                            [key],
                        )
                    ),
                )
                for key, name, begun, changed in connection.execute(
                    f"SELECT {_CONVERSATION} FROM conversations ORDER BY begun, id"
                ).fetchall()
            ]

    def take_over(self, conversation: WholeConversation) -> None:
        """Keep a conversation of another library, in place of the one that began when it did."""
        name, begun, changed, turns = conversation
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM conversations WHERE begun = ?", [begun])
            key = connection.execute(
                "INSERT INTO conversations (name, begun, changed) VALUES (?, ?, ?) RETURNING id",
                [name, begun, changed],
            ).fetchone()[0]
            for position, (question, answer) in enumerate(turns):
                self._write_turn(connection, [key, position, question, answer])
            _write_conversation_digest(connection, key)

    def check(self) -> list[str]:
        """Return what is wrong with the conversations, in sentences.

        Reads all of them.
        """
        with self._database.reading():
            return [
                fault for conversation in self.listing() if (fault := self._check(conversation.key))
            ]

    def rename(self, key: int, name: str) -> None:
        """Give the conversation another name.

        Raises UsageError for one that is empty or longer than `LONGEST_CONVERSATION_NAME`.
        """
        name = _cleaned(name)
        if not 0 < len(name) <= LONGEST_CONVERSATION_NAME:
            raise UsageError(
                f"The name has {len(name)} characters, from 1 to {LONGEST_CONVERSATION_NAME} are "
                "expected; give another."
            )
        with self._database.transaction() as connection:
            self.conversation(key)
            connection.execute("UPDATE conversations SET name = ? WHERE id = ?", [name, key])
            _write_conversation_digest(connection, key)

    def remove(self, key: int) -> None:
        """Remove the conversation with its answers."""
        with self._database.transaction() as connection:
            self.conversation(key)
            connection.execute("DELETE FROM conversations WHERE id = ?", [key])

    def _check(self, key: int) -> str:
        try:
            self.answers(key)
        except LibraryError as error:
            return str(error)
        turns = self._database.rows(
            f"SELECT {_TURN}, digest FROM turns WHERE conversation = ? ORDER BY position", key
        )
        if any(digest(*values) != stored for *values, stored in turns):
            return str(_damaged_answer(key))
        ((*values, stored),) = self._database.rows(
            f"SELECT {_CONVERSATION}, digest FROM conversations WHERE id = ?", key
        )
        if digest(*values) != stored:
            return (
                f"The name or a time of the conversation {key} is not as it was stored; rename it."
            )
        return ""

    def _append(self, connection: Connection, key: int, answer: Answer) -> None:
        row: list[SqlValue] = [
            key,
            self.conversation(key).turns,
            printable(answer.question),
            json.dumps(answer_json(answer)),
        ]
        self._write_turn(connection, row)
        connection.execute("UPDATE conversations SET changed = ? WHERE id = ?", [_now(), key])
        _write_conversation_digest(connection, key)

    def _write_turn(self, connection: Connection, row: list[SqlValue]) -> None:
        connection.execute(
            f"INSERT INTO turns ({_TURN}, digest) VALUES (?, ?, ?, ?, ?)", [*row, digest(*row)]
        )

    def _found(self, query: str, *values: int) -> list[Conversation]:
        rows = self._database.rows(query, *values)
        return [
            Conversation(key, name, f"{begun[:19]}Z", f"{changed[:19]}Z", turns)
            for key, name, begun, changed, turns in rows
        ]


def _begin(connection: Connection, question: str) -> int:
    """Write a conversation without answers; return its key."""
    now = _now()
    key: int = connection.execute(
        "INSERT INTO conversations (name, begun, changed) VALUES (?, ?, ?) RETURNING id",
        [_name_of(question), now, now],
    ).fetchone()[0]
    _write_conversation_digest(connection, key)
    return key


def _write_conversation_digest(connection: Connection, key: int) -> None:
    row = connection.execute(
        f"SELECT {_CONVERSATION} FROM conversations WHERE id = ?", [key]
    ).fetchone()
    connection.execute("UPDATE conversations SET digest = ? WHERE id = ?", [digest(*row), key])


def _damaged_answer(key: int) -> LibraryError:
    return LibraryError(f"An answer of the conversation {key} is damaged; remove the conversation.")


def _now() -> str:
    """Return the time as it is kept.

    To the microsecond, so that two changes within a second have an order.
    """
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _name_of(question: str) -> str:
    """Return the question, or its first words where it is long."""
    name = _cleaned(question)
    if len(name) <= _NAMED_AFTER:
        return name
    cut = name[:_NAMED_AFTER]
    return f"{cut.rpartition(' ')[0] or cut}…"


def _cleaned(name: str) -> str:
    return printable(" ".join(name.split())).strip()
