"""What `rag add`, `rag remove` and `rag rebuild` do, show and ask.

It imports the pipeline, so the commands import it when they run.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.cli.commands.watch import among, changes
from rag.cli.common import FAILED
from rag.cli.output import print_json
from rag.cli.progress import Display
from rag.config import version
from rag.errors import DocumentError, UsageError
from rag.files import written_whole
from rag.ingest import Added, find_files, left_out_summary
from rag.pipeline import Pipeline
from rag.sources.web import FETCHED, fetch
from rag.text.characters import printable
from rag.types import SourceFile


def add(
    pipeline: Pipeline,
    paths: Sequence[Path],
    prune: bool,
    yes: bool,
    as_json: bool,
    report: Path | None = None,
) -> int:
    """Add files and folders, and return the exit code.

    What failed by a defect of the program is written to the file `report`.

    With `prune` remove the documents whose files are gone from there. Raises what `Pipeline.add`
    raises, and UsageError where something is to be removed and there is no terminal to ask on.
    """
    some, _ = find_files(paths, at_least=0 if prune else 1)
    outcomes = _add(pipeline, partial(pipeline.add, paths)) if some else []
    if report:
        _write_report(report, outcomes)
    gone = pipeline.gone(paths) if prune else []
    removed = bool(gone) and (
        yes or _confirm_removal([f"{document.name} ({document.path})" for document in gone])
    )
    if removed:
        remove(pipeline, [document.name for document in gone])
    if as_json:
        rows = _rows(outcomes)
        outcome = "removed" if removed else "gone"
        rows += [
            {"path": str(d.path), "outcome": outcome, "document": d.name, "reason": ""}
            for d in gone
        ]
        print_json(rows)
    if gone and not removed and not sys.stdin.isatty():
        raise UsageError(
            f"Documents not removed, for there is no terminal to ask on: {len(gone)}; give --yes "
            "to remove them."
        )
    return FAILED if any(added.outcome == "failed" for added in outcomes) else 0


def watch(pipeline: Pipeline, folders: Sequence[Path], prune: bool) -> int:
    """Add what the folders hold, then what changes in them until Ctrl-C; return the exit code.

    With `prune` remove the documents whose files are gone. Raises what `Pipeline.add` raises, and
    UsageError for a path that is no folder.
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
            files, _ = find_files(there, at_least=0)
            if wanted := among(files, changed) if changed else files:
                _add(pipeline, partial(pipeline.add, wanted if changed else there))
            # A folder in which nothing is left may have been unmounted.
            if prune and (
                gone := pipeline.gone(
                    [folder for folder in there if find_files([folder], at_least=0)[0]]
                )
            ):
                remove(pipeline, [document.name for document in gone])
    return 0


def rebuild_library(pipeline: Pipeline) -> int:
    """Chunk and embed the whole library again, and return how many documents it has."""
    with Display(sys.stderr, "documents") as display:
        documents = pipeline.rebuild(display)
        display.say(f"{documents} documents of the library {pipeline.name!r} were embedded anew.")
    return documents


def remove(pipeline: Pipeline, names: Sequence[str]) -> None:
    """Remove the documents one by one. Raises NotFoundError for a name that is not there."""
    with Display(sys.stderr, "documents") as display:
        for name in names:
            pipeline.library.remove(name)
            display.say(f"{'removed':>9}  {name}")


def add_described(pipeline: Pipeline, sources: Sequence[SourceFile], as_json: bool) -> int:
    """Add files of which others know something, and return the exit code."""
    if not sources:
        raise UsageError("No file was found there; see whether the files are on this machine.")
    return _told(_add(pipeline, partial(pipeline.add_sources, sources)), as_json)


def add_addresses(pipeline: Pipeline, addresses: Sequence[str], as_json: bool) -> int:
    """Fetch pages and files of the web, add them, and return the exit code."""

    def coming(display: Display) -> Iterator[Added]:
        for number, address in enumerate(addresses):
            display.say(f" fetching  {address}")
            with TemporaryDirectory(prefix="rag-fetched-") as folder:
                try:
                    source = fetch(address, Path(folder))
                except DocumentError as error:
                    yield Added(FETCHED / str(number), "failed", reason=str(error))
                else:
                    yield from pipeline.add_sources([source], display)

    return _told(_add(pipeline, coming), as_json)


def _told(outcomes: Sequence[Added], as_json: bool) -> int:
    if as_json:
        print_json(_rows(outcomes))
    return FAILED if any(added.outcome == "failed" for added in outcomes) else 0


def _rows(outcomes: Sequence[Added]) -> list[dict[str, str]]:
    return [
        {"path": str(a.path), "outcome": a.outcome, "document": a.document, "reason": a.reason}
        for a in outcomes
    ]


def _add(pipeline: Pipeline, add: Callable[[Display], Iterator[Added]]) -> list[Added]:
    outcomes = []
    with Display(sys.stderr, "files") as display:
        for added in add(display):
            outcomes.append(added)
            if added.outcome == "skipped":
                continue
            display.say(
                f"{added.outcome:>9}  "
                f"{added.reason or f'{added.document} ({added.chunks} passages)'}"
            )
        failed = [added for added in outcomes if added.outcome == "failed"]
        files = [added for added in outcomes if added.outcome != "skipped"]
        display.say(
            f"{len(files) - len(failed)} of {len(files)} files are in the library "
            f"{pipeline.name!r}."
        )
        if summary := left_out_summary(outcomes):
            display.say(summary)
        if failed and len(files) > 1:
            display.say(
                "\n".join(["Not added:", *(f"  {added.path}: {added.reason}" for added in failed)])
            )
        if any(added.outcome in ("added", "replaced") for added in outcomes):
            for answer in pipeline.ask_again():
                display.say(f"now answered: {answer.question}\n{'':14}{answer.answer}")
    return outcomes


def _write_report(file: Path, outcomes: Sequence[Added]) -> None:
    """Write the traceback of each file that failed by a defect. Raises UsageError."""
    lines = [f"rag {version()}, Python {sys.version.split()[0]}, {sys.platform}"]
    lines += [f"\n{added.path.name}\n{added.traceback}" for added in outcomes if added.traceback]
    try:
        with written_whole(file) as temporary:
            temporary.write_text(printable("\n".join(lines) + "\n"), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {file} ({error.strerror}); name another file."
        ) from error


def _confirm_removal(gone: Sequence[str]) -> bool:
    """Show the documents and return whether the user wants them removed; no without a terminal."""
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
