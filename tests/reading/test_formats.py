"""One report in every format comes out the same.

Files of any content are read as what they are, or refused in a sentence.
"""

import re
import zipfile
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from fakes import words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import assert_covered

from rag.errors import DocumentError
from rag.library.chunking import make_chunks
from rag.reading.documents import SUFFIXES, read_document
from rag.types import Document

QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LETTERS = st.text("abc <>&\"'[]1{}|*#\n\\", max_size=40)

TITLE = "The Lamps Of Varde Harbour"
DATELINE = "May 14, 2021 Harbour Brief No. 23"
# Kind and words of each block, in order. "quote" is set off without marks.
REPORT = [
    ("title", TITLE),
    ("dateline", DATELINE),
    (
        "text",
        "The council of Varde spent a winter on the question of who lights the harbour, and who "
        "pays for the light.",
    ),
    ("heading", "What The Mayor Says"),
    ("text", "Mayor Inga Holt stated that the old lamps had served their time:"),
    (
        "text",
        '"We have counted every lamp along the quay. Forty of them are dark, and the rest burn '
        "twice what they should.",
    ),
    ("text", '"Whoever walks there at night walks by memory alone."[1]'),
    ("caption", "Figure 1: The quay of Varde at night"),
    ("heading", "What The Engineers Say"),
    ("text", "Engineer Olav Brun, who drew the first plans, wrote about the cost of waiting:"),
    (
        "quote",
        "A lamp that is bought in spring costs a third less than one that is bought in November, "
        "and it lasts as long.[2]",
    ),
    ("text", "These are the three steps that he names in his letter to the council of the town."),
    (
        "list",
        ["Count the lamps again.", "Ask three makers for an offer.", "Decide before the autumn."],
    ),
    ("heading", "What It Costs"),
    (
        "text",
        "The table of the finance office has two lines, and neither has been disputed so far.",
    ),
    ("table", [["Year", "Lamps", "Cost"], ["2021", "40", "12,000"], ["2022", "75", "21,500"]]),
]
NOTES = ["Varde Post, May 2, 2021.", "Letter to the council of Varde, April 9, 2021."]

BARE = (".txt", ".pdf")  # formats that know no tables: their rows are lines of one paragraph


def paragraphs(suffix: str) -> list[str]:
    """Return the running text of the report as the reader of a format shows it."""
    found: list[str] = []
    for kind, told in REPORT:
        if kind == "list":
            found.append(" ".join(f"- {item}" for item in told))
        elif kind == "table" and suffix in BARE:
            found.append(" ".join(map(" | ".join, told)))
        elif kind == "table":
            heads, *rows = told
            named = ([f"{h}: {v}" for h, v in zip(heads, row, strict=True)] for row in rows)
            found += map(" · ".join, named)
        elif kind in ("text", "quote"):
            found.append(told)
    return found


def as_text() -> bytes:
    parts = []
    for kind, told in REPORT:
        if kind == "list":
            parts.append("\n".join(f"- {item}" for item in told))
        elif kind == "table":
            parts.append("\n".join(" | ".join(row) for row in told))
        else:
            parts.append(f'"{told[:-3]}"[2]' if kind == "quote" else told)
    return "\n\n".join(
        [*parts, "", *(f"[{n}] {note}" for n, note in enumerate(NOTES, start=1))]
    ).encode()


def as_markdown() -> bytes:
    marks = {"title": "# ", "heading": "## ", "quote": "> "}
    parts = []
    for kind, told in REPORT:
        if kind == "list":
            parts.append("\n".join(f"* {item}" for item in told))
        elif kind == "table":
            rows = ["|" + "|".join(row) + "|" for row in told]
            parts.append("\n".join([rows[0], "|---|---|---|", *rows[1:]]))
        else:
            parts.append(marks.get(kind, "") + re.sub(r"\[(\d)\]", r"[^\1]", told))
    return "\n\n".join(
        [*parts, *(f"[^{n}]: {note}" for n, note in enumerate(NOTES, start=1))]
    ).encode()


