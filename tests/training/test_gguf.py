from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.models.bundled import language_model_path
from rag.models.llm import LlamaModel
from rag.training.gguf import read_adapter, write_adapter
from rag.types import Vectors

LAYER = "model.layers.3.self_attn.q_proj"
RANK = 4
# The second-best token is behind by more than llama.cpp and transformers differ in.
PROMPTS = [
    "[1] Harbour Notes: Trade rose by 30 percent in May.\nQuestion: How much did trade rise in "
    "May?\nAnswer:",
    "One, two, three, four,",
    "The report was written by the council of the city, which",
]
# llama.cpp rounds what a layer reads to eight bits, as its weights of four bits demand, and
# transformers reads it as it is: the logits differ by 0.03 to 0.05 of their spread, with an adapter
# and without.
TOLERANCE = 0.08


def parts(
    down: tuple[int, ...] = (4, 640), up: tuple[int, ...] = (1024, 4), layer: str = LAYER
) -> dict[str, Vectors]:
    return {f"{layer}.down": np.zeros(down, np.float32), f"{layer}.up": np.zeros(up, np.float32)}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (parts(layer="model.layers.3.self_attn.s_proj"), "s_proj.down' is no part of an adapter"),
        (
            parts(layer="layers.3.self_attn.q_proj"),
            "'layers.3.self_attn.q_proj.down' is no part of an adapter",
        ),
        (
            {f"{LAYER}.weight": np.zeros((4, 4), np.float32)},
            "q_proj.weight' is no part of an adapter",
        ),
        (parts(up=(4, 1024)), r"q_proj has 'down' of the shape \(4, 640\) and 'up' of \(4, 1024\)"),
        (parts(down=(640,)), r"'down' of the shape \(640,\)"),
        ({f"{LAYER}.down": np.zeros((4, 640), np.float32)}, "'up' of None"),
        (
            parts() | parts((8, 640), (2048, 8), "model.layers.3.mlp.up_proj"),
            r"the ranks \[4, 8\], expected one",
        ),
        ({}, r"the ranks \[\], expected one"),
    ],
)
def test_what_is_no_adapter_is_not_written(
    weights: dict[str, Vectors], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        write_adapter(weights, tmp_path / "tone.gguf")
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_read_back_in_half_precision(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = {
        name: random.normal(size=zeros.shape).astype(np.float32) for name, zeros in parts().items()
    }
    write_adapter(weights, tmp_path / "tone.gguf")
    read = read_adapter(tmp_path / "tone.gguf")
    assert read.keys() == weights.keys()
    assert all(np.array_equal(read[name], weights[name].astype(np.float16)) for name in weights)


@pytest.fixture(scope="module")
def plain() -> LlamaModel:
    return LlamaModel()


@pytest.fixture(scope="module")
def network(plain: LlamaModel) -> Any:
    """The embedded language model in transformers, its weights unpacked to 32 bits.

    It comes after the other, whose threads are told to let go of the processor before torch brings
    its own.
    """
    import torch
    from transformers import AutoModelForCausalLM

    path = language_model_path()
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()


@pytest.fixture(scope="module")
def adapter(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An adapter of random weights for every linear layer, which are added to the network's
    while it is in use.
    """
    import torch

    random, weights = np.random.default_rng(0), {}
    linear = {
        name.removesuffix(".weight"): p
        for name, p in network.named_parameters()
        if name.endswith("_proj.weight")
    }
    for layer, matrix in linear.items():
        out, into = matrix.shape
        weights[f"{layer}.down"] = random.normal(0, into**-0.5, (RANK, into)).astype(np.float32)
        weights[f"{layer}.up"] = random.normal(0, 0.02, (out, RANK)).astype(np.float32)
    path = tmp_path_factory.mktemp("adapter") / "random.gguf"
    write_adapter(weights, path)
    before = {layer: matrix.detach().clone() for layer, matrix in linear.items()}
    with torch.no_grad():
        for layer, matrix in linear.items():
            matrix += torch.from_numpy(weights[f"{layer}.up"] @ weights[f"{layer}.down"])
        yield path
        for layer, matrix in linear.items():
            matrix.copy_(before[layer])


def read_by_llama(model: LlamaModel, prompt: str) -> tuple[list[int], list[int], Vectors]:
    """The tokens of the prompt, the twelve that follow, and the logits of the first of those."""
    import llama_cpp

    llama = model._llama
    tokens = llama.tokenize(prompt.encode(), add_bos=True, special=False)
    llama.reset()
    llama.eval(tokens)
    logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits(llama.ctx), (llama.n_vocab(),)).copy()
    return (
        tokens,
        [token for token, _ in zip(llama.generate(tokens, temp=0.0), range(12), strict=False)],
        logits,
    )


def read_by_transformers(
    network: Any, tokens: list[int], following: list[int]
) -> tuple[list[int], Vectors]:
    """The best token after the prompt and after each but the last of those that follow, and the
    logits of the first of them.
    """
    import torch

    with torch.no_grad():
        logits = network(
            torch.tensor([tokens + following[:-1]]), logits_to_keep=len(following)
        ).logits[0]
    return logits.argmax(-1).tolist(), logits[0].numpy()


def apart(these: Vectors, those: Vectors) -> float:
    return float(np.abs(these - those).mean() / those.std())


@pytest.mark.models
def test_an_adapter_does_the_same_in_llama_cpp_as_in_the_network_it_was_made_with(
    plain: LlamaModel, network: Any, adapter: Path
) -> None:
    adapted, said = LlamaModel(adapter=adapter), []
    for prompt in PROMPTS:
        tokens, following, logits = read_by_llama(adapted, prompt)
        expected, expected_logits = read_by_transformers(network, tokens, following)
        assert following == expected
        assert apart(logits, expected_logits) < TOLERANCE
        _, without, logits_without = read_by_llama(plain, prompt)
        assert apart(logits_without, expected_logits) > TOLERANCE
        said.append(without != following)
    assert any(said)
