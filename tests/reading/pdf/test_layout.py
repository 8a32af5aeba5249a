"""Lines placed by the tests become columns in reading order, furniture set apart."""

from dataclasses import replace
from textwrap import wrap

import pytest
from placed_lines import BOTH, LEFT, RIGHT, lines, read, texts

from rag.reading.blocks import Block
from rag.reading.pdf.lines import TextLine


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


@pytest.mark.parametrize("y", [30, 130], ids=["in the margin", "of a small page in a large one"])
def test_a_running_header_is_furniture_though_what_stands_beside_it_differs(y: float) -> None:
    def page(number: int) -> list[TextLine]:
        head = lines("21 CFR, Chapter II", 40, y, 14, page=number)
        head += lines(f"§ 1308.{number}{number}", 400, y, 14, page=number)
        words = [f"{'One Two Three Four'.split()[number - 1]} {line}" for line in LEFT]
        return head + lines(words, 40, y + 40, page=number) + lines(words, 40, 400, page=number)

    furniture = texts(read(*map(page, range(1, 5))), "furniture")
    assert furniture == [f"21 CFR, Chapter II § 1308.{number}{number}" for number in range(1, 5)]


def test_headings_that_follow_each_other_without_a_word_of_text_are_labels() -> None:
    def pages(labels: int) -> list[Block]:
        chart = [
            one
            for number in range(labels)
            for one in lines(f"Move {'ABCDEF'[number]}", 40, 100 + 40 * number, 14, page=2)
        ]
        first = lines("The Tower", 40, 70, 14) + lines(LEFT, 40, 100)
        return read(first, chart + lines(RIGHT, 40, 400, page=2))

    assert [block.level for block in pages(3)].count(1) == 4
    assert [block.level for block in pages(5)].count(1) == 1


@pytest.mark.parametrize("text", ["F", "12 May 2021", "December 1998"])
def test_a_letter_and_a_date_are_no_headings(text: str) -> None:
    told = read(lines(LEFT, 40, 100) + lines(text, 40, 200, 14) + lines(RIGHT, 40, 230))
    assert [block.level for block in told if block.text == text] == [None]
