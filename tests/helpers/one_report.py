"""One report, written in every format that is read."""

import re
from io import BytesIO
from xml.sax.saxutils import escape

from readers import zipped

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
