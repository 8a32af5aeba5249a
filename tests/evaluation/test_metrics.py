import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import FakeModels
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sets import DOCUMENTS, HARBOUR, LINES, quiet, write_set

from rag.config import Settings
from rag.evaluation.dataset import QUESTIONS, EvaluationSet, read_set, sample
from rag.evaluation.metrics import (
    Report,
    cited_short_answer,
    figure,
    figures_of,
    is_correct,
    is_doubled,
    is_fragment,
    percentiles,
    report,
)
from rag.evaluation.predictions import Prediction, predict
from rag.render.json import answer_json
from rag.types import Answer, Chunk, Citation, Hit, Seconds, Span

SHARED = Path(__file__).parents[3] / "shared" / "eval"


def hit(document: str, text: str) -> Hit:
    return Hit(Chunk(document, 0, "", 1, 0, len(text), text, ""), "", 0.1, "both")


def citation(document: str, quote: str, short: str = "") -> Citation:
    """A citation of the words, which stand at offset 7; the short answer is a part of them."""
    at = 7 + quote.index(short)
    focus = Span(at, at + len(short)) if short else None
    return Citation(
        1, document, "", "", None, 1, "", 7, 7 + len(quote), quote, note=None, focus=focus
    )


def answer(text: str, hits: Sequence[Hit] = (), citations: Sequence[Citation] = ()) -> Answer:
    return Answer(
        "?", text, not text, "extractive", (), tuple(citations), tuple(hits), Seconds(0.1, 0.2, 0.3)
    )


# --- The figures, by hand -------------------------------------------------------------------------


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
    values = figures_of(Prediction(questions["both"], hits, 0.1, None), TEXTS)
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
    values = figures_of(Prediction(either, hits, 0.1, None), TEXTS)
    assert (values["recall@1"], values["recall@3"], values["mrr@10"], values["ndcg@10"]) == (
        0,
        1,
        1 / 2,
        pytest.approx(0.63093),
    )


def test_two_needed_texts_in_one_hit_are_no_more_than_perfect(questions: dict[str, Any]) -> None:
    two = replace(questions["both"], gold_texts=questions["both"].gold_texts[:2])
    values = figures_of(
        Prediction(two, (hit("x", "It leaves at nine. The silt returns every winter"),), 0.1, None),
        TEXTS,
    )
    assert (values["recall@1"], values["ndcg@10"]) == (1, 1)


def test_a_piece_of_a_long_gold_passage_counts_in_its_own_document_only(
    questions: dict[str, Any],
) -> None:
    piece = HARBOUR[:125]
    found = [
        figures_of(Prediction(questions["whole"], (hit(name, piece),), 0.1, None), TEXTS)[
            "recall@1"
        ]
        for name in DOCUMENTS
    ]
    assert found == [1, 0]
    assert (
        figures_of(
            Prediction(questions["whole"], (hit("harbour", HARBOUR[:110]),), 0.1, None), TEXTS
        )["recall@1"]
        == 0
    )


