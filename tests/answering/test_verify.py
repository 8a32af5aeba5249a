from collections.abc import Sequence
from dataclasses import replace

import pytest
from visit import CHUNK, DOCUMENT, EASY, HIT, MET, NEXT, SOURCES, TEXT, TRADE, span

from rag.answering.verify import Claim, attributed, check_sentence, restates, spoken_by
from rag.types import Chunk, Document, Evidence, Hit, Quotation, Source

LOST = "a negation of the source or of the answer is lost"
OPPOSITE = "the source says the opposite"
DOUBTFUL = "the source does not say so for certain"


def visit(_: str) -> Document:
    return DOCUMENT


def source(
    text: str, *, title: str = "Notes", section: str = "", quotations: Sequence[Quotation] = ()
) -> tuple[Source, Document]:
    """A source that is one sentence, and the document it is of."""
    document = replace(
        DOCUMENT, text=text, title=title, quotations=tuple(quotations), references=(), notes=()
    )
    hit = Hit(Chunk("notes", 0, section, 1, 0, len(text), text, title), title, 1.0, "both")
    return Source(1, hit, (Evidence(hit, 0, len(text), text, 0.9),)), document


def checked(claim: str, text: str, **beside: str) -> Claim:
    of, document = source(text, **beside)
    return check_sentence(claim, (of,), lambda _: document)


@pytest.mark.parametrize(
    ("claim", "verdict", "reason"),
    [
        ("Trade increased by 30 percent to a record $185 billion.", "supported", ""),
        ("Trade increased by thirty percent to a record of $185 billion.", "supported", ""),
        ("According to Vladimir Putin, trade increased by 30 percent.", "supported", ""),
        (
            "Trade increased by 40 percent to a record $185 billion.",
            "unsupported",
            "not in the sources: 40",
        ),
        (
            "Trade increased by 30 percent under Medvedev to a record $185 billion.",
            "unsupported",
            "not in the sources: Medvedev",
        ),
        ("Trade never increased by 30 percent to a record $185 billion.", "unsupported", LOST),
        ("It was easy.", "unsupported", LOST),
        ("Potatoes were cheap.", "unsupported", "no source says so"),
        (
            "Trade set a new record, set a new record, set a new record.",
            "unsupported",
            "repeats itself",
        ),
        (
            "How much did trade increase last year?",
            "unsupported",
            "says nothing beyond the question",
        ),
        ("…", "unsupported", "says nothing beyond the question"),
        (
            "Trade increased, exports boomed, a record set.",
            "partly",
            "67% of its words stand in the source",
        ),
    ],
)
def test_verdicts(claim: str, verdict: str, reason: str) -> None:
    checked = check_sentence(
        claim, SOURCES, visit, question="How much did trade increase last year?"
    )
    assert (checked.verdict, checked.reason) == (verdict, reason)
    assert bool(checked.evidence) == (verdict != "unsupported")


def test_a_claim_rests_on_the_sentence_that_says_it_not_on_a_similar_one() -> None:
    assert check_sentence(
        "Trade may well exceed $200 billion this year.", SOURCES, visit
    ).evidence == (NEXT,)


def test_a_claim_over_two_neighbouring_sentences_rests_on_both() -> None:
    claim = check_sentence(
        "Trade increased by 30 percent to a record of $185 billion, which was not easy.",
        SOURCES,
        visit,
    )
    assert (claim.verdict, claim.evidence) == ("supported", (TRADE, EASY))


