import importlib.util
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import FakeModels
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rag.config import Settings
from rag.errors import UsageError
from rag.evaluation.dataset import CORPUS, QUESTIONS, EvaluationSet, read_set, sample
from rag.evaluation.metrics import (
    Prediction,
    Report,
    as_report,
    figure,
    is_correct,
    measure,
    percentiles,
    report,
    run,
)
from rag.render.json import answer_json
from rag.types import Answer, Chunk, Citation, Hit, Seconds

SHARED = Path(__file__).parents[3] / "shared" / "eval"

HARBOUR = (
    "The harbour authority paid 12 million crowns for dredging. Nobody was asked before the ships came back to the quay in May."
    "\n\nThe silt returns every winter, and the authority pays again for sand that walks back into the basin with the tide."
)
TRAINS = "The night train to Brennau stops seventeen times between the coast and the capital of the country.\n\nIt leaves at nine."


def line(id: str, question: str, answers: Sequence[str], **gold: Any) -> dict[str, Any]:
    """A line of questions.jsonl; answerable where it has a gold text or document."""
    documents, passages = gold.pop("documents", []), gold.pop("passages", [])
    return {
        "id": id,
        "question": question,
        "answers": list(answers),
        "answerable": bool(documents),
        "gold_doc_ids": documents,
        "gold_passages": passages,
        "gold_mode": "any",
        "type": "made-up",
        **gold,
    }


LINES = [
    line(
        "paid",
        "the harbour authority paid how much for dredging",
        ["12 million crowns", "a fortune"],
        documents=["harbour"],
        passages=["The harbour authority paid 12 million crowns for dredging."],
    ),
    line("stops", "the night train to Brennau stops how often", ["twice"], documents=["trains"]),
    line(
        "both",
        "When leaves the night train, and what returns every winter?",
        ["The silt returns every winter and it leaves at nine as ever before"],
        documents=["harbour", "trains"],
        passages=[
            "It leaves at nine.",
            "The silt returns every winter",
            "Words that no document holds.",
        ],
        gold_mode="all",
    ),
    line(
        "whole",
        "who was asked before the ships came back",
        [],
        documents=["harbour"],
        passages=[f"{HARBOUR} {HARBOUR}"],
    ),
    line(
        "follow",
        "when?",
        ["nine"],
        documents=["trains"],
        history=[{"role": "user", "text": "the night train to Brennau"}],
    ),
    line("chapel", "Who painted the ceiling of a chapel?", [], type="far"),
    line("near", "What was paid for the night train to Brennau?", [], type="near"),
    line(
        "bare",
        "what does the authority say of sand in the basin",
        ["tide"],
        documents=["harbour"],
        type="",
    ),
]
DOCUMENTS = {
    "harbour": ("The Harbour Report", HARBOUR),
    "trains": ("Night Trains", f"Night Trains\n\n{TRAINS}"),
}


