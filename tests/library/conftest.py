"""What the tests of the library share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from libraries import new_library
from team_server import team_server

from rag.library.store import Library


@pytest.fixture(scope="session")
def team_address() -> Iterator[str]:
    """The address of a PostgreSQL server, which is started once and stopped at the end."""
    with team_server() as address:
        yield address


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library of the folder "reports"."""
    with new_library(tmp_path / "reports") as made:
        yield made
