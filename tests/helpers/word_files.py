"""Word files that a test writes element by element."""

from io import BytesIO

from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from rag.reading.blocks import Content
from rag.reading.office.docx import read_docx

MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
VML = 'xmlns:v="urn:schemas-microsoft-com:vml"'


def saved(document) -> bytes:
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def paragraph(inner: str) -> str:
    return f"<w:p>{inner}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def with_body(*elements: str, document=None):
    document = document or Document()
    for element in elements:
        body = parse_xml(f"<w:body {nsdecls('w')} {MC} {MATH} {VML}>{element}</w:body>")
        document.element.body.insert_element_before(body[0], "w:sectPr")
    return document


def read(*elements: str, document=None) -> Content:
    return read_docx(saved(with_body(*elements, document=document)))


def texts(*elements: str, document=None) -> list[str]:
    return [block.text for block in read(*elements, document=document).blocks]
