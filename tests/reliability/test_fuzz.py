"""No damaged file stops a reader: a sample of the thousands of tests/reliability/fuzz.py."""

import os

import pytest
from reliability.fuzz import FOUND, WHOLE, damaged, outcomes, whole

INPUTS = int(os.environ.get("RAG_TEST_FUZZ", "300"))


def test_what_is_damaged_is_read_or_refused_in_a_sentence() -> None:
    came = list(outcomes(iter([*FOUND, *range(INPUTS)])))
    assert [(o.number, o.kind, o.told) for o in came if o.is_fault] == []
    assert len(came) == INPUTS + len(FOUND)
    assert sum(o.kind == "read" for o in came) > INPUTS / 3, "most damage reaches the readers"


@pytest.mark.parametrize("suffix", sorted(WHOLE))
def test_a_number_is_the_same_damage_for_ever(suffix: str) -> None:
    numbers = [n for n in range(200) if damaged(n)[0] == suffix]
    before = [damaged(n) for n in numbers]
    whole.cache_clear()
    assert [damaged(n) for n in numbers] == before
    assert len(numbers) > 5
