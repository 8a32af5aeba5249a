"""What the tests of the evaluation share."""

import tempfile
from pathlib import Path

import pytest

from rag.config import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings without a language model.

    Temporary folders go below tmp_path/temporary.
    """
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return Settings(tmp_path / "indexes", "mine", model=None, embeddings="", generate=False)
