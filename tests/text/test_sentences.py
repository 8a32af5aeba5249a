from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import is_question, sentence_spans


@pytest.mark.parametrize(
    "sentences",
    [
        [
            "The fall in U.S. exports, per Special Dispatch No. 10538, began at 5 p.m. on Monday.",
            "Dr. Smith of St. Petersburg said so.",
        ],
        ['"Payments are an incentive.', 'The share reached 65 percent."[8]', "He said no more."],
        ["Revenue was up.[3]", "Costs fell.[4][5]", "He went on."],
        [
            "It grew at 3.5 percent to $1.2 billion (see fig. 3).",
            "It fell later [...]",
            "Then it stopped.",
        ],
        ["“Really?”", "He left."],
    ],
)
def test_reports_are_split_where_a_reader_would(sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences


def test_a_blank_line_ends_a_sentence() -> None:
    assert [slice(*span) for span in sentence_spans("a heading\n\nno stop")] == [
        slice(0, 9),
        slice(11, 18),
    ]


@given(st.text(alphabet=st.sampled_from("aB1 .?!\"”[]()\n\u00a0“'")))
def test_spans_are_ordered_and_hold_every_visible_character(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(
        text.split()
    )
    assert all(a_end <= b_start for (_, a_end), (b_start, _) in pairwise(spans))


def test_each_row_of_a_table_is_one_sentence_whatever_stands_in_its_cells() -> None:
    rows = ["Vestby · 2010: approx. 83. Not checked.", "Vestby · 2015: 81"]
    text = "\n".join(rows) + "\n\nIt fell. It rose | or not."
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    assert sentences == [*rows, "It fell. It rose | or not."] or sentences[:2] == rows


@pytest.mark.parametrize(
    ("sentence", "asks"),
    [("Who paid?", True), ("**Who paid?**", True), ("Ada paid.", False), ("", False)],
)
def test_a_sentence_that_ends_with_a_question_mark_asks(sentence: str, asks: bool) -> None:
    assert is_question(sentence) is asks


def test_an_item_of_a_list_is_a_sentence_of_its_own() -> None:
    text = "The team bought:\n- a Land Rover;\n- twelve radios. Two were lost;\n- a drone."
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "The team bought:",
        "- a Land Rover;",
        "- twelve radios.",
        "Two were lost;",
        "- a drone.",
    ]
    assert len(sentence_spans("1. It rained - a lot - on that day.")) == 1


@pytest.mark.parametrize(
    "sentences",
    [
        [
            "Der Hafen wurde am 3. März 2021 gesperrt, z. B. wegen des Eises.",
            "Dr. Meier kam später.",
        ],
        ["港口冬天关闭，因为冰太厚了。", "小船无法通过。", "港口将在四月重新开放！"],
        ["湾の氷が厚すぎて小さな船が通れない。", "港は冬の間閉鎖されます。"],
        ["Порт закрыт с 5 марта 2021 г. из-за льда в заливе.", "Суда ждут весны на рейде."],
        ["هل الميناء مغلق في الشتاء كله؟", "نعم، لأن الجليد سميك جدا على القوارب الصغيرة."],
    ],
)
def test_sentences_of_other_languages_end_where_their_readers_say(sentences: list[str]) -> None:
    text = ("" if sentences[0][0] > "\u3000" else " ").join(sentences)
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences
