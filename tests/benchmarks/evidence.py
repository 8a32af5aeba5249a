"""How well the best sentence is found, and where to abstain.

    python tests/benchmarks/evidence.py [--fit] [--curve FILE.svg] [--limit N] SET_DIR…

For each evaluation set: the share of the answerable questions whose best sentence (best two) is
support, and for values of the certainty the share of questions that would be declined, by type.
`--fit` fits the weights of rag/data/evidence.json anew and prints them, with the figures of each
set under weights fitted on the other sets. Nothing is generated.

docs/evaluation.md tells what a SET_DIR holds.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.answering import evidence
from rag.answering.understand import last_asked
from rag.config import Settings
from rag.evaluation.dataset import Question, collapse_spaces, read_set, sample
from rag.evaluation.predictions import library_of
from rag.models.registry import Models
from rag.pipeline import READ

CERTAINTIES = [t / 10 for t in range(1, 10)]
# Something always ranks first, so ranks say nothing of whether anything answers.
RANKS = ("rank_by_cosine", "rank_by_reader")


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


def rows_of(folder: Path, limit: int) -> list[Row]:
    asked = sample(read_set(folder), limit, seed=0)
    settings = Settings(Path(), "", model=None, embeddings="", generate=False)
    rows = []
    with library_of(asked, settings, Models(settings), lambda *_: None) as pipeline:
        models = pipeline.models
        for question in asked.questions:
            hits = pipeline.search(question.text, history=question.history)[:READ]
            before = last_asked(question.history)
            places, signals = evidence.measure(
                question.text, hits, models.reader, models.embedder, pipeline.library.idf, before
            )
            support = [
                is_support(hit.chunk.text[start:end], question) for hit, start, end in places
            ]
            if places:
                rows.append(
                    Row(question.type, question.answerable, signals, np.array(support, bool))
                )
    return rows


def fit(rows: list[Row]) -> tuple[np.ndarray, np.ndarray, float]:
    """Two logistic regressions.

    The weights that order all sentences, then weights and offset of the chance of the best ones.

    The chance is that one of the two best sentences of a question is support. It is fitted on the
    best sentence of each question alone, since of these it is asked: among all sentences nearly
    every one is wrong, and none could be sure.
    """
    order, _ = regression(
        np.concatenate([row.signals for row in rows]), np.concatenate([row.support for row in rows])
    )
    used = np.array([name not in RANKS for name in evidence.SIGNALS])
    best = np.stack([row.signals[ranked(row, order)[0]] * used for row in rows])
    right = np.array([row.support[ranked(row, order)[:2]].any() for row in rows])
    return order, *regression(best, right)


def regression(signals: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    scale = signals.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, max_iter=2000).fit(signals / scale, labels)
    return model.coef_[0] / scale * (signals.std(axis=0) > 0), float(model.intercept_[0])


def ranked(row: Row, order: np.ndarray) -> np.ndarray:
    return np.argsort(-(row.signals @ order))


def chance_of(row: Row, order: np.ndarray, chance: np.ndarray, offset: float) -> float:
    return float(1 / (1 + np.exp(-(row.signals[ranked(row, order)[0]] @ chance + offset))))


def show(
    name: str, rows: list[Row], order: np.ndarray, chance: np.ndarray, offset: float
) -> list[Judged]:
    judged, first = [], []
    for row in rows:
        best = ranked(row, order)
        right = bool(row.support[best[:2]].any())
        judged.append(
            Judged(row.kind, row.answerable, chance_of(row, order, chance, offset), right)
        )
        first.append(bool(row.support[best[:1]].any()))
    answerable = [j for j in judged if j.answerable]
    shares = [
        np.mean([f for f, j in zip(first, judged, strict=True) if j.answerable]),
        np.mean([j.right for j in answerable]),
    ]
    print(
        f"\n{name}: the best sentence is support in {shares[0]:.3f}, one of the best two in "
        f"{shares[1]:.3f}"
    )
    kinds = {
        kind: [j for j in judged if j.kind == kind]
        for kind in dict.fromkeys(j.kind for j in judged)
    }
    print(
        "certainty  "
        + "  ".join(
            f"{kind}{'' if of[0].answerable else '*'} ({len(of)})" for kind, of in kinds.items()
        )
    )
    for least in CERTAINTIES:
        print(
            f"{least:9.2f}  "
            + "  ".join(f"{np.mean([j.chance < least for j in of]):.3f}" for of in kinds.values())
        )
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
    for least in CERTAINTIES[::2]:
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
        "(dots: certainty)</text></svg>\n",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET_DIR")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument(
        "--curve", type=Path, metavar="FILE.svg", help="draw risk against coverage over all sets"
    )
    parser.add_argument("--limit", type=int, default=sys.maxsize)
    options = parser.parse_args()
    rows = {folder.name: rows_of(folder, options.limit) for folder in options.sets}
    judged = []
    for name, of_set in rows.items():
        others = [row for other, of_other in rows.items() if other != name for row in of_other]
        judged += show(name, of_set, *(fit(others) if options.fit else evidence.fitted()))
    print(
        "\nShares of questions declined at each certainty; those of the types marked * rightly so."
    )
    if options.curve:
        curve(judged, options.curve)
    if options.fit:
        order, chance, offset = fit([row for of_set in rows.values() for row in of_set])
        named = {
            name: {
                signal: round(float(w), 3)
                for signal, w in zip(evidence.SIGNALS, weights, strict=True)
                if w
            }
            for name, weights in (("order", order), ("chance", chance))
        }
        print(json.dumps(named | {"offset": round(offset, 3)}, indent=2))


if __name__ == "__main__":
    main()
