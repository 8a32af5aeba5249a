"""Titles, dates, sections and notes of a text are told from its words."""

from pathlib import Path

import pytest
from readers import assert_spans_hold, read, shown

from rag.reading.blocks import Block, Content
from rag.reading.structure import structured


@pytest.mark.parametrize(
    "title",
    [
        "Super Bowl 50",
        "Warner Bros.",
        "April 2018 protests in Kerala",
        "Violin Sonata No. 3",
        "Who Is Who?",
    ],
)
def test_the_first_line_is_the_title_of_a_file_written_title_first(
    tmp_path: Path, title: str
) -> None:
    document = read(tmp_path, f"{title}\n\nThe text follows, and it ends with a full stop.\n")
    assert document.title == title
    assert shown(document, "text") == ["The text follows, and it ends with a full stop."]


def test_a_text_without_a_title_is_named_after_its_file(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "The text starts at once, and it goes on for more than a line would.\n\nMore of it "
        "follows here.",
        "plain.txt",
    )
    assert document.title == "plain"
    assert len(shown(document, "text")) == 2


def test_a_title_repeated_at_the_top_stands_once(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "The Long Winter\n\n12 May 2021\n\nThe long winter\n\nIt snowed for five months in the "
        "valley.",
    )
    assert (document.title, document.date) == ("The Long Winter", "2021-05-12")
    assert shown(document, "text") == ["It snowed for five months in the valley."]


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("March 24, 2023", "2023-03-24"),
        ("24 March 2023", "2023-03-24"),
        ("Oslo, 2023-03-24", "2023-03-24"),
        ("24.03.2023", "2023-03-24"),
        ("Sept. 3rd, 2006 | Inquiry No. 4", "2006-09-03"),
        ("February 31, 2023 | Inquiry No. 4", ""),
        ("May 2019", "2019-05"),
    ],
)
def test_dates_become_iso(tmp_path: Path, line: str, date: str) -> None:
    assert (
        read(tmp_path, f"A Short Title\n\n{line}\n\nThe text of the report begins here.").date
        == date
    )


def test_an_underlined_heading_below_the_first_line_is_no_title(tmp_path: Path) -> None:
    document = read(tmp_path, "The Bridge\n\nFindings\n========\n\nThe bridge needs paint.\n")
    assert (document.title, document.sections[-1].path) == ("The Bridge", ("Findings",))


def test_numbered_and_underlined_headings_nest(tmp_path: Path) -> None:
    body = "It was found that the bridge needs paint.\n\n"
    document = read(
        tmp_path,
        f"The Bridge\n==========\n\n1. Findings\n\n{body}1.1 Paint\n\n{body}Rust\n----\n{body}2. "
        f"Costs\n\n{body}",
    )
    assert [section.path for section in document.sections] == [
        (),
        ("1. Findings",),
        ("1. Findings", "1.1 Paint"),
        ("1. Findings", "Rust"),
        ("2. Costs",),
    ]
    assert document.title == "The Bridge"


@pytest.mark.parametrize(
    "line",
    [
        "The bridge needs paint.",
        "the bridge and the paint",
        "The bridge needs a lot of paint and nobody has counted the tins so far",
        "- The Bridge",
        "Figure 3: The Bridge",
        '"The Bridge"',
        "The Bridge, The River,",
    ],
)
def test_a_short_line_that_could_be_text_is_no_heading(tmp_path: Path, line: str) -> None:
    document = read(
        tmp_path,
        f"Title Of It\n\nThe first paragraph stands here.\n\n{line}\n\nThe last paragraph stands "
        f"here.",
    )
    assert [section.heading for section in document.sections] == [""]


def test_short_lines_in_a_row_are_a_list_and_no_headings(tmp_path: Path) -> None:
    document = read(
        tmp_path, "Title Of It\n\nThese are the ports that we saw.\n\nOslo\n\nMoss\n\nHalden\n"
    )
    assert [section.heading for section in document.sections] == [""]


