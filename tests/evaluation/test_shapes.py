import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.evaluation.shapes import (
    DOCUMENTS_FOLDER,
    PARTS,
    QUESTIONS_FILE,
    SHAPE_NAMES,
    ShapeQuestion,
    Support,
    is_compared,
    is_proved,
    is_right,
    list_precision,
    list_recall,
    measure_shape,
    read_shape_questions,
    report_shapes,
    share_of_sections,
    stated_verdict,
    states_direction,
)
from rag.reading.documents import read_document
from rag.types import Answer, Citation, Document, Seconds, Section, Sentence, Shape

SET = Path(__file__).parents[1] / "data" / "shapes"


# --- The set of the project -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked() -> tuple[ShapeQuestion, ...]:
    return read_shape_questions(SET)


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    read = map(read_document, (SET / DOCUMENTS_FOLDER).iterdir())
    return {document.name: document for document in read}


def test_every_support_stands_in_its_document_word_for_word(
    asked: tuple[ShapeQuestion, ...], documents: dict[str, Document]
) -> None:
    texts = {name: " ".join(document.text.split()) for name, document in documents.items()}
    missing = {
        question.id: support.text
        for question in asked
        for support in question.supports
        if support.text not in texts[support.document]
    }
    assert not missing


def test_twenty_questions_of_each_shape_are_answered_and_half_of_them_are_held_back(
    asked: tuple[ShapeQuestion, ...],
) -> None:
    for shape in SHAPE_NAMES:
        parts = [q.part for q in asked if q.shape == shape and not q.unanswerable]
        assert [parts.count(part) for part in PARTS] == [10, 10], shape


def test_each_shape_has_questions_that_nothing_answers_and_they_have_no_gold(
    asked: tuple[ShapeQuestion, ...],
) -> None:
    unanswerable = [question for question in asked if question.unanswerable]
    assert {question.shape for question in unanswerable} == set(SHAPE_NAMES)
    assert not any(question.gold or question.supports for question in unanswerable)


def test_each_answerable_question_has_what_its_shape_is_measured_by(
    asked: tuple[ShapeQuestion, ...], documents: dict[str, Document]
) -> None:
    for question in (question for question in asked if not question.unanswerable):
        assert question.gold
        assert all(question.gold), question.id
        assert bool(question.verdict) == (question.shape == "yes_no"), question.id
        sides = len(question.gold) if question.shape == "comparison" else 0
        assert len(question.sides) == sides, question.id
        assert bool(question.sections) == (question.shape == "overview"), question.id
        if question.sections:
            headings = {section.heading for section in documents[question.scope].sections}
            assert set(question.sections) <= headings, question.id


def test_each_item_of_a_list_stands_in_its_own_support(asked: tuple[ShapeQuestion, ...]) -> None:
    for question in asked:
        if question.shape == "list" and not question.unanswerable:
            quoted = [Sentence(s.text, "supported", (1,)) for s in question.supports]
            complete = replace(answer("All."), sentences=tuple(quoted))
            assert list_recall(question, complete) == 1, question.id
            assert list_precision(question, complete) == 1, question.id


# --- Reading a set --------------------------------------------------------------------------------

LINE: dict[str, Any] = {
    "id": "one",
    "shape": "fact",
    "question": "How deep is the well?",
    "gold": [["19 metres"]],
    "wrong": [],
    "support": [{"document": "wells", "text": "It is 19  metres deep."}],
    "part": "held",
    "abstain": False,
}


def write_questions(folder: Path, *lines: dict[str, Any]) -> Path:
    (folder / DOCUMENTS_FOLDER).mkdir()
    (folder / DOCUMENTS_FOLDER / "wells.txt").write_text("Wells\n\nIt is 19 metres deep.")
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (folder / QUESTIONS_FILE).write_text(text, encoding="utf-8")
    return folder


