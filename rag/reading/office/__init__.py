"""Office files: texts, sheets, slides."""
