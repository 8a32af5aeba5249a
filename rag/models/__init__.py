"""The embedder, the reader, the reranker and the language model."""
