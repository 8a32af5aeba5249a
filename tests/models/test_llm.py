from pathlib import Path

import numpy as np
import pytest
from rag.training.gguf import write_adapter

from rag.answering.prompt import build
from rag.config import BRIEF, bundled
from rag.errors import ModelError
from rag.models.bundled import language_model_path
from rag.models.llm import LlamaModel
from rag.types import Prompt

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def model() -> LlamaModel:
    return LlamaModel()


def said(model: LlamaModel, prompt: Prompt, max_tokens: int) -> str:
    return "".join(piece.text for piece in model.stream(prompt, max_tokens))


def test_with_the_adapter_a_prompt_gives_the_same_text_and_chances_after_another_one() -> None:
    model = LlamaModel(adapter=BRIEF)
    prompts = [
        build(question, (), bundled("prompts")) for question in ("Who opened the quay?", "When?")
    ]
    first, other, again = (
        list(model.stream(prompt, 16)) for prompt in (prompts[0], prompts[1], prompts[0])
    )
    assert first == again
    assert first
    assert other


def test_a_piece_has_the_chance_that_the_model_gave_it(model: LlamaModel) -> None:
    def chances(text: str) -> list[float]:
        return [piece.chance for piece in model.stream(Prompt(text, "", "", "", ()), 3)]

    certain, open_ended = (
        chances("One, two, three, four, five, six,"),
        chances("The most surprising word is"),
    )
    assert all(0 < chance <= 1 for chance in certain + open_ended)
    assert min(certain) > 0.5 > min(open_ended)


def test_the_first_piece_tells_how_likely_the_model_with_its_adapter_is_to_decline(
    model: LlamaModel,
) -> None:
    adapted = LlamaModel(adapter=BRIEF)
    sources = (
        "[1] Harbour Notes: The council counted ninety lamps along the quay.\nQuestion: {}\nAnswer:"
    )
    answered, unanswered = (
        next(adapted.stream(Prompt("", sources.format(question), "", "", ()), 8)).declines
        for question in (
            "How many lamps did the council count?",
            "Who painted the ceiling of the chapel?",
        )
    )
    assert 0 < answered < 0.5 < unanswered < 1
    assert next(model.stream(Prompt("One, two,", "", "", "", ()), 8)).declines == 0


def test_a_closed_stream_leaves_the_model_free(model: LlamaModel) -> None:
    prompt = Prompt("One, two, three, four, five,", "", "", "", ())
    pieces = model.stream(prompt, 64)
    next(pieces)
    pieces.close()
    assert said(model, prompt, 4)


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
def test_a_model_that_cannot_be_read_is_named_in_one_sentence(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        LlamaModel(path)


def an_adapter(path: Path, width: int = 640) -> Path:
    """An adapter of zeros, with which the model says what it says without."""
    layer = "model.layers.0.self_attn.q_proj"
    write_adapter({f"{layer}.down": np.zeros((4, width)), f"{layer}.up": np.zeros((1024, 4))}, path)
    return path


def test_with_an_adapter_the_prompt_without_examples_is_read(
    model: LlamaModel, tmp_path: Path
) -> None:
    adapted = LlamaModel(adapter=an_adapter(tmp_path / "brief.gguf"))
    assert adapted.name == f"{model.name} + brief"
    one, other = "One, two, three, four,", "Monday, Tuesday, Wednesday,"
    by_itself = [said(model, Prompt(text, "", "", "", ()), 8) for text in (one, other)]
    assert by_itself[0] != by_itself[1]
    assert said(adapted, Prompt(one, other, "", "", ()), 8) == by_itself[1]


def test_an_adapter_that_cannot_be_used_is_named_in_one_sentence(tmp_path: Path) -> None:
    whole = an_adapter(tmp_path / "whole.gguf").read_bytes()
    contents = {
        "text.gguf": b"not an adapter at all",
        "empty.gguf": b"GGUF" + bytes(200),
        "cut.gguf": whole[:-1],
        "header.gguf": whole[:100],
        "gemma2.gguf": whole.replace(b"gemma3", b"gemma2"),
        "alora.gguf": whole.replace(b"lora_a", b"lora_c"),
        "wide.gguf": an_adapter(tmp_path / "wide", width=768).read_bytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    told = {
        "missing.gguf": "The adapter .* cannot be opened .*; give",
        "text.gguf": "is not a GGUF adapter: .*; give",
    }
    for path in (*(tmp_path / name for name in ("missing.gguf", *contents)), language_model_path()):
        with pytest.raises(
            ModelError,
            match=told.get(path.name, "cannot use .* as an adapter of gemma-3-270m-q4_k_m; give"),
        ) as error:
            LlamaModel(adapter=path)
        assert str(path) in str(error.value)
