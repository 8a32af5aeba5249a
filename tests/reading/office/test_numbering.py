"""Lists and headings of Word files bear the numbers that Word prints."""

from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from word_files import paragraph, read, run, texts

from rag.reading.blocks import Block


def with_lists(levels: str, *definitions: tuple[str, str]):
    """A document with a list of these levels under each number, with what overrides them."""
    document = Document()
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{levels}</w:abstractNum>')
    )
    for number, override in definitions:
        xml = (
            f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId '
            f'w:val="77"/>{override}</w:num>'
        )
        numbering.append(parse_xml(xml))
    return document


def level(depth: int, form: str, text: str, start: int = 1, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def item(text: str, depth: int, number: str = "77", style: str = "") -> str:
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return paragraph(
        f'<w:pPr>{styled}<w:numPr><w:ilvl w:val="{depth}"/><w:numId '
        f'w:val="{number}"/></w:numPr></w:pPr>{run(text)}'
    )


def test_numbered_lists_count_on_and_nest() -> None:
    levels = "".join(
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/></w:lvl>'
        for depth, start, form in [(0, 3, "decimal"), (1, 1, "bullet"), (2, 1, "lowerLetter")]
    )
    restart = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    document = with_lists(levels, ("77", ""), ("78", restart))
    rows = [
        item("a", 0),
        item("b", 1),
        item("c", 2),
        item("d", 2),
        item("e", 0),
        item("f", 2),
        paragraph(run("between")),
    ]
    assert texts(*rows, item("g", 0), item("h", 0, "78"), document=document) == [
        "3. a\n  - b\n    a. c\n    b. d\n4. e\n    a. f",
        "between",
        "5. g",
        "1. h",
    ]


def test_clauses_bear_the_numbers_that_word_prints() -> None:
    levels = (
        level(0, "decimal", "%1.")
        + level(1, "decimal", "%1.%2")
        + level(2, "lowerLetter", "(%3)")
        + level(3, "lowerRoman", "%4)")
    )
    rows = [item("Rent", 0), item("It is due.", 1), item("Ending", 0), item("Either side", 1)]
    rows += [item("at once if", 1), item("late", 2), item("scrap", 2), item("iron", 3)]
    assert texts(*rows, document=with_lists(levels, ("77", ""))) == [
        "1. Rent\n  1.1 It is due.\n2. Ending\n  2.1 Either side\n  2.2 at once if\n    (a) late\n"
        "    (b) scrap\n      i) iron"
    ]


def test_headings_bear_the_numbers_that_word_prints() -> None:
    levels = level(0, "upperRoman", "Article %1") + level(1, "decimal", "%1.%2", more="<w:isLgl/>")
    rows = [item("Rent", 0, style="Heading1"), item("Ending", 0, style="Heading1")]
    rows += [item("By notice", 1, style="Heading2"), paragraph(run("Six months."))]
    document = with_lists(levels, ("77", ""))
    assert [(b.text, b.level) for b in read(*rows, document=document).blocks] == [
        ("Article I Rent", 1),
        ("Article II Ending", 1),
        ("2.1 By notice", 2),
        ("Six months.", 0),
    ]


def test_numbers_go_on_behind_z_and_in_roman_digits() -> None:
    levels = level(0, "upperLetter", "%1.", start=26) + level(1, "lowerRoman", "%2.", start=49)
    rows = [item("a", 0), item("b", 0), item("c", 1)]
    assert texts(*rows, document=with_lists(levels, ("77", ""))) == ["Z. a\nAA. b\n  xlix. c"]


def test_a_numbered_heading_and_an_item_of_no_list_are_no_items() -> None:
    none = '<w:pPr><w:pStyle w:val="ListNumber"/><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr>'
    numbered = '<w:pPr><w:pStyle w:val="Heading1"/><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'
    assert read(paragraph(numbered + run("Money")), paragraph(none + run("text"))).blocks == [
        Block("Money", level=1),
        Block("text", level=0),
    ]
