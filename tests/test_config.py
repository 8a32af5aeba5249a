from pathlib import Path

import platformdirs
import pytest

from rag.config import LIBRARY_DATABASE, Settings, only_library
from rag.errors import UsageError


@pytest.mark.parametrize(
    ("environment", "model", "adapter", "generate"),
    [
        ({}, None, None, True),
        ({"RAG_MODEL": "own.gguf"}, Path("own.gguf"), None, True),
        ({"RAG_MODEL": "none"}, None, None, False),
        ({"RAG_ADAPTER": "own.gguf"}, None, Path("own.gguf"), True),
        ({"RAG_ADAPTER": "none"}, None, None, True),
        ({"RAG_ADAPTER": "none", "RAG_MODEL": "own.gguf"}, Path("own.gguf"), None, True),
        ({"RAG_ADAPTER": "none", "RAG_MODEL": "none"}, None, None, False),
    ],
)
def test_the_language_model_is_the_embedded_one_unless_told(
    environment: dict[str, str], model: Path | None, adapter: Path | None, generate: bool
) -> None:
    settings = Settings.from_environment(environment)
    assert (settings.model, settings.adapter, settings.generate) == (model, adapter, generate)


@pytest.mark.parametrize("model", ["own.gguf", "none"])
def test_an_adapter_goes_with_no_other_model(model: str) -> None:
    with pytest.raises(
        UsageError,
        match=rf"own.gguf goes with the embedded language model alone, but the model is {model};",
    ):
        Settings.from_environment({"RAG_ADAPTER": "own.gguf", "RAG_MODEL": model})


def test_every_variable_of_the_environment_is_read_here() -> None:
    settings = Settings.from_environment(
        {
            "RAG_INDEXES": "kept",
            "RAG_LIBRARY": "grain",
            "RAG_EMBEDDINGS": "minilm",
            "RAG_RERANKER": "cross",
            "RAG_CACHE": "made",
            "RAG_TOKEN": "a-secret-of-many-letters",
        }
    )
    assert (settings.indexes, settings.cache) == (Path("kept"), Path("made"))
    assert (settings.library, settings.embeddings) == ("grain", "minilm")
    assert (settings.reranker, settings.token) == ("cross", "a-secret-of-many-letters")


def test_a_variable_that_is_empty_is_one_that_is_not_set() -> None:
    names = ("INDEXES", "LIBRARY", "MODEL", "ADAPTER", "EMBEDDINGS", "RERANKER", "CACHE", "TOKEN")
    empty = {f"RAG_{name}": "" for name in names}
    assert Settings.from_environment(empty) == Settings.from_environment({})


def test_the_token_is_not_shown_with_the_settings() -> None:
    assert "secret" not in repr(Settings.from_environment({"RAG_TOKEN": "a-secret"}))


def test_libraries_lie_in_the_users_data_folder_but_where_the_working_folder_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "indexes").mkdir()
    (tmp_path / "indexes" / "README.md").touch()  # as in a checkout
    own = platformdirs.user_data_path("rag-reports", appauthor=False) / "libraries"
    assert Settings.from_environment({}).indexes == own
    (tmp_path / "indexes" / "grain").mkdir()
    (tmp_path / "indexes" / "grain" / LIBRARY_DATABASE).touch()
    assert Settings.from_environment({}).indexes == Path("indexes")
    assert Settings.from_environment({"RAG_INDEXES": "kept"}).indexes == Path("kept")


def test_the_only_library_is_found_by_itself(tmp_path: Path) -> None:
    assert only_library(tmp_path / "nowhere") == ""
    for name, found in (("grain", "grain"), (".unfinished", "grain"), ("wool", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / LIBRARY_DATABASE).touch()
        assert only_library(tmp_path) == found
