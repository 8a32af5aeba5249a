"""The documents that answers cite, for a list of sources and for programs that manage them. Pure.

BibTeX, and CSL-JSON, which Zotero and others read.
"""

import json
import re
from collections.abc import Callable, Sequence

from rag.errors import NotFoundError
from rag.text.characters import visible
from rag.text.lookalikes import as_label
from rag.types import Answer, Document, FactName

_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_"},
}
_NO_KEY = re.compile(r"[^A-Za-z0-9]+")


def cited_documents(
    answers: Sequence[Answer], documents: Callable[[str], Document]
) -> list[Document]:
    """Return the documents that the answers cite, in the order in which they do so first.

    Those that `documents` has no more are left out: it raises NotFoundError for them.
    """
    names = dict.fromkeys(c.document for answer in answers for c in answer.citations)
    found = []
    for name in names:
        try:
            found.append(documents(name))
        except NotFoundError:
            continue
    return found


def reference(document: Document) -> str:
    """Return a document as a line of a list of sources."""
    authors = ", ".join(as_label(author) for author in document.authors)
    parts = [
        authors,
        as_label(document.title),
        as_label(document.number),
        _fact_of(document, "publisher"),
        document.date,
    ]
    line = ". ".join(part.rstrip(".") for part in parts if part)
    return f"{line}. File: {as_label(document.file)}"


def bibtex(documents: Sequence[Document]) -> bytes:
    """Return the documents as BibTeX."""
    keys = _keys(documents)
    return "\n".join(map(_entry, keys, documents)).encode()


def csl_json(documents: Sequence[Document]) -> bytes:
    """Return the documents as CSL-JSON."""
    items = []
    for key, document in zip(_keys(documents), documents, strict=True):
        fields = {
            "id": key,
            "type": "report",
            "title": visible(document.title),
            "author": [{"literal": visible(author)} for author in document.authors],
            "issued": {"date-parts": [[int(part) for part in document.date.split("-")]]}
            if document.date
            else {},
            "number": visible(document.number),
            "publisher": _fact_of(document, "publisher"),
            "language": visible(document.language),
            "note": f"File: {visible(document.file)}",
        }
        items.append({name: value for name, value in fields.items() if value})
    # Half of a pair of surrogates cannot be encoded, and what stands for it is its escape in JSON.
    return json.dumps(items, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")


def _fact_of(document: Document, name: FactName) -> str:
    return as_label(next((fact.value for fact in document.facts if fact.name == name), ""))


def _entry(key: str, document: Document) -> str:
    year, _, rest = document.date.partition("-")
    fields = {
        "title": document.title,
        "author": " and ".join(f"{{{_tex(author)}}}" for author in document.authors),
        "year": year,
        "month": rest[:2],
        "number": document.number,
        "institution": _fact_of(document, "publisher"),
        "language": document.language,
        "note": f"File: {document.file}",
    }
    # A name in braces is one name, whatever it is made of.
    lines = [
        f"  {name} = {{{value if name == 'author' else _tex(value)}}},"
        for name, value in fields.items()
        if value
    ]
    return "\n".join([f"@techreport{{{key},", *lines, "}", ""])


def _tex(text: str) -> str:
    shown = " ".join(visible(text).split()).encode("utf-8", "replace").decode()
    return "".join(_TEX.get(character, character) for character in shown)


def _keys(documents: Sequence[Document]) -> list[str]:
    """Return a key for each document, of letters and digits, no two alike."""
    keys: list[str] = []
    for document in documents:
        stem = _NO_KEY.sub("", document.name.title()) or "Document"
        key, number = f"{stem}{document.date[:4]}", 1
        while key in keys:
            number += 1
            key = f"{stem}{document.date[:4]}-{number}"
        keys.append(key)
    return keys
