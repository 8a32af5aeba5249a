"""A Word file (DOCX) -> the blocks a reader of the page sees.

python-docx knows neither notes nor tracked changes nor hidden text, so the elements are walked
here. Their names and those of styles are of ECMA-376, part 1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.reading.blocks import Block, Content
from rag.reading.office import shared as office
from rag.reading.office.numbering import BULLET, LIST_LEVELS, Numbering
from rag.reading.office.shared import PLAIN, SHADED, ListedBlock, Look, Package
from rag.reading.xml import number_in
from rag.text.markers import raised

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_OFF = ("0", "false", "off")

_HEADING = re.compile("heading ([1-9])")
_CONTENTS = re.compile("toc [1-9]|toc heading|table of figures")
_CONTAINERS = {"AlternateContent", "sdtContent", "customXml", "ins", "moveTo"}
_UNSHOWN = {"pPr", "rPr", "sdtPr", "del", "moveFrom", "delText", "instrText", "rt"}
# The letters and signs of the font Symbol that text is written with; it has them in the private use
# area.
_SYMBOL = dict(
    zip(
        (
            *range(0xF041, 0xF05B),
            *range(0xF061, 0xF07B),
            0xF0A3,
            0xF0AE,
            0xF0B0,
            0xF0B1,
            0xF0B3,
            0xF0B4,
            0xF0B7,
            0xF0B9,
            0xF0BB,
        ),
        "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ≤→°±≥×•≠≈",
        strict=True,
    )
)


def read_docx(data: bytes) -> Content:
    """Return what a Word file shows.

    Headings, paragraphs, lists, tables, captions and headers as furniture, and the notes at the
    end.

    Notes are numbered through, the footnotes first. Deleted, hidden and commented text and tables
    of contents are left out. Where no paragraph has the style of a heading, the level of each is
    None. Raises DocumentError where the file is encrypted, damaged, or too large when unpacked.
    """
    return _DocxReader(office.opened_docx(data)).content()


# --- Elements -----------------------------------------------------------------------------------


def _name(element: "Element") -> str:
    """Return the name without its namespace, for formulas have runs and texts of their own.

    "" for a comment.
    """
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _find(element: "Element | None", *path: str) -> "Element | None":
    return None if element is None else element.find("/".join(_W + name for name in path))


def _attribute(element: "Element | None", attribute: str = "val") -> str:
    """Return an attribute of an element, "" where there is none."""
    return "" if element is None else element.get(_W + attribute, "")


def _children(element: "Element") -> "list[Element]":
    """Return the children; of alternatives only the first, which is what today's programs show."""
    children = list(element.iterchildren("*"))  # no comments
    return children[:1] if _name(element) == "AlternateContent" else children


def _descend(parent: "Element", *names: str) -> "Iterator[Element]":
    """Return the elements of these names in `parent`, in order.

    Those in content controls and insertions are among them.
    """
    waiting = _children(parent)[::-1]
    while waiting:
        child = waiting.pop()
        name = _name(child)
        if name in names:
            yield child
        elif name in _CONTAINERS or (
            name == "sdt"
            and _attribute(_find(child, ("sdtPr"), ("docPartObj"), ("docPartGallery")))
            != ("Table of Contents")
        ):
            waiting += reversed(_children(child))


# --- Styles and lists ---------------------------------------------------------------------------


def _has_colour(shade: "Element") -> bool:
    return _attribute(shade, ("fill")).upper() not in ((""), ("AUTO"), ("FFFFFF")) or _attribute(
        shade
    ) not in (
        "",
        "clear",
        "nil",
    )


def _stated_look(properties: "Element | None") -> Look:
    """Return what the properties of a run (w:rPr) state."""
    look = PLAIN
    for stated in () if properties is None else properties:
        value = _attribute(stated)
        match _name(stated):
            case "vanish":
                look = replace(look, hidden=value not in _OFF)
            case "strike" | "dstrike":
                look = replace(look, struck=bool(look.struck) or value not in _OFF)
            case "color":
                look = replace(look, white=value.upper() == "FFFFFF")
            case "sz":
                look = replace(look, tiny=number_in(value, 24) < 2)  # half points
            case "highlight":
                look = replace(look, shaded=look.shaded or value not in ("none", "white"))
            case "shd":
                look = replace(look, shaded=look.shaded or _has_colour(stated))
    return look


