"""Small GGUF files, made by the `gguf` package, for tests that read headers."""

from pathlib import Path

import gguf
import numpy as np


def write_gguf(path: Path, template: str = "", name: str = "tiny", **numbers: int) -> Path:
    """Write a file with the header of a model of two layers, and one tensor."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_context_length(512)
    writer.add_block_count(2)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_string("general.license", "apache-2.0")
    writer.add_token_list(["a", "b", "c"])
    if template:
        writer.add_chat_template(template)
    for key, value in numbers.items():
        writer.add_uint32(key.replace("__", "."), value)
    writer.add_tensor("token_embd.weight", np.zeros((8, 64), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
