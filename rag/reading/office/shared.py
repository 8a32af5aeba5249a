"""What the readers of Word files and OpenDocument texts share.

Packages, looks, lists, tables, notes.            [python-docx]
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

from rag.errors import DocumentError
from rag.reading.archive import members
from rag.reading.blocks import Block, Content, struck_out, visible_marked
from rag.reading.facts import NO_TITLE, stated_facts
from rag.reading.tables import Cell, table_blocks
from rag.reading.xml import refuse_entities, text_of, xml
from rag.text.characters import visible
from rag.types import Fact, Kind

if TYPE_CHECKING:
    from lxml.etree import _Element

# Styles that one is based on, each on the next. Word's own go to 5; each style of a chain knows all
# below it, so a chain without end would cost the square of its length.
DEEPEST_STYLE = 50
OLE = b"\xd0\xcf\x11\xe0"  # opens old Office files, and encrypted new ones
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MARGINS = ("header", "footer")
_WORD_PARTS = ("styles", "numbering", "settings", "footnotes", "endnotes", *_MARGINS)

# Namespaces of ISO/IEC 29500 Strict, and those of Transitional, which programs write.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w{1,30})/")
_USUAL = rb"http://schemas.openxmlformats.org/\1/2006/"

# Names of styles, in lower case, as Word and LibreOffice write them whatever the language of their
# menus.
_QUOTATION_STYLES = {"quote", "intense quote", "block text", "quotations"}
# Where a note is referred to, until all are numbered: XML has no NUL.
_NOTE_KEY = re.compile("\0([^\0]+)\0")

# A block with the name of the list it is an item of, "" where it is none.
ListedBlock = tuple[str, Block]


# --- Packages -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Package:
    """A file that was opened."""

    body: "_Element"
    # of a Word file the headers and footers by the ids of their relations, others by their kind
    parts: "Mapping[str, _Element]"
    title: str
    language: str
    facts: "Sequence[Fact]" = ()


def opened_docx(data: bytes) -> Package:
    """Return a Word file's text and parts.

    Raises DocumentError if it is encrypted, damaged or too large when unpacked.
    """
    if data.startswith(OLE):
        if _ENCRYPTED in data:
            raise DocumentError(
                "The DOCX file is encrypted with a password: save it in Word without one and add "
                "that."
            )
        raise DocumentError(
            "It is an old Office file inside, as DOC is: open it in Word, save it as DOCX and add "
            "that."
        )
    with _naming(
        "DOCX"
    ):  # all that hostile parts can do is tried before python-docx opens them, which has no limits
        refuse_entities(
            xml(part)
            for name, part in members(data).items()
            if re.fullmatch(r"word/[^/]+\.xml", name)
        )
    data = _transitional(data)
    from docx import Document
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.exceptions import OpcError

    try:
        document = Document(BytesIO(data))
        body = document.element.find("{*}body")
        parts: dict[str, _Element] = {}
        for relation_id, relation in document.part.rels.items():
            kind = relation.reltype.rpartition("/")[2]
            if kind in _WORD_PARTS:
                parts[relation_id if kind in _MARGINS else kind] = xml(relation.target_part.blob)
        # `document.core_properties` would make them where there are none, with a title of its own.
        properties = next(
            (
                xml(relation.target_part.blob)
                for relation in document.part.package.rels.values()
                if relation.reltype == RELATIONSHIP_TYPE.CORE_PROPERTIES
            ),
            None,
        )
    # What python-docx raises where a part is missing or is no Word part; lxml's error is a
    # SyntaxError.
    except (OpcError, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise DocumentError(
            "The DOCX file is damaged, where a whole Word file was expected: open it in Word and "
            "save it as DOCX again."
        ) from error
    if body is None:
        raise DocumentError(
            "The DOCX file has no text inside, where a report was expected: save it as DOCX again."
        )
    with _naming("DOCX"):
        refuse_entities([document.element, *parts.values()])
    return _package(body, parts, properties, [*_company(members(data))])


def _transitional(data: bytes) -> bytes:
    """Return a Word file that follows ISO Strict with the namespaces that Word itself writes."""
    files = members(data)
    if not any(_STRICT.search(content) for content in files.values()):
        return data
    changed = BytesIO()
    with ZipFile(changed, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            is_xml = name.endswith((".xml", ".rels"))
            archive.writestr(name, _STRICT.sub(_USUAL, content) if is_xml else content)
    return changed.getvalue()


def opened_odt(data: bytes) -> Package:
    """Return an OpenDocument text's body and styles.

    Raises DocumentError if it is encrypted, damaged or too large when unpacked.
    """
    with _naming("ODT"):
        files = members(data)
        if "encrypted-package" in files or b"encryption-data" in files.get(
            "META-INF/manifest.xml", b""
        ):
            raise DocumentError(
                "It is encrypted with a password: save it in LibreOffice without one and add that."
            )
        roots: dict[str, _Element] = {
            name: xml(files[name])
            for name in ("styles.xml", "content.xml", "meta.xml")
            if name in files
        }
        refuse_entities(roots.values())
    meta = roots.pop("meta.xml", None)
    bodies = ("text", "spreadsheet", "presentation")
    found = (
        roots["content.xml"].find(f"{{*}}body/{{*}}{name}")
        for name in bodies
        if "content.xml" in roots
    )
    body = next((element for element in found if element is not None), None)
    if body is None:
        raise DocumentError(
            "The ODT file has no text inside, where a report was expected: save it as ODT again."
        )
    stated = None if meta is None else meta.find("{*}meta")
    return _package(body, roots, stated, [])


def _package(
    body: "_Element",
    parts: "dict[str, _Element]",
    properties: "_Element | None",
    more: list[tuple[str, str]],
) -> Package:
    """Return the package with what its properties, and `more`, state of it."""
    title = _stated(properties, "title")
    names = ("title", "initial-creator", "creator", "publisher", "version")
    pairs = [(name, _stated(properties, name)) for name in names]
    if pairs[1][1]:  # who began a text wrote it; "creator" is in ODT who saved it last
        del pairs[2]
    facts = stated_facts([*pairs, *more], "document properties")
    title = "" if NO_TITLE.fullmatch(" ".join(title.split())) else title
    return Package(body, parts, title, _stated(properties, "language"), facts)


def _company(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return the publisher that the program's own properties of a Word file state."""
    if "docProps/app.xml" not in files:
        return []
    try:
        return [("company", _stated(xml(files["docProps/app.xml"]), "Company"))]
    except DocumentError:  # the text is whole all the same
        return []


