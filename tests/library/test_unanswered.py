"""Questions without an answer, kept in their library."""

import os
import sqlite3
from pathlib import Path

import pytest

from rag.library.store import Library


def test_a_question_is_kept_once_with_when_it_was_asked_last_and_why(library: Library) -> None:
    assert library.unanswered.listing() == []
    assert library.unanswered.keep("Who \n dredged?", "near")
    assert library.unanswered.keep("Who paid?", "not_this")
    first = {q.question: q for q in library.unanswered.listing()}
    assert first.keys() == {"Who dredged?", "Who paid?"}
    assert first["Who dredged?"].reason == "near"
    assert first["Who dredged?"].asked.endswith("Z")
    library.unanswered.mark_answered("Who dredged?")
    assert [q.question for q in library.unanswered.open(9)] == ["Who paid?"]
    assert library.unanswered.keep("Who dredged?", "nothing_on_subject")
    (again,) = [q for q in library.unanswered.listing() if q.question == "Who dredged?"]
    assert (again.reason, again.answered) == ("nothing_on_subject", "")
    assert len(library.unanswered.open(1)) == 1


def test_keeping_a_question_is_no_change_of_the_library(library: Library) -> None:
    before = library.generation
    library.unanswered.keep("Who dredged?", "near")
    assert library.generation == before
    assert library.verify() == []


def test_all_are_removed_at_once(library: Library) -> None:
    for question in ("One?", "Two?"):
        library.unanswered.keep(question, "near")
    assert library.unanswered.clear() == 2
    assert library.unanswered.listing() == []


def test_one_is_not_kept_while_another_process_writes_for_long(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.library.sql.unanswered._WRITE_PATIENCE", 0.1)
    with sqlite3.connect(library.folder / "library.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not library.unanswered.keep("Who dredged?", "near")
        other.execute("ROLLBACK")
    assert library.unanswered.keep("Who dredged?", "near")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_library_that_cannot_be_written_to_keeps_none(library: Library, tmp_path: Path) -> None:
    folder = library.folder
    library.close()
    (folder / "library.db").chmod(0o444)
    folder.chmod(0o555)
    with Library.open(folder) as opened:
        assert not opened.unanswered.keep("Who dredged?", "near")
    folder.chmod(0o755)
