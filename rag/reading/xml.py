"""The text of a web page or an XML part -> its tree of elements.

Entities are not expanded, nothing is fetched.     [lxml]
"""

import re
from collections.abc import Iterable
from html.entities import html5
from typing import TYPE_CHECKING

from rag.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element, iterwalk

# A comment ends at its first "-->" for good: could it end at a later one too, a run of n comments
# had 2 ** n readings.
_HTML_START = re.compile(
    r"(?is)\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s+html|html|head|body)\b"
)
_ANY_TAG = re.compile(r"<[a-zA-Z][^<>]{0,300}>")
# All that may stand before the root, from the start on, with the whole of a document type: what it
# declares is no text of the report, and brackets in its quotes and comments do not end it. Where a
# quote of it never ends, it ends at the first "]>".
_DECLARATIONS = (
    r"(?:<!--(?>.*?-->)|<\?(?>.*?\?>)|\"[^\"]*+\"|'[^']*+'|<(?!!--|\?)|[^\]\"'<])*+\]\s*+>"
)
_PROLOG = re.compile(
    r"(?is)\A\s*+(?:<\?[^>]*\?>\s*+|<!--(?>.*?-->)\s*+)*+"
    r"(?:<!doctype\b(?:\"[^\"]*+\"|'[^']*+'|[^\[>\"'])*+"
    rf"(?:>|\[(?:{_DECLARATIONS}|(?>.*?\]\s*>))))?"
)
_ENTITY = re.compile(r"&(\w{2,31};)")
_XML_ENTITIES = ("amp;", "lt;", "gt;", "quot;", "apos;")


def is_html(data: bytes, suffix: str) -> bool:
    """Return whether a file is a web page: it opens like one, or is named like one and has tags."""
    start = (
        data[:4000]
        .replace(b"\0", b"")
        .decode("latin-1")
        .removeprefix("ï»¿")
        .removeprefix("ÿþ")
        .removeprefix("þÿ")
    )
    return bool(
        _HTML_START.match(start)
        or (suffix in (".html", ".htm", ".xhtml") and _ANY_TAG.search(start))
    )


def parsed(source: str) -> "_Element":
    """Return the root of a page.

    As XML where it is well-formed XHTML, else as browsers read HTML.
    """
    from lxml import etree

    source = source.replace("\0", "")
    if 'xmlns="http://www.w3.org/1999/xhtml"' in source[:4000]:
        shown = _ENTITY.sub(
            lambda found: found[0] if found[1] in _XML_ENTITIES else html5.get(found[1], found[0]),
            source,
        )
        try:
            return xml(shown[_end(_PROLOG.match(shown)) :].encode("utf-8", "replace"))
        except DocumentError:
            pass  # browsers read it as HTML then, and so do we
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, no_network=True
    )
    body = source[_end(_PROLOG.match(source)) :].encode("utf-8", "replace")
    try:
        root = etree.fromstring(body, parser) if body.strip() else None
    except etree.XMLSyntaxError:
        root = None  # there is nothing in it
    if any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log):
        raise DocumentError(
            "The page nests its tags 2,048 levels deep or more, as no report does: save it as PDF "
            "and add that."
        )
    return root if root is not None else etree.Element("html")


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def xml(data: bytes) -> "_Element":
    """Return the root of an XML text.

    Entities are not expanded, they stand there as they are written, and nothing is fetched. Raises
    DocumentError where it is broken.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if any(found.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for found in parser.error_log):
            raise DocumentError(
                "A part of the file is nested 256 levels deep or expands to an enormous size, as "
                "in no report: save it as PDF."
            ) from error
        raise DocumentError(
            "A part of the file is no well-formed XML: fetch or save the file again."
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:  # else there are no entities
        _write_out_entities(root)
    return root


def _write_out_entities(root: "_Element") -> None:
    """Put the reference to each entity into the text as plain characters, as it is written.

    lxml holds them as nodes, and who reads the text of elements loses them and what follows.
    """
    from lxml import etree

    pieces: list[str] = []
    element, is_tail, last = root, False, None

    def join() -> None:
        if pieces and is_tail:
            element.tail = "".join(pieces)
        elif pieces:
            element.text = "".join(pieces)

    for node in list(root.iter(etree.Entity)):
        before, parent = node.getprevious(), node.getparent()
        if parent is None:
            continue
        if before is None or before is not last:
            join()
            element, is_tail = (parent, False) if before is None else (before, True)
            pieces = [(element.tail if is_tail else element.text) or ""]
        pieces += [node.text or "", node.tail or ""]
        last = node
    join()
    etree.strip_elements(root, etree.Entity)


def refuse_entities(roots: "Iterable[_Element]") -> None:
    """Raise DocumentError where a part has a document type.

    No office program writes one, it only serves to declare entities.
    """
    if any(root.getroottree().docinfo.internalDTD is not None for root in roots):
        raise DocumentError(
            "It declares XML entities, which no office program does: open it in one and save it "
            "again."
        )


def tag(element: "_Element") -> str:
    """Return the name of an element in lower case, without its namespace.

    "" for what is no element.
    """
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def walk(root: "_Element") -> "iterwalk":
    """Return the start and end of every element in order.

    No recursion, for pages are nested as deeply as their authors please.
    """
    from lxml import etree

    return etree.iterwalk(root, events=("start", "end"))


def text_of(element: "_Element") -> str:
    """Return all text in an element, white space as it is written."""
    return "".join(str(part) for part in element.itertext())


def above(elements: Iterable["_Element"]) -> set["_Element"]:
    """Return all elements that one of `elements` stands in."""
    found: set[_Element] = set()
    for element in elements:
        parent = element.getparent()
        while parent is not None and parent not in found:
            found.add(parent)
            parent = parent.getparent()
    return found


def number_in(text: str, default: int = 0) -> int:
    """Return the number that an attribute holds, `default` where it holds none."""
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else default
