"""Questions that the reports did not answer, kept in the library they were asked of."""

from datetime import UTC, datetime

from rag.errors import LibraryLockedError, LibraryReadOnlyError
from rag.library.sql.database import Database
from rag.text.characters import printable
from rag.types import Reason, UnansweredQuestion

# An answer must not wait long for another process that writes; adding a document takes less.
_WRITE_PATIENCE = 2.0  # seconds
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # ISO 8601
_UNANSWERED = "SELECT question, asked, reason, answered FROM unanswered"


class Unanswered:
    """The unanswered questions of one library, each once.

    A question is kept as it was understood, so that one which leaned on others can be asked again
    alone.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, question: str, reason: Reason) -> bool:
        """Keep a question that was asked now, or note that it was asked again.

        Return False where the library cannot be written to, or is being written to for long.
        """
        now = datetime.now(UTC).strftime(_TIME_FORMAT)
        try:
            with self._database.transaction(_WRITE_PATIENCE) as database:
                kept = printable(" ".join(question.split()))
                database.execute("DELETE FROM unanswered WHERE question = ?", [kept])
                database.execute(
                    "INSERT INTO unanswered (question, asked, reason, answered) "
                    "VALUES (?, ?, ?, '')",
                    [kept, now, reason],
                )
        except (LibraryReadOnlyError, LibraryLockedError):
            return False
        return True

    def take_over(self, question: UnansweredQuestion) -> None:
        """Keep a question of another library as it was kept there."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM unanswered WHERE question = ?", [question.question])
            database.execute(
                "INSERT INTO unanswered (question, asked, reason, answered) VALUES (?, ?, ?, ?)",
                [question.question, question.asked, question.reason, question.answered],
            )

    def listing(self) -> list[UnansweredQuestion]:
        """Return all of them, the last asked first; those answered since name when."""
        rows = self._database.rows(f"{_UNANSWERED} ORDER BY asked DESC, question")
        return [UnansweredQuestion(*row) for row in rows]

    def open(self, limit: int) -> list[UnansweredQuestion]:
        """Return the last `limit` that nothing has answered since, the last asked first."""
        query = f"{_UNANSWERED} WHERE answered = '' ORDER BY asked DESC, question LIMIT ?"
        return [UnansweredQuestion(*row) for row in self._database.rows(query, limit)]

    def mark_answered(self, question: str) -> None:
        """Note that a question kept here can be answered now.

        Raises LibraryError where the library cannot be written to.
        """
        now = datetime.now(UTC).strftime(_TIME_FORMAT)
        with self._database.transaction() as database:
            database.execute(
                "UPDATE unanswered SET answered = ? WHERE question = ?", [now, question]
            )

    def clear(self) -> int:
        """Remove all of them; return how many there were.

        Raises LibraryError where the library cannot be written to.
        """
        with self._database.transaction() as database:
            return int(database.execute("DELETE FROM unanswered").rowcount)
