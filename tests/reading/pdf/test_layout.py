"""Lines placed by the tests become blocks.

Every `read` also checks that no letter is lost and that each line has its box.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from textwrap import wrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.reading.blocks import Block
from rag.reading.pdf.layout import blocks
from rag.reading.pdf.lines import Page, TextLine

WIDTH, HEIGHT = 500.0, 600.0


def lines(
    texts: Sequence[str] | str,
    x: float,
    y: float,
    size: float = 10,
    bold: bool = False,
    page: int = 1,
    leading: float = 12,
) -> list[TextLine]:
    """Lines under each other.

    The first baseline is `y` below the page's top, a character half as wide as its type is high.
    """
    placed = []
    for text in [texts] if isinstance(texts, str) else texts:
        right = x + 0.5 * size * len(text)
        placed.append(TextLine(text, page, x, y - 0.8 * size, right, y + 0.2 * size, y, size, bold))
        y += leading
    return placed


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter(
        character
        for text in texts
        for character in unicodedata.normalize("NFKC", text)
        if character.isalnum()
    )


def read(*pages: list[TextLine]) -> list[Block]:
    told = blocks([Page(WIDTH, HEIGHT, placed) for placed in pages])
    shown = letters(block.text for block in told)
    written = letters(line.text for placed in pages for line in placed)
    assert shown >= written  # the rows of a table repeat their heads
    assert shown == written or any(block.row for block in told)
    for block in told:
        at = 0
        for box in block.boxes:
            assert at <= box.start < box.end <= len(block.text)
            assert not letters([block.text[at : box.start]])
            assert 0 <= box.left <= box.right <= 1
            assert 0 <= box.top <= box.bottom <= 1
            at = box.end
        assert at == len(block.text)
    return told


def texts(told: Sequence[Block], kind: str | None = None) -> list[str]:
    return [block.text for block in told if block.kind == kind]


# --- Columns and furniture ----------------------------------------------------------------------

LEFT = """Trade along the corridor grew in every
quarter of the year, and the offices
that sent in their figures show where.
Two crossings carried most of it, and
a line of the rail company says that
the growth will last, but the ports""".splitlines()
RIGHT = """disagree and say so in a letter that
was published in the spring. They name
the weather, the price of fuel and the
state of the quays. Nobody has replied
to them yet, and nobody will.""".splitlines()
BOTH = f"{' '.join(LEFT)} {' '.join(RIGHT)}"


def two_columns(page: int) -> list[TextLine]:
    """Row by row, as some programs write them."""
    head = lines("Corridor Review", 40, 30, 8, page=page) + lines(
        "Spring Issue", 300, 30, 8, page=page
    )
    heading = lines(
        f"What the Offices of Part {page} Report: Crossings", 40, 70, 14, bold=True, page=page
    )
    columns = lines(LEFT, 40, 100, page=page) + lines(RIGHT, 270, 100, page=page)
    foot = lines(str(page), 240, 580, 8, page=page)
    return head + heading + sorted(columns, key=lambda line: line.baseline) + foot


def test_two_columns_are_read_one_after_the_other_and_what_repeats_on_pages_is_furniture() -> None:
    told = read(*map(two_columns, (1, 2, 3)))
    assert [(block.text, block.level, block.kind) for block in told[4:8]] == [
        ("Corridor Review Spring Issue", 0, "furniture"),
        ("What the Offices of Part 2 Report: Crossings", 1, None),
        (BOTH, 0, None),
        ("2", 0, "furniture"),
    ]
    assert [block.boxes[0].page for block in told] == [1] * 4 + [2] * 4 + [3] * 4


def test_what_spans_the_columns_stands_between_those_above_and_below_it() -> None:
    spanning = "What the Offices Report of Crossings and Ports"
    above = lines(LEFT, 40, 100) + lines(RIGHT, 270, 100)
    below = lines(LEFT, 40, 240) + lines(RIGHT, 270, 240)
    assert texts(read(above + lines(spanning, 40, 205, 14, bold=True) + below)) == [
        BOTH,
        spanning,
        BOTH,
    ]


def test_a_page_whose_upper_part_has_other_columns_is_read_part_by_part() -> None:
    upper = lines(LEFT, 40, 80) + lines(RIGHT, 250, 80)
    lower = lines(wrap(" ".join(LEFT * 4), 56), 40, 220) + lines(
        wrap(" ".join(RIGHT * 3), 26), 350, 220
    )
    found = texts(read(sorted(upper + lower, key=lambda line: line.baseline)))
    assert found[0] == BOTH


def test_a_line_a_little_too_wide_for_its_column_stays_in_it() -> None:
    left = [
        replace(line, right=line.right if index != 2 else 273)
        for index, line in enumerate(lines(LEFT, 40, 100))
    ]
    assert texts(read(left + lines(RIGHT, 270, 100))) == [BOTH]


def test_three_columns_are_read_in_order() -> None:
    column = [text[:26] for text in LEFT]
    by_rows = [
        line
        for row, text in enumerate(column)
        for x in (20, 175, 330)
        for line in lines(text, x, 100 + 12 * row)
    ]
    assert texts(read(by_rows)) == [" ".join(column * 3)]


def test_a_page_of_more_columns_than_any_report_has_is_read_all_the_same() -> None:
    told = read(
        [
            line
            for column in range(1_200)
            for line in lines(["abcdefghijklmnop"] * 4, 100 * column, 100)
        ]
    )
    assert told


def test_a_heading_at_the_top_of_a_page_is_no_running_header_though_only_its_number_differs() -> (
    None
):
    def chapter(number: int) -> list[TextLine]:
        heading = lines(f"Chapter {number}", 40, 30, 16, bold=True, page=number)
        text = lines(
            ["Offices at nine crossings were asked what", "they count, and how often they do."],
            40,
            70,
            page=number,
        )
        return heading + text + lines(f"Crossings {number}", 40, 580, 8, page=number)

    told = read(chapter(1), chapter(2))
    assert [block.text for block in told if block.level] == ["Chapter 1", "Chapter 2"]
    assert texts(told, "furniture") == ["Crossings 1", "Crossings 2"]


def long_page(
    page: int, head: str, foot: str = "", y: float = 30, size: float = 8
) -> list[TextLine]:
    """A page of text with a header at `y`; no two pages say the same."""
    said = [f"Office {word} at the border counted all" for word in "one two three four".split()]
    said = [f"{text} of page {chr(96 + page)} by hand." for text in said]
    placed = lines(head, 40, y, size, page=page) + lines(said, 40, 140, page=page)
    return placed + (lines(foot, 40, 580, 8, page=page) if foot else [])


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ("Crossings and Ports {page} of 2021", ""),
        ("Review", "Page {page} CC-by-SA licence of the offices"),
        ("Review", "Frm 0000{page} Fmt 4702"),
    ],
)
def test_a_header_with_the_number_of_its_page_inside_is_furniture(head: str, foot: str) -> None:
    told = read(*(long_page(n, head.format(page=n), foot.format(page=n)) for n in range(1, 5)))
    assert len(texts(told, "furniture")) == (8 if foot else 4)


def test_a_running_header_in_large_type_is_furniture_though_its_number_changes_sides() -> None:
    def head(page: int) -> str:
        return f"{470 + page} Crossings Review" if page % 2 else f"Crossings Review {470 + page}"

    told = read(*(long_page(n, head(n), size=12) for n in range(1, 5)))
    assert texts(told, "furniture") == [head(n) for n in range(1, 5)]


def test_a_header_below_the_margin_is_furniture_where_many_pages_have_it_at_one_height() -> None:
    told = read(*(long_page(n, "Crossings and Ports", y=90) for n in range(1, 5)))
    assert texts(told, "furniture") == ["Crossings and Ports"] * 4


def test_the_same_words_at_other_heights_below_the_margin_are_text() -> None:
    told = read(*(long_page(n, "Crossings and Ports", y=80 + 6 * n) for n in range(1, 4)))
    assert texts(told, "furniture") == []


@pytest.mark.parametrize("number", ["7", "- 7 -", "Page 7 of 12", "Seite 7", "xiv"])
def test_the_number_of_a_page_is_furniture_though_it_stands_on_one_page_only(number: str) -> None:
    assert texts(
        read(lines("Nine crossings.", 40, 300) + lines(number, 240, 580, 8)), "furniture"
    ) == [number]


def test_a_last_line_that_no_other_page_has_is_text() -> None:
    assert texts(read(lines("Nine crossings were asked.", 40, 580))) == [
        "Nine crossings were asked."
    ]


def test_a_table_of_contents_is_furniture() -> None:
    entries = ["What was asked . . . . . . . . . . . 1", "Who answered . . . . . . . . . . . . 12"]
    told = read(lines(entries, 40, 100) + lines("Offices at nine crossings were asked.", 40, 150))
    assert texts(told, "furniture") == ["\n".join(entries)]
    assert texts(told) == ["Offices at nine crossings were asked."]


def test_dots_that_lead_to_values_are_a_table_and_no_table_of_contents() -> None:
    entries = ["Wheat . . . . . . . . . . . 412", "Barley . . . . . . . . . . . 97"]
    told = read(lines(entries, 40, 100) + lines("Offices at nine crossings were asked.", 40, 150))
    assert texts(told)[0] == "\n".join(entries)


def test_the_lines_of_a_listing_do_not_say_how_far_apart_lines_of_text_are() -> None:
    listing = [f"x{n} = f({n});" for n in range(40)]
    told = read(
        lines(listing, 40, 60, 10, leading=9) + lines(wrap(" ".join(LEFT), 60), 40, 450, leading=16)
    )
    assert texts(told)[-1] == " ".join(LEFT)


# --- Paragraphs ---------------------------------------------------------------------------------

QUOTATION = wrap(
    '"We have built the line twice," the minister said to the rail workers. "The first time we '
    "built it for coal, and the "
    "second time for people, and nobody who stood in the snow that winter will forget what it "
    "cost us. What we will not do "
    'is build it a third time for the sake of a contract that others signed."',
    60,
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.text("abcdefgimnoprstuw", min_size=1, max_size=12), min_size=1, max_size=30),
        min_size=1,
        max_size=5,
    )
)
def test_paragraphs_set_line_by_line_come_back_whole(paragraphs: list[list[str]]) -> None:
    written = [f"The {' '.join(words)}." for words in paragraphs]
    placed: list[TextLine] = []
    y = 100.0
    for paragraph in written:
        placed += lines(wrap(paragraph, 80), 40, y)
        y = placed[-1].baseline + 20
    assert texts(read(placed)) == written


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda text, x, y, size, bold: lines(text, x, y, size, bold),
            st.text("abc-. [1]•|", min_size=1, max_size=30).map(str.strip).filter(bool),
            st.integers(-20, 520),
            st.integers(0, 60).map(lambda row: 10.0 * row),
            st.sampled_from([5.0, 8.0, 10.0, 10.2, 14.0]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_no_letter_is_lost_however_lines_are_placed(placed: list[list[TextLine]]) -> None:
    assert bool(read([line for one in placed for line in one])) == bool(placed)


def test_a_paragraph_that_runs_over_a_page_break_is_one_block() -> None:
    first = lines("The minister spoke.[1]", 40, 100) + lines(QUOTATION[:3], 40, 140)
    notes = lines("[1] Interfax, May 4, 2019.", 40, 550, 8)
    told = read(
        first + notes + lines("- 1 -", 240, 590, 8),
        lines(QUOTATION[3:], 40, 60, page=2) + lines("The workers were silent.", 40, 200, page=2),
    )
    assert texts(told) == [
        "The minister spoke.[1]",
        " ".join(QUOTATION),
        "The workers were silent.",
    ]
    assert [box.page for box in told[1].boxes] == [1, 1, 1, *[2] * len(QUOTATION[3:])]


@pytest.mark.parametrize("last", ["and it ended there.", "and so it"])
def test_after_a_full_stop_or_a_short_line_a_new_page_opens_a_new_paragraph(last: str) -> None:
    first = [*QUOTATION[:2], last]
    after = ["The workers were silent, and the reporter who had come with", "the minister left."]
    assert texts(read(lines(first, 40, 100), lines(after, 40, 100, page=2))) == [
        " ".join(first),
        " ".join(after),
    ]


def test_a_paragraph_set_in_from_both_edges_is_a_quotation() -> None:
    told = read(lines(LEFT, 40, 100) + lines(wrap(" ".join(RIGHT), 22), 80, 185))
    assert [block.text for block in told if block.quoted] == [" ".join(RIGHT)]


def test_an_indented_line_opens_a_paragraph_though_the_line_before_is_full() -> None:
    first = [
        "The ports counted more than ever before,",
        "because they began to count at night, as",
        "they were asked to do in the spring now.",
    ]
    second = ["Nobody had read it, but all of them used", "the figures."]
    placed = [
        line
        for row, text in enumerate([*first, *second])
        for line in lines(text, 55 if text in (first[0], second[0]) else 40, 100 + 12 * row)
    ]
    assert texts(read(placed)) == [" ".join(first), " ".join(second)]


def test_centred_lines_are_one_paragraph() -> None:
    centred = [
        "For those who stood in the snow",
        "that winter at the northern border",
        "and waited",
    ]
    placed = [
        line
        for row, text in enumerate(centred)
        for line in lines(text, 250 - 2.5 * len(text), 100 + 12 * row)
    ]
    assert texts(read(placed)) == [
        "For those who stood in the snow that winter at the northern border and waited"
    ]


def test_lines_set_wide_apart_are_one_paragraph() -> None:
    assert texts(read(lines(QUOTATION, 40, 100, leading=24))) == [" ".join(QUOTATION)]


def test_small_print_under_a_paragraph_is_a_block_of_its_own() -> None:
    small = "as it stood in the papers"
    assert texts(read(lines(QUOTATION[:3], 40, 100) + lines(small, 40, 136, 8))) == [
        " ".join(QUOTATION[:3]),
        small,
    ]


def test_a_dash_that_opens_a_line_within_a_sentence_stays_a_dash() -> None:
    sentence = [
        "The offices at the northern border",
        "– three of them count by hand – and",
        "the ports disagree.",
    ]
    assert texts(read(lines(sentence, 40, 100))) == [" ".join(sentence)]


# --- Words broken at a line's end ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "elsewhere", "word"),
    [
        ("infor-", "mation", "Nothing more.", "information"),
        ("infor‐", "mation", "Nothing more.", "information"),
        ("long-", "term", "They made a long-term plan.", "long-term"),
        ("long-", "term", "They made a long‐term plan.", "long-term"),
        ("long-", "term", "A long list, a longterm plan, and no term.", "longterm"),
        ("high-", "mindedness", "How high it was, and what mindedness.", "high-mindedness"),
        ("high-", "mindedness", "How high it was.", "highmindedness"),
        ("high-", "mindedness", "And what mindedness.", "highmindedness"),
        ("anti-", "Soviet", "Nothing more.", "anti-Soviet"),
        ("2018-", "2019", "Nothing more.", "2018-2019"),
        ("state-of-", "the", "Nothing more.", "state-of-the"),
        ("state-", "of-the-art", "Nothing more.", "state-of-the-art"),
        ("self-", "help", "Nothing more.", "self-help"),
        ("coal-", "based", "Nothing more.", "coal-based"),
        ("server‑", "side", "Nothing more.", "server‑side"),
        ("short-", "and long-term", "Nothing more.", "short- and long-term"),
        ("Getreide-", "und", "Nichts mehr.", "Getreide- und"),
    ],
)
def test_the_other_words_tell_whether_a_hyphen_at_a_line_end_belongs_to_its_word(
    first: str, second: str, elsewhere: str, word: str
) -> None:
    placed = lines([f"What the offices say of {first}", f"{second} in reports."], 40, 100)
    assert texts(read(placed + lines(elsewhere, 40, 160))) == [
        f"What the offices say of {word} in reports.",
        elsewhere,
    ]


def test_the_parts_of_a_broken_word_are_no_words_however_often_it_is_broken() -> None:
    placed = lines(
        ["What the offices say of infor-", "mation and who gives infor-", "mation."], 40, 100
    )
    assert texts(read(placed)) == ["What the offices say of information and who gives information."]


def test_a_broken_word_has_both_its_lines_boxed() -> None:
    (block,) = read(lines(["What the offices say of infor-", "mation is true."], 40, 100))
    assert [block.text[box.start : box.end] for box in block.boxes] == [
        "What the offices say of infor",
        "mation is true.",
    ]


# --- Headings, lists, tables, notes -------------------------------------------------------------


def test_headings_have_levels_by_the_size_of_their_type_and_lists_and_tables_keep_their_lines() -> (
    None
):
    table = [
        line
        for row, cells in enumerate(
            [("Crossing", "2018", "2019"), ("North", "4,100", "5,300"), ("South", "700", "900")]
        )
        for x, cell in zip((40, 150, 220), cells, strict=True)
        for line in lines(cell, x, 250 + 14 * row)
    ]
    told = read(
        lines(
            ["The State of the Crossings", "and of the Ports"], 60, 200, 24, bold=True, leading=29
        )
        + lines("Report No. 12 | March 4, 2020", 60, 280),
        lines("1", 40, 100, 16, bold=True, page=2)
        + lines("What was asked", 70, 100, 16, bold=True, page=2)
        + lines(
            wrap(
                "Offices at nine crossings were asked what they count, and how often they count "
                "it.",
                60,
            ),
            40,
            120,
            page=2,
        )
        + lines("1.1 Who answered", 40, 160, 13, bold=True, page=2)
        + lines("Seven answered:", 40, 176, page=2)
        + lines(
            [
                "• three at the northern border, where",
                "the counting is done by hand;",
                "• four at the ports.",
            ],
            40,
            192,
            page=2,
        )
        + lines("Figures", 40, 236, 10, bold=True, page=2)
        + table,
    )
    assert [(block.text, block.level) for block in told] == [
        ("The State of the Crossings and of the Ports", 1),
        ("Report No. 12 | March 4, 2020", 0),
        ("1 What was asked", 2),
        ("Offices at nine crossings were asked what they count, and how often they count it.", 0),
        ("1.1 Who answered", 3),
        ("Seven answered:", 0),
        (
            "- three at the northern border, where the counting is done by hand;\n- four at the "
            "ports.",
            0,
        ),
        ("Figures", 3),
        ("Crossing · 2018 · 2019", 0),
        ("North · 2018: 4,100\nNorth · 2019: 5,300", 0),
        ("South · 2018: 700\nSouth · 2019: 900", 0),
    ]


def row(cells: Sequence[str], y: float, bold: bool = False) -> list[TextLine]:
    return [
        line
        for x, cell in zip((40, 200, 300, 400), cells, strict=False)
        if cell
        for line in lines(cell, x, y, bold=bold)
    ]


def test_each_row_of_a_table_has_the_heads_of_its_columns_and_a_box_for_each_value() -> None:
    told = read(
        row(["Town", "Beds", "Staff"], 100, bold=True)
        + row(["Esker", "85", "120"], 114)
        + row(["Lindal", "40", "61"], 128)
    )
    assert texts(told, "text") == [
        "Town: Esker · Beds: 85 · Staff: 120",
        "Town: Lindal · Beds: 40 · Staff: 61",
    ]
    assert [[round(box.left * WIDTH) for box in block.boxes] for block in told] == [
        [40, 200, 300]
    ] * 2
    assert told[0].text[told[0].boxes[1].start : told[0].boxes[1].end] == " · Beds: 85"


def test_cells_that_stand_in_no_columns_get_no_heads() -> None:
    told = read(
        lines("Town", 40, 100, bold=True)
        + lines("Beds", 200, 100, bold=True)
        + lines("Esker and its valley, with the mill", 40, 114)
        + lines("85", 260, 114)
    )
    assert texts(told) == ["Town | Beds\nEsker and its valley, with the mill | 85"]


def test_headings_of_nearly_one_size_have_one_level() -> None:
    placed = (
        lines("Who answered", 40, 70, 14.1) + lines(LEFT, 40, 100) + lines("Figures", 40, 200, 13.9)
    )
    assert [block.level for block in read(placed + lines(RIGHT, 40, 230))] == [1, None, 1, None]


def test_numbers_set_apart_from_the_items_of_a_list_make_no_table() -> None:
    told = ["They count by hand.", "They count at night."]
    placed = lines(["1.", "2."], 40, 100) + lines(told, 75, 100)
    assert texts(read(placed)) == ["1. They count by hand.\n2. They count at night."]


def test_bold_words_in_a_paragraph_are_no_heading() -> None:
    told = read(
        lines("The ports, which disagree, name", 40, 100)
        + lines("the weather", 40, 112, bold=True)
        + lines("and the price of fuel.", 40, 124)
    )
    assert [(block.text, block.level) for block in told] == [
        ("The ports, which disagree, name the weather and the price of fuel.", None)
    ]


def test_notes_at_the_foot_are_notes_by_their_number_or_because_they_go_on() -> None:
    told = read(
        lines(LEFT, 40, 100)
        + lines(
            ["1 Interfax, May 4, 2019, in a report that", "runs over a line,", "² and Ports,"],
            40,
            500,
            8,
        ),
        lines(LEFT, 40, 100, page=2)
        + lines(["a yearbook.", "[3] So the reporter."], 40, 500, 8, page=2),
    )
    assert texts(told, "note") == [
        "[1] Interfax, May 4, 2019, in a report that runs over a line,",
        "[2] and Ports, a yearbook.",
        "[3] So the reporter.",
    ]


def test_a_note_ends_where_a_gap_or_other_type_begins() -> None:
    told = read(
        lines(LEFT, 40, 100)
        + lines(["1 Interfax, May 4, 2019."], 40, 480, 8)
        + lines(["Printed at the office of ports."], 40, 510, 8)
        + lines(["Read on at the next crossing"], 40, 521, 6)
    )
    assert texts(told, "note") == ["[1] Interfax, May 4, 2019."]
    assert texts(told)[1:] == ["Printed at the office of ports.", "Read on at the next crossing"]


def test_small_type_that_opens_with_another_number_than_the_next_is_no_note() -> None:
    assert (
        texts(read(lines(LEFT, 40, 100) + lines("12 offices were not asked.", 40, 500, 8)), "note")
        == []
    )


def test_a_list_of_endnotes_stays_as_it_is_written() -> None:
    entries = ["[1] Interfax, May 4, 2019.", "[2] Ministry of Transport."]
    told = read(
        lines(["Trade rose by a third.[1] The ports disagree", "about the cause.[2]"], 40, 100)
        + lines(entries, 40, 140)
    )
    assert texts(told)[1:] == entries


def test_no_pages_are_no_blocks() -> None:
    assert read() == []
    assert read([]) == []
