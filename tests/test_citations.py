from dataclasses import replace

import pytest

from rag.citations import BRIEF, Claim, attributed, chance, check, cite, claims, copies, markers, phrase, quoted, render
from rag.types import Box, Chunk, Document, Evidence, Hit, Note, Paragraph, Piece, Quotation, Reference, Section, Source

TEXT = (
    "Putin stated:\n\n"
    '"Last year, trade increased by 30 percent to set a new record of $185 billion.[8] It was not easy.\n\n'
    '"This year, trade may well exceed $200 billion."[9]\n\n'
    "Bovt disagreed. He met Chernyshenko at Vnukovo on March 3, 2006 [sic]."
)


def span(words: str) -> tuple[int, int]:
    start = TEXT.index(words)
    return start, start + len(words)


DOCUMENT = Document(
    name="visit",
    file="visit.txt",
    sha256="0" * 64,
    title="The Visit",
    dateline="",
    date="",
    text=TEXT,
    sections=(Section("", (), 0, len(TEXT)),),
    paragraphs=tuple(Paragraph(number, "text", 0, *span(block)) for number, block in enumerate(TEXT.split("\n\n"), 1)),
    quotations=(Quotation(TEXT.index('"Last'), TEXT.index("[9]"), "Vladimir Putin", "Putin stated:", "9"),),
    references=(Reference("8", *span("[8]")), Reference("9", *span("[9]"))),
    notes=(Note("8", "Kremlin.ru, March 21, 2023.", 0, 0), Note("9", "Kremlin.ru, March 22, 2023.", 0, 0)),
)
CHUNK = Chunk("visit", 0, "", 1, 0, len(TEXT), TEXT, "The Visit. Vladimir Putin")
HIT = Hit(CHUNK, "The Visit", 1.0, "both")


def evidence(words: str, score: float = 0.9) -> Evidence:
    return Evidence(HIT, *span(words), words, score)


TRADE = evidence("Last year, trade increased by 30 percent to set a new record of $185 billion.[8]")
EASY = evidence("It was not easy.", 0.2)
NEXT = evidence('"This year, trade may well exceed $200 billion."[9]', 0.5)
MET = evidence("He met Chernyshenko at Vnukovo on March 3, 2006 [sic].", 0.4)
LOST = "a negation of the source or of the answer is lost"
SOURCES = (Source(1, HIT, (TRADE, EASY)), Source(2, HIT, (NEXT,)), Source(3, HIT, (MET,)))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Trade rose.[1]", (1,)),
        ("Trade rose.[1][3]", (1, 3)),
        ("Trade rose [3, 1].", (3, 1)),
        ("Trade rose [1–3].", (1, 2, 3)),
        ("Trade rose [1-2] and fell [2].", (1, 2)),
        ("Zero is not a source [0], nor is what was not offered [4][12].", ()),
        ("A year is not a marker [2019], nor a word [sic], nor [...].", ()),
        ("No sources come from a range without end [1-999].", (1, 2, 3)),
        ("", ()),
    ],
)  # fmt: skip
def test_only_offered_markers_are_markers(text: str, numbers: tuple[int, ...]) -> None:
    assert markers(text, offered=3) == numbers


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Trade rose.[1] It fell later.[2][3]", ["Trade rose.", "It fell later."]),
        ("Trade rose [1, 2]. It fell [0].", ["Trade rose.", "It fell."]),
        ("Trade rose ([1]).", ["Trade rose."]),
        ("[1] Trade rose in the U.S. by 5 p.m. on Monday.", ["Trade rose in the U.S. by 5 p.m. on Monday."]),
        ("He said so (Al-Jazeera TV, March 3, 2006).", ["He said so (Al-Jazeera TV, March 3, 2006)."]),
        ("It was [than expected] slow [...] and late.", ["It was [than expected] slow [...] and late."]),
        ("[1]", []),
        ("", []),
    ],
)
def test_claims_are_the_sentences_without_markers_or_debris(text: str, sentences: list[str]) -> None:
    assert claims(text) == sentences


