"""Write and read an adapter of the embedded language model as llama.cpp reads it.   [gguf]

Nothing at run time imports this module. An adapter is a LoRA (Hu et al. 2021, arXiv:2106.09685):
beside the matrix of a linear layer stand two narrow ones, `down` and `up`, whose product is added
to it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from rag.files import written_whole

# The linear layers as transformers and as llama.cpp name them.
_LAYERS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TRANSFORMERS = {llama: name for name, llama in _LAYERS.items()}
_LORA_PARTS = {"lora_a": "down", "lora_b": "up"}
_TENSOR_NAME = re.compile(r"model\.layers\.(\d+)\.(\w+\.\w+)\.(?:down|up)")


def write_adapter(weights: Mapping[str, NDArray[np.floating]], path: Path) -> None:
    """Write a GGUF file, in half precision, that appears whole or not at all.

    `weights` holds for each layer it changes two arrays, as in
    `model.layers.3.self_attn.q_proj.down` [rank, in] and `….up` [out, rank], of one rank
    throughout; any scale is a factor of `up` already. Raises ValueError for a name or a shape that
    is no part of such an adapter.
    """
    layers = {name.rpartition(".")[0]: _tensor(name) for name in weights}
    ranks = {_rank(weights, layer) for layer in layers}
    if len(ranks) != 1:
        raise ValueError(
            f"The adapter has the ranks {sorted(ranks)}, expected one; give all layers the same."
        )
    with written_whole(path, mode=0o666) as temporary:
        writer = gguf.GGUFWriter(temporary, "gemma3")
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_name(path.stem)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        # llama.cpp multiplies by alpha / rank.
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, ranks.pop())
        for layer, tensor in layers.items():
            writer.add_tensor(f"{tensor}.lora_a", weights[f"{layer}.down"].astype(np.float16))
            writer.add_tensor(f"{tensor}.lora_b", weights[f"{layer}.up"].astype(np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def read_adapter(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a file written by `write_adapter`, as that takes them."""
    weights = {}
    for tensor in gguf.GGUFReader(path).tensors:
        _, block, layer, _, part = tensor.name.split(".")
        weights[f"model.layers.{block}.{_TRANSFORMERS[layer]}.{_LORA_PARTS[part]}"] = (
            tensor.data.astype(np.float32)
        )
    return weights


def _tensor(name: str) -> str:
    """Return the llama.cpp name of the matrix that a part of an adapter belongs to."""
    match = _TENSOR_NAME.fullmatch(name)
    if not match or match[2] not in _LAYERS:
        raise ValueError(
            f"{name!r} is no part of an adapter; name it as in "
            "'model.layers.3.self_attn.q_proj.down' or '….up'."
        )
    return f"blk.{match[1]}.{_LAYERS[match[2]]}.weight"


def _rank(weights: Mapping[str, NDArray[np.floating]], layer: str) -> int:
    down, up = (
        weights[part].shape if part in weights else None
        for part in (f"{layer}.down", f"{layer}.up")
    )
    if not down or not up or len(down) != 2 or len(up) != 2 or down[0] != up[1]:
        raise ValueError(
            f"{layer} has 'down' of the shape {down} and 'up' of {up}; give [rank, in] and [out, "
            "rank]."
        )
    return int(down[0])