def marked(told: str, notes: str = "") -> str:
    return re.sub(
        r"\[(\d)\]", rf'<sup><a id="ref\1" href="{notes}#fn\1">\1</a></sup>', escape(told)
    )


def body(notes_at: str = "") -> str:
    tags = {"title": "h1", "heading": "h2", "caption": "figcaption"}
    parts = []
    for kind, told in REPORT:
        if kind == "list":
            parts.append("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in told) + "</ul>")
        elif kind == "table":
            rows = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in told]
            parts.append(f"<table>{''.join(rows)}</table>")
        elif kind == "quote":
            parts.append(f"<blockquote><p>{marked(told, notes_at)}</p></blockquote>")
        else:
            name = tags.get(kind, "p")
            parts.append(f"<{name}>{marked(told, notes_at)}</{name}>")
    return "\n".join(parts)


def listed(back: str = "") -> str:
    items = (
        f'<li id="fn{n}"><p>{note} <a href="{back}#ref{n}">↩</a></p></li>'
        for n, note in enumerate(NOTES, start=1)
    )
    return f"<ol>{''.join(items)}</ol>"


def as_html() -> bytes:
    chrome = (
        "<nav><a href='/'>Home</a> <a href='/all'>All reports</a></nav><div "
        "class='cookie-banner'>We use cookies</div>"
    )
    return (
        f"<!DOCTYPE html><html lang='en'><head><title>{TITLE} | Varde</title><script>var a = "
        f"1</script></head>"
        f"<body>{chrome}<main>{body()}<section>{listed()}</section></main><footer>© "
        f"Varde</footer></body></html>"
    ).encode()


def zipped(members: dict[str, str]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else None)
    return stream.getvalue()


def as_epub() -> bytes:
    page = (
        '<?xml version="1.0"?><html '
        'xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": "<container "
            'xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
            '<rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<dc:title>{TITLE}</dc:title><dc:language>en</dc:language></metadata><manifest>"
            '<item id="b" href="text/notes.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="a" href="text/one.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/><itemref idref="b" linear="no"/></spine></package>',
            "OEBPS/text/one.xhtml": page.format(body("notes.xhtml")),
            "OEBPS/text/notes.xhtml": page.format(listed("one.xhtml")),
        }
    )


def as_docx() -> bytes:
    import docx
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = docx.Document()
    styles = {"title": "Title", "heading": "Heading 1", "quote": "Quote", "caption": "Caption"}
    kinds = {"1": "footnote", "2": "endnote"}

    def add_part(number: str) -> None:
        """The part with the only note of its kind, in front of it the line that Word draws above
        notes.
        """
        kind, text = kinds[number], NOTES[int(number) - 1]
        line = (
            f'<w:{kind} w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:{kind}>'
        )
        runs = f'<w:r><w:{kind}Ref/></w:r><w:r><w:t xml:space="preserve"> {text}</w:t></w:r>'
        note = f'<w:{kind} w:id="5"><w:p>{runs}</w:p></w:{kind}>'
        blob = f"<w:{kind}s {nsdecls('w')}>{line}{note}</w:{kind}s>".encode()
        content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}s+xml"
        part = Part(PackURI(f"/word/{kind}s.xml"), content_type, blob, document.part.package)
        document.part.relate_to(part, getattr(RELATIONSHIP_TYPE, f"{kind}s".upper()))

    for kind, told in REPORT:
        if kind == "list":
            for item in told:
                document.add_paragraph(item, "List Bullet")
        elif kind == "table":
            table = document.add_table(len(told), len(told[0]))
            for row, cells in zip(table.rows, told, strict=True):
                for cell, value in zip(row.cells, cells, strict=True):
                    cell.text = value
        else:
            paragraph = document.add_paragraph(style=styles.get(kind))
            text, *marked = re.split(r"\[(\d)\]", told)
            paragraph.add_run(text)
            for number, text in zip(marked[::2], marked[1::2], strict=True):
                add_part(number)
                reference = parse_xml(f'<w:{kinds[number]}Reference {nsdecls("w")} w:id="5"/>')
                paragraph.add_run()._r.append(reference)
                paragraph.add_run(text)
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


