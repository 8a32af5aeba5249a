"""Use a library as a retriever of LlamaIndex: its passages become LlamaIndex's nodes.

pip install llama-index-core
python examples/llamaindex_retriever.py samples "Which student found the mistake?"
"""

import sys

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag import Library, open_library


class ReportsRetriever(BaseRetriever):
    """The passages of a library that are nearest to a question, each with its exact place."""

    def __init__(self, library: Library, k: int = 8) -> None:
        self._library = library
        self._k = k
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._library.passages(query_bundle.query_str, self._k)
        return [
            NodeWithScore(
                node=TextNode(
                    text=hit.chunk.text,
                    metadata={"source": hit.chunk.document, "title": hit.title},
                    start_char_idx=hit.chunk.start,
                    end_char_idx=hit.chunk.end,
                ),
                score=hit.score,
            )
            for hit in hits
        ]


def main(name: str, question: str) -> None:
    """Print the passages that LlamaIndex is given."""
    with open_library(name) as library:
        for found in ReportsRetriever(library, k=3).retrieve(question):
            print(f"{found.node.metadata['title']}: {found.node.get_content()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