@pytest.mark.parametrize(
    ("claim", "verdict", "reason"),
    [
        ("Trade increased by 30 percent to a record $185 billion.", "supported", ""),
        ("Trade increased by thirty percent to a record of $185 billion.", "supported", ""),
        ("According to Vladimir Putin, trade increased by 30 percent.", "supported", ""),
        ("Trade increased by 40 percent to a record $185 billion.", "unsupported", "not in the sources: 40"),
        ("Trade increased by 30 percent under Medvedev to a record $185 billion.", "unsupported", "not in the sources: Medvedev"),
        ("Trade never increased by 30 percent to a record $185 billion.", "unsupported", LOST),
        ("It was easy.", "unsupported", LOST),
        ("Potatoes were cheap.", "unsupported", "no source says so"),
        ("Trade set a new record, set a new record, set a new record.", "unsupported", "repeats itself"),
        ("How much did trade increase last year?", "unsupported", "says nothing beyond the question"),
        ("…", "unsupported", "says nothing beyond the question"),
        ("Trade increased, exports boomed, a record set.", "partly", "67% of its words stand in the source"),
    ],
)  # fmt: skip
def test_verdicts(claim: str, verdict: str, reason: str) -> None:
    checked = check(claim, SOURCES, question="How much did trade increase last year?")
    assert (checked.verdict, checked.reason) == (verdict, reason)
    assert bool(checked.evidence) == (verdict != "unsupported")


def test_a_claim_rests_on_the_sentence_that_says_it_not_on_a_similar_one() -> None:
    assert check("Trade may well exceed $200 billion this year.", SOURCES).evidence == (NEXT,)


def test_a_claim_over_two_neighbouring_sentences_rests_on_both() -> None:
    claim = check("Trade increased by 30 percent to a record of $185 billion, which was not easy.", SOURCES)
    assert (claim.verdict, claim.evidence) == ("supported", (TRADE, EASY))


def test_words_in_quotation_marks_keep_them_only_where_they_are_verbatim() -> None:
    kept = check('He said trade would "well exceed $200 billion" this year.', SOURCES)
    assert '"well exceed $200 billion"' in kept.text
    lost = check('He said trade would "exceed $200 billion well" this year.', SOURCES)
    assert '"' not in lost.text


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Chernyshenko met him at Vnukovo on March 3, 2006.", ""),
        ("Putin met Chernyshenko at Vnukovo on March 3, 2006.", "not in the sources: Putin"),
        ("Dmitry Peskov met Chernyshenko at Vnukovo on March 3, 2006.", "not in the sources: Dmitry, Peskov"),
        ("NATO met Chernyshenko at Vnukovo on March 3, 2006.", "not in the sources: NATO"),
        ("Talks: he met Chernyshenko at Vnukovo on March 3, 2006.", ""),
    ],
)
def test_a_name_that_opens_a_claim_is_checked_too(claim: str, reason: str) -> None:
    other = Hit(CHUNK, "Other", 1.0, "both")
    elsewhere = Evidence(other, *span("Bovt disagreed."), "Then Putin spoke to Bovt.", 0.1)
    bare = Hit(Chunk("visit", 0, "", 1, 0, len(TEXT), TEXT, "The Visit"), "The Visit", 1.0, "both")
    met = Evidence(bare, MET.start, MET.end, MET.text, 0.4)
    assert check(claim, (Source(1, bare, (met,)), Source(2, other, (elsewhere,)))).reason == reason


@pytest.mark.parametrize(
    ("claim", "source", "text"),
    [
        ("Trade increased by 30 percent.", TRADE, "According to Vladimir Putin, trade increased by 30 percent."),
        ("Last year brought a record.", TRADE, "According to Vladimir Putin, Last year brought a record."),
        ("Putin said that trade increased.", TRADE, "Putin said that trade increased."),
        ("The envoy met Chernyshenko.", MET, "The envoy met Chernyshenko."),
    ],
)
def test_what_somebody_is_quoted_with_stays_their_opinion(claim: str, source: Evidence, text: str) -> None:
    assert attributed(Claim(claim, "supported", (source,)), lambda _: DOCUMENT).text == text


def test_words_in_the_first_person_of_somebody_quoted_are_no_claim() -> None:
    claim = attributed(Claim("We increased trade.", "supported", (TRADE,)), lambda _: DOCUMENT)
    assert (claim.verdict, claim.evidence) == ("unsupported", ())


def test_no_sources_support_nothing() -> None:
    assert check("Trade rose.", ()).verdict == "unsupported"


def test_quotes_are_exact_and_carry_paragraph_speaker_and_note() -> None:
    sentences, (citation,) = cite([Claim("Trade rose.", "supported", (TRADE,))], lambda _: DOCUMENT)
    assert citation.quote == "Last year, trade increased by 30 percent to set a new record of $185 billion."
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
    statements = [Claim("B.", "supported", (MET,)), Claim("A.", "supported", (TRADE,)), Claim("C.", "supported", (MET, TRADE))]
    sentences, citations = cite(statements, lambda _: DOCUMENT)
    assert render(sentences) == "B.[1] A.[2] C.[1][2]"
    assert [c.quote[:6] for c in citations] == ["He met", "Last y"]


