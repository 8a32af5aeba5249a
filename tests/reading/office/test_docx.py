"""Word files become the blocks that Word shows."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.oxml import serialize_part_xml
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from hypothesis import given, settings
from readers import CHANGES, Change, assert_shaped, change
from word_files import paragraph, read, run, saved, texts, with_body

from rag.errors import DocumentError
from rag.reading.blocks import Block, Content
from rag.reading.documents import read_document
from rag.reading.office.docx import read_docx
from rag.types import Fact


def add_notes(document, kind: str, notes: dict[int, str]) -> None:
    separator = (
        f'<w:{kind} w:type="separator" w:id="-1"><w:p><w:r><w:t>-----</w:t></w:r></w:p></w:{kind}>'
    )
    body = "".join(
        f'<w:{kind} w:id="{id_}"><w:p><w:r><w:{kind}Ref/></w:r>{run(" " + text)}</w:p></w:{kind}>'
        for id_, text in notes.items()
    )
    blob = f"<w:{kind}s {nsdecls('w')}>{separator}{body}</w:{kind}s>".encode()
    content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}s+xml"
    part = Part(PackURI(f"/word/{kind}s.xml"), content_type, blob, document.part.package)
    document.part.relate_to(
        part, RELATIONSHIP_TYPE.FOOTNOTES if kind == "footnote" else RELATIONSHIP_TYPE.ENDNOTES
    )


def repacked(data: bytes, **changes: bytes | None) -> bytes:
    """The archive with the members changed whose names are the keywords, dots as underscores,
    left out where None.
    """
    out = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            key = name.rsplit("/", 1)[-1].replace(".", "_").replace("document_xml_rels", "_rels")
            content = changes.get(key, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def test_a_report_comes_out_block_by_block() -> None:
    document = Document()
    document.core_properties.title = "Something older"
    document.add_paragraph("The Quiet Port", "Title")
    document.add_heading("Old Piers", 1)
    document.add_paragraph("The piers are safe.")
    document.add_heading("Money", 2)
    document.add_paragraph("They will not last.", "Quote")
    document.add_paragraph("Nor will the crane.", "Intense Quote")
    document.add_paragraph("one", "List Bullet")
    document.add_paragraph("two", "List Bullet")
    document.add_paragraph("first", "List Number")
    document.add_paragraph("second", "List Number")
    document.add_paragraph("The quay", "Caption")
    table = document.add_table(2, 2)
    for cell, text in zip(
        (*table.rows[0].cells, *table.rows[1].cells), ("Year", "Tons", "2023", "412"), strict=True
    ):
        cell.text = text
    assert read_docx(saved(document)) == Content(
        [
            Block("The Quiet Port", level=1),
            Block("Old Piers", level=1),
            Block("The piers are safe.", level=0),
            Block("Money", level=2),
            Block("They will not last.", level=0, quoted=True),
            Block("Nor will the crane.", level=0, quoted=True),
            Block("- one\n- two", level=0),
            Block("1. first\n2. second", level=0),
            Block("The quay", level=0, kind="furniture"),
            Block("Year: 2023 · Tons: 412", level=0, kind="text"),
        ],
        title="The Quiet Port",
        language="en-US",
        facts=[Fact("title", "Something older", "document properties")],
    )


def test_without_headings_no_level_is_stated_and_the_title_is_that_of_the_properties() -> None:
    document = Document()
    document.core_properties.title = "A Title"
    document.add_paragraph("Old Piers")
    assert read_docx(saved(document)) == Content(
        [Block("Old Piers")],
        title="A Title",
        language="en-US",
        facts=[Fact("title", "A Title", "document properties")],
    )


def test_a_heading_is_known_by_its_outline_level_whatever_its_name() -> None:
    document = Document()
    style = document.styles.add_style("Überschrift", WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Heading 2"]
    document.add_paragraph("Geld", "Überschrift")
    content = read(
        paragraph('<w:pPr><w:outlineLvl w:val="2"/></w:pPr>' + run("Tiefer")),
        paragraph(
            '<w:pPr><w:pStyle w:val="Heading1"/><w:outlineLvl w:val="9"/></w:pPr>'
            + run("Kein Titel")
        ),
        document=document,
    )
    assert [(block.text, block.level) for block in content.blocks] == [
        ("Geld", 2),
        ("Tiefer", 3),
        ("Kein Titel", 0),
    ]


def test_footnotes_are_numbered_in_their_order_and_endnotes_go_on() -> None:
    document = Document()
    add_notes(document, "footnote", {2: "A book.", 5: "A letter.", 7: "Never referred to."})
    add_notes(document, "endnote", {2: "A film."})
    first = '<w:r><w:endnoteReference w:id="2"/></w:r>'
    content = read(
        paragraph(
            run("One.") + '<w:r><w:footnoteReference w:id="5"/></w:r>' + run(" Two.") + first
        ),
        paragraph(
            run("Three.")
            + '<w:r><w:footnoteReference w:id="2"/><w:footnoteReference w:id="99"/></w:r>'
        ),
        document=document,
    )
    assert content.blocks == [
        Block("One.[1] Two.[3]"),
        Block("Three.[2]"),
        Block("[1] A letter.", level=0, kind="note"),
        Block("[2] A book.", level=0, kind="note"),
        Block("[3] A film.", level=0, kind="note"),
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        run("no", "<w:vanish/>"),
        run("no", '<w:color w:val="FFFFFF"/>'),
        run("no", '<w:sz w:val="1"/>'),
        run("no", '<w:rStyle w:val="Secret"/>'),
        run("no", '<w:rStyle w:val="Deeper"/>'),
        "<w:del w:id='1' w:author='a'><w:r><w:delText>no</w:delText><w:br/><w:t>no</w:t></w:r>"
        "</w:del>",
        f"<w:moveFrom w:id='1' w:author='a'>{run('no')}</w:moveFrom>",
        '<w:commentRangeStart w:id="1"/><w:r><w:commentReference w:id="1"/></w:r>',
        "<w:r><w:instrText>no</w:instrText></w:r>",
    ],
)
def test_what_no_reader_sees_is_left_out(hidden: str) -> None:
    document = Document()
    secret = document.styles.add_style("Secret", WD_STYLE_TYPE.CHARACTER)
    secret.font.hidden = True
    document.styles.add_style("Deeper", WD_STYLE_TYPE.CHARACTER).base_style = secret
    assert texts(paragraph(run("a ") + hidden + run("b")), document=document) == ["a b"]


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (run("yes", '<w:vanish w:val="0"/>'), "yes"),
        (run("yes", '<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="000080"/>'), "yes"),
        (run("yes", '<w:color w:val="FFFFFF"/><w:highlight w:val="black"/>'), "yes"),
        (run("yes", '<w:sz w:val="2"/>'), "yes"),
        (f"<w:ins w:id='1' w:author='a'>{run('yes')}</w:ins>", "yes"),
        (f"<w:hyperlink>{run('yes')}</w:hyperlink>", "yes"),
        (f"<w:smartTag>{run('yes')}</w:smartTag>", "yes"),
        (f"<w:sdt><w:sdtPr/><w:sdtContent>{run('yes')}</w:sdtContent></w:sdt>", "yes"),
        (f'<w:fldSimple w:instr="DATE">{run("yes")}</w:fldSimple>', "yes"),
        (
            "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>"
            "<w:noBreakHyphen/><w:t>d</w:t></w:r>",
            "a b\nc-d",
        ),
        ("<w:r><w:t>re</w:t><w:softHyphen/><w:t>port\u00ad\u200bs</w:t></w:r>", "reports"),
        ('<w:r><w:sym w:char="0000"/><w:t>f2</w:t><w:sym w:char="0000"/></w:r>', "f2"),
        ("<m:oMath><m:r><m:rPr><m:sty/></m:rPr><m:t>x + 1</m:t></m:r></m:oMath>", "x + 1"),
        (
            '<w:pPr><w:shd w:fill="000080"/></w:pPr>' + run("yes", '<w:color w:val="FFFFFF"/>'),
            "yes",
        ),
        (
            '<w:r><w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Arial" '
            'w:char="20AC"/></w:r>',
            "α€",
        ),
    ],
)
def test_what_a_reader_sees_is_kept(shown: str, text: str) -> None:
    assert texts(paragraph(shown)) == [text]


def test_what_the_defaults_hide_is_shown_where_a_run_says_so() -> None:
    document = Document()
    document.styles.element.find(f".//{qn('w:rPrDefault')}/{qn('w:rPr')}").append(
        parse_xml(f"<w:vanish {nsdecls('w')}/>")
    )
    shown = run("yes", '<w:vanish w:val="0"/>')
    assert texts(paragraph(run("no") + shown), document=document) == ["yes"]


def test_of_a_field_the_result_is_shown_and_not_the_instruction() -> None:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    inner = (
        mark("begin")
        + "<w:r><w:instrText>MERGEFIELD x</w:instrText></w:r>"
        + mark("separate")
        + run("no")
        + mark("end")
    )
    field = (
        mark("begin")
        + "<w:r><w:instrText>IF</w:instrText></w:r>"
        + inner
        + mark("separate")
        + run("yes")
        + mark("end")
    )
    assert texts(paragraph(run("a ") + field + run(" b"))) == ["a yes b"]
    assert texts(paragraph(run("a") + mark("begin") + run("no")), paragraph(run("b"))) == ["a", "b"]


def test_a_paragraph_whose_end_is_deleted_goes_on_in_the_next() -> None:
    deleted = "<w:pPr><w:rPr><w:del w:id='1' w:author='a'/></w:rPr></w:pPr>"
    assert texts(paragraph(deleted + run("one ")), paragraph(run("two"))) == ["one two"]


def test_a_text_box_is_shown_once_behind_its_paragraph() -> None:
    white = '<w:color w:val="FFFFFF"/>'
    box = f"<w:txbxContent>{paragraph(run('boxed', white))}</w:txbxContent>"
    both = (
        f"<mc:AlternateContent><mc:Choice "
        f"Requires='wps'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    )
    old = f"<w:pict><v:shape><v:textbox>{box}</v:textbox></v:shape></w:pict>"
    assert texts(paragraph(run("a ") + f"<w:r>{both}</w:r>" + run("b")), paragraph(run("c"))) == [
        "a b",
        "boxed",
        "c",
    ]
    assert texts(paragraph(f"<w:r>{old}</w:r>")) == ["boxed"]


def test_merged_cells_fill_their_rows_and_nested_tables_within_their_cell() -> None:
    document = Document()
    table = document.add_table(3, 3)
    for row, letters in zip(table.rows, ("abc", "def", "ghi"), strict=True):
        for cell, letter in zip(row.cells, letters, strict=True):
            cell.text = letter
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "tall"
    inner = table.cell(2, 0).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"
    assert texts(document=document) == ["wide | c", "d | e | tall", "g x | y | h | tall"]


def row(*cells: str, properties: str = "") -> str:
    """A row of cells, each the text of its paragraph behind the properties of the cell, if any."""
    inner = "".join(
        f"<w:tc>{cell if cell.startswith('<') else paragraph(run(cell))}</w:tc>" for cell in cells
    )
    return f"<w:tr><w:trPr>{properties}</w:trPr>{inner}</w:tr>"


def test_what_stands_behind_a_merged_cell_and_in_hidden_or_deleted_rows_is_not_shown() -> None:
    merged = f"<w:tcPr><w:vMerge/></w:tcPr>{paragraph(run('no'))}"
    gone = row("no", "no", properties="<w:hidden/>") + row(
        "no", "no", properties="<w:del w:id='1' w:author='a'/>"
    )
    assert texts(f"<w:tbl>{row('a', 'b')}{row(merged, 'c')}{gone}</w:tbl>") == ["a | b", "c"]


@pytest.mark.parametrize(
    ("table", "cell", "shown"),
    [
        ("", "000080", "a | b"),
        ("", "FFFFFF", "a"),
        ('<w:tblPr><w:tblStyle w:val="Dark"/></w:tblPr>', "", "a | b"),
        ('<w:tblPr><w:tblStyle w:val="TableNormal"/></w:tblPr>', "", "a"),
    ],
)
def test_white_text_shows_in_a_dark_cell_only(table: str, cell: str, shown: str) -> None:
    document = Document()
    dark = document.styles.add_style("Dark", WD_STYLE_TYPE.TABLE)
    dark.element.append(
        parse_xml(
            f'<w:tblStylePr {nsdecls("w")}><w:tcPr><w:shd w:fill="000080"/></w:tcPr></w:tblStylePr>'
        )
    )
    shade = f'<w:tcPr><w:shd w:val="clear" w:fill="{cell}"/></w:tcPr>' if cell else ""
    white = shade + paragraph(run("b", '<w:color w:val="FFFFFF"/>'))
    assert texts(f"<w:tbl>{table}{row('a', white)}</w:tbl>", document=document) == [shown]


def test_a_table_of_one_cell_is_a_frame() -> None:
    document = Document()
    cell = document.add_table(1, 1).cell(0, 0)
    cell.text = "Money"
    cell.paragraphs[0].style = "Heading 1"
    cell.add_paragraph("It is short.")
    assert read_docx(saved(document)).blocks == [
        Block("Money", level=1),
        Block("It is short.", level=0),
    ]


def test_headers_and_footers_are_furniture_once_each() -> None:
    document = Document()
    document.add_paragraph("text")
    document.sections[0].header.paragraphs[0].text = "Halden Post"
    document.sections[0].even_page_header.paragraphs[0].text = "never shown"
    document.sections[0].first_page_footer.paragraphs[0].text = "Confidential"
    assert [block.text for block in read_docx(saved(document)).blocks] == ["text", "Halden Post"]
    later = document.add_section()
    later.header.is_linked_to_previous = False
    later.header.paragraphs[0].text = "Halden Post"
    later.different_first_page_header_footer = True
    assert read_docx(saved(document)).blocks == [
        Block("text"),
        Block("Halden Post", level=0, kind="furniture"),
        Block("Confidential", level=0, kind="furniture"),
    ]


def test_a_table_of_contents_is_left_out() -> None:
    gallery = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    assert texts(
        f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr>"
        f"<w:sdtContent>{paragraph(run('Money 3'))}</w:sdtContent></w:sdt>",
        paragraph('<w:pPr><w:pStyle w:val="TOC1"/></w:pPr>' + run("Piers 4")),
        f"<w:sdt><w:sdtContent>{paragraph(run('kept'))}</w:sdtContent></w:sdt>",
    ) == ["kept"]


@pytest.mark.parametrize("place", ["drop", "margin"])
def test_a_large_initial_begins_the_word_behind_it(place: str) -> None:
    framed = f'<w:pPr><w:framePr w:dropCap="{place}" w:lines="3"/></w:pPr>'
    assert texts(paragraph(framed + run("D")), paragraph(run("uring the war")), paragraph("")) == [
        "During the war"
    ]


# --- Files that are not whole, or hostile -------------------------------------------------------


def refusal(folder: Path, data: bytes) -> str:
    """What a user is told of a file that is named like a Word file."""
    path = folder / "report.docx"
    path.write_bytes(data)
    with pytest.raises(DocumentError) as raised:
        read_document(path)
    return str(raised.value)


def test_a_password_and_an_old_file_have_each_their_remedy(tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
    assert refusal(tmp_path, ole + "EncryptedPackage".encode("utf-16-le")) == (
        "report.docx cannot be read, because the DOCX file is encrypted with a password: "
        "save it in Word without one and add that."
    )
    assert refusal(tmp_path, ole + "WordDocument".encode("utf-16-le")) == (
        "report.docx cannot be read, because it is an old Office file inside, as DOC is: "
        "open it in Word, save it as DOCX and add that."
    )


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, repacked(SAMPLE, document_xml=b" " * 3_000_000)) == (
        "report.docx cannot be read, because the DOCX file cannot be opened, as the archive "
        "expands to more than 300 MB "
        "or 200 times its size: save the file again without large pictures, or as PDF."
    )


def test_tables_in_tables_are_read_until_they_are_too_deep(tmp_path: Path) -> None:
    def nested(depth: int) -> bytes:
        table = (
            "<w:tbl><w:tr><w:tc>" * depth
            + paragraph(run("deep"))
            + "</w:tc></w:tr></w:tbl>" * depth
        )
        return repacked(
            SAMPLE,
            document_xml=(
                f"<w:document {nsdecls('w')}><w:body>{table}</w:body></w:document>"
            ).encode(),
        )

    assert read_docx(nested(60)).blocks == [Block("deep")]
    assert refusal(tmp_path, nested(100)) == (
        "report.docx cannot be read, because the DOCX file cannot be opened, as a part of the "
        "file is nested 256 levels deep "
        "or expands to an enormous size, as in no report: save it as PDF."
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("part", ["document_xml", "styles_xml"])
def test_entities_are_refused(part: str, encoding: str) -> None:
    bomb = '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><w>&a;&b;</w>'
    with pytest.raises(
        DocumentError, match=r"^The DOCX file cannot be opened, as it declares XML entities"
    ):
        read_docx(repacked(SAMPLE, **{part: bomb.encode(encoding)}))


@pytest.mark.parametrize("content", [None, b"<w:p>", b"<a/>", b""])
@pytest.mark.parametrize("part", ["document_xml", "[Content_Types]_xml", "_rels"])
def test_without_one_of_the_parts_that_hold_it_together_a_file_is_refused(
    part: str, content: bytes | None
) -> None:
    with pytest.raises(
        DocumentError,
        match=(
            r"^The DOCX file (?:is damaged|has no text|cannot be opened, as a part of the file is "
            r"no well-)"
        ),
    ):
        read_docx(repacked(SAMPLE, **{part: content}))


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_refused(share: float) -> None:
    cut = int(len(SAMPLE) * share)
    with pytest.raises(
        DocumentError, match=r"^The DOCX file cannot be opened, as the archive is damaged"
    ):
        read_docx(SAMPLE[:cut])
    with pytest.raises(
        DocumentError,
        match=r"^The DOCX file cannot be opened, as a part of the file is no well-formed XML",
    ):
        read_docx(repacked(SAMPLE, document_xml=SAMPLE_XML[: int(len(SAMPLE_XML) * share)]))


@settings(max_examples=30, deadline=None)
@given(CHANGES)
def test_elements_out_of_place_give_blocks_or_our_error(changes: list[Change]) -> None:
    root = parse_xml(SAMPLE_XML)
    change(root, changes)
    data = repacked(SAMPLE, document_xml=serialize_part_xml(root))
    if root.find(qn("w:body")) is None:
        with pytest.raises(DocumentError, match=r"^The DOCX file has no text inside"):
            read_docx(data)
    else:
        assert_shaped(read_docx(data))


def sample() -> bytes:
    document = Document()
    add_notes(document, "footnote", {1: "A book.", 2: "A letter."})
    shown = f"<w:txbxContent>{paragraph(run('boxed'))}</w:txbxContent>"
    box = f"<w:pict><v:shape><v:textbox>{shown}</v:textbox></v:shape></w:pict>"
    white = paragraph(run("cell", "<w:color w:val='FFFFFF'/>"))
    cell = (
        f"<w:tc><w:tcPr><w:vMerge w:val='restart'/><w:shd w:fill='000000'/></w:tcPr>{white}</w:tc>"
    )
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>DATE</w:instrText></w:r>'
    )
    return saved(
        with_body(
            paragraph('<w:pPr><w:pStyle w:val="Title"/></w:pPr>' + run("Title")),
            paragraph(
                '<w:pPr><w:pStyle w:val="ListNumber"/><w:outlineLvl w:val="3"/></w:pPr>'
                + run("one")
            ),
            paragraph(
                run("text")
                + '<w:r><w:footnoteReference w:id="2"/><w:footnoteReference w:id="1"/></w:r>'
                + field
            ),
            paragraph(f"<w:r>{box}</w:r><w:ins>{run('new')}</w:ins><w:del>{run('old')}</w:del>"),
            f"<w:tbl><w:tr>{cell}{cell}</w:tr><w:tr>{cell}</w:tr></w:tbl>",
            f"<w:sdt><w:sdtContent>{paragraph(run('held'))}</w:sdtContent></w:sdt>",
            document=document,
        )
    )


SAMPLE = sample()
with zipfile.ZipFile(BytesIO(SAMPLE)) as _archive:
    SAMPLE_XML = _archive.read("word/document.xml")


def test_powers_and_fractions_are_not_flattened(tmp_path: Path) -> None:
    made = Document()
    paragraph = made.add_paragraph("A rate of 2.2×10")
    paragraph.add_run("-4").font.superscript = True
    paragraph.add_run(" on the 3")
    paragraph.add_run("rd").font.superscript = True
    space = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    formula = (
        f'<m:oMath xmlns:m="{space}"><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2'
        "</m:t></m:r></m:sup></m:sSup><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r>"
        "<m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
    )
    made.add_paragraph("Then ")._p.append(parse_xml(formula))
    made.save(str(tmp_path / "made.docx"))
    texts = [block.text for block in read_docx((tmp_path / "made.docx").read_bytes()).blocks]
    assert texts == ["A rate of 2.2×10⁻⁴ on the 3rd", "Then x²(a+b)/2"]