@dataclass(frozen=True, slots=True)
class _ParagraphStyle:
    """A style with all it inherits."""

    names: frozenset[str] = (
        frozenset()
    )  # its own and those it is based on, in lower case: Word writes built-in ones in English
    level: int = 0  # of a heading, 0 where it is none
    number: str = ""  # of its list definition, "" where it is no list
    depth: int = 0  # in the list
    look: Look = PLAIN

    def with_name(self, name: str) -> "_ParagraphStyle":
        heading = _HEADING.fullmatch(name.lower())
        return replace(
            self,
            names=self.names | {name.lower()},
            level=int(heading[1]) if heading else self.level,
        )

    def under(self, properties: "Element | None") -> "_ParagraphStyle":
        """Return this style, changed by what the properties of a paragraph (w:pPr) state."""
        style = self
        for stated in () if properties is None else properties:
            match _name(stated):
                case "outlineLvl":
                    style = replace(
                        style,
                        level=(number_in(_attribute(stated), LIST_LEVELS) + 1) % (LIST_LEVELS + 1),
                    )
                case "numPr":
                    number, depth = _find(stated, "numId"), _find(stated, "ilvl")
                    if number is not None:
                        style = replace(
                            style,
                            number=("") if _attribute(number) == ("0") else _attribute(number),
                        )
                    if depth is not None:
                        style = replace(
                            style, depth=min(number_in(_attribute(depth)), LIST_LEVELS - 1)
                        )
                case "shd" if _has_colour(stated):
                    style = replace(style, look=SHADED.over(style.look))
        return style


# --- The walk -----------------------------------------------------------------------------------


