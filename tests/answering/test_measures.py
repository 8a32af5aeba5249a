import pytest

from rag.answering.checks.measures import changed_measures


@pytest.mark.parametrize(
    ("claim", "source", "changed"),
    [
        ("It failed at 450 kPa.", "It failed at 450 MPa.", [("kPa", "MPa")]),
        ("It took 350 s.", "It took 350 ms.", [("s", "ms")]),
        ("It rose by 3 mm per decade.", "It rose by 3 mm per year.", [("a decade", "a year")]),
        (
            "There were 12 cases a month.",
            "There were 12 new cases a year.",
            [("a month", "a year")],
        ),
        ("Sales fell a month earlier.", "Sales fell a week earlier.", [("a month", "a week")]),
        ("Two-thirds were lost.", "A third of them was lost.", [("two", "one")]),
        (
            "It is the largest city.",
            "It is the second-largest city.",
            [("first largest", "second largest")],
        ),
        ("The means are inadequate.", "The means are adequate.", [("inadequate", "adequate")]),
        ("The work was finished.", "It was left unfinished.", [("finished", "unfinished")]),
    ],
)
def test_another_measure_is_found(claim: str, source: str, changed: list[tuple[str, str]]) -> None:
    assert changed_measures(claim, source) == changed


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It failed at 450 MPa.", "It failed at 450 MPa, the other at 600 kPa."),
        ("It is 3 km long.", "It is 3 km long and 3 m wide."),
        ("It weighs 5 kg.", "It is 5 m long."),  # of two quantities nothing is compared
        ("There were 12 cases.", "There were 12 cases a year."),
        ("A third was lost.", "One third was lost."),
        ("It is the largest lake and the second-longest.", "Of lakes it is the largest."),
        ("The form is known.", "Inform the owner."),
        ("", ""),
    ],
)
def test_the_same_measure_or_one_that_is_left_out_is_none(claim: str, source: str) -> None:
    assert changed_measures(claim, source) == []


def test_the_time_grows_with_the_length_of_the_texts() -> None:
    """Takes minutes where the square of the length is taken."""
    many = " ".join(f"{n} words each of them an age" for n in range(20_000))
    assert changed_measures(many, many) == []
