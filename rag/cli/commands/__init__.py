"""The commands of `rag`, one module each."""