def test_a_line_becomes_a_question(tmp_path: Path) -> None:
    (question,) = read_shape_questions(write_questions(tmp_path, LINE))
    assert question == ShapeQuestion(
        id="one",
        shape="fact",
        text="How deep is the well?",
        gold=(("19 metres",),),
        wrong=(),
        supports=(Support("wells", "It is 19 metres deep."),),
        part="held",
        unanswerable=False,
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": "poem"}, "Line 2 of .* is not a question"),
        ({"part": "rest"}, "Line 2 of .* is not a question"),
        ({"gold": [1]}, "Line 2 of .* is not a question"),
        ({"support": ["It is 19 metres deep."]}, "Line 2 of .* is not a question"),
        ({"colour": "red"}, "Line 2 of .* is not a question"),
        ({"id": "one"}, "Line 2 of .* has the id 'one', which is there twice"),
        ({"scope": "rivers"}, "Line 2 of .* names the document 'rivers'"),
        ({"sides": [["wells"], ["seas"]]}, "Line 2 of .* names the document 'seas'"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    folder = write_questions(tmp_path, LINE, {**LINE, "id": "two", **change})
    with pytest.raises(UsageError, match=said):
        read_shape_questions(folder)


def test_a_folder_without_questions_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected the file questions\.jsonl"):
        read_shape_questions(tmp_path)


# --- One answer -----------------------------------------------------------------------------------


def make_question(shape: Shape, *gold: str, **more: Any) -> ShapeQuestion:
    wanted = tuple(tuple(each.split("|")) for each in gold)
    return ShapeQuestion("x", shape, "?", wanted, more.pop("wrong", ()), (), "tune", False, **more)


def cite(marker: int, document: str, quote: str = "words", start: int = 0) -> Citation:
    end = start + len(quote)
    return Citation(marker, document, "", "", None, 1, "", start, end, quote, None)


def answer(*sentences: str, shape: Shape = "fact", cited: tuple[Citation, ...] = ()) -> Answer:
    """An answer of sentences; each has the markers written at its end, "Trade rose.[1]"."""
    said = []
    for sentence in sentences:
        text, _, marker = sentence.partition("[")
        markers = (int(marker.rstrip("]")),) if marker else ()
        said.append(Sentence(text, "supported", markers))
    return Answer(
        "?",
        " ".join(sentences),
        not sentences,
        "extractive",
        tuple(said),
        cited,
        (),
        Seconds(0.1, 0.2, 0.3),
        shape=shape,
    )


def test_a_fact_is_right_where_all_that_is_wanted_is_said_and_nothing_wrong() -> None:
    question = make_question("fact", "four|4", "metres", wrong=("five",))
    assert is_right(question, answer("It is 4 metres deep.[1]"))
    assert not is_right(question, answer("It is 4 feet deep.[1]"))
    assert not is_right(question, answer("It is 4 metres deep, or five.[1]"))
    assert not is_right(question, answer())


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("No: the county refused it.", "No"),
        ("Yes, at any branch.", "Yes"),
        ("“No,” says Bovt.", "No"),
        ("Nobody was hurt.", ""),
        ("The county said no.", ""),
    ],
)
def test_a_verdict_is_the_first_word(said: str, verdict: str) -> None:
    assert stated_verdict(said) == verdict


def test_a_yes_no_question_needs_an_accepted_verdict_and_what_the_source_says() -> None:
    question = make_question("yes_no", "refused", verdict=("No",))
    assert is_right(question, answer("No: the county refused it.[1]"))
    assert not is_right(question, answer("Yes: the county refused it.[1]"))
    assert not is_right(question, answer("The county refused it.[1]"))
    assert not is_right(question, answer("No.[1]"))
    undecided = replace(question, verdict=("No", ""))
    assert is_right(undecided, answer("The county refused it.[1]"))


def test_an_answer_is_proved_by_a_citation_in_the_words_of_a_support() -> None:
    support = Support("wells", "It is 19 metres deep, and dry.")
    question = replace(make_question("fact", "19"), supports=(support,))

    def proved(cited: Citation) -> bool:
        return is_proved(question, answer("19.[1]", cited=(cited,)))

    assert proved(cite(1, "wells", "It is 19\nmetres deep"))
    assert proved(cite(1, "wells", "Go there. It is 19 metres deep, and dry. Bring water."))
    assert not proved(cite(1, "rivers", "It is 19 metres deep"))
    assert not proved(cite(1, "wells", "It is 20 metres deep"))
    assert not proved(cite(1, "wells", ""))


def test_a_list_is_measured_by_its_cited_sentences() -> None:
    question = make_question("list", "radios", "a drone|drones", "two stretchers", wrong=("boat",))
    given = answer(
        "They bought two stretchers and much else.",
        "Twelve radios.[1]",
        "A drone.[1]",
        "A boat and radios.[2]",
        "Nothing.[2]",
    )
    assert list_recall(question, given) == pytest.approx(2 / 3), "the stretchers are not cited"
    assert list_precision(question, given) == 0.5
    assert list_recall(question, answer()) == 0
    assert list_precision(question, answer("They bought radios.")) == 0