def test_words_in_quotation_marks_keep_them_only_where_they_are_verbatim() -> None:
    kept = check_sentence(
        'He said trade would "well exceed $200 billion" this year.', SOURCES, visit
    )
    assert '"well exceed $200 billion"' in kept.text
    lost = check_sentence(
        'He said trade would "exceed $200 billion well" this year.', SOURCES, visit
    )
    assert '"' not in lost.text


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Chernyshenko met him at Vnukovo on March 3, 2006.", ""),
        ("Putin met Chernyshenko at Vnukovo on March 3, 2006.", "not in the sources: Putin"),
        (
            "Dmitry Peskov met Chernyshenko at Vnukovo on March 3, 2006.",
            "not in the sources: Dmitry, Peskov",
        ),
        ("NATO met Chernyshenko at Vnukovo on March 3, 2006.", "not in the sources: NATO"),
        ("Talks: he met Chernyshenko at Vnukovo on March 3, 2006.", ""),
    ],
)
def test_a_name_that_opens_a_claim_is_checked_too(claim: str, reason: str) -> None:
    other = Hit(CHUNK, "Other", 1.0, "both")
    elsewhere = Evidence(other, *span("Bovt disagreed."), "Then Putin spoke to Bovt.", 0.1)
    bare = Hit(Chunk("visit", 0, "", 1, 0, len(TEXT), TEXT, "The Visit"), "The Visit", 1.0, "both")
    met = Evidence(bare, MET.start, MET.end, MET.text, 0.4)
    assert (
        check_sentence(
            claim, (Source(1, bare, (met,)), Source(2, other, (elsewhere,))), visit
        ).reason
        == reason
    )


@pytest.mark.parametrize(
    ("claim", "source", "text"),
    [
        (
            "Trade increased by 30 percent.",
            TRADE,
            "According to Vladimir Putin, trade increased by 30 percent.",
        ),
        (
            "Last year brought a record.",
            TRADE,
            "According to Vladimir Putin, Last year brought a record.",
        ),
        ("Putin said that trade increased.", TRADE, "Putin said that trade increased."),
        ("The envoy met Chernyshenko.", MET, "The envoy met Chernyshenko."),
    ],
)
def test_what_somebody_is_quoted_with_stays_their_opinion(
    claim: str, source: Evidence, text: str
) -> None:
    assert attributed(Claim(claim, "supported", (source,)), visit).text == text


def test_words_in_the_first_person_of_somebody_quoted_are_no_claim() -> None:
    claim = attributed(Claim("We increased trade.", "supported", (TRADE,)), visit)
    assert (claim.verdict, claim.reason) == (
        "partly",
        "speaks in the first person of Vladimir Putin",
    )
    assert (
        attributed(Claim("Trade with the US increased.", "supported", (TRADE,)), visit).verdict
        == "supported"
    )


def test_no_sources_support_nothing() -> None:
    assert check_sentence("Trade rose.", (), visit).verdict == "unsupported"


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("Last year trade increased by 30 percent.", True),
        ("Trade increased by 30 percent last year.", True),
        ("Trade grew by 31 percent last year.", False),  # the short answer is lost
        ("Trade with Peru increased by 30 percent.", False),  # a name from nowhere
        ("Trade did not increase by 30 percent.", False),  # denied
        ("Trade fell by 30 percent.", False),  # the opposite, in a word from nowhere
        ("30 percent.", False),  # says nothing of what it is
    ],
)
def test_a_restatement_says_the_short_answer_and_nothing_from_elsewhere(
    claim: str, holds: bool
) -> None:
    assert restates(claim, "How much did trade increase?", "30 percent", [TRADE]) is holds


@pytest.mark.parametrize(
    ("claim", "text", "holds"),
    [
        ("The water board paid 412 crowns a year.", "A household paid 412 crowns a year.", False),
        ("A household paid 412 crowns a year.", "A household paid 412 crowns a year.", True),
        ("The water board paid 412 crowns a year.", "The board paid 412 crowns a year.", True),
        ("The water board paid 412 crowns a year.", "It paid 412 crowns a year.", True),
    ],
)
def test_a_restatement_keeps_the_subject(claim: str, text: str, holds: bool) -> None:
    (evidence,) = source(text, title="The water board")[0].sentences
    question = "What did the water board pay a year?"
    assert restates(claim, question, "412 crowns", [evidence]) is holds


def test_a_restatement_says_more_than_was_asked() -> None:
    claim = "The last year of trade was the last year."
    assert not restates(claim, "What was the last year of trade?", "last year", [TRADE])


def test_a_restatement_does_not_turn_around_who_did_it_to_whom() -> None:
    source = Evidence(HIT, 0, 22, "Ada Holm sued Bo Berg.", 0.9)
    question = "Whom did Ada Holm sue?"
    assert restates("Ada Holm sued Bo Berg.", question, "Bo Berg", [source])
    assert not restates("Bo Berg sued Ada Holm.", question, "Bo Berg", [source])


