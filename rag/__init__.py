"""Questions over reports, answered offline with footnotes that open the exact words of the
source.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.pipeline import Pipeline
    from rag.protocols import ModelSet


def open_library(name: str = "default", models: "ModelSet | None" = None) -> "Pipeline":
    """The library of that name in RAG_INDEXES, to ask, stream, search and add to.

    `models` are those of another library, to share; without them its own are loaded, when they are
    first needed.

    Raises UsageError where the RAG_* variables contradict each other.
    """
    from dataclasses import replace

    from rag.config import Settings
    from rag.models.registry import Models
    from rag.pipeline import Pipeline

    settings = replace(Settings.from_environment(), library=name)
    return Pipeline(settings, models or Models(settings))
