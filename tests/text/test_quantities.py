import pytest

from rag.text.quantities import Amount, amounts_of, missing


def test_a_number_is_read_with_what_it_counts() -> None:
    text = (
        "On 3 June 2021 it cost $1,200 million, twenty-one per cent more than the 12 crowns of "
        "the third year."
    )
    assert amounts_of(text) == (
        Amount("3", "3", month=6),
        Amount("2021", "2021", month=6),
        Amount("1,200", "1200", "$", "million"),
        Amount("twenty-one", "21", unit="%"),
        Amount("12", "12", "crown"),
        Amount("third", "3th"),
    )
    assert amounts_of("May it be. A second a day, at first.") == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("30%", "thirty percent"),
        ("3 June", "June 3rd"),
        ("3 June", "the 3rd of June"),
        ("3 June", "3 and 5 June"),
        ("March 2006", "March 3, 2006"),
        ("2006", "March 3, 2006"),
        ("10 million", "10–15 million"),
        ("10 percent", "10 or 15 per cent"),
        ("30 dollars", "$30"),
        ("1,000", "1000"),
        ("a million", "millions"),
        ("30-year", "30 years"),
        ("$34 billion", "$34bn"),
        ("£1.5m", "£1.5 million"),
        ("3-1", "3–1"),
        ("$500 million", "$500 to $550 million"),
        ("5km", "five kilometers"),
    ],
)
def test_amounts_in_other_forms_are_the_same(one: str, other: str) -> None:
    assert missing(amounts_of(one), other) == []


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("€30 million", "$30 million", "€30 million"),
        ("$30 million", "$30 billion", "$30 million"),
        ("15", "1,5", "15"),
        ("15", "1.5", "15"),
        ("30", "30%", "30"),
        ("3 June", "3 halls on 5 June", "3"),
        ("3 halls", "3 June", "3"),
        ("June 1998", "May 1998", "1998"),
        ("fourteenth", "fifteenth", "fourteenth"),
        ("21", "25", "21"),
        ("5 crowns", "$5", "5"),
        ("twelve hundred", "twelve", "twelve hundred"),
        ("hundreds", "thousands", "hundreds"),
        ("3.7 cm", "3.7 mm", "3.7"),
        ("15 hours", "15-minute", "15"),
    ],
)
def test_another_amount_is_missing(one: str, other: str, told: str) -> None:
    assert missing(amounts_of(one), other) == [told]


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000, "½"])
def test_any_number_can_be_compared(number: str) -> None:
    assert missing(amounts_of(f"{number} June"), f"June {number}, 2006") == []
    assert missing(amounts_of(f"{number} ships"), "7 ships") == [
        number for amount in amounts_of(number)
    ]


@pytest.mark.parametrize(
    ("elsewhere", "english"),
    [
        ("3. Juni 2021", "3 June 2021"),
        ("1er mars 2020", "March 1, 2020"),
        ("9 de marzo de 2024", "9 March 2024"),
        ("9 марта 2024", "9 March 2024"),
        ("2024年3月9日", "9 March 2024"),
        ("二〇一八年", "2018"),
        ("12,5 Prozent", "12.5 percent"),
        ("30 pour cent", "30%"),
        ("1.234.567 Einwohner", "1,234,567"),
        ("4.120,50 Euro", "€4,120.50"),
        ("3 Milliarden Euro", "€3 billion"),
        ("15 млн", "15 million"),
        ("6万册", "60,000"),
        ("4亿元", "400 million"),
    ],
)
def test_amounts_of_other_languages_are_the_same_as_in_english(
    elsewhere: str, english: str
) -> None:
    assert missing(amounts_of(elsewhere), f"It was {english} that the report had.") == []
    assert missing(amounts_of(f"It was {english}, for the report."), elsewhere) == []


@pytest.mark.parametrize(
    ("elsewhere", "english"),
    [
        ("3. Juni 2021", "3 July 2021"),
        ("12,5 Prozent", "125 percent"),
        ("3 Milliarden", "3 million"),
        ("6万册", "6,000"),
    ],
)
def test_other_amounts_of_other_languages_are_others(elsewhere: str, english: str) -> None:
    assert missing(amounts_of(elsewhere), f"It was {english} that the report had.")
