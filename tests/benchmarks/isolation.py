"""What it costs to read each file in a process of its own, beside reading in this one.

    python tests/benchmarks/isolation.py [--reports 200] [--folder FOLDER]

Reports of 20 to 60 paragraphs are written in turn as text, Markdown, HTML, DOCX and PDF, or the
files of a folder are taken. Five are read first, each way, which loads what reads them and starts
the other process. All are read in this process and apart, three times in turn. Then all are added
to a new library, once each way: that is what a user waits for. Beside the clock stands the time of
the processor, which other programs change less.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest.mock import patch

import psutil

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
    """Seconds by the clock, and of the processor in this process and its children."""

    clock: float
    processor: float


def cost(work: Callable[[], object]) -> Cost:
    clock, processor = perf_counter(), processor_seconds()
    work()
    return Cost(perf_counter() - clock, processor_seconds() - processor)


def processor_seconds() -> float:
    """Return what this process and its children have used, those that run and those that ended."""
    running = [child.cpu_times() for child in psutil.Process().children()]
    return sum(os.times()[:4]) + sum(times.user + times.system for times in running)


def read_here(files: Sequence[Path]) -> None:
    from rag.reading.documents import read_document

    for file in files:
        read_document(file)


def read_apart(files: Sequence[Path]) -> None:
    from rag.reading.process.worker import read_apart

    for file in files:
        read_apart(file)


def add_all(files: Sequence[Path], folder: Path, apart: bool) -> None:
    from rag import ingest
    from rag.config import Settings
    from rag.models.registry import Models
    from rag.pipeline import Pipeline
    from rag.reading.documents import read_document
    from rag.reading.process.worker import WorkerPool
    from rag.types import Document

    pool = WorkerPool()

    def read(path: Path, ocr: str) -> Document:
        return pool.read(path, ocr) if apart else read_document(path)

    settings = Settings(folder, "made", None, embeddings="", generate=False)
    with patch.object(ingest, "read_apart", read), Pipeline(settings, Models(settings)) as pipeline:
        pipeline.create()
        added = ingest.add_files(pipeline.library, pipeline.models.embedder, files)
        outcomes = [one.outcome for one in added]
    pool.close()
    assert outcomes == ["added"] * len(files)


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
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} files, {size:.1f} MB")
        first = files[:5]
        start = cost(lambda: read_here(first)), cost(lambda: read_apart(first))
        report("five files and what reads them loaded", *start, len(first))
        here: list[Cost] = []
        apart: list[Cost] = []
        for _ in range(3):
            here.append(cost(lambda: read_here(files)))
            apart.append(cost(lambda: read_apart(files)))
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
