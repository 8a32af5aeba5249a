"""What a document type declares is no text, what stands behind an entity is one, and what no file
states is not shown.
"""

import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document as new_docx
from hypothesis import given
from hypothesis import strategies as st
from readers import read

from rag.errors import DocumentError
from rag.reading.office.shared import opened_docx
from rag.reading.web.html import read_html
from rag.reading.xml import text_of, xml

BODY = "<body><h1>Trade</h1><p>Before &co; after. R&amp;D &eacute;t&eacute;.</p></body>"
PAGE = f"<html><head><title>T</title></head>{BODY}</html>"
SHOWN = ["Trade", "Before &co; after. R&D été."]
DECLARED = [
    "",
    '<!ENTITY co "Company">',
    '<!ENTITY co "]>"><!-- ]> --><?x ]> ?>',
    "<!ENTITY co \"it's\"><!-- it's -->",
    '<!ENTITY % all SYSTEM "file:///etc/passwd"> %all;',
    '<!ENTITY a "&b;"><!ENTITY b "&a;">',
    "<!ELEMENT p ANY><!ATTLIST p x CDATA #IMPLIED>",
    '<!ENTITY co "never ends',
]


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("opening", ["", "<?xml version='1.0'?>\n", "<!-- a > b -->\n"])
@pytest.mark.parametrize("name", ["html", 'html PUBLIC "-//W3C//DTD > X//EN" "x.dtd"'])
def test_a_document_type_leaves_nothing_in_the_text(name: str, opening: str, declared: str) -> None:
    page = f"{opening}<!DOCTYPE {name} [ {declared} ]>\n{PAGE}"
    for source in (page, page.replace("<html>", '<html xmlns="http://www.w3.org/1999/xhtml">')):
        assert [block.text for block in read_html(source.encode()).blocks] == SHOWN


@given(st.lists(st.sampled_from(["&co;", "&e;", "x", "<b/>", "<i>y</i>", "&amp;"])))
def test_no_text_is_lost_at_an_entity(parts: list[str]) -> None:
    declared = '<!DOCTYPE a [<!ENTITY co "Company"><!ENTITY e "<b>x</b>">]>'
    root = xml(f"{declared}<a>{''.join(parts)}</a>".encode())
    plain = re.sub(r"<[^>]*>", "", "".join(parts)).replace("&amp;", "&")
    assert text_of(root) == plain
    direct = [root.text, *(child.tail for child in root), *(child.text for child in root)]
    assert sum(len(text or "") for text in direct) == len(plain), "elements hold it, no other node"


def rewritten(data: bytes, **parts: bytes | None) -> bytes:
    """A ZIP with other contents of the members of these names, dots as underscores; without those
    that are None."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = parts.get(re.sub(r"\W", "_", name), before.read(name))
            if content is not None:
                after.writestr(name, content)
    return out.getvalue()


@pytest.fixture(scope="module")
def report() -> bytes:
    document = new_docx()
    document.add_paragraph("Trade grew by ten percent, the harbour authority said in its report.")
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def test_a_word_file_that_states_no_title_has_none_of_a_template(
    report: bytes, tmp_path: Path
) -> None:
    """python-docx makes the properties that it does not find, with a title."""
    with zipfile.ZipFile(BytesIO(report)) as archive:
        relations = archive.read("_rels/.rels")
    without = re.sub(rb"<Relationship [^>]*core-properties[^>]*/>", b"", relations)
    bare = rewritten(report, _rels__rels=without, docProps_core_xml=None)
    assert opened_docx(bare).title == ""
    document = read(tmp_path, bare, "bare.docx")
    said = "Trade grew by ten percent, the harbour authority said in its report."
    assert document.text == said
    assert document.title in ("bare", said)


@pytest.mark.parametrize("title", ["Harbour &amp; Sons", "<![CDATA[Harbour & Sons]]>"])
def test_a_stated_title_is_shown_whole(report: bytes, title: str) -> None:
    with zipfile.ZipFile(BytesIO(report)) as archive:
        core = archive.read("docProps/core.xml")
    stated = core.replace(b"<dc:title/>", f"<dc:title>{title}</dc:title>".encode())
    assert stated != core
    assert opened_docx(rewritten(report, docProps_core_xml=stated)).title == "Harbour & Sons"


def test_a_word_file_that_declares_entities_is_refused_wherever_its_text_lies(
    report: bytes,
) -> None:
    with zipfile.ZipFile(BytesIO(report)) as archive:
        text = archive.read("word/document.xml")
    declared = text.replace(b"?>", b'?><!DOCTYPE d [<!ENTITY co "Co">]>', 1)
    with pytest.raises(DocumentError, match="declares XML entities"):
        opened_docx(rewritten(report, word_document_xml=declared))


def test_the_title_of_a_book_goes_on_behind_an_entity(tmp_path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml", '<container><rootfile full-path="b.opf"/></container>'
        )
        archive.writestr(
            "b.opf",
            '<!DOCTYPE package [<!ENTITY co "Company">]><package><metadata><title>Trade &co; and '
            'Sons</title></metadata><manifest><item id="c" href="c.xhtml" '
            'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine>'
            "</package>",
        )
        archive.writestr("c.xhtml", "<html><body><p>The trade of wool grew.</p></body></html>")
    assert read(tmp_path, out.getvalue(), "book.epub").title == "Trade &co; and Sons"
