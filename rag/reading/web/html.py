"""A web page -> the blocks of its main content, as a browser shows them.

Tags and styles say what is shown: navigation, banners and hidden text are left out, and so is all
that only scripts would show.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.reading.blocks import Block, Content, TableRow, decoded, struck_out, unmarked
from rag.reading.facts import iso_date
from rag.reading.tables import Cell, table_blocks
from rag.reading.web.chrome import controlled_ids, is_chrome, is_fact_box, is_heading_button
from rag.reading.web.css import (
    LARGEST_STYLE,
    Color,
    colors,
    hides,
    plain_style,
    same_color,
    selectors_that,
    strikes,
)
from rag.reading.web.main_content import main_blocks
from rag.reading.web.page_facts import page_facts
from rag.reading.xml import above, number_in, parsed, tag, text_of, walk
from rag.text.markers import TO_RAISED
from rag.types import Kind

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_INDENT = 8  # levels of a list: deeper ones are shown at this one


HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("ul", "ol", "menu", "dir")
_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset
    figcaption figure footer form header hgroup hr html legend li main nav p pre section summary
    table tbody td tfoot th thead tr
    """.split()
).union(HEADINGS, _LISTS)
_NEVER_SHOWN = frozenset(
    """
    audio base canvas datalist embed head iframe input link map meta meter noscript
    object optgroup option param progress rp script select source style svg template
    textarea title track video
    """.split()
)
_STRIKING_TAGS = ("del", "s", "strike")
_CHARSET = re.compile(
    rb"(?i)<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{2,40})|"
    rb"<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w-]{2,40})"
)
_NOTE_LABEL = re.compile(r"[\[(]?\s*(\d{1,3}|[a-z]|[ivx]{1,6}|[*†‡§]{1,3})\s*[\])]?[.,]?")
_NOTE_WORDS = re.compile(
    r"(?i)noteref|footnote|endnote|(?:^|[\s_-])(?:fn|note|reference)(?:$|[\s_-]|ref)"
)
_BACK = re.compile(r"[↩↑^⏎↵⮐\ufe0e\ufe0f\s]+|(?i:back|return|jump up|\^\s*jump up)")
_SPACE = re.compile(r"[ \t\n\r\f]+")

_NO_NOTES = (*HEADINGS, "body", "html", "main", "article", "table")
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_CALLED = ("class", "role", "type", "id", "rel")  # attributes; "type" is EPUB's


def read_html(data: bytes) -> Content:
    """Return the main content of a web page.

    Notes are shown as "[1] text" where they stand, and what refers to them as "[1]".

    Raises DocumentError if the page is in no known encoding, or nested too deeply.
    """
    charset = _CHARSET.search(data[:4000])
    declared = next(filter(None, charset.groups())).decode() if charset else ""
    page = decoded(data, declared)
    content = html_content(parsed(page))
    return replace(content, blocks=main_blocks(page, content.blocks))


def html_content(root: "_Element") -> Content:
    """Return what the page under `root` shows, its title, date and language."""
    sheets = (element.text or "" for element in root.iter() if tag(element) == "style")
    page = _PageWalker(root, "".join(sheets)[:LARGEST_STYLE])
    page.walk()
    stated = page_facts(root)
    headline = next((block.text for block in page.blocks if block.level == 1), "")
    language = root.get("lang") or root.get(_XML_LANGUAGE) or root.get("xml:lang") or ""
    return Content(
        page.blocks,
        headline or stated.title,
        stated.date or iso_date(page.date),
        language or stated.language,
        stated.facts,
    )


