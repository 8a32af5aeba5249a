from dataclasses import replace

import pytest
from visit import DOCUMENT, EASY, HIT, MET, NEXT, TEXT, TRADE, span

from rag.answering.citations import cite, claims, quoted, render
from rag.answering.verify import Claim
from rag.types import Box, Evidence, Paragraph


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Trade rose.[1] It fell later.[2][3]", ["Trade rose.", "It fell later."]),
        ("Trade rose [1, 2]. It fell [0].", ["Trade rose.", "It fell."]),
        ("Trade rose ([1]).", ["Trade rose."]),
        ("Trade rose (see [1] and [2, 3]).", ["Trade rose."]),
        ("Trade[^1], [1], and wool rose[1–3].[12]", ["Trade, and wool rose."]),
        ("The function main() takes x[] and a[n].", ["The function main() takes x[] and a[n]."]),
        (
            "[1] Trade rose in the U.S. by 5 p.m. on Monday.",
            ["Trade rose in the U.S. by 5 p.m. on Monday."],
        ),
        (
            "He said so (Al-Jazeera TV, March 3, 2006).",
            ["He said so (Al-Jazeera TV, March 3, 2006)."],
        ),
        (
            "It was [than expected] slow [...] and late.",
            ["It was [than expected] slow [...] and late."],
        ),
        ("[1]", []),
        ("", []),
    ],
)
def test_claims_are_the_sentences_without_markers_or_debris(
    text: str, sentences: list[str]
) -> None:
    assert claims(text) == sentences


def test_quotes_are_exact_and_carry_paragraph_speaker_and_note() -> None:
    sentences, (citation,) = cite([Claim("Trade rose.", "supported", (TRADE,))], lambda _: DOCUMENT)
    assert (
        citation.quote
        == "Last year, trade increased by 30 percent to set a new record of $185 billion."
    )
    assert TEXT[citation.start : citation.end] == citation.quote
    assert (citation.marker, citation.paragraph, citation.speaker) == (1, 2, "Vladimir Putin")
    assert render(sentences) == "Trade rose.[1]"


def test_a_citation_names_the_page_its_words_begin_on() -> None:
    lines = [("Putin stated:", 1), (TRADE.text, 2), (NEXT.text, 3)]
    boxes = tuple(Box(*span(words), page, 0.1, 0.1, 0.9, 0.2) for words, page in lines)
    claims = [Claim("A.", "supported", (TRADE,)), Claim("B.", "supported", (NEXT,))]
    _, citations = cite(claims, lambda _: replace(DOCUMENT, boxes=boxes))
    assert [citation.page for citation in citations] == [2, 3]
    assert [citation.page for citation in cite(claims, lambda _: DOCUMENT)[1]] == [None, None]


def test_citations_are_numbered_by_first_use_and_each_span_once() -> None:
    statements = [
        Claim("B.", "supported", (MET,)),
        Claim("A.", "supported", (TRADE,)),
        Claim("C.", "supported", (MET, TRADE)),
    ]
    sentences, citations = cite(statements, lambda _: DOCUMENT)
    assert render(sentences) == "B.[1] A.[2] C.[1][2]"
    assert [c.quote[:6] for c in citations] == ["He met", "Last y"]


def test_neighbouring_sentences_become_one_span() -> None:
    sentences, (citation,) = cite(
        [Claim("A.", "supported", (TRADE,)), Claim("B.", "supported", (EASY,))], lambda _: DOCUMENT
    )
    assert citation.quote == TEXT[TRADE.start : EASY.end]
    assert render(sentences) == "A.[1] B.[1]"


def test_an_unsupported_claim_gets_no_marker() -> None:
    sentences, citations = cite(
        [Claim("A.", "unsupported", (), "no source says so")], lambda _: DOCUMENT
    )
    assert (render(sentences), citations) == ("A.", ())


def test_a_quoted_sentence_keeps_its_speaker_and_loses_the_reports_own_marker() -> None:
    said, told = quoted([NEXT, MET], lambda _: DOCUMENT)
    assert said == Claim(
        "Vladimir Putin: “This year, trade may well exceed $200 billion.”", "supported", (NEXT,)
    )
    assert told == Claim(
        "He met Chernyshenko at Vnukovo on March 3, 2006 [sic].", "supported", (MET,)
    )


def test_sentences_that_follow_one_another_in_a_quotation_are_quoted_together() -> None:
    (together,) = quoted([TRADE, EASY], lambda _: DOCUMENT)
    words = (
        "Last year, trade increased by 30 percent to set a new record of $185 billion. It was not"
        " easy."
    )
    assert together == Claim(f"Vladimir Putin: “{words}”", "supported", (TRADE, EASY))
    assert len(quoted([EASY, TRADE], lambda _: DOCUMENT)) == 2


def test_of_a_sentence_that_is_quoted_in_part_is_told_where_it_goes_on() -> None:
    text = (
        "The port was dredged in May; the quay, built in 1902, was left as it was. Its harbour"
        ' master said: "We can wait."'
    )
    document = replace(
        DOCUMENT,
        text=text,
        quotations=(),
        references=(),
        paragraphs=(Paragraph(1, "text", 0, 0, len(text)),),
    )
    first, second, last = (
        Evidence(HIT, text.index(words), text.index(words) + len(words), words, 0.9)
        for words in (
            "The port was dredged in May;",
            "the quay, built in 1902, was left as it was.",
            '"We can wait."',
        )
    )
    assert [claim.text for claim in quoted([first], lambda _: document)] == [
        "The port was dredged in May…"
    ]
    assert [claim.text for claim in quoted([second], lambda _: document)] == [
        "… the quay, built in 1902, was left as it was."
    ]
    assert [claim.text for claim in quoted([last], lambda _: document)] == ['"We can wait."']
    (whole,) = quoted([first, second], lambda _: document)
    assert whole == Claim(text[: text.index(" Its")], "supported", (first, second))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'It was a quarrel about sand," the mayor told us.',
            '"It was a quarrel about sand," the mayor told us.',
        ),
        (
            "It was a quarrel about sand,” the mayor told us.",
            "“It was a quarrel about sand,” the mayor told us.",
        ),
        ('The mayor told us: "It was a quarrel', 'The mayor told us: "It was a quarrel"'),
        ('Pipes of 5" are used.', 'Pipes of 5" are used.'),
        ('"The mayor told us so.', "The mayor told us so."),
        ('He said "no" and "never".', 'He said "no" and "never".'),
        ("The function main() takes no list.", "The function main() takes no list."),
    ],
)
def test_quotation_marks_of_a_quoted_sentence_are_pairs(text: str, shown: str) -> None:
    document = replace(
        DOCUMENT,
        text=text,
        quotations=(),
        references=(),
        paragraphs=(Paragraph(1, "text", 0, 0, len(text)),),
    )
    (claim,) = quoted([Evidence(HIT, 0, len(text), text, 0.9)], lambda _: document)
    assert claim.text == shown
