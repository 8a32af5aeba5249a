"""Uploads on the disk: each is kept there until it is in a library, so that none is lost.

In the folder `.uploads` of the libraries an upload is a file named after its job, and a note of
JSON that says what to do with it. The note is written once the file is complete, and removed once
the document is stored.
"""

import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rag.errors import BusyError, DocumentError, RagError
from rag.files import safe_name, written_whole
from rag.reading.documents import SUFFIXES

_OUR_FILES = re.compile(r"[0-9a-f]{32}\.[a-z.]+|\.[0-9a-f]{32}\.json\.[\w.]+\.part")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, to be added to a library."""

    id: str  # 32 hexadecimal digits
    library: str
    name: str  # of the file, as it was sent
    replaces: str = ""  # the document that is to be replaced, "" for none
    tries: int = 0  # how often it was begun to be added


class UploadFolder:
    """The uploads that wait for being added, on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, upload: Upload, content: BinaryIO) -> None:
        """Write the file and its note to the disk.

        Raises DocumentError for a kind of file that cannot be read, BusyError where the disk does
        not take it.
        """
        file = self.path(upload)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            private = os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(private, "wb") as out:
                shutil.copyfileobj(content, out)
                out.flush()
                os.fsync(out.fileno())
            self.write_note(upload)
        except OSError as error:
            with suppress(OSError):
                file.unlink()
            raise BusyError(
                f"The file cannot be kept until it is added ({error.strerror}); send it again "
                "later."
            ) from error

    def path(self, upload: Upload) -> Path:
        """Return where its file is. Raises DocumentError for a kind that cannot be read."""
        return self._folder / f"{upload.id}{supported_suffix(upload.name)}"

    def write_note(self, upload: Upload) -> None:
        """Write down what to do with the file. Raises OSError."""
        note = {
            "library": upload.library,
            "file": upload.name,
            "replaces": upload.replaces,
            "tries": upload.tries,
        }
        with written_whole(self._note(upload)) as path:
            path.write_text(json.dumps(note), encoding="utf-8")

    def remove(self, upload: Upload) -> None:
        """Remove the file and its note; what cannot be removed stays."""
        with suppress(OSError):
            self._note(upload).unlink()  # first: a note promises a file
            self.path(upload).unlink()

    def pending(self) -> list[Upload]:
        """Return what a server that ended has left, in the order it came.

        Files that were never wholly received are removed, so no other server may be at work here.
        """
        if not self._folder.is_dir():
            return []
        notes = sorted(self._folder.glob("[!.]*.json"), key=lambda note: note.stat().st_mtime_ns)
        uploads = [upload for note in notes if (upload := _read(note))]
        known = {place for u in uploads for place in (self.path(u), self._note(u))}
        for file in self._folder.iterdir():
            if file not in known and _OUR_FILES.fullmatch(file.name):
                file.unlink(missing_ok=True)
        return uploads

    def _note(self, upload: Upload) -> Path:
        return self._folder / f"{upload.id}.json"


def _read(note: Path) -> Upload | None:
    """Return the upload of a note, or None if the note is not one of ours."""
    try:
        fields = json.loads(note.read_text(encoding="utf-8"))
        upload = Upload(
            note.stem,
            str(fields["library"]),
            str(fields["file"]),
            str(fields["replaces"]),
            int(fields["tries"]),
        )
        supported_suffix(upload.name)
    except (OSError, ValueError, TypeError, KeyError, RagError):
        return None
    return upload if _OUR_FILES.fullmatch(note.name) else None


def supported_suffix(name: str) -> str:
    """Return the suffix of a file name, in lower case.

    Raises DocumentError for a kind that cannot be read, so that no other text gets into a path.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DocumentError(
            f"This kind of file cannot be read; save it as one of {', '.join(SUFFIXES)}."
        )
    return suffix


def document_name(file: str) -> str:
    """Return a document's name for a file name that came from elsewhere.

    It has letters, digits, dots, hyphens and underscores only.
    """
    return safe_name(Path(file.replace("\\", "/")).stem, "document")
