"""How well questions within a conversation are answered.

    python tests/benchmarks/conversations.py [--half tune|held] [--show] [--fit]

Asks the conversations of tests/data/conversations, turn by turn, of one library that holds all
their documents, without a language model. A turn is right where the short answer holds a gold text
and none that belongs to another turn; one that asks nothing is right where it is declined.
`--fit` fits the weights of rag/data/conversation.json on the half `tune` and prints them: each
question is read in all its ways, after the best reading of the one before.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from rag.answering.conversation import (
    FEATURES,
    Context,
    candidates,
    context_of,
    features_of,
    short_of,
    without_repeats,
)
from rag.config import Settings
from rag.models.registry import Models
from rag.pipeline import READ, Pipeline
from rag.types import Answer, Turn, Vectors

FOLDER = Path(__file__).parents[1] / "data" / "conversations"
FIRST = "first turn"
_HELD_BACK = 0.01  # of the squares of the weights' changes: some thirty turns tell little


def read_conversations(half: str = "") -> list[dict[str, Any]]:
    """Return the conversations of one half, or all."""
    lines = (FOLDER / "conversations.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if half in ("", row["split"])]


def short_answer(pipeline: Pipeline, answer: Answer) -> str:
    """Return the words that the first citation marks, or the whole answer where it marks none."""
    cited = answer.citations[0] if answer.citations else None
    if cited is None or cited.focus is None:
        return answer.answer
    return pipeline.document(cited.document).text[cited.focus.start : cited.focus.end]


def is_right(turn: dict[str, Any], short: str, abstained: bool) -> bool:
    """Return whether the turn was answered, or declined, as it should be."""
    if turn.get("declined"):
        return abstained
    held = any(gold.lower() in short.lower() for gold in turn["right"])
    return not abstained and held and not any(gold in short for gold in turn["wrong"])


def rows_of(pipeline: Pipeline) -> Iterator[tuple[Vectors, NDArray[np.bool_]]]:
    """Yield of each later turn of `tune` the features of its ways, and which of them are right."""
    for row in read_conversations("tune"):
        context = Context()
        for turn in row["turns"]:
            question = turn["question"]
            history = [Turn("user", context.asked)] if context.asked else []
            hits = pipeline.search(question, history=history)[:READ]
            ways = [
                (way, pipeline.evidence(way.asked, hits)) for way in candidates(question, context)
            ]
            new = without_repeats(ways, context)
            right = [bool(e) and is_right(turn, short_of(e[0]), False) for _, e in new]
            if context.asked and any(right) and not turn.get("declined"):
                features = np.stack([features_of(way, e, context) for way, e in new])
                yield features, np.array(right)
            best = right.index(True) if any(right) else 0
            context = context_of(new[best][0].asked, new[best][1], 0.0)


def fit(rows: Sequence[tuple[Vectors, NDArray[np.bool_]]]) -> dict[str, float]:
    """Return the weights with which the right ways have the largest share of their turn's odds.

    They are held near those that compare the log-odds alone.
    """
    alone = np.eye(len(FEATURES))[0]

    def loss(weights: Vectors) -> float:
        total = 0.0
        for features, right in rows:
            shares = softmax(features @ weights)
            total -= float(np.log(shares[right].sum()))
        return total / len(rows) + _HELD_BACK * float(((weights - alone) ** 2).sum())

    found = minimize(loss, alone).x
    return dict(zip(FEATURES, (round(float(weight), 2) for weight in found), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--half", choices=("tune", "held"), default="")
    parser.add_argument("--show", action="store_true", help="print the turns that are wrong")
    parser.add_argument("--fit", action="store_true", help="print weights fitted on `tune`")
    options = parser.parse_args()
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder), "conversations", None, embeddings="", generate=False)
        with Pipeline(settings, Models(settings)) as pipeline:
            list(pipeline.add([FOLDER]))
            if options.fit:
                print(json.dumps(fit(list(rows_of(pipeline)))))
                return
            for row in read_conversations(options.half):
                history: list[Turn] = []
                for number, turn in enumerate(row["turns"]):
                    answer = pipeline.ask(turn["question"], history)
                    short = short_answer(pipeline, answer)
                    is_it = is_right(turn, short, answer.abstained)
                    kind = FIRST if number == 0 else row["kind"]
                    right[row["split"], kind].append(is_it)
                    if options.show and not is_it:
                        print(f"{row['id']}.{number + 1} {turn['question']!r} -> {short!r}")
                    said = Turn("assistant", answer.answer)
                    history += [Turn("user", turn["question"]), said]
    for (half, kind), values in sorted(right.items()):
        print(f"{half}  {kind:15} {sum(values):3} of {len(values)}")
    for half in sorted({half for half, _ in right}):
        later = [
            value
            for (of, kind), values in right.items()
            if of == half and kind != FIRST
            for value in values
        ]
        share = sum(later) / len(later)
        print(f"{half}: {sum(later)} of {len(later)} later turns right ({share:.2f})")


if __name__ == "__main__":
    main()
