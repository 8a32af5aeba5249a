"""How much memory a language model takes, and how much is free.   [psutil]"""

from rag.catalogue.gguf import GgufHeader
from rag.errors import ModelError

# Beside weights and cache, the bindings of llama.cpp keep a number for each word of the vocabulary
# and each of the 512 tokens of a batch: 311 MB for the 151,936 words of Qwen.
_WORKING_BYTES = 311_000_000
_BYTES_OF_CACHE = 2  # a number of the cache is a half


def free_memory() -> int:
    """Return how many bytes of memory can be had now without taking any from others."""
    import psutil

    return int(psutil.virtual_memory().available)


def memory_needed(header: GgufHeader, context: int) -> int:
    """Return about how many bytes the model takes when it reads `context` tokens."""
    heads = header.number("attention.head_count") or 1
    width = header.number("embedding_length") // heads
    key = header.number("attention.key_length") or width
    value = header.number("attention.value_length") or width
    kept = header.number("attention.head_count_kv") or heads
    cache = header.number("block_count") * context * kept * (key + value) * _BYTES_OF_CACHE
    return header.file_bytes + cache + _WORKING_BYTES


def check_memory(name: str, needed: int) -> None:
    """Raise ModelError, with both numbers, where the model does not fit into the free memory."""
    free = free_memory()
    if needed > free:
        raise ModelError(
            f"The model {name} needs {gigabytes(needed)} of memory and {gigabytes(free)} are free; "
            "close other programs, or choose a smaller one: rag models list."
        )


def gigabytes(count: int) -> str:
    """Return a number of bytes as people say it: "1.3 GB"."""
    return f"{count / 1e9:.1f} GB"
