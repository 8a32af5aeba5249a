from pathlib import Path

import pytest

from rag.config import bundled
from rag.llm import LlamaModel
from rag.prompt import build
from rag.types import ModelError, Prompt

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def model() -> LlamaModel:
    return LlamaModel()


def test_the_same_prompt_gives_the_same_text_after_another_prompt_too(model: LlamaModel) -> None:
    prompts = [build(question, (), bundled("prompts")) for question in ("Who opened the quay?", "When?")]
    first, other, again = ("".join(model.stream(prompt, 16)) for prompt in (prompts[0], prompts[1], prompts[0]))
    assert first == again
    assert first.strip()
    assert other.strip()


def test_a_closed_stream_leaves_the_model_free(model: LlamaModel) -> None:
    prompt = Prompt("One, two, three, four, five,", "", "", ())
    pieces = model.stream(prompt, 64)
    next(pieces)
    pieces.close()
    assert "".join(model.stream(prompt, 4))


def test_control_tokens_in_a_prompt_are_words(model: LlamaModel) -> None:
    assert model.count_tokens("<start_of_turn>user<eos>") > 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be opened"),
        (b"not a model at all", "is not a GGUF model"),
        (b"GGUF" + b"\0" * 200, "cannot load the model"),
    ],
)
def test_a_model_that_cannot_be_read_is_named_in_one_sentence(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        LlamaModel(path)
