"""Weights of an MPNet encoder and an adapter -> the reader as an ONNX graph. [onnx, safetensors]

MPNet (Song et al. 2020) is BERT's encoder with a bias on the attention that depends on the distance
of two tokens. The graph is written here node by node: no torch, no exporter whose patterns a later
release changes, and operators that ONNX Runtime has fast kernels for.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET = 20  # the first with Gelu
MAX_TOKENS = 512  # positions that the base knows
HEADS, LAYERS, BUCKETS, FARTHEST = 12, 12, 32, 128  # of all-mpnet-base-v2
_FIRST_POSITION = 2  # those before belong to padding
_EPSILON = 1e-5
_MASKED = -1e4  # added to the attention of padding
_PROJECTIONS = (
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "intermediate.dense",
    "output.dense",
)

Weights = dict[str, NDArray[np.float32]]


def merged(base: Path, adapter: Path) -> Weights:
    """The weights of the base with the adapter in them: W + up · down (LoRA, Hu et al. 2021), its
    scale already in `up`.
    """
    from safetensors.numpy import load_file

    weights: Weights = {name: value.astype(np.float32) for name, value in load_file(base).items()}
    added = {name: value.astype(np.float32) for name, value in load_file(adapter).items()}
    for layer in range(LAYERS):
        for projection in _PROJECTIONS:
            name = f"encoder.layer.{layer}.{projection}"
            weights[f"{name}.weight"] += added[f"{name}.up"] @ added[f"{name}.down"]
    return weights | {"head.weight": added["head.weight"], "head.bias": added["head.bias"]}


def build(weights: Weights) -> Any:
    """The graph: input_ids and attention_mask, int64 [texts, tokens], to output, float32 [texts,
    tokens, outputs].
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    graph.constant(
        "distances", _bias_by_distance(weights["encoder.relative_attention_bias.weight"])
    )
    graph.constant("positions", weights["embeddings.position_embeddings.weight"][_FIRST_POSITION:])
    graph.constant("words", weights["embeddings.word_embeddings.weight"])

    # Which token is how far from which: [tokens, tokens], 0 for the farthest one behind.
    tokens = graph.add("Squeeze", graph.add("Shape", "input_ids", start=1, end=2))
    numbers = graph.add("Range", graph.integers("zero", 0), tokens, graph.integers("one", 1))
    axis = [graph.integers(f"axis{n}", [n]) for n in range(3)]
    apart = graph.add(
        "Sub", graph.add("Unsqueeze", numbers, axis[0]), graph.add("Unsqueeze", numbers, axis[1])
    )
    apart = graph.add("Add", apart, graph.integers("most", MAX_TOKENS - 1))
    near = graph.add(
        "Unsqueeze", graph.add("Gather", "distances", apart, axis=1), axis[0]
    )  # [1, heads, tokens, tokens]
    padding = graph.add(
        "Cast", graph.add("Sub", graph.integers("one", 1), "attention_mask"), to=TensorProto.FLOAT
    )
    padding = graph.add("Mul", padding, graph.floats("masked", _MASKED))
    padding = graph.add(
        "Unsqueeze", graph.add("Unsqueeze", padding, axis[1]), axis[2]
    )  # [texts, 1, 1, tokens]
    bias = graph.add("Add", near, padding)

    states = graph.add(
        "Add", graph.add("Gather", "words", "input_ids"), graph.add("Gather", "positions", numbers)
    )
    states = graph.norm(states, "embeddings.LayerNorm", weights)
    to_heads = graph.integers("to_heads", [0, 0, HEADS, width // HEADS])
    from_heads = graph.integers("from_heads", [0, 0, width])
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        attention = f"{name}attention.attn."
        scale = (width // HEADS) ** -0.5
        query, key, value = (
            graph.linear(states, f"{attention}{part}", weights, scale if part == "q" else 1.0)
            for part in "qkv"
        )
        heads = [graph.add("Reshape", part, to_heads) for part in (query, key, value)]
        query, value = (
            graph.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (heads[0], heads[2])
        )
        key = graph.add("Transpose", heads[1], perm=[0, 2, 3, 1])
        looked = graph.add(
            "Softmax", graph.add("Add", graph.add("MatMul", query, key), bias), axis=-1
        )
        seen = graph.add("Transpose", graph.add("MatMul", looked, value), perm=[0, 2, 1, 3])
        seen = graph.linear(graph.add("Reshape", seen, from_heads), f"{attention}o", weights)
        states = graph.norm(graph.add("Add", seen, states), f"{name}attention.LayerNorm", weights)
        inner = graph.add("Gelu", graph.linear(states, f"{name}intermediate.dense", weights))
        inner = graph.linear(inner, f"{name}output.dense", weights)
        states = graph.norm(graph.add("Add", inner, states), f"{name}output.LayerNorm", weights)
    graph.add("Identity", graph.linear(states, "head", weights), name="output")

    row, outputs = ["texts", "tokens"], weights["head.bias"].shape[0]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, row)
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [*row, outputs])
    made = helper.make_graph(graph.nodes, "reader", inputs, [output], graph.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


class _Graph:
    """The nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: set[str] = set()

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """The name of the one output of a new node."""
        from onnx import helper

        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [name], name=f"node_{name}", **attributes)
        )
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        if name not in self._known:
            self._known.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, name: str, value: int | list[int]) -> str:
        return self.constant(name, np.array(value, np.int64))

    def floats(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, np.float32))

    def linear(self, states: str, name: str, weights: Weights, scale: float = 1.0) -> str:
        weight = self.constant(f"{name}.weight", weights[f"{name}.weight"].T * scale)
        product = self.add("MatMul", states, weight, name=f"{name}.product")
        return self.add(
            "Add",
            product,
            self.constant(f"{name}.bias", weights[f"{name}.bias"] * scale),
            name=f"{name}.sum",
        )

    def norm(self, states: str, name: str, weights: Weights) -> str:
        scale, shift = (
            self.constant(f"{name}.{part}", weights[f"{name}.{part}"])
            for part in ("weight", "bias")
        )
        return self.add(
            "LayerNormalization",
            states,
            scale,
            shift,
            name=f"{name}.out",
            axis=-1,
            epsilon=_EPSILON,
        )


def _bias_by_distance(buckets: NDArray[np.float32]) -> NDArray[np.float32]:
    """The bias of each head for each distance, from the farthest one behind to the farthest one
    ahead, float32 [heads, 1023].

    As in T5 (Raffel et al. 2020): half of the buckets for either side, half of these for single
    distances, the rest logarithmically wider.
    """
    distance = np.arange(-MAX_TOKENS + 1, MAX_TOKENS)
    side, exact = BUCKETS // 2, BUCKETS // 4
    far = np.abs(distance)
    wide = exact + (
        np.log(np.maximum(far, 1) / exact) / np.log(FARTHEST / exact) * (side - exact)
    ).astype(np.int64)
    bucket = np.where(far < exact, far, np.minimum(wide, side - 1)) + np.where(
        distance > 0, side, 0
    )
    table: NDArray[np.float32] = buckets[bucket].T
    return table
