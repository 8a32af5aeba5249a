"""Compare the headings that are read of real PDFs with what their authors tagged as headings.

    python tests/benchmarks/pdf_headings.py FOLDER [--show]

A tagged PDF says itself which words are a heading (H, H1 to H6); programs like Word write these
tags from the styles that the author used. Compared are the first pages of files with three tagged
headings or more there. Authors leave headings untagged or tag what is none, so that both shares are
lower than a reader would say.

Recall: the share of the tagged headings that are read as headings, in the same words. Precision:
the share of the headings read that are tagged. The title of the file counts in neither. Each file
counts as much as the others.
"""

import argparse
from collections import Counter
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import pypdfium2
from tagged_pdf import cut, elements, plain, text_of, texts_of_marks

from rag.reading.documents import read_document

MOST_PAGES = 20
FEWEST = 3  # headings
TAGS = ("H", "H1", "H2", "H3", "H4", "H5", "H6")


def tagged_headings(path: Path) -> Counter[str]:
    """Return the letters and digits of each heading that the tags of the first pages name."""
    found = Counter[str]()
    with pypdfium2.PdfDocument(path) as pdf:
        for number in range(min(len(pdf), MOST_PAGES)):
            page = pdf[number]
            texts = texts_of_marks(page)
            found.update(plain(text_of(one, texts)) for one in elements(page, *TAGS))
    del found[""]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="take the tagged PDFs in it and below")
    parser.add_argument("--show", action="store_true", help="show the headings that differ")
    chosen = parser.parse_args()
    shares: list[tuple[float, float]] = []
    for path in sorted(chosen.folder.rglob("*.pdf")):
        with TemporaryDirectory() as folder:
            part = Path(folder, "part.pdf")
            try:
                with pypdfium2.PdfDocument(path) as pdf:
                    pages = min(len(pdf), MOST_PAGES)
                cut(path, range(pages), part)
                tagged = tagged_headings(path)
                if tagged.total() < FEWEST:
                    continue
                document = read_document(part)
            except Exception as error:  # of files from elsewhere every reader fails in its own way
                print(f"{path.name} is left out: {type(error).__name__}: {error}")
                continue
        title = plain(document.title)
        read = Counter(plain(section.heading) for section in document.sections)
        for counts in (read, tagged):
            del counts[title], counts[""]
        right = (read & tagged).total()
        shares.append((right / max(1, read.total()), right / max(1, tagged.total())))
        print(f"{shares[-1][0]:.2f} {shares[-1][1]:.2f} {path.name}")
        if chosen.show:
            print(f"    only read: {[*(read - tagged).elements()]}")
            print(f"    not read: {[*(tagged - read).elements()]}")
    precision, recall = (mean(share) for share in zip(*shares, strict=True))
    print(f"{len(shares)} files: precision {precision:.3f}, recall {recall:.3f}")


if __name__ == "__main__":
    main()
