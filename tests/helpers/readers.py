"""What the tests of all readers of formats hold their outcome to, and the damage that those of
XML formats do.
"""

import re
import zipfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from rag.reading.blocks import Content
from rag.reading.documents import read_document
from rag.text.characters import visible
from rag.types import Document

Change = tuple[str, int, int]
CHANGES = st.lists(
    st.tuples(st.sampled_from(["drop", "double", "strip", "nest"]), st.integers(0), st.integers(0)),
    min_size=1,
    max_size=6,
)


def change(root: Any, changes: Sequence[Change]) -> None:
    """Drop, double, strip and nest elements below the root."""
    for what, one, other in changes:
        inner = list(root.iter("*"))[1:]
        if not inner:
            break
        element, place = inner[one % len(inner)], inner[other % len(inner)]
        match what:
            case "drop":
                element.getparent().remove(element)
            case "double":
                element.addnext(deepcopy(element))
            case "strip":
                element.attrib.clear()
            case "nest":
                place.append(deepcopy(element))


def assert_shaped(content: Content) -> None:
    """Every block has a text and nothing invisible in it, and the notes come last, numbered from
    1.
    """
    for block in content.blocks:
        assert block.text == visible(block.text).strip() != ""
        assert block.level is None or 0 <= block.level <= 9
    kinds = [block.kind == "note" for block in content.blocks]
    notes = [block.text for block in content.blocks if block.kind == "note"]
    assert kinds == sorted(kinds)
    assert [note.split("]")[0] for note in notes] == [
        f"[{number}" for number in range(1, len(notes) + 1)
    ]


def assert_covered(document: Document) -> None:
    """Paragraphs are in order, apart, inside their sections, and hold all that is not white
    space; references are markers.
    """
    cursor = 0
    for paragraph in document.paragraphs:
        assert cursor <= paragraph.start < paragraph.end
        assert not document.text[cursor : paragraph.start].strip()
        section = document.sections[paragraph.section]
        assert section.start <= paragraph.start
        assert paragraph.end <= section.end
        cursor = paragraph.end
    assert not document.text[cursor:].strip()
    for reference in document.references:
        assert re.fullmatch(
            r"\[[^\]]+\]|[⁰¹²³⁴-⁹]+", document.text[reference.start : reference.end]
        )


def read(folder: Path, content: str | bytes, name: str = "report.txt") -> Document:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(path)


def shown(document: Document, kind: str) -> list[str]:
    return [document.text[p.start : p.end] for p in document.paragraphs if p.kind == kind]


def assert_spans_hold(document: Document) -> None:
    """Paragraphs are in order, apart, and hold all that is not white space.

    Everything else lies inside the text.
    """
    assert_covered(document)
    numbers = [p.number for p in document.paragraphs if p.kind == "text"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(p.number == 0 for p in document.paragraphs if p.kind != "text")
    for quotation in document.quotations:
        assert document.text[quotation.start] in '"“„«'
        assert 0 <= quotation.start < quotation.end <= len(document.text)


def assert_spans_inside(document: Document) -> None:
    """Paragraphs are in order, apart, and hold all that is not white space.

    Everything else lies inside the text.
    """
    assert_covered(document)
    assert all(
        0 <= span.start < span.end <= len(document.text)
        for span in (*document.quotations, *document.notes, *document.boxes)
    )


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive; its mimetype is not compressed, as in an EPUB."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return stream.getvalue()