def as_odt() -> bytes:
    def shown(told: str) -> str:
        return re.sub(
            r"\[(\d)\]",
            lambda found: (
                f'<text:note text:id="n{found[1]}" '
                f'text:note-class="footnote"><text:note-citation>{found[1]}</text:note-citation>'
                f"<text:note-body><text:p>{NOTES[int(found[1]) - 1]}</text:p>"
                "</text:note-body></text:note>"
            ),
            escape(told),
        )

    parts = []
    for kind, told in REPORT:
        if kind == "list":
            items = "".join(
                f"<text:list-item><text:p>{item}</text:p></text:list-item>" for item in told
            )
            parts.append(f"<text:list>{items}</text:list>")
        elif kind == "table":
            rows = (
                "<table:table-row>"
                + "".join(
                    f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row
                )
                + "</table:table-row>"
                for row in told
            )
            parts.append(f"<table:table>{''.join(rows)}</table:table>")
        elif kind == "heading":
            parts.append(f'<text:h text:outline-level="1">{told}</text:h>')
        else:
            style = {"title": "Title", "quote": "Quotations", "caption": "Caption"}.get(
                kind, "Standard"
            )
            parts.append(f'<text:p text:style-name="{style}">{shown(told)}</text:p>')
    spaces = " ".join(
        f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"'
        for n in ("office", "text", "table", "style")
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f'<?xml version="1.0"?><office:document-content {spaces} '
            f'office:version="1.2"><office:body>'
            f"<office:text>{''.join(parts)}</office:text></office:body></office:document-content>",
        }
    )


def as_pdf() -> bytes:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    text = ParagraphStyle("text", fontName="Times-Roman", fontSize=11, leading=14, spaceAfter=10)
    styles = {
        "title": ParagraphStyle(
            "title", parent=text, fontName="Times-Bold", fontSize=22, leading=28, spaceAfter=16
        ),
        "heading": ParagraphStyle(
            "heading", parent=text, fontName="Times-Bold", fontSize=15, leading=19, spaceBefore=12
        ),
    }
    story = []
    for kind, told in REPORT:
        if kind == "list":
            story += [Paragraph("<br/>".join(f"- {item}" for item in told), text)]
        elif kind == "table":
            story += [Paragraph("<br/>".join(" | ".join(row) for row in told), text)]
        else:
            told = f'"{told[:-3]}"[2]' if kind == "quote" else told
            story.append(Paragraph(escape(told), styles.get(kind, text)))
    story += [Paragraph(f"[{n}] {note}", text) for n, note in enumerate(NOTES, start=1)]
    stream = BytesIO()
    SimpleDocTemplate(stream, title=TITLE, lang="en").build(story)
    return stream.getvalue()


FORMATS = {
    ".txt": as_text,
    ".md": as_markdown,
    ".html": as_html,
    ".epub": as_epub,
    ".docx": as_docx,
    ".odt": as_odt,
    ".pdf": as_pdf,
}


def read(folder: Path, data: bytes, name: str) -> Document:
    path = folder / name
    path.write_bytes(data)
    return read_document(path)


def shown(document: Document, kind: str) -> list[str]:
    return [
        " ".join(document.text[p.start : p.end].split())
        for p in document.paragraphs
        if p.kind == kind
    ]


def plain(paragraph: str) -> str:
    return paragraph.replace('"', "").replace("•", "-")


