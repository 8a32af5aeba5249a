"""Adding files: what is wrong with one never keeps the others out."""

import os
from pathlib import Path

import pytest
from fakes import WordsEmbedder

from rag import ingest
from rag.ingest import add_files
from rag.library.store import Library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "made", embedder="words", dimension=4096, create=True)


def write(folder: Path, names: str) -> list[Path]:
    files = [folder / f"{name}.txt" for name in names]
    for file in files:
        file.write_text(f"The quay of {file.stem} was built in 1931.", encoding="utf-8")
    return files


@pytest.mark.parametrize("step", ["read_document", "make_chunks"])
def test_an_exception_nobody_expected_stops_no_batch(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    works = getattr(ingest, step)

    def breaks(what: object, *rest: object) -> object:
        if "b" in (getattr(what, "name", ""), getattr(what, "stem", "")):
            raise ZeroDivisionError("a defect")
        return works(what, *rest)

    monkeypatch.setattr(ingest, step, breaks)
    outcomes = list(add_files(library, WordsEmbedder(), write(tmp_path, "abc")))
    assert [added.outcome for added in outcomes] == ["added", "failed", "added"]
    assert outcomes[1].reason.startswith("b.txt ")
    assert "report" in outcomes[1].reason
    assert "ZeroDivisionError: a defect" in outcomes[1].traceback


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names that are no text")
def test_a_name_that_is_no_text_stops_no_batch(library: Library, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt"))
    odd.write_text("Nobody can write its name.", encoding="utf-8")
    outcomes = list(add_files(library, WordsEmbedder(), [odd, *write(tmp_path, "c")]))
    assert outcomes[-1].outcome == "added"
    outcomes[0].reason.encode()