class _DocxReader:
    """One reading of one document."""

    def __init__(self, package: Package) -> None:
        self.package = package
        styles = package.parts.get("styles")
        self.styles = (
            {}
            if styles is None
            else {
                _attribute(style, ("styleId")): style for style in styles.iterchildren(f"{_W}style")
            }
        )
        defaults = (
            name
            for name, s in self.styles.items()
            if _attribute(s, "default") and _attribute(s, "type") == "paragraph"
        )
        self.default_style = next(defaults, "")
        self.default_run = _find(styles, "docDefaults", "rPrDefault", "rPr")
        self.default_look = _stated_look(self.default_run)
        self.known_styles: dict[str, _ParagraphStyle] = {}
        self.numbering = Numbering(package.parts.get("numbering"))
        self.title = ""
        self.fields: list[
            bool
        ] = []  # for each open field whether its instruction is still being read

    def content(self) -> Content:
        body = self.blocks(self.package.body, PLAIN)
        stated = (
            _attribute(_find(run, "lang"))
            for run in (_find(self.styles.get(self.default_style), "rPr"), self.default_run)
        )
        language = next(filter(None, stated), self.package.language)
        notes = self.notes("footnote") | self.notes("endnote")
        title, facts = self.title or self.package.title, self.package.facts
        return office.office_content(body, self.furniture(), notes, title, language, facts)

    def notes(self, kind: str) -> dict[str, str]:
        """Return the texts of the footnotes or endnotes by their keys."""
        notes = self.package.parts.get(f"{kind}s")
        return {
            kind[0] + _attribute(note, "id"): office.note_text(self.blocks(note, PLAIN))
            for note in (() if notes is None else notes.iterchildren(f"{_W}{kind}"))
        }

    def furniture(self) -> list[Block]:
        """Return the headers and footers that are shown on some page."""
        sections = list(self.package.body.iter(f"{_W}sectPr"))
        shown = {"", "default"}
        if _find(self.package.parts.get("settings"), "evenAndOddHeaders") is not None:
            shown.add("even")
        if any(
            _find(section, "titlePg") is not None for section in sections
        ):  # later sections inherit those of earlier ones
            shown.add("first")
        blocks: list[Block] = []
        for section in sections:
            for reference in section.iterchildren(f"{_W}headerReference", f"{_W}footerReference"):
                part = self.package.parts.get(reference.get(_RELATION, ""))
                if part is not None and _attribute(reference, "type") in shown:
                    blocks += self.blocks(part, PLAIN)
        return blocks

    # --- Blocks ---

    def blocks(self, parent: "Element", ground: Look) -> list[Block]:
        """Return what the paragraphs and tables of `parent` show, text boxes behind theirs."""
        pieces: list[ListedBlock] = []
        carried = ""
        for child in _descend(parent, "p", "tbl"):
            if _name(child) == "tbl":
                pieces += self.table(child, ground)
                continue
            properties = _find(child, "pPr")
            style = self.style(_attribute(_find(properties, "pStyle")) or self.default_style).under(
                properties
            )
            boxes: list[ListedBlock] = []
            text = carried + self.shown(
                child, style.look.over(self.default_look).over(ground), boxes
            )
            # an instruction that never ends must not hide the paragraphs behind it
            self.fields.clear()
            frame = _attribute(_find(properties, "framePr"), "dropCap")
            if frame in ("drop", "margin"):  # a large initial: its word goes on in the next
                text = text.strip()
                carried = text
            else:  # its end is deleted: the next goes on
                carried = text if _find(properties, "rPr", "del") is not None else ""
            if not carried:
                pieces += self.paragraph(style, office.tidy(text))
            pieces += boxes
        if carried := office.tidy(carried):
            pieces.append(("", Block(carried)))
        return office.joined_lists(pieces)

    def paragraph(self, style: _ParagraphStyle, text: str) -> list[ListedBlock]:
        if not text or any(map(_CONTENTS.fullmatch, style.names)):
            return []
        level = style.level
        number = self.numbering.next_number(style.number, style.depth) if style.number else ""
        shown = f"{number} {text}" if number else text
        if "title" in style.names and not self.title:
            self.title, level = office.joined_lines(shown), 1
        if style.number and not level:
            shown = shown if number else BULLET + text
            item = "  " * style.depth + office.joined_lines(shown)
            return [(style.number, Block(item, level=0))]
        return [("", office.paragraph_block(shown, level, style.names))]

    def table(self, table: "Element", ground: Look) -> list[ListedBlock]:
        style = self.styles.get(_attribute(_find(table, "tblPr", "tblStyle")))
        if style is not None and any(map(_has_colour, style.iter(f"{_W}shd"))):
            ground = SHADED
        rows: list[list[office.OfficeCell]] = []
        merged: dict[
            int, tuple[int, int]
        ] = {}  # by column the row and place of a cell that goes on
        heads = 0
        for row in _descend(table, "tr"):
            stated = _find(row, "trPr")
            if _find(stated, "del") is not None or _find(stated, "hidden") is not None:
                continue
            heads += heads == len(rows) and _find(stated, "tblHeader") is not None
            rows.append(self.row(row, ground, rows, merged))
        return office.table_pieces(rows, heads or None)

    def row(
        self,
        row: "Element",
        ground: Look,
        above: list[list[office.OfficeCell]],
        merged: dict[int, tuple[int, int]],
    ) -> list[office.OfficeCell]:
        """Return the cells that begin in a row; one that goes on from above grows there."""
        cells: list[office.OfficeCell] = []
        column = number_in(_attribute(_find(row, "trPr", "gridBefore")))
        cells += [office.OfficeCell((), columns=column)] * bool(column)
        for cell in _descend(row, "tc"):
            properties = _find(cell, "tcPr")
            columns = max(1, number_in(_attribute(_find(properties, "gridSpan")), 1))
            merge, shade = _find(properties, "vMerge"), _find(properties, "shd")
            if merge is not None and _attribute(merge) in ("", "continue"):
                if column in merged:
                    number, place = merged[column]
                    began = above[number][place]
                    above[number][place] = replace(began, rows=len(above) - number + 1)
                else:
                    cells.append(office.OfficeCell((), columns=columns))
            else:
                if merge is not None:
                    merged[column] = len(above), len(cells)
                else:
                    merged.pop(column, None)
                look = ground if shade is None else Look(shaded=_has_colour(shade))
                cells.append(office.OfficeCell(self.blocks(cell, look), columns=columns))
            column += columns
        return cells

    # --- Text ---

    def shown(self, element: "Element", look: Look, boxes: list[ListedBlock]) -> str:
        """Return what the element shows under its look.

        What its text boxes show goes to `boxes`.
        """
        text = ""
        for child in _children(element):
            name = _name(child)
            if name in _UNSHOWN:
                continue
            if name == "r":
                run = self.shown(child, self.run_look(child).over(look), boxes)
                text += raised(run) if _is_raised(child) else run
            elif name == "sSup":  # of a formula: a power
                parts = [self.shown(part, look, boxes) for part in _children(child)]
                text += "".join(parts[:-1]) + raised(parts[-1], "^") if parts else ""
            elif name == "f":  # of a formula: a fraction
                parts = [self.shown(part, look, boxes) for part in _children(child)]
                text += "/".join(map(_grouped, filter(None, parts)))
            elif name == "fldChar":
                text += "" if any(self.fields) else look.shown(_form_value(child))
                self.field(_attribute(child, "fldCharType"))
            elif name == "txbxContent":
                boxes += [("", block) for block in self.box(child)] if look.is_visible else []
            elif (sign := _sign(child)) is not None:
                text += "" if any(self.fields) else look.shown(sign)
            else:
                text += self.shown(child, look, boxes)
        return text

    def run_look(self, run: "Element") -> Look:
        properties = _find(run, "rPr")
        style = _attribute(_find(properties, "rStyle"))
        look = _stated_look(properties)
        return look.over(self.style(style).look) if style else look

    def box(self, box: "Element") -> list[Block]:
        """Return what a text box shows; it may be filled with any colour."""
        fields, self.fields = self.fields, []
        blocks = self.blocks(box, SHADED)
        self.fields = fields
        return blocks

    def field(self, mark: str) -> None:
        match mark:
            case "begin":
                self.fields.append(True)
            case "separate" if self.fields:
                self.fields[-1] = False
            case "end" if self.fields:
                self.fields.pop()

    def style(self, style_id: str) -> _ParagraphStyle:
        """Return a style of paragraphs or runs with all it inherits.

        The defaults of the document are not among it.
        """
        if style_id not in self.known_styles:
            chain: list[Element] = []
            base = style_id
            while (element := self.styles.get(base)) is not None and not (
                element in chain or len(chain) == office.DEEPEST_STYLE
            ):
                chain.append(element)
                base = _attribute(_find(element, "basedOn"))
            # Some programs leave the built-in styles out and only name them.
            style = (
                _ParagraphStyle()
                if chain
                else _ParagraphStyle().with_name(re.sub((r"(?<=\D)(?=\d)"), (" "), style_id))
            )
            for element in reversed(chain):
                named = style.with_name(_attribute(_find(element, ("name")))).under(
                    _find(element, ("pPr"))
                )
                style = replace(named, look=_stated_look(_find(element, "rPr")).over(named.look))
            self.known_styles[style_id] = style
        return self.known_styles[style_id]


