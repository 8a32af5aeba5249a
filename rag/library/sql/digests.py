"""What a library stores, as hashes, so that a changed byte is noticed. Pure."""

import hashlib
from collections.abc import Iterable, Sequence

from rag.library.sql.database import SqlValue

_DIGEST_BYTES = 16  # against accidents, where 8 would do; who can write here can write digests


def digest(*values: SqlValue) -> bytes:
    """Return a hash of the values, 16 bytes."""
    made = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        # With kind and length in front, no two lists of values are the same bytes.
        made.update(f"{type(value).__name__} {len(data)} ".encode())
        made.update(data)
    return made.digest()


def digest_rows(rows: Iterable[Sequence[SqlValue]]) -> bytes | None:
    """Return one hash of the rows in their order, 16 bytes.

    None for no rows, as an aggregate function of SQLite gives.
    """
    made = [digest(*row) for row in rows]
    return digest(*made) if made else None


class DigestOfRows:
    """`digest_rows` as an aggregate function of SQLite."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []

    def step(self, *values: SqlValue) -> None:
        """Take the next row."""
        self._digests.append(digest(*values))

    def finalize(self) -> bytes:
        """Return the hash."""
        return digest(*self._digests)
