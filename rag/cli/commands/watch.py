"""Watch folders for changes.   [watchfiles]"""

from collections.abc import Generator, Sequence
from pathlib import Path

_LOOK_MILLISECONDS = 500  # how soon the first look at everything comes


def changes(folders: Sequence[Path]) -> Generator[frozenset[Path]]:
    """Yield an empty set once no change will be missed, then sets of changed or removed paths.

    The paths are absolute, without links. A file that is still changing is waited for, up to two
    seconds. KeyboardInterrupt passes through.
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
    """Return the files that changed, or lie in a folder that did."""
    real = ((file, _real(file.absolute())) for file in files)
    return [
        file for file, place in real if place in changed or not changed.isdisjoint(place.parents)
    ]


def _real(path: Path) -> Path:
    """Return the path with the links above it resolved; the file itself may be one."""
    return path.parent.resolve() / path.name
