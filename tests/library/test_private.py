"""What a library holds is its owner's alone to read."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import PipelineWith
from libraries import HARBOUR, TRAINS
from served import a_pdf

from rag.files import written_whole
from rag.library.backup import export_library, import_library
from rag.library.store import Library
from rag.pipeline import Pipeline

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the permissions are POSIX's")


def open_to_others(folder: Path) -> dict[str, str]:
    """What is below the folder, and what others may do with it."""
    modes = {p.relative_to(folder).as_posix(): p.lstat().st_mode for p in folder.rglob("*")}
    return {name: oct(stat.S_IMODE(mode)) for name, mode in modes.items() if mode & 0o077}


@pytest.fixture
def pipeline(pipeline_with: PipelineWith) -> Pipeline:
    before = os.umask(0o000)  # as lax as a system can be
    try:
        made = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
        conversations = made.library.conversations
        conversations.append(conversations.begin("Trains?"), made.ask("Trains?"))
    finally:
        os.umask(before)
    return made


def test_a_library_is_its_owners_alone_while_it_is_written_too(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    indexes = pipeline.library.folder.parent
    assert (indexes / pipeline.name / "library.db-wal").exists()
    pipeline.library.source_files.keep(a_pdf("A report."), "0" * 64)
    export_library(indexes, pipeline.name, indexes / "library.rag")
    import_library(indexes / "library.rag", indexes, "copy")
    assert open_to_others(indexes) == {}
    assert indexes.stat().st_mode & 0o077 == 0


def test_a_library_that_others_could_read_is_closed_to_them_when_it_is_opened(
    pipeline: Pipeline,
) -> None:
    folder = pipeline.library.folder
    pipeline.close()
    folder.chmod(0o755)
    (folder / "library.db").chmod(0o644)
    Library.open(folder).close()
    assert open_to_others(folder.parent) == {}


# --- What killed processes leave ------------------------------------------------------------------

STOPS = """
import sys, time
from pathlib import Path
from rag.files import written_whole
import rag.library.backup
import rag.library.store

def stop(*_, **__):
    print("half", flush=True)
    time.sleep(600)

work, indexes, name, file = sys.argv[1:]
if work == "export":
    rag.library.store.Library.copy = stop
    rag.library.backup.export_library(Path(indexes), name, Path(file))
elif work == "import":
    rag.library.backup._admitted = stop
    rag.library.backup.import_library(Path(file), Path(indexes), "copy")
else:
    with written_whole(Path(file)) as unfinished:
        unfinished.write_text("half")
        stop()
"""


def stopped_half_way(work: str, pipeline: Pipeline, file: Path) -> "subprocess.Popen[str]":
    """A process that stands still in the midst of its work."""
    indexes = str(pipeline.library.folder.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", STOPS, work, indexes, pipeline.name, str(file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


def unfinished(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.glob(".*.part*")]


@pytest.mark.parametrize("work", ["export", "import", "answers"])
def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(
    pipeline: Pipeline, tmp_path: Path, work: str
) -> None:
    indexes, out = pipeline.library.folder.parent, tmp_path / "out"
    out.mkdir()
    file = out / "one"
    if work == "import":
        export_library(indexes, pipeline.name, file)

    def write_again() -> None:
        if work == "import":
            import_library(file, indexes, f"copy-{time.monotonic_ns()}")
        else:
            with written_whole(out / "another") as path:
                path.write_text("whole")

    process = stopped_half_way(work, pipeline, file)
    try:
        write_again()
        assert len(unfinished(indexes, out)) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert len(unfinished(indexes, out)) == 1
    write_again()
    assert unfinished(indexes, out) == []
