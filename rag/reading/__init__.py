"""A file's bytes to a Document."""
