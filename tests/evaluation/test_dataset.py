import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import PipelineWith

from rag.errors import UsageError
from rag.evaluation.dataset import (
    BLANK,
    CORPUS,
    QUESTIONS,
    cloze_questions,
    confirmed,
    make_set,
    read_set,
    sample,
)

HARBOUR = """The Harbour Report

The harbour authority paid 12 million crowns for dredging in the spring. Nobody was asked before.

It was Ada Holm who wrote to “the council of the town” about the sand that walks back every winter.
"""
DOCUMENT = {"doc_id": "harbour", "title": "The Harbour Report", "text": HARBOUR}
LINE: dict[str, Any] = {
    "id": "a",
    "question": "Who?",
    "answers": ["Ada"],
    "answerable": True,
    "gold_doc_ids": ["harbour"],
    "gold_passages": [" It was\nAda "],
    "gold_mode": "any",
}


def write(folder: Path, corpus: list[Any], questions: list[Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in ((CORPUS, corpus), (QUESTIONS, questions)):
        texts = (
            row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows
        )
        (folder / name).write_text("\n".join(texts), encoding="utf-8")
    return folder


# --- Reading --------------------------------------------------------------------------------------


def test_a_set_is_read_with_what_its_lines_leave_out(tmp_path: Path) -> None:
    separator = {**DOCUMENT, "text": "A line\u2028separator is no end of a line."}
    found = read_set(
        write(
            tmp_path / "mine",
            [separator, ""],
            [LINE, "", {**LINE, "id": "b", "meta": {}, "proposed": True}],
        )
    )
    assert (found.name, found.documents) == (
        "mine",
        {"harbour": ("The Harbour Report", separator["text"])},
    )
    first, second = found.questions
    assert (first.gold_texts, first.needs_all, first.type, first.history, first.proposed) == (
        ("It was Ada",),
        False,
        "",
        (),
        False,
    )
    assert second.proposed


@pytest.mark.parametrize(
    ("corpus", "questions", "message"),
    [
        ([], [LINE], r"corpus\.jsonl is empty; expected one JSON object a line"),
        ([DOCUMENT], [], r"questions\.jsonl is empty"),
        ([DOCUMENT, "{"], [LINE], r"Line 2 of .*corpus\.jsonl is not a JSON object"),
        ([DOCUMENT, "[" * 100_000], [LINE], r"Line 2 of .*corpus\.jsonl is not a JSON object"),
        ([[1]], [LINE], r"Line 1 of .*corpus\.jsonl is not a JSON object"),
        ([{"doc_id": "a", "title": "b"}], [LINE], r"Line 1 of .*corpus\.jsonl lacks 'text'"),
        (
            [DOCUMENT | {"colour": 1}],
            [LINE],
            r"Line 1 of .*corpus\.jsonl has the unknown key 'colour'",
        ),
        ([DOCUMENT | {"text": 7}], [LINE], r"needs a text under 'text'"),
        ([DOCUMENT, DOCUMENT], [LINE], r"Line 2 .* has the doc_id 'harbour', which is there twice"),
        (
            [DOCUMENT | {"doc_id": "../up"}],
            [LINE],
            r"has the doc_id '\.\./up', which cannot name a file",
        ),
        ([DOCUMENT | {"doc_id": "a\\b"}], [LINE], r"cannot name a file"),
        (
            [DOCUMENT],
            ["", LINE, LINE],
            r"Line 3 of .*questions\.jsonl has the id 'a', which is there twice",
        ),
        ([DOCUMENT], [LINE | {"answerable": None}], r"needs true or false under 'answerable'"),
        ([DOCUMENT], [LINE | {"answers": "Ada"}], r"needs a list under 'answers'"),
        ([DOCUMENT], [LINE | {"answers": [1]}], r"has a list of other things than texts"),
        (
            [DOCUMENT],
            [LINE | {"gold_mode": "some"}],
            r"has the gold_mode 'some' instead of 'any' or 'all'",
        ),
        (
            [DOCUMENT],
            [LINE | {"history": [{"role": "system", "text": "x"}]}],
            r"has a history of other things",
        ),
        (
            [DOCUMENT],
            [LINE | {"gold_doc_ids": ["b"]}],
            r"names the document 'b', which corpus\.jsonl lacks",
        ),
        ([DOCUMENT], [LINE | {"golden": 1}], r"has the unknown key 'golden'"),
    ],
)
def test_a_set_that_is_none_gets_one_clear_sentence(
    tmp_path: Path, corpus: list[Any], questions: list[Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_set(write(tmp_path / "set", corpus, questions))


def test_a_missing_file_is_named_and_so_is_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"corpus\.jsonl cannot be read \(No such file or directory\); a set is a folder",
    ):
        read_set(tmp_path / "nowhere")
    folder = write(tmp_path / "set", [DOCUMENT], [LINE])
    (folder / QUESTIONS).write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"questions\.jsonl cannot be read \(not UTF-8\)"):
        read_set(folder)


def test_what_is_only_proposed_is_left_out_and_alone_no_set(tmp_path: Path) -> None:
    found = read_set(
        write(tmp_path / "set", [DOCUMENT], [LINE, {**LINE, "id": "b", "proposed": True}])
    )
    assert [question.id for question in confirmed(found).questions] == ["a"]
    with pytest.raises(UsageError, match=r"All 1 questions of 'set' are marked \"proposed\""):
        confirmed(replace(found, questions=found.questions[1:]))


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order(tmp_path: Path) -> None:
    whole = read_set(
        write(tmp_path / "set", [DOCUMENT], [{**LINE, "id": f"{n:02}"} for n in range(40)])
    )
    ids = [question.id for question in sample(whole, 5, 0).questions]
    assert len(set(ids)) == 5
    assert ids == sorted(ids)
    assert sample(whole, 5, 0) == sample(whole, 5, 0)
    assert sample(whole, 5, 1) != sample(whole, 5, 0)
    assert sample(whole, 40, 0) == whole


# --- Making ---------------------------------------------------------------------------------------


def test_a_cloze_question_leaves_out_a_number_else_a_name(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    made = {
        line["answers"][0]: line for line in cloze_questions([pipeline.document("harbour")], 10, 0)
    }
    assert set(made) == {"12", "Ada Holm"}
    assert (
        made["12"]["question"]
        == "What is missing: ‘The harbour authority paid ____ million crowns for dredging in the "
        "spring.’?"
    )
    assert (
        made["Ada Holm"]["question"]
        == "What is missing: ‘It was ____ who wrote to the council of the …’?"
    )
    assert made["12"]["gold_passages"] == [
        "The harbour authority paid 12 million crowns for dredging in the spring."
    ]


def test_a_number_that_the_sentence_repeats_is_not_asked_for(pipeline_with: PipelineWith) -> None:
    text = (
        "The Count\n\nThe council met 14 times in the year and all 14 meetings took under 9 hours."
    )
    document = pipeline_with({"count.txt": text}).document("count")
    made = [next(cloze_questions([document], 1, seed)) for seed in range(8)]
    assert {line["answers"][0] for line in made} == {"9"}


def test_no_cloze_question_gives_its_answer_away_or_demands_a_phrase(
    pipeline_with: PipelineWith,
) -> None:
    samples = Path(__file__).parents[2] / "samples"
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(samples.glob("*.txt"))}
    pipeline = pipeline_with(texts)
    documents = [pipeline.document(info.name) for info in pipeline.library.documents()]
    made = list(cloze_questions(documents, 40, 0))
    assert len(made) == 40
    for line in made:
        (answer,), (sentence,) = line["answers"], line["gold_passages"]
        assert answer in sentence
        assert not re.search(rf"\b{re.escape(answer)}\b", line["question"])
        assert line["question"].count(BLANK) == 1
        assert not re.search('["“”„«»]', line["question"])
        assert pipeline.search(line["question"]), "the blank was demanded as a word of a phrase"
    assert made == list(cloze_questions(documents, 40, 0))
    assert made != list(cloze_questions(documents, 40, 1))


def test_a_set_that_was_made_is_one_that_can_be_read(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    assert make_set(pipeline, tmp_path / "new" / "set", None, 1, 0) == 1
    found = read_set(tmp_path / "new" / "set")
    assert found.documents == {"harbour": ("The Harbour Report", pipeline.document("harbour").text)}
    assert [(question.id, question.type, question.proposed) for question in found.questions] == [
        ("cloze-001", "cloze", False)
    ]


def test_typed_questions_get_what_the_product_cites_as_a_proposal(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    typed = [
        "The harbour authority paid what for dredging?",
        "Which painter decorated the Sistine Chapel ceiling?",
    ]
    assert make_set(pipeline, tmp_path / "set", typed, 100, 0) == 2
    paid, painter = read_set(tmp_path / "set").questions
    assert (paid.text, paid.answers, paid.answerable, paid.proposed) == (typed[0], (), True, True)
    assert (
        "The harbour authority paid 12 million crowns for dredging in the spring."
        in paid.gold_texts[0]
    )
    assert (painter.answerable, painter.gold_texts, painter.gold_documents, painter.proposed) == (
        False,
        (),
        (),
        True,
    )


@pytest.mark.parametrize("name", [CORPUS, QUESTIONS])
def test_a_set_is_never_written_over_another_file(
    pipeline_with: PipelineWith, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"{name} is there already and was left as it is"):
        make_set(pipeline_with({"harbour.txt": HARBOUR}), tmp_path, None, 10, 0)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert [path.name for path in tmp_path.glob("*.jsonl*")] == [name]


def test_where_nothing_can_be_asked_or_written_no_set_is_made(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="Nothing to ask was found"):
        make_set(
            pipeline_with({"plain.txt": "Plain\n\nnothing here is named."}),
            tmp_path / "set",
            None,
            10,
            0,
        )
    assert not (tmp_path / "set").exists()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"The set cannot be written to .*file"):
        make_set(pipeline_with({"harbour.txt": HARBOUR}), tmp_path / "file" / "set", None, 10, 0)
