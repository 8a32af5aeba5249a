"""The header of a GGUF file, read and checked before llama.cpp maps the file.

llama.cpp reads the header with C code that trusts its numbers more than an untrusted file deserves.
Here every length is compared with what the file can hold before anything is read or allocated, and
every tensor must lie inside the file. The `gguf` package maps the file and trusts it, too.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rag.errors import ModelError

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_PAIRS = 10_000  # of metadata; models have some fifty
_MAX_TENSORS = 100_000  # large mixtures of experts have some thousands
_MAX_STRING = 4_000_000  # bytes; the longest are chat templates
_MAX_LIST = 4_000_000  # items; the longest are vocabularies of 300,000 words
_MAX_DIMENSIONS = 4
_LARGEST_KEPT = 1_000  # items of a list that are kept, for lists with a value a layer
_SIMPLE = {  # type -> its form
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _LIST = 8, 9
# Of the types of tensors: how many numbers a block has, and its bytes (ggml.h).
_BLOCK_SIZES = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
}
Value = int | float | bool | str | list[int | float | bool | str]


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says of its model."""

    metadata: dict[str, Value]  # long lists, as vocabularies, are left out
    tensors: int
    file_bytes: int

    @property
    def architecture(self) -> str:
        """The family of the model, "" if it is not stated."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def chat_template(self) -> str:
        """The chat template, "" for a base model."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    @property
    def context_tokens(self) -> int:
        """How many tokens the model was trained to read, 0 if it is not stated."""
        return self.number("context_length")

    def number(self, name: str) -> int:
        """Return a number of the architecture, the largest of a list; 0 if there is none."""
        value = self.metadata.get(f"{self.architecture}.{name}", 0)
        numbers = value if isinstance(value, list) else [value]
        return max((int(n) for n in numbers if isinstance(n, int | float)), default=0)


def read_header(path: Path, kind: str = "model") -> GgufHeader:
    """Return the checked header of a GGUF file; `kind` names it in the errors.

    Raises ModelError if it cannot be opened, is no GGUF file, or is damaged, cut off or made to
    harm.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
            if magic != MAGIC:
                raise ModelError(
                    f"{path} is not a GGUF {kind}: it begins with {magic!r}, expected {MAGIC!r}; "
                    "give a GGUF file."
                )
            return _HeaderReader(file, path).read()
    except OSError as error:
        raise ModelError(
            f"The {kind} {path} cannot be opened ({error.strerror or error}); give the path of a "
            f"GGUF file or leave out --{kind}."
        ) from error


class _HeaderReader:
    """Reads a header, and refuses what cannot be true."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = path.stat().st_size

    def read(self) -> GgufHeader:
        (version,) = self._unpack("<I")
        if version not in _VERSIONS:
            raise self._refused(f"its version is {version}, expected 2 or 3")
        tensors, pairs = self._unpack("<QQ")
        if tensors > _MAX_TENSORS or pairs > _MAX_PAIRS:
            raise self._refused(f"it names {tensors} tensors and {pairs} values")
        metadata: dict[str, Value] = {}
        for _ in range(pairs):
            name = self._string()
            (kind,) = self._unpack("<I")
            value = self._value(kind)
            if value is not None:
                metadata[name] = value
        ends = [self._tensor() for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 16:
            raise self._refused(f"its alignment is {alignment}")
        start = -(-self._file.tell() // alignment) * alignment
        if max(ends, default=0) > self._size - start:
            raise self._refused("its tensors reach beyond its end, so it was cut off or changed")
        return GgufHeader(metadata, tensors, self._size)

    def _tensor(self) -> int:
        """Read the description of a tensor; return where the header goes on behind it."""
        self._string()
        (dimensions,) = self._unpack("<I")
        if not 0 < dimensions <= _MAX_DIMENSIONS:
            raise self._refused(f"a tensor has {dimensions} dimensions")
        numbers = 1
        for size in self._unpack(f"<{dimensions}Q"):
            numbers *= size  # Python's numbers have no end, so nothing wraps around
        kind, offset = self._unpack("<IQ")
        if kind not in _BLOCK_SIZES:
            raise self._refused(f"a tensor is of type {kind}, which is not known")
        block, size = _BLOCK_SIZES[kind]
        return int(offset) + -(-numbers // block) * size

    def _value(self, kind: int) -> Value | None:
        """Read a value; None for a list too long to be of use."""
        if kind == _STRING:
            return self._string()
        if kind in _SIMPLE:
            value: Value = self._unpack(_SIMPLE[kind])[0]
            return value
        if kind != _LIST:
            raise self._refused(f"a value is of type {kind}, which is not known")
        inner, count = self._unpack("<IQ")
        if count > _MAX_LIST or (inner not in _SIMPLE and inner != _STRING):
            raise self._refused(f"a list has {count} items of type {inner}")
        if count > _LARGEST_KEPT and inner in _SIMPLE:
            self._skip(count * struct.calcsize(_SIMPLE[inner]))
            return None
        if inner == _STRING:
            for _ in range(count):
                self._skip(self._length())
            return None
        return [self._unpack(_SIMPLE[inner])[0] for _ in range(count)]

    def _string(self) -> str:
        return self._bytes(self._length()).decode("utf-8", "replace")

    def _length(self) -> int:
        (length,) = self._unpack("<Q")
        if length > _MAX_STRING:
            raise self._refused(f"a text has {length} bytes")
        return int(length)

    def _unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))

    def _bytes(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise self._refused("it ends inside its header")
        return data

    def _skip(self, count: int) -> None:
        if self._file.seek(count, 1) > self._size:
            raise self._refused("it ends inside its header")

    def _refused(self, why: str) -> ModelError:
        return ModelError(
            f"The GGUF file {self._path} is damaged or was made to harm ({why}); get it again from "
            "its publisher."
        )
