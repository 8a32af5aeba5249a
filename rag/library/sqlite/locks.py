"""The process that holds a lock on a file, as the system knows it.

Right after a crash, too, since a lock ends with its process.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

LOCKS = Path("/proc/locks")  # Linux alone has it; elsewhere nobody is named
_LONGEST_COMMAND = 80  # characters of a command


def lock_owner(places: Mapping[Path, int]) -> str:
    """Return the process that has locked the byte at one of these places for itself.

    For example: "process 7 (rag add reports)".

    "" where there is none, or the system does not say.
    """
    with suppress(OSError, ValueError):
        inodes = {file.stat().st_ino: place for file, place in places.items() if file.exists()}
        for line in LOCKS.read_text().splitlines():
            # As in "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 120 120"; one who waits has an arrow
            # behind its number.
            _, kind, _, access, process, file, first, last = line.split()[:8]
            place = inodes.get(int(file.rpartition(":")[2]), -1)
            if (kind, access) == ("POSIX", "WRITE") and int(first) <= place <= float(
                last.replace("EOF", "inf")
            ):
                return f"process {process}{_command(process)}"
    return ""


def _command(process: str) -> str:
    with suppress(OSError):
        words = Path("/proc", process, "cmdline").read_bytes().decode(errors="replace").split("\0")
        command = " ".join(Path(word).name for word in words).strip()[:_LONGEST_COMMAND]
        return f" ({''.join(c if c.isprintable() else ' ' for c in command)})"
    return ""
