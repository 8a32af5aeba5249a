"""Ten users for some seconds.

Each gets the answer to the own question, and nobody anything worse than "later".
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest
from benchmarks.load import crowd
from fakes import ServiceWith, WordsEmbedder
from served import GRAIN, SAID, serving

from rag.config import Settings, bundled
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.text.tokens import stem


class EchoingModel:
    """A language model with one good sentence to say, as often as it is asked."""

    name = "echoing"
    context_tokens = 4096
    passage_tokens = 2000
    follows_instructions = True

    def stream(self, prompt: object, max_tokens: int) -> object:
        yield from (f" {word}" for word in SAID.split(" "))

    def count_tokens(self, text: str) -> int:
        return WordsEmbedder().count_tokens(text)


def test_each_of_many_users_gets_the_answer_to_the_own_question(service_with: ServiceWith) -> None:
    with serving(service_with({"grain": GRAIN}, chat=EchoingModel())) as url:
        load = asyncio.run(
            crowd(
                url, os.getpid(), 10, 3, lambda number: f"trade in grain in May by percent {number}"
            )
        )
    assert load.errors == 0
    assert load.foreign == 0
    assert load.answers
    assert load.searches


def test_users_beyond_the_limit_are_told_when_to_come_back(service_with: ServiceWith) -> None:
    with serving(service_with({"grain": GRAIN}, chat=EchoingModel())) as url:
        load = asyncio.run(
            crowd(
                url, os.getpid(), 40, 2, lambda number: f"trade in grain in May by percent {number}"
            )
        )
    assert set(load.statuses) <= {"200", "503"}
    assert load.foreign == 0


@pytest.mark.models
def test_searches_side_by_side_find_what_each_finds_alone(tmp_path: Path) -> None:
    questions = [
        json.loads(line)["question"]
        for line in islice((bundled("samples") / "questions.jsonl").open(encoding="utf-8"), 8)
    ]
    settings = Settings(tmp_path, "samples", model=None, embeddings="", generate=False)
    with Pipeline(settings, Models(settings)) as pipeline:
        outcomes = [added.outcome for added in pipeline.add([bundled("samples")])]
        assert outcomes == ["added"] * 6 + ["skipped"]  # the questions about them
        alone = list(map(pipeline.passages, questions))
        stem.cache_clear()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(pipeline.passages, questions)) == alone
