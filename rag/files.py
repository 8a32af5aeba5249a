"""Write files whole or not at all, and name and hash them: once for all parts."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of a file that is read as a document: a thousand-page report has 5 MB of text, and what is larger
# is data that would fill the memory.
MAX_BYTES = 50_000_000


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it to `path` once the block has written it.

    Where the block raises, `path` stays as it was and the temporary file is removed. Two processes
    may write the same file at once; the one that ends last wins. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
