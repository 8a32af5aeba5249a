"""Lines placed by the tests become headings, lists, tables and notes."""

from collections.abc import Sequence
from textwrap import wrap

import pytest
from placed_lines import LEFT, RIGHT, WIDTH, lines, read, texts

from rag.reading.pdf.lines import TextLine


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


@pytest.mark.parametrize("apart", [0, 35])
def test_clauses_keep_the_numbers_that_are_printed(apart: int) -> None:
    numbers = {100: "2.1", 124: "2.2", 136: "2.2(b)"}
    told = ["Either side may end the", "charter.", "The harbour may do so, if:", "It rains."]
    if apart:
        placed = [one for y, number in numbers.items() for one in lines(number, 40, y)]
        placed += lines(told, 40 + apart, 100)
    else:
        first = [f"2.1 {told[0]}", told[1], f"2.2 {told[2]}", f"2.2(b) {told[3]}"]
        placed = lines(first, 40, 100)
    assert texts(read(placed)) == [
        "2.1 Either side may end the charter.",
        "2.2 The harbour may do so, if:",
        "2.2(b) It rains.",
    ]


def test_a_line_in_large_type_whose_sentence_goes_on_below_is_no_heading() -> None:
    large = "The priority for new trails should be in areas that are"
    told = read(
        lines(large, 20, 60, 13)
        + lines("underserved or that nobody has reached so far.", 20, 110)
        + lines("What the Offices Say", 20, 160, 13)
        + lines(LEFT, 20, 190)
    )
    assert [block.text for block in told if block.level] == ["What the Offices Say"]
