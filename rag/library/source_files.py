"""The files that documents were read from.

Copies of those that were sent, and the bytes of any that is still as it was.
"""

import hashlib
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from rag.files import MAX_BYTES, private_folder, unfinished_name, written_whole

# ".part" ended what earlier versions had not finished.
_OURS = re.compile(r"[0-9a-f]{64}\.pdf(\.part)?")

FILES = "files"


class SourceFiles:
    """The folder `files` of a library.

    A copy is named after what it holds, never after what it was called.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the library."""
        self._folder = folder / FILES

    def keep(self, file: Path, sha256: str) -> None:
        """Keep a copy of a PDF, of which `sha256` is the hash.

        Raises OSError where it cannot be written.
        """
        private_folder(self._folder)
        with written_whole(self._folder / f"{sha256}.pdf") as copy:
            shutil.copyfile(file, copy)

    def read(self, path: Path, sha256: str) -> bytes | None:
        """Return what a document was read from.

        Its copy, or the file at `path` if that is unchanged; else None.
        """
        for place in (self._folder / f"{sha256}.pdf", path):
            try:
                if place.is_file() and place.stat().st_size <= MAX_BYTES:
                    data = place.read_bytes()
                    if hashlib.sha256(data).hexdigest() == sha256:
                        return data
            except OSError:
                continue
        return None

    def sweep(self, wanted: Collection[str]) -> None:
        """Remove the copies whose hash is not among the `wanted`."""
        with suppress(OSError):  # what cannot be removed now is swept the next time
            for file in self._folder.glob("*.pdf*"):
                name = unfinished_name(file) or file.name
                if _OURS.fullmatch(name) and name[:64] not in wanted:
                    file.unlink()