def test_citations_count_where_their_words_stand_and_support(questions: dict[str, Any]) -> None:
    cited = [
        citation("harbour", "paid 12 million crowns"),
        citation("harbour", "Nobody was asked"),
        citation("trains", "invented"),
    ]
    values = figures_of(
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
    wrong = figures_of(Prediction(questions["paid"], (), 0.1, answer("")), TEXTS)
    assert (wrong["wrongly_abstained"], wrong["correct"], wrong["f1"]) == (1, 0, 0)
    assert "cited" not in wrong
    right = figures_of(Prediction(questions["near"], (), 0.1, answer("")), TEXTS)
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


PAID = "The harbour authority paid 12 million crowns for dredging."


def test_an_answer_is_direct_where_its_first_25_words_hold_a_short_gold_answer(
    questions: dict[str, Any],
) -> None:
    def direct(id: str, said: str) -> float | None:
        return figures_of(Prediction(questions[id], (), 0.1, answer(said)), TEXTS).get("direct")

    assert direct("paid", "It[1] " + "word " * 21 + "12 million crowns were paid.") == 1
    assert direct("paid", "It[1] " + "word " * 22 + "12 million crowns were paid.") == 0
    assert direct("paid", "") == 0, "declined"
    assert direct("both", LINES[2]["answers"][0]) is None, "no gold answer of up to eight words"
    assert direct("whole", "Nobody.") is None, "no gold answer"
    assert direct("near", "12 million crowns") is None, "nothing to find"


@pytest.mark.parametrize(
    ("cited", "short", "correct"),
    [
        ([citation("harbour", PAID, "12 million crowns")], "12 million crowns", 1),
        ([citation("harbour", PAID, "12 million")], "12 million", 0),
        ([citation("harbour", PAID), citation("x", "a fortune", "a fortune")], "a fortune", 1),
        ([citation("x", PAID, "for"), citation("harbour", PAID, "12 million crowns")], "for", 0),
        ([citation("x", "w " * 10 + "a fortune", "w " * 10 + "a fortune")], None, 1),
        ([citation("x", "w " * 11 + "a fortune", "w " * 11 + "a fortune")], None, 0),
        ([citation("harbour", PAID)], "", 0),
    ],
)
def test_the_short_answer_is_that_of_the_first_citation_with_a_focus(
    questions: dict[str, Any], cited: list[Citation], short: str | None, correct: float
) -> None:
    given = answer("It did.[1]", (), cited)
    assert short is None or cited_short_answer(given) == short
    assert (
        figures_of(Prediction(questions["paid"], (), 0.1, given), TEXTS)["short_correct"] == correct
    )
    declined = replace(given, abstained=True)
    measured = figures_of(Prediction(questions["paid"], (), 0.1, declined), TEXTS)
    assert measured["short_correct"] == 0


def test_without_any_short_answer_none_is_reported_as_wrong(
    tmp_path: Path, questions: dict[str, Any]
) -> None:
    evaluation = read_set(tmp_path / "set")
    with_focus, without = (
        Prediction(questions["paid"], (), 0.1, answer("Much.[1]", (), [cited]))
        for cited in (citation("harbour", PAID, "for"), citation("harbour", PAID))
    )
    assert "short_correct" not in report(evaluation, [without, without]).figures
    found = report(evaluation, [without, with_focus]).figures["short_correct"]
    assert (found.value, found.questions) == (0, 2)


@pytest.mark.parametrize(
    ("text", "doubled"),
    [
        ("one two three four five six seven eight, One two three four five six seven eight.", True),
        ("one two three four five six seven. One two three four five six seven.", False),
        ("one two three four five six seven eight", False),
        ("", False),
    ],
)
def test_an_answer_is_doubled_where_eight_words_stand_twice(text: str, doubled: bool) -> None:
    assert is_doubled(text) == doubled


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("The silt returns every winter. It", False),
        ("He said “the silt returns.” It", False),
        ("Silt returns yearly. It does so every winter.", True),
        ("The silt returns every winter", True),
        ("The authority closed by stating: “The silt returns.”", False),
        ("The authority wrote a report that.", True),
        ("The authority wrote a report, stating… it is silt.", True),
        ("", True),
    ],
)
def test_a_first_sentence_that_is_none_is_a_fragment(text: str, fragment: bool) -> None:
    assert is_fragment(text) == fragment


# Seven answers, and the figures that the reference scorer computed for them.
STOPPED = "The authority, which had been asked about it in May and again in June by the members of "
STOPPED += "the board, paid in the end no less than 12 million crowns for dredging.[1]"
SCORED: list[tuple[list[str], bool, str, bool]] = [
    (["12 million crowns"], True, f"{PAID} “{PAID}”[1]", True),
    (["12 million crowns"], True, STOPPED, False),
    (["nine"], True, "At nine.[1]", False),
    (["tide"], True, "", False),
    (["twice"], True, "It stops twice, stating that.[2]", False),
    ([], False, "Nobody has ever painted it.[1]", False),
    ([LINES[2]["answers"][0]], True, "The silt returns every winter.[1]", False),
]


def test_seven_answers_get_the_figures_that_the_reference_scorer_computed(
    tmp_path: Path, questions: dict[str, Any]
) -> None:
    predictions = [
        Prediction(
            replace(questions["bare"], answers=tuple(golds), answerable=answerable),
            (),
            0.1,
            answer(said, (), [citation("harbour", PAID, "12 million crowns" if short else "")]),
        )
        for golds, answerable, said, short in SCORED
    ]
    found = report(read_set(tmp_path / "set"), predictions)
    names = ("direct", "short_correct", "doubled", "fragment")
    figures = {name: round(found.figures[name].value, 4) for name in names}
    assert figures == {"direct": 0.6, "short_correct": 0.2, "doubled": 0.1667, "fragment": 0.3333}
    assert found.shown_words_median == 5


