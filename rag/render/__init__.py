"""Answers as JSON, text, HTML and files."""