def _stated(properties: "_Element | None", name: str) -> str:
    """Return what a file states about itself under a name; "" if nothing."""
    found = None if properties is None else properties.find(f"{{*}}{name}")
    return "" if found is None else text_of(found)


@contextmanager
def _naming(kind: str) -> Iterator[None]:
    """Name the kind of file, "DOCX" or "ODT", in each DocumentError that is raised inside."""
    try:
        yield
    except DocumentError as error:
        reason = str(error)
        raise DocumentError(
            f"The {kind} file cannot be opened, as {reason[0].lower()}{reason[1:]}"
        ) from error


# --- What can be seen ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """What decides whether a text can be seen; None if nothing is stated."""

    hidden: bool | None = None
    white: bool | None = None
    tiny: bool | None = None
    struck: bool | None = None
    shaded: bool = False

    def over(self, outer: "Look") -> "Look":
        """Return this look within an outer one, which holds where this one states nothing.

        Its ground shows through.
        """
        return Look(
            outer.hidden if self.hidden is None else self.hidden,
            outer.white if self.white is None else self.white,
            outer.tiny if self.tiny is None else self.tiny,
            outer.struck if self.struck is None else self.struck,
            self.shaded or outer.shaded,
        )

    @property
    def is_visible(self) -> bool:
        return not (self.hidden or self.tiny or (self.white and not self.shaded))

    def shown(self, text: str) -> str:
        """Return a text as this look shows it: nothing, as it is, or struck out."""
        if not self.is_visible:
            return ""
        return struck_out(text) if self.struck else text


PLAIN = Look()
SHADED = Look(shaded=True)


# --- Blocks -------------------------------------------------------------------------------------


def tidy(text: str) -> str:
    """Return the text without white space at line ends, empty lines, and runs of blanks."""
    return "\n".join(
        filter(None, (re.sub("[ \t]+", " ", line).strip() for line in text.split("\n")))
    )


