"""Files that take minutes or gigabytes to read, or end the process that reads them."""

import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO

_FORM = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources "
_FONT = b"/Font <</F 5 0 R>>"
_WORDS = b"BT /F 10 Tf 72 700 Td (Words of a form) Tj ET"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_ODT = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "style")
)
STYLES = 4_000


def packed_blanks(megabytes: int) -> bytes:
    """A PDF whose page says one word and then blanks, packed a thousandfold."""
    packer = zlib.compressobj(9)
    packed = [packer.compress(b"BT /F 10 Tf 72 700 Td (word) Tj ET")]
    packed += [packer.compress(b" " * 1_000_000) for _ in range(megabytes)]
    return _page(_stream(b"".join([*packed, packer.flush()]), b"/Filter /FlateDecode"))


def form_that_calls_itself() -> bytes:
    used = b"<<" + _FONT + b" /XObject <</X 6 0 R>>>>"
    return _page(_stream(b"/X Do"), _stream(_WORDS + b" /X Do /X Do", _FORM + used))


def nested_forms() -> bytes:
    """A PDF of 3 kB whose page shows ten forms that show ten forms…, a thousand million words."""
    forms = []
    for number in range(7, 16):
        used = b"<<" + _FONT + b" /XObject <</X %d 0 R>>>>" % number
        forms.append(_stream(b"/X Do " * 10 if number < 15 else _WORDS, _FORM + used))
    return _page(_stream(b"/X Do " * 10), *forms)


def ring_of_styles_in_docx() -> bytes:
    from docx import Document

    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="s{n}"><w:name w:val="s{n}"/>'
        f'<w:basedOn w:val="s{(n + 1) % STYLES}"/></w:style>'
        for n in range(STYLES)
    )
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="s{n}"/></w:pPr><w:r><w:t>Words {n}</w:t></w:r></w:p>'
        for n in range(STYLES)
    )
    plain, changed = BytesIO(), BytesIO()
    Document().save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            match name:
                case "word/styles.xml":
                    content = f"<w:styles {_W}>{styles}</w:styles>".encode()
                case "word/document.xml":
                    content = f"<w:document {_W}><w:body>{body}</w:body></w:document>".encode()
                case _:
                    content = source.read(name)
            target.writestr(name, content)
    return changed.getvalue()


def ring_of_styles_in_odt() -> bytes:
    styles = "".join(
        f'<style:style style:family="paragraph" style:name="s{n}" '
        f'style:parent-style-name="s{(n + 1) % STYLES}"/>'
        for n in range(STYLES)
    )
    body = "".join(f'<text:p text:style-name="s{n}">Words {n}</text:p>' for n in range(STYLES))
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr(
            "content.xml",
            f"<office:document-content {_ODT}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:text>{body}</office:text>"
            "</office:body></office:document-content>",
        )
    return file.getvalue()


def attributes() -> bytes:
    named = " ".join(f'a{number}="1"' for number in range(300_000))
    return f"<html><body><p {named}>Some words of a report.</p></body></html>".encode()


def note_links() -> bytes:
    told = "".join(
        f'<p>Words {n}<sup><a href="#n{n}" id="r{n}">{n}</a></sup></p>' for n in range(40_000)
    )
    return f"<html><body>{told}</body></html>".encode()


def letters() -> bytes:
    """Ten megabytes of paragraphs of one letter."""
    return b"a\n\n" * 3_333_333


ATTACKS: dict[str, Callable[[], bytes]] = {
    "blanks-1-mb.pdf": lambda: packed_blanks(1_000),
    "self.pdf": form_that_calls_itself,
    "nested.pdf": nested_forms,
    "ring.docx": ring_of_styles_in_docx,
    "ring.odt": ring_of_styles_in_odt,
    "attributes.html": attributes,
    "links.html": note_links,
    "letters.txt": letters,
    "letters.md": letters,
}


def _stream(data: bytes, stated: bytes = b"") -> bytes:
    return b"<<%b /Length %d>>\nstream\n%b\nendstream" % (stated, len(data), data)


def _page(content: bytes, *more: bytes) -> bytes:
    """A PDF of one page; of the objects `more` the first is number 6, which the page calls X."""
    used = _FONT + (b" /XObject <</X 6 0 R>>" if more else b"")
    return _pdf(
        [
            b"<</Type /Catalog /Pages 2 0 R>>",
            b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
            b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
            b"/Resources <<%b>>>>" % used,
            content,
            b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
            *more,
        ]
    )


def _pdf(objects: Sequence[bytes]) -> bytes:
    file, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        file
        + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
        + b"trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, len(file))
    )
