"""A library that moves to a team's server is the same there, however often it was interrupted."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from commands import main
from fakes import FakeModels
from filtered_reports import press_reports
from libraries import DIMENSION, TRAINS, add
from team_server import new_database

from rag.config import Settings
from rag.errors import LibraryError, UsageError
from rag.library.places import FolderLibraries
from rag.library.postgres.libraries import TeamLibraries
from rag.library.store import Library
from rag.pipeline import Pipeline
from rag.types import Answer, Seconds

ANSWER = Answer(
    question="Who “sleeps”?",
    answer="Walruses.",
    abstained=False,
    mode="extractive",
    sentences=(),
    citations=(),
    hits=(),
    seconds=Seconds(0.1, None, 0.2),
)


@pytest.fixture(scope="module")
def database(team_address: str) -> str:
    """The address of an empty database."""
    return new_database(team_address, "migrated")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Library]:
    """A library in a folder with reports, talk and a kept file."""
    places = FolderLibraries(tmp_path)
    with places.open("press", embedder="fake", dimension=DIMENSION, create=True) as library:
        for number, document in enumerate(press_reports()):
            add(library, document, seed=number)
        library.conversations.keep(0, ANSWER)
        library.conversations.begin("Nothing yet?")
        library.unanswered.keep("Which walrus?", "near")
        yield library


def test_an_interrupted_migration_goes_on_and_the_copy_is_the_same(
    source: Library, database: str, tmp_path: Path
) -> None:
    places = TeamLibraries(database, tmp_path)

    def stop(done: int, of: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with closing(places.open("press", embedder="fake", dimension=DIMENSION, create=True)) as target:
        with pytest.raises(KeyboardInterrupt):
            target.take_over(source, stop)
        assert len(target.documents()) == 4
        said: list[tuple[int, int]] = []
        done = target.take_over(source, lambda *at: said.append(at))
        assert (done.documents, done.there_already, done.passages) == (6, 4, 40)
        assert (done.conversations, done.unanswered) == (2, 1)
        assert said[-1] == (10, 10)
        assert target.documents() == source.documents()
        for info in source.documents():
            assert target.document(info.name) == source.document(info.name)
        assert target.conversations.whole() == source.conversations.whole()
        key = target.conversations.listing()[-1].key
        assert [a.question for a in target.conversations.answers(key)] == [ANSWER.question]
        assert target.unanswered.listing() == source.unanswered.listing()
        assert target.verify() == []

        again = target.take_over(source, lambda *_: None)
        assert (again.documents, again.there_already) == (0, 10)
        source.remove("Report-1")
        add(source, next(press_reports()), seed=7)  # the same report with other vectors
        changed = target.take_over(source, lambda *_: None)
        assert (changed.documents, changed.there_already) == (1, 8)


def test_a_copy_that_differs_is_refused(source: Library, database: str, tmp_path: Path) -> None:
    places = TeamLibraries(database, tmp_path)
    with sqlite3.connect(source.folder / "library.db") as connection:
        connection.execute("UPDATE vectors SET vector = x'00' WHERE chunk = 1")
    with (
        closing(places.open("hurt", embedder="fake", dimension=DIMENSION, create=True)) as target,
        pytest.raises(LibraryError, match="is damaged"),
    ):
        target.take_over(source, lambda *_: None)


def test_the_command_migrates_and_answers_are_the_same(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_INDEXES", "libraries")
    Path("trains.txt").write_text(TRAINS, encoding="utf-8")
    assert main(["add", "trains.txt", "--library", "trains"]) == 0
    capsys.readouterr()
    moved = ["migrate", "--from", "sqlite", "--to", database, "--library", "trains", "--json"]
    assert main(moved) == 0
    assert json.loads(capsys.readouterr().out) == {
        "library": "trains",
        "documents": 1,
        "passages": 1,
        "conversations": 0,
        "unanswered": 0,
        "there_already": 0,
    }
    settings = replace(
        Settings.from_environment({"RAG_MODEL": "none"}),
        indexes=tmp_path / "libraries",
        library="trains",
    )
    answers = []
    for store in ("", database):
        with Pipeline(replace(settings, store=store), FakeModels()) as pipeline:
            answer = pipeline.ask("How often stops the night train to Brennau?")
            answers.append(replace(answer, seconds=ANSWER.seconds))
            assert pipeline.library.verify() == []
    assert not answers[0].abstained
    assert answers[0] == answers[1]
    monkeypatch.setenv("RAG_STORE", database)
    assert main(["list", "--library", "trains", "--json"]) == 0
    assert main(["status", "--library", "trains"]) == 0
    assert "trains" in capsys.readouterr().out
    assert main(["export", "x.rag", "--library", "trains"]) == 2
    assert main(["migrate", "--from", "sqlite", "--to", "sqlite"]) == 2
    assert main(["migrate", "--from", "sqlite", "--to", "mysql://x"]) == 2


def test_the_setting_is_an_address_and_is_not_shown() -> None:
    settings = Settings.from_environment({"RAG_STORE": "postgresql://me:secret@db/rag"})
    assert settings.store == "postgresql://me:secret@db/rag"
    assert "secret" not in repr(settings)
    with pytest.raises(UsageError, match="RAG_STORE is no address") as refused:
        Settings.from_environment({"RAG_STORE": "mysql://me:secret@db/rag"})
    assert "secret" not in str(refused.value)