class _PageWalker:
    """Walks through a page once, from its first tag to its last."""

    def __init__(self, root: "_Element", styles: str) -> None:
        self.blocks: list[Block] = []
        self.date = ""
        self._root = root
        self._controlled = controlled_ids(root)
        self._hiding = selectors_that(hides, styles)
        self._striking = selectors_that(strikes, styles)
        named: dict[str, list[_Element]] = {}
        for element in root.iter():
            named.setdefault(tag(element), []).append(element)
        headings = [element for name in HEADINGS for element in named.get(name, ())]
        lists = [element for name in _LISTS for element in named.get(name, ())]
        tables = named.get("table", [])
        crowded = [
            cell
            for name in ("td", "th")
            for cell in named.get(name, ())
            if len(cell.findall("{*}p")) > 1
        ]
        self._references, self._notes, self._back = _linked_notes(root, named.get("a", []))
        self._marked = above(self._references)
        with_headings = above(headings)
        # Pages are laid out with tables and lists: those that hold parts of a page are shown as
        # these parts.
        self._layout = (
            above([*tables, *lists, *named.get("blockquote", ()), *named.get("pre", ()), *crowded])
            | with_headings
        )
        self._layout_lists = with_headings
        self._any_heading = bool(headings)
        mains = named.get("main", []) or [
            element for element in named.get("div", ()) if element.get("role") == "main"
        ]
        articles = named.get("article", [])
        self._roots = (
            {mains[0], *self._notes} if mains else {*(named.get("body", [])[:1] or [root])}
        )
        if mains and not any(tag(element) == "h1" for element in mains[0].iter()):
            self._roots |= set(named.get("h1", [])[:1])
        self._above_roots = above(self._roots)
        self._kept = above([*mains, *articles, *self._notes, *named.get("h1", ())]).union(
            mains, articles, self._notes
        )

        self._text: list[str] = []  # of the block that is being read
        self._marker = ""
        self._counters: list[
            int | None
        ] = []  # one for each open list: the next number, None where it has bullets
        self._items: list[str] = []  # the lines of the outermost open list
        self._rows: list[list[Cell]] | None = None  # of the open table
        self._cell: list[str] = []  # what the open cell holds so far
        self._note: tuple[_Element, str, list[str]] | None = (
            None  # the open note, its number, its lines
        )
        self._quoted = self._preformatted = self._sectioned = self._inside = 0
        self._struck: list[_Element] = []  # the open elements that strike out what is in them
        self._paint: list[
            tuple[_Element, Color, Color]
        ] = []  # elements that set the colour of text or ground

    def walk(self) -> None:
        """Take in every element in order."""
        walker = walk(self._root)
        skipped = None
        for event, element in walker:
            name = tag(element)
            if event == "start":
                if self._is_skipped(element, name):
                    skipped = element
                    walker.skip_subtree()
                elif self._enter(element, name):
                    self._say(element.text)
                else:
                    skipped = element
                    walker.skip_subtree()
                continue
            if element is skipped:
                skipped = None
            else:
                self._leave(element, name)
            if self._paint and self._paint[-1][0] is element:
                self._paint.pop()
            if self._struck and self._struck[-1] is element:
                self._struck.pop()
            if element is not self._root:
                self._say(element.tail)
        self._flush()

    def _is_skipped(self, element: "_Element", name: str) -> bool:
        if not name or name in _NEVER_SHOWN:
            return True
        if not self._inside and element not in self._roots:
            return element not in self._above_roots
        if name == "button" and not is_heading_button(element):
            return True
        if name == "dialog" and element.get("open") is None:
            return True
        style = plain_style(element.get("style") or "")
        if not self._opens(element) and (
            element.get("hidden") is not None
            or element.get("aria-hidden") == "true"
            or _is_named(element, self._hiding)
            or (style and hides(style))
        ):
            return True
        if self._paints_over(element, style):
            return True
        if element in self._kept or name in HEADINGS or name in ("html", "body"):
            return False
        if name == "aside":
            return not is_fact_box(element)
        if name in ("nav", "footer") or (name == "header" and not self._sectioned):
            return True
        return is_chrome(element)

    def _opens(self, element: "_Element") -> bool:
        """Return whether a click on what names the element shows it, as in an accordion."""
        return element.get("role") == "tabpanel" or element.get("id") in self._controlled

    def _paints_over(self, element: "_Element", style: str) -> bool:
        """Return whether the element sets its text in the colour of the ground."""
        text, ground = colors(
            style, (element.get("color") or "").lower(), (element.get("bgcolor") or "").lower()
        )
        if text is None and ground is None:
            return False
        _, text_before, ground_before = (
            self._paint[-1] if self._paint else (element, (0, 0, 0), (255, 255, 255))
        )
        text, ground = text or text_before, ground or ground_before
        if same_color(text, ground):
            return True
        self._paint.append((element, text, ground))
        return False

    def _enter(self, element: "_Element", name: str) -> bool:
        """Open an element; False if nothing of what stands in it is taken as it stands."""
        self._inside += element in self._roots
        style = plain_style(element.get("style") or "")
        if name in _STRIKING_TAGS or strikes(style) or _is_named(element, self._striking):
            self._struck.append(element)
        if element in self._references:
            self._say(f"[{self._references[element]}]")
            return False
        if self._note and name == "a" and self._is_back_link(element):
            return False
        if (
            name == "sup"
            and re.fullmatch(r"\s*\d{1,3}\s*", text_of(element))
            and element not in self._marked
        ):
            self._say(text_of(element).strip().translate(TO_RAISED))
            return False
        if name == "time" and not self.date:
            self.date = element.get("datetime") or ""
        if name == "br":
            self._text.append("\n")
        if name not in _BLOCKS:
            return True
        self._flush()
        if element in self._notes and self._note is None:
            self._note = (element, self._notes[element], [])
        self._quoted += name == "blockquote"
        self._preformatted += name == "pre"
        self._sectioned += name in ("article", "main", "section")
        if name in _LISTS and element not in self._layout_lists:
            start = element.get("start") or "1"
            self._counters.append(
                int(start)
                if name == "ol" and re.fullmatch(r"\d{1,6}", start)
                else 1
                if name == "ol"
                else None
            )
        elif name == "li" and self._counters:
            count = self._counters[-1]
            indent = "  " * min(len(self._counters) - 1, MAX_INDENT)
            self._marker = indent + ("- " if count is None else f"{count}. ")
            self._counters[-1] = None if count is None else count + 1
        elif name == "table" and element not in self._layout:
            self._rows = []
        elif name == "tr" and self._rows is not None:
            self._rows.append([])
        return True

    def _leave(self, element: "_Element", name: str) -> None:
        if name in _BLOCKS:
            self._flush(name, element)
            self._quoted -= name == "blockquote"
            self._preformatted -= name == "pre"
            self._sectioned -= name in ("article", "main", "section")
            if name in _LISTS and element not in self._layout_lists and self._counters:
                self._counters.pop()
                if not self._counters:
                    self._show("\n".join(self._items), 0)
                    self._items = []
            elif name == "table" and self._rows is not None:
                rows, self._rows = self._rows, None
                for block in table_blocks(rows):
                    self._take(block.text, 0, block.kind, block.row)
            if self._note and self._note[0] is element:
                (_, number, lines), self._note = self._note, None
                note = _without_label("\n".join(lines), number, listed=name == "li")
                if note:
                    self.blocks.append(Block(f"[{number}] {note}", 0, "note"))
        self._inside -= element in self._roots

    def _say(self, text: str | None) -> None:
        if text and self._inside:
            text = unmarked(text if self._preformatted else _SPACE.sub(" ", text))
            self._text.append(struck_out(text) if self._struck else text)

    def _add_cell(self, element: "_Element", row: list[Cell], text: str) -> None:
        """Add a cell to a row with what it spans; one in the head of a table is a head."""
        above = element.getparent()
        in_head = above is not None and any(tag(e) == "thead" for e in above.iterancestors())
        spans = (number_in(element.get(f"{what}span") or "", 1) for what in ("row", "col"))
        row.append(Cell(text, in_head or tag(element) == "th", *spans))
        self._cell = []

    def _flush(self, name: str = "", element: "_Element | None" = None) -> None:
        """Close the text that has come in.

        It is part of the open cell, note or list, or a block. `element` is the one that ends and
        `name` its tag.
        """
        text = "".join(self._text)
        self._text = []
        text = (
            text.strip("\n")
            if self._preformatted
            else re.sub(" ?\n ?", "\n", re.sub("  +", " ", text)).strip()
        )
        text = re.sub(r"\[\s*(\[\d{1,3}\])\s*\]", r"\1", text)
        if self._rows is not None and name != "caption" and self._rows:
            if element is not None and name in ("td", "th"):
                self._add_cell(element, self._rows[-1], " ".join([*self._cell, text]))
            elif text:
                self._cell.append(text)
        elif name in ("figcaption", "caption"):
            self._show(text, 0, "furniture")
        elif name in HEADINGS:
            self._show(text, int(name[1]))
        else:
            self._take(text, 0 if self._any_heading or self._preformatted else None)

    def _take(
        self, text: str, level: int | None, kind: Kind | None = None, row: TableRow | None = None
    ) -> None:
        if not text.strip():
            return
        if self._note:
            self._note[2].append(text)
        elif self._counters:
            self._items.append(self._marker + text)
            self._marker = "  " * min(len(self._counters), MAX_INDENT)
        else:
            self._show(text, level, kind, row)

    def _show(
        self, text: str, level: int | None, kind: Kind | None = None, row: TableRow | None = None
    ) -> None:
        if text.strip():
            quoted = self._quoted > 0 and kind != "furniture" and not level
            self.blocks.append(Block(text, level, kind, quoted, row=row))

    def _is_back_link(self, element: "_Element") -> bool:
        target = unquote((element.get("href") or "").partition("#")[2])
        return target in self._back or bool(_BACK.fullmatch(text_of(element)))


