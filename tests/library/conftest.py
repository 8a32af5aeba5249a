"""What the tests of the library share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from libraries import new_library

from rag.library.store import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library of the folder "reports"."""
    with new_library(tmp_path / "reports") as made:
        yield made
