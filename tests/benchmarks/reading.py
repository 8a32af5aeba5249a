"""How fast each format is read, beside the bare extraction of its library in the same run.

    python tests/benchmarks/reading.py

One report of 400 paragraphs is written in each format. "MB/s" is of the file; "text" of the
characters that come out, which compares formats; "ratio" is our time to the library's alone. Quote
ratios, not times.
"""

import argparse
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

PARAGRAPHS = 400
SENTENCE = (
    "The council of Varde counted {n} lamps along the quay, of which {m} were dark in the "
    "winter of that year. "
)


def paragraphs() -> list[str]:
    return [(SENTENCE.format(n=n, m=n // 3) * 5).strip() for n in range(PARAGRAPHS)]


def html() -> bytes:
    return (
        "<html><body><h1>Lamps</h1>"
        + "".join(f"<p>{told}</p>\n" for told in paragraphs())
        + "</body></html>"
    ).encode()


def epub() -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", '<c><rootfile full-path="b.opf"/></c>')
        item = '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        archive.writestr("b.opf", f'<p>{item}<itemref idref="a"/></p>')
        archive.writestr("a.xhtml", html())
    return stream.getvalue()


def odt() -> bytes:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text")
    )
    told = "".join(f"<text:p>{told}</text:p>" for told in paragraphs())
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        body = f"<office:body><office:text>{told}</office:text></office:body>"
        archive.writestr(
            "content.xml", f"<office:document-content {names}>{body}</office:document-content>"
        )
    return stream.getvalue()


def docx() -> bytes:
    from docx import Document

    document = Document()
    for told in paragraphs():
        document.add_paragraph(told)
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


def pdf() -> bytes:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    style = ParagraphStyle("text", fontName="Times-Roman", fontSize=11, leading=14, spaceAfter=10)
    stream = BytesIO()
    SimpleDocTemplate(stream).build([Paragraph(told, style) for told in paragraphs()])
    return stream.getvalue()


def bare_html(data: bytes) -> None:
    from lxml import etree

    "".join(etree.HTML(data).itertext())


def bare_zipped_xml(data: bytes) -> None:
    from lxml import etree

    with zipfile.ZipFile(BytesIO(data)) as archive:
        for name in archive.namelist():
            if name in ("a.xhtml", "content.xml"):
                "".join(etree.fromstring(archive.read(name)).itertext())


def bare_docx(data: bytes) -> None:
    from docx import Document

    "\n".join(paragraph.text for paragraph in Document(BytesIO(data)).paragraphs)


def bare_pdf(data: bytes) -> None:
    from pypdfium2 import PdfDocument

    for page in PdfDocument(data):
        page.get_textpage().get_text_range()


def bare_markdown(data: bytes) -> None:
    from markdown_it import MarkdownIt

    MarkdownIt("commonmark").parse(data.decode())


def bare_csv(data: bytes) -> None:
    import csv

    list(csv.reader(data.decode().splitlines()))


FORMATS: dict[str, tuple[Callable[[], bytes], Callable[[bytes], object]]] = {
    "txt": (lambda: "\n\n".join(paragraphs()).encode(), bytes.decode),
    "md": (lambda: "\n\n".join(paragraphs()).encode(), bare_markdown),
    "csv": (
        lambda: (
            "Told,Number\n" + "".join(f'"{t}",{n}\n' for n, t in enumerate(paragraphs()))
        ).encode(),
        bare_csv,
    ),
    "html": (html, bare_html),
    "epub": (epub, bare_zipped_xml),
    "odt": (odt, bare_zipped_xml),
    "docx": (docx, bare_docx),
    "pdf": (pdf, bare_pdf),
}


def seconds(work: Callable[[], object]) -> float:
    """The best of three runs, after one that imports what is needed."""
    times = []
    for _ in range(4):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times[1:])


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    from rag.reading.documents import READERS, _kind, read_document

    print(
        f"{'format':8}{'MB':>8}{'blocks MB/s':>14}{'document MB/s':>15}{'text MB/s':>11}"
        f"{'library MB/s':>14}{'ratio':>8}"
    )
    with TemporaryDirectory() as folder:
        for suffix, (write, bare) in FORMATS.items():
            data = write()
            path = Path(folder) / f"lamps.{suffix}"
            path.write_bytes(data)
            size = len(data) / 1e6
            characters = len(read_document(path).text) / 1e6
            read = READERS[_kind(data, path.suffix)]
            blocks, alone = (
                seconds(lambda read=read, data=data: read(data)),
                seconds(lambda bare=bare, data=data: bare(data)),
            )
            whole = seconds(lambda path=path: read_document(path))
            print(
                f"{suffix:8}{size:8.2f}{size / blocks:14.2f}{size / whole:15.2f}"
                f"{characters / whole:11.2f}{size / alone:14.2f}{blocks / alone:8.1f}"
            )


if __name__ == "__main__":
    main()
