import os
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.config import LONGEST_CONVERSATION_NAME
from rag.errors import LibraryError, NotFoundError, UsageError
from rag.library.sql.conversations import Conversations
from rag.library.store import Library
from rag.types import Answer, Chunk, Citation, Hit, Note, Seconds, Sentence, Turn

ANSWER = Answer(
    "Did trade rise?",
    "Trade rose.[1]",
    False,
    "generated",
    (Sentence("Trade rose.", "supported", (1,)),),
    (
        Citation(
            1,
            "visit",
            "The Visit",
            "Deals",
            4,
            31,
            "Holm",
            100,
            111,
            "Trade rose.",
            Note("8", "Kremlin.ru", 900, 910),
        ),
    ),
    (
        Hit(
            Chunk("visit", 3, "Deals", 31, 100, 120, "Trade  rose\nsharply.", "The Visit. Deals"),
            "The Visit",
            1 / 3,
            "both",
        ),
    ),
    Seconds(0.1, None, 1 / 7),
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "reports", embedder="fake", dimension=2, create=True) as library:
        yield library


@pytest.fixture
def kept(library: Library) -> Conversations:
    return library.conversations


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that goes on by a minute whenever it is asked."""
    times = (datetime(2026, 5, 1, 9, tzinfo=UTC) + timedelta(minutes=n) for n in range(1000))
    monkeypatch.setattr(
        "rag.library.sql.conversations._now", lambda: next(times).isoformat(timespec="microseconds")
    )
    return iter(())


def test_answers_are_kept_as_they_are_in_their_order_for_the_next_who_opens_the_library(
    library: Library,
) -> None:
    asked = [
        ANSWER,
        replace(
            ANSWER,
            question="And \ud800 wool?\0",
            answer="",
            abstained=True,
            sentences=(),
            citations=(),
        ),
    ]
    key = library.conversations.begin(ANSWER.question)
    for answer in asked:
        library.conversations.append(key, answer)
    with Library.open(library.folder) as reopened:
        assert reopened.conversations.answers(key) == asked
        assert reopened.conversations.history(key) == [
            Turn("user", "Did trade rise?"),
            Turn("user", "And  wool?"),
        ]


def test_the_first_answer_begins_a_conversation_and_the_next_ones_go_on(
    kept: Conversations,
) -> None:
    key = kept.keep(0, ANSWER)
    assert kept.keep(key, ANSWER) == key
    assert kept.keep(0, ANSWER) == key + 1
    assert [(c.name, c.turns) for c in kept.listing()] == [
        ("Did trade rise?", 1),
        ("Did trade rise?", 2),
    ]
    with pytest.raises(NotFoundError, match="no conversation 9"):
        kept.keep(9, ANSWER)


def test_what_is_kept_is_no_change_of_the_reports(library: Library) -> None:
    before = library.generation
    key = library.conversations.begin("Who?")
    library.conversations.append(key, ANSWER)
    library.conversations.keep(key, ANSWER)
    library.conversations.rename(key, "Trade")
    library.conversations.remove(key)
    assert library.generation == before
    assert library.verify() == []


@pytest.mark.usefixtures("clock")
def test_the_last_changed_conversation_comes_first_with_its_times_and_turns(
    kept: Conversations,
) -> None:
    first, second = kept.begin("First?"), kept.begin("Second?")
    assert [c.key for c in kept.listing()] == [second, first]
    kept.append(first, ANSWER)
    (changed, other) = kept.listing()
    assert (changed.key, changed.name, changed.turns) == (first, "First?", 1)
    assert (changed.begun, changed.changed) == ("2026-05-01T09:00:00Z", "2026-05-01T09:02:00Z")
    assert (other.key, other.turns, other.changed) == (second, 0, "2026-05-01T09:01:00Z")
    assert kept.conversation(first) == changed
    kept.rename(second, "Renamed")
    assert [c.key for c in kept.listing()] == [first, second], "a name is no answer"


def test_two_changes_within_a_second_have_an_order(kept: Conversations) -> None:
    keys = [kept.begin(f"Question {n}?") for n in range(3)]
    for key in keys[::-1]:
        kept.append(key, ANSWER)
    assert [c.key for c in kept.listing()] == keys


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("  Did\ttrade\nrise?  ", "Did trade rise?"),
        ("w" * 80, "w" * 80),
        ("w" * 81, "w" * 80 + "…"),
        ("much longer " * 10, "much longer " * 6 + "much…"),
        ("<b>\x1b[2J\u202e\x00\ud800</b>", "<b>[2J</b>"),
    ],
)
def test_a_conversation_is_named_after_its_first_question(
    kept: Conversations, question: str, name: str
) -> None:
    assert kept.conversation(kept.begin(question)).name == name


def test_conversations_are_found_by_words_of_name_question_and_answer(kept: Conversations) -> None:
    trade, wool = kept.begin("Café trade"), kept.begin("Wool")
    kept.append(
        trade, replace(ANSWER, question="How much in ÖSTERREICH?", answer="Grain rose by 30%.[1]")
    )
    kept.append(wool, replace(ANSWER, question="Who sold it?", answer="Straße & Sons.[1]"))
    found = {
        words: {c.key for c in kept.listing(words)}
        for words in (
            "",
            "  ",
            "cafe",
            "osterr",
            "30%",
            "CAFE grain österreich",
            "strasse",
            "grain wool",
            "_",
            "o",
        )
    }
    both = {trade, wool}
    assert list(found.values()) == [
        both,
        both,
        {trade},
        {trade},
        {trade},
        {trade},
        {wool},
        set(),
        set(),
        both,
    ]


def test_a_removed_conversation_is_gone_and_its_key_is_not_used_again(
    kept: Conversations, library: Library
) -> None:
    key = kept.begin("First?")
    kept.append(key, ANSWER)
    kept.remove(key)
    assert kept.listing() == []
    with closing(sqlite3.connect(library.folder / "library.db")) as database:
        assert database.execute("SELECT count(*) FROM turns").fetchone() == (0,)
    assert kept.begin("Second?") > key


def test_an_answer_is_taken_out_and_those_after_it_move_up(kept: Conversations) -> None:
    key = kept.begin("First?")
    answers = [replace(ANSWER, question=question) for question in ("One?", "Two?", "Three?")]
    for answer in answers:
        kept.append(key, answer)
    kept.take_out(key, 1)
    assert kept.answers(key) == [answers[0], answers[2]]
    kept.append(key, answers[1])
    assert kept.answers(key) == [answers[0], answers[2], answers[1]]
    assert kept.check() == [], "what is stored is still as its digests say"
    for position in (3, -1):
        with pytest.raises(NotFoundError, match="has 3 answers"):
            kept.take_out(key, position)


@pytest.mark.parametrize("key", [0, -1, 2, 2**63, -(2**70)])
def test_a_conversation_that_is_not_there_is_told_in_a_sentence(
    kept: Conversations, key: int
) -> None:
    kept.begin("First?")
    for use in (
        lambda: kept.append(key, ANSWER),
        lambda: kept.answers(key),
        lambda: kept.history(key),
        lambda: kept.rename(key, "x"),
        lambda: kept.remove(key),
    ):
        with pytest.raises(
            NotFoundError,
            match=f"There is no conversation {key} in this library; see `rag conversations`",
        ):
            use()
    assert [c.turns for c in kept.listing()] == [0]


@pytest.mark.parametrize("name", ["", " \n", "\x00\u202e", "n" * (LONGEST_CONVERSATION_NAME + 1)])
def test_a_name_that_is_empty_or_long_is_refused(kept: Conversations, name: str) -> None:
    key = kept.begin("First?")
    with pytest.raises(UsageError, match=f"from 1 to {LONGEST_CONVERSATION_NAME} are expected"):
        kept.rename(key, name)
    kept.rename(key, " A\tname\x1b[2J ")
    assert kept.conversation(key).name == "A name[2J"


@pytest.mark.parametrize(
    "stored",
    ["", "{", "[]", "null", "7", "{}", '{"answer": {"a": "trade"}, "hits": 1}', "[" * 100_000],
)
def test_a_damaged_answer_is_told_to_who_reads_it_and_does_not_disturb_the_others(
    library: Library, kept: Conversations, stored: str
) -> None:
    key, whole = kept.begin("First?"), kept.begin("Second trade?")
    kept.append(key, ANSWER)
    with closing(sqlite3.connect(library.folder / "library.db")) as database, database:
        database.execute("UPDATE turns SET answer = ?", [stored])
    with pytest.raises(
        LibraryError,
        match=f"An answer of the conversation {key} is damaged; remove the conversation",
    ):
        kept.answers(key)
    assert library.verify() == [
        f"An answer of the conversation {key} is damaged; remove the conversation."
    ]
    assert whole in {c.key for c in kept.listing("second trade")}
    assert len(kept.listing()) == 2
    kept.remove(key)


def test_many_who_append_at_once_lose_nothing(library: Library) -> None:
    key = library.conversations.begin("First?")
    with Library.open(library.folder) as other, ThreadPoolExecutor(8) as pool:
        for kept in [library.conversations, other.conversations] * 20:
            pool.submit(kept.append, key, ANSWER)
    assert library.conversations.answers(key) == [ANSWER] * 40


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of a POSIX file system")
def test_in_a_read_only_folder_conversations_can_be_read_and_not_kept() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "reports"
        with Library.open(folder, embedder="fake", dimension=2, create=True) as library:
            key = library.conversations.begin("First?")
            library.conversations.append(key, ANSWER)
        (folder / "library.db").chmod(0o444)
        folder.chmod(0o555)
        Path(made).chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # nothing is read-only for root
        try:
            with Library.open(folder) as library:
                kept = library.conversations
                assert kept.answers(key) == [ANSWER]
                for write in (
                    lambda: kept.begin("Second?"),
                    lambda: kept.append(key, ANSWER),
                    lambda: kept.rename(key, "x"),
                    lambda: kept.remove(key),
                ):
                    with pytest.raises(
                        LibraryError, match="'reports' cannot be written to; check the permissions"
                    ):
                        write()
        finally:
            os.seteuid(user)
            folder.chmod(0o755)
