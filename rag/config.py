"""Settings: one frozen object, read once at the edge from the RAG_* variables."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import UsageError

MAX_QUESTION = 2000  # characters; a longer text is a document, not a question
LONGEST_CONVERSATION_NAME = 200  # characters
# Between "always answer" (0) and "only when certain" (1): of near misses four in five are
# declined, of factual questions that have an answer one in thirty (docs/reader.md).
CERTAINTY = 0.3
# Of the passages that a chat model is shown: eight of the product's own chunks. Reading more costs
# a small model seconds a question, and the answer is seldom found deeper.
PASSAGE_TOKENS = 2000
# In RAG_STORE before the folder of a PostgreSQL server that the program starts itself.
LOCAL_SERVER = "local:"
_LEAST_PASSAGE_TOKENS = 200  # one passage
LIBRARY_DATABASE = "library.db"  # in the folder of each library
_IN_WORKING_FOLDER = Path("indexes")  # where earlier versions kept all libraries


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the environment, which flags of the command line replace."""

    indexes: Path  # the folder of the libraries
    library: str
    model: Path | None  # a GGUF file; None is the embedded language model
    embeddings: str  # a sentence-transformers model by path or name; "" is the embedded one
    generate: bool  # False: never load a language model, answer with quotations
    certainty: float = CERTAINTY  # the least chance of being right that an answer is shown with
    reranker: str = ""  # a sentence-transformers cross-encoder by path or name; "" is none
    adapter: Path | None = None  # a GGUF LoRA adapter of the embedded language model
    cache: Path | None = None  # for files made from the models; None is the user's cache folder
    models: Path | None = None  # for models that were pulled; None is `models` in the cache folder
    # the address of the PostgreSQL database with the libraries, or "local:" and the folder of one
    # to start; "" keeps them in `indexes`
    store: str = field(default="", repr=False)
    token: str = field(default="", repr=False)  # that a server asks for; "" where none is set
    server: str = ""  # the address of a server that writes the answers; "" where none does
    server_model: str = ""  # the name of the model there
    server_key: str = field(default="", repr=False)  # that the server asks for
    passage_tokens: int = PASSAGE_TOKENS  # of the passages that a chat model is shown
    ocr: str = ""  # the languages of scans, "eng+deu", as Tesseract names them; "none": not read

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        RAG_INDEXES, RAG_LIBRARY, RAG_MODEL, RAG_ADAPTER, RAG_EMBEDDINGS, RAG_RERANKER, RAG_CACHE,
        RAG_MODELS, RAG_STORE, RAG_TOKEN, RAG_SERVER, RAG_SERVER_KEY, RAG_PASSAGE_TOKENS and
        RAG_OCR; RAG_MODEL, RAG_ADAPTER and RAG_OCR may be "none", and RAG_MODEL names the model of
        RAG_SERVER where that is set. Raises UsageError for a store that is no address, for an
        adapter beside another language model than the embedded one, and for a server that is no
        address or whose model is not named.
        """
        model, adapter = environment.get("RAG_MODEL", ""), environment.get("RAG_ADAPTER", "")
        server = environment.get("RAG_SERVER", "").rstrip("/")
        check_server(server, model)
        store = environment.get("RAG_STORE", "")
        check_store(store)
        if model and adapter not in ("", "none"):
            raise UsageError(
                f"The adapter {adapter} goes with the embedded language model alone, but the model "
                f"is {model}; leave out --model and RAG_MODEL, or give --adapter none."
            )
        cache, models = environment.get("RAG_CACHE", ""), environment.get("RAG_MODELS", "")
        return cls(
            indexes=libraries_folder(environment.get("RAG_INDEXES", "")),
            library=environment.get("RAG_LIBRARY") or "default",
            model=Path(model) if model and model != "none" and not server else None,
            embeddings=environment.get("RAG_EMBEDDINGS", ""),
            generate=model != "none",
            reranker=environment.get("RAG_RERANKER", ""),
            adapter=Path(adapter) if adapter and adapter != "none" else None,
            cache=Path(cache) if cache else None,
            models=Path(models) if models else None,
            store=store,
            token=environment.get("RAG_TOKEN", ""),
            server=server,
            server_model=model if server else "",
            server_key=environment.get("RAG_SERVER_KEY", ""),
            passage_tokens=_passage_tokens(environment.get("RAG_PASSAGE_TOKENS", "")),
            ocr=_ocr_languages(environment.get("RAG_OCR", "")),
        )


def check_server(server: str, model: str) -> None:
    """Raise UsageError for a server that is neither "" nor an address, or has no named model."""
    if not server:
        return
    if not server.startswith(("http://", "https://")):
        raise UsageError(
            f"The server {server!r} is no address; give one like http://127.0.0.1:8000/v1."
        )
    if not model or model == "none":
        raise UsageError(
            f"The server {server} has several models; name one with --model NAME or RAG_MODEL."
        )


def check_store(store: str) -> None:
    """Raise UsageError for a place of libraries that is neither "" nor an address."""
    if store and not store.startswith(("postgresql://", "postgres://", LOCAL_SERVER)):
        raise UsageError(  # without the address, which may hold a password
            "RAG_STORE is no address of a PostgreSQL database; give one like "
            f"postgresql://user@host/name or {LOCAL_SERVER}FOLDER, or leave it away to keep "
            "libraries in a folder."
        )


def _passage_tokens(text: str) -> int:
    if not text:
        return PASSAGE_TOKENS
    if not text.isdecimal() or int(text) < _LEAST_PASSAGE_TOKENS:
        raise UsageError(
            f"RAG_PASSAGE_TOKENS is {text!r}; give a number of {_LEAST_PASSAGE_TOKENS} or more."
        )
    return int(text)


def libraries_folder(setting: str = "") -> Path:
    """Return the folder of the libraries: the one of the `setting`, or the user's own.

    `indexes` in the working folder goes before that of the user where it holds a library.
    """
    if setting:
        return Path(setting)
    if any(_IN_WORKING_FOLDER.glob(f"*/{LIBRARY_DATABASE}")):
        return _IN_WORKING_FOLDER
    from platformdirs import user_data_path

    return user_data_path("rag-reports", appauthor=False) / "libraries"


def older_libraries(used: Path) -> Path | None:
    """Return the folder of libraries that an earlier version made in this checkout.

    None where there are none, and where those are `used`.
    """
    folder = Path(__file__).parents[1] / _IN_WORKING_FOLDER
    is_other = folder.resolve() != used.resolve()
    return folder if is_other and any(folder.glob(f"*/{LIBRARY_DATABASE}")) else None


def only_library(indexes: Path) -> str:
    """Return the name of the library in the folder, "" where there is none, or more than one."""
    there = [file.parent.name for file in indexes.glob(f"[!.]*/{LIBRARY_DATABASE}")]
    return there[0] if len(there) == 1 else ""


def _ocr_languages(text: str) -> str:
    if not re.fullmatch(r"(?:\w+(?:\+\w+)*)?", text):
        raise UsageError(
            f"RAG_OCR is {text!r}; give the languages of your scans as Tesseract names them, like "
            "eng+deu, or none."
        )
    return text


def cache_folder(folder: Path | None) -> Path:
    """Return `folder`, or where that is None the user's cache folder of this project."""
    from platformdirs import user_cache_path

    return folder or user_cache_path("rag-reports")


def bundled(name: str) -> Path:
    """Return the folder `prompts` or `samples` that comes with the product.

    Inside the package in a wheel, beside it in a checkout.
    """
    package = Path(__file__).parent
    return package / name if (package / name).is_dir() else package.parent / name


def version() -> str:
    """Return the version of the installed product, "0+unknown" if it is not installed."""
    from importlib import metadata

    try:
        return metadata.version("rag-reports")
    except metadata.PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"
