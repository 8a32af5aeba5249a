"""The documentation does what it says.

Its examples run as they stand there, but for the question, the port and the names of files, with
the embedded models. Its links lead somewhere, and the files, options and settings it names exist.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gguf_files import write_gguf
from served import TOKEN, a_pdf
from test_imports import ABOVE, BASE

from rag.cli.main import main
from rag.config import Settings, bundled
from rag.library.backup import export_library
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.serve import serve

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "docs", "docs/decisions", "docs/tutorials", "examples", "indexes", "prompts")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in sorted((ROOT / folder).glob("*.md"))
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Of the samples. It stands for every question of the documentation.
ASKED = "When is the first auction for large consumers under the new reserve law?"
EXAMPLE_QUESTION = "How much did trade grow?"


def blocks(*kinds: str) -> list[tuple[str, int, str, str]]:
    """Return page, number, kind and text of every block of these kinds."""
    return [
        (page, number, kind, text)
        for page, whole in PAGES.items()
        for number, (kind, text) in enumerate(BLOCK.findall(whole))
        if kind in kinds
    ]


def commands() -> list[list[str]]:
    """Return every command line of `rag` in a block of the shell or a table, once."""
    lines = [line for _, _, _, text in blocks("sh") for line in text.splitlines()]
    lines += re.findall(r"\| `(\.venv/bin/rag [^`]+)`", PAGES["README.md"])
    split = [shlex.split(line, comments=True) for line in lines if "rag " in line]
    found = [words[1:] for words in split if words and words[0] in ("rag", ".venv/bin/rag")]
    return [words for number, words in enumerate(found) if words not in found[:number]]


# --- Blocks of Python, of JSON and of curl, against a server --------------------------------------

EXAMPLES = [
    pytest.param(kind, text, id=f"{page}-{number}-{kind}")
    for page, number, kind, text in blocks("python", "json", "sh")
    if kind != "sh" or text.startswith("curl")
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The embedded models without the language model, loaded once for all commands."""
    return Models(_settings(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, models: Models) -> Path:
    """A working folder with the library `reports` of the samples, which keeps one conversation."""
    folder = tmp_path_factory.mktemp("documented")
    (folder / "report.pdf").write_bytes(a_pdf("Trade grew by 30 percent in May."))
    with Pipeline(_settings(folder), models) as pipeline:
        outcomes = [added.outcome for added in pipeline.add([bundled("samples")])]
        assert outcomes == ["added"] * 6 + ["skipped"]  # the questions about them
        answer = pipeline.ask(ASKED)
        assert pipeline.library.conversations.keep(0, answer) == 1
    return folder


@pytest.fixture(scope="module")
def served(
    library: Path, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """A copy of the working folder, and the port its library is served on."""
    folder = tmp_path_factory.mktemp("served") / "copy"
    shutil.copytree(library, folder)
    url, close = serve(_settings(folder), models, "127.0.0.1", None, TOKEN)
    yield folder, url.rstrip("/").rpartition(":")[2]
    close()


def _settings(folder: Path) -> Settings:
    return Settings(folder / "indexes", "reports", model=None, embeddings="", generate=False)


@pytest.mark.models
@pytest.mark.parametrize(("kind", "block"), EXAMPLES)
def test_an_example_does_what_it_says(kind: str, block: str, served: tuple[Path, str]) -> None:
    folder, port = served
    if kind == "json":
        (server,) = json.loads(block)["mcpServers"].values()
        assert server["command"] == "rag"
        command = [sys.executable, "-m", "rag", *server["args"], "--help"]
    elif kind == "sh":
        command = ["sh", "-ec", block.replace("curl -s", "curl --fail-with-body -s")]
        if not shutil.which("curl"):
            pytest.skip("this machine has no curl")
    else:
        command = [sys.executable, "-c", block]
    command = [
        part.replace(":7860", f":{port}").replace(EXAMPLE_QUESTION, ASKED) for part in command
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def _environment() -> dict[str, str]:
    """Return the environment in which this checkout is `rag`, and answers are quotations."""
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "RAG_MODEL": "none", "RAG_TOKEN": TOKEN}


# --- Commands -------------------------------------------------------------------------------------

# What the capital words of a command line stand for; names of files are those of `working_folder`.
MEANT = {
    "PATH…": ["report.pdf"],
    "FOLDER…": ["reports"],
    "~/reports": ["reports"],
    "DOC…": ["seed-bank", "night-trains"],
    "QUESTION": [ASKED],
    "QUESTIONS.jsonl": ["questions.jsonl"],
    "KEY": ["1"],
    "NAME": ["Trade"],
    "SHELL": ["bash"],
    "SET_DIR": ["set"],
}
# They run until they are stopped, for minutes, or need a network.
ENDLESS = {"serve", "mcp", "bench", "--watch", "pull", "https://ADDRESS", "migrate"}
# They read what only their programs write; tests/sources/ has it.
OF_PROGRAMS = {"--zotero", "--paperless"}


@pytest.fixture
def working_folder(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the library beside all files that the commands name, as the working folder."""
    folder = tmp_path / "work"
    shutil.copytree(library, folder)
    (folder / "reports").mkdir()
    (folder / "reports" / "trade.txt").write_text("Trade\n\nTrade grew by 30 percent in May.")
    (folder / "mine.txt").write_text(f"{ASKED}\n")
    (folder / "questions.jsonl").write_text(json.dumps({"id": "q1", "question": ASKED}) + "\n")
    (folder / "set").mkdir()
    report = {"doc_id": "trade", "title": "Trade", "text": "Trade grew by 30 percent in May."}
    (folder / "set" / "corpus.jsonl").write_text(json.dumps(report) + "\n")
    question = {
        "id": "q1",
        "question": EXAMPLE_QUESTION,
        "answers": ["30 percent"],
        "answerable": True,
        "gold_doc_ids": ["trade"],
        "gold_passages": ["Trade grew by 30 percent in May."],
        "gold_mode": "any",
    }
    (folder / "set" / "questions.jsonl").write_text(json.dumps(question) + "\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RAG_LIBRARY", "reports")
    monkeypatch.setattr(Path, "home", lambda: folder / "home")
    for variable in ("XDG_DATA_HOME", "APPDATA"):
        monkeypatch.setenv(variable, str(folder / "home"))
    return folder


def prepared(words: list[str], folder: Path) -> list[str]:
    """Return the words of a command with what they stand for, after making the file they read."""
    if words[0] == "import":
        export_library(folder / "indexes", "reports", folder / "FILE")
        words = [*words, "--library", "imported"]
    if words[0] == "models" and len(words) > 1:
        model = str(write_gguf(folder / "tiny.gguf"))
        if words[1] in ("use", "remove"):
            assert main(["models", "add", model]) == 0
        named = {"add": model, "test": "embedded"}.get(words[1], "tiny")
        return [*words[:2], named]
    if words[0] == "check":
        (folder / "FILE").write_text("The first auction has been set for 19 March 2024.")
    if words[:2] == ["conversations", "--rename"]:
        words = [*words[:2], "1", "Trade"]
    if "KEY" in words and "0" in words:
        words.remove("0")
    return [meant for word in words for meant in MEANT.get(word, [word])]


@pytest.mark.models
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(words, id=" ".join(words))
        for words in commands()
        if not (ENDLESS | OF_PROGRAMS) & {*words}
    ],
)
def test_a_command_runs_as_it_is_written(
    words: list[str], working_folder: Path, models: Models
) -> None:
    words = [ASKED if word == EXAMPLE_QUESTION else word for word in words]
    given = prepared(words, working_folder)
    if "--prune" in given:
        given.append("--yes")
    assert main(given, lambda _: models) == 0


def test_there_are_commands_to_run() -> None:
    names = {words[0] for words in commands()}
    assert names == _commands_of_help()


def _commands_of_help() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "rag", "--help"],
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^  ([a-z][a-z-]+) {2,}", done.stdout, re.MULTILINE))


NAMED = {" ".join(words) for words in commands() if (ENDLESS | OF_PROGRAMS) & {*words}} | {
    inline for page in PAGES.values() for inline in re.findall(r"`rag ([a-z]+(?: [^`]*)?)`", page)
}


@pytest.mark.parametrize("named", sorted(NAMED))
def test_a_command_that_is_named_exists_with_its_options(
    named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = named.split()
    with pytest.raises(SystemExit) as ended:
        main([words[0], "--help"])
    assert ended.value.code == 0
    options = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", capsys.readouterr().out))
    assert {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} <= options


@pytest.mark.models
def test_the_example_of_the_readme_has_the_footnotes_that_the_command_prints(
    library: Path,
    models: Models,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ((_, _, _, block),) = blocks("console")
    asked, _, shown = block.partition("\n")
    question = re.fullmatch(r'\$ make ask Q="(.*)"', asked)
    assert question
    monkeypatch.chdir(library)
    assert main(["ask", "--library", "reports", question[1]], lambda _: models) == 0
    answer, _, footnotes = capsys.readouterr().out.strip().partition("\n\n")
    assert footnotes == shown.strip().partition("\n\n")[2]
    assert re.findall(r"\[\d\]", answer) == re.findall(r"\[\d\]", shown.partition("\n\n")[0])


TARGETS = {
    target
    for page in PAGES.values()
    for target in re.findall(r"(?:^|`|\$ )make (\w+)", page, re.MULTILINE)
}


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_target_of_make_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


# --- What the pages name --------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", PAGES[page]))
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_ours_that_is_named_exists(page: str) -> None:
    named = re.findall(
        r"(?<![\w/.])((?:rag|tests|scripts|docs|prompts|samples|examples)/[\w./-]*\w)", PAGES[page]
    )
    assert not [name for name in named if not (ROOT / name).exists()]
    modules = re.findall(r"python -m (rag\.[\w.]+)", PAGES[page])
    assert not [m for m in modules if not (ROOT / f"{m.replace('.', '/')}.py").exists()]


def test_the_map_names_every_folder_and_module_at_the_top_of_the_package() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGES["CONTRIBUTING.md"], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+(?:/|\.py))`", row)}
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "rag").iterdir()
        if path.name not in ("__init__.py", "py.typed", "__pycache__")
    }
    assert named == there


def test_the_map_has_the_table_of_imports() -> None:
    found = re.findall(
        r"^\| `([a-z_]+)(?:/|\.py)`[^|]*\|[^|]*\| ([a-z ]+) \|$",
        PAGES["CONTRIBUTING.md"].replace("| |", "| nothing |"),
        re.MULTILINE,
    )
    table = {name: set(below.split()) for name, below in found}
    order = list(table)
    assert table.pop("training") == {"anything"}
    assert table.pop("data") == {"nothing"}
    for name, below in ABOVE.items():
        if name in table:
            assert table.pop(name) - {"nothing"} == set(below.split()), name
            assert all(order.index(name) < order.index(other) for other in below.split())
    assert set(table) == set(BASE)


def test_every_setting_is_documented() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "rag").rglob("*.py"))
    used = set(re.findall(r'"(RAG_[A-Z]+)"', source))
    table = re.findall(r"^\| `(RAG_[A-Z]+)` \|", PAGES["docs/command-line.md"], re.MULTILINE)
    assert used == set(table)


def test_the_wheels_to_install_by_hand_are_within_the_bounds_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r'"((?:llama-cpp-python|torch)>=[^"]+)"', PAGES["docs/quickstart.md"])
    assert len(named) == 2
    assert set(named) <= {*project["dependencies"], *project["optional-dependencies"]["llm"]}


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


@pytest.mark.models
def test_the_form_of_an_answer_is_documented(
    working_folder: Path, models: Models, capsys: pytest.CaptureFixture[str]
) -> None:
    question = "How much silted gravel did the fishermen's divers find on the Stennet Bank?"
    assert main(["ask", "--json", question], lambda _: models) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["citations"][0]["note"], "a note has keys, too"
    section = PAGES["docs/api.md"].split("## The answer as JSON")[1]
    documented = set(re.findall(r'"([a-z_]+)"', section.split("```")[1]))
    assert documented - {"generated", "extractive"} == _keys(answer)
