"""The whole product with its real models, over reports: what it is for."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.config import Settings, bundled
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.types import Answer

pytestmark = pytest.mark.models

SHARED = Path(__file__).parents[2] / "shared"


def squash(text: str) -> str:
    return " ".join(text.split())


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(
        Settings.from_environment({}), indexes=tmp_path_factory.mktemp("indexes"), library="samples"
    )


@pytest.fixture(scope="module")
def samples(settings: Settings) -> Iterator[Pipeline]:
    with Pipeline(settings, Models(settings)) as pipeline:
        outcomes = [added.outcome for added in pipeline.add([bundled("samples")])]
        assert outcomes == ["added"] * 6 + ["skipped"]  # the questions about them
        yield pipeline


@pytest.fixture(scope="module")
def answers(samples: Pipeline) -> dict[str, tuple[dict[str, Any], Answer]]:
    return {
        q["id"]: (q, samples.ask(q["question"]))
        for q in read(bundled("samples") / "questions.jsonl")
    }


def is_right(question: dict[str, Any], answer: Answer) -> bool:
    """The answer holds an expected one in at most sixty words and cites the sentence that
    supports it.
    """
    support = re.sub(
        r"\[\d+\]$", "", squash(question["support"])
    )  # a quote ends in front of the report's own marker
    cited = any(
        squash(citation.quote) in support or support in squash(citation.quote)
        for citation in answer.citations
    )
    return (
        cited
        and len(answer.answer.split()) <= 60
        and any(a.lower() in answer.answer.lower() for a in question["answers"])
    )


def test_the_sample_questions_are_answered_with_the_right_sentence_cited(
    answers: dict[str, tuple[dict[str, Any], Answer]],
) -> None:
    wrong = {
        q["id"]: answer.answer
        for q, answer in answers.values()
        if q["answerable"] and not is_right(q, answer)
    }
    # Nine of fifteen are right; CONTRIBUTING.md says what holds back the others. Raise this with
    # each that is won.
    assert len(wrong) <= 6, wrong


def test_questions_the_samples_do_not_answer_are_declined(
    answers: dict[str, tuple[dict[str, Any], Answer]],
) -> None:
    invented = {
        q["id"]: answer.answer
        for q, answer in answers.values()
        if not q["answerable"] and not answer.abstained
    }
    assert len(invented) <= 1, invented


def test_every_sentence_is_supported_and_every_quote_is_a_slice(
    samples: Pipeline, answers: dict[str, tuple[dict[str, Any], Answer]]
) -> None:
    for _, answer in answers.values():
        markers = {citation.marker for citation in answer.citations}
        assert all(
            s.verdict == "supported" and s.markers and set(s.markers) <= markers
            for s in answer.sentences
        )
        assert markers == {marker for sentence in answer.sentences for marker in sentence.markers}
        for citation in answer.citations:
            assert (
                samples.document(citation.document).text[citation.start : citation.end]
                == citation.quote
            )


def test_without_a_language_model_the_sentences_themselves_answer(
    samples: Pipeline, settings: Settings
) -> None:
    without = replace(settings, generate=False)
    with Pipeline(without, Models(without)) as pipeline:
        answer = pipeline.ask("Where did Vintimille get the barley in 1954?")
    assert answer.mode == "extractive"
    assert "the market of Oum Tallit" in answer.answer


@pytest.mark.skipif(
    not SHARED.exists(), reason="the report that is only for measuring is not beside this checkout"
)
def test_a_real_report_is_answered_as_well_as_promised(settings: Settings) -> None:
    report = replace(settings, library="memri")
    questions = read(SHARED / "eval" / "memri" / "questions.jsonl")
    with Pipeline(report, Models(report)) as pipeline:
        list(pipeline.add([SHARED / "corpus" / "memri-10538.txt"]))
        answers = [pipeline.ask(question["question"]) for question in questions]
    right = [
        any(a.lower() in answer.answer.lower() for a in question["answers"])
        for question, answer in zip(questions, answers, strict=True)
        if question["answerable"]
    ]
    declined = [
        answer.abstained
        for question, answer in zip(questions, answers, strict=True)
        if not question["answerable"]
    ]
    # Of the others one asks for a page, one how long somebody stayed.
    assert sum(right) >= 6
    # The chance of the other near miss is the default certainty, give or take what processors round
    # otherwise.
    assert any(declined)
