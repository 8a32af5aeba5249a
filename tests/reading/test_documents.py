"""Any file becomes a document, or an error of one sentence that says what is wrong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import assert_spans_hold, read, shown

from rag.errors import DocumentError
from rag.reading import documents
from rag.reading.documents import SUFFIXES, read_document

QUICK = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    "data",
    [
        "Straße\n\nDas Ende der Straße.".encode("utf-8-sig"),
        "Straße\n\nDas Ende der Straße.".encode("utf-16"),
        "Straße\n\nDas Ende der Straße.".encode("utf-32"),
    ],
)
def test_byte_order_marks_tell_the_encoding(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data).text == "Straße\n\nDas Ende der Straße."


def test_an_old_encoding_is_guessed(tmp_path: Path) -> None:
    text = (
        "Der Bericht\n\n"
        + (
            "Die Straße über die Brücke wurde im März für den Verkehr geöffnet, was älteren "
            "Bürgern gefällt. "
        )
        * 5
    )
    assert read(tmp_path, text.encode("cp1252")).text == text.rstrip()


def test_characters_that_no_reader_sees_are_dropped(tmp_path: Path) -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore")
    text = f"Title\n\nThe vis\u200bible w\u00adords\u202e stay{hidden}.\x07"
    assert shown(read(tmp_path, text + " " * 200), "text") == ["The visible words stay."]
    assert shown(
        read(tmp_path, text.replace("\u200b", "&#8203;") + " " * 200, "hidden.md"), "text"
    ) == ["The visible words stay."]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "empty.txt",
            b"",
            "empty.txt is empty, where a report was expected: check that the file was saved whole.",
        ),
        (
            "blank.md",
            b"\n \n<!-- x -->\n",
            "blank.md is empty, where a report was expected: check that the file was saved whole.",
        ),
        (
            "paper.txt",
            b"%PDF-1.7 x",
            "paper.txt cannot be read, because the PDF is damaged or has no pages: ",
        ),
        (
            "word.md",
            b"PK\x03\x04 x",
            "word.md cannot be read, because the archive is damaged and cannot be opened: ",
        ),
        (
            "report.docx",
            b"PK\x03\x04" + bytes(26),
            "report.docx cannot be read, because the archive is damaged and cannot be opened: "
            "fetch or save the file again.",
        ),
        (
            "old.docx",
            b"\xd0\xcf\x11\xe0 x",
            "old.docx cannot be read, because it is an old Office file inside",
        ),
        (
            "zeros.txt",
            b"ab\0\0cd",
            "zeros.txt cannot be read, because the file is binary, and a report was expected",
        ),
        (
            "control.txt",
            b"\x01\x02\x03\x04 abc",
            "control.txt cannot be read, because the file is binary",
        ),
        (
            "half.txt",
            b"\xff\xfea",
            "half.txt cannot be read, because the text is in no known encoding, where a report "
            "was expected: save it as UTF-8",
        ),
        (
            "old.doc",
            b"x",
            f"old.doc is a .doc file, and only {', '.join(SUFFIXES)} are read: save it as DOCX or "
            f"PDF and add that.",
        ),
        ("slides.PPT", b"x", "slides.PPT is a .PPT file, and only"),
        (
            "paper",
            b"text",
            "paper is a file without an extension, and only .txt, .md, .markdown, .html",
        ),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(DocumentError) as raised:
        read(tmp_path, data, name)
    assert str(raised.value).startswith(message)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"no such file or directory.*check the path"):
        read_document(tmp_path / "missing.txt")


def test_a_file_above_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1_000_000)
    with pytest.raises(DocumentError, match="has 2 MB, more than the 1 MB that are read"):
        read(tmp_path, b"a" * 2_000_000)


LINES = st.sampled_from(
    [(
        '"We shall build it,"'
    ), (
        'said Ann Lee: "'
    ), (
        "[1]"
    ), (
        "[1], May 2, 2020."
    ), (
        "Notes"
    ), (
        "# Head"
    ), (
        "1. Head Line"
    ), (
        "===="
    ), (
        ""
    ), (
        "12"
    ),
     (
     "- item"
     ), (
         "[^a]: note"
     ), (
         "a[^a]"
     ), (
         "| a | b |"
     ), (
         "|---|---|"
     ), (
         "<b>"
     ), (
         "```"
     ), (
         "Ann Lee said it."
     ), (
         "“Nested «marks» go on"
     ),
     "long " * 40, "\u2028", "\t"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(st.one_of(LINES, st.text(max_size=20))).map("\n".join))


@QUICK
@given(data=st.one_of(st.binary(), TEXTS.map(lambda text: text.encode("utf-8", "ignore"))))
@pytest.mark.parametrize("name", ["any.txt", "any.md"])
def test_any_bytes_give_a_document_or_a_document_error(
    tmp_path: Path, name: str, data: bytes
) -> None:
    try:
        document = read(tmp_path, data, name)
    except DocumentError:
        return
    assert document.title
    assert_spans_hold(document)


@QUICK
@given(words=st.lists(st.text("abcXYZ äß中“”\"'.,[]()1", min_size=1).filter(str.strip), min_size=1))
def test_no_visible_word_of_a_text_is_lost(tmp_path: Path, words: list[str]) -> None:
    document = read(tmp_path, "\n\n".join(words))
    assert (
        "".join(document.text[p.start : p.end] for p in document.paragraphs).split()
        == "".join(map(str.strip, words)).split()
    )


@QUICK
@given(words=st.lists(st.text("abcXYZ äß中“”", min_size=1).map(str.strip).filter(bool), min_size=1))
def test_no_visible_word_of_markdown_is_lost(tmp_path: Path, words: list[str]) -> None:
    assert read(tmp_path, "\n\n".join(words), "any.md").text == "\n\n".join(words)
