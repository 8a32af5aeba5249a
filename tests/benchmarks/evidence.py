"""How well the best sentence is found, and where to abstain: `python tests/benchmarks/evidence.py [--fit] [--limit N] SET_DIR…`

For each evaluation set: the share of the answerable questions whose best sentence (best two) is support, and for thresholds on
its chance the share of questions that would be declined, by type. `--fit` fits the weights of rag/data/evidence.json anew and
prints them, with the figures of each set under weights fitted on the other sets. Nothing is generated.

A SET_DIR holds corpus.jsonl ({"doc_id", "title", "text"}) and questions.jsonl ({"question", "history", "answers",
"answerable", "gold_passages", "type"}).
"""

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag import evidence
from rag.config import Settings
from rag.pipeline import READ, Pipeline, in_context
from rag.types import Turn

THRESHOLDS = [t / 20 for t in range(1, 12)]
# Something always ranks first, so ranks say nothing of whether anything answers.
RANKS = ("rank_by_cosine", "rank_by_reader")


@dataclass(frozen=True)
class Row:
    """A question: its type, and of each sentence the signals and whether it is support."""

    kind: str
    answerable: bool
    signals: np.ndarray
    support: np.ndarray


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def squash(text: str) -> str:
    return " ".join(text.split())


def is_support(sentence: str, question: dict) -> bool:
    """The sentence is a gold text or holds one; of a gold text that is a whole passage, only a sentence with an answer counts."""
    words = squash(sentence)
    golds = [squash(gold) for gold in question["gold_passages"]]
    near = any(gold in words or (len(words) > 20 and words in gold) for gold in golds)
    long = any(len(gold) > 300 for gold in golds) and any(len(answer.split()) <= 8 for answer in question["answers"])
    return near and (not long or any(answer.lower() in words.lower() for answer in question["answers"]))


def rows_of(folder: Path, limit: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        reports = Path(name) / "reports"
        reports.mkdir()
        for document in read(folder / "corpus.jsonl"):
            text = document["text"]
            titled = text if document["title"] in text[:300] else f"{document['title']}\n\n{text}"
            (reports / f"{document['doc_id']}.txt").write_text(titled, encoding="utf-8")
        settings = Settings(Path(name) / "indexes", "set", model=None, embeddings="", generate=False)
        questions = read(folder / "questions.jsonl")
        if limit < len(questions):
            questions = random.Random(0).sample(questions, limit)
        rows = []
        with Pipeline(settings) as pipeline:
            for _ in pipeline.add([reports]):
                pass
            models = pipeline.models
            for question in questions:
                asked = in_context(question["question"], [Turn(t["role"], t["text"]) for t in question["history"]])
                hits = pipeline.search(asked)[:READ]
                places, signals = evidence.measure(asked, hits, models.reader, models.embedder, pipeline.library.rarity)
                support = [is_support(hit.chunk.text[start:end], question) for hit, start, end in places]
                rows.append(Row(question["type"], question["answerable"], signals, np.array(support, bool)))
    return rows


def fit(rows: list[Row], without: tuple[str, ...] = ()) -> tuple[np.ndarray, float]:
    """Weights and offset for the signals as they are: logistic regression of support over all sentences."""
    from sklearn.linear_model import LogisticRegression

    used = np.array([name not in without for name in evidence.SIGNALS])
    signals = np.concatenate([row.signals for row in rows]) * used
    support = np.concatenate([row.support for row in rows])
    scale = signals.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, max_iter=2000).fit(signals / scale, support)
    return model.coef_[0] / scale * used, float(model.intercept_[0])


def show(name: str, rows: list[Row], order: np.ndarray, chance: np.ndarray, offset: float) -> None:
    chances, first, second = defaultdict(list), [], []
    for row in rows:
        chances[row.kind].append((1 / (1 + np.exp(-(row.signals @ chance + offset)))).max(initial=0.0))
        if row.answerable:
            best = np.argsort(-(row.signals @ order))
            first.append(row.support[best[:1]].any())
            second.append(row.support[best[:2]].any())
    answerable = {row.kind for row in rows if row.answerable}
    print(f"\n{name}: the best sentence is support in {np.mean(first):.3f}, one of the best two in {np.mean(second):.3f}")
    print("threshold  " + "  ".join(f"{kind}{'' if kind in answerable else '*'} ({len(c)})" for kind, c in chances.items()))
    for threshold in THRESHOLDS:
        print(f"{threshold:9.2f}  " + "  ".join(f"{np.mean(np.array(c) < threshold):.3f}" for c in chances.values()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET_DIR")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--limit", type=int, default=sys.maxsize)
    options = parser.parse_args()
    rows = {folder.name: rows_of(folder, options.limit) for folder in options.sets}
    for name, of_set in rows.items():
        others = [row for other, of_other in rows.items() if other != name for row in of_other]
        if options.fit:
            show(name, of_set, fit(others)[0], *fit(others, RANKS))
        else:
            show(name, of_set, *evidence.fitted()[:3])
    print("\nShares of questions declined at each threshold; those of the types marked * rightly so.")
    if options.fit:
        every = [row for of_set in rows.values() for row in of_set]
        (order, _), (chance, offset) = fit(every), fit(every, RANKS)
        named = {
            name: {signal: round(float(weight), 3) for signal, weight in zip(evidence.SIGNALS, weights, strict=True)}
            for name, weights in (("order", order), ("chance", chance))
        }
        print(json.dumps(named | {"offset": round(offset, 3)}))


if __name__ == "__main__":
    main()