@pytest.mark.parametrize(
    ("claim", "text", "absent"),
    [
        ("The quay was opened in May 1998.", "The quay was opened in June 1998.", "May, 1998"),
        ("The quay was worth €30 million.", "The quay was worth $30 million.", "€30 million"),
        ("The quay was worth $30 million.", "The quay was worth $30 billion.", "$30 million"),
        ("The tram stops twenty-one times.", "The tram stops twenty-five times.", "twenty-one"),
        ("Wages rose by 15 percent.", "Wages rose by 1,5 percent.", "15"),
        ("It was signed on 3 June 2021.", "It was signed on 5 June 2021 in one of 3 halls.", "3"),
        ("It is the fourteenth bridge.", "It is the fifteenth bridge.", "fourteenth"),
        ("Theresa May met the council.", "Theresa Villiers met the council.", "May"),
        ("The WHO paid for the school.", "UNICEF paid for the school.", "WHO"),
    ],
)
def test_an_amount_a_date_or_a_name_that_no_source_holds_is_caught(
    claim: str, text: str, absent: str
) -> None:
    found = checked(claim, text)
    assert (found.verdict, found.reason) == ("unsupported", f"not in the sources: {absent}")


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("The quay was opened on 3 June 1998.", "The quay was opened on June 3, 1998."),
        ("The quay was opened in 1998.", "The quay was opened in June 1998."),
        ("The quay cost 30 million dollars.", "The quay cost $30 million."),
        ("Wages rose by 10 million crowns.", "Wages rose by 10 to 15 million crowns."),
        ("The tram stops twenty-one times.", "The tram stops 21 times."),
        ("Wages rose by 30%.", "Wages rose by thirty per cent."),
        ("May was wet in Marren.", "In Marren, May was wet."),
    ],
)
def test_an_amount_or_a_date_may_be_put_in_another_way(claim: str, text: str) -> None:
    assert checked(claim, text).verdict == "supported"


def test_title_and_section_bring_names_but_no_numbers() -> None:
    assert (
        checked("The Marren quay was closed.", "The quay was closed.", title="Marren").verdict
        == "supported"
    )
    dated = checked(
        "The quay was closed in 2023.",
        "The quay was closed in 2019.",
        title="Report of 2023",
        section="2023",
    )
    assert dated.reason == "not in the sources: 2023"


def test_a_name_or_number_of_the_next_sentence_is_not_put_into_this_one() -> None:
    text = (
        "The group closed its plant in Oslo in 2018. Its production moved to Gdansk. It sold 12"
        " ships."
    )
    of, document = source(text)
    spans = [
        (0, text.index(" Its")),
        (text.index("Its"), text.index(" It sold")),
        (text.index("It sold"), len(text)),
    ]
    whole = replace(
        of,
        sentences=tuple(Evidence(of.hit, start, end, text[start:end], 0.9) for start, end in spans),
    )
    found = check_sentence(
        "The group closed its plant in Gdansk in 2018.", (whole,), lambda _: document
    )
    assert found.reason == "the source says Gdansk of something else"
    assert (
        check_sentence(
            "The group moved its production to Gdansk.", (whole,), lambda _: document
        ).verdict
        == "supported"
    )
    assert (
        check_sentence(
            "The group closed its plant in Oslo, May.", (whole,), lambda _: document
        ).reason
        == "not in the sources: May"
    )


def test_only_the_speaker_of_a_sentence_is_part_of_it() -> None:
    assert (
        check_sentence(
            "According to Vladimir Putin, trade increased by 30 percent.", SOURCES, visit
        ).verdict
        == "supported"
    )
    assert (
        "Bovt"
        in check_sentence(
            "According to Georgy Bovt, trade increased by 30 percent.", SOURCES[:1], visit
        ).reason
    )