def assert_spans_hold(document: Document) -> None:
    """Paragraphs are in order, apart, and hold all that is not white space.

    Everything else lies inside the text.
    """
    assert_covered(document)
    assert all(
        0 <= span.start < span.end <= len(document.text)
        for span in (*document.quotations, *document.notes, *document.boxes)
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_one_report_says_the_same_in_every_format(tmp_path: Path, suffix: str) -> None:
    document = read(tmp_path, FORMATS[suffix](), f"varde{suffix}")
    assert_spans_hold(document)
    assert (document.title, document.dateline) == (TITLE, DATELINE)
    assert (document.number, document.date) == ("Harbour Brief No. 23", "2021-05-14")
    assert [section.path for section in document.sections] == [
        (),
        *((told,) for kind, told in REPORT if kind == "heading"),
    ]
    assert [(note.number, note.text) for note in document.notes] == [
        ("1", NOTES[0]),
        ("2", NOTES[1]),
    ]
    assert [(r.number, document.text[r.start : r.end]) for r in document.references] == [
        ("1", "[1]"),
        ("2", "[2]"),
    ]
    assert [plain(paragraph) for paragraph in shown(document, "text")] == [
        plain(paragraph) for paragraph in paragraphs(suffix)
    ]
    assert "Figure 1: The quay of Varde at night" in shown(document, "furniture")
    assert [(q.speaker, q.note) for q in document.quotations] == [
        ("Inga Holt", "1"),
        ("Olav Brun", "2"),
    ]
    assert [
        note.number
        for q in document.quotations
        if (note := document.note_at(q.start + 5, q.start + 40))
    ] == ["1", "2"]


def test_all_formats_that_are_read_are_tested() -> None:
    assert {*FORMATS, ".markdown", ".htm", ".xhtml", ".csv", ".tsv"} == set(SUFFIXES)


@pytest.mark.parametrize("suffix", [".txt", ".html", ".epub", ".docx", ".odt", ".pdf"])
@pytest.mark.parametrize("name", ["report.txt", "report.pdf", "report.docx"])
def test_a_name_that_lies_is_not_believed(tmp_path: Path, suffix: str, name: str) -> None:
    document = read(tmp_path, FORMATS[suffix](), name)
    assert (document.title, document.number, len(document.notes)) == (
        TITLE,
        "Harbour Brief No. 23",
        2,
    )


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".epub"])
def test_no_chunk_crosses_a_section(tmp_path: Path, suffix: str) -> None:
    document = read(tmp_path, FORMATS[suffix](), f"varde{suffix}")
    chunks = make_chunks(document, lambda text: len(words(text)))
    assert chunks
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert any(
            s.start <= chunk.start and chunk.end <= s.end and " › ".join(s.path) == chunk.section
            for s in document.sections
        )


