"""The libraries of a team, one a workspace: made, listed and opened."""

from functools import cached_property
from pathlib import Path

from rag.errors import LibraryError, UsageError
from rag.library.folders import library_folder
from rag.library.postgres.database import Postgres, PostgresDatabase
from rag.library.postgres.index import PostgresIndex
from rag.library.postgres.source_files import DatabaseFiles
from rag.library.postgres.update import make_index, remove_workspace
from rag.library.sql.sql_store import SqlStore
from rag.library.store import Library


class TeamLibraries:
    """The libraries on a PostgreSQL server."""

    def __init__(self, url: str, indexes: Path) -> None:
        """Take those at `url`; `indexes` is the folder of what this machine keeps beside them.

        Nothing is connected before it is needed; then each method raises LibraryError where the
        server cannot be reached.
        """
        self._url = url
        self._indexes = indexes

    @cached_property
    def _server(self) -> Postgres:
        return Postgres(self._url)

    def names(self) -> list[str]:
        return list(self._server.workspaces())

    def where(self) -> str:
        return self._server.place

    def place(self, name: str) -> str:
        return f"{self._server.place}, library {name}"

    def identity(self, name: str) -> int | None:
        return self._server.workspaces().get(name)

    def open(
        self, name: str, *, embedder: str = "", dimension: int = 0, create: bool = False
    ) -> Library:
        folder = library_folder(self._indexes, name)
        workspaces = self._server.workspaces()
        if name not in workspaces:
            if not create:
                raise LibraryError(self._no_library(name, list(workspaces)))
            self._make(name, embedder, dimension)
            self._server.forget_workspaces()
            workspaces = self._server.workspaces()
        database = PostgresDatabase(self._server, name, workspaces[name])
        try:
            built = database.state()
            asked = (embedder or built.embedder, dimension or built.dimension)
            if asked != (built.embedder, built.dimension):
                raise LibraryError(
                    f"The library {name!r} was built with the embedding model {built.embedder!r} "
                    f"({built.dimension} dimensions), not with {embedder!r} ({dimension}); name "
                    "that model, or run `rag rebuild` to embed it anew."
                )
            index = PostgresIndex(database)
            index.update()
            return Library(folder, SqlStore(database, DatabaseFiles(database)), index)
        except BaseException:
            database.close()
            raise

    def remove(self, name: str) -> None:
        workspace = self.identity(name)
        if workspace is not None:
            with self._server.owning() as raw, raw.transaction():
                remove_workspace(raw, workspace)
            self._server.forget_workspaces()

    def rename(self, name: str, new: str) -> None:
        library_folder(self._indexes, new)  # raises for a name that cannot be one
        with self._server.owning() as raw, raw.transaction():
            raw.execute("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE")
            if raw.execute("SELECT FROM workspaces WHERE name = %s", [new]).fetchone() is not None:
                raise UsageError(f"There is a library {new!r} already; give another name.")
            raw.execute("UPDATE workspaces SET name = %s WHERE name = %s", [new, name])
        self._server.forget_workspaces()

    def _make(self, name: str, embedder: str, dimension: int) -> None:
        """Make a library, unless another process has made it meanwhile."""
        with self._server.owning() as raw, raw.transaction():
            raw.execute("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE")
            if raw.execute("SELECT FROM workspaces WHERE name = %s", [name]).fetchone() is not None:
                return
            insert = "INSERT INTO workspaces (name) VALUES (%s) RETURNING id"
            (workspace,) = raw.execute(insert, [name]).fetchone()
            raw.execute("SELECT set_config('rag.workspace', %s, true)", [str(workspace)])
            raw.execute(
                "INSERT INTO settings (embedder, dimension, generation, stamp) "
                "VALUES (%s, %s, 0, gen_random_uuid()::text)",
                [embedder, dimension],
            )
            make_index(raw, workspace, dimension)

    def _no_library(self, name: str, names: list[str]) -> str:
        there = f"there are {', '.join(map(repr, names))}" if names else "there is none yet"
        named = "" if name == "default" else f" --library {name}"
        return (
            f"There is no library {name!r} in {self._server.place}, {there}; make it with "
            f"`rag add FOLDER{named}`, or of the sample reports with `rag add --samples{named}`."
        )
