"""Compare what is read of a folder of real files with what pdftotext and pandoc read of them.

    python tests/benchmarks/real_files.py FOLDER [--rows ROWS.jsonl]

Prints a line a format: words recall and precision, order (beside the nearer of the two orders that
pdftotext knows), neighbouring words kept together, crashes, seconds a page. Each file is read in a
process of its own, so a crash or an endless loop is counted and ends nothing. pdftotext
(poppler-utils) is the reference for PDF, pandoc for the other formats; without them only crashes
and seconds are measured. "Bare" is PDFium's own extraction of the same file, in the same process.
Seconds are those of the processor, so that a busy machine changes little.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time
from unicodedata import normalize

PANDOC = {
    ".docx": "docx",
    ".odt": "odt",
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".rtf": "rtf",
    ".csv": "csv",
}
AS_IT_IS = (".txt", ".tsv")
# The shares below .9 are told of PDFs with as many words: of a form with ten words each is a tenth.
FEWEST_WORDS = 300
SECONDS_A_FILE = 120
WARM_UP = "Il porto è chiuso la domenica. The port is closed on Sundays, and nobody was there. " * 9
Row = dict[str, object]


def words(text: str) -> list[str]:
    """Return the words in small letters; hyphens and where lines end make no difference."""
    text = normalize("NFKC", text).replace("\xad", "").lower()
    return re.findall(r"[^\W_]+", re.sub(r"[-‐‑]\s*", "", text))


def order(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return the share of the triples of words that both have once which stand in one order.

    The order is that of the longest rising sequence of their places.
    """
    triples = [[*zip(text, text[1:], text[2:], strict=False)] for text in (ours, theirs)]
    once = [{t for t, count in Counter(text).items() if count == 1} for text in triples]
    both = once[0] & once[1]
    places = {triple: place for place, triple in enumerate(triples[1])}
    ends: list[int] = []
    for place in (places[triple] for triple in triples[0] if triple in both):
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends) / len(both) if both else 1.0


