"""Question + history -> the question to answer and what was asked before it. Pure."""

from collections.abc import Sequence

from rag.config import MAX_QUESTION
from rag.errors import UsageError
from rag.types import Turn


def check_question(question: str) -> str:
    """Return the question without white space around it.

    Raises UsageError where it is empty or longer than MAX_QUESTION.
    """
    question = question.strip()
    if not any(c.isalnum() for c in question):
        raise UsageError("The question is empty; type a question in plain words.")
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"The question has {len(question):,} characters, at most {MAX_QUESTION:,} are read; "
            "ask it in fewer words, and add longer texts to the library."
        )
    return question


def asked_before(history: Sequence[Turn]) -> str:
    """Return what the user asked before, the latest first. Answers are never evidence."""
    asked = (turn.text for turn in reversed(history) if turn.role == "user")
    return " ".join(asked)[:MAX_QUESTION]


def last_asked(history: Sequence[Turn]) -> str:
    """Return the user's turn before the question, on which a follow-up leans; "" at first."""
    asked = (turn.text for turn in reversed(history) if turn.role == "user")
    return next(asked, "")[:MAX_QUESTION]
