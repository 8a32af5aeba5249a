"""Untrusted files, read in a separate process, which may crash without harm."""
