"""The files that documents were read from.

Copies of those that were sent, and the bytes of any that is still as it was.
"""

import hashlib
import re
from collections.abc import Callable, Collection
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
        """Keep the files below `folder`, which is that of the library."""
        self._folder = folder / FILES

    def keep(self, data: bytes, sha256: str) -> None:
        """Keep a PDF, of which `sha256` is the hash.

        Raises OSError where it cannot be written.
        """
        private_folder(self._folder)
        with written_whole(self._folder / f"{sha256}.pdf") as copy:
            copy.write_bytes(data)

    def kept(self, sha256: str) -> bytes | None:
        """Return what is kept under this hash; None where nothing is."""
        return unchanged(self._folder / f"{sha256}.pdf", sha256)

    def read(self, path: Path, sha256: str) -> bytes | None:
        """Return what a document was read from.

        Its copy, or the file at `path` if that is unchanged; else None.
        """
        kept = self.kept(sha256)
        return unchanged(path, sha256) if kept is None else kept

    def sweep(self, wanted: Callable[[], Collection[str]]) -> None:
        """Remove the copies whose hash is not among the `wanted`."""
        with suppress(OSError):  # what cannot be removed now is swept the next time
            if files := list(self._folder.glob("*.pdf*")):
                hashes = wanted()
            for file in files:
                name = unfinished_name(file) or file.name
                if _OURS.fullmatch(name) and name[:64] not in hashes:
                    file.unlink()


def unchanged(path: Path, sha256: str) -> bytes | None:
    """Return what a file holds; None where that has another hash, or cannot be read."""
    try:
        if path.is_file() and path.stat().st_size <= MAX_BYTES:
            data = path.read_bytes()
            return data if hashlib.sha256(data).hexdigest() == sha256 else None
    except OSError:
        return None
    return None
