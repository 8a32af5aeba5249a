"""Small libraries made by hand, and one of an old format."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np

from rag.library.store import Library
from rag.types import (
    Box,
    Chunk,
    Document,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Vectors,
)

DIMENSION = 8


def make_document(name: str, *paragraphs: str) -> Document:
    """A document in which every paragraph is its own section."""
    text = "\n\n".join(paragraphs)
    starts = [sum(len(p) + 2 for p in paragraphs[:i]) for i in range(len(paragraphs))]
    spans = [(start, start + len(p)) for start, p in zip(starts, paragraphs, strict=True)]
    return Document(
        name=name,
        file=f"{name}.txt",
        sha256=f"{name:0>64}",
        title=f"Report {name}",
        dateline="",
        date="2006-03-03",
        text=text,
        sections=tuple(
            Section(f"Part {i}", ("Report", f"Part {i}"), *span) for i, span in enumerate(spans)
        ),
        paragraphs=tuple(Paragraph(i + 1, "text", i, *span) for i, span in enumerate(spans)),
        quotations=(Quotation(0, 1, "A speaker", "says", "1"),),
        references=(Reference("1", 0, 1),),
        notes=(Note("1", "A note.", 0, 1),),
        number="7",
        language="en",
        boxes=(Box(0, 1, 1, 0.1, 0.2, 1 / 3, 0.25),),
    )


def make_chunks(document: Document) -> list[Chunk]:
    return [
        Chunk(
            document.name,
            i,
            f"Part {i}",
            p.number,
            p.start,
            p.end,
            document.text[p.start : p.end],
            document.title,
        )
        for i, p in enumerate(document.paragraphs)
    ]


def unit_vectors(count: int, seed: int = 0) -> Vectors:
    vectors: Vectors = (
        np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def add(library: Library, document: Document, seed: int = 0) -> None:
    chunks = make_chunks(document)
    library.add(document, chunks, unit_vectors(len(chunks), seed), Path("/reports") / document.file)


def new_library(folder: Path) -> Library:
    return Library.open(folder, embedder="fake", dimension=DIMENSION, create=True)


def stored(library: Library) -> tuple[list[int], Vectors]:
    """What the database holds, read past the library."""
    with sqlite3.connect(library.folder / "library.db") as database:
        rows = database.execute("SELECT chunk, vector FROM vectors ORDER BY chunk").fetchall()
    return [i for i, _ in rows], np.array(
        [np.frombuffer(v, "<f2") for _, v in rows], np.float32
    ).reshape(-1, DIMENSION)


def nearest_by_numpy(library: Library, vector: Vectors, k: int) -> list[int]:
    ids, vectors = stored(library)
    return [ids[i] for i in np.argsort(-(vectors @ vector), kind="stable")[:k]]


# As the first release wrote it: never change it, libraries like this are on people's disks.
FORMAT_1 = (Path(__file__).parents[1] / "library" / "format_1.sql").read_text(encoding="utf-8")


OLD = replace(
    make_document("old", "Nasrallah said: “Walrus.”", "Heron."),
    quotations=(Quotation(16, 25, "Hassan Nasrallah", "Nasrallah said:", "1"),),
    number="",
    language="",
    boxes=(),
)


def write_format_1(folder: Path) -> None:
    """A library of format 1 with one document."""
    folder.mkdir()
    database = sqlite3.connect(folder / "library.db")
    database.executescript(FORMAT_1)
    database.execute("INSERT INTO settings VALUES (1, 'fake', ?, 1, 'stamp')", [DIMENSION])
    row = [
        OLD.name,
        OLD.file,
        OLD.sha256,
        OLD.title,
        OLD.dateline,
        OLD.date,
        "/reports/old.txt",
        OLD.text,
    ]
    database.execute("INSERT INTO documents VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for table, parts in (
        ("sections", [(s.heading, json.dumps(s.path), s.start, s.end) for s in OLD.sections]),
        ("paragraphs", map(astuple, OLD.paragraphs)),
        ("quotations", map(astuple, OLD.quotations)),
        ('"references"', map(astuple, OLD.references)),
        ("notes", map(astuple, OLD.notes)),
    ):
        for position, part in enumerate(parts):
            database.execute(
                f"INSERT INTO {table} VALUES (1, ?{', ?' * len(part)})", [position, *part]
            )
    for chunk, vector in zip(make_chunks(OLD), unit_vectors(2), strict=True):
        row = [
            chunk.number,
            chunk.section,
            chunk.paragraph,
            chunk.start,
            chunk.end,
            chunk.text,
            chunk.context,
        ]
        key = database.execute(
            "INSERT INTO chunks VALUES (NULL, 1, ?, ?, ?, ?, ?, ?, ?)", row
        ).lastrowid
        database.execute("INSERT INTO vectors VALUES (?, ?)", [key, vector.tobytes()])
    database.commit()
    database.close()


HARBOUR = (
    """The Harbour Report

14 May 2024

Dredging

The harbour authority paid 12 million crowns for dredging.[1] Nobody was asked.

"""
    + " ".join(f"word{number}" for number in range(150))
    + """.

Ada Holm wrote:

"The silt returns every winter. We pay for sand that walks back."[2]

Notes

[1] Annual accounts, 3 March 2024.

[2] Letter, 5 April 2024.
"""
)


SHORT_HARBOUR = """The Harbour Report

14 May 2024

Dredging

The harbour authority paid 12 million crowns for dredging.[1] Nobody was asked.

Ada Holm wrote:

"The silt returns every winter. We pay for sand that walks back."[2]

Notes

[1] Annual accounts, 3 March 2024.

[2] Letter, 5 April 2024.
"""
TRAINS = "Night Trains\n\nThe night train to Brennau stops seventeen times. It leaves at nine."


def texts(library: Library, found: list[tuple[int, float]]) -> list[str]:
    """Return the texts of the chunks found."""
    chunks = library.chunks([chunk for chunk, _ in found])
    return [chunks[chunk][0].text for chunk, _ in found]


def run_function(file: str, function: str, folder: Path) -> None:
    """Run a function of a test file in a process of its own."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, file, function, folder], check=True, env=env)
