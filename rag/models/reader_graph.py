"""Weights of an MPNet encoder and an adapter -> the reader as an ONNX graph. [onnx, safetensors]

MPNet (Song et al. 2020) is BERT's encoder with a bias on the attention that depends on the distance
of two tokens. The graph is written here node by node: no torch, no exporter whose patterns a later
release changes, operators that ONNX Runtime has fast kernels for, and 8-bit arithmetic that fits
this network.

Weights are rounded to 8 bits a column, what they are multiplied with to 8 bits a token. ONNX
Runtime's own quantization has one scale for all tokens of a row, which a few tokens with large
values spoil for the others: it costs four times the error at the same speed.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET = 20  # the first with Gelu
MAX_POSITIONS = 512  # positions that the base knows
HEADS, LAYERS, BUCKETS, FARTHEST = 12, 12, 32, 128  # of all-mpnet-base-v2
_FIRST_POSITION = 2  # those before belong to padding
_EPSILON = 1e-5
_FAST = "com.microsoft"  # the domain of ONNX Runtime's own operators
_LEAST_GELU = -0.17  # a little below the least value that GELU takes
WEIGHT_LEVELS, SIGNED_LEVELS, UNSIGNED_LEVELS = 63, 127, 255
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
    """Return the weights of the base with the adapter in them.

    W + up · down (LoRA, Hu et al. 2021), its scale already in `up`.
    """
    from safetensors.numpy import load_file

    weights: Weights = {name: value.astype(np.float32) for name, value in load_file(base).items()}
    added = {name: value.astype(np.float32) for name, value in load_file(adapter).items()}
    for layer in range(LAYERS):
        for projection in _PROJECTIONS:
            name = f"encoder.layer.{layer}.{projection}"
            weights[f"{name}.weight"] += added[f"{name}.up"] @ added[f"{name}.down"]
    return weights | {"head.weight": added["head.weight"], "head.bias": added["head.bias"]}


def build(weights: Weights, eight_bit: bool = True) -> Any:
    """Return the graph: input_ids, int64 [1, tokens], to output, float32 [1, tokens, outputs].

    Without `eight_bit` all is single precision: four times the size and nearly twice the time.
    """
    from onnx import TensorProto, helper

    graph = EightBitGraph(weights) if eight_bit else Graph(weights)
    states, bias = _embedded(graph)
    for layer in range(LAYERS):
        states = _layer(graph, states, bias, f"encoder.layer.{layer}.")
    graph.add("Identity", graph.in_full(states, "head"), name="output")

    outputs = weights["head.bias"].shape[0]
    row = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, "tokens", outputs])
    made = helper.make_graph(graph.nodes, "reader", [row], [output], graph.constants)
    domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(_FAST, 1)]
    return helper.make_model(made, opset_imports=domains, ir_version=10)


def _embedded(graph: "Graph") -> tuple[str, str]:
    """Return the states of the tokens and the bias on the attention of each head.

    They are [1, tokens, width] and [heads, tokens, tokens].
    """
    weights = graph.weights
    distances = _bias_by_distance(weights["encoder.relative_attention_bias.weight"])
    graph.constant("distances", distances)
    graph.constant("positions", weights["embeddings.position_embeddings.weight"][_FIRST_POSITION:])
    tokens = graph.add("Squeeze", graph.add("Shape", "input_ids", start=1, end=2))
    numbers = graph.add("Range", graph.integers("zero", 0), tokens, graph.integers("one", 1))
    # Which token is how far from which: 0 for the farthest one behind.
    across, down = (graph.integers(f"axis{n}", [n]) for n in range(2))
    ahead = graph.add("Unsqueeze", numbers, across)
    apart = graph.add("Sub", ahead, graph.add("Unsqueeze", numbers, down))
    apart = graph.add("Add", apart, graph.integers("most", MAX_POSITIONS - 1))
    bias = graph.add("Gather", "distances", apart, axis=1)
    words = graph.rows("embeddings.word_embeddings.weight", "input_ids")
    states = graph.add("Add", words, graph.add("Gather", "positions", numbers))
    return graph.norm(states, "embeddings.LayerNorm"), bias


def _layer(graph: "Graph", states: str, bias: str, name: str) -> str:
    """Return the states behind the layer of that name."""
    attention = f"{name}attention.attn."
    width = graph.weights[f"{attention}q.weight"].shape[0]
    to_heads = graph.integers("to_heads", [0, 0, HEADS, width // HEADS])
    # Queries carry the scale of the attention, which saves a multiplication.
    scales = {"q": (width // HEADS) ** -0.5, "k": 1.0, "v": 1.0}
    query, key, value = (
        graph.add(
            "Transpose",
            graph.add("Reshape", graph.linear(states, f"{attention}{part}", scale), to_heads),
            perm=[0, 2, 3, 1] if part == "k" else [0, 2, 1, 3],
        )
        for part, scale in scales.items()
    )
    weight = graph.add("Add", graph.add("MatMul", query, key), bias)
    weight = graph.add("Softmax", weight, axis=-1)
    seen = graph.add("Transpose", graph.add("MatMul", weight, value), perm=[0, 2, 1, 3])
    seen = graph.add("Reshape", seen, graph.integers("from_heads", [0, 0, width]))
    seen = graph.linear(seen, f"{attention}o")
    states = graph.norm(graph.add("Add", seen, states), f"{name}attention.LayerNorm")
    inner = graph.add("Gelu", graph.linear(states, f"{name}intermediate.dense"))
    inner = graph.linear(inner, f"{name}output.dense", least=_LEAST_GELU)
    return graph.norm(graph.add("Add", inner, states), f"{name}output.LayerNorm")


class Graph:
    """The nodes and constants as they are added, in single precision."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: set[str] = set()
        self._made: dict[tuple[str, ...], str] = {}

    def add(
        self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Return the name of the one output of a new node, or of an unnamed one like it."""
        from onnx import helper

        key = (operator, *inputs, repr(attributes))
        if not name and key in self._made:
            return self._made[key]
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(
                operator, inputs, [name], name=f"node_{name}", domain=domain, **attributes
            )
        )
        self._made[key] = name
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        if name not in self._known:
            self._known.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, name: str, value: int | list[int]) -> str:
        return self.constant(name, np.array(value, np.int64))

    def rows(self, name: str, numbers: str) -> str:
        """Return the rows of a table by their numbers."""
        return self.add("Gather", self.constant(name, self.weights[name]), numbers)

    def norm(self, states: str, name: str) -> str:
        parts = [f"{name}.{part}" for part in ("weight", "bias")]
        scale, shift = (self.constant(part, self.weights[part]) for part in parts)
        return self.add(
            "LayerNormalization", states, scale, shift, name=f"{name}.out", epsilon=_EPSILON
        )

    def in_full(self, states: str, name: str, scale: float = 1.0) -> str:
        """Return states · W + b in single precision, W and b times a scale."""
        weight = self.weights[f"{name}.weight"].T * np.float32(scale)
        matrix = self.constant(f"{name}.weight", weight)
        product = self.add("MatMul", states, matrix, name=f"{name}.product")
        bias = self.weights[f"{name}.bias"] * np.float32(scale)
        return self.add("Add", product, self.constant(f"{name}.bias", bias), name=f"{name}.sum")

    def linear(self, states: str, name: str, scale: float = 1.0, least: float | None = None) -> str:
        """Return states · W + b, W and b times a scale; `least` is a lower bound of the states."""
        return self.in_full(states, name, scale)


class EightBitGraph(Graph):
    """The same with 8-bit arithmetic in the layers, where nearly all of the time is spent.

    Of the weights' eight bits seven are used: processors without VNNI add two products of eight
    bits in sixteen and would saturate.
    """

    def linear(self, states: str, name: str, scale: float = 1.0, least: float | None = None) -> str:
        weight = self.weights[f"{name}.weight"].T * np.float32(scale)
        bias = self.weights[f"{name}.bias"] * np.float32(scale)
        whole, steps = rounded(weight, WEIGHT_LEVELS)
        if least is None:
            zero, levels = SIGNED_LEVELS + 1, SIGNED_LEVELS
            largest = self.add("ReduceMax", self.add("Abs", states), self.integers("last", [-1]))
        else:
            # Moved so far that none is negative, the states use all levels; the bias moves back.
            zero, levels = 0, UNSIGNED_LEVELS
            states = self.add("Sub", states, self.constant("least", np.array(least, np.float32)))
            largest = self.add("ReduceMax", states, self.integers("last", [-1]))
            bias = bias + np.float32(least) * (whole * steps).sum(axis=0)
        step = self.add(
            "Mul", largest, self.constant(f"a_{levels}th", np.array(1 / levels, np.float32))
        )
        unit = self.constant("unit", np.array(1, np.float32))
        zero_point = self.constant(f"zero_at_{zero}", np.array(zero, np.uint8))
        eight = self.add("QuantizeLinear", self.add("Div", states, step), unit, zero_point)
        inputs = (
            self.constant(f"{name}.weight", whole.astype(np.int8)),
            unit,
            self.constant(f"{name}.steps", steps),
            zero_point,
        )
        product = self.add("MatMulIntegerToFloat", eight, *inputs, domain=_FAST)
        product = self.add("Mul", product, step)
        return self.add("Add", product, self.constant(f"{name}.bias", bias), name=f"{name}.sum")

    def rows(self, name: str, numbers: str) -> str:
        whole, steps = rounded(self.weights[name].T, 127)
        table = self.constant(name, whole.T.astype(np.int8))
        found = self.add("Cast", self.add("Gather", table, numbers), to=1)
        by = self.add("Gather", self.constant(f"{name}.steps", steps[:, None]), numbers)
        return self.add("Mul", found, by)


def rounded(
    weight: NDArray[np.float32], levels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weights as whole numbers of at most `levels`, and the step of each column."""
    steps = np.abs(weight).max(axis=0) / np.float32(levels)
    steps = np.where(steps > 0, steps, np.float32(1))
    return np.round(weight / steps), steps


def _bias_by_distance(buckets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the bias of each head for each distance, float32 [heads, 1023].

    From the farthest one behind to the farthest one ahead.

    As in T5 (Raffel et al. 2020): half of the buckets for either side, half of these for single
    distances, the rest logarithmically wider.
    """
    distance = np.arange(-MAX_POSITIONS + 1, MAX_POSITIONS)
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