def test_a_comparison_needs_both_figures_each_from_its_own_document() -> None:
    question = make_question(
        "comparison", "87", "79", sides=(("y2022",), ("y2023", "both")), direction=("fewer",)
    )
    cited = (cite(1, "y2022"), cite(2, "y2023"), cite(3, "both"))

    def compared(*sentences: str) -> bool:
        return is_compared(question, answer(*sentences, shape="comparison", cited=cited))

    assert compared("87 calls in 2022.[1]", "79 in 2023.[2]")
    assert compared("87 calls in 2022.[1]", "79 in 2023.[3]")
    assert not compared("87 calls in 2022.[2]", "79 in 2023.[2]"), "cites the other document"
    assert not compared("87 calls in 2022.[1]"), "one side is missing"
    assert not compared("87 calls in 2022.[1]", "79 in 2023."), "nothing is cited"
    contradicted = answer("There were 87 calls.[1]", "Another says: 79.[2]", cited=cited)
    assert not is_compared(question, contradicted), "a fact, and what contradicts it"
    assert states_direction(question, answer("That is eight fewer."))
    assert not states_direction(question, answer("There were 87 and 79."))


def sectioned(*headings: str) -> Document:
    """A document of which each section has ten characters; "A/B" stands under "A"."""
    sections = tuple(
        Section(heading.split("/")[-1], tuple(heading.split("/")), at * 10, at * 10 + 10)
        for at, heading in enumerate(headings)
    )
    return Document("report", "report.md", "", "", "", "", "x" * 10 * len(headings), sections, ())


def test_an_overview_touches_the_sections_that_its_citations_stand_in() -> None:
    report = sectioned("Aims", "Results", "Results/Cost", "Method", "Thanks")
    wanted = ("Aims", "Results", "Method", "Thanks")
    question = make_question("overview", "report", scope="report", sections=wanted)

    def share(*starts: int, document: str = "report") -> float:
        cited = tuple(cite(n, document, "x", start) for n, start in enumerate(starts, 1))
        return share_of_sections(question, answer("It is.", cited=cited), {"report": report})

    assert share(0, 5) == 0.25, "one section, touched twice"
    assert share(9, 25, 30) == 0.75, "a section below one that is wanted counts for it"
    assert share(0, 10, 30, 40) == 1
    assert share(0, 10, document="another") == 0


def test_no_overview_need_touch_more_sections_than_it_has_sentences() -> None:
    headings = tuple(f"Part {n}" for n in range(16))
    question = make_question("overview", "x", scope="report", sections=headings)
    cited = tuple(cite(n + 1, "report", "x", n * 10) for n in range(8))
    share = share_of_sections(
        question, answer("It is.", cited=cited), {"report": sectioned(*headings)}
    )
    assert share == 1


def test_an_overview_is_brief_up_to_180_words_and_cited_in_every_sentence() -> None:
    question = make_question("overview", "x", scope="report", sections=("Aims",))

    def measured(*sentences: str) -> tuple[float, float]:
        values = measure_shape(question, answer(*sentences), {"report": sectioned("Aims")})
        return values["brief"], values["all_cited"]

    assert measured("word " * 179 + "end.[1]") == (1, 1)
    assert measured("word " * 180 + "end.[1]", "More.") == (0, 0)


def test_a_declined_answer_is_wrong_where_there_is_one_and_right_where_there_is_none() -> None:
    question = make_question("fact", "four")
    declined = measure_shape(question, answer(), {})
    assert declined == {"wrongly_declined": 1, "recognised": 1, "right": 0, "direct": 0}
    near = replace(question, gold=(), unanswerable=True)
    assert measure_shape(near, answer(), {}) == {"rightly_declined": 1}
    assert measure_shape(near, answer("It is.[1]"), {}) == {
        "rightly_declined": 0,
        "doubled": 0,
        "fragment": 1,
    }


# --- All answers ----------------------------------------------------------------------------------


def test_a_report_has_the_means_of_each_shape_that_was_asked() -> None:
    fact, unanswerable = make_question("fact", "four"), make_question("fact")
    unanswerable = replace(unanswerable, unanswerable=True)
    listed = make_question("list", "radios", "drone")
    asked = [
        (fact, answer("It is four metres deep.[1]")),
        (fact, answer("Five.[1]", shape="list")),
        (unanswerable, answer("Nobody knows it.[1]")),
        (listed, answer("Radios for all of them.[1]", "A boat.[1]", shape="list")),
    ]
    first, second = report_shapes(asked, {})
    assert (first.shape, first.questions, first.words) == ("fact", 2, 3), (
        "the words of all answers given"
    )
    assert first.figures == {
        "wrongly_declined": 0,
        "recognised": 0.5,
        "right": 0.5,
        "direct": 0.5,
        "doubled": 0,
        "fragment": pytest.approx(2 / 3),
        "rightly_declined": 0,
    }
    assert (second.shape, second.questions, second.words) == ("list", 1, 7)
    assert (second.figures["recall"], second.figures["precision"]) == (0.5, 0.5)
