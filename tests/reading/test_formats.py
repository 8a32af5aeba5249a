"""One report in every format comes out the same.

Files of any content are read as what they are, or refused in a sentence.
"""

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from fakes import words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_report import DATELINE, FORMATS, NOTES, REPORT, TITLE, paragraphs
from readers import assert_spans_inside, read

from rag.errors import DocumentError
from rag.library.chunking import make_chunks
from rag.reading.documents import SUFFIXES
from rag.types import Document

QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LETTERS = st.text("abc <>&\"'[]1{}|*#\n\\", max_size=40)


def shown(document: Document, kind: str) -> list[str]:
    return [
        " ".join(document.text[p.start : p.end].split())
        for p in document.paragraphs
        if p.kind == kind
    ]


def plain(paragraph: str) -> str:
    return paragraph.replace('"', "").replace("•", "-")


@pytest.mark.parametrize("suffix", FORMATS)
def test_one_report_says_the_same_in_every_format(tmp_path: Path, suffix: str) -> None:
    document = read(tmp_path, FORMATS[suffix](), f"varde{suffix}")
    assert_spans_inside(document)
    assert (document.title, document.dateline) == (TITLE, DATELINE)
    assert (document.number, document.date) == ("Harbour Brief No. 23", "2021-05-14")
    assert [section.path for section in document.sections] == [
        (),
        *((told,) for kind, told in REPORT if kind == "heading"),
    ]
    assert [(note.number, note.text) for note in document.notes] == [
        ("1", NOTES[0]),
        ("2", NOTES[1]),
    ]
    assert [(r.number, document.text[r.start : r.end]) for r in document.references] == [
        ("1", "[1]"),
        ("2", "[2]"),
    ]
    assert [plain(paragraph) for paragraph in shown(document, "text")] == [
        plain(paragraph) for paragraph in paragraphs(suffix)
    ]
    assert "Figure 1: The quay of Varde at night" in shown(document, "furniture")
    assert [(q.speaker, q.note) for q in document.quotations] == [
        ("Inga Holt", "1"),
        ("Olav Brun", "2"),
    ]
    assert [
        note.number
        for q in document.quotations
        if (note := document.note_at(q.start + 5, q.start + 40))
    ] == ["1", "2"]


def test_all_formats_that_are_read_are_tested() -> None:
    elsewhere = {".csv", ".tsv", ".xlsx", ".ods", ".pptx", ".odp", ".rtf", ".eml", ".msg"}
    assert {*FORMATS, ".markdown", ".htm", ".xhtml", *elsewhere} == set(SUFFIXES)


@pytest.mark.parametrize("suffix", [".txt", ".html", ".epub", ".docx", ".odt", ".pdf"])
@pytest.mark.parametrize("name", ["report.txt", "report.pdf", "report.docx"])
def test_a_name_that_lies_is_not_believed(tmp_path: Path, suffix: str, name: str) -> None:
    document = read(tmp_path, FORMATS[suffix](), name)
    assert (document.title, document.number, len(document.notes)) == (
        TITLE,
        "Harbour Brief No. 23",
        2,
    )


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".epub"])
def test_no_chunk_crosses_a_section(tmp_path: Path, suffix: str) -> None:
    document = read(tmp_path, FORMATS[suffix](), f"varde{suffix}")
    chunks = make_chunks(document, lambda text: len(words(text)))
    assert chunks
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert any(
            s.start <= chunk.start and chunk.end <= s.end and " › ".join(s.path) == chunk.section
            for s in document.sections
        )


@QUICK
@given(
    data=st.one_of(
        st.binary(max_size=300),
        LETTERS.map(str.encode),
        LETTERS.map(lambda text: f"<html><p>{text}".encode()),
    )
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_bytes_give_a_document_or_a_document_error(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    try:
        document = read(tmp_path, data, f"any{suffix}")
    except DocumentError:
        return
    assert document.title
    assert_spans_inside(document)


@QUICK
@given(position=st.integers(0, 10**6), byte=st.integers(0, 255))
@pytest.mark.parametrize("suffix", [".docx", ".epub", ".odt", ".html"])
def test_a_damaged_file_gives_a_document_or_a_document_error(
    tmp_path: Path, suffix: str, position: int, byte: int
) -> None:
    data = bytearray(FORMATS[suffix]())
    data[position % len(data)] = byte
    try:
        assert_spans_inside(read(tmp_path, bytes(data), f"any{suffix}"))
    except DocumentError:
        return


@QUICK
@given(
    told=st.lists(
        st.text("abcXYZ äß中“”.,()1&<", min_size=1).map(str.strip).filter(bool), min_size=1
    )
)
def test_no_visible_word_of_a_page_is_lost(tmp_path: Path, told: list[str]) -> None:
    document = read(
        tmp_path,
        f"<html><body>{''.join(f'<p>{escape(part)}</p>' for part in told)}".encode(),
        "any.html",
    )
    assert document.text.split() == " ".join(told).split()
