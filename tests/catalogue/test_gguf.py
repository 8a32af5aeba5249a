import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from gguf_files import write_gguf

from rag.catalogue.gguf import read_header
from rag.catalogue.memory import check_memory, free_memory, memory_needed
from rag.errors import ModelError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf", template="{{ messages }}")


def test_a_header_says_what_the_model_is(model: Path) -> None:
    header = read_header(model)
    assert (header.architecture, header.context_tokens, header.tensors) == ("llama", 512, 1)
    assert header.chat_template == "{{ messages }}"
    assert header.metadata["general.license"] == "apache-2.0"
    assert header.number("block_count") == 2
    assert "tokenizer.ggml.tokens" not in header.metadata


def test_the_memory_needed_is_the_file_the_cache_and_what_it_works_with(model: Path) -> None:
    header = read_header(model)
    cache = 2 * 100 * 2 * (16 + 16) * 2  # layers, tokens, heads, key and value, bytes
    assert memory_needed(header, 100) - memory_needed(header, 0) == cache
    assert memory_needed(header, 0) > header.file_bytes


def test_a_model_that_does_not_fit_is_refused_with_both_numbers() -> None:
    check_memory("small", 1)
    with pytest.raises(ModelError, match=r"big needs 1000000\.0 GB of memory and \d+\.\d GB are"):
        check_memory("big", 10**15)
    assert free_memory() > 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(model: Path, share: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match=r"damaged|not a GGUF"):
        read_header(model)


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (4, struct.pack("<I", 99), "its version is 99"),
        (8, struct.pack("<Q", 1 << 63), "it names 9223372036854775808 tensors"),
        (16, struct.pack("<Q", 1 << 40), "values"),
        (24, struct.pack("<Q", 1 << 62), "a text has 4611686018427387904 bytes"),
    ],
)
def test_a_number_that_cannot_be_true_is_refused_before_anything_is_read(
    model: Path, at: int, value: bytes, why: str
) -> None:
    data = bytearray(model.read_bytes())
    data[at : at + len(value)] = value
    model.write_bytes(data)
    with pytest.raises(ModelError, match=why):
        read_header(model)


def test_a_tensor_whose_size_wraps_around_in_64_bits_is_refused(model: Path) -> None:
    data = model.read_bytes()
    sizes = struct.pack("<I2Q", 2, 64, 8)
    assert data.count(sizes) == 1
    model.write_bytes(data.replace(sizes, struct.pack("<I2Q", 2, 1 << 62, 4)))
    with pytest.raises(ModelError, match="its tensors reach beyond its end"):
        read_header(model)


def test_no_damage_ends_in_another_error(model: Path) -> None:
    whole, draw = model.read_bytes(), random.Random(1)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(4, len(data))] = draw.randrange(256)
        model.write_bytes(data)
        with suppress(ModelError):
            read_header(model)
