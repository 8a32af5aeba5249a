"""Two servers over one team's database serve the same libraries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from fakes import FakeModels
from libraries import TRAINS
from team_server import new_database

from rag.config import Settings
from rag.errors import BusyError, NotFoundError
from rag.service.fair_queue import RequestContext
from rag.service.service import Service
from rag.types import Answer

QUESTION = "How often stops the night train to Brennau?"


@pytest.fixture
def servers(team_address: str, tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """Two servers with folders of their own and one database."""
    store = new_database(team_address, f"served_{uuid4().hex}")
    settings = Settings(tmp_path, "default", model=None, embeddings="", generate=False, store=store)
    with ExitStack() as stack:
        made = [Service(replace(settings, indexes=tmp_path / name), FakeModels()) for name in "ab"]
        for service in made:
            stack.callback(service.close)
        yield made[0], made[1]


def asked(service: Service, library: str) -> Answer:
    events = service.stream(library, QUESTION, RequestContext())
    return next(event for event in events if isinstance(event, Answer))


def test_what_one_server_takes_in_the_other_answers_from(
    servers: tuple[Service, Service], tmp_path: Path
) -> None:
    one, two = servers
    sent = tmp_path / "sent.txt"
    sent.write_text(TRAINS, encoding="utf-8")
    assert two.libraries() == []
    with pytest.raises(NotFoundError, match="no library 'trains'"):
        two.pipeline("trains")
    assert one.add_upload("trains", sent, "trains.txt").outcome == "added"
    two._libraries._server.forget_workspaces()  # type: ignore[attr-defined]
    assert two.libraries() == ["trains"]
    assert two.add_upload("trains", sent, "again.txt").outcome == "unchanged"
    first, second = (asked(service, "trains") for service in servers)
    assert replace(first, seconds=second.seconds) == second
    assert [c.document for c in first.citations] == ["trains"]
    one.pipeline("trains").library.remove("trains")
    assert asked(two, "trains").abstained


def test_many_who_ask_of_two_libraries_hear_of_their_own_only(
    servers: tuple[Service, Service], tmp_path: Path
) -> None:
    for number, name in enumerate(("trains", "ferries")):
        sent = tmp_path / f"{name}.txt"
        sent.write_text(TRAINS.replace("Brennau", f"Brennau {number}"), encoding="utf-8")
        assert servers[0].add_upload(name, sent, f"{name}.txt").outcome == "added"
    servers[1]._libraries._server.forget_workspaces()  # type: ignore[attr-defined]

    def ask(number: int) -> str:
        library = ("trains", "ferries")[number % 2]
        try:
            answer = asked(servers[number % 3 % 2], library)
        except BusyError:  # which a client hears as 503, and asks again
            return "busy"
        assert {citation.document for citation in answer.citations} == {library}
        assert {hit.chunk.document for hit in answer.hits} == {library}
        return "answered"

    with ThreadPoolExecutor(50) as people:
        outcomes = list(people.map(ask, range(150)))
    assert outcomes.count("answered") > 20
