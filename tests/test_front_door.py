"""What `from rag import …` gives."""

import inspect
import tomllib
from pathlib import Path

import pytest
from fakes import FakeModels
from loaded import loaded_by

import rag
from rag import errors
from rag.cli.main import main
from rag.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_everything_named_is_there_and_nothing_else() -> None:
    assert dir(rag) == sorted(rag.__all__)
    for name in rag.__all__:
        assert getattr(rag, name)
    with pytest.raises(AttributeError, match="module 'rag' has no attribute 'Pipelines'"):
        _ = rag.Pipelines  # type: ignore[attr-defined]


def test_every_error_of_the_tree_is_there() -> None:
    tree = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert tree == {name for name in rag.__all__ if name.endswith("Error")}
    assert all(issubclass(getattr(rag, name), rag.RagError) for name in tree)


def test_everything_says_what_it_is() -> None:
    things = [getattr(rag, name) for name in rag.__all__ if name != "__version__"]
    methods = [
        method
        for thing in things
        if inspect.isclass(thing)
        for name, method in vars(thing).items()
        if not name.startswith("_") and (inspect.isfunction(method) or isinstance(method, property))
    ]
    assert [thing for thing in [*things, *methods] if not inspect.getdoc(thing)] == []
    told = inspect.getdoc(rag.open_library) or ""
    parameters = inspect.signature(rag.open_library).parameters
    assert [name for name in parameters if f"\n    {name}: " not in told] == []
    assert "Raises:\n    UsageError: " in told


def test_naming_what_has_no_library_of_its_own_loads_nothing_heavy() -> None:
    program = "import rag; rag.RagError, rag.open_library, rag.__version__"
    assert loaded_by("-c", program) == set()


def test_a_library_is_opened_by_its_folder(tmp_path: Path) -> None:
    report = tmp_path / "trade.txt"
    report.write_text("Trade\n\nTrade rose by 30 percent.", encoding="utf-8")
    with rag.open_library(path=tmp_path / "kept" / "grain", models=FakeModels()) as library:
        assert isinstance(library, rag.Library)
        assert rag.Library is Pipeline
        assert [added.outcome for added in library.add([report])] == ["added"]
    assert (tmp_path / "kept" / "grain" / "library.db").is_file()
    with rag.open_library(path=str(tmp_path / "kept" / "grain"), models=FakeModels()) as library:
        assert isinstance(library.document("trade"), rag.Document)
        with pytest.raises(rag.NotFoundError, match="no document 'wool'"):
            library.document("wool")


def test_a_name_and_a_folder_are_not_given_together(tmp_path: Path) -> None:
    with pytest.raises(rag.UsageError, match="give one of them"):
        rag.open_library("grain", path=tmp_path)


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert rag.__version__ == VERSION
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"rag {VERSION}\n"
