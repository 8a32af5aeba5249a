import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from answers import ANSWERS
from hypothesis import given

from rag.render.json import answer_json, read_answer
from rag.render.text import answer_text, footnote_text, hit_text, table
from rag.text.characters import printable
from rag.types import Answer, Chunk, Citation, Hit, Note, Seconds, Sentence

HIT = Hit(
    Chunk("visit", 3, "Economic Agreements", 31, 100, 120, "Trade  rose\nsharply.", "The Visit"),
    "The Visit",
    0.25,
    "both",
)
CITATION = Citation(
    1,
    "visit",
    "The Visit",
    "Economic Agreements",
    None,
    31,
    "Vladimir Putin",
    100,
    111,
    "Trade rose.",
    Note("8", "Kremlin.ru", 900, 910),
)
ANSWER = Answer(
    "Did trade rise?",
    "Trade rose.[1]",
    False,
    "generated",
    (Sentence("Trade rose.", "supported", (1,)),),
    (CITATION,),
    (HIT,),
    Seconds(0.1, 0.2, 0.3),
)


def test_an_answer_is_followed_by_its_footnotes() -> None:
    assert answer_text(ANSWER) == (
        "Trade rose.[1]\n\n"
        '[1] "Trade rose."\n'
        "    — Vladimir Putin, in: The Visit (Economic Agreements, ¶31); the report's note 8"
    )


def test_a_footnote_names_only_what_is_known() -> None:
    bare = replace(CITATION, section="", speaker="", note=None)
    assert footnote_text(bare) == '[1] "Trade rose."\n    — The Visit (¶31)'


def test_a_footnote_names_the_page_as_it_is_printed_and_says_what_was_recognised() -> None:
    labelled = replace(CITATION, page=69, page_label="57")
    assert "(Economic Agreements, p. 57, ¶31)" in footnote_text(labelled)
    assert "p. 57 (OCR), ¶31" in footnote_text(replace(labelled, recognized=True))
    assert "p. 69 (OCR), ¶31" in footnote_text(replace(labelled, page_label="", recognized=True))


def test_a_footnote_to_a_pdf_names_the_page() -> None:
    assert footnote_text(replace(CITATION, page=12)).endswith(
        "(Economic Agreements, p. 12, ¶31); the report's note 8"
    )


def test_a_quote_that_brings_its_marks_gets_no_second_ones() -> None:
    for quote, shown in [
        ('"Whole."', '"Whole."'),
        ('"Opens only.', '"Opens only."'),
        ('closes only."', '"closes only."'),
    ]:
        assert footnote_text(replace(CITATION, quote=quote)).splitlines()[0] == f"[1] {shown}"


def test_an_abstention_shows_the_nearest_passages_as_such() -> None:
    abstained = replace(ANSWER, answer="", abstained=True, sentences=(), citations=())
    assert answer_text(abstained) == (
        "I found no passage that answers this. Closest:\n\n• Trade rose sharply.\n  — The "
        "Visit (Economic Agreements, ¶31)"
    )
    assert answer_text(replace(abstained, hits=(), declined="Nothing\x1b.")) == "Nothing."


def test_the_json_has_the_shape_of_the_contract() -> None:
    assert json.loads(json.dumps(answer_json(ANSWER))) == {
        "question": "Did trade rise?",
        "answer": "Trade rose.[1]",
        "abstained": False,
        "mode": "generated",
        "sentences": [
            {"text": "Trade rose.", "verdict": "supported", "markers": [1], "reason": ""}
        ],
        "citations": [
            {
                "marker": 1,
                "document": "visit",
                "title": "The Visit",
                "section": "Economic Agreements",
                "page": None,
                "paragraph": 31,
                "speaker": "Vladimir Putin",
                "start": 100,
                "end": 111,
                "quote": "Trade rose.",
                "note": {"number": "8", "text": "Kremlin.ru", "start": 900, "end": 910},
                "date": "",
                "file": "",
                "focus": None,
                "page_label": "",
                "recognized": False,
            }
        ],
        "hits": [
            {
                "document": "visit",
                "number": 3,
                "title": "The Visit",
                "section": "Economic Agreements",
                "paragraph": 31,
                "start": 100,
                "end": 120,
                "text": "Trade  rose\nsharply.",
                "context": "The Visit",
                "score": 0.25,
                "found_by": "both",
                "date": "",
            }
        ],
        "seconds": {"retrieve": 0.1, "first_token": 0.2, "total": 0.3, "read": 0.0},
        "reason": "",
        "shape": "fact",
        "confidence": 0.0,
        "notes": [],
        "declined": "",
    }


@given(ANSWERS)
def test_the_json_of_an_answer_loses_nothing(answer: Answer) -> None:
    assert read_answer(json.loads(json.dumps(answer_json(answer)))) == answer


def places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Every container within the values, with each of its keys."""
    for key in values if isinstance(values, dict) else range(len(values)):
        yield values, key
        if isinstance(values[key], dict | list):
            yield from places(values[key])


def test_a_value_of_another_type_is_refused_wherever_it_stands() -> None:
    values = json.loads(
        json.dumps(answer_json(replace(ANSWER, citations=(replace(CITATION, page=7),))))
    )
    for container, key in list(places(values)):
        right = container[key]
        for wrong in (None, True, 7, 7.5, "<script>", ["<script>"], {"<script>": 1}):
            may_be_none = wrong is None and key in ("page", "note", "first_token")
            if (
                type(wrong) is not type(right)
                and not may_be_none
                and not (type(right) is float and wrong == 7)
            ):
                container[key] = wrong
                with pytest.raises(ValueError, match="no answer"):
                    read_answer(values)
        container[key] = right
    for key, wrong in (
        ("mode", "invented"),
        ("sentences", [{"text": "A.", "verdict": "sure", "markers": []}]),
        ("more", 1),
    ):
        with pytest.raises(ValueError, match="no answer"):
            read_answer(values | {key: wrong})
    assert read_answer(values).citations[0].page == 7


@pytest.mark.parametrize(
    "values",
    [None, [], {}, "answer", 7, {"hits": []}, {"hits": [7]}, {"hits": ["text"]}, {"hits": None}],
)
def test_what_is_no_answer_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match="no answer"):
        read_answer(values)


def test_a_document_cannot_steer_the_terminal() -> None:
    assert printable("\x1b[2Jcleared\x07\u202ereversed\n") == "[2Jclearedreversed\n"
    assert "\x1b" not in hit_text(replace(HIT, title="\x1b]0;owned\x07"))


def test_tables_are_even() -> None:
    assert table([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"
    assert table([]) == ""
