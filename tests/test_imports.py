"""The table of who may import whom.

Imports point downwards only, and each heavy library has one room.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from loaded import loaded_by

PACKAGE = Path(__file__).parents[1] / "rag"

# A module may import those named behind it, and no others of ours.
MAY_IMPORT = {
    "__init__": "config pipeline",
    "types": "",
    "config": "types",
    "sentences": "",
    "words": "",
    "blocks": "types",
    "markdown": "blocks",
    "archive": "types",
    "markup": "types",
    "styles": "",
    "web": "blocks markup styles types",
    "epub": "archive blocks markup types web",
    "tables": "blocks types",
    "structure": "blocks quotations types words",
    "embedded": "config types",
    "quotations": "sentences types",
    "office": "archive blocks markup types",
    "word": "blocks office",
    "opendocument": "blocks office",
    "documents": "archive blocks epub markdown markup office opendocument pdf structure tables types web word",
    "chunks": "sentences types",
    "encoders": "embedded types",
    "query": "types",
    "schema": "",
    "locks": "",
    "database": "locks schema types",
    "records": "schema types",
    "vectors": "types",
    "originals": "documents",
    "render": "types",
    "conversations": "database render types words",
    "dense": "database types vectors",
    "lexical": "database query",
    "health": "database records types",
    "library": "conversations database dense health lexical originals query records types",
    "transfer": "database library schema types",
    "search": "library types",
    "evidence": "sentences types words",
    "prompt": "types",
    "llm": "config embedded prompt types",
    "amounts": "words",
    "verdicts": "amounts quotations types words",
    "citations": "sentences types verdicts words",
    "statements": "citations render types",
    "layout": "blocks types",
    "pdf": "blocks layout types",
    "pipeline": (
        "chunks citations config documents embedded encoders evidence library llm pdf prompt query search statements types "
        "verdicts"
    ),
    "evaluation_sets": "pipeline query sentences types",
    "evaluate": "config documents evaluation_sets pipeline types",
    "generated": "query types",
    "bench": "chunks config embedded evaluate evaluation_sets generated library pipeline search types",
    "progress": "render",
    "watch": "",
    "adding": "config pipeline progress types watch",
    "exports": "blocks render types",
    "metrics": "",
    "service": "config documents library metrics pipeline types",
    "access": "documents types",
    "openai_api": "render service types",
    "mcp_server": "pipeline render service types",
    "uploads": "service types",
    "sse": "",
    "shapes": "conversations pipeline types uploads",
    "conversations_api": "conversations exports render service shapes types",
    "problems": "openai_api service types",
    "questions_api": "conversations_api problems render service shapes sse types",
    "documents_api": "service shapes sse types uploads",
    "api": (
        "access client conversations_api documents_api mcp_server openai_api problems questions_api service shapes types uploads"
    ),
    "client": "config render types",
    "html": "render types",
    "examples": "types words",
    "tasks": "pipeline service types",
    "shelf": "conversations html library tasks uploads",
    "desk": "conversations examples html service shelf tasks types uploads",
    "page": "desk shelf types",
    "server": "access api client config desk page service types uploads",
    "cli": (
        "access adding bench client config conversations evaluate evaluation_sets exports mcp_server pipeline render server "
        "service transfer types"
    ),
    "__main__": "cli",
    "lora": "",
    "train_data": "encoders search",
    "train_layers": "",
    "train_reader": "embedded encoders sentences train_data train_layers words",
    "train_adapter": "config embedded evidence lora prompt train_data train_layers types",
}

# The one room of each library that is slow to import or belongs to one task. Only those that train,
# which no user runs, are free.
ROOM_OF = {
    "charset_normalizer": "blocks",
    "docx": "exports office",
    "faiss": "vectors",
    "fastapi": "api conversations_api documents_api openai_api problems questions_api sse",
    "gradio": "page",
    "llama_cpp": "llm",
    "lxml": "markup",
    "markdown_it": "markdown",
    "mcp": "mcp_server",
    "nupunkt": "sentences",
    "onnx": "encoders",
    "onnxruntime": "encoders",
    "platformdirs": "embedded",
    "pydantic": "mcp_server openai_api problems shapes",
    "pypdfium2": "pdf",
    "rich": "progress",
    "safetensors": "encoders",
    "sentence_transformers": "encoders",
    "snowballstemmer": "words",
    "sqlite3": "database transfer",
    "starlette": "api problems",
    "tokenizers": "encoders",
    "torch": "encoders",
    "transformers": "encoders",
    "uvicorn": "server",
    "watchfiles": "watch",
}
# The types of their libraries stand in the signatures of their routes and tools, so these import
# them at the top, and are imported inside functions themselves.
FACES = {
    "api",
    "conversations_api",
    "documents_api",
    "mcp_server",
    "openai_api",
    "page",
    "problems",
    "questions_api",
    "shapes",
    "sse",
}
TRAINING = {"lora", "train_adapter", "train_data", "train_layers", "train_reader"}
# They come with sentence-transformers, whose model they help to load.
WITH_SENTENCE_TRANSFORMERS = {"safetensors", "transformers"}

DISTRIBUTIONS = packages_distributions()
MODULES = {
    path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.glob("*.py"))
}


def imports(node: ast.AST, module_level: bool = False) -> Iterator[str]:
    """The modules imported in `node`, as in "rag.types" or "torch".

    With `module_level` only those that importing it imports.
    """
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


def test_the_table_names_every_module_and_no_other() -> None:
    assert set(MAY_IMPORT) == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_stands_below_it(module: str) -> None:
    ours = {
        name.removeprefix("rag.")
        for name in imports(MODULES[module])
        if name == "rag" or name.startswith("rag.")
    }
    assert ours <= set(MAY_IMPORT.get(module, "").split())


def test_the_table_has_no_cycle() -> None:
    placed: set[str] = set()
    while placed < set(MAY_IMPORT):
        free = {
            module for module, below in MAY_IMPORT.items() if set(below.split()) <= placed
        } - placed
        assert free, f"these import each other: {sorted(set(MAY_IMPORT) - placed)}"
        placed |= free


@pytest.mark.parametrize("library", ROOM_OF)
def test_a_library_is_imported_in_one_room_only(library: str) -> None:
    rooms = {
        module
        for module, tree in MODULES.items()
        if library in {name.split(".")[0] for name in imports(tree)}
    }
    assert rooms - TRAINING <= set(ROOM_OF[library].split())


@pytest.mark.parametrize("module", sorted(set(MODULES) - FACES))
def test_a_face_with_its_library_at_the_top_is_imported_inside_functions(module: str) -> None:
    assert (
        not {name.removeprefix("rag.") for name in imports(MODULES[module], module_level=True)}
        & FACES
    )


@pytest.mark.parametrize("module", sorted(set(MODULES) - TRAINING - FACES))
def test_importing_a_module_imports_no_library_but_numpy_and_sqlite(module: str) -> None:
    foreign = {name.split(".")[0] for name in imports(MODULES[module], module_level=True)} - set(
        sys.stdlib_module_names
    )
    assert foreign <= {"rag", "numpy"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - TRAINING))
def test_every_library_of_a_module_has_a_room(module: str) -> None:
    foreign = {name.split(".")[0] for name in imports(MODULES[module])} - set(
        sys.stdlib_module_names
    )
    assert foreign <= {"rag", "numpy", *ROOM_OF}


@pytest.mark.parametrize(
    "library", sorted({"numpy", *ROOM_OF} - {"sqlite3"} - WITH_SENTENCE_TRANSFORMERS)
)
def test_a_library_we_import_is_one_the_project_asks_for(library: str) -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    asked_for = {re.split(r"[<>=~! \[]", requirement)[0] for requirement in project["dependencies"]}
    assert asked_for & {name.lower().replace("_", "-") for name in DISTRIBUTIONS[library]}


@pytest.mark.parametrize(
    "arguments", [("-c", "import rag"), ("-m", "rag", "--help"), ("-m", "rag", "ask", "--help")]
)
def test_importing_the_package_and_asking_for_help_load_nothing_heavy(
    arguments: tuple[str, ...],
) -> None:
    assert loaded_by(*arguments) == set()


def test_importing_the_pipeline_loads_no_model_and_no_index() -> None:
    assert loaded_by("-c", "import rag.pipeline") == {"numpy", "sqlite3"}
