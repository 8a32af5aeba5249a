import pytest

from rag.answering.checks.bindings import misplaced_numbers

DEBT = (
    "Net debt stood at $3.2 billion at 31 December 2023, compared with $2.9 billion a year earlier."
)
BAY = "Construction of the cathedral began in 1248, halted in 1560 and was completed in 1880."
STORES = "The Group plans to open 40 stores in Poland and to close 12 stores in Italy."


@pytest.mark.parametrize(
    ("claim", "source", "found"),
    [
        ("Net debt stood at $2.9 billion at 31 December 2023.", DEBT, [("2.9", "3.2")]),
        ("Construction of the cathedral began in 1560.", BAY, [("1560", "1248")]),
        (
            "The samples were heated to 15 °C for 120 minutes.",
            "The samples were heated to 120 °C for 15 minutes and then cooled.",
            [],  # measured in other things, which other checks compare
        ),
        ("Net debt stood at $3.2 billion at 31 December 2023.", DEBT, []),
        (
            "The number of employees fell to 7,900.",
            "The number of employees fell from 8,450 to 7,900, mainly because of a sale.",
            [],
        ),
        ("Net debt rose from $2.9 billion to $3.2 billion.", DEBT, []),
        ("The cathedral, begun in 1248, was completed in 1880.", BAY, []),
        ("The Group plans to close 12 stores in Italy.", STORES, []),
        ("It has six lanes.", "It is 1,991 metres long and has six lanes.", []),
        (
            "The loss in 2018 was $25,403.",
            "In 2019 and 2018 we had losses of $19,573 and $25,403 respectively.",
            [],
        ),
        ("", "", []),
    ],
)
def test_a_number_in_the_place_of_another_one_is_found(
    claim: str, source: str, found: list[tuple[str, str]]
) -> None:
    assert misplaced_numbers(claim, source) == found


def test_texts_too_long_to_compare_are_left_alone() -> None:
    """Takes minutes where the length is not looked at."""
    many = " ".join(f"share {n} of {n + 1} crowns" for n in range(20_000))
    assert misplaced_numbers(many, many) == []
