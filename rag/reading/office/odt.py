"""An OpenDocument text (ODT) -> the blocks a reader of the page sees.

Names of elements and attributes are those of OpenDocument 1.3, part 3; a namespace is written as
its usual prefix here.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.reading.blocks import Block, Content
from rag.reading.office import shared as office
from rag.reading.office.shared import PLAIN, SHADED, ListedBlock, Look, Package
from rag.reading.xml import number_in

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_NAMESPACES = {
    f"{_OASIS}:{name}:1.0": prefix
    for name, prefix in {
        "office": "office",
        "text": "text",
        "table": "table",
        "style": "style",
        "drawing": "draw",
        "presentation": "presentation",
        "xsl-fo-compatible": "fo",
        "svg-compatible": "svg",
    }.items()
} | {"http://www.w3.org/1998/Math/MathML": "math"}
_URIS = {prefix: uri for uri, prefix in _NAMESPACES.items()}

_INDEXES = {(
    "text:table-of-content"
), (
    "text:illustration-index"
), (
    "text:table-index"
), (
    "text:object-index"
),
            "text:alphabetical-index", "text:user-index"}  # fmt: skip
_NOTHING_SHOWN = {(
    "office:annotation"
), (
    "text:tracked-changes"
), (
    "text:ruby-text"
), (
    "svg:title"
), (
    "svg:desc"
),
                  (
                  "office:forms"
                  ), (
                      "office:event-listeners"
                  ), (
                      "text:sequence-decls"
                  ), (
                      "text:variable-decls"
                  ),
                  "text:user-field-decls", "math:annotation", *_INDEXES}  # fmt: skip
_WRAPPERS = {(
    "text:section"
), (
    "text:numbered-paragraph"
), (
    "table:table-header-rows"
), (
    "table:table-rows"
), (
    "table:table-row-group"
),
             "text:bibliography", "text:index-body", "text:index-title",
             "draw:page", "presentation:notes"}  # fmt: skip
_INLINE_SIGNS = {"text:note", "text:s", "text:tab", "text:line-break"}
_LENGTH = re.compile(r"(\d{0,5}\.?\d{1,5})(pt|in|cm|mm|px)")
_POINTS = {"pt": 1, "in": 72, "cm": 28.35, "mm": 2.835, "px": 0.75}
_MOST_REPEATED = (
    100  # cells or blanks that one element stands for: more is the empty rest of a sheet
)


def read_odt(data: bytes) -> Content:
    """Return what an OpenDocument text shows.

    Headings, paragraphs, lists, tables, captions and headers as furniture, the notes last.

    Notes are numbered through, the footnotes first. Deleted, hidden and commented text and indexes
    are left out. Where no paragraph is a heading, the level of each is None. Raises DocumentError
    where the file is encrypted, damaged, or too large when unpacked.
    """
    return _OdtReader(office.opened_odt(data)).content()


class _OdtReader:
    """One reading of one document."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.styles: dict[tuple[str, str], Element] = {}  # by family and name
        self.lists: dict[
            str, dict[int, int]
        ] = {}  # by list style and depth the first number; a depth not in it has bullets
        for root in package.parts.values():
            for style in root.iter(_path("style:style")):
                self.styles[_get(style, "style:family"), _get(style, "style:name")] = style
            for style in root.iter(_path("text:list-style")):
                self.lists[_get(style, "style:name")] = {
                    number_in(_get(level, ("text:level")), 1) - 1: number_in(
                        _get(level, ("text:start-value")), 1
                    )
                    for level in style.iterchildren(_path("text:list-level-style-number"))
                    if _get(level, "style:num-format")
                }
        self.known_styles: dict[tuple[str, str], tuple[Look, frozenset[str]]] = {}
        self.counts: dict[tuple[str, int], int] = {}
        self.list_count = 0
        self.title = ""
        self.notes: dict[str, str] = {}

    def content(self) -> Content:
        body, furniture = self.blocks(self.package.body, PLAIN), self.furniture()
        title, language = self.title or self.package.title, self.package.language or self.language()
        facts = self.package.facts
        return office.office_content(body, furniture, self.notes, title, language, facts)

    def language(self) -> str:
        for root in self.package.parts.values():
            for style in root.iter(_path("style:default-style")):
                properties = style.find(_path("style:text-properties"))
                if _get(style, "style:family") == "paragraph" and properties is not None:
                    language, country = (
                        _get(properties, "fo:language"),
                        _get(properties, "fo:country"),
                    )
                    return "-".join(
                        part for part in (language, country) if part not in ("", "none")
                    )
        return ""

    def furniture(self) -> list[Block]:
        """Return the headers and footers of the pages."""
        blocks: list[Block] = []
        for root in self.package.parts.values():
            for page in root.iter(_path("style:master-page")):
                for part in page:
                    if (
                        _tag(part).startswith(("style:header", "style:footer"))
                        and _get(part, "style:display") != "false"
                    ):
                        blocks += self.blocks(part, PLAIN)
        return blocks

    # --- Blocks ---

    def blocks(self, parent: "Element", look: Look) -> list[Block]:
        """Return what the paragraphs, lists and tables of `parent` show.

        The items of a list are lines of one block.
        """
        return office.joined_lists(
            [piece for child in _inside(parent) for piece in self.pieces(child, look)]
        )

    def pieces(self, child: "Element", look: Look) -> list[ListedBlock]:
        match _tag(child):
            case "text:p" | "text:h":
                return self.paragraph(child, look)
            case "text:list":
                self.list_count += 1
                return self.items(child, look, f"list {self.list_count}", "", 0)
            case "table:table":
                return self.table(child, look)
            case "draw:frame" | "draw:custom-shape" | "draw:g":
                boxes: list[ListedBlock] = []
                self.shown(child, look, boxes)
                return boxes
        return []

    def paragraph(self, paragraph: "Element", ground: Look) -> list[ListedBlock]:
        """Return the paragraph, and its text boxes behind it."""
        look, styles = self.style("paragraph", _get(paragraph, "text:style-name"))
        boxes: list[ListedBlock] = []
        text = office.tidy(self.shown(paragraph, look.over(ground), boxes))
        if not text:
            return boxes
        level = (
            number_in(_get(paragraph, ("text:outline-level")), 1)
            if _tag(paragraph) == ("text:h")
            else 0
        )
        if "title" in styles and not self.title:
            self.title, level = office.joined_lines(text), 1
        return [("", office.paragraph_block(text, level, styles)), *boxes]

    def items(
        self, element: "Element", look: Look, name: str, style: str, depth: int
    ) -> list[ListedBlock]:
        """Return the items with the list's name; headings and tables in it stand by themselves."""
        style = _get(element, "text:style-name") or style
        start = self.lists.get(style, {}).get(depth)
        key = style, depth
        if start is not None and not (
            _get(element, "text:continue-numbering") == "true"
            or _get(element, "text:continue-list")
        ):
            self.counts[key] = start - 1
        pieces: list[ListedBlock] = []
        for item in element:
            if _tag(item) not in ("text:list-item", "text:list-header"):
                continue
            mark = ""
            if _tag(item) == "text:list-item":
                if start is not None:
                    self.counts[key] = number_in(
                        _get(item, "text:start-value"), self.counts.get(key, start - 1) + 1
                    )
                mark = "- " if start is None else f"{self.counts[key]}. "
            for child in _inside(item):
                if _tag(child) == "text:list":
                    pieces += self.items(child, look, name, style, depth + 1)
                    continue
                for _, block in self.pieces(child, look):
                    if block.level or _tag(child) == "table:table":
                        pieces.append(("", block))
                    else:
                        line = f"{'  ' * depth}{mark or '  '}{office.joined_lines(block.text)}"
                        pieces.append((name, Block(line, level=0)))
                        mark = ""
        return pieces

    def table(self, table: "Element", look: Look) -> list[ListedBlock]:
        rows = [
            row
            for row in _inside(table)
            if _tag(row) == "table:table-row"
            and _get(row, "table:visibility") not in ("collapse", "filter")
        ]
        heads = sum(
            _tag(around) == "table:table-header-rows"
            for row in rows
            if (around := row.getparent()) is not None
        )
        return office.table_pieces([self.cells(row, look) for row in rows], heads or None)

    def cells(self, row: "Element", ground: Look) -> list[office.OfficeCell]:
        """Return the cells of a row; those that another one covers are part of that one."""
        cells: list[office.OfficeCell] = []
        for cell in row:
            if _tag(cell) != "table:table-cell":
                continue
            times = number_in(_get(cell, "table:number-columns-repeated"), 1)
            rows, columns = (
                number_in(_get(cell, f"table:number-{what}-spanned"), 1)
                for what in ("rows", "columns")
            )
            look, _ = self.style("table-cell", _get(cell, "table:style-name"))
            shown = office.OfficeCell(self.blocks(cell, look.over(ground)), rows, columns)
            cells += [shown] * min(times, _MOST_REPEATED)
        return cells

    # --- Text ---

    def shown(self, element: "Element", look: Look, boxes: list[ListedBlock]) -> str:
        """Return what the element shows under its look.

        What its text boxes show goes to `boxes`.
        """
        text = look.shown(_collapsed(element.text))
        for child in element:
            tag = _tag(child)
            if tag == "text:hidden-paragraph" and _get(child, "text:is-hidden") == "true":
                return ""
            if tag in ("draw:text-box", "draw:custom-shape"):
                boxes += [("", block) for block in self.blocks(child, SHADED)]
            elif tag in _INLINE_SIGNS:
                text += look.shown(self.sign(child))
            elif tag not in _NOTHING_SHOWN and _get(child, "text:is-hidden") != "true":
                name = _get(child, "text:style-name") if tag in ("text:span", "text:a") else ""
                text += self.shown(
                    child, self.style("text", name)[0].over(look) if name else look, boxes
                )
            text += look.shown(_collapsed(child.tail))
        return text

    def sign(self, element: "Element") -> str:
        """Return what one of `_INLINE_SIGNS` stands for."""
        match _tag(element):
            case "text:note":
                return self.note(element)
            case "text:line-break":
                return "\n"
            case _:
                return " " * min(number_in(_get(element, "text:c"), 1), _MOST_REPEATED)

    def note(self, note: "Element") -> str:
        """Return the marker of the note, whose text goes to `notes`."""
        key = f"{'e' if _get(note, 'text:note-class') == 'endnote' else 'f'}{len(self.notes)}"
        body = note.find(_path("text:note-body"))
        self.notes[key] = "" if body is None else office.note_text(self.blocks(body, PLAIN))
        return office.note_marker(key)

    # --- Styles ---

    def style(self, family: str, name: str) -> tuple[Look, frozenset[str]]:
        """Return the look of a style with all it inherits, its name and those it is based on."""
        if (family, name) not in self.known_styles:
            look, names, base = PLAIN, [name], name
            while (style := self.styles.get((family, base))) is not None:
                look = look.over(_look(style))
                base = _get(style, "style:parent-style-name")
                if base in names or len(names) == office.DEEPEST_STYLE:
                    break
                names.append(base)
            # "_20_" is a blank
            self.known_styles[family, name] = (
                look,
                frozenset(name.lower().replace("_20_", " ") for name in names),
            )
        return self.known_styles[family, name]