def joined_lines(text: str) -> str:
    return text.replace("\n", " ")


def paragraph_block(text: str, level: int, styles: Collection[str]) -> Block:
    """Return a heading, or a paragraph, caption or quotation, by the names of its styles."""
    if level:
        return Block(joined_lines(text), level=level)
    kind: Kind | None = "furniture" if "caption" in styles else None
    return Block(text, kind=kind, quoted=not _QUOTATION_STYLES.isdisjoint(styles))


def joined_lists(pieces: Sequence[ListedBlock]) -> list[Block]:
    """Return the blocks, the items of one list as the lines of one."""
    blocks: list[Block] = []
    for name, group in groupby(pieces, key=lambda piece: piece[0]):
        listed = [block for _, block in group]
        blocks += [Block("\n".join(block.text for block in listed), level=0)] if name else listed
    return blocks


@dataclass(frozen=True, slots=True)
class OfficeCell:
    """A cell, what it holds, and how many rows and columns it spans."""

    blocks: Sequence[Block]
    rows: int = 1
    columns: int = 1


def table_pieces(rows: Sequence[Sequence[OfficeCell]], head_rows: int | None) -> list[ListedBlock]:
    """Return a table's rows, each as one block; `head_rows` as `table_blocks` takes them.

    A table of one cell or column is a frame around what stands in it, and so is one that holds
    headings: they lay out a page.
    """
    has_headings = any(block.level for row in rows for cell in row for block in cell.blocks)
    if has_headings or all(len(row) < 2 for row in rows):
        return [("", block) for row in rows for cell in row for block in cell.blocks]
    cells = [
        [
            Cell(
                " ".join(block.text for block in cell.blocks),
                rows=cell.rows,
                columns=cell.columns,
            )
            for cell in row
        ]
        for row in rows
    ]
    return [("", block) for block in table_blocks(cells, head_rows)]


# --- Notes, and all together --------------------------------------------------------------------


def note_marker(key: str) -> str:
    """Return what stands for the reference to a note until notes are numbered.

    The key begins with "f" (footnote) or "e" (endnote).
    """
    return f"\0{key}\0"


def note_text(blocks: Iterable[Block]) -> str:
    """Return the text of a note on one line; that it refers to other notes is not shown."""
    return joined_lines(_NOTE_KEY.sub("", " ".join(block.text for block in blocks)))


def office_content(
    body: Sequence[Block],
    furniture: Iterable[Block],
    notes: Mapping[str, str],
    title: str,
    language: str,
    facts: Sequence[Fact] = (),
) -> Content:
    """Return all that is shown: the body, each text of headers and footers once, the notes.

    `notes` has their texts by key.

    Where the title is the only heading there is, no level is stated.
    """
    if any(block.level and block.text != title for block in body):
        body = [replace(block, level=block.level or 0) for block in body]
    margins = [
        Block(text, level=0, kind="furniture")
        for text in dict.fromkeys(block.text for block in furniture)
    ]
    shown_title = joined_lines(tidy(visible(_NOTE_KEY.sub("", title))))
    blocks = _with_notes([*body, *margins], notes)
    return Content(blocks, title=shown_title, language=language, facts=facts)


def _with_notes(blocks: Sequence[Block], notes: Mapping[str, str]) -> list[Block]:
    """Return the blocks with their markers as "[1]", then a block for each note.

    Footnotes first, in the order they are referred to.
    """
    referred = dict.fromkeys(
        key for block in blocks for key in _NOTE_KEY.findall(block.text) if notes.get(key)
    )
    numbers = {
        key: number
        for number, key in enumerate(sorted(referred, key=lambda key: key[0] != "f"), start=1)
    }

    def shown(text: str) -> str:
        return visible_marked(
            _NOTE_KEY.sub(
                lambda found: f"[{numbers[found[1]]}]" if found[1] in numbers else "", text
            )
        )

    body = [
        block.mapped(shown) if block.row else replace(block, text=shown(block.text).strip())
        for block in blocks
        if shown(block.text).strip()
    ]
    return body + [
        Block(f"[{number}] {shown(notes[key]).strip()}", level=0, kind="note")
        for key, number in numbers.items()
    ]
