"""The files of an export of paperless-ngx, with the titles, correspondents and dates it has."""

import json
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.types import SourceFile

_MANIFEST = "manifest.json"
# A document's file with recognised text, and the one that was sent, in the order they are wanted.
_FILE_KEYS = ("__exported_archive_name__", "__exported_file_name__")
_LENGTH_OF_DAY = 10  # of a date and time in ISO 8601


def paperless_files(folder: Path) -> list[SourceFile]:
    """Return the files of an export (`document_exporter FOLDER`) that are there.

    Raises UsageError where the folder is no export.
    """
    manifest = folder / _MANIFEST
    try:
        rows = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{manifest} cannot be read as the list of an export ({error}); give the folder that "
            "paperless's `document_exporter` wrote."
        ) from error
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = {
        row.get("pk"): str(_fields_of(row).get("name", ""))
        for row in rows
        if row.get("model") == "documents.correspondent"
    }
    documents = (row for row in rows if row.get("model") == "documents.document")
    return [source for row in documents if (source := _source(row, folder, names))]


def _source(row: dict[str, Any], folder: Path, names: dict[Any, str]) -> SourceFile | None:
    """Return the file of a document; None where it is not there, or lies outside the export."""
    root = folder.resolve()
    for key in _FILE_KEYS:
        name = row.get(key)
        file = folder / name if isinstance(name, str) and name else folder
        if not file.resolve().is_relative_to(root) or not file.is_file():
            continue
        fields = _fields_of(row)
        author = names.get(fields.get("correspondent"), "")
        return SourceFile(
            file,
            file,
            title=" ".join(str(fields.get("title", "")).split()),
            date=str(fields.get("created", ""))[:_LENGTH_OF_DAY],
            authors=(author,) if author else (),
            told_by="paperless",
        )
    return None


def _fields_of(row: dict[str, Any]) -> dict[str, Any]:
    fields = row.get("fields")
    return fields if isinstance(fields, dict) else {}
