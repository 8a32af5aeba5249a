"""What lies in a folder: the files that can be read, and what is left out with the reason.

A folder means what lies in it. Links out of it, devices and pipes, and what programs keep for
themselves are no reports, and a folder of somebody else may hold any of them.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from rag.files import is_of_the_system
from rag.reading.documents import SUFFIXES

HIDDEN = "hidden"
OF_PROGRAMS = "a folder of programs"
LOCK_FILE = "a lock file of an office program"
LEADS_OUT = "a link that leads out of the folder"
BROKEN_LINK = "a link to nothing"
LINKED_FOLDER = "a link to another folder inside"
SPECIAL = "a device, a pipe, a socket or a file of the system"
OTHER_KIND = "a kind of file that is not read"
CLOSED = "cannot be opened"
# They hold thousands of texts that nobody wrote as a report. Others of the kind are hidden.
_PROGRAM_FOLDERS = frozenset(
    {
        "node_modules",
        "bower_components",
        "site-packages",
        "__pycache__",
        "__MACOSX",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
    }
)
_LOCK_PREFIXES = ("~$", ".~lock.", "~WRL", "~WRD")  # Word and Excel, LibreOffice, Word's drafts


def files_below(folder: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the files of readable kinds below a folder, and what is left out with the reasons.

    Both are in the order of their paths. Nothing is opened but folders.
    """
    root = folder.resolve()
    files: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        try:
            entries = sorted(os.scandir(inside), key=lambda entry: entry.name)
        except OSError:
            left_out.append((inside, CLOSED))
            continue
        for entry in entries:
            path = inside / entry.name
            reason = _reason_against(entry, path, root)
            if reason:
                left_out.append((path, reason))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            else:
                files.append(path)
    return sorted(files), sorted(left_out)


def _reason_against(entry: "os.DirEntry[str]", path: Path, root: Path) -> str:
    """Return why an entry is left out, "" for a folder to look into and a file to read."""
    return next(filter(None, _reasons(entry, path, root)), "")


def _reasons(entry: "os.DirEntry[str]", path: Path, root: Path) -> Iterator[str]:
    """Yield what speaks against an entry, cheap things first; "" if something does not."""
    yield LOCK_FILE if entry.name.startswith(_LOCK_PREFIXES) else ""
    yield HIDDEN if entry.name.startswith(".") else ""
    real = root
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
            yield "" if real.is_relative_to(root) else LEADS_OUT
            yield LINKED_FOLDER if stat.S_ISDIR(mode) else ""
    except FileNotFoundError:
        yield BROKEN_LINK
        return
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        yield CLOSED
        return
    if stat.S_ISDIR(mode):
        yield OF_PROGRAMS if entry.name in _PROGRAM_FOLDERS else ""
        return
    yield "" if stat.S_ISREG(mode) and not is_of_the_system(real) else SPECIAL
    yield "" if path.suffix.lower() in SUFFIXES else OTHER_KIND