def test_neighbouring_sentences_become_one_span() -> None:
    sentences, (citation,) = cite([Claim("A.", "supported", (TRADE,)), Claim("B.", "supported", (EASY,))], lambda _: DOCUMENT)
    assert citation.quote == TEXT[TRADE.start : EASY.end]
    assert render(sentences) == "A.[1] B.[1]"


def test_an_unsupported_claim_gets_no_marker() -> None:
    sentences, citations = cite([Claim("A.", "unsupported", (), "no source says so")], lambda _: DOCUMENT)
    assert (render(sentences), citations) == ("A.", ())


def test_a_quoted_sentence_keeps_its_speaker_and_loses_the_reports_own_marker() -> None:
    said, told = quoted([NEXT, MET], lambda _: DOCUMENT)
    assert said == Claim("Vladimir Putin: “This year, trade may well exceed $200 billion.”", "supported", (NEXT,))
    assert told == Claim("He met Chernyshenko at Vnukovo on March 3, 2006 [sic].", "supported", (MET,))


def test_sentences_that_follow_one_another_in_a_quotation_are_quoted_together() -> None:
    (together,) = quoted([TRADE, EASY], lambda _: DOCUMENT)
    words = "Last year, trade increased by 30 percent to set a new record of $185 billion. It was not easy."
    assert together == Claim(f"Vladimir Putin: “{words}”", "supported", (TRADE, EASY))
    assert len(quoted([EASY, TRADE], lambda _: DOCUMENT)) == 2


def test_of_a_sentence_that_is_quoted_in_part_is_told_where_it_goes_on() -> None:
    text = 'The port was dredged in May; the quay, built in 1902, was left as it was. Its harbour master said: "We can wait."'
    document = replace(DOCUMENT, text=text, quotations=(), references=(), paragraphs=(Paragraph(1, "text", 0, 0, len(text)),))
    first, second, last = (
        Evidence(HIT, text.index(words), text.index(words) + len(words), words, 0.9)
        for words in ("The port was dredged in May;", "the quay, built in 1902, was left as it was.", '"We can wait."')
    )
    assert [claim.text for claim in quoted([first], lambda _: document)] == ["The port was dredged in May …"]
    assert [claim.text for claim in quoted([second], lambda _: document)] == ["… the quay, built in 1902, was left as it was."]
    assert [claim.text for claim in quoted([last], lambda _: document)] == ['"We can wait."']
    (whole,) = quoted([first, second], lambda _: document)
    assert whole == Claim(text[: text.index(" Its")], "supported", (first, second))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("30 percent [1]", "30 percent."),
        ("a new record of $185 billion [1]", "A new record of $185 billion."),
        ("TRADE increased", "TRADE increased."),
        ("31 percent [1]", None),
        ("30 percent [1] It was not easy.", None),
        ("trade $185 billion", None),
        (" [1]", None),
    ],
)
def test_a_phrase_is_a_claim_where_its_words_stand_together_in_the_sentence(text: str, told: str | None) -> None:
    claim = phrase(text, TRADE)
    assert (claim and claim.text) == told
    assert claim is None or claim.evidence == (TRADE,)


def test_the_chance_of_words_is_that_of_all_before_the_marker() -> None:
    pieces = [Piece(" seventeen", 0.5), Piece(" times", 0.5), Piece(" [", 0.1), Piece("1", 0.1), Piece("]", 0.1)]
    assert chance(pieces) == 0.25
    assert chance(pieces[:2]) == 0.25
    assert chance([]) == 1


def test_a_phrase_is_brief() -> None:
    text = " ".join(f"word{n}" for n in range(40))
    long = Evidence(HIT, 0, len(text), text, 0.9)
    assert phrase(" ".join(text.split()[:BRIEF]), long)
    assert phrase(" ".join(text.split()[: BRIEF + 1]), long) is None


def test_a_claim_that_copies_its_source_is_told_from_one_that_says_it_shorter() -> None:
    assert copies(Claim("Last year trade increased by 30 percent to set a new record of $185 billion", "supported", (TRADE,)))
    assert copies(Claim("It was not easy.", "supported", (TRADE, EASY)))
    assert not copies(Claim("Trade increased by 30 percent.", "supported", (TRADE,)))
    assert not copies(Claim("A record was set: trade increased by 30 percent last year to $185 billion.", "supported", (TRADE,)))
