"""Settings: one frozen object, read once at the edge from the RAG_* variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import UsageError

MAX_QUESTION = 2000  # characters; a longer text is a document, not a question
LONGEST_CONVERSATION_NAME = 200  # characters
# Between "tell me what you have" (0) and "only when certain" (1): of near misses four in five are
# declined, of factual questions that have an answer one in thirty (docs/reader.md).
CERTAINTY = 0.3


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
    token: str = field(default="", repr=False)  # that a server asks for; "" where none is set

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        RAG_INDEXES, RAG_LIBRARY, RAG_MODEL, RAG_ADAPTER, RAG_EMBEDDINGS, RAG_RERANKER, RAG_CACHE
        and RAG_TOKEN; RAG_MODEL and RAG_ADAPTER may be "none". Raises UsageError for an adapter
        beside another language model than the embedded one.
        """
        model, adapter = environment.get("RAG_MODEL", ""), environment.get("RAG_ADAPTER", "")
        if model and adapter not in ("", "none"):
            raise UsageError(
                f"The adapter {adapter} goes with the embedded language model alone, but the model "
                f"is {model}; leave out --model and RAG_MODEL, or give --adapter none."
            )
        cache = environment.get("RAG_CACHE", "")
        return cls(
            indexes=Path(environment.get("RAG_INDEXES") or "indexes"),
            library=environment.get("RAG_LIBRARY") or "default",
            model=Path(model) if model and model != "none" else None,
            embeddings=environment.get("RAG_EMBEDDINGS", ""),
            generate=model != "none",
            reranker=environment.get("RAG_RERANKER", ""),
            adapter=Path(adapter) if adapter and adapter != "none" else None,
            cache=Path(cache) if cache else None,
            token=environment.get("RAG_TOKEN", ""),
        )


def bundled(name: str) -> Path:
    """The folder `prompts` or `samples` that comes with the product.

    Inside the package in a wheel, beside it in a checkout.
    """
    package = Path(__file__).parent
    return package / name if (package / name).is_dir() else package.parent / name


def version() -> str:
    """Return the version of the product that is installed, "0+unknown" where none is."""
    from importlib import metadata

    try:
        return metadata.version("rag-reports")
    except metadata.PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"
