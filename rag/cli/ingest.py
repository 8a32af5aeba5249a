"""The commands that fill a library, `rag add` and `rag rebuild`.

What they show and ask, and how they go on.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rag.cli.progress import Display
from rag.cli.watch import among, changes
from rag.errors import UsageError
from rag.ingest import Added, find_files
from rag.pipeline import Pipeline

_FAILED = 1


def add(pipeline: Pipeline, paths: Sequence[Path], prune: bool, yes: bool, as_json: bool) -> int:
    """Add the files, and those below the folders.

    With `prune` remove what is gone from there. What comes back is the exit code.

    Raises what `Pipeline.add` raises, and UsageError where something is to be removed and nobody
    can be asked.
    """
    some = find_files(paths, at_least=0 if prune else 1)
    outcomes = _add(pipeline, paths) if some else []
    gone = pipeline.gone(paths) if prune else []
    removed = bool(gone) and (
        yes or _agreed([f"{document.name} ({document.path})" for document in gone])
    )
    if removed:
        remove(pipeline, [document.name for document in gone])
    if as_json:
        told = [
            {"path": str(a.path), "outcome": a.outcome, "document": a.document, "reason": a.reason}
            for a in outcomes
        ]
        left = "removed" if removed else "gone"
        told += [
            {"path": str(d.path), "outcome": left, "document": d.name, "reason": ""} for d in gone
        ]
        print(json.dumps(told, ensure_ascii=False, indent=2))
    if gone and not removed and not sys.stdin.isatty():
        raise UsageError(
            f"Documents not removed, for there is no terminal to ask on: {len(gone)}; give --yes "
            "to remove them."
        )
    return _FAILED if any(added.outcome == "failed" for added in outcomes) else 0


def follow(pipeline: Pipeline, folders: Sequence[Path], prune: bool) -> int:
    """Add what lies below the folders, then what changes there, until Ctrl-C.

    With `prune` remove what is gone.

    What comes back is the exit code. Raises what `Pipeline.add` raises, and UsageError for what is
    no folder.
    """
    find_files(folders, at_least=0)
    for path in folders:
        if not path.is_dir():
            raise UsageError(
                f"{str(path)!r} is a file, and only folders are followed; name its folder."
            )
    with suppress(KeyboardInterrupt):
        for changed in changes(folders):
            there = [folder for folder in folders if folder.is_dir()]
            files = find_files(there, at_least=0)
            if wanted := among(files, changed) if changed else files:
                _add(pipeline, wanted if changed else there)
            # A folder in which nothing is left may have been unmounted.
            if prune and (
                gone := pipeline.gone(
                    [folder for folder in there if find_files([folder], at_least=0)]
                )
            ):
                remove(pipeline, [document.name for document in gone])
    return 0


def rebuild(pipeline: Pipeline) -> int:
    """Embed the whole library anew; what comes back is the exit code."""
    with Display(sys.stderr, "documents") as display:
        display.say(
            f"{pipeline.rebuild(display)} documents of the library {pipeline.name!r} were "
            "embedded anew."
        )
    return 0


def remove(pipeline: Pipeline, names: Sequence[str]) -> None:
    """Remove the documents one by one. Raises UsageError where there is none of such a name."""
    with Display(sys.stderr, "documents") as display:
        for name in names:
            pipeline.library.remove(name)
            display.say(f"{'removed':>9}  {name}")


def _add(pipeline: Pipeline, paths: Sequence[Path]) -> list[Added]:
    outcomes = []
    with Display(sys.stderr, "files") as display:
        for added in pipeline.add(paths, display):
            outcomes.append(added)
            display.say(
                f"{added.outcome:>9}  "
                f"{added.reason or f'{added.document} ({added.chunks} passages)'}"
            )
        failed = [added for added in outcomes if added.outcome == "failed"]
        display.say(
            f"{len(outcomes) - len(failed)} of {len(outcomes)} files are in the library "
            f"{pipeline.name!r}."
        )
        if failed and len(outcomes) > 1:
            display.say(
                "\n".join(["Not added:", *(f"  {added.path}: {added.reason}" for added in failed)])
            )
    return outcomes


def _agreed(gone: Sequence[str]) -> bool:
    """Whether the user, who is shown the documents, wants them removed.

    No where nobody can be asked.
    """
    with Display(sys.stderr, "documents") as display:
        for document in gone:
            display.say(f"{'gone':>9}  {document}")
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(
        f"Remove these {len(gone)} documents? [y/N] "
        if len(gone) > 1
        else "Remove this document? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
