"""What text recognition tells of a picture becomes words with their places."""

from typing import Any

import pytest

from rag.reading.ocr import RecognizedWord, _words_of_line, _words_of_table

HEAD = "level page_num block_num par_num line_num word_num left top width height conf text"
TABLE = [
    "1 1 0 0 0 0 0 0 400 600 -1 ",
    "4 1 1 1 1 0 40 50 200 20 -1 ",
    "5 1 1 1 1 1 40 54 60 12 96.1 Old",
    '5 1 1 1 1 2 110 50 70 20 91.5 "Piers"',
    "5 1 1 1 1 3 190 50 50 20 12.0 ~|",
    "4 1 1 1 2 0 40 80 100 20 -1 ",
    "5 1 1 1 2 1 40 80 100 20 88.0 safe.",
]


def test_the_table_of_tesseract_becomes_words_as_high_as_their_lines() -> None:
    table = "\n".join(row.replace(" ", "\t", 11) for row in [HEAD, *TABLE])
    assert list(_words_of_table(table)) == [
        RecognizedWord("Old", False, 0, 40, 100, 50, 70),
        RecognizedWord('"Piers"', True, 0, 110, 180, 50, 70),
        RecognizedWord("safe.", False, 1, 40, 140, 80, 100),
    ]


BOX = [[0.0, 10.0], [100.0, 10.0], [100.0, 30.0], [0.0, 30.0]]


def part(text: str, left: float, right: float) -> tuple[str, float, Any]:
    return text, 0.9, [[left, 10], [right, 10], [right, 30], [left, 30]]


@pytest.mark.parametrize(
    ("text", "parts", "places"),
    [
        (
            "Old piers",
            [part("Old", 2, 30), part("piers", 40, 98)],
            [("Old", False, 2, 30), ("piers", True, 40, 98)],
        ),
        (
            "Old 灯塔",
            [part("Old", 2, 30), part("灯", 40, 60), part("塔", 60, 80)],
            [("Old", False, 2, 30), ("灯", True, 40, 60), ("塔", False, 60, 80)],
        ),
        ("Old piers!", [part("Old", 2, 30)], [("Old", False, 0, 30), ("piers!", True, 40, 100)]),
        ("Oldpiers", [], [("Oldpiers", False, 0, 100)]),
    ],
    ids=["words", "letters without spaces", "parts that are missing", "no parts"],
)
def test_the_words_of_a_line_stand_where_their_parts_do_or_where_their_letters_would(
    text: str, parts: list[Any], places: list[tuple[str, bool, float, float]]
) -> None:
    words = list(_words_of_line(3, text, BOX, parts))
    assert [(w.text, w.apart, w.left, w.right) for w in words] == places
    assert {(w.line, w.top, w.bottom) for w in words} == {(3, 10.0, 30.0)}