def _is_named(element: "_Element", selectors: set[str]) -> bool:
    """Return whether one of the selectors names the element by its class or id."""
    if not selectors:
        return False
    classes = (element.get("class") or "").split()
    return any(
        f"{before}{selector}" in selectors
        for selector in (*(f".{token}" for token in classes), f"#{element.get('id')}")
        for before in ("", tag(element))
    )


# --- Notes --------------------------------------------------------------------------------------


def _linked_notes(
    root: "_Element", links: Iterable["_Element"]
) -> tuple[dict["_Element", str], dict["_Element", str], set[str]]:
    """Return the links that refer to notes, and the blocks that hold these, by their numbers.

    The third is the ids that notes link back to.
    """
    ids: dict[str, _Element] = {}
    for element in root.iter():
        if name := element.get("id") or (element.get("name") if tag(element) == "a" else None):
            ids.setdefault(name, element)
    found: list[tuple[_Element, _Element, str]] = []
    blocks: set[_Element] = set()
    back: set[str] = set()
    for link in links:
        target = (
            ids.get(unquote((link.get("href") or "").partition("#")[2]))
            if (link.get("href") or "").startswith("#")
            else None
        )
        label = (
            _NOTE_LABEL.fullmatch(text_of(link).strip())
            if target is not None and len(link) < 5
            else None
        )
        if target is None or label is None or not _refers(link):
            continue
        around = [link, *link.iterancestors()]
        block = next((e for e in (target, *target.iterancestors()) if tag(e) in _BLOCKS), root)
        if tag(block) in ("td", "th"):
            block = next((e for e in block.iterancestors() if tag(e) == "tr"), block)
        if block in around or not blocks.isdisjoint(around) or tag(block) in _NO_NOTES:
            continue
        found.append((link, block, label[1]))
        blocks.add(block)
        back.update(
            name
            for e in around[:3]
            for name in (e.get("id"), e.get("name"))
            if name and tag(e) not in _BLOCKS
        )
    labels = {block: label for _, block, label in reversed(found)}
    in_order = list(dict.fromkeys(block for _, block, _ in found))
    plain = all(label.isdecimal() for label in labels.values()) and len(
        set(labels.values())
    ) == len(labels)
    numbers = {
        block: labels[block] if plain else str(count)
        for count, block in enumerate(in_order, start=1)
    }
    return {link: numbers[block] for link, block, _ in found}, numbers, back


def _refers(link: "_Element") -> bool:
    """Return whether a link is set as one to a note: raised, in brackets, or called so."""
    near = (link, *(e for e, _ in zip(link.iterancestors(), range(2), strict=False)), *link)
    called = " ".join(
        value
        for e in near[:1]
        for name, value in e.attrib.items()
        if name.rpartition("}")[2] in _CALLED
    )
    text = text_of(link).strip()
    return (
        any(tag(e) == "sup" for e in near)
        or bool(_NOTE_WORDS.search(called))
        or bool(re.fullmatch(r"\[\w+\]", text))
        or (text.isdecimal() and "vertical-align:super" in plain_style(link.get("style") or ""))
    )


def _without_label(note: str, number: str, listed: bool) -> str:
    """Return a note without the number that stands before it.

    In a list the number is no part of the text.
    """
    raised = re.escape(number.translate(TO_RAISED))
    label = rf"\[{number}\][.,:]?|{raised}" + ("" if listed else rf"|{number}[.):]?(?=\s)")
    note = re.sub(rf"\A[\s^↑]*(?:{label})?\s*", "", note)
    behind = re.match(r"[\s↩↑⏎↵]*", note[::-1])
    return note[: len(note) - (behind.end() if behind else 0)]
