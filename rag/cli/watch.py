"""What changes below folders, as it changes.   [watchfiles]"""

from collections.abc import Generator, Sequence
from pathlib import Path

_LOOK_MILLISECONDS = 500  # how soon the first look at everything comes


def changes(folders: Sequence[Path]) -> Generator[frozenset[Path]]:
    """First nothing, once no change will be missed.

    Then the files and folders that changed or are gone, some at a time.

    Their paths are absolute, without links. What still changes is waited for, up to two seconds.
    Ctrl-C is raised from here.
    """
    from watchfiles import watch

    watching = False
    for found in watch(
        *folders, watch_filter=None, rust_timeout=_LOOK_MILLISECONDS, yield_on_timeout=True
    ):
        if not watching:
            watching = True
            yield frozenset()
        if found:
            yield frozenset(_real(Path(path)) for _, path in found)


def among(files: Sequence[Path], changed: frozenset[Path]) -> list[Path]:
    """The files that changed, or lie in a folder that did."""
    real = ((file, _real(file.absolute())) for file in files)
    return [
        file for file, place in real if place in changed or not changed.isdisjoint(place.parents)
    ]


def _real(path: Path) -> Path:
    """The path without links above it; the file itself may be one."""
    return path.parent.resolve() / path.name
