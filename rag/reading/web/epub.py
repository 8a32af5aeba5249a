"""An EPUB -> its chapters in reading order, read as the one page they make."""

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.errors import DocumentError
from rag.reading.archive import members
from rag.reading.blocks import Content, decoded
from rag.reading.facts import first_value, stated_facts
from rag.reading.web.html import html_content
from rag.reading.xml import parsed, tag, text_of, xml

if TYPE_CHECKING:
    from lxml.etree import _Element

# Fonts that are obfuscated are no encrypted text.
_FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGE = re.compile(rb"(?i)<(?:html|body)[\s>]|<!doctype\s{1,5}html")
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(data: bytes) -> Content:
    """Return the chapters of a book in the order of its spine.

    Notes may stand in a chapter of their own.

    Raises DocumentError if it is damaged, encrypted, or has no chapters.
    """
    files = members(data)
    if _is_encrypted(files):
        raise DocumentError("The EPUB is encrypted (DRM): add a copy without protection.")
    container = xml(_part(files, "META-INF/container.xml"))
    package_name = next(
        (e.get("full-path") or "" for e in container.iter() if tag(e) == "rootfile"), ""
    )
    package_name = _member_of_link(files, "", package_name) or package_name
    package = xml(_part(files, package_name))
    pairs: list[tuple[str, str]] = []
    hrefs: dict[str, str] = {}
    spine: list[str] = []
    for element in package.iter():
        name = tag(element)
        if name in ("title", "creator", "date", "publisher", "language"):
            pairs.append((name, text_of(element)))
        elif name == "item" and "nav" not in (element.get("properties") or "").split():
            chapter = _member_of_link(files, package_name, element.get("href") or "")
            kind = (element.get("media-type") or "").partition(";")[0].strip().lower()
            if chapter and (kind in _PAGES or _is_page(files[chapter])):  # many state another kind
                hrefs[element.get("id") or ""] = chapter
        elif name == "itemref":  # also where it is not "linear": notes often are not
            spine.append(element.get("idref") or "")
    chapters = list(dict.fromkeys(hrefs[item] for item in spine if item in hrefs))
    if not chapters:
        raise DocumentError("The EPUB has no chapters: fetch or export it again.")
    book = html_content(
        _one_page({chapter: parsed(decoded(files[chapter])) for chapter in chapters})
    )
    facts = stated_facts(pairs, "package document")
    title, date, language = (first_value(facts, name) for name in ("title", "date", "language"))
    language = "" if language == "und" else language
    return Content(
        book.blocks, title or book.title, date, language, facts, title_stands=bool(title)
    )


def _is_encrypted(files: dict[str, bytes]) -> bool:
    if "META-INF/rights.xml" in files or "META-INF/sinf.xml" in files:
        return True
    if "META-INF/encryption.xml" not in files:
        return False
    methods = [
        e.get("Algorithm")
        for e in xml(files["META-INF/encryption.xml"]).iter()
        if tag(e) == "encryptionmethod"
    ]
    return any(method not in _FONT_ALGORITHMS for method in methods)


def _part(files: dict[str, bytes], name: str) -> bytes:
    if name not in files:
        raise DocumentError(
            f"The EPUB lacks its {name or 'package file'}: fetch or export it again."
        )
    return files[name]


def _member_of_link(files: dict[str, bytes], base: str, href: str) -> str:
    """Return the member that a link means, its name as the archive writes it; "" for none."""
    wanted = _member(base, href)
    if wanted in files:
        return wanted
    for name in files:  # it may be encoded as links are, or written with other capitals
        if unquote(name.replace("\\", "/")).casefold() == wanted.casefold():
            return name
    return ""


def _is_page(data: bytes) -> bool:
    return bool(_PAGE.search(data[:4000]))


def _member(base: str, href: str) -> str:
    """Return the member that a link in the member `base` names."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(href)))


def _one_page(chapters: dict[str, "_Element"]) -> "_Element":
    """Return the page that holds the bodies of all chapters.

    Their ids and links are made unique by the name of the chapter.
    """
    page = parsed("<html><body></body></html>")
    whole = page[0]
    for name, root in chapters.items():
        body = next((e for e in root.iter() if tag(e) == "body"), None)
        if body is None:
            continue
        for element in body.iter():
            for attribute in ("id", "name"):
                if value := element.get(attribute):
                    element.set(attribute, f"{name}#{value}")
            href = element.get("href") or ""
            target, hash_mark, fragment = href.partition("#")
            if hash_mark and "://" not in href:
                element.set("href", f"#{_member(name, target) if target else name}#{fragment}")
        body.tag = "section"
        whole.append(body)
    return page
