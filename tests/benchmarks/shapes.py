"""How well questions of every shape are answered.

    python tests/benchmarks/shapes.py [--part tune|held] [--shape SHAPE] [--show] [--out FILE.jsonl]

Builds a library of tests/data/shapes/documents in a temporary folder, asks the questions of
tests/data/shapes/questions.jsonl and prints the figures of each shape; docs/evaluation.md tells
what they mean. `--show` prints each answer with its footnotes and figures, `--out` writes the
answers as JSON lines. The RAG_* variables have their usual effect.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rag.config import Settings
from rag.evaluation.shapes import (
    DOCUMENTS_FOLDER,
    PARTS,
    SHAPE_NAMES,
    ShapeQuestion,
    measure_shape,
    read_shape_questions,
    report_shapes,
)
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.render.json import answer_json
from rag.render.text import table
from rag.types import Answer, Document

SET = Path(__file__).parents[1] / "data" / "shapes"
FIGURES = (
    *("recognised", "right", "proved", "direct", "recall", "precision", "direction"),
    *("sections", "all_cited", "brief", "wrongly_declined", "rightly_declined"),
    *("doubled", "fragment"),
)


def show(question: ShapeQuestion, answer: Answer, documents: dict[str, Document]) -> None:
    figures = measure_shape(question, answer, documents)
    marks = " ".join(f"{name}={value:.2g}" for name, value in figures.items())
    print(f"\n{question.id}: {question.text}\n  {answer.shape}, {marks}")
    declined = f"(declined: {answer.reason}, confidence {answer.confidence})"
    print("  " + (declined if answer.abstained else answer.answer.replace("\n", "\n  ")))
    for note in answer.notes:
        print(f"    {note}")
    for cited in answer.citations:
        print(f"    [{cited.marker}] {cited.document}, {cited.section}: {cited.quote!r}")


def print_figures(
    asked: Sequence[tuple[ShapeQuestion, Answer]], documents: dict[str, Document]
) -> None:
    reports = report_shapes(asked, documents)
    names = [name for name in FIGURES if any(name in report.figures for report in reports)]
    rows = [("", *(report.shape for report in reports))]
    rows += [("questions", *(str(report.questions) for report in reports))]
    for name in names:
        values = (report.figures.get(name) for report in reports)
        rows.append((name, *("–" if value is None else f"{value:.3f}" for value in values)))
    rows.append(("words", *("–" if r.words is None else str(r.words) for r in reports)))
    print(table(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS, help="ask one half of the questions")
    parser.add_argument("--shape", choices=SHAPE_NAMES, help="ask the questions of one shape")
    parser.add_argument("--show", action="store_true", help="print every answer")
    parser.add_argument("--out", type=Path, help="write the answers as JSON lines")
    options = parser.parse_args()
    questions = [
        question
        for question in read_shape_questions(SET)
        if options.part in (None, question.part) and options.shape in (None, question.shape)
    ]
    with tempfile.TemporaryDirectory(prefix="rag-shapes-") as folder:
        settings = replace(
            Settings.from_environment(), indexes=Path(folder) / "indexes", library="shapes"
        )
        with Pipeline(settings, Models(settings)) as pipeline:
            for added in pipeline.add([SET / DOCUMENTS_FOLDER]):
                assert added.outcome == "added", added
            documents = {
                info.name: pipeline.document(info.name) for info in pipeline.library.documents()
            }
            asked = []
            for question in questions:
                answer = pipeline.ask(question.text)
                asked.append((question, answer))
                if options.show:
                    show(question, answer, documents)
    print()
    print_figures(asked, documents)
    if options.out:
        with options.out.open("w", encoding="utf-8") as out:
            for question, answer in asked:
                line = {"id": question.id, **answer_json(answer)}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
