import json
import os
import sys
from pathlib import Path

import pytest
from commands import main
from gguf_files import write_gguf


def models(capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, object]]]:
    capsys.readouterr()
    assert main(["models", "--json"]) == 0
    told: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return told


def test_a_file_is_added_used_and_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    assert main(["models", "add", str(path)]) == 0
    assert main(["models", "use", "tiny"]) == 0
    (model,) = models(capsys)["installed"]
    assert (model["name"], model["used"], model["path"]) == ("tiny", True, str(path))
    assert main(["models", "use", "embedded"]) == 0
    assert [model["used"] for model in models(capsys)["installed"]] == [False]
    assert main(["models", "remove", "tiny"]) == 0
    assert models(capsys)["installed"] == []
    assert path.exists()


def test_the_list_names_size_licence_languages_and_what_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if " qwen3.5-2b " in line]
    for told in ("1.3 GB", "8 GB machine", "Apache-2.0", "201 languages", "Not measured by us."):
        assert told in line
    (line,) = [line for line in lines if "lfm2-1.2b-rag" in line]
    assert "No commercial use" in line


def test_a_model_that_does_not_fit_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["models", "add", str(write_gguf(tmp_path / "tiny.gguf"))]) == 0
    monkeypatch.setattr("rag.catalogue.memory.free_memory", lambda: 1000)
    capsys.readouterr()
    assert main(["models", "use", "tiny"]) == 4
    assert "tiny needs 0.3 GB of memory and 0.0 GB are free" in capsys.readouterr().err
    assert [model["used"] for model in models(capsys)["installed"]] == [False]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pull"], 2, "`rag models pull` needs a name"),
        (["pull", "gpt-9"], 2, "The catalogue has no model 'gpt-9'"),
        (["use", "gpt-9"], 2, "no model 'gpt-9' on this machine, there is none"),
        (["add", "gone.gguf"], 4, "The model gone.gguf cannot be opened"),
    ],
)
def test_what_cannot_be_done_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert main(["models", *arguments]) == code
    assert message in capsys.readouterr().err


def test_a_test_asks_ten_questions_and_keeps_what_was_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "add", str(write_gguf(tmp_path / "tiny.gguf"))]) == 0
    assert main(["models", "test", "tiny"]) == 0
    told = capsys.readouterr()
    assert len([line for line in told.err.splitlines() if " right " in line or " WRONG " in line])
    (model,) = models(capsys)["installed"]
    assert str(model["right"]).endswith(" of 10")
    assert told.out.startswith(str(model["right"]))


def test_a_better_writer_is_suggested_once_to_who_sits_at_the_terminal(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(os.environ["RAG_MODELS"]) / "models.json").unlink()
    monkeypatch.setattr("rag.catalogue.memory.free_memory", lambda: 6_000_000_000)
    asked = ["ask", "When does the night train leave?"]
    main(asked)
    assert "has room for" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(asked)
    assert "This machine has room for gemma-4-e2b (3.0 GB, Apache-2.0)" in capsys.readouterr().err
    main(asked)
    assert "has room for" not in capsys.readouterr().err


def test_a_list_of_models_that_is_damaged_is_told_and_does_not_stop_the_catalogue(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (Path(os.environ["RAG_MODELS"]) / "models.json").write_text("{", encoding="utf-8")
    assert main(["list"]) == 4
    assert "is damaged or of another version" in capsys.readouterr().err