def together(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return the share of the neighbouring words of the reference that are neighbours here too."""
    one, other = (Counter(pairwise(text)) for text in (ours, theirs))
    return (one & other).total() / max(1, other.total())


def references(path: Path) -> list[str]:
    """Return what the other program reads of a file, none where it reads nothing.

    Of a PDF two texts: in the order that pdftotext finds, and in that of the file. Each is wrong on
    some pages, in columns and tables most of all.
    """
    suffix = path.suffix.lower()
    if suffix in AS_IT_IS:
        return [path.read_text("utf-8", "replace")]
    commands: list[list[str]] = []
    if suffix == ".pdf":
        commands = [["pdftotext", *o, "-enc", "UTF-8", str(path), "-"] for o in ([], ["-raw"])]
    elif suffix in PANDOC:
        commands = [["pandoc", "-f", PANDOC[suffix], "-t", "plain", "--wrap=none", str(path)]]
    if not commands or not shutil.which(commands[0][0]):
        return []
    texts = [_output(command) for command in commands]
    return texts if all(texts) else []


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_A_FILE, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("utf-8", "replace")


def bare(path: Path) -> tuple[float, int]:
    """Return how long PDFium alone takes, in seconds, and how many pages it reads."""
    from pypdfium2 import PdfDocument, PdfiumError

    started = process_time()
    try:
        pdf = PdfDocument(path)
        for page in pdf:
            page.get_textpage().get_text_range()
    except PdfiumError:
        return 0.0, 0
    return process_time() - started, len(pdf)


def read_one(path: Path, answer: Connection) -> None:
    """Read a file and send what came of it; an unexpected error is a crash."""
    from rag.errors import RagError
    from rag.reading.documents import read_document

    try:
        alone, pages = bare(path) if path.suffix.lower() == ".pdf" else (0.0, 1)
        started = process_time()
        try:
            text, refused = read_document(path).text, ""
        except RagError as error:
            text, refused = "", str(error)
        answer.send((process_time() - started, alone, pages, text, refused, ""))
    except BaseException as error:
        answer.send((0.0, 0.0, 0, "", "", f"{type(error).__name__}: {error}"))


def measured(path: Path) -> Row:
    here, there = get_context("fork").Pipe(duplex=False)
    process = get_context("fork").Process(target=read_one, args=(path, there))
    process.start()
    there.close()
    result = (0.0, 0.0, 0, "", "", "")
    try:
        if here.poll(SECONDS_A_FILE):
            result = here.recv()
        else:
            result = (*result[:5], f"not read within {SECONDS_A_FILE} seconds")
    except EOFError:
        process.join()
        result = (*result[:5], f"the process ended with {process.exitcode}")
    process.kill()
    process.join()
    seconds, alone, pages, text, refused, crash = result
    row: Row = {
        "file": path.name,
        "format": path.suffix.lower().lstrip("."),
        "seconds": round(seconds, 3),
        "bare": round(alone, 3),
        "pages": pages,
        "refused": refused,
        "crash": crash,
    }
    texts = [] if crash or refused else [words(text) for text in references(path)]
    if texts and texts[0]:
        theirs = texts[0]
        ours = words(text)
        common = (Counter(ours) & Counter(theirs)).total()
        row |= {
            "words": len(theirs),
            "recall": round(common / len(theirs), 4),
            "precision": round(common / max(1, len(ours)), 4),
            "order": round(max(order(ours, one) for one in texts), 4),
            "together": round(max(together(ours, one) for one in texts), 4),
        }
    return row


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line of Markdown for each format; recall, precision and order are means of files."""
    yield (
        "| Format | Files | Refused | Crashes | Compared | Recall | Precision | Order | Together "
        "| Recall < .9 | Order < .9 | Seconds a page | Times bare |"
    )
    yield "|---" * 13 + "|"
    for kind in sorted({str(row["format"]) for row in rows}):
        ours = [row for row in rows if row["format"] == kind]
        compared = [row for row in ours if "recall" in row]
        long = [row for row in compared if int(str(row["words"])) >= FEWEST_WORDS]

        def mean(name: str, of: Sequence[Row] = long) -> str:
            return f"{statistics.fmean(float(str(r[name])) for r in of):.3f}" if of else ""

        def below(name: str, of: Sequence[Row] = long) -> str:
            count = sum(float(str(row[name])) < 0.9 for row in of)
            return f"{count} ({count / len(of):.1%})" if of else ""

        def total(name: str, of: Sequence[Row] = ours) -> float:
            return sum(float(str(row[name])) for row in of)

        pages, alone = total("pages"), total("bare")
        yield " | ".join(
            [
                f"| {kind}",
                str(len(ours)),
                str(sum(bool(row["refused"]) for row in ours)),
                str(sum(bool(row["crash"]) for row in ours)),
                str(len(long)),
                *map(mean, ("recall", "precision", "order", "together")),
                *map(below, ("recall", "order")),
                f"{total('seconds') / pages:.4f}" if pages else "",
                f"{total('seconds') / alone:.1f} |" if alone else " |",
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="read every file in it and below")
    parser.add_argument("--rows", type=Path, help="write a line of JSON for each file to this file")
    parser.add_argument("--jobs", type=int, default=1, help="files read at once (default: 1)")
    chosen = parser.parse_args()
    import pypdfium2  # noqa: F401 - once, before the processes that read

    from rag.reading.documents import SUFFIXES, document_of

    # What sentences and languages need is loaded once, too, and shared by the processes.
    document_of(WARM_UP.encode(), "warm-up.txt")
    paths = sorted(p for p in chosen.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    with ThreadPoolExecutor(chosen.jobs) as threads:
        rows = list(threads.map(measured, paths))
    if chosen.rows:
        chosen.rows.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
        )
    for row in rows:
        if row["crash"]:
            print(f"CRASH {row['file']}: {row['crash']}")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
