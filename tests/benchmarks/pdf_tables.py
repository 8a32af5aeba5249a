"""Compare the tables that are read of real PDFs with what their authors tagged as tables.

    pip install pdfplumber
    python tests/benchmarks/pdf_tables.py FOLDER [--most 50] [--show]

A tagged PDF says itself which words are a cell, a row, a table, and programs like Word write these
tags from the table that the author made, so they are the reference. Compared are tables of plain
rows: two columns and two rows at least, as many cells in each row, words in every head. Of each
file three tables at most are taken, so that no long report decides alone.

A row that was read stands for the row with which it has the most cells in common. Cells right: the
share of the cells below the first row that stand, word for word, in the row that was read for
theirs. Heads right: of those cells the share that has the right head above it, in tables whose
first row can hold heads, as it bears no number of three digits. Both read a PDF of the pages
with these tables alone; pdfplumber with its own settings, the first row of a table is its heads.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2
from tagged_pdf import children, cut, descend, elements, plain, text_of, texts_of_marks

from rag.reading.documents import read_document

MOST_OF_A_FILE = 3
MOST_PAGES = 60
Row = list[tuple[str, str]]  # cells, each with its head


@dataclass
class Scores:
    """What was found of the cells of some tables."""

    cells: int = 0
    right: int = 0
    headed: int = 0  # of these those that have a head
    heads_right: int = 0
    tables_right: int = 0
    worst: list[tuple[float, str]] = field(default_factory=list)


# --- What the author tagged -----------------------------------------------------------------------


def tagged_tables(path: Path) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield the tables of a PDF as its tags have them, each with the index of its page: rows of
    texts of cells, heads first.
    """
    with pypdfium2.PdfDocument(path) as pdf:
        for number in range(min(len(pdf), MOST_PAGES)):
            page = pdf[number]
            texts = texts_of_marks(page)
            for element in elements(page, "Table"):
                rows = [
                    [text_of(cell, texts) for cell in children(row, "TH", "TD")]
                    for row in descend(element, "TR")
                ]
                yield number, rows


def is_plain(table: Sequence[Sequence[str]]) -> bool:
    """Return whether a table is rows of as many cells, with words in each head."""
    widths = {len(row) for row in table}
    filled = sum(bool(plain(cell)) for row in table[1:] for cell in row)
    return (
        len(table) > 1
        and len(widths) == 1
        and widths.pop() > 1
        and all(plain(head) for head in table[0])
        and filled * 2 > (len(table) - 1) * len(table[0])
    )


def has_heads(table: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row can hold heads: that of a table's second part bears figures."""
    return not any(re.search(r"\d{3}", cell) for cell in table[0])


# --- What is read ---------------------------------------------------------------------------------


def our_rows(path: Path) -> list[Row]:
    document = read_document(path)
    rows: list[Row] = []
    for table in document.tables:
        by_row: dict[int, Row] = {}
        for cell in table.cells:
            head = " ".join(table.heads[cell.column : cell.column + cell.columns])
            shown = document.text[cell.start : cell.end]
            by_row.setdefault(cell.row, []).append((plain(shown), plain(head)))
        rows += by_row.values()
    return rows


def their_rows(path: Path) -> list[Row]:
    import pdfplumber

    rows: list[Row] = []
    with pdfplumber.open(path) as pdf:
        for page in pdf.pages:
            for table in page.extract_tables():
                heads = [plain(cell or "") for cell in table[0]]
                rows += [
                    [(plain(cell or ""), head) for cell, head in zip(row, heads, strict=False)]
                    for row in table
                ]
    return rows


def compare(table: Sequence[Sequence[str]], rows: Sequence[Row], scores: Scores, name: str) -> None:
    """Count what of the cells of a table stands in the rows that were read."""
    heads = [plain(head) for head in table[0]]
    total = right = heads_right = 0
    for cells in table[1:]:
        wanted = [(plain(cell), head) for cell, head in zip(cells, heads, strict=True)]
        wanted = [(cell, head) for cell, head in wanted if cell]
        texts = Counter(cell for cell, _ in wanted)
        best = max(rows, key=lambda row: (texts & Counter(c for c, _ in row)).total(), default=[])
        total += len(wanted)
        right += (texts & Counter(cell for cell, _ in best)).total()
        heads_right += (Counter(wanted) & Counter(best)).total() if has_heads(table) else 0
    scores.cells += total
    scores.right += right
    scores.heads_right += heads_right
    headed = has_heads(table)
    scores.headed += right if headed else 0
    scores.tables_right += right == total and (heads_right == total or not headed)
    scores.worst.append(((heads_right if headed else right) / max(1, total), name))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="take the tagged PDFs in it and below")
    parser.add_argument("--most", type=int, default=50, help="tables to compare (default: 50)")
    parser.add_argument("--show", action="store_true", help="name the tables that are read worst")
    chosen = parser.parse_args()
    readers = {"this reader": (our_rows, Scores()), "pdfplumber": (their_rows, Scores())}
    tables = files = 0
    for path in sorted(chosen.folder.rglob("*.pdf")):
        try:
            placed = [(n, t) for n, t in tagged_tables(path) if is_plain(t)][:MOST_OF_A_FILE]
            placed = placed[: chosen.most - tables]
            if not placed:
                continue
            with TemporaryDirectory() as folder:
                part = Path(folder, "part.pdf")
                cut(path, sorted({number for number, _ in placed}), part)
                read = {name: rows_of(part) for name, (rows_of, _) in readers.items()}
        except Exception as error:  # of files from elsewhere every reader fails in its own way
            print(f"{path.name} is left out: {type(error).__name__}: {error}")
            continue
        found = [table for _, table in placed]
        files += 1
        tables += len(found)
        for name, (_, scores) in readers.items():
            for table in found:
                compare(table, read[name], scores, f"{path.name}: {' | '.join(table[0])[:60]}")
        if tables >= chosen.most:
            break
    print(f"{tables} tables of {files} files")
    print(
        "| | Cells | Cells right | Heads right | Tables without an error |\n|---|---|---|---|---|"
    )
    for name, (_, s) in readers.items():
        shares = [s.right / max(1, s.cells), s.heads_right / max(1, s.headed)]
        print(f"| {name} | {s.cells} | {shares[0]:.3f} | {shares[1]:.3f} | {s.tables_right} |")
        if chosen.show:
            print("\n".join(f"    {share:.2f} {where}" for share, where in sorted(s.worst)[:25]))


if __name__ == "__main__":
    main()
