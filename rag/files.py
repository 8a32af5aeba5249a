"""Write files whole or not at all, hash them, and name them safely: once for all parts."""

import errno
import hashlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Of a file that is read as a document: a thousand-page report has 5 MB of text, and what is larger
# is data that would fill the memory.
MAX_BYTES = 50_000_000
_MAX_NAME = 80  # characters of a file's name that is made of other words
_UNSAFE = re.compile(r"[^\w.-]+")
# SQLite puts its own files beside the one that it writes.
_TEMPORARY = re.compile(
    r"\.(?P<name>.+)\.[0-9a-f]{32}(?:\.(?P<process>\d{1,10}))?\.part(?:-journal|-wal|-shm)?",
    re.DOTALL,
)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_of_the_system(path: Path) -> bool:
    """Return whether a resolved path lies in `/proc` or `/sys`, whose files are made when read.

    They look like regular files, say any size, and may never end.
    """
    return os.name == "posix" and path.parts[:2] in (("/", "proc"), ("/", "sys"))


def read_regular(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, of a larger one than `limit` one byte more than that.

    What the system says of its size is not believed. Raises OSError for a file that cannot be
    read, and, before it is opened, for a device, a pipe, a socket or a file of the system.
    """
    if not stat.S_ISREG(path.stat().st_mode) or is_of_the_system(path.resolve()):
        raise _not_regular(path)
    # Another file may have come in its place: opening a pipe must not wait for who writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _not_regular(path)
        return file.read(limit + 1)


def _not_regular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "it is a device, a pipe, a socket or of the system", str(path))


def safe_name(text: str, default: str) -> str:
    """Return a name for a file, made of letters, digits, dots, hyphens and underscores alone.

    It begins and ends with none of the dots and hyphens, and has at most 80 characters. It is
    `default` where nothing of the text is left.
    """
    return _UNSAFE.sub("-", text).strip(".-")[:_MAX_NAME] or default


@contextmanager
def written_whole(path: Path, mode: int = 0o600) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it to `path` once the block has written it.

    What was written is on the disk before it is moved. Where the block raises, `path` stays as it
    was and the temporary file is removed; what killed processes left in the folder is swept. Two
    processes may write the same file at once; the one that ends last wins. The file gets the
    permissions `mode` less the umask: it is its owner's alone unless something else is asked for.
    Raises OSError.
    """
    sweep_unfinished(path.parent)
    temporary = unfinished_path(path)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def private_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing, readable by their owner only.

    One that is there already stays as it is. Raises OSError.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)


def make_private(path: Path, *, folder: bool = False) -> None:
    """Take all rights to an existing file or folder from everybody but the owner.

    What belongs to somebody else stays as it is: its owner has decided who may read it.
    """
    with suppress(OSError):
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o700 if folder else 0o600)


def unfinished_path(path: Path) -> Path:
    """Return a path beside `path` for its new content, with the number of this process."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.{os.getpid()}.part")


def unfinished_name(file: Path) -> str:
    """Return the name of the file for which `unfinished_path` made this path.

    "" for any other file.
    """
    found = _TEMPORARY.fullmatch(file.name)
    return found["name"] if found else ""


def sweep_unfinished(folder: Path) -> None:
    """Remove the files and folders that killed processes left half-written in a folder.

    What cannot be removed stays until the next time.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _TEMPORARY.fullmatch(entry.name)
            if found is None or _is_running(int(found["process"] or 0)):
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if process == 0:  # names of earlier versions have no process number
        return False
    if os.name == "nt":  # where there is no harmless way to ask, nothing is swept
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's
        return True
    return True


def sync(path: Path) -> None:
    """Have the system write the file, or the names in the folder, to its disk. Raises OSError."""
    if path.is_dir():
        if os.name == "nt":  # which has no handles for folders
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR)  # Windows writes out only what could have been written
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
