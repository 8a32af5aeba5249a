"""How well the best sentence is found, and where to decline.

    python tests/benchmarks/decision.py [--fit] [--curve FILE.svg] [--near-misses N] SET_DIR…

For each evaluation set: the share of the answerable questions whose best sentence (best two) is
support, and for values of the confidence the share of questions that would be declined, by type.
`--near-misses` adds N questions of the first set with one detail changed, as a set of its own.
`--fit` fits the weights of rag/data/decision.json anew and prints them, with the figures of each
set under weights fitted on the other sets. Nothing is generated.

docs/evaluation.md tells what a SET_DIR holds.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from rag.answering import rank
from rag.config import Settings
from rag.evaluation.dataset import EvaluationSet, Question, collapse_spaces, read_set, sample
from rag.evaluation.near_misses import near_misses
from rag.evaluation.predictions import library_of
from rag.models.registry import Models
from rag.pipeline import READ

CONFIDENCES = [t / 10 for t in range(1, 10)]


@dataclass(frozen=True)
class Row:
    """A question: its type, and of each sentence the signals and whether it is support."""

    kind: str
    answerable: bool
    signals: np.ndarray
    support: np.ndarray


@dataclass(frozen=True)
class Judged:
    """A question: the chance of its best sentence, and whether one of the best two is support."""

    kind: str
    answerable: bool
    chance: float
    right: bool


def is_support(sentence: str, question: Question) -> bool:
    """The sentence is a gold text or holds one.

    Of a gold text that is a whole passage, only a sentence with an answer counts.
    """
    words = collapse_spaces(sentence)
    near = any(gold in words or (len(words) > 20 and words in gold) for gold in question.gold_texts)
    long = any(len(gold) > 300 for gold in question.gold_texts) and any(
        len(a.split()) <= 8 for a in question.answers
    )
    return near and (
        not long or any(answer.lower() in words.lower() for answer in question.answers)
    )


def rows_of(asked: EvaluationSet, models: Models) -> list[Row]:
    settings = Settings(Path(), "", model=None, embeddings="", generate=False)
    rows = []
    with library_of(asked, settings, models, lambda *_: None) as pipeline:
        for question in asked.questions:
            hits = pipeline.search(question.text, history=question.history)[:READ]
            readings = models.reader.read(question.text, rank.passages_of(hits))
            places, signals = rank.measure_signals(
                question.text, hits, readings, pipeline.library.idf
            )
            support = [
                is_support(hit.chunk.text[start:end], question) for hit, _, start, end in places
            ]
            if places:
                row = Row(question.type, question.answerable, signals, np.array(support, bool))
                rows.append(row)
    return rows


def fit(rows: list[Row]) -> rank.SignalWeights:
    """Fit the weights that order the sentences, then those of the chance of the best one.

    The order maximises the chance of the support among the sentences of its question. The chance is
    that one of the two best sentences is support; it is fitted on the best sentence of each
    question alone, since of these it is asked.
    """
    supported = [row for row in rows if row.support.any()]

    def loss(weights: np.ndarray) -> float:
        total = 0.0
        for row in supported:
            scores = row.signals @ weights
            shares = np.exp(scores - scores.max())
            total -= np.log(shares[row.support].sum() / shares.sum())
        return total / len(supported) + 1e-3 * float(weights @ weights)

    order = minimize(loss, np.ones(len(rank.SIGNALS))).x
    best = np.stack([row.signals[ranked(row, order)[0]] for row in rows])
    right = np.array([row.support[ranked(row, order)[:2]].any() for row in rows])
    return rank.SignalWeights(order, *regression(best, right))


def regression(signals: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=3000).fit(signals, labels)
    return model.coef_[0], float(model.intercept_[0])


def ranked(row: Row, order: np.ndarray) -> np.ndarray:
    return np.argsort(-(row.signals @ order), kind="stable")


def show(name: str, rows: list[Row], weights: rank.SignalWeights) -> list[Judged]:
    judged, first = [], []
    for row in rows:
        best = ranked(row, weights.order)
        log_odds = row.signals[best[0]] @ weights.answers + weights.offset
        right = bool(row.support[best[:2]].any())
        judged.append(Judged(row.kind, row.answerable, float(1 / (1 + np.exp(-log_odds))), right))
        first.append(bool(row.support[best[0]]))
    answerable = [j for j in judged if j.answerable]
    if answerable:
        best_one = np.mean([f for f, j in zip(first, judged, strict=True) if j.answerable])
        best_two = np.mean([j.right for j in answerable])
        print(
            f"\n{name}: the best sentence is support in {best_one:.3f}, one of two in"
            f" {best_two:.3f}"
        )
    kinds = {kind: [j for j in judged if j.kind == kind] for kind in {j.kind for j in judged}}
    heads = (f"{kind}{'' if of[0].answerable else '*'} ({len(of)})" for kind, of in kinds.items())
    print(f"\n{name}\nconfidence  {'  '.join(heads)}")
    for least in CONFIDENCES:
        shares = (f"{np.mean([j.chance < least for j in of]):.3f}" for of in kinds.values())
        print(f"{least:10.2f}  {'  '.join(shares)}")
    return judged


def curve(judged: list[Judged], path: Path) -> None:
    """Draw risk against coverage.

    Of the questions whose chance reaches a certainty, the share shown something wrong.
    """
    by_chance = sorted(judged, key=lambda j: -j.chance)
    wrong = np.cumsum([not j.right for j in by_chance]) / np.arange(1, len(by_chance) + 1)
    x, y = 60 + 420 * np.arange(1, len(by_chance) + 1) / len(by_chance), 260 - 220 * wrong
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    marks = []
    for least in CONFIDENCES[::2]:
        n = sum(j.chance >= least for j in judged)
        if n:
            marks.append(f'<circle cx="{x[n - 1]:.1f}" cy="{y[n - 1]:.1f}" r="3"/>')
            marks.append(f'<text x="{x[n - 1] - 8:.1f}" y="{y[n - 1] - 8:.1f}">{least:.1f}</text>')
    ticks = "".join(
        f'<text x="{60 + 420 * t:.0f}" y="278">{t:g}</text><text x="30" '
        f'y="{264 - 220 * t:.0f}">{t:g}</text>'
        for t in (0, 0.25, 0.5, 0.75, 1)
    )
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 310" font-family="sans-serif" '
        'font-size="11">'
        '<rect width="500" height="310" fill="white"/><path d="M60 40V260H480" fill="none" '
        'stroke="#888"/>'
        f'<polyline points="{points}" fill="none" stroke="#1d4ed8" '
        f'stroke-width="2"/>{"".join(marks)}{ticks}'
        '<text x="200" y="300">coverage: share of questions answered</text>'
        '<text x="60" y="28">risk: share of these without support among the two best sentences '
        "(dots: confidence)</text></svg>\n",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET_DIR")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--near-misses", type=int, default=0, metavar="N")
    parser.add_argument(
        "--curve", type=Path, metavar="FILE.svg", help="draw risk against coverage over all sets"
    )
    parser.add_argument("--limit", type=int, default=sys.maxsize)
    options = parser.parse_args()
    models = Models(Settings(Path(), "", model=None, embeddings="", generate=False))
    sets = [sample(read_set(folder), options.limit, seed=0) for folder in options.sets]
    if options.near_misses:
        whole = read_set(options.sets[0])
        sets.append(near_misses(whole, options.near_misses, models.embedder))
    rows = {asked.name: rows_of(asked, models) for asked in sets}
    judged = []
    for name, of_set in rows.items():
        others = [row for other, of_other in rows.items() if other != name for row in of_other]
        judged += show(name, of_set, fit(others) if options.fit else rank.fitted(True))
    print("\nShares declined at each confidence; those of the types marked * rightly so.")
    if options.curve:
        curve(judged, options.curve)
    if options.fit:
        weights = fit([row for of_set in rows.values() for row in of_set])
        named = {
            name: dict(zip(rank.SIGNALS, (round(float(w), 3) for w in values), strict=True))
            for name, values in (("order", weights.order), ("answers", weights.answers))
        }
        print(json.dumps(named | {"offset": round(weights.offset, 3)}, indent=2))


if __name__ == "__main__":
    main()
