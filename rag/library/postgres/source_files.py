"""The files that documents were read from, kept beside them in the database."""

from collections.abc import Callable, Collection
from pathlib import Path

from rag.library.postgres.database import PostgresDatabase
from rag.library.source_files import unchanged


class DatabaseFiles:
    """The `KeptFiles` of one library in PostgreSQL, each under the hash of what it holds."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    def keep(self, data: bytes, sha256: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO source_files (sha256, data) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [sha256, data],
            )

    def kept(self, sha256: str) -> bytes | None:
        rows = self._database.rows("SELECT data FROM source_files WHERE sha256 = ?", sha256)
        return bytes(rows[0][0]) if rows else None

    def read(self, path: Path, sha256: str) -> bytes | None:
        kept = self.kept(sha256)
        return unchanged(path, sha256) if kept is None else kept

    def sweep(self, wanted: Callable[[], Collection[str]]) -> None:
        """Remove those that no document was read from; the database knows them itself."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM source_files s WHERE NOT EXISTS "
                "(SELECT FROM documents d WHERE d.sha256 = s.sha256)"
            )