def _is_raised(run: "Element") -> bool:
    return _attribute(_find(run, "rPr", "vertAlign")) == "superscript"


def _grouped(part: str) -> str:
    """Return a part of a fraction, in brackets where it is a sum or several words."""
    return f"({part})" if re.search(r"[ +−–-]", part.strip()) else part


def _form_value(field: "Element") -> str:
    """Return what a check box or a list of choices shows, "" where the field is neither."""
    box, choices = (_find(field, "ffData", name) for name in ("checkBox", "ddList"))
    if box is not None:
        stated = [e for e in (_find(box, "checked"), _find(box, "default")) if e is not None]
        return "☒" if stated and _attribute(stated[0]) not in _OFF else "☐"
    if choices is not None:
        entries = [_attribute(entry) for entry in choices.iterchildren(f"{_W}listEntry")]
        chosen = number_in(_attribute(_find(choices, "result")))
        return entries[chosen] if chosen < len(entries) else ""
    return ""


def _sign(element: "Element") -> str | None:
    """Return what the element itself shows, None where that is what stands in it."""
    match name := _name(element):
        case "t":
            return re.sub(r"[\t\n\r]", " ", element.text or "")
        case "tab" | "ptab":
            return " "
        case "br" | "cr":
            return "\n"
        case "noBreakHyphen":
            return "-"
        case "sym":
            return _symbol(_attribute(element, "char"))
        case "footnoteReference" | "endnoteReference":
            return office.note_marker(name[0] + _attribute(element, "id"))
    return None


def _symbol(code: str) -> str:
    point = int(code, 16) if re.fullmatch("[0-9A-Fa-f]{1,4}", code) else 0
    if (
        point < 0x20 or 0xD800 <= point < 0xF900
    ):  # no character, or one that means something else in every font
        return _SYMBOL.get(point, "")
    return chr(point)
