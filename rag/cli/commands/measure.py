"""`rag eval` and `rag bench`: how good the answers are, and how fast."""

import argparse
import json
import sys
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from rag.cli.common import open_answers, open_pipeline, read_text_file
from rag.cli.output import print_json, print_text, say, say_progress
from rag.config import Settings

if TYPE_CHECKING:
    from rag.evaluation.dataset import EvaluationSet
    from rag.evaluation.metrics import Report
    from rag.evaluation.predictions import Prediction

# Questions that `rag eval --make` makes: enough to separate 0.80 from 0.90, few enough to read.
MADE_QUESTIONS = 100


def run_eval(settings: Settings, options: argparse.Namespace) -> int:
    """Measure search and answers on an evaluation set, or make a set."""
    from rag.errors import UsageError
    from rag.evaluation.metrics import report

    if options.make:
        return _make_set(settings, options)
    if options.set is None or options.questions or options.library:
        raise UsageError(
            "rag eval takes the folder of a set, which brings its own library; --library and "
            "--questions go with --make OUT_DIR."
        )
    if options.retrieval_only and options.out:
        raise UsageError(
            "--out writes answers, and --retrieval-only makes none; leave one of them away."
        )
    asked = _read_set(options)
    figures = report(asked, _collect_predictions(settings, options, asked))
    if options.json:
        _print_report_as_json(figures)
    elif options.markdown:
        _print_report_as_markdown(figures)
    else:
        _print_report(figures)
    return 0


def _read_set(options: argparse.Namespace) -> "EvaluationSet":
    from rag.evaluation import dataset

    whole = dataset.read_set(options.set)
    asked = dataset.confirmed(whole)
    if unconfirmed := len(whole.questions) - len(asked.questions):
        say(
            f'{unconfirmed} questions marked "proposed" are left out; remove the mark from those '
            "you have checked."
        )
    return dataset.sample(asked, options.limit or sys.maxsize, options.seed)


def _collect_predictions(
    settings: Settings, options: argparse.Namespace, asked: "EvaluationSet"
) -> "list[Prediction]":
    from rag.evaluation.predictions import predict
    from rag.render.json import answer_json

    def progress(what: str, done: int, total: int) -> None:
        say_progress(done, total, what)

    models, made = options.make_models(settings), []
    coming = predict(asked, settings, models, options.retrieval_only, progress)
    with open_answers(options.out) as out, closing(coming):
        for prediction in coming:
            made.append(prediction)
            if prediction.answer:
                line = {"id": prediction.question.id, **answer_json(prediction.answer)}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return made


def _print_report_as_json(report: "Report") -> None:
    figures = {name: figure._asdict() for name, figure in report.figures.items()}
    seconds = {name: spent._asdict() for name, spent in report.seconds.items()}
    print_json({**asdict(report), "figures": figures, "seconds": seconds})


def _print_report_as_markdown(report: "Report") -> None:
    from rag.evaluation.metrics import FIGURES

    cells = {"set": report.set, "questions": str(report.questions)}
    cells |= {
        name: f"{report.figures[name].value:.3f}" if name in report.figures else "–"
        for name in FIGURES
    }
    cells |= {
        f"{name} p50 / p95 s": f"{spent.p50:.2f} / {spent.p95:.2f}"
        for name, spent in report.seconds.items()
    }
    for row in (cells, ["---"] * len(cells), cells.values()):
        print_text(f"| {' | '.join(row)} |")


def _print_report(report: "Report") -> None:
    from rag.render.text import table

    rows = [
        (name, f"{f.value:.3f}", f"{f.low:.3f}–{f.high:.3f}", f"of {f.questions}")
        for name, f in report.figures.items()
    ]
    words = {
        "answer words": report.answer_words_median,
        "words as shown": report.shown_words_median,
    }
    rows += [(name, str(n), "", "median") for name, n in words.items() if n is not None]
    rows += [
        (f"seconds: {name}", f"{s.p50:.3f}", f"p95 {s.p95:.3f}", "median")
        for name, s in report.seconds.items()
    ]
    print_text(table(rows))


def _make_set(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.evaluation.dataset import make_set

    if options.set:
        raise UsageError(
            "--make writes a new set, so no folder of a set is read; leave one of them away."
        )
    typed = None
    if options.questions:
        text = read_text_file(
            options.questions, "The questions", "a text file in UTF-8, one a line"
        )
        typed = [line.strip() for line in text.splitlines() if line.strip()]
    with open_pipeline(replace(settings, generate=False), options) as pipeline:
        made = make_set(
            pipeline, options.make, typed, options.limit or MADE_QUESTIONS, options.seed
        )
    say(
        f"{made} questions about the library {settings.library!r} are in {options.make}; "
        "docs/evaluation.md says how to go on."
    )
    return 0


def run_bench(settings: Settings, options: argparse.Namespace) -> int:
    """Measure speed on this machine beside its references."""
    from rag.evaluation.benchmark import Size, bench
    from rag.render.text import table

    models, size = options.make_models(settings), Size(chunks=options.chunks)
    rows = bench(settings, models, bool(options.library), lambda text: say(f"{text} …"), size)
    if options.json:
        print_json([{**asdict(row), "ratio": row.ratio} for row in rows])
        return 0
    compared = (
        f"{row.ratio:.2f} × {row.reference_value:.2f} {row.unit} of {row.reference}"
        if row.ratio
        else ""
        for row in rows
    )
    values = (f"{row.value:.2f} {row.unit}" for row in rows)
    print_text(table(zip((row.what for row in rows), values, compared, strict=True)))
    return 0