@QUICK
@given(
    data=st.one_of(
        st.binary(max_size=300),
        LETTERS.map(str.encode),
        LETTERS.map(lambda text: f"<html><p>{text}".encode()),
    )
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_bytes_give_a_document_or_a_document_error(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    try:
        document = read(tmp_path, data, f"any{suffix}")
    except DocumentError:
        return
    assert document.title
    assert_spans_hold(document)


@QUICK
@given(position=st.integers(0, 10**6), byte=st.integers(0, 255))
@pytest.mark.parametrize("suffix", [".docx", ".epub", ".odt", ".html"])
def test_a_damaged_file_gives_a_document_or_a_document_error(
    tmp_path: Path, suffix: str, position: int, byte: int
) -> None:
    data = bytearray(FORMATS[suffix]())
    data[position % len(data)] = byte
    try:
        assert_spans_hold(read(tmp_path, bytes(data), f"any{suffix}"))
    except DocumentError:
        return


@QUICK
@given(
    told=st.lists(
        st.text("abcXYZ äß中“”.,()1&<", min_size=1).map(str.strip).filter(bool), min_size=1
    )
)
def test_no_visible_word_of_a_page_is_lost(tmp_path: Path, told: list[str]) -> None:
    document = read(
        tmp_path,
        f"<html><body>{''.join(f'<p>{escape(part)}</p>' for part in told)}".encode(),
        "any.html",
    )
    assert document.text.split() == " ".join(told).split()


# --- What no reader sees ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display: none">secret</p>',
        '<p style="visibility:hidden">secret</p>',
        "<p hidden>secret</p>",
        '<p aria-hidden="true">secret</p>',
        '<p style="font-size:0px">secret</p>',
        '<p style="opacity: 0.0">secret</p>',
        '<p style="color:#fff">secret</p>',
        '<div style="background:#222"><p style="color: rgb(34, 34, 34)">secret</p></div>',
        '<p style="position:absolute; left:-9999px">secret</p>',
        '<style>.x { display:none }</style><p class="x">secret</p>',
        "<script>secret</script>",
        "<!-- secret -->",
        "<noscript>secret</noscript>",
        "<template><p>secret</p></template>",
        "<aside>secret</aside>",
        '<div class="cookie-consent">secret</div>',
        '<div role="navigation">secret</div>',
        '<font color="white">secret</font>',
    ],
)
def test_hidden_text_and_navigation_are_never_shown(tmp_path: Path, hidden: str) -> None:
    page = f"<!doctype html><body><h1>The Title</h1><p>Shown before.</p>{hidden}<p>Shown after.</p>"
    assert (
        read(tmp_path, page.encode(), "page.html").text
        == "The Title\n\nShown before.\n\nShown after."
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>Ten<sup>3</sup> and H<sub>2</sub>O&nbsp;stay.</p>", "Ten³ and H2O\xa0stay."),
        ("<p>One<br>two <b>bold</b>face</p>", "One\ntwo boldface"),
        ((
            "<ol start=3><li>three<ul><li>deep</li></ul></li><li><p>four</p></li></ol>"
        ), (
            "3. three\n  - deep\n4. four"
        )),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<table><tr><th>A<th>B<tr><td>1<td><p>2</p></table>", "A: 1 · B: 2"),
        ((
            "<table><tr><td><h2>Head</h2><p>One.</p><p>Two.</p></td></tr></table>"
        ), (
            "Head\n\nOne.\n\nTwo."
        )),
        ("<header>Site</header><div><p>Body.</p></div><footer>Foot</footer>", "Body."),
        ((
            '<p>It is so.[<a class="footnote" href="#n">2</a>]</p><p id="n">2. See there.</p>'
        ), (
            "It is so.[2]\n\n[2] See there."
        )),
        (
            '<p>So.<a href="#_ftn1" name="_ftnref1">[1]</a></p><p><a href="#_ftnref1" '
            'name="_ftn1">[1]</a> There.</p>',
            "So.[1]\n\n[1] There.",
        ),
        (
            '<p>One<sup><a href="#a">*</a></sup> two<sup><a href="#b">†</a></sup></p><p '
            'id="b">B</p><p id="a">A</p>',
            "One[1] two[2]\n\n[2] B\n\n[1] A",
        ),
        ((
            '<p>See <a href="#part">1</a>.</p><h2 id="part">Part</h2><p>Text.</p>'
        ), (
            "See 1.\n\nPart\n\nText."
        )),
    ],
)  # fmt: skip
def test_a_page_is_shown_as_a_browser_shows_it(tmp_path: Path, page: str, text: str) -> None:
    assert read(tmp_path, f"<html><body>{page}".encode(), "page.html").text == text


def test_a_page_states_its_title_date_and_language(tmp_path: Path) -> None:
    page = (
        '<html lang="de-CH"><head><title>Kurz | Amt</title><meta '
        'property="article:published_time" content="2020-02-03T10:00">'
        "</head><body><p>Der Bericht beginnt hier und hat keinen Titel.</p></body></html>"
    )
    document = read(tmp_path, page.encode(), "page.html")
    assert (document.title, document.date, document.language) == ("Kurz", "2020-02-03", "de-CH")


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "utf-8"])
def test_the_charset_of_a_page_is_found(tmp_path: Path, charset: str) -> None:
    page = (
        f"<html><head><meta charset='{charset}'></head><body><p>Größe zählt für "
        f"Bürger.</p></body></html>"
    )
    assert read(tmp_path, page.encode(charset), "page.html").text == "Größe zählt für Bürger."


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "ul", "table", "section"])
def test_deeply_nested_pages_are_read_or_refused_in_seconds(tmp_path: Path, tag: str) -> None:
    page = f"<html><body>{f'<{tag}>' * 2_000}<p>Found at the bottom.</p>"
    assert read(tmp_path, page.encode(), "deep.html").text.lstrip("- ") == "Found at the bottom."
    with pytest.raises(DocumentError, match="nests its tags 2,048 levels deep or more"):
        read(
            tmp_path,
            ("<html><body>" + f"<{tag}>" * 100_000 + "<p>Lost.</p>").encode(),
            "deeper.html",
        )


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "secret"><!ENTITY b SYSTEM '
        '"file:///etc/passwd">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>&a; &b; stays.</p></body></html>'
    )
    assert "root:" not in (text := read(tmp_path, bomb.encode(), "bomb.xhtml").text)
    assert "secret" not in text


