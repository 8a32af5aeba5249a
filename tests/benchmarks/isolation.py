"""What it costs to read each file in a process of its own, beside reading in this one.

    python tests/benchmarks/isolation.py [--reports 200] [--folder FOLDER]

Reports of 20 to 60 paragraphs are written in turn as text, Markdown, HTML, DOCX and PDF, or the
files of a folder are taken. All are read in this process and apart, three times in turn; the start
of the other process is part of its time. Then all are added to a new library, once each way: that
is what a user waits for. Beside the clock stands the time of the processor, which other programs do
not change.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest.mock import patch

SENTENCE = (
    "The council of {place} counted {n} lamps along the quay, of which {m} were dark in the "
    "winter of {year}. "
)
SUFFIXES = ("txt", "md", "html", "docx", "pdf")
PLACES = ("Varde", "Estmark", "Osk", "Norby", "Halle", "Lund", "Tarn")


def paragraphs(report: int) -> list[str]:
    return [
        "".join(
            SENTENCE.format(place=PLACES[(report + k) % 7], n=report * k + 7, m=k, year=1900 + k)
            for k in range(number, number + 5)
        ).strip()
        for number in range(20 + report % 41)
    ]


def write_report(folder: Path, report: int, suffix: str) -> Path:
    told, file = paragraphs(report), folder / f"report-{report}.{suffix}"
    match suffix:
        case "html":
            body = "".join(f"<p>{text}</p>\n" for text in told)
            file.write_text(f"<html><body><h1>Lamps {report}</h1>{body}</body></html>", "utf-8")
        case "docx":
            from docx import Document as Docx

            document = Docx()
            for text in told:
                document.add_paragraph(text)
            document.save(str(file))
        case "pdf":
            from reportlab.lib.styles import ParagraphStyle
            from reportlab.platypus import Paragraph, SimpleDocTemplate

            style = ParagraphStyle("text", fontName="Times-Roman", fontSize=11, spaceAfter=10)
            SimpleDocTemplate(str(file)).build([Paragraph(text, style) for text in told])
        case _:
            file.write_text(f"# Lamps {report}\n\n" + "\n\n".join(told), "utf-8")
    return file


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of the processor in this process and its children that ended."""

    clock: float
    processor: float


def cost(work: Callable[[], object]) -> Cost:
    clock, processor = perf_counter(), sum(os.times()[:4])
    work()
    return Cost(perf_counter() - clock, sum(os.times()[:4]) - processor)


def read_all(files: Sequence[Path], apart: bool) -> None:
    from rag.reading.documents import read_document
    from rag.reading.process.worker import WorkerPool

    pool = WorkerPool()
    for file in files:
        (pool.read if apart else read_document)(file)
    pool.close()


def add_all(files: Sequence[Path], folder: Path, apart: bool) -> None:
    from rag import ingest
    from rag.config import Settings
    from rag.models.registry import Models
    from rag.pipeline import Pipeline
    from rag.reading.documents import read_document
    from rag.reading.process.worker import WorkerPool

    pool = WorkerPool()
    read = pool.read if apart else read_document
    settings = Settings(folder, "made", None, embeddings="", generate=False)
    with patch.object(ingest, "read_apart", read), Pipeline(settings, Models(settings)) as pipeline:
        pipeline.create()
        added = ingest.add_files(pipeline.library, pipeline.models.embedder, files)
        outcomes = [one.outcome for one in added]
    pool.close()
    assert "failed" not in outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="take these files instead")
    parser.add_argument("--read", action="store_true", help="only read, add nothing")
    options = parser.parse_args()

    with TemporaryDirectory() as name:
        folder = Path(name)
        files = (
            sorted(path for path in options.folder.rglob("*") if path.is_file())
            if options.folder
            else [write_report(folder, n, SUFFIXES[n % 5]) for n in range(options.reports)]
        )
        read_all(files[:5], apart=False)  # imports what is needed
        here: list[Cost] = []
        apart: list[Cost] = []
        for _ in range(3):
            here.append(cost(lambda: read_all(files, apart=False)))
            apart.append(cost(lambda: read_all(files, apart=True)))
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} files, {size:.1f} MB")
        report("read, best of three", best(here), best(apart), len(files))
        if not options.read:
            add_all(files[:5], folder / "warm", apart=False)
            one = cost(lambda: add_all(files, folder / "here", apart=False))
            report(
                "add", one, cost(lambda: add_all(files, folder / "apart", apart=True)), len(files)
            )


def best(costs: Sequence[Cost]) -> Cost:
    return Cost(min(c.clock for c in costs), min(c.processor for c in costs))


def report(what: str, here: Cost, apart: Cost, files: int) -> None:
    for kind in ("clock", "processor"):
        one, other = getattr(here, kind), getattr(apart, kind)
        print(
            f"{what}, {kind}: {one:.2f} s here, {other:.2f} s apart, {other / one - 1:+.1%}, "
            f"{(other - one) / files * 1000:+.1f} ms a file"
        )


if __name__ == "__main__":
    main()
