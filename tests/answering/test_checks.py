import pytest
from visit import DOCUMENT

from rag.answering.checks import checks
from rag.answering.checks.checks import CHECKS, Check
from rag.answering.checks.names import is_of_same_place
from rag.answering.checks.stance import with_alike
from rag.answering.verify import check_sentence
from rag.types import Chunk, Evidence, Hit, Source

CASES: dict[Check, tuple[str, str, str]] = {  # the claim, what its source says, the reason
    checks.adds_to_question: (
        "Did the port close?",
        "The port did close early.",
        "says nothing beyond the question",
    ),
    checks.does_not_repeat_itself: (
        "The old port closed, the old port closed, the old port closed.",
        "In Marren the old port closed in May.",
        "repeats itself",
    ),
    checks.is_about_the_same: ("Potatoes were cheap.", "A port is closed.", "no source says so"),
    checks.has_its_names_and_amounts: (
        "Bo Berg closed the old port in 1998.",
        "The mayor closed the old port in 1997.",
        "not in the sources: Bo, Berg, 1998",
    ),
    checks.keeps_negations: (
        "The port was dredged.",
        "The port was never dredged.",
        "a negation of the source or of the answer is lost",
    ),
    checks.keeps_direction: (
        "Trade fell by 30 percent.",
        "Trade rose by 30 percent.",
        "the source says the opposite",
    ),
    checks.keeps_sentences_apart: (
        "The group closed its plant in Gdansk in 2018.",
        "The group closed its plant in Oslo in 2018. Its production moved to Gdansk.",
        "the source says Gdansk of something else",
    ),
    checks.keeps_numbers_in_place: (
        "The net debt stood at 90 crowns in May.",
        "The net debt stood at 80 crowns in May, compared with 90 crowns a year earlier.",
        "the source says 80 there, and 90 of something else",
    ),
    checks.keeps_names_in_place: (
        "The old port sells mostly to Oslo.",
        "The old port sells mostly to Malmo and buys some of its grain in Oslo.",
        "the source says Malmo there, and Oslo of something else",
    ),
    checks.keeps_measures: (
        "The port lost 300 boats a month.",
        "The port lost 300 boats a year.",
        "the source says a year, not a month",
    ),
    checks.keeps_who_did_what: (
        "The council sued the old port over a sunken barge.",
        "The old port sued the council over a sunken barge.",
        "the source has “council” and “old port” the other way round",
    ),
    checks.keeps_its_speaker: (
        "Ada Holm said that the old port is lost to sand.",
        "Bo Berg said that the old port is lost to sand.",
        "these are the words of Bo Berg",
    ),
    checks.has_most_of_its_words: (
        "The old port was closed by the cold council.",
        "The old port was closed.",
        "60% of its words stand in the source",
    ),
    checks.keeps_doubt: (
        "Trade exceeds $200 billion.",
        "Trade may exceed $200 billion.",
        "the source does not say so for certain",
    ),
}


def reason(claim: str, text: str, *without: Check) -> str:
    """What the checks say of a claim beside a text, with some of them left out."""
    hit = Hit(Chunk("notes", 0, "", 1, 0, len(text), text, ""), "Notes of Ada Holm", 1.0, "both")
    ends = [at + 1 for at, mark in enumerate(text) if mark == "."]
    starts = [0, *(end + 1 for end in ends[:-1])]
    sentences = tuple(
        Evidence(hit, start, end, text[start:end], 0.9)
        for start, end in zip(starts, ends, strict=True)
    )
    kept = [check for check in CHECKS if check not in without]
    found = check_sentence(
        claim,
        [Source(1, hit, sentences)],
        lambda _: DOCUMENT,
        question="Did the port close?",
        checks=kept,
    )
    return found.reason


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_finds_what_no_other_one_says(check: Check) -> None:
    claim, text, expected = CASES[check]
    assert reason(claim, text) == expected
    assert reason(claim, text, check) != expected


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("China", "Chinese", True),
        ("Italian", "Italy", True),
        ("Julian", "Julia", False),
        ("Iran", "Iraq", False),
        ("Austria", "Australian", False),
        ("Marie", "Maria", False),
    ],
)
def test_a_country_and_its_adjective_are_one_and_two_persons_are_not(
    name: str, other: str, same: bool
) -> None:
    assert is_of_same_place(name, [other]) is same


def test_other_words_for_the_same_change_are_held() -> None:
    held = with_alike(frozenset(("sale", "drop")))
    assert {"sale", "drop", "fell", "declin"} <= held
    assert not held & {"rose", "most", "some"}
    assert with_alike(frozenset(("most",))) == {"most"}
