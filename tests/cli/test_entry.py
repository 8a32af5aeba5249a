"""Ctrl-C at any moment of a command, from the first import to the end of the process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import TRAINS, main

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no way to send Ctrl-C to one process alone"
)

ROOT = Path(__file__).parents[2]
MOMENTS = 12
Start = Callable[..., "subprocess.Popen[str]"]
STOPPED = "rag: stopped; what was finished is kept.\n"

# Runs `rag` with the fakes in place of the models, and writes a line once its handler is in place.
PROGRAM = """
import signal, sys, types
from rag.cli import entry
registry = sys.modules["rag.models.registry"] = types.ModuleType("rag.models.registry")
registry.Models = lambda settings: __import__("fakes").FakeModels()
install = signal.signal
def install_and_say_so(*arguments):
    install(*arguments)
    signal.signal = install
    sys.stdout.write("\\n")
    sys.stdout.flush()
signal.signal = install_and_say_so
entry.run_and_exit()
"""


@pytest.fixture
def started() -> Iterator[Start]:
    """Starts a process that runs `rag`, and kills it in the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(folder: Path, *arguments: str, program: str = PROGRAM) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests/helpers'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()  # one that did not end
        process.communicate()


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trains.txt").write_text(TRAINS, encoding="utf-8")
    assert main(["add", "trains.txt"]) == 0
    return tmp_path


def test_whenever_it_comes_ctrl_c_ends_with_one_line(library: Path, started: Start) -> None:
    begun = time.monotonic()
    out, err = started(library, "search", "night train").communicate()
    whole = time.monotonic() - begun
    assert ("seventeen times" in out, err) == (True, "")
    stopped = 0
    for moment in range(MOMENTS):
        process = started(library, "search", "night train")
        assert process.stdout
        process.stdout.readline()  # its handler is in place
        time.sleep(whole * moment / MOMENTS)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) in ((130, STOPPED), (0, "")), (
            f"after {moment} of {MOMENTS}"
        )
        stopped += process.returncode == 130
    assert stopped, "most came after the end, so little was tested"


# One moment of the life of a process, in which it sends itself Ctrl-C.
MOMENT = """
import os, signal, sys, types
from rag.cli import entry
import rag.cli.main as module
def stop():
    os.kill(os.getpid(), signal.SIGINT)
{moment}
entry.run_and_exit()
"""
MOMENTS_OF_LIFE = {
    "while a module of ours is imported": """
del sys.modules["rag.cli.main"]
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "rag.cli.main":
            stop()
sys.meta_path.insert(0, Finder())
""",
    "while a command imports a library": """
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "colorsys":
            stop()
            for _ in range(1000):  # what the library does is not interrupted
                pass
            finished.append(name)
sys.meta_path.insert(0, Finder())
finished = []
def main(arguments):
    try:
        import colorsys
        while True:
            pass
    except KeyboardInterrupt:
        assert finished
        os.write(2, entry._LINE)
        return 130
module.main = main
""",
    "in a finalizer": """
class Finalized:
    def __del__(self):
        stop()
        for _ in range(1000):
            pass
def main(arguments):
    try:
        Finalized()
        while True:
            pass
    except KeyboardInterrupt:
        os.write(2, entry._LINE)
        return 130
module.main = main
""",
    "while a command cleans up": """
def main(arguments):
    try:
        stop()
    finally:
        stop()
        while True:
            pass
module.main = main
""",
    "as the process ends": """
import atexit
def main(arguments):
    atexit.register(stop)
    return 0
module.main = main
""",
    "while threads are waited for": """
import threading, time
def main(arguments):
    threading.Thread(target=lambda: (time.sleep(0.2), stop(), time.sleep(60))).start()
    return 0
module.main = main
""",
}


@pytest.mark.parametrize("moment", MOMENTS_OF_LIFE)
def test_at_a_certain_moment_ctrl_c_ends_with_one_line(
    tmp_path: Path, moment: str, started: Start
) -> None:
    program = MOMENT.format(moment=MOMENTS_OF_LIFE[moment])
    process = started(tmp_path, "list", program=program)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, STOPPED)


def test_what_a_command_ends_with_is_the_exit_code(tmp_path: Path, started: Start) -> None:
    for arguments, code in ((["--help"], 0), (["list"], 4), (["nonsense"], 2)):
        process = started(tmp_path, *arguments)
        process.communicate(timeout=60)
        assert process.returncode == code
    broken = MOMENT.format(moment="def main(arguments): 1 / 0\nmodule.main = main")
    process = started(tmp_path, "list", program=broken)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "ZeroDivisionError" in err) == (1, True)
