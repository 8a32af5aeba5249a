"""The table of who may import whom. Imports point downwards only, and each heavy library has one room."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "rag"

# A module may import those named behind it, and no others of ours.
MAY_IMPORT = {
    "__init__": "",
    "types": "",
    "config": "",
    "sentences": "",
    "words": "",
    "markdown": "",
    "embedded": "types",
    "quotations": "sentences types",
    "documents": "markdown quotations types",
    "chunks": "sentences types",
    "encoders": "embedded types",
    "library": "types",
    "search": "library types",
    "evidence": "sentences types words",
    "prompt": "types",
    "llm": "embedded types",
    "citations": "sentences types words",
    "pipeline": "chunks citations config documents embedded encoders evidence library llm prompt search types",
    "render": "types",
    "page": "config library pipeline render types",
    "cli": "config page pipeline render types",
    "__main__": "cli",
    "train_reader": "embedded encoders sentences types",
}

# The one room of each library that is slow to import or belongs to one task. Only train_reader, which no user runs, is free.
ROOM_OF = {
    "charset_normalizer": "documents",
    "faiss": "library",
    "gradio": "page",
    "llama_cpp": "llm",
    "markdown_it": "markdown",
    "nupunkt": "sentences",
    "onnx": "encoders",
    "onnxruntime": "encoders",
    "platformdirs": "embedded",
    "safetensors": "encoders",
    "sentence_transformers": "encoders",
    "snowballstemmer": "words",
    "sqlite3": "library",
    "tokenizers": "encoders",
    "torch": "encoders",
    "transformers": "encoders",
}
TRAINING = "train_reader"
# They come with sentence-transformers, whose model they help to load.
WITH_SENTENCE_TRANSFORMERS = {"safetensors", "transformers"}
HEAVY = {"faiss", "gradio", "llama_cpp", "numpy", "onnxruntime", "sentence_transformers", "sqlite3", "torch"}

DISTRIBUTIONS = packages_distributions()
MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.glob("*.py"))}


def imports(node: ast.AST, module_level: bool = False) -> Iterator[str]:
    """The modules imported in `node`, as in "rag.types" or "torch"; with `module_level` only those that importing it imports."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                yield from (alias.name for alias in child.names)
            case ast.ImportFrom(module="rag"):
                yield from (f"rag.{alias.name}" for alias in child.names)
            case ast.ImportFrom():
                yield "." * child.level + (child.module or "")  # a relative one fails every table
            case ast.FunctionDef() | ast.AsyncFunctionDef() if module_level:
                pass
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                pass
            case _:
                yield from imports(child, module_level)


def loaded_by(*arguments: str) -> set[str]:
    """Which of the heavy libraries a fresh Python imports in a run with these arguments."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "site" in names, "this Python does not say what it imports"
    return names & HEAVY


def test_the_table_names_every_module_and_no_other() -> None:
    assert set(MAY_IMPORT) == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_stands_below_it(module: str) -> None:
    ours = {name.removeprefix("rag.") for name in imports(MODULES[module]) if name == "rag" or name.startswith("rag.")}
    assert ours <= set(MAY_IMPORT.get(module, "").split())


def test_the_table_has_no_cycle() -> None:
    placed: set[str] = set()
    while placed < set(MAY_IMPORT):
        free = {module for module, below in MAY_IMPORT.items() if set(below.split()) <= placed} - placed
        assert free, f"these import each other: {sorted(set(MAY_IMPORT) - placed)}"
        placed |= free


@pytest.mark.parametrize("library", ROOM_OF)
def test_a_library_is_imported_in_one_room_only(library: str) -> None:
    rooms = {module for module, tree in MODULES.items() if library in {name.split(".")[0] for name in imports(tree)}}
    assert rooms - {TRAINING} <= {ROOM_OF[library]}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {TRAINING}))
def test_importing_a_module_imports_no_library_but_numpy_and_sqlite(module: str) -> None:
    foreign = {name.split(".")[0] for name in imports(MODULES[module], module_level=True)} - set(sys.stdlib_module_names)
    assert foreign <= {"rag", "numpy"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {TRAINING}))
def test_every_library_of_a_module_has_a_room(module: str) -> None:
    foreign = {name.split(".")[0] for name in imports(MODULES[module])} - set(sys.stdlib_module_names)
    assert foreign <= {"rag", "numpy", *ROOM_OF}


@pytest.mark.parametrize("library", sorted({"numpy", *ROOM_OF} - {"sqlite3"} - WITH_SENTENCE_TRANSFORMERS))
def test_a_library_we_import_is_one_the_project_asks_for(library: str) -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked_for = {re.split(r"[<>=~! \[]", requirement)[0] for requirement in project["dependencies"]}
    assert asked_for & {name.lower().replace("_", "-") for name in DISTRIBUTIONS[library]}


@pytest.mark.parametrize("arguments", [("-c", "import rag"), ("-m", "rag", "--help"), ("-m", "rag", "ask", "--help")])
def test_importing_the_package_and_asking_for_help_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) == set()


def test_importing_the_pipeline_loads_no_model_and_no_index() -> None:
    assert loaded_by("-c", "import rag.pipeline") == {"numpy", "sqlite3"}
