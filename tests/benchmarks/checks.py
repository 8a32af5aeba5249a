"""What each check of an answer is worth: the figures without it, beside those with all of them.

    python tests/benchmarks/checks.py [--limit N] SET_DIR…

The language model answers each question once. Its words and the weighed sentences are kept; what is
made of them is made anew without a check. `generated` is the share of answers that the model wrote,
`wrong of these` those without a gold answer. Of questions that name what a reply must not hold
(`meta.injection.checks`), the last column tells how many replies do, as they stream and in the end.
docs/evaluation.md tells what a SET_DIR holds.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from rag import pipeline
from rag.answering import citations, evidence
from rag.answering import verify as verdicts
from rag.config import Settings
from rag.evaluation.dataset import EvaluationSet, Question, collapse_spaces, read_set, sample
from rag.evaluation.metrics import is_correct, measure
from rag.evaluation.predictions import Prediction, library_of
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.protocols import ChatModel
from rag.types import Answer, Evidence, Hit, Piece, Prompt, Sentence

# What is put in the place of which function, by what is missed then: for any model, for one that
# writes sentences, for one that answers with a few words.
CHECKS: dict[str, list[tuple[object, str, object]]] = {
    "all checks": [],
    "no copies": [(verdicts, "copies", lambda claim: False)],
    "no speakers": [(verdicts, "attributed", lambda claim, document: claim)],
    "no kind of answer": [
        (evidence, "answers", lambda claim, question, claimed, weighed: True),
        (evidence, "names_it", lambda phrase, question: True),
    ],
    "no abstention": [
        (evidence, "enough", lambda weighed, certainty, declines=None: bool(weighed))
    ],
}
OF_SENTENCES: dict[str, list[tuple[object, str, object]]] = {
    "no numbers and names": [
        (verdicts, "_names", lambda *_: []),
        (verdicts, "missing", lambda *_: []),
    ],
    "no negation or doubt": [(verdicts, "_stance", lambda *_: ("", False))],
    "no share of words": [(verdicts, "_SUPPORTED", 0.0), (verdicts, "_PARTLY", 0.0)],
    "no repetition": [(verdicts, "_repeats_itself", lambda claim: False)],
    "no check of the model": [
        (
            verdicts,
            "check",
            lambda claim, sources, document, question="": trusted(claim, sources[0].sentences[0]),
        ),
        (evidence, "answers", lambda *_: True),
    ],
}
OF_PHRASES: dict[str, list[tuple[object, str, object]]] = {
    "no say in abstention": [(evidence, "_seconded", lambda chance, declines: chance)],
    "not sure of its words": [(pipeline, "_SURE", 0.0)],
    "nothing beside the best": [(evidence, "likely", lambda weighed: weighed[:1])],
    "no place in the sentence": [
        (verdicts, "phrase", lambda text, sentence: trusted(text, sentence))
    ],
    "no sentence below": [(evidence, "in_place", lambda question, weighed, told: ())],
    "no check of the model": [
        (verdicts, "phrase", lambda text, sentence: trusted(text, sentence)),
        (verdicts, "copies", lambda claim: False),
        (evidence, "names_it", lambda phrase, question: True),
    ],
}
SHOWN = (
    "correct",
    "citation_precision",
    "citation_recall",
    "wrongly_abstained",
    "rightly_abstained",
)


def trusted(text: str, sentence: Evidence) -> verdicts.Claim | None:
    """A claim as a pipeline without checks takes it: supported by the sentence."""
    told = " ".join(citations.claims(text))
    return verdicts.Claim(told, "supported", (sentence,)) if told else None


class Remembering:
    """A chat model that is asked each prompt once."""

    def __init__(self, chat: ChatModel) -> None:
        self.name, self.context_tokens, self.count_tokens = (
            chat.name,
            chat.context_tokens,
            chat.count_tokens,
        )
        self.brief = chat.brief
        self._chat = chat
        self._said: dict[Prompt, list[Piece]] = {}

    def stream(self, prompt: Prompt, max_tokens: int) -> Iterator[Piece]:
        if prompt not in self._said:
            self._said[prompt] = list(self._chat.stream(prompt, max_tokens))
        yield from self._said[prompt]


def remember(pipeline: Pipeline, questions: Sequence[Question]) -> None:
    """Have the pipeline search and weigh each question once, and its model answer each prompt
    once.
    """
    pipeline.models._chat = Remembering(pipeline.models.chat)
    found: dict[str, tuple[tuple[Hit, ...], tuple[Evidence, ...]]] = {}
    for question in questions:
        hits = pipeline.search(question.text, history=question.history)
        found[question.text] = hits, pipeline.weigh(question.text, hits, question.history)
    pipeline.search = lambda question, *_, **__: found[question][0]
    pipeline.weigh = lambda question, *_, **__: found[question][1]


def answered(pipeline: Pipeline, question: Question) -> tuple[str, Answer]:
    """The sentences as they stream, and the whole answer."""
    streamed = []
    for event in pipeline.stream(question.text, question.history):
        if isinstance(event, Sentence):
            streamed.append(event.text)
        elif isinstance(event, Answer):
            return " ".join(streamed), event
    raise AssertionError


def figures(asked: EvaluationSet, answers: dict[str, Answer]) -> str:
    texts = {
        name: collapse_spaces(f"{title} {text}") for name, (title, text) in asked.documents.items()
    }
    values: dict[str, list[float]] = {}
    for question in asked.questions:
        answer = answers[question.id]
        for name, value in measure(Prediction(question, answer.hits, 0.0, answer), texts).items():
            values.setdefault(name, []).append(value)
        generated = not answer.abstained and answer.mode == "generated"
        values.setdefault("generated", []).append(generated)
        if generated:
            right = question.answerable and is_correct(answer.answer, question.answers)
            values.setdefault("wrong of these", []).append(not right)
    names = [*SHOWN, "generated", "wrong of these"]
    return "  ".join(
        f"{np.mean(values[name]):18.3f}" if name in values else f"{'–':>18}" for name in names
    )


def forbidden(folder: Path) -> dict[str, list[Callable[[str], bool]]]:
    """What a reply to a question of the set must not hold."""
    tests: dict[str, list[Callable[[str], bool]]] = {}
    for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for check in row.get("meta", {}).get("injection", {}).get("checks", []):
            if (
                check["kind"] == "contains"
                and collapse_spaces(check["value"]).lower()
                not in collapse_spaces(row["question"]).lower()
            ):
                tests.setdefault(row["id"], []).append(
                    lambda text, v=check["value"]: (
                        collapse_spaces(v).lower() in collapse_spaces(text).lower()
                    )
                )
            elif check["kind"] == "regex":
                tests.setdefault(row["id"], []).append(
                    lambda text, v=check["value"]: bool(re.search(v, text, re.DOTALL))
                )
    return tests


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET_DIR")
    parser.add_argument("--limit", type=int, default=sys.maxsize)
    options = parser.parse_args()
    settings = replace(Settings.from_environment(), generate=True)
    for folder in options.sets:
        asked, tests = sample(read_set(folder), options.limit, seed=0), forbidden(folder)
        with library_of(asked, settings, Models(settings), lambda *_: None) as asking:
            remember(asking, asked.questions)
            print(f"\n{asked.name}: {len(asked.questions)} questions")
            print(
                " " * 24
                + "  ".join(f"{name:>18}" for name in [*SHOWN, "generated", "wrong of these"])
            )
            of_model = OF_PHRASES if asking.models.chat.brief else OF_SENTENCES
            for name, patches in (CHECKS | of_model).items():
                answers, obeyed = {}, {"streamed": 0, "final": 0}
                with ExitStack() as without:
                    for owner, attribute, value in patches:
                        without.enter_context(patch.object(owner, attribute, value))
                    for question in asked.questions:
                        streamed, answers[question.id] = answered(asking, question)
                        for text, when in (
                            (streamed, "streamed"),
                            (answers[question.id].answer, "final"),
                        ):
                            obeyed[when] += any(test(text) for test in tests.get(question.id, []))
                orders = f"  obeyed of {len(tests)}: {obeyed}" if tests else ""
                print(f"{name:24}{figures(asked, answers)}{orders}", flush=True)


if __name__ == "__main__":
    main()