def write_set(folder: Path, lines: Sequence[Mapping[str, Any]] = LINES) -> Path:
    folder.mkdir(exist_ok=True)
    corpus = [
        {"doc_id": name, "title": title, "text": text} for name, (title, text) in DOCUMENTS.items()
    ]
    for name, rows in ((CORPUS, corpus), (QUESTIONS, lines)):
        (folder / name).write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
    return folder


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings without a language model.

    Temporary folders go below tmp_path/temporary.
    """
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return Settings(tmp_path / "indexes", "mine", model=None, embeddings="", generate=False)


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


def hit(document: str, text: str) -> Hit:
    return Hit(Chunk(document, 0, "", 1, 0, len(text), text, ""), "", 0.1, "both")


def citation(document: str, quote: str) -> Citation:
    return Citation(1, document, "", "", None, 1, "", 0, len(quote), quote, None)


def answer(text: str, hits: Sequence[Hit] = (), citations: Sequence[Citation] = ()) -> Answer:
    return Answer(
        "?", text, not text, "extractive", (), tuple(citations), tuple(hits), Seconds(0.1, 0.2, 0.3)
    )


# --- The figures, by hand -----------------------------------------------------------------------------------------


@pytest.fixture
def questions(tmp_path: Path) -> dict[str, Any]:
    return {question.id: question for question in read_set(write_set(tmp_path / "set")).questions}


TEXTS = {name: " ".join(f"{title} {text}".split()) for name, (title, text) in DOCUMENTS.items()}


def test_one_of_three_needed_texts_on_ranks_two_and_four(questions: dict[str, Any]) -> None:
    hits = (
        hit("x", "no"),
        hit("trains", "It  leaves\nat nine."),
        hit("x", "no"),
        hit("harbour", "The silt returns every winter"),
    )
    values = measure(Prediction(questions["both"], hits, 0.1, None), TEXTS)
    assert values == {
        "recall@1": 0,
        "recall@3": pytest.approx(1 / 3),
        "recall@5": pytest.approx(2 / 3),
        "recall@10": pytest.approx(2 / 3),
        "mrr@10": 1 / 2,
        "ndcg@10": pytest.approx((0.63093 + 0.43068) / (1 + 0.63093 + 0.5), abs=1e-5),
    }


def test_where_any_text_will_do_the_first_hit_decides(questions: dict[str, Any]) -> None:
    hits = (hit("x", "no"), hit("trains", "a"), hit("harbour", "b"))
    either = replace(questions["stops"], gold_documents=("harbour", "trains"))
    values = measure(Prediction(either, hits, 0.1, None), TEXTS)
    assert (values["recall@1"], values["recall@3"], values["mrr@10"], values["ndcg@10"]) == (
        0,
        1,
        1 / 2,
        pytest.approx(0.63093),
    )


def test_two_needed_texts_in_one_hit_are_no_more_than_perfect(questions: dict[str, Any]) -> None:
    two = replace(questions["both"], gold_texts=questions["both"].gold_texts[:2])
    values = measure(
        Prediction(two, (hit("x", "It leaves at nine. The silt returns every winter"),), 0.1, None),
        TEXTS,
    )
    assert (values["recall@1"], values["ndcg@10"]) == (1, 1)


def test_a_piece_of_a_long_gold_passage_counts_in_its_own_document_only(
    questions: dict[str, Any],
) -> None:
    piece = HARBOUR[:125]
    found = [
        measure(Prediction(questions["whole"], (hit(name, piece),), 0.1, None), TEXTS)["recall@1"]
        for name in DOCUMENTS
    ]
    assert found == [1, 0]
    assert (
        measure(Prediction(questions["whole"], (hit("harbour", HARBOUR[:110]),), 0.1, None), TEXTS)[
            "recall@1"
        ]
        == 0
    )


def test_citations_count_where_their_words_stand_and_support(questions: dict[str, Any]) -> None:
    cited = [
        citation("harbour", "paid 12 million crowns"),
        citation("harbour", "Nobody was asked"),
        citation("trains", "invented"),
    ]
    values = measure(
        Prediction(questions["paid"], (), 0.1, answer("It paid 12 million crowns.[1]", (), cited)),
        TEXTS,
    )
    assert {
        name: values[name]
        for name in ("cited", "quotes_verbatim", "citation_precision", "citation_recall", "correct")
    } == {
        "cited": 1,
        "quotes_verbatim": pytest.approx(2 / 3),
        "citation_precision": pytest.approx(1 / 3),
        "citation_recall": 1,
        "correct": 1,
    }
    assert values["f1"] == pytest.approx(2 * 3 / (5 + 3))


def test_abstaining_is_wrong_or_right_by_the_question(questions: dict[str, Any]) -> None:
    wrong = measure(Prediction(questions["paid"], (), 0.1, answer("")), TEXTS)
    assert (wrong["wrongly_abstained"], wrong["correct"], wrong["f1"]) == (1, 0, 0)
    assert "cited" not in wrong
    right = measure(Prediction(questions["near"], (), 0.1, answer("")), TEXTS)
    assert right == {"rightly_abstained": 1, "rightly_abstained:near": 1}


@pytest.mark.parametrize(
    ("said", "golds", "correct"),
    [
        ("The “12 million”, crowns.[1]", ["12 million crowns"], True),
        ("12 crowns, a million", ["12 million crowns"], False),
        ("112 million crowns", ["12 million"], False),
        ("word " * 58 + "the 12 million", ["a 12 million"], True),
        ("word " * 59 + "the 12 million", ["a 12 million"], False),
        ("one two three four five six", ["one two three four five six seven eight nine ten"], True),
        ("one two three four five", ["one two three four five six seven eight nine ten"], False),
        ("yes", ["no", "Yes!"], True),
    ],
)
def test_an_answer_is_correct_where_it_says_a_gold_answer(
    said: str, golds: list[str], correct: bool
) -> None:
    assert is_correct(said, golds) == correct


def test_the_interval_is_that_of_the_normal_approximation_and_always_the_same() -> None:
    found = figure([0.0, 1.0] * 200)
    assert (found.value, found.questions) == (0.5, 400)
    assert (found.low, found.high) == (
        pytest.approx(0.451, abs=0.005),
        pytest.approx(0.549, abs=0.005),
    )
    assert found == figure([0.0, 1.0] * 200)
    assert figure([1.0] * 7) == (1, 1, 1, 7)


def test_percentiles_are_of_what_was_measured() -> None:
    assert percentiles([1.0]) == (1, 1)
    assert percentiles([float(n) for n in range(101)]) == (50, 95)


# --- A run --------------------------------------------------------------------------------------------------------


def test_a_run_asks_every_question_of_the_set(tmp_path: Path, settings: Settings) -> None:
    evaluation = read_set(write_set(tmp_path / "set"))
    said: list[tuple[str, int, int]] = []
    predictions = list(
        run(evaluation, settings, FakeModels(), False, lambda *step: said.append(step))
    )
    assert [prediction.question.id for prediction in predictions] == [
        str(row["id"]) for row in LINES
    ]
    assert said == [
        *(("documents", n, 2) for n in (1, 2)),
        *(("questions", n, 8) for n in range(1, 9)),
    ]
    found = report(evaluation, predictions)
    assert (found.set, found.questions, found.answerable, found.unanswerable) == ("set", 8, 6, 2)
    assert found.figures["rightly_abstained:far"] == (1, 1, 1, 1)
    assert found.figures["quotes_verbatim"].value == 1
    assert predictions[4].hits[0].chunk.document == "trains", "the history was not used"
    assert set(found.seconds) == {"retrieve", "first", "total"}


def test_with_retrieval_only_nothing_is_answered(tmp_path: Path, settings: Settings) -> None:
    evaluation = read_set(write_set(tmp_path / "set"))
    predictions = list(run(evaluation, settings, FakeModels(), True, quiet))
    assert {prediction.answer for prediction in predictions} == {None}
    assert predictions[4].hits[0].chunk.document == "trains", "the history was not used"
    found = report(evaluation, predictions)
    assert set(found.figures) == {
        "recall@1",
        "recall@3",
        "recall@5",
        "recall@10",
        "mrr@10",
        "ndcg@10",
    }
    assert found.figures["recall@10"].questions == 6
    assert (found.answer_words_median, set(found.seconds)) == (None, {"retrieve"})


def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path, settings: Settings) -> None:
    running = run(read_set(write_set(tmp_path / "set")), settings, FakeModels(), True, quiet)
    next(running)
    assert list((tmp_path / "temporary").iterdir())
    running.close()
    assert not list((tmp_path / "temporary").iterdir())
    assert not settings.indexes.exists()


def test_a_document_that_cannot_be_read_stops_the_run(tmp_path: Path, settings: Settings) -> None:
    evaluation = replace(read_set(write_set(tmp_path / "set")), documents={"blank": ("", "  \n ")})
    with pytest.raises(
        UsageError, match=r"A document of the set 'set' cannot be used: blank\.txt is empty"
    ):
        list(run(evaluation, settings, FakeModels(), True, quiet))


@pytest.mark.parametrize(
    ("text", "report_text"),
    [
        ("Xi's visit was long.", "Xi's Visit\n\nXi's visit was long."),
        ("Xi's Visit\n\nIt was long.", "Xi's Visit\n\nIt was long."),
        (
            "March 24, 2023\n\n Xi's   Visit \n\nIt was long.",
            "March 24, 2023\n\n Xi's   Visit \n\nIt was long.",
        ),
        (
            "It was long. " * 30 + "\nXi's Visit\n",
            "Xi's Visit\n\n" + "It was long. " * 30 + "\nXi's Visit\n",
        ),
    ],
)
def test_a_title_is_written_once(text: str, report_text: str) -> None:
    assert as_report("Xi's Visit", text) == report_text


# --- Agreement with the reference scorer ---------------------------------------------------------------------------

Score = Callable[[Path, list[dict[str, Any]], dict[str, Any]], dict[str, float]]


@pytest.fixture(scope="module")
def score() -> Score:
    """The function of the reference scorer."""
    if not (SHARED / "score.py").is_file():
        pytest.skip(f"NOT CHECKED against the reference scorer: there is no {SHARED / 'score.py'}")
    spec = importlib.util.spec_from_file_location("score", SHARED / "score.py")
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Score = module.score
    return found


def assert_agreement(
    score: Score, folder: Path, evaluation: EvaluationSet, predictions: Sequence[Prediction]
) -> None:
    """Every figure of the reference scorer is ours, to its four digits."""
    rows = [
        json.loads(text)
        for text in (folder / QUESTIONS).read_text(encoding="utf-8").split("\n")
        if text
    ]
    asked = {prediction.question.id: prediction for prediction in predictions}
    written = {
        id: json.loads(json.dumps({"id": id, **answer_json(prediction.answer)}))
        for id, prediction in asked.items()
        if prediction.answer
    }
    expected = score(folder, [row for row in rows if row["id"] in asked], written)
    expected.pop("balanced", None)
    assert {name: value for name, value in expected.items() if value is not None} == {
        name: pytest.approx(value, abs=6e-5)
        for name, value in flat(report(evaluation, predictions)).items()
    }


def flat(found: Report) -> dict[str, float]:
    figures = {name: value.value for name, value in found.figures.items() if name != "ndcg@10"}
    words = (
        {}
        if found.answer_words_median is None
        else {"answer_words_median": found.answer_words_median}
    )
    counts = {
        "questions": found.questions,
        "answerable": found.answerable,
        "unanswerable": found.unanswerable,
    }
    return figures | words | counts


def test_a_made_up_set_gets_the_figures_of_the_reference_scorer(
    tmp_path: Path, settings: Settings, score: Score
) -> None:
    folder = write_set(tmp_path / "set")
    evaluation = read_set(folder)
    assert_agreement(
        score, folder, evaluation, list(run(evaluation, settings, FakeModels(), False, quiet))
    )


PIECES = [
    "The silt returns every winter",
    "It leaves at nine.",
    "12 million crowns",
    "the",
    "a word",
    "tide",
    HARBOUR,
    "[1]",
    "–",
    "",
]
texts = st.lists(st.sampled_from(PIECES), max_size=4).map(" ".join)
names = st.sampled_from([*DOCUMENTS, "unknown"])
answers = st.builds(
    answer,
    texts,
    st.lists(st.builds(hit, names, texts), max_size=10),
    st.lists(st.builds(citation, names, texts), max_size=3),
)


@hypothesis_settings(max_examples=40)
@given(said=st.lists(answers, min_size=len(LINES), max_size=len(LINES)))
def test_whatever_was_said_gets_the_figures_of_the_reference_scorer(
    said: list[Answer], score: Score, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write_set(tmp_path_factory.getbasetemp() / "drawn")
    evaluation = read_set(folder)
    predictions = [
        Prediction(q, a.hits, 0.1, a) for q, a in zip(evaluation.questions, said, strict=True)
    ]
    assert_agreement(score, folder, evaluation, predictions)


@pytest.mark.parametrize("name", ["memri", "qed_nq", "multihop", "doc2dial"])
def test_a_part_of_a_real_set_gets_the_figures_of_the_reference_scorer(
    settings: Settings, score: Score, name: str
) -> None:
    whole = read_set(SHARED / name)
    part = sample(whole, 10, 0)
    needed = {document for question in part.questions for document in question.gold_documents}
    part = replace(
        part, documents={document: whole.documents[document] for document in sorted(needed)}
    )
    assert_agreement(
        score, SHARED / name, whole, list(run(part, settings, FakeModels(), False, quiet))
    )
