"""What the tags of a PDF say: which words its author's program wrote as a heading, as a cell."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pypdfium2
from pypdfium2 import raw

DEEPEST = 40  # elements of the structure below each other


def plain(text: str) -> str:
    """Return the letters and digits of a text, which no reader may change."""
    return re.sub(r"[\W_]+", "", text).casefold()


def cut(path: Path, pages: Sequence[int], into: Path) -> None:
    """Write a PDF of some pages of another."""
    with pypdfium2.PdfDocument(path) as pdf, pypdfium2.PdfDocument.new() as fewer:
        fewer.import_pages(pdf, list(pages))
        fewer.save(into)


def texts_of_marks(page: pypdfium2.PdfPage) -> dict[int, str]:
    """Return the text of each piece of marked content of a page."""
    textpage = page.get_textpage()
    texts: dict[int, str] = {}
    for item in page.get_objects([raw.FPDF_PAGEOBJ_TEXT], max_depth=4):
        mark = raw.FPDFPageObj_GetMarkedContentID(item)
        length = raw.FPDFTextObj_GetText(item, textpage, None, 0)
        buffer = (ctypes.c_ushort * (length // 2 + 1))()
        raw.FPDFTextObj_GetText(item, textpage, buffer, length)
        shown = bytes(buffer)[: max(0, length - 2)].decode("utf-16-le", "replace")
        texts[mark] = texts.get(mark, "") + shown
    return texts


def kind_of(element: object) -> str:
    buffer = ctypes.create_string_buffer(128)
    length = raw.FPDF_StructElement_GetType(element, buffer, len(buffer))
    return buffer.raw[: max(0, length - 2)].decode("utf-16-le", "replace")


def elements(page: pypdfium2.PdfPage, *kinds: str) -> Iterator[object]:
    """Yield the outermost elements of some kinds on a page; they live until the next one."""
    tree = raw.FPDF_StructTree_GetForPage(page)
    if not tree:
        return
    for index in range(raw.FPDF_StructTree_CountChildren(tree)):
        yield from descend(raw.FPDF_StructTree_GetChildAtIndex(tree, index), *kinds)
    raw.FPDF_StructTree_Close(tree)


def descend(element: object, *kinds: str, depth: int = 0) -> Iterator[object]:
    """Yield the outermost elements of some kinds in an element, itself among them."""
    if not element or depth > DEEPEST:
        return
    if kind_of(element) in kinds:
        yield element
        return
    for index in range(raw.FPDF_StructElement_CountChildren(element)):
        child = raw.FPDF_StructElement_GetChildAtIndex(element, index)
        yield from descend(child, *kinds, depth=depth + 1)


def children(element: object, *kinds: str) -> Iterator[object]:
    for index in range(raw.FPDF_StructElement_CountChildren(element)):
        child = raw.FPDF_StructElement_GetChildAtIndex(element, index)
        if child and kind_of(child) in kinds:
            yield child


def text_of(element: object, texts: dict[int, str], depth: int = 0) -> str:
    parts: list[str] = []
    for index in range(raw.FPDF_StructElement_CountChildren(element)):
        child = raw.FPDF_StructElement_GetChildAtIndex(element, index)
        if child and depth < DEEPEST:
            parts.append(text_of(child, texts, depth + 1))
        else:
            mark = raw.FPDF_StructElement_GetChildMarkedContentID(element, index)
            parts.append(texts.get(mark, ""))
    return " ".join(filter(None, parts))
