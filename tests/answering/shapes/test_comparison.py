from pathlib import Path

import pytest

from rag.answering.shapes.comparison import sides
from rag.types import DocumentInfo


def info(name: str, title: str, date: str) -> DocumentInfo:
    return DocumentInfo(name, f"{name}.txt", Path(name), "", title, date, 1, 1)


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            "Compare leakage in 2021 and 2022",
            {"2021": "What was leakage in 2021?", "2022": "What was leakage in 2022?"},
        ),
        (
            "How did the number of calls change from 2021 to 2023?",
            {
                "2021": "What was the number of calls in 2021?",
                "2023": "What was the number of calls in 2023?",
            },
        ),
        (
            "Were there more calls in 2022 or in 2023?",
            {"2022": "Were there more calls in 2022?", "2023": "Were there more calls in 2023?"},
        ),
        (
            "Compare the rent in Kolvik and Dunmoor",
            {"Kolvik": "What was the rent in Kolvik?", "Dunmoor": "What was the rent in Dunmoor?"},
        ),
        (
            "How many beds has the ward in the first and in the third year?",
            {
                "First year": "How many beds has the ward in the first year?",
                "Third year": "How many beds has the ward in the third year?",
            },
        ),
        (
            "How many nurses work in Halle and how many in Lund?",
            {
                "Halle": "How many nurses work in Halle?",
                "Lund": "How many nurses work in Lund?",
            },
        ),
        (
            "How many days did the old lease allow, and how many does the new one?",
            {
                "Old lease": "How many days did the old lease allow?",
                "New lease": "How many days did the new lease allow?",
            },
        ),
        (
            "Is the north richer than the south?",
            {"North": "Is the north richer?", "South": "Is the south richer?"},
        ),
        (
            "How do men and women differ in their use of the bus?",
            {
                "Men": "What was use of the bus of men?",
                "Women": "What was use of the bus of women?",
            },
        ),
        (
            "How do the deposit and the rent differ?",
            {
                "Deposit": "What is said about the deposit?",
                "Rent": "What is said about the rent?",
            },
        ),
        (
            "What is the difference in price between the day ticket and the week ticket?",
            {
                "Day ticket": "What is the price of the day ticket?",
                "Week ticket": "What is the price of the week ticket?",
            },
        ),
        (
            "Compare the old boat with the new boat by length",
            {
                "Old boat": "What is the length of the old boat?",
                "New boat": "What is the length of the new boat?",
            },
        ),
        (
            "How many seats has the Alba compared with a lorry?",
            {
                "the Alba": "How many seats has the Alba?",
                "Lorry": "How many seats has a lorry?",
            },
        ),
        (
            "Compare what the owners and the ship's crew say about the strike",
            {
                "Owners": "What do the owners say about the strike?",
                "Ship's crew": "What do the ship's crew say about the strike?",
            },
        ),
        ("What is compared here?", {}),
    ],
)
def test_each_side_is_asked_alone(question: str, asked: dict[str, str]) -> None:
    assert {side.name: side.question for side in sides(question, (), ())} == asked


def test_a_side_of_a_year_is_looked_for_in_the_named_document_of_that_year() -> None:
    documents = [info("a", "Report 2021", "2022-01-01"), info("b", "Report 2022", "2023-01-01")]
    found = sides("Compare the calls in 2021 and 2022", ("a", "b"), documents)
    assert [(side.name, side.documents) for side in found] == [
        ("2021", ("a",)),
        ("2022", ("a", "b")),
    ]
