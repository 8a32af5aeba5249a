"""Write the lock files in requirements/ anew, from pyproject.toml and the package index.

    pip install uv
    python scripts/lock.py              # keep the versions that are locked, lock what is new
    python scripts/lock.py --upgrade    # the newest versions that pyproject.toml allows

`make test` installs exactly what these files name, each archive checked against its sha256. They
hold every platform's archives. torch has a file of its own: what the index has for Linux brings
CUDA, so a build for CPUs is preferred where pip is told of a place that has it
(requirements/torch-cpu.txt, kept by hand: the index does not list those builds).
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
# What builds llama-cpp-python and this project. CMake and Ninja come along: not every system has
# them, and without build isolation nobody else brings them.
BUILD = (
    "scikit-build-core>=0.9.2",
    "cmake>=3.21",
    "ninja>=1.11",
    "hatchling>=1.27,<2",
    "editables",
)
OF_TORCH = re.compile(r"(?:torch|triton|cuda-\w+|nvidia-[\w-]+)==")
HEADERS = {
    "build": "What builds llama-cpp-python and this project",
    "test": "The project's dependencies and the tools of its tests, without torch",
    "torch": "torch, with the CUDA libraries that its builds for Linux are linked to",
}


def main() -> None:
    """Write the three files."""
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
    LOCKS.mkdir(exist_ok=True)
    tested = _locked(ROOT / "pyproject.toml", *upgrade, "--extra", "test")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "build.in")
        wanted.write_text("\n".join(BUILD), encoding="utf-8")
        _write("build", _locked(wanted, *upgrade))
    _write("test", [block for block in tested if not OF_TORCH.match(block)])
    _write("torch", [block for block in tested if OF_TORCH.match(block)])


def _locked(wanted: Path, *options: str) -> list[str]:
    """Return a block of lines for each package: its version and the hashes of its archives."""
    command = "uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate"
    locks = [Path(LOCKS, f"{name}.txt") for name in HEADERS]
    kept = [f"--constraint={file}" for file in locks if file.is_file()]
    done = subprocess.run(  # noqa: S603 - the words are those above
        [
            *command.split(),
            "--no-header",
            *([] if "--upgrade" in options else kept),
            *options,
            str(wanted),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return re.findall(r"^\S.*(?:\n .*)*", done.stdout, re.MULTILINE)


def _write(name: str, blocks: list[str]) -> None:
    text = "\n".join([f"# {HEADERS[name]}. Written by scripts/lock.py; do not edit.", *blocks, ""])
    (LOCKS / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