# --- Archives -----------------------------------------------------------------------------------


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="expands to more than"):
        read(
            tmp_path,
            zipped({"mimetype": "application/epub+zip", "a": "0" * 3_000_000}),
            "bomb.epub",
        )


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="more than the 5,000 members"):
        read(tmp_path, zipped({str(number): "" for number in range(5_001)}), "many.epub")


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"mimetype": "application/epub+zip"}))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    with pytest.raises(DocumentError, match="the archive is encrypted with a password"):
        read(tmp_path, bytes(data), "locked.epub")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"xl/workbook.xml": "", "[Content_Types].xml": ""}, "it is another Office file inside"),
        ({"a.txt": "text"}, "it is a ZIP archive inside"),
        ({"mimetype": "application/epub+zip"}, "the EPUB lacks its META-INF/container.xml"),
        (
            {"META-INF/container.xml": "<a>", "mimetype": "application/epub+zip"},
            "a part of the file is no well-formed XML",
        ),
        (
            {
                "META-INF/container.xml": "<a/>",
                "META-INF/encryption.xml": "<e><EncryptionMethod "
                'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>',
            },
            "the EPUB is encrypted (DRM): add a copy without protection.",
        ),
    ],
)
def test_archives_that_are_no_report_are_refused_in_one_sentence(
    tmp_path: Path, members: dict[str, str], message: str
) -> None:
    with pytest.raises(
        DocumentError, match=re.escape(f"book.epub cannot be read, because {message}")
    ):
        read(tmp_path, zipped(members), "book.epub")


# --- Tables of values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "table", "text"),
    [
        (
            "t.csv",
            'Port,Lamps\nVarde,"40, or so"\nMoss,75\n',
            "Port: Varde · Lamps: 40, or so\n\nPort: Moss · Lamps: 75",
        ),
        ("t.csv", "\ufeffPort;Cost\nVarde;1,5\n", "Port: Varde · Cost: 1,5"),
        ("t.tsv", "Port\tLamps\nVarde\t\nMoss\t75\n", "Port: Varde\n\nPort: Moss · Lamps: 75"),
        ("t.csv", "2021,40\n2022,75\n", "2021 | 40\n\n2022 | 75"),
        (
            "t.csv",
            "This is no table, but a sentence.\n\nAnd another one.\n",
            "This is no table, but a sentence.\n\nAnd another one.",
        ),
    ],
)
def test_a_row_is_a_paragraph_with_the_names_of_its_columns(
    tmp_path: Path, name: str, table: str, text: str
) -> None:
    document = read(tmp_path, table.encode(), name)
    assert document.text.strip() == text
    assert_spans_hold(document)


def test_a_table_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="more than the 50,000 rows"):
        read(tmp_path, b"a,b\n" + b"x,y\n" * 50_001, "long.csv")


def test_a_table_is_named_after_its_file_and_every_row_is_text(tmp_path: Path) -> None:
    file = tmp_path / "cheese-sales.csv"
    file.write_text("year,tonnes,buyer\n2021,3000,Estmark\n2022,3900,Vesland\n", encoding="utf-8")
    document = read_document(file)
    assert document.title == "cheese-sales"
    assert [document.text[p.start : p.end] for p in document.paragraphs if p.kind == "text"] == [
        "year: 2021 · tonnes: 3000 · buyer: Estmark",
        "year: 2022 · tonnes: 3900 · buyer: Vesland",
    ]
