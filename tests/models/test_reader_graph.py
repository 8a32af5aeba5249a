"""The reader as an ONNX graph, compared with the network that it is written after."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from rag.models.reader_graph import (
    HEADS,
    LAYERS,
    OPSET,
    EightBitGraph,
    Weights,
    build,
    merged,
    rounded,
)

WIDTH, RANK = 24, 4


@pytest.fixture(scope="module")
def network() -> Any:
    """An MPNet of the depth of the base, very narrow, with weights that were drawn."""
    import torch
    from transformers import MPNetConfig, MPNetModel

    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=60,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=48,
        initializer_range=0.3,
        max_position_embeddings=514,
        attn_implementation="eager",
    )
    return MPNetModel(config, add_pooling_layer=False).eval()


@pytest.fixture(scope="module")
def files(network: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The base's weights and an adapter of rank four to them, as files."""
    from safetensors.numpy import save_file

    random = np.random.default_rng(0)
    base = {name: value.numpy() for name, value in network.state_dict().items()}
    adapter = {"head.weight": random.normal(size=(3, WIDTH)), "head.bias": random.normal(size=3)}
    for name, value in base.items():
        if name.startswith("encoder.layer.") and value.ndim == 2:
            adapter[name.replace(".weight", ".up")] = random.normal(size=(len(value), RANK)) / 9
            adapter[name.replace(".weight", ".down")] = (
                random.normal(size=(RANK, value.shape[1])) / 9
            )
    folder = tmp_path_factory.mktemp("weights")
    save_file(base, folder / "base.safetensors")
    halves = {name: value.astype(np.float16) for name, value in adapter.items()}
    save_file(halves, folder / "adapter.safetensors")
    return folder / "base.safetensors", folder / "adapter.safetensors"


@pytest.fixture(scope="module")
def weights(files: tuple[Path, Path]) -> Weights:
    return merged(*files)


def expected(network: Any, files: tuple[Path, Path], ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the network gives with the adapter in its layers."""
    import copy

    import torch
    from safetensors.torch import load_file

    adapter = {name: value.float() for name, value in load_file(files[1]).items()}
    adapted = copy.deepcopy(network)
    for name, layer in adapted.named_modules():
        if f"{name}.up" in adapter:
            layer.weight.data += adapter[f"{name}.up"] @ adapter[f"{name}.down"]
    with torch.no_grad():
        states = adapted(torch.tensor(ids)).last_hidden_state
        outputs: NDArray[np.float32] = (
            states @ adapter["head.weight"].T + adapter["head.bias"]
        ).numpy()
    return outputs


def run(model: Any, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    outputs: NDArray[np.float32] = session.run(None, {"input_ids": ids})[0]
    return outputs


@pytest.mark.parametrize("tokens", [3, 330], ids=["a few tokens", "farther apart than is told"])
def test_the_graph_gives_what_the_network_gives(
    network: Any, files: tuple[Path, Path], weights: Weights, tokens: int
) -> None:
    ids = np.random.default_rng(1).integers(3, 60, (1, tokens))
    outputs = run(build(weights, eight_bit=False), ids)
    assert outputs.shape == (1, tokens, 3)
    np.testing.assert_allclose(outputs, expected(network, files, ids), atol=2e-4)


def test_eight_bits_cost_little(weights: Weights) -> None:
    ids = np.random.default_rng(1).integers(3, 60, (1, 80))
    full, eight = (run(build(weights, eight_bit), ids).ravel() for eight_bit in (False, True))
    assert np.corrcoef(full, eight)[0, 1] > 0.99
    assert not np.array_equal(full, eight)


@pytest.mark.parametrize("least", [None, -0.17], ids=["of both signs", "none far below zero"])
def test_a_token_of_large_values_spoils_no_other(least: float | None) -> None:
    """With one scale for all tokens the others would hardly have a level left."""
    from onnx import TensorProto, helper

    random = np.random.default_rng(3)
    weights = {"part.weight": random.normal(size=(5, 40)), "part.bias": random.normal(size=5)}
    graph = EightBitGraph({name: value.astype(np.float32) for name, value in weights.items()})
    graph.add("Identity", graph.linear("states", "part", 0.5, least), name="output")
    places = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "tokens", width])
        for name, width in (("states", 40), ("output", 5))
    ]
    made = helper.make_graph(graph.nodes, "part", places[:1], places[1:], graph.constants)
    domains = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(made, opset_imports=domains, ir_version=10)
    states = np.maximum(random.normal(size=(1, 30, 40)), -9 if least is None else least)
    states[0, 7] = np.abs(states[0, 7]) * 1000
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(None, {"states": states.astype(np.float32)})[0]
    exact = (states @ weights["part.weight"].T + weights["part.bias"]) / 2
    error = np.abs(found - exact).max(axis=-1) / np.abs(exact).max(axis=-1)
    assert error.max() < 0.05


def test_weights_are_rounded_a_column_and_come_back_within_half_a_step() -> None:
    weight = np.random.default_rng(2).normal(size=(50, 6)).astype(np.float32)
    weight[:, 1] *= 100
    weight[:, 2] = 0
    whole, steps = rounded(weight, 63)
    assert np.abs(whole).max(axis=0).tolist() == [63, 63, 0, 63, 63, 63]
    assert (np.abs(whole * steps - weight) <= steps / 2 * 1.001).all()