def _look(style: "Element") -> Look:
    """Return what the style itself states."""
    look = PLAIN
    for properties in style:
        display, size, colour, ground = (
            _get(properties, name).lower()
            for name in ("text:display", "fo:font-size", "fo:color", "fo:background-color")
        )
        line = _get(properties, "style:text-line-through-style")
        if line:
            look = replace(look, struck=line != "none")
        if display:
            look = replace(look, hidden=display == "none")
        if found := _LENGTH.fullmatch(size):
            look = replace(look, tiny=float(found[1]) * _POINTS[found[2]] < 1)
        if colour:
            look = replace(look, white=colour == "#ffffff")
        if ground not in ("", "transparent", "#ffffff"):
            look = replace(look, shaded=True)
    return look


def _inside(parent: "Element") -> "Iterator[Element]":
    """Yield the children, those of sections, groups of rows and the like in their place.

    What is hidden with a section is not.
    """
    waiting = [*reversed(parent)]
    while waiting:
        child = waiting.pop()
        if _tag(child) not in _WRAPPERS:
            yield child
        elif _get(child, "text:display") != "none" and _get(child, "text:is-hidden") != "true":
            waiting += reversed(child)


def _collapsed(text: str | None) -> str:
    return re.sub("[ \t\r\n]+", " ", text) if text else ""


def _tag(element: "Element") -> str:
    """Return the name as "text:p"; "" for comments and for what is in none of the namespaces."""
    if not isinstance(element.tag, str):
        return ""
    uri, _, name = element.tag[1:].rpartition("}")
    return f"{_NAMESPACES[uri]}:{name}" if uri in _NAMESPACES else ""


def _path(name: str) -> str:
    """Return a name as "text:p" in the form lxml takes."""
    prefix, _, local = name.partition(":")
    return f"{{{_URIS[prefix]}}}{local}"


def _get(element: "Element", name: str) -> str:
    return element.get(_path(name), "")
