"""A library in one folder: SQLite is the truth, FAISS and FTS5 find in it."""
