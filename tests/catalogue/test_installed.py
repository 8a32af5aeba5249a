from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import write_gguf

from rag.catalogue.entries import find_entry
from rag.catalogue.installed import ModelsFolder, models_folder, with_models_in_use
from rag.config import Settings
from rag.errors import ModelError, NotFoundError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> ModelsFolder:
    return ModelsFolder(tmp_path / "cache" / "models")


def test_an_added_file_stays_where_it_is_and_can_be_used_and_forgotten(
    folder: ModelsFolder, tmp_path: Path
) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    model = folder.add_file(path)
    assert (model.name, model.kind, model.path) == ("tiny", "writer", str(path))
    assert (model.licence, model.bytes) == ("apache-2.0", path.stat().st_size)
    assert folder.installed() == (model,)
    folder.use("tiny")
    assert folder.used() == {"writer": model}
    folder.remove("tiny")
    assert (folder.installed(), folder.used()) == ((), {})
    assert path.exists()


def test_a_pulled_model_goes_with_its_files(folder: ModelsFolder) -> None:
    path = folder.folder / "qwen3.5-2b" / "model.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF")
    model = folder.add_pulled(find_entry("qwen3.5-2b"), path, "00")
    assert (model.bytes, model.licence, model.pulled) == (4, "Apache-2.0", True)
    folder.remove("qwen3.5-2b")
    assert not path.parent.exists()


def test_two_files_of_one_name_are_told_apart(folder: ModelsFolder, tmp_path: Path) -> None:
    folder.add_file(write_gguf(tmp_path / "tiny.gguf"))
    folder.add_file(tmp_path / "tiny.gguf")
    (tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="There is a model 'tiny' already"):
        folder.add_file(write_gguf(tmp_path / "other" / "tiny.gguf"))


def test_what_is_no_model_is_not_added(folder: ModelsFolder, tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_bytes(b"notes")
    with pytest.raises(ModelError, match="is not a GGUF model"):
        folder.add_file(tmp_path / "notes.gguf")
    with pytest.raises(ModelError, match="cannot be opened"):
        folder.add_file(tmp_path / "missing.gguf")
    assert folder.installed() == ()


def test_an_unknown_model_is_told_what_is_there(folder: ModelsFolder, tmp_path: Path) -> None:
    folder.add_file(write_gguf(tmp_path / "tiny.gguf"))
    with pytest.raises(NotFoundError, match="no model 'huge' on this machine, there is 'tiny'"):
        folder.use("huge")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 9}', '{"version": 1}', "\x00"])
def test_a_damaged_list_is_told(folder: ModelsFolder, text: str) -> None:
    folder.folder.mkdir(parents=True)
    (folder.folder / "models.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged or of another version"):
        folder.installed()


def test_a_better_writer_is_suggested_once(folder: ModelsFolder) -> None:
    assert [folder.suggest_once() for _ in range(3)] == [True, False, False]


def test_the_models_in_use_are_those_of_the_settings_where_none_is_named(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "default", None, "", generate=True, cache=tmp_path / "cache")
    assert with_models_in_use(settings) == settings
    folder, path = models_folder(settings), write_gguf(tmp_path / "tiny.gguf")
    folder.add_file(path)
    folder.use("tiny")
    assert with_models_in_use(settings) == replace(settings, model=path)
    for other in (
        replace(settings, model=tmp_path / "named.gguf"),
        replace(settings, generate=False),
        replace(settings, server="http://127.0.0.1:1/v1", server_model="x"),
    ):
        assert with_models_in_use(other) == other


def test_a_server_writes_until_a_writer_or_the_embedded_models_are_chosen(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "default", None, "", generate=True, cache=tmp_path / "cache")
    folder, path = models_folder(settings), write_gguf(tmp_path / "tiny.gguf")
    folder.add_file(path)
    address = "http://127.0.0.1:8080/v1"
    served = replace(settings, server=address, server_model="m")
    for end in (lambda: folder.use("tiny"), folder.use_embedded, lambda: folder.use_server("", "")):
        folder.use_server(f" {address}/ ", " m ")
        assert with_models_in_use(settings) == served
        assert with_models_in_use(replace(settings, generate=False)).server == ""
        assert with_models_in_use(replace(settings, model=path)).server == "", "a setting counts"
        end()
        assert with_models_in_use(settings).server == ""
    for wrong in (("localhost:8080", "m"), (address, "")):
        with pytest.raises(UsageError):
            folder.use_server(*wrong)
    assert folder.server == ("", ""), "what is refused changes nothing"
