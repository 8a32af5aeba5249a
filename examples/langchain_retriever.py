"""Use a library as a retriever of LangChain: its passages become LangChain's documents.

pip install langchain-core
python examples/langchain_retriever.py samples "Which student found the mistake?"
"""

import sys

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag import Library, open_library


class ReportsRetriever(BaseRetriever):
    """The passages of a library that are nearest to a question, each with its exact place."""

    library: Library
    k: int = 8

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        hits = self.library.passages(query, self.k)
        return [
            Document(
                hit.chunk.text,
                metadata={
                    "source": hit.chunk.document,
                    "title": hit.title,
                    "start": hit.chunk.start,
                    "end": hit.chunk.end,
                },
            )
            for hit in hits
        ]


def main(name: str, question: str) -> None:
    """Print the passages that LangChain is given."""
    with open_library(name) as library:
        for document in ReportsRetriever(library=library, k=3).invoke(question):
            print(f"{document.metadata['title']}: {document.page_content}")


if __name__ == "__main__":
    main(*sys.argv[1:])
