"""Lines placed by the tests become paragraphs, and words broken at a line's end whole ones."""

from textwrap import wrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from placed_lines import LEFT, QUOTATION, RIGHT, lines, read, texts

from rag.reading.pdf.lines import TextLine


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.text("abcdefgimnoprstuw", min_size=1, max_size=12), min_size=1, max_size=30),
        min_size=1,
        max_size=5,
    )
)
def test_paragraphs_set_line_by_line_come_back_whole(paragraphs: list[list[str]]) -> None:
    written = [f"The {' '.join(words)}." for words in paragraphs]
    placed: list[TextLine] = []
    y = 100.0
    for paragraph in written:
        placed += lines(wrap(paragraph, 80), 40, y)
        y = placed[-1].baseline + 20
    assert texts(read(placed)) == written


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda text, x, y, size, bold: lines(text, x, y, size, bold),
            st.text("abc-. [1]•|", min_size=1, max_size=30).map(str.strip).filter(bool),
            st.integers(-20, 520),
            st.integers(0, 60).map(lambda row: 10.0 * row),
            st.sampled_from([5.0, 8.0, 10.0, 10.2, 14.0]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_no_letter_is_lost_however_lines_are_placed(placed: list[list[TextLine]]) -> None:
    assert bool(read([line for one in placed for line in one])) == bool(placed)


def test_a_paragraph_that_runs_over_a_page_break_is_one_block() -> None:
    first = lines("The minister spoke.[1]", 40, 100) + lines(QUOTATION[:3], 40, 140)
    notes = lines("[1] Interfax, May 4, 2019.", 40, 550, 8)
    told = read(
        first + notes + lines("- 1 -", 240, 590, 8),
        lines(QUOTATION[3:], 40, 60, page=2) + lines("The workers were silent.", 40, 200, page=2),
    )
    assert texts(told) == [
        "The minister spoke.[1]",
        " ".join(QUOTATION),
        "The workers were silent.",
    ]
    assert [box.page for box in told[1].boxes] == [1, 1, 1, *[2] * len(QUOTATION[3:])]


@pytest.mark.parametrize("last", ["and it ended there.", "and so it"])
def test_after_a_full_stop_or_a_short_line_a_new_page_opens_a_new_paragraph(last: str) -> None:
    first = [*QUOTATION[:2], last]
    after = ["The workers were silent, and the reporter who had come with", "the minister left."]
    assert texts(read(lines(first, 40, 100), lines(after, 40, 100, page=2))) == [
        " ".join(first),
        " ".join(after),
    ]


def test_a_paragraph_set_in_from_both_edges_is_a_quotation() -> None:
    told = read(lines(LEFT, 40, 100) + lines(wrap(" ".join(RIGHT), 22), 80, 185))
    assert [block.text for block in told if block.quoted] == [" ".join(RIGHT)]


def test_an_indented_line_opens_a_paragraph_though_the_line_before_is_full() -> None:
    first = [
        "The ports counted more than ever before,",
        "because they began to count at night, as",
        "they were asked to do in the spring now.",
    ]
    second = ["Nobody had read it, but all of them used", "the figures."]
    placed = [
        line
        for row, text in enumerate([*first, *second])
        for line in lines(text, 55 if text in (first[0], second[0]) else 40, 100 + 12 * row)
    ]
    assert texts(read(placed)) == [" ".join(first), " ".join(second)]


def test_centred_lines_are_one_paragraph() -> None:
    centred = [
        "For those who stood in the snow",
        "that winter at the northern border",
        "and waited",
    ]
    placed = [
        line
        for row, text in enumerate(centred)
        for line in lines(text, 250 - 2.5 * len(text), 100 + 12 * row)
    ]
    assert texts(read(placed)) == [
        "For those who stood in the snow that winter at the northern border and waited"
    ]


def test_lines_set_wide_apart_are_one_paragraph() -> None:
    assert texts(read(lines(QUOTATION, 40, 100, leading=24))) == [" ".join(QUOTATION)]


def test_small_print_under_a_paragraph_is_a_block_of_its_own() -> None:
    small = "as it stood in the papers"
    assert texts(read(lines(QUOTATION[:3], 40, 100) + lines(small, 40, 136, 8))) == [
        " ".join(QUOTATION[:3]),
        small,
    ]


def test_a_dash_that_opens_a_line_within_a_sentence_stays_a_dash() -> None:
    sentence = [
        "The offices at the northern border",
        "– three of them count by hand – and",
        "the ports disagree.",
    ]
    assert texts(read(lines(sentence, 40, 100))) == [" ".join(sentence)]


# --- Words broken at a line's end ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "elsewhere", "word"),
    [
        ("infor-", "mation", "Nothing more.", "information"),
        ("infor‐", "mation", "Nothing more.", "information"),
        ("long-", "term", "They made a long-term plan.", "long-term"),
        ("long-", "term", "They made a long‐term plan.", "long-term"),
        ("long-", "term", "A long list, a longterm plan, and no term.", "longterm"),
        ("high-", "mindedness", "How high it was, and what mindedness.", "high-mindedness"),
        ("high-", "mindedness", "How high it was.", "highmindedness"),
        ("high-", "mindedness", "And what mindedness.", "highmindedness"),
        ("anti-", "Soviet", "Nothing more.", "anti-Soviet"),
        ("2018-", "2019", "Nothing more.", "2018-2019"),
        ("state-of-", "the", "Nothing more.", "state-of-the"),
        ("state-", "of-the-art", "Nothing more.", "state-of-the-art"),
        ("self-", "help", "Nothing more.", "self-help"),
        ("coal-", "based", "Nothing more.", "coal-based"),
        ("server‑", "side", "Nothing more.", "server‑side"),
        ("short-", "and long-term", "Nothing more.", "short- and long-term"),
        ("Getreide-", "und", "Nichts mehr.", "Getreide- und"),
    ],
)
def test_the_other_words_tell_whether_a_hyphen_at_a_line_end_belongs_to_its_word(
    first: str, second: str, elsewhere: str, word: str
) -> None:
    placed = lines([f"What the offices say of {first}", f"{second} in reports."], 40, 100)
    assert texts(read(placed + lines(elsewhere, 40, 160))) == [
        f"What the offices say of {word} in reports.",
        elsewhere,
    ]


def test_the_parts_of_a_broken_word_are_no_words_however_often_it_is_broken() -> None:
    placed = lines(
        ["What the offices say of infor-", "mation and who gives infor-", "mation."], 40, 100
    )
    assert texts(read(placed)) == ["What the offices say of information and who gives information."]


def test_a_broken_word_has_both_its_lines_boxed() -> None:
    (block,) = read(lines(["What the offices say of infor-", "mation is true."], 40, 100))
    assert [block.text[box.start : box.end] for box in block.boxes] == [
        "What the offices say of infor",
        "mation is true.",
    ]
