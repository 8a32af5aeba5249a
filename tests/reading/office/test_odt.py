"""OpenDocument texts become the blocks that LibreOffice shows."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from lxml import etree
from readers import CHANGES, Change, assert_shaped, change

from rag.errors import DocumentError
from rag.reading.blocks import Block, Content
from rag.reading.documents import read_document
from rag.reading.office.odt import read_odt
from rag.types import Fact

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMESPACES = (
    " ".join(
        f'xmlns:{prefix}="{_OASIS}:{name}:1.0"'
        for prefix, name in {
            "office": "office",
            "text": "text",
            "table": "table",
            "style": "style",
            "draw": "drawing",
            "fo": "xsl-fo-compatible",
            "svg": "svg-compatible",
            "meta": "meta",
        }.items()
    )
    + ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
STYLES = """<office:styles>
<style:default-style style:family="paragraph">
<style:text-properties fo:language="de" fo:country="CH"/></style:default-style>
<style:style style:name="Title" style:family="paragraph"/>
<style:style style:name="Quotations" style:family="paragraph"/>
<style:style style:name="Quote" style:family="paragraph"/>
<style:style style:name="Intense_20_Quote" style:family="paragraph"
style:parent-style-name="Circle"/>
<style:style style:name="Circle" style:family="paragraph"
style:parent-style-name="Intense_20_Quote"/>
<style:style style:name="Caption" style:family="paragraph"/>
<style:style style:name="Figure" style:family="paragraph" style:parent-style-name="Caption"/>
<style:style style:name="Hidden" style:family="text"><style:text-properties text:display="none"/>
</style:style>
<style:style style:name="Hidden too" style:family="text" style:parent-style-name="Hidden"/>
<style:style style:name="White" style:family="text"><style:text-properties fo:color="#ffffff"/>
</style:style>
<style:style style:name="Inverse" style:family="text">
<style:text-properties fo:color="#FFFFFF" fo:background-color="#000000"/>
</style:style>
<style:style style:name="Tiny" style:family="text"><style:text-properties fo:font-size="0.5pt"/>
</style:style>
<text:list-style style:name="Numbers">
<text:list-level-style-number text:level="1" style:num-format="1"/>
<text:list-level-style-bullet text:level="2"/></text:list-style>
</office:styles>"""


def odt(body: str, styles: str = "", **others: str) -> bytes:
    """The file with this text; the other members by their names, dots as underscores."""
    members = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content "
        f"{NAMESPACES}><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>",
        "styles.xml": f"<office:document-styles {NAMESPACES}>{STYLES}{styles}"
        "</office:document-styles>",
        **{name.replace("_", "."): content for name, content in others.items()},
    }
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def texts(body: str) -> list[str]:
    return [block.text for block in read_odt(odt(body)).blocks]


def cell(text: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


def test_a_report_comes_out_block_by_block() -> None:
    body = """
<text:p text:style-name="Title">The Quiet Port</text:p>
<text:h text:outline-level="1">Old Piers</text:h>
<text:p>The piers are <text:span>safe</text:span>.</text:p>
<text:section><text:h text:outline-level="2">Money</text:h></text:section>
<text:p text:style-name="Quotations">They will not last.</text:p>
<text:p text:style-name="Quote">Nor will it.</text:p>
<text:p text:style-name="Intense_20_Quote">Nor this.</text:p>
<text:list><text:list-item><text:p>one</text:p></text:list-item><text:list-item>
<text:p>two</text:p></text:list-item></text:list>
<text:p text:style-name="Figure">The quay</text:p>"""
    meta = (
        f"<office:document-meta {NAMESPACES}><office:meta><dc:title>Older</dc:title>"
        "</office:meta></office:document-meta>"
    )
    assert read_odt(odt(body, meta_xml=meta)) == Content(
        [
            Block("The Quiet Port", level=1),
            Block("Old Piers", level=1),
            Block("The piers are safe.", level=0),
            Block("Money", level=2),
            Block("They will not last.", level=0, quoted=True),
            Block("Nor will it.", level=0, quoted=True),
            Block("Nor this.", level=0, quoted=True),
            Block("- one\n- two", level=0),
            Block("The quay", level=0, kind="furniture"),
        ],
        title="The Quiet Port",
        language="de-CH",
        facts=[Fact("title", "Older", "document properties")],
    )


def test_without_headings_title_and_language_are_those_of_the_properties() -> None:
    stated = "<dc:title>A Title</dc:title><dc:language>en-GB</dc:language>"
    meta = (
        f"<office:document-meta "
        f"{NAMESPACES}><office:meta>{stated}</office:meta></office:document-meta>"
    )
    content = read_odt(odt("<text:p>Old Piers</text:p>", meta_xml=meta))
    assert content == Content(
        [Block("Old Piers")],
        title="A Title",
        language="en-GB",
        facts=[Fact("title", "A Title", "document properties")],
    )


def test_footnotes_are_numbered_in_their_order_and_endnotes_go_on() -> None:
    def note(kind: str, text: str) -> str:
        citation = "<text:note-citation>i</text:note-citation>"
        body = f"<text:note-body><text:p>{text}</text:p></text:note-body>"
        return f'<text:note text:note-class="{kind}">{citation}{body}</text:note>'

    body = f"<text:p>One.{note('endnote', 'A film.')} Two.{note('footnote', 'A letter.')}</text:p>"
    assert read_odt(odt(body + f"<text:p>Three.{note('footnote', 'A book.')}</text:p>")).blocks == [
        Block("One.[3] Two.[1]"),
        Block("Three.[2]"),
        Block("[1] A letter.", level=0, kind="note"),
        Block("[2] A book.", level=0, kind="note"),
        Block("[3] A film.", level=0, kind="note"),
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        '<text:span text:style-name="Hidden">no</text:span>',
        '<text:span text:style-name="Hidden too">no<text:span '
        'text:style-name="Inverse">no</text:span></text:span>',
        '<text:span text:style-name="White">no<text:s/>no</text:span>',
        '<text:span text:style-name="Tiny">no</text:span>',
        '<text:hidden-text text:is-hidden="true">no</text:hidden-text>',
        "<office:annotation><text:p>no</text:p></office:annotation>",
        "<draw:frame><svg:title>no</svg:title><draw:image/></draw:frame>",
        "<!-- no --><?no no?>",
    ],
)
def test_what_no_reader_sees_is_left_out(hidden: str) -> None:
    assert texts(f"<text:p>a {hidden}b</text:p>") == ["a b"]


def test_deletions_hidden_sections_hidden_paragraphs_and_indexes_are_left_out() -> None:
    deleted = "<text:deletion><text:p>no</text:p></text:deletion>"
    deleted = f"<text:changed-region>{deleted}</text:changed-region>"
    assert texts(
        f"<text:tracked-changes>{deleted}</text:tracked-changes>"
        '<text:section text:display="none"><text:p>no</text:p></text:section>'
        '<text:p><text:hidden-paragraph text:is-hidden="true"/>no</text:p>'
        "<text:table-of-content><text:index-body><text:p>no</text:p></text:index-body>"
        "</text:table-of-content>"
        '<text:p>yes<text:change-start text:change-id="1"/>, inserted<text:change-end '
        'text:change-id="1"/></text:p>'
    ) == ["yes, inserted"]


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ('<text:span text:style-name="Inverse">yes</text:span>', "yes"),
        ("<text:a>yes</text:a>", "yes"),
        (
            "<text:ruby><text:ruby-base>yes</text:ruby-base>"
            "<text:ruby-text>no</text:ruby-text></text:ruby>",
            "yes",
        ),
        ("<text:date>June 3</text:date>", "June 3"),
        ('a<text:tab/>b<text:line-break/>c<text:s text:c="3"/>d\n  e', "a b\nc d e"),
        ("re\u00adport\u200bs", "reports"),
    ],
)
def test_what_a_reader_sees_is_kept(shown: str, text: str) -> None:
    assert texts(f"<text:p>{shown}</text:p>") == [text]


def test_a_text_box_stands_behind_its_paragraph() -> None:
    box = "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
    assert texts(f"<text:p>a {box}b</text:p><text:p>c</text:p>{box}") == [
        "a b",
        "boxed",
        "c",
        "boxed",
    ]


def test_numbered_lists_nest_and_go_on() -> None:
    def items(*inner: str) -> str:
        return "".join(f"<text:list-item>{item}</text:list-item>" for item in inner)

    inner = items("<text:p>b</text:p><text:p>more</text:p>")
    nested = f"<text:p>a</text:p><text:list>{inner}</text:list>"
    first = (
        f'<text:list text:style-name="Numbers">{items(nested, "<text:p>c</text:p>")}</text:list>'
    )
    assert texts(first + first.replace(">", ' text:continue-numbering="true">', 1) + first) == [
        "1. a\n  - b\n    more\n2. c",
        "3. a\n  - b\n    more\n4. c",
        "1. a\n  - b\n    more\n2. c",
    ]


def test_a_heading_in_a_list_is_a_heading() -> None:
    body = (
        "<text:list><text:list-item><text:h "
        'text:outline-level="1">Money</text:h></text:list-item></text:list>'
    )
    assert read_odt(odt(body)).blocks == [Block("Money", level=1)]


def test_merged_cells_fill_their_rows_and_nested_tables_within_their_cell() -> None:
    inner = f"<table:table><table:table-row>{cell('x')}{cell('y')}</table:table-row></table:table>"
    rows = [
        cell("wide", 'table:number-columns-spanned="2"')
        + "<table:covered-table-cell/>"
        + cell("c"),
        cell("d") + cell("e") + cell("tall", 'table:number-rows-spanned="2"'),
        f"<table:table-cell><text:p>g</text:p>{inner}</table:table-cell>{cell('h')}"
        "<table:covered-table-cell/>",
    ]
    head, *body = (f"<table:table-row>{row}</table:table-row>" for row in rows)
    heads = f"<table:table-header-rows>{head}</table:table-header-rows>"
    table = f"<table:table>{heads}{''.join(body)}</table:table>"
    assert texts(table) == ["wide: d · wide: e · c: tall", "wide: g x | y · wide: h · c: tall"]


def test_cells_that_one_element_stands_for_are_as_many() -> None:
    first = cell("a", 'table:number-columns-repeated="2"') + cell(
        "wide", 'table:number-columns-spanned="2"'
    )
    second = '<table:covered-table-cell table:number-columns-repeated="2"/>' + cell("b")
    rows = (first + "<table:covered-table-cell/>" * 2 + cell("c"), second)
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    assert texts(f"<table:table>{table}</table:table>") == ["a | a | wide | c", "b"]


def test_a_table_of_one_cell_is_a_frame() -> None:
    inner = (
        "<table:table-cell><text:h "
        'text:outline-level="1">Money</text:h><text:p>Short.</text:p></table:table-cell>'
    )
    blocks = read_odt(
        odt(f"<table:table><table:table-row>{inner}</table:table-row></table:table>")
    ).blocks
    assert blocks == [Block("Money", level=1), Block("Short.", level=0)]


def test_headers_and_footers_are_furniture_once_each() -> None:
    page = (
        "<style:master-page><style:header><text:p>Halden Post</text:p></style:header>"
        '<style:footer style:display="false"><text:p>no</text:p></style:footer></style:master-page>'
    )
    styles = f"<office:master-styles>{page}{page}</office:master-styles>"
    blocks = read_odt(odt("<text:p>text</text:p>", styles)).blocks
    assert blocks == [Block("text"), Block("Halden Post", level=0, kind="furniture")]


# --- Files that are not whole, or hostile -------------------------------------------------------


def refusal(folder: Path, data: bytes) -> str:
    """What a user is told of a file that is named like an OpenDocument text."""
    path = folder / "report.odt"
    path.write_bytes(data)
    with pytest.raises(DocumentError) as raised:
        read_document(path)
    return str(raised.value)


def test_a_password_has_its_remedy(tmp_path: Path) -> None:
    encrypted = odt(
        "", content_xml="no XML at all", **{"META-INF/manifest_xml": "<manifest:encryption-data/>"}
    )
    whole = odt("", **{"encrypted-package": "no XML at all"})
    assert refusal(tmp_path, encrypted) == refusal(tmp_path, whole)
    assert refusal(tmp_path, encrypted) == (
        "report.odt cannot be read, because the ODT file cannot be opened, as it is encrypted "
        "with a password: "
        "save it in LibreOffice without one and add that."
    )


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, odt("<text:p/>" * 500_000)) == (
        "report.odt cannot be read, because the ODT file cannot be opened, as the archive expands "
        "to more than 300 MB "
        "or 200 times its size: save the file again without large pictures, or as PDF."
    )


def test_lists_in_lists_are_read_until_they_are_too_deep(tmp_path: Path) -> None:
    def nested(depth: int) -> bytes:
        return odt(
            "<text:list><text:list-item>" * depth
            + "<text:p>deep</text:p>"
            + "</text:list-item></text:list>" * depth
        )

    assert read_odt(nested(100)).blocks == [Block("- deep", level=0)]
    assert refusal(tmp_path, nested(150)) == (
        "report.odt cannot be read, because the ODT file cannot be opened, as a part of the file "
        "is nested 256 levels deep "
        "or expands to an enormous size, as in no report: save it as PDF."
    )


@pytest.mark.parametrize("part", ["content_xml", "styles_xml", "meta_xml"])
def test_entities_are_refused(part: str) -> None:
    bomb = '<!DOCTYPE o [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><o>&a;&b;</o>'
    with pytest.raises(
        DocumentError, match=r"^The ODT file cannot be opened, as it declares XML entities"
    ):
        read_odt(odt("", **{part: bomb}))


@pytest.mark.parametrize("content", ["", "<office:p", "<a:a/><a>"])
def test_a_part_that_is_no_xml_is_refused(content: str) -> None:
    with pytest.raises(
        DocumentError,
        match=r"^The ODT file cannot be opened, as a part of the file is no well-formed XML",
    ):
        read_odt(odt("", content_xml=content))


def test_a_file_without_a_text_is_refused() -> None:
    missing = BytesIO()
    with zipfile.ZipFile(missing, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    for data in (missing.getvalue(), odt("", content_xml="<a/>")):
        with pytest.raises(DocumentError, match=r"^The ODT file has no text inside"):
            read_odt(data)


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_refused(share: float) -> None:
    data = odt(SAMPLE)
    with pytest.raises(
        DocumentError, match=r"^The ODT file cannot be opened, as the archive is damaged"
    ):
        read_odt(data[: int(len(data) * share)])


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_elements_out_of_place_give_blocks_or_our_error(changes: list[Change]) -> None:
    root = etree.fromstring(f"<office:text {NAMESPACES}>{SAMPLE}</office:text>")
    change(root, changes)
    assert_shaped(read_odt(odt(etree.tostring(root, encoding="unicode"))))


SAMPLE = """\
<text:p text:style-name="Title">Title</text:p><text:h text:outline-level="2">Money</text:h>
<text:list text:style-name="Numbers"><text:list-item><text:p>one</text:p><text:list>
<text:list-item><text:p>two</text:p>
</text:list-item></text:list></text:list-item></text:list>
<text:p>text<text:note text:note-class="footnote"><text:note-body><text:p>A book.</text:p>
</text:note-body></text:note>
<text:note text:note-class="endnote"><text:note-body><text:p>A film.</text:p></text:note-body>
</text:note><text:s text:c="3"/>
<text:span text:style-name="Hidden">no</text:span>
<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>
<table:table><table:table-row><table:table-cell table:number-columns-spanned="2">
<text:p>a</text:p></table:table-cell>
<table:covered-table-cell/></table:table-row><table:table-row><table:table-cell><text:p>b</text:p>
</table:table-cell></table:table-row>
</table:table>"""
