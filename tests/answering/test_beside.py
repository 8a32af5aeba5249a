import pytest

from rag.answering.checks.beside import misplaced_name

LAKE = "The lake is salty and lies mostly in Kenya, its northern end crossing into Ethiopia."


@pytest.mark.parametrize(
    ("claim", "sentence", "names"),
    [
        ("The lake lies mostly in Ethiopia.", LAKE, ("Ethiopia", "Kenya")),
        (
            "Sales were lower than expected in North America.",
            "Sales were lower than expected in Asia but exceeded our forecast in North America.",
            ("North America", "Asia"),
        ),
        ("The lake lies mostly in Kenya.", LAKE, None),
        ("Its northern end crosses into Ethiopia.", LAKE, None),
        ("She met George Sand.", "She met the French author George Sand.", None),
        ("He lives in Oslo.", "He lives in Bergen.", None),  # which no sentence holds at all
        ("Ethiopia.", LAKE, None),
        ("", "", None),
    ],
)
def test_a_name_in_the_place_of_another_one_is_found(
    claim: str, sentence: str, names: tuple[str, str] | None
) -> None:
    assert misplaced_name(claim, sentence) == names


def test_a_sentence_too_long_to_be_one_is_left_alone() -> None:
    many = " ".join(f"seen in Place{n}" for n in range(20_000))
    assert misplaced_name(many, many) is None