def test_one_long_line_a_paragraph_makes_one_block_a_line(tmp_path: Path) -> None:
    lines = [f"Line {number} " + "goes on and on " * 15 + "to its end." for number in (1, 2, 3)]
    assert shown(read(tmp_path, "Title\n" + "\n".join(lines)), "text") == lines


def test_wrapped_lines_stay_one_paragraph_with_their_line_ends(tmp_path: Path) -> None:
    document = read(tmp_path, b"Title\r\n\r\nThe first line\r\nand the second.\r\n")
    assert shown(document, "text") == ["The first line\nand the second."]


def test_a_reference_list_under_its_heading_is_notes(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "Title Of It\n\nTrade grew.² It grew a lot.[1] The area is 7 km².\n\n"
        "References\n\n1. First source,\n   with a second line.\n2) Second\n",
    )
    assert [(n.number, n.text) for n in document.notes] == [
        ("1", "First source, with a second line."),
        ("2", "Second"),
    ]
    assert [(r.number, document.text[r.start : r.end]) for r in document.references] == [
        ("2", "²"),
        ("1", "[1]"),
    ]
    assert document.sections[-1].heading == "References"
    assert_spans_hold(document)


def test_a_paragraph_behind_the_notes_is_text_again(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "Title Of It\n\nTrade grew.[1]\n\nNotes\n\n[1] First.\n\nThe author lives in\n[2] Moss.\n",
    )
    assert shown(document, "note") == ["[1] First."]
    assert shown(document, "text") == ["Trade grew.[1]", "The author lives in\n[2] Moss."]


def test_brackets_without_a_list_of_notes_are_left_alone(tmp_path: Path) -> None:
    document = read(tmp_path, "Title Of It\n\nTrade grew more [than expected] in [2019].[1]\n")
    assert (document.references, document.notes) == ((), ())
    listed = read(
        tmp_path,
        "Title Of It\n\nTrade grew in [9] ports.[1] It fell later.[1, 2]\n\n[1] First.\n[2] "
        "Second.\n",
    )
    assert [reference.number for reference in listed.references] == ["1", "1", "2"]


@pytest.mark.parametrize(
    "line",
    [
        "- 7 -",
        "12",
        "Page 3 of 9",
        "Back to top",
        "Home > Reports > Russia",
        "© 2023 The Institute",
        "* * *",
    ],
)
def test_page_numbers_and_navigation_are_furniture(tmp_path: Path, line: str) -> None:
    document = read(
        tmp_path, f"Title Of It\n\nThe first paragraph.\n\n{line}\n\nThe last paragraph."
    )
    assert shown(document, "furniture") == [line]


@pytest.mark.parametrize(
    "line",
    [
        "(c) the authority of the port, and each office under it",
        "Copyright Office Study on Crossings",
    ],
)
def test_an_item_of_a_list_and_a_heading_are_no_copyright_line(tmp_path: Path, line: str) -> None:
    document = read(tmp_path, f"The Offices\n\nThis law names them.\n\n{line}\n\nIt ends here.\n")
    assert shown(document, "furniture") == []


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        (["[1] A letter."], ["A letter.", "A letter."]),
        (["[1] A letter.", "[1] A speech."], ["A letter.", "A speech."]),
        (["[1] A letter.", "[1] A speech.", "[1] A law."], [None, None]),
    ],
)
def test_markers_and_notes_with_one_number_are_matched_in_order_or_not_at_all(
    notes: list[str], found: list[str | None]
) -> None:
    blocks = [Block("Of the first.[1]"), Block("Of the second.[1]")]
    blocks += [Block(note, kind="note") for note in notes]
    document = structured(Content(blocks), "report", "report.txt", "0")
    starts = [document.text.index(word) for word in ("first", "second")]
    marked = [document.note_at(start, start + 5) for start in starts]
    assert [note and note.text for note in marked] == found
