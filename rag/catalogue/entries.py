"""The models that `rag models pull` knows: read from data/catalogue.json, no code."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from rag.errors import NotFoundError

ModelKind = Literal["writer", "embedder", "reranker"]
KINDS: tuple[ModelKind, ...] = get_args(ModelKind)
_CATALOGUE_FILE = Path(__file__).parents[1] / "data" / "catalogue.json"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model on the hub.

    Where the publisher's checksum is not in the catalogue, `sha256` is empty and the one that the
    hub states is checked; the size is then about right only.
    """

    name: str
    kind: ModelKind
    repository: str  # on the hub, "owner/name"
    revision: str
    files: tuple[str, ...]  # names; a writer is one GGUF file
    bytes: int
    sha256: str
    licence: str
    languages: str
    tier: int  # gigabytes of the machine's memory that it is meant for
    note: str  # what is to be known of it, and whether it was measured here


@cache
def catalogue() -> tuple[CatalogueEntry, ...]:
    """Return the entries in the order of the data file: by kind, the smaller first."""
    rows = json.loads(_CATALOGUE_FILE.read_text(encoding="utf-8"))
    return tuple(CatalogueEntry(**{**row, "files": tuple(row["files"])}) for row in rows)


def find_entry(name: str) -> CatalogueEntry:
    """Return the entry of that name. Raises NotFoundError if there is none."""
    for entry in catalogue():
        if entry.name == name:
            return entry
    raise NotFoundError(
        f"The catalogue has no model {name!r}; `rag models list` shows its names, and"
        " `rag models add FILE.gguf` takes a file of your own."
    )


def suggest_writer(free: int, size_in_use: int) -> CatalogueEntry | None:
    """Return the largest writer that fits well into `free` bytes of memory.

    None if none is larger than the one in use, which has `size_in_use` bytes. Half of the free
    memory is left to everything else.
    """
    writers = (
        entry for entry in catalogue() if entry.kind == "writer" and "commercial" not in entry.note
    )
    fitting = [entry for entry in writers if size_in_use < entry.bytes <= free // 2]
    return max(fitting, key=lambda entry: entry.bytes, default=None)
