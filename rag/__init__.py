"""Questions over reports, answered offline with footnotes that open the exact words of the
source.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.pipeline import Pipeline


def open_library(name: str = "default") -> "Pipeline":
    """The library of that name in RAG_INDEXES, to ask, stream, search and add to.

    Nothing is loaded before it is needed.

    Raises UsageError where the RAG_* variables contradict each other.
    """
    from dataclasses import replace

    from rag.config import Settings
    from rag.pipeline import Pipeline

    return Pipeline(replace(Settings.from_environment(), library=name))