@pytest.mark.parametrize(
    ("claim", "text", "reason"),
    [
        ("Trade fell by 30 percent.", "Trade rose by 30 percent.", OPPOSITE),
        (
            "Imports of Swedish wool fell by 30 percent in 2020.",
            "Imports of Swedish wool rose by 30 percent in 2020.",
            OPPOSITE,
        ),
        (
            "The north quay was closed in the spring of 1998.",
            "The north quay was opened in the spring of 1998.",
            OPPOSITE,
        ),
        ("The minister resigned.", "The minister refused to resign.", LOST),
        ("The minister resigned.", "The minister denied that he had resigned.", LOST),
        ("The bank collapsed.", "The bank almost collapsed.", LOST),
        ("The members opposed it.", "Few members opposed it.", LOST),
        ("The members vote.", "The members shouldn't vote.", LOST),
        ("The port was dredged.", "The port, which was never dredged, closed.", LOST),
        ("Exports increased.", "Imports increased, but exports did not increase.", LOST),
        ("Trade exceeds $200 billion.", "Trade may well exceed $200 billion.", DOUBTFUL),
        ("The port closes.", "If it rains, the port closes.", DOUBTFUL),
        (
            "They arrested two men before the robbery.",
            "They arrested two men after the robbery.",
            OPPOSITE,
        ),
        ("All of the wool was sold.", "Most of the wool was sold.", OPPOSITE),
    ],
)
def test_what_a_source_denies_or_doubts_is_not_supported_by_it(
    claim: str, text: str, reason: str
) -> None:
    found = checked(claim, text)
    assert (found.verdict == "supported", found.reason) == (False, reason)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (
            "The company was founded in Oslo in 1998.",
            "The company, which never paid its workers, was founded in Oslo in 1998.",
        ),
        ("Trade rose in Marren.", "Not only in Oslo but also in Marren trade rose."),
        ("The quay is in Marren.", "Quay No. 5 is in Marren."),
        ("The minister did not resign.", "The minister refused to resign."),
        ("A few members opposed it.", "A few members opposed it in vain."),
        ("The plant was closed in 1998.", "The plant near Oslo was closed in 1998."),
        ("Revenue grew by 5%.", "Revenue grew by 5% and may grow further."),
        ("About 400 people came to the U.S.", "Almost 400 people came to the US."),
    ],
)
def test_a_negation_of_something_else_denies_nothing(claim: str, text: str) -> None:
    assert checked(claim, text).verdict == "supported"


def test_a_claim_may_rest_on_sentences_of_two_documents() -> None:
    one, document = source("Exports of wool rose by 30 percent in 2020.")
    other, _ = source("In 2021 exports of wool rose by 12 percent.")
    third, _ = source("In 2021 the price of bread rose by 14 percent.")
    apart = [
        replace(of, sentences=(replace(of.sentences[0], start=at, end=at + 9),))
        for at, of in ((0, one), (99, other))
    ]
    claim = "Exports of wool rose by 30 percent in 2020 and by 12 percent in 2021."
    found = check_sentence(claim, apart, lambda _: document)
    assert (found.verdict, [e.start for e in found.evidence]) == ("supported", [0, 99])
    assert (
        check_sentence(claim.replace("12", "14"), [apart[0], third], lambda _: document).verdict
        == "unsupported"
    )


def test_a_sentence_of_a_source_is_supported_whatever_its_words() -> None:
    text = "It was over by then, so we all did it again."
    assert checked(text, text).verdict == "supported"