def test_the_lengths_of_answers_are_counted_with_and_without_articles(
    tmp_path: Path, questions: dict[str, Any]
) -> None:
    said = ["The silt – a lot.[1]", "", "Silt.[1]"]
    predictions = [Prediction(questions["paid"], (), 0.1, answer(text)) for text in said]
    found = report(read_set(tmp_path / "set"), predictions)
    assert (found.answer_words_median, found.shown_words_median) == (2, 5)


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


# --- Agreement with the reference scorer ----------------------------------------------------------

Scorer = Callable[..., dict[str, float]]
Scorers = Callable[[Path, list[dict[str, Any]], dict[str, Any]], dict[str, float]]


def scorer(name: str) -> Scorer:
    """Return the function `score` of a reference scorer, which may import one beside it."""
    if not (SHARED / f"{name}.py").is_file():
        pytest.skip(f"NOT CHECKED against a reference scorer: there is no {SHARED / name}.py")
    spec = importlib.util.spec_from_file_location(name, SHARED / f"{name}.py")
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SHARED))
        spec.loader.exec_module(module)
    found: Scorer = module.score
    return found


@pytest.fixture(scope="module")
def score() -> Scorers:
    """The figures of both reference scorers."""
    whole, direct = scorer("score"), scorer("score_direct")

    def figures(
        folder: Path, rows: list[dict[str, Any]], written: dict[str, Any]
    ) -> dict[str, float]:
        found = direct(rows, written)
        # The scorer also leaves out this figure where every short answer is wrong.
        found["short_correct"] = found["short_correct"] or 0
        return whole(folder, rows, written) | found

    return figures


def assert_agreement(
    score: Scorers, folder: Path, evaluation: EvaluationSet, predictions: Sequence[Prediction]
) -> None:
    """Every figure of the reference scorers is ours, to its four digits."""
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
    if not any(name == "short_correct" for name in figures):
        figures["short_correct"] = 0
    words = {"answer_words_median": found.answer_words_median, "words": found.shown_words_median}
    counts = {
        "questions": found.questions,
        "answerable": found.answerable,
        "unanswerable": found.unanswerable,
    }
    return figures | counts | {name: count for name, count in words.items() if count is not None}


def test_a_made_up_set_gets_the_figures_of_the_reference_scorer(
    tmp_path: Path, settings: Settings, score: Scorers
) -> None:
    folder = write_set(tmp_path / "set")
    evaluation = read_set(folder)
    assert_agreement(
        score, folder, evaluation, list(predict(evaluation, settings, FakeModels(), False, quiet))
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


def citation_of_all(quote: str) -> Citation:
    """A citation whose short answer is the whole quote."""
    return citation("harbour", quote, quote)


answers = st.builds(
    answer,
    texts,
    st.lists(st.builds(hit, names, texts), max_size=10),
    st.lists(st.builds(citation, names, texts) | st.builds(citation_of_all, texts), max_size=3),
)


@hypothesis_settings(max_examples=40, deadline=None)
@given(said=st.lists(answers, min_size=len(LINES), max_size=len(LINES)))
def test_whatever_was_said_gets_the_figures_of_the_reference_scorer(
    said: list[Answer], score: Scorers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write_set(tmp_path_factory.getbasetemp() / "drawn")
    evaluation = read_set(folder)
    predictions = [
        Prediction(q, a.hits, 0.1, a) for q, a in zip(evaluation.questions, said, strict=True)
    ]
    assert_agreement(score, folder, evaluation, predictions)


@pytest.mark.parametrize("name", ["memri", "qed_nq", "multihop", "doc2dial"])
def test_a_part_of_a_real_set_gets_the_figures_of_the_reference_scorer(
    settings: Settings, score: Scorers, name: str
) -> None:
    whole = read_set(SHARED / name)
    part = sample(whole, 10, 0)
    needed = {document for question in part.questions for document in question.gold_documents}
    part = replace(
        part, documents={document: whole.documents[document] for document in sorted(needed)}
    )
    assert_agreement(
        score, SHARED / name, whole, list(predict(part, settings, FakeModels(), False, quiet))
    )
