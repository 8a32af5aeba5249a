"""What several commands share: the pipeline of their library, and files read and written."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rag.config import Settings

# The pipeline and all it brings are imported by the commands that need them, so that `rag --help`
# is instant.
if TYPE_CHECKING:
    from rag.pipeline import Pipeline

Command = Callable[[Settings, argparse.Namespace], int]

FAILED, ABSTAINED, DAMAGED, STOPPED = 1, 3, 4, 130  # exit codes


def open_pipeline(settings: Settings, options: argparse.Namespace) -> "Pipeline":
    """Return a pipeline over the library of the settings, which loads no model yet."""
    from rag.pipeline import Pipeline

    return Pipeline(settings, options.make_models(settings))


def read_text_file(path: Path, what: str, expected: str) -> str:
    """Return the text of a UTF-8 file.

    `what` names it in the UsageError for one that cannot be read ("The questions"), and `expected`
    says what to give instead.
    """
    from rag.errors import UsageError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{what} in {path} cannot be read ({error}); give {expected}.") from error


@contextmanager
def open_answers(path: Path | None) -> Iterator[IO[str]]:
    """Yield a file for answers, which appears at `path` when the block ends without an error.

    Without a path the answers are dropped. Raises UsageError if it cannot be written.
    """
    from rag.errors import UsageError
    from rag.files import written_whole

    if path is None:
        with Path(os.devnull).open("w", encoding="utf-8") as out:
            yield out
        return
    try:
        with written_whole(path) as temporary, temporary.open("w", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise UsageError(
            f"The answers cannot be written to {path} ({error.strerror}); name another file with "
            "--out."
        ) from error
