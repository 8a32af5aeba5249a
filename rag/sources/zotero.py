"""The files of a Zotero library with the titles, authors and dates it has.   [sqlite3]

Zotero keeps its files in `storage`, and what it knows of them in an SQLite database, of which a
copy is read: the program may be running.
"""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from rag.errors import UsageError
from rag.types import SourceFile

_DATABASE = "zotero.sqlite"
_STORED = "storage:"  # begins the path of a file that Zotero keeps itself
# Attachments with a file of their own, and the item each belongs to; none of the waste bin.
_ATTACHMENTS = """
    SELECT items.key, attachments.path, COALESCE(attachments.parentItemID, attachments.itemID)
    FROM itemAttachments AS attachments JOIN items ON items.itemID = attachments.itemID
    WHERE attachments.path LIKE 'storage:%'
      AND NOT EXISTS (SELECT 1 FROM deletedItems AS gone
                      WHERE gone.itemID IN (attachments.itemID, attachments.parentItemID))
    ORDER BY attachments.itemID
"""
_VALUE = """
    SELECT itemDataValues.value FROM itemData
    JOIN fields ON fields.fieldID = itemData.fieldID
    JOIN itemDataValues ON itemDataValues.valueID = itemData.valueID
    WHERE itemData.itemID = ? AND fields.fieldName = ?
"""
_CREATORS = """
    SELECT creators.firstName, creators.lastName FROM itemCreators
    JOIN creators ON creators.creatorID = itemCreators.creatorID
    WHERE itemCreators.itemID = ? ORDER BY itemCreators.orderIndex
"""


def zotero_files(folder: Path) -> list[SourceFile]:
    """Return the files of the Zotero library in the folder that are there.

    Raises UsageError where there is no such library, or it cannot be read.
    """
    database = folder / _DATABASE
    if not database.is_file():
        raise UsageError(
            f"There is no {_DATABASE} in {str(folder)!r}; give the data folder that Zotero shows "
            "in its settings under Advanced."
        )
    with tempfile.TemporaryDirectory(prefix="rag-zotero-") as copies:
        copy = Path(copies, _DATABASE)
        try:
            for end in ("", "-wal"):
                if (part := database.with_name(_DATABASE + end)).is_file():
                    shutil.copyfile(part, copy.with_name(_DATABASE + end))
            with closing(sqlite3.connect(copy)) as opened:
                return _attached_files(opened, folder)
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"Zotero's database {database} cannot be read ({error}); update Zotero, or close "
                "it and try again."
            ) from error


def _attached_files(database: sqlite3.Connection, folder: Path) -> list[SourceFile]:
    found = []
    for key, stored, item in database.execute(_ATTACHMENTS).fetchall():
        # A name in a database is data: nothing outside the folder of its item is read.
        name = str(stored).removeprefix(_STORED)
        file = folder / "storage" / str(key) / name
        if Path(name).name != name or Path(str(key)).name != str(key) or not file.is_file():
            continue
        creators = database.execute(_CREATORS, (item,)).fetchall()
        authors = (" ".join(filter(None, map(str, creator))).strip() for creator in creators)
        found.append(
            SourceFile(
                file,
                file,
                title=_item_value(database, item, "title"),
                date=_iso(_item_value(database, item, "date")),
                authors=tuple(filter(None, authors)),
                told_by="Zotero",
            )
        )
    return found


def _item_value(database: sqlite3.Connection, item: int, field: str) -> str:
    row = database.execute(_VALUE, (item, field)).fetchone()
    return " ".join(str(row[0]).split()) if row else ""


def _iso(date: str) -> str:
    """Return the ISO date that Zotero puts before the one as it was typed: "2023-05-00 May 2023".

    Parts that are not known are zero there, and left away.
    """
    parts = date[:10].split("-")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts) or parts[0] == "0000":
        return ""
    known = [parts[0], *(part for part in parts[1:2] if part != "00")]
    if len(known) == 2 and parts[2] != "00":
        known.append(parts[2])
    return "-".join(known)
