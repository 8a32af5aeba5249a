"""The shapes through the whole pipeline, with models whose outcome one can compute by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import PipelineWith

from rag.render.html import answer_html
from rag.render.text import answer_text
from rag.types import Shape

AUDIT = """# Audit of the ferry fund

By Ada Holm, 14 May 2024

## Findings

The fund paid 12 million crowns for two ferries. Nobody compared the prices of other yards.

The manager, Rolf Enger, wrote: "We had no time to ask another yard for its price."

Later the chair, Petra Olin, wrote: "A fund that does not ask pays twice for each ferry."

## Recommendations

The audit makes four recommendations:

- ask three yards for a price;
- keep a register of gifts;
- publish the number of late ferries; and
- sell the old ferry.

## Ferries

The ferry Alba has 40 seats. The ferry Brisa has 55 seats. The old ferry is not safe.

Each of the two new ferries crosses the sound six times a day in summer.
"""


@pytest.mark.parametrize(
    ("question", "shape", "answer"),
    [
        (
            "Which recommendations does the audit make?",
            "list",
            "ask three yards for a price[1]\nkeep a register of gifts[2]\n"
            "publish the number of late ferries[3]\nsell the old ferry.[4]",
        ),
        ("Who is quoted in audit.md?", "list", "Rolf Enger[1]\nPetra Olin[2]"),
        ("Is the old ferry safe?", "yes_no", "No: The old ferry is not safe.[1]"),
        (
            "Compare the seats of the ferry Alba and the ferry Brisa",
            "comparison",
            "Ferry Alba: The ferry Alba has 40 seats.[1]\n"
            "Ferry Brisa: The ferry Brisa has 55 seats.[1]\n"
            "Ferry Brisa is 15 higher than Ferry Alba (our subtraction).[1]",
        ),
        (
            "How many documents are in the library?",
            "about",
            "The library holds 1 document, by the library's own record.",
        ),
        (
            "When was the audit of the ferry fund published?",
            "about",
            "“Audit of the ferry fund” is dated 14 May 2024.[1]",
        ),
        (
            "Which reports mention a register?",
            "about",
            "“Audit of the ferry fund” (14 May 2024)[1]",
        ),
    ],
)
def test_an_answer_has_the_shape_of_its_question(
    question: str, shape: Shape, answer: str, pipeline_with: PipelineWith
) -> None:
    given = pipeline_with({"audit.md": AUDIT}).ask(question)
    assert (given.shape, given.answer) == (shape, answer)


def test_every_footnote_of_a_shape_quotes_the_document(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"audit.md": AUDIT})
    text = pipeline.document("audit").text
    for question in ("Summarise the audit", "Which recommendations does the audit make?"):
        citations = pipeline.ask(question).citations
        assert citations
        assert all(text[c.start : c.end] == c.quote for c in citations)


def test_an_overview_names_the_document_and_touches_its_sections(
    pipeline_with: PipelineWith,
) -> None:
    answer = pipeline_with({"audit.md": AUDIT}).ask("Summarise the audit of the ferry fund")
    assert answer.shape == "overview"
    assert answer.sentences[0].text == "“Audit of the ferry fund”, 14 May 2024."
    assert {c.section for c in answer.citations} >= {"Findings", "Ferries"}
    assert all(sentence.markers for sentence in answer.sentences)


def test_a_document_that_is_named_is_looked_in_before_all_others(
    pipeline_with: PipelineWith,
) -> None:
    files = {
        f"{name}.txt": f"The {name} report\n\nThe society answered {calls} calls last year."
        for name, calls in (("alpha", 903), ("beta", 988))
    }
    answer = pipeline_with(files).ask("How many calls did beta.txt count?", certainty=0.0)
    assert answer.citations[0].document == "beta"


def test_what_no_shape_answers_is_declined(pipeline_with: PipelineWith) -> None:
    answer = pipeline_with({"audit.md": AUDIT}).ask("Compare helicopters and submarines")
    assert answer.abstained
    assert answer.answer == ""


def test_the_things_of_a_list_stand_in_lines_of_their_own(pipeline_with: PipelineWith) -> None:
    answer = pipeline_with({"audit.md": AUDIT}).ask("Which recommendations does the audit make?")
    said = answer_html(1, answer).partition('<ul class="said')[2].partition("</ul>")[0]
    assert said.count("<li") == len(answer.sentences)
    assert answer_text(answer).startswith("ask three yards for a price[1]\nkeep a register")


def test_a_note_on_an_answer_is_shown(pipeline_with: PipelineWith) -> None:
    answer = pipeline_with({"audit.md": AUDIT}).ask("Is the old ferry safe?")
    noted = replace(answer, notes=("Only <half> was read.",))
    assert "Only &lt;half&gt; was read." in answer_html(1, noted)
    assert "\n\nOnly <half> was read.\n\n" in answer_text(noted)


def test_a_slip_of_the_pen_is_put_right_and_told(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"audit.md": AUDIT})
    embedder = pipeline.models.embedder
    embedder.count_tokens = lambda text: 2 * len(text.split())  # type: ignore[method-assign]
    answer = pipeline.ask("Is the old fery safe?", certainty=0.0)
    assert answer.notes == ()  # a word of four letters is like too many
    answer = pipeline.ask("Which recomendations does the audit make?", certainty=0.0)
    assert answer.notes == ("No document has “recomendations”; searched for “recommendations”.",)
    assert answer.shape == "list"


def test_a_document_that_is_added_later_is_counted_by_the_next_question(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"audit.md": AUDIT})
    question = "How many documents are in the library?"
    assert "holds 1 document," in pipeline.ask(question).answer
    later = tmp_path / "later.txt"
    later.write_text("The Later Report\n\nNothing happened.", encoding="utf-8")
    assert [added.outcome for added in pipeline.add([later])] == ["added"]
    assert "holds 2 documents," in pipeline.ask(question).answer


def test_the_row_that_a_question_names_answers_with_the_value_it_asks_for(
    pipeline_with: PipelineWith,
) -> None:
    fares = (
        "Route,Season,Adult fare,Car fare\nArden - Holm,May,12.50,48.00\n"
        "Arden - Holm,July,16.00,61.00\nHolm - Vik,July,11.50,44.00\n"
    )
    pipeline = pipeline_with({"fares.csv": fares})
    answer = pipeline.ask("What does an adult pay from Arden to Holm in July?", certainty=0.0)
    (citation,) = answer.citations
    assert citation.quote == "Route: Arden - Holm · Season: July · Adult fare: 16.00"
    assert citation.focus
    text = pipeline.document("fares").text
    assert text[citation.focus.start : citation.focus.end] == "16.00"
    assert "61.00" not in answer.answer


def test_what_was_not_read_is_told_of_a_list_and_not_of_the_fact_given_instead(
    pipeline_with: PipelineWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = pipeline_with({"audit.md": AUDIT})
    for most, shape in ((1, "fact"), (2, "list")):
        monkeypatch.setattr("rag.answering.shapes.lists._MAX_READ", most)
        answer = pipeline.ask("Which seats does the ferry of audit.md have?", certainty=0.05)
        assert (answer.shape, len(answer.notes)) == (shape, shape == "list"), answer.answer
