"""HTML of answers and reports, read as a browser would read it."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import ATTRIBUTES, HOSTILE, TAGS, Page

from rag.render.document_html import report_html
from rag.render.html import (
    answer_html,
    cited_html,
    conversation_html,
    draft_html,
    examples_html,
    trouble_html,
)
from rag.render.text import answer_text
from rag.types import (
    Answer,
    Box,
    Chunk,
    Citation,
    Document,
    Filter,
    Hit,
    Kind,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Seconds,
    Section,
    Sentence,
    Span,
)

# --- The HTML, read as a browser would ------------------------------------------------------------


def document_of(
    *blocks: str, kinds: Mapping[int, Kind] | None = None, name: str = "report"
) -> Document:
    """A document of blocks with blank lines between them.

    All are running text but those of `kinds`, by index.
    """
    starts = list(accumulate((len(block) + 2 for block in blocks), initial=0))
    paragraphs = []
    number = 0
    for index, block in enumerate(blocks):
        kind = (kinds or {}).get(index, "text")
        number += kind == "text"
        shown = number if kind == "text" else 0
        paragraphs.append(Paragraph(shown, kind, 0, starts[index], starts[index] + len(block)))
    text = "\n\n".join(blocks)
    return Document(
        name,
        f"{name}.txt",
        "",
        "A Title",
        "",
        "2024-05-01",
        text,
        (Section("", (), 0, len(text)),),
        tuple(paragraphs),
    )


def citation_of(document: Document, marker: int, start: int, end: int) -> Citation:
    return Citation(
        marker,
        document.name,
        document.title,
        "Trade",
        None,
        3,
        "Anna Berg",
        start,
        end,
        document.text[start:end],
        Note("8", "May.", 0, 0),
    )


def hit_of(document: Document, start: int, end: int) -> Hit:
    chunk = Chunk(
        document.name, 0, "Trade", 3, start, end, document.text[start:end], document.title
    )
    return Hit(chunk, document.title, 0.5, "both")


def answer_of(
    document: Document,
    *spans: tuple[int, int],
    question: str = "What of trade?",
    abstained: bool = False,
) -> Answer:
    citations = tuple(citation_of(document, marker, *span) for marker, span in enumerate(spans, 1))
    sentences = tuple(Sentence(f"Claim {c.marker}.", "supported", (c.marker,)) for c in citations)
    hits = (hit_of(document, 0, 10),)
    return Answer(
        question, "", abstained, "generated", sentences, citations, hits, Seconds(0.1, 0.2, 1.25)
    )


REPORT = document_of(
    "Trade rose by 30 percent.", '"We <sold> all we had," said Berg.', "Nothing else happened."
)


# --- Pure functions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 25)],
        [(0, 5), (11, 13)],
        [(0, 18), (6, 25)],  # overlapping
        [(0, 25), (6, 10), (6, 10)],  # one within another, two alike
        [(9, 40)],  # over the border of two paragraphs
        [(25, 27), (27, 61)],  # from border to border
        [(0, 85)],
    ],
)
def test_the_marked_words_of_each_citation_are_its_quote(spans: list[tuple[int, int]]) -> None:
    citations = [citation_of(REPORT, marker, *span) for marker, span in enumerate(spans, 1)]
    shown = Page(report_html(REPORT, citations, spans[-1]))
    assert [shown.text("mark", data_markers=str(c.marker)) for c in citations] == [
        c.quote for c in citations
    ]
    assert shown.text("mark", class_="current") == citations[-1].quote


blocks = st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6)


@given(blocks, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_a_report_shows_its_whole_text_and_every_quote_to_the_letter(
    texts: list[str], spans: list[tuple[int, int]]
) -> None:
    document = document_of(*texts)
    ordered = [
        (min(span), max(span)) for span in spans if min(span) < min(max(span), len(document.text))
    ]
    citations = [
        citation_of(document, marker, start, end) for marker, (start, end) in enumerate(ordered, 1)
    ]
    shown = Page(report_html(document, citations))
    assert shown.text("div", class_="text") == document.text
    assert [shown.text("mark", data_markers=str(c.marker)) for c in citations] == [
        c.quote for c in citations
    ]


def test_the_citations_of_other_documents_are_not_marked() -> None:
    other = replace(citation_of(REPORT, 1, 0, 5), document="another")
    assert "<mark" not in report_html(REPORT, [other])


def test_a_passage_that_is_opened_is_marked_without_a_number() -> None:
    shown = Page(report_html(REPORT, [citation_of(REPORT, 1, 0, 5)], (6, 10)))
    assert shown.text("mark", class_="current") == "rose"
    assert shown.attributes("data-markers") == ["1", ""]


def test_words_that_only_look_like_the_cited_ones_are_not_marked() -> None:
    document = document_of("Trade fell. Trade fell.", "İ Trade fell.")
    shown = report_html(document, [citation_of(document, 1, 12, 23)])
    assert '>Trade fell. <mark data-markers="1">Trade fell.</mark>' in shown
    assert shown.count("<mark") == 1


def test_headings_notes_furniture_and_speakers_are_shown_as_what_they_are() -> None:
    kinds: dict[int, Kind] = {0: "heading", 1: "heading", 2: "heading", 4: "furniture", 5: "note"}
    document = document_of(
        "A Title",
        "May 1, 2024",
        "Trade",
        '"We sold it."[8]',
        "Berg (Source: X)",
        "[8] Letter.",
        "So.",
        kinds=kinds,
    )
    quoted, note = document.paragraphs[3], document.paragraphs[5]
    document = replace(
        document,
        sections=(Section("", (), 0, 22), Section("Trade", ("Trade",), 22, len(document.text))),
        paragraphs=tuple(replace(p, section=int(p.start >= 22)) for p in document.paragraphs),
        quotations=(Quotation(quoted.start, quoted.end - 3, "Anna Berg", "", "8"),),
        references=(Reference("8", quoted.end - 3, quoted.end),),
        notes=(Note("8", "Letter.", note.start, note.end),),
    )
    shown = report_html(document)
    assert '<h3 class="title">A Title' in shown
    assert '<p class="dateline">May 1, 2024' in shown
    assert '<h4 id="section-1">Trade' in shown
    assert '<p data-number="1" data-speaker="Anna Berg">&quot;We sold it.&quot;' in shown
    assert (
        '<button type="button" class="reference" data-note="0" title="Letter.">[8]</button>'
        in shown
    )
    assert '<p class="furniture">Berg (Source: X)' in shown
    assert '<p class="note" data-note-text="0">[8] Letter.' in shown
    assert '<p data-number="2">So.</p>' in shown


def outlined(*paths: tuple[str, ...]) -> Document:
    """A document of a title, and of sections with these headings above each other that hold one
    paragraph each.
    """
    texts = ["A Title", *(text for path in paths for text in (path[-1], f"Of {path[-1]}."))]
    document = document_of(*texts, kinds=dict.fromkeys([0, *range(1, len(texts), 2)], "heading"))
    starts = [document.paragraphs[index].start for index in range(1, len(texts), 2)]
    ends = [*starts[1:], len(document.text)]
    sections = [
        Section(path[-1], path, start, end)
        for path, start, end in zip(paths, starts, ends, strict=True)
    ]
    return replace(
        document,
        sections=(Section("", (), 0, starts[0]), *sections),
        paragraphs=tuple(
            replace(p, section=(index + 1) // 2) for index, p in enumerate(document.paragraphs)
        ),
    )


def test_an_outline_leads_to_each_section_by_its_heading_as_deep_as_it_stands() -> None:
    shown = Page(
        report_html(
            outlined(
                ("Trade",),
                ("Trade", "Grain"),
                ("Trade", "Grain", "Rye"),
                ("Trade",) * 4,
                ("A Title",),
            )
        )
    )
    leads = [
        (a["data-section"], shown.text("button", data_section=a["data-section"]))
        for tag, a in shown.elements
        if "data-section" in a
    ]
    assert leads == [
        ("1", "Trade"),
        ("2", "Grain"),
        ("3", "Rye"),
        ("4", "Trade"),
        ("5", "A Title"),
    ]
    assert not shown.attributes("href"), "a link within the page would leave the conversation"
    assert shown.attributes("id") == [f"section-{n}" for n in range(1, 6)]
    assert [shown.text(id=f"section-{n}").strip() for n, _ in leads] == [
        heading for _, heading in leads
    ]
    assert [a["class"] for tag, a in shown.elements if tag == "li"] == [
        "depth-1",
        "depth-2",
        "depth-3",
        "depth-3",
        "depth-1",
    ]
    assert shown.text("summary") == "5 sections"
    assert "open" not in {name for tag, a in shown.elements if tag == "details" for name in a}


def test_a_report_without_headings_has_no_outline() -> None:
    assert not Page(report_html(REPORT)).attributes("data-section")
    assert "<details" not in report_html(REPORT)


def test_a_report_with_pages_says_how_many_and_where_its_sections_begin() -> None:
    document = outlined(("Trade",), ("Grain",))
    trade, grain = (section.start for section in document.sections[1:])
    boxes = (
        Box(0, trade, 1, 0, 0, 1, 1),
        Box(trade, grain, 2, 0, 0, 1, 1),
        Box(grain, len(document.text), 12, 0, 0, 1, 1),
    )
    shown = Page(report_html(replace(document, boxes=boxes, number="No. 7")))
    assert shown.text("ol") == "Trade p. 2Grain p. 12"
    assert "No. 7 · 2024-05-01 · 12 pages · report.txt" in shown.text("header")


def test_the_printed_page_of_a_span_is_shown_with_its_words_marked() -> None:
    lines = (
        Box(0, 10, 1, 0.1, 0.2, 0.9, 0.25),
        Box(10, 30, 2, 0.1, 0.1, 0.5, 0.15),
        Box(30, 61, 2, 0.1, 0.2, 0.9, 0.25),
    )
    paged = replace(REPORT, name="a/b ?&", boxes=lines)
    shown = Page(report_html(paged, current=(10, 61), library="my lib"))
    assert shown.attributes("src") == ["/v1/documents/a%2Fb%20%3F%26/pages/2.png?library=my%20lib"]
    assert shown.attributes("style") == [
        "left:10.00%;top:10.00%;width:40.00%;height:5.00%",
        "left:10.00%;top:20.00%;width:80.00%;height:5.00%",
    ]
    assert shown.text("figcaption").startswith("‹Page  of 2›")
    assert Page(report_html(REPORT, current=(12, 40))).attributes("src") == []
    first = Page(report_html(paged))
    assert first.attributes("src")[0].endswith("/pages/1.png?library="), "nothing is cited"
    assert first.attributes("style") == []


def test_on_a_printed_page_the_words_are_marked_and_not_their_line() -> None:
    document = document_of("iiiiiiiiii WWWWWWWWWW")
    paged = replace(document, boxes=(Box(0, 21, 1, 0.0, 0.5, 1.0, 0.55),))
    (style,) = Page(report_html(paged, current=(11, 21))).attributes("style")
    left, _, width, _ = (float(part.split(":")[1][:-1]) for part in style.split(";"))
    assert 20 < left < 33, "ten narrow letters take less room than ten wide ones"
    assert abs(left + width - 100) < 0.1


def test_the_marks_of_other_pages_wait_until_these_are_shown() -> None:
    lines = (Box(0, 25, 1, 0, 0, 1, 1), Box(27, 61, 2, 0, 0, 1, 1))
    paged = replace(REPORT, boxes=lines)
    citations = [citation_of(REPORT, 1, 0, 5), citation_of(REPORT, 2, 27, 61)]
    shown = Page(report_html(paged, citations, (27, 61)))
    marks = [a for tag, a in shown.elements if tag == "span" and "data-of" in a]
    assert [(a["data-page"], a["data-of"], "hidden" in a) for a in marks] == [
        ("1", "1", True),
        ("2", "2", False),
    ]


def test_the_short_answer_is_marked_in_the_quotation_and_in_the_text() -> None:
    cited = replace(citation_of(REPORT, 1, 0, 25), focus=Span(14, 24))
    answer = replace(answer_of(REPORT, (0, 25)), citations=(cited,))
    assert Page(answer_html(0, answer)).text("strong", class_="focus") == REPORT.text[14:24]
    shown = Page(report_html(REPORT, [cited], (0, 25)))
    assert shown.text("strong", class_="focus") == REPORT.text[14:24]
    assert shown.text("mark", class_="current") == cited.quote
    assert shown.attributes("data-markers") == ["1"], "one mark holds the whole quotation"


def test_a_report_is_in_the_language_it_states() -> None:
    assert Page(report_html(replace(REPORT, language="de-CH"))).attributes("lang") == ["de-CH"]
    assert Page(report_html(REPORT)).attributes("lang") == []


@pytest.mark.parametrize(
    ("only", "said"),
    [
        (Filter(), ""),
        (Filter(("report",)), "Only in 1 document"),
        (Filter(after="2023-03", before="2024"), "Only from 2023-03 · to 2024"),
        (
            Filter(("a", "b"), speaker="Berg", section="Trade"),
            "Only in 2 documents · where this speaker is quoted: Berg · under headings with Trade",
        ),
    ],
)
def test_an_answer_says_what_it_was_narrowed_down_to(only: Filter, said: str) -> None:
    answer = answer_of(REPORT, (0, 5))
    for shown in (draft_html(0, "Q", (), (), "Searching …", only), answer_html(0, answer, only)):
        assert Page(shown).text("p", class_="narrowed") == said
    assert (
        Page(answer_html(0, replace(answer, abstained=True), only)).text("p", class_="narrowed")
        == said
    )


def test_an_answer_leads_from_each_marker_and_footnote_to_the_words_it_rests_on() -> None:
    shown = Page(answer_html(0, answer_of(REPORT, (0, 5), (27, 61))))
    assert shown.text("p", class_="said") == "Claim 1.1 Claim 2.2"
    assert [shown.text("blockquote")] == [REPORT.text[0:5] + REPORT.text[27:61]]
    assert shown.text("summary") == "A Title (Trade, ¶3)Anna Berg" * 2 + "1 passage read, 1.2 s"
    assert "open" not in {name for tag, a in shown.elements if tag == "details" for name in a}
    assert shown.text("li", value="2").endswith("Note 8 of the document: May.Show in the document")
    opened = [a for tag, a in shown.elements if tag == "button" and a.get("data-marker") == "2"]
    assert [(a["data-document"], a["data-start"], a["data-end"]) for a in opened] == [
        ("report", "27", "61")
    ] * 2


def test_a_page_number_is_named_where_there_is_one() -> None:
    answer = answer_of(REPORT, (0, 5))
    paged = replace(answer, citations=(replace(answer.citations[0], page=12),))
    assert "A Title (Trade, p. 12, ¶3)" in answer_html(0, paged)


def test_a_sentence_that_is_not_wholly_supported_says_so() -> None:
    sentences = [
        Sentence("So.", "partly", (), "“30” is missing"),
        Sentence("No.", "unsupported", ()),
        Sentence("Yes.", "supported", ()),
    ]
    shown = Page(draft_html(0, "Q", (), sentences, "Stopped."))
    assert (
        shown.text("p", class_="said")
        == "So. (supported in part: “30” is missing) No. (not supported) Yes."
    )


def test_an_answer_that_abstains_shows_the_nearest_passages_as_such() -> None:
    told = "I found <no> passage."
    answer = replace(
        answer_of(REPORT, abstained=True), hits=(hit_of(REPORT, 0, 5),) * 5, declined=told
    )
    shown = Page(answer_html(0, answer))
    assert shown.text("section") == (
        f"What of trade?{told}Closest:" + "TradeA Title (Trade, ¶3)" * 3 + "Edit and ask again"
    )


def test_an_answer_is_copied_with_its_footnotes() -> None:
    answer = answer_of(REPORT, (0, 5), (27, 61))
    assert Page(answer_html(0, answer)).attributes("data-copy") == [answer_text(answer)]


def test_several_things_are_drawn_as_a_list_each_with_its_footnote() -> None:
    document = document_of("Trade", "Rye rose. Oats fell.")
    answer = replace(answer_of(document, (7, 16), (17, 27)), shape="list")
    assert Page(answer_html(0, answer)).text("ul", class_="said") == "Claim 1.1Claim 2.2"
    lines = Page(answer_html(0, replace(answer, shape="comparison")))
    assert lines.text("p", class_="lines") == "Claim 1.1 Claim 2.2"
    alone = Page(answer_html(0, replace(answer, sentences=answer.sentences[:1])))
    assert alone.text("p", class_="said") == "Claim 1.1", "one thing is no list"


def test_on_the_page_of_a_document_its_footnotes_do_not_repeat_its_title() -> None:
    document = replace(document_of("Trade", "Rye rose."), title="The Year")
    answer = answer_of(document, (7, 16))
    assert Page(answer_html(0, answer)).text("span", class_="place") == "The Year (Trade, ¶3)"
    assert Page(cited_html(answer)).text("span", class_="place") == "Trade, ¶3"


def test_what_stands_above_a_conversation_names_it_and_leads_out_of_it_once_it_is_kept() -> None:
    new = Page(conversation_html("a b", None, begun=False, trouble=""))
    assert [
        new.attributes(name) for name in ("data-library", "data-conversation", "hidden", "href")
    ] == [["a b"], [""], [""], []]
    kept = Page(conversation_html("a&b", 7, begun=True, trouble=""))
    assert kept.attributes("data-conversation") == ["7"]
    assert kept.attributes("href") == [
        f"/v1/conversations/7/export?kind={kind}&library=a%26b"
        for kind in ("docx", "md", "html", "json", "bib", "csl")
    ]
    lost = Page(conversation_html("a", None, begun=True, trouble="The disk is full."))
    assert lost.attributes("href") == []
    assert lost.text("p") == "The disk is full."


def test_a_draft_shows_numbers_that_lead_nowhere_yet_and_its_passages() -> None:
    shown = Page(
        draft_html(
            0,
            "Q",
            [hit_of(REPORT, 0, 5)],
            [Sentence("Trade rose.", "supported", (1,))],
            "Reading …",
        )
    )
    assert shown.text("section") == "QTrade rose.1Reading …TradeA Title (Trade, ¶3)"
    assert shown.attributes("data-start") == ["0"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_written_anywhere_becomes_markup(text: str) -> None:
    document = replace(
        document_of(
            text,
            text,
            f"Words. {text}",
            text,
            kinds={0: "heading", 1: "furniture", 3: "note"},
            name=text,
        ),
        file=text,
        title=text,
        date=text,
        dateline=text,
        number=text,
        language=text,
        sections=(Section(text, (text,), 0, 1),),
    )
    start, note = document.paragraphs[2].start, document.paragraphs[3]
    document = replace(
        document,
        quotations=(Quotation(start, note.start, text, text, text),),
        references=(Reference(text, start + 7, start + 7 + len(text)),),
        notes=(Note(text, text, note.start, note.end),),
    )
    cited = replace(
        citation_of(document, 1, start, start + 9),
        speaker=text,
        section=text,
        note=document.notes[0],
    )
    hit = Hit(replace(hit_of(document, 0, 9).chunk, section=text, text=text), text, 0.1, "both")
    sentence = Sentence(text, "partly", (1,), text)
    answer = replace(
        answer_of(document, question=text), sentences=(sentence,), citations=(cited,), hits=(hit,)
    )
    only = Filter((text,), text, text, text, text)
    pieces = [
        draft_html(0, text, [hit], [sentence], text, only),
        answer_html(0, answer, only),
        answer_html(0, replace(answer, abstained=True)),
        report_html(document, [cited], (cited.start, cited.end)),
        trouble_html(text),
        examples_html([text]),
    ]
    for piece in pieces:
        shown = Page(piece)
        assert {tag for tag, _ in shown.elements} <= TAGS
        assert {name for _, attributes in shown.elements for name in attributes} <= ATTRIBUTES
        assert text in "".join(part for part, _ in shown.texts), "the text itself is shown as it is"
        assert shown.attributes("href") == []
        assert shown.attributes("id") == ["section-0"] * (piece is pieces[3])
    report = Page(pieces[3])
    assert [set(report.attributes(name)) for name in ("data-document", "title", "lang")] == [
        {text, ""},
        {text, "Full width"},
        {text},
    ]
    assert report.text("ol") == text
    assert Page(pieces[0]).text("p", class_="narrowed").count(text) == 4
