"""Adding files: what each becomes, and that a bad one never keeps the others out."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import PipelineWith, WordsEmbedder
from libraries import SHORT_HARBOUR as HARBOUR
from libraries import TRAINS

from rag import ingest
from rag.errors import UsageError
from rag.ingest import UPLOADED, add_files, find_files
from rag.library.store import Library
from rag.reading.documents import read_document


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "made", embedder="words", dimension=4096, create=True)


def write(folder: Path, names: str) -> list[Path]:
    files = [folder / f"{name}.txt" for name in names]
    for file in files:
        file.write_text(f"The quay of {file.stem} was built in 1931.", encoding="utf-8")
    return files


@pytest.mark.parametrize("step", ["read_apart", "make_chunks"])
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


def test_folders_are_searched_for_reports_and_hidden_files_left_out(tmp_path: Path) -> None:
    for name in ("b/two.md", "one.txt", ".hidden/three.txt", ".four.txt", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert find_files([tmp_path, tmp_path / "one.txt"])[0] == [
        tmp_path / "b/two.md",
        tmp_path / "one.txt",
    ]
    with pytest.raises(UsageError, match=r"no file or folder.*nowhere"):
        find_files([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="No reports were found"):
        find_files([tmp_path / "empty"])


def test_unchanged_files_are_skipped_and_changed_ones_replaced(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    path = tmp_path / "reports-0" / "trains.txt"
    assert [added.outcome for added in pipeline.add([path])] == ["unchanged"]
    path.write_text(TRAINS.replace("seventeen", "three"), encoding="utf-8")
    assert [added.outcome for added in pipeline.add([path])] == ["replaced"]
    assert "seventeen" not in pipeline.document("trains").text
    assert len(pipeline.library.documents()) == 1


def test_a_file_that_fails_keeps_its_old_version_and_the_others_go_on(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"a.txt": HARBOUR, "b.txt": TRAINS})
    folder = tmp_path / "reports-0"
    (folder / "a.txt").write_bytes(b"%PDF-1.7 \x00\x01")
    (folder / "c.txt").write_text("The Third\n\nA third report about cheese.", encoding="utf-8")
    outcomes = {added.path.name: added.outcome for added in pipeline.add([folder])}
    assert outcomes == {"a.txt": "failed", "b.txt": "unchanged", "c.txt": "added"}
    assert pipeline.document("a").title == "The Harbour Report"


def test_two_files_of_one_name_are_two_documents(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    other = tmp_path / "elsewhere" / "trains.txt"
    other.parent.mkdir()
    other.write_text("Day Trains\n\nThe day train never stops.", encoding="utf-8")
    (added,) = pipeline.add([other])
    assert (added.outcome, added.document != "trains") == ("added", True)
    assert {d.title for d in pipeline.library.documents()} == {"Night Trains", "Day Trains"}


def test_a_renamed_file_is_not_read_again_and_its_document_follows_it(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    before = pipeline.document("trains")
    moved = tmp_path / "reports-0" / "later" / "night.txt"
    moved.parent.mkdir()
    (tmp_path / "reports-0" / "trains.txt").rename(moved)
    pipeline.models.embedder.encode = None  # type: ignore[method-assign,assignment]
    (added,) = pipeline.add([tmp_path / "reports-0"])
    assert (added.path, added.outcome, added.document) == (moved, "unchanged", "trains")
    (document,) = pipeline.library.documents()
    assert (document.path, document.file) == (moved, "night.txt")
    assert pipeline.document("trains") == replace(before, file="night.txt")
    assert pipeline.gone([tmp_path / "reports-0"]) == []


def test_a_document_takes_no_other_documents_place(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    before = pipeline.library.documents()
    pipeline.library.move("harbour", before[1].path)  # as when another process was faster
    assert pipeline.library.documents() == before


def test_a_copy_of_a_file_is_unchanged_until_it_says_something_else(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS, "zebra.txt": TRAINS})
    (document,) = pipeline.library.documents()
    assert document.path == tmp_path / "reports-0" / "trains.txt"
    (tmp_path / "reports-0" / "zebra.txt").write_text(
        TRAINS.replace("nine", "ten"), encoding="utf-8"
    )
    assert [added.outcome for added in pipeline.add([tmp_path / "reports-0"])] == [
        "unchanged",
        "added",
    ]


def test_a_file_that_takes_the_content_of_another_has_it_in_the_library(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    (tmp_path / "reports-0" / "harbour.txt").write_text(TRAINS, encoding="utf-8")
    assert [added.outcome for added in pipeline.add([tmp_path / "reports-0"])] == [
        "replaced",
        "unchanged",
    ]
    assert pipeline.document("harbour").title == pipeline.document("trains").title == "Night Trains"


def test_what_was_uploaded_is_never_gone_and_follows_no_file(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    path = tmp_path / "trains.txt"
    path.write_text(TRAINS, encoding="utf-8")
    pipeline.add_document(read_document(path), UPLOADED / "trains.txt")
    assert [added.outcome for added in pipeline.add([path])] == ["unchanged"]
    assert [d.path for d in pipeline.library.documents() if d.name == "trains"] == [
        UPLOADED / "trains.txt"
    ]
    assert pipeline.gone([Path("/")]) == []


def test_a_file_that_cannot_be_looked_for_is_not_gone(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    document = pipeline.document("trains")
    pipeline.add_document(
        replace(document, name="a"), tmp_path / f"{'x' * 300}.txt"
    )  # the system refuses to look for it
    pipeline.add_document(replace(document, name="b"), tmp_path / "x.txt")
    assert [d.name for d in pipeline.gone([tmp_path])] == ["b"]
