"""The sentence that answers is shown whole: an item with what leads it in, a row as it was cut."""

import pytest

from rag.answering.shapes.fact import whole_sentence
from rag.types import Chunk, Evidence, Hit

CHARTER = """2. Ending the charter
  2.1 Either side may end the charter with six months of notice.
  2.2 The harbour may end it at once if
    (a) the rent is three months late,
    (b) the quay is used for scrap.
  2.3 It ends by itself in 2030."""
ROW = "Route: Arden - Holm · Season: July · Adult fare: 16.00 · Car fare: 61.00"
PLAIN = (
    "The harbour has rules. Boats may not lie:\n- at the old quay\n- in the lock\n\nThat is all."
)


def whole(text: str, part: str) -> str:
    chunk = Chunk("charter", 0, "", 1, 100, 100 + len(text), text, "")
    start = 100 + text.index(part)
    found = whole_sentence(
        Evidence(Hit(chunk, "", 0.5, "both"), start, start + len(part), part, 0.9)
    )
    assert found.text == text[found.start - 100 : found.end - 100]
    return " ".join(found.text.split())


@pytest.mark.parametrize(
    ("text", "part", "shown"),
    [
        (
            CHARTER,
            "(a) the rent",
            "2.2 The harbour may end it at once if (a) the rent is three months late,",
        ),
        (
            CHARTER,
            "(b) the quay is used for scrap.",
            "2.2 The harbour may end it at once if (a) the rent is three months late, (b) the quay "
            "is used for scrap.",
        ),
        (CHARTER, "2.3 It ends", "2.3 It ends by itself in 2030."),
        (
            CHARTER,
            "2.1 Either side",
            "2.1 Either side may end the charter with six months of notice.",
        ),
        (PLAIN, "in the lock", "Boats may not lie: - at the old quay - in the lock"),
        (PLAIN, "That is", "That is all."),
        (ROW, ROW[: ROW.index(" · Car")], "Route: Arden - Holm · Season: July · Adult fare: 16.00"),
        (ROW, "Arden - Holm", ROW),
    ],
)
def test_what_a_part_belongs_to_is_shown(text: str, part: str, shown: str) -> None:
    assert whole(text, part) == shown
