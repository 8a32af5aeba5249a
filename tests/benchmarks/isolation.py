"""What it costs to read each file in a process of its own, beside reading in this one.

    python tests/benchmarks/isolation.py [--reports 200] [--folder FOLDER]

Reports of 20 to 60 paragraphs are written in turn as text, Markdown, HTML, DOCX and PDF, or the
files of a folder are taken. All are read in this process and apart, three times in turn; the start
of the other process is part of its time. Then all are added to a new library, once each way: that
is what a user waits for.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest.mock import patch

from rag.types import Document

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


def seconds_to_read(files: Sequence[Path], read: Callable[[Path], Document]) -> float:
    start = perf_counter()
    for file in files:
        read(file)
    return perf_counter() - start


def seconds_to_add(files: Sequence[Path], folder: Path, read: Callable[[Path], Document]) -> float:
    from rag import ingest
    from rag.config import Settings
    from rag.models.registry import Models
    from rag.pipeline import Pipeline

    settings = Settings(folder, "made", None, embeddings="", generate=False)
    start = perf_counter()
    with patch.object(ingest, "read_apart", read), Pipeline(settings, Models(settings)) as pipeline:
        outcomes = [added.outcome for added in pipeline.add(files)]
    assert "failed" not in outcomes
    return perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="take these files instead")
    parser.add_argument("--no-add", action="store_true", help="only read")
    options = parser.parse_args()
    from rag.ingest import find_files
    from rag.reading.documents import read_document
    from rag.reading.process.worker import WorkerPool

    with TemporaryDirectory() as name:
        folder = Path(name)
        files = (
            find_files([options.folder])
            if options.folder
            else [write_report(folder, n, SUFFIXES[n % 5]) for n in range(options.reports)]
        )
        read_document(files[0])  # imports what is needed
        here: list[float] = []
        apart: list[float] = []
        for _ in range(3):
            here.append(seconds_to_read(files, read_document))
            pool = WorkerPool()
            apart.append(seconds_to_read(files, pool.read))
            pool.close()
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} files, {size:.1f} MB; seconds, best of three")
        report("read", min(here), min(apart), len(files))
        if not options.no_add:
            pool = WorkerPool()
            alone = seconds_to_add(files, folder / "here", read_document)
            report("add", alone, seconds_to_add(files, folder / "apart", pool.read), len(files))
            pool.close()


def report(what: str, here: float, apart: float, files: int) -> None:
    print(
        f"{what:5} in this process {here:7.2f}, apart {apart:7.2f}: {apart / here - 1:+.1%}, "
        f"{(apart - here) / files * 1000:+.1f} ms a file"
    )


if __name__ == "__main__":
    main()