@pytest.mark.parametrize(
    ("text", "said", "speaker", "claim", "told"),
    [
        (
            'Maxim Yusin said: "Russia has become a vassal of Beijing."',
            '"Russia has become a vassal of Beijing."',
            "Maxim Yusin",
            "Russia has become a vassal of Beijing.",
            "According to Maxim Yusin, Russia has become a vassal of Beijing.",
        ),
        (
            (
                '"We lost four years to a quarrel about sand," the harbour master, Piet Oort, told'
                " reporters."
            ),
            '"We lost four years to a quarrel about sand,"',
            "Piet Oort",
            "A quarrel about sand.",
            "According to Piet Oort, a quarrel about sand.",
        ),
        (
            "Maxim Yusin stated that Russia has become a vassal of Beijing.",
            "",
            "",
            "Russia has become a vassal of Beijing.",
            "According to Maxim Yusin, Russia has become a vassal of Beijing.",
        ),
        (
            "Maxim Yusin stated that Russia has become a vassal of Beijing.",
            "",
            "",
            "According to Maxim Yusin, Russia has become a vassal of Beijing.",
            "According to Maxim Yusin, Russia has become a vassal of Beijing.",
        ),
        (
            (
                "Maxim Yusin suggested that trade fell, and Georgy Bovt (2001) thought that it rose"
                " in May."
            ),
            "",
            "",
            "In May.",
            "In May.",
        ),
        (
            "The bridge is closed for the winter, the mayor said.",
            "",
            "",
            "The bridge is closed.",
            "According to the mayor, the bridge is closed.",
        ),
        (
            "Mayor Anna Lind told reporters on Monday that the new line added 30 jobs.",
            "",
            "",
            "The new line added 30 jobs.",
            "According to Mayor Anna Lind, the new line added 30 jobs.",
        ),
        (
            "Piet Oort said the quay would close, but the minister said the bridge would open.",
            "",
            "",
            "The bridge would open.",
            "According to the minister, the bridge would open.",
        ),
        (
            (
                "The announcement came a day after Marren Sports confirmed that it would open in"
                " March."
            ),
            "",
            "",
            "In March.",
            "In March.",
        ),
        (
            "Trade with China, the minister of trade added, rose.",
            "Trade with China, the minister of trade added, rose.",
            "the minister of trade",
            "Trade with China rose.",
            "According to the minister of trade, trade with China rose.",
        ),
        (
            "Maxim Yusin stated that Russia has become a vassal of Beijing.",
            "",
            "",
            "Maxim Yusin stated that Russia has become a vassal.",
            "Maxim Yusin stated that Russia has become a vassal.",
        ),
    ],
)
def test_what_somebody_says_in_a_sentence_stays_theirs(
    text: str, said: str, speaker: str, claim: str, told: str
) -> None:
    start = text.index(said)
    of, document = source(
        text, quotations=[Quotation(start, start + len(said), speaker, "", "")] if said else []
    )
    found = attributed(Claim(claim, "supported", of.sentences), lambda _: document)
    assert (found.text, found.verdict) == (told, "supported")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('"The whole harbour was lost to a quarrel about sand," one of them said.', 52),
        ("He claimed that the whole harbour was lost to a quarrel about sand.", 0),
    ],
)
def test_what_somebody_unnamed_says_is_no_fact(text: str, quoted: int) -> None:
    of, document = source(text, quotations=[Quotation(0, quoted, "", "", "")] if quoted else [])
    claim = Claim("The harbour was lost to a quarrel.", "supported", of.sentences)
    assert spoken_by(claim, lambda _: document) == ""
    assert attributed(claim, lambda _: document).verdict == "partly"


def test_a_title_in_quotation_marks_is_nobodys_words() -> None:
    text = 'They signed the "Treaty of Good Neighbourly Relations" in 1998.'
    start = text.index('"')
    of, document = source(text, quotations=[Quotation(start, text.rindex('"') + 1, "", "", "")])
    assert (
        spoken_by(
            Claim("The Treaty of Good Neighbourly Relations.", "supported", of.sentences),
            lambda _: document,
        )
        is None
    )


@pytest.mark.parametrize(
    ("claim", "question", "holds"),
    [
        ("The port paid 12 million crowns in 2023.", "What did the port pay in 2023?", True),
        ("The port paid 12 million crowns in 2024.", "What did the port pay in 2024?", False),
        ("Holm paid 12 million crowns.", "What did Holm pay?", True),
        ("Brandt paid 12 million crowns.", "What did Brandt pay?", False),
    ],
)
def test_a_year_or_a_name_of_the_question_must_stand_with_the_answer(
    claim: str, question: str, holds: bool
) -> None:
    text = "The port paid 12 million crowns. Ada Holm was its head."
    chunk = Chunk("report", 0, "", 1, 0, len(text), text, "The Port")
    hit = Hit(chunk, "The Port", 1.0, "both", "2023-05-01")
    shown = [Evidence(hit, 0, 32, text[:32], 0.9)]
    assert restates(claim, question, "12 million crowns", shown) is holds
