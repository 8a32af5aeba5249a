import json

import pytest

from rag.answering.claims import MAX_STATEMENTS, Cited, Statement, read_statements
from rag.errors import UsageError

ANSWER = {
    "sentences": [{"text": "Trade rose.", "markers": [1]}, {"text": "It fell.", "markers": []}],
    "citations": [
        {"marker": 1, "document": "trade", "start": 7, "quote": "Trade rose by 30 percent."}
    ],
}


def test_the_sentences_of_a_text_cite_nothing() -> None:
    assert read_statements("Trade rose.[1] It fell.") == [
        Statement("Trade rose.", None),
        Statement("It fell.", None),
    ]


@pytest.mark.parametrize(
    "footnote", ['[1] "Trade rose."', "[^1]: Trade rose.", "  [1]: Trade rose."]
)
def test_footnotes_behind_a_text_are_no_statements(footnote: str) -> None:
    text = f"Trade rose.[1]\n\n{footnote}\n    — The Visit (¶2)"
    assert [statement.text for statement in read_statements(text)] == ["Trade rose."]


def test_the_sentences_of_an_answer_bring_what_they_cite() -> None:
    first, second = read_statements(json.dumps(ANSWER))
    assert first == Statement("Trade rose.", (Cited("trade", 7, "Trade rose by 30 percent."),))
    assert second == Statement("It fell.", ())


def test_the_sentences_of_a_conversation_bring_what_the_answer_they_are_of_cites() -> None:
    other = {
        "sentences": [{"text": "Wool fell.", "markers": [1]}],
        "citations": [{"marker": 1, "document": "wool", "start": 0, "quote": "Wool fell."}],
    }
    *first, last = read_statements(json.dumps({"name": "Trade", "answers": [ANSWER, other]}))
    assert first == read_statements(json.dumps(ANSWER))
    assert last == Statement("Wool fell.", (Cited("wool", 0, "Wool fell."),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no sentence to check"),
        ("[1] …", "no sentence to check"),
        ('{"sentences": []}', "no answer"),
        ('{"sentences": [{"text": "A.", "markers": [2]}], "citations": []}', "no answer"),
        ("{not json", "no answer"),
        ('{"answers": 7}', "no answer"),
        ('{"answers": [7]}', "no answer"),
        ('{"answers": []}', "no sentence to check"),
        ('{"a":' + "[" * 100_000, "no answer"),
        ("Trade rose. " * (MAX_STATEMENTS + 1), f"{MAX_STATEMENTS + 1} sentences"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_statements(text)
