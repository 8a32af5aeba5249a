"""Rows of a table among the evidence: the row that a question names, and the value it asks for.

A reader of sentences takes the rows of a table for much the same. A question names its row by
words that the row holds and others do not ("How deep is the well in Farwick?"), and its column by
words of the head. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import log

from rag.text.tokens import content_of, stem
from rag.types import Document, Evidence, Span, Table, TableCell

MOST_CELLS = 20_000  # of a table whose rows are compared: more take longer than to read passages
# What the heads of columns are called that answer a question with these words.
_HEADS = {
    stem(word): frozenset(map(stem, heads.split()))
    for word, heads in {
        "deep": "depth",
        "high": "height elevation altitude",
        "tall": "height",
        "long": "length duration time",
        "wide": "width",
        "broad": "width breadth",
        "old": "age",
        "heavy": "weight mass",
        "far": "distance",
        "fast": "speed",
        "large": "size area",
        "big": "size area",
        "warm": "temperature",
        "hot": "temperature",
        "cold": "temperature",
        "expensive": "price cost fee fare",
        "cost": "price cost fee fare amount",
        "pay": "price cost fee fare amount",
        "live": "population inhabitants",
    }.items()
}


def with_named_rows(
    question: str, evidence: Sequence[Evidence], documents: Callable[[str], Document]
) -> tuple[Evidence, ...]:
    """Return the evidence with the row that the question names before the others of its table.

    It takes the place and the chance of the best of them. If the question names a column, its value
    is the focus, and what stands behind the value is cut off. Other evidence stays as it is.
    """
    asked = content_of(question)
    asked |= {head for word in asked for head in _HEADS.get(word, ())}
    ranked = [*evidence]
    done: set[tuple[str, int]] = set()
    for one in evidence:
        document = documents(one.hit.chunk.document)
        table = next((t for t in document.tables if t.start <= one.start < t.end), None)
        if table is None or (document.name, table.start) in done:
            continue
        done.add((document.name, table.start))
        row = _named_row(asked, document, table)
        if not row:
            continue
        cell = _asked_cell(asked, document, table, row)
        at = _place_of_cell(ranked, document, cell or row[0])
        if at is None:
            continue
        best = ranked.index(one)
        chosen = _focused(ranked.pop(at), document, asked, row, cell)
        ranked.insert(min(best, at), replace(chosen, score=max(chosen.score, one.score)))
    return tuple(ranked)


def _named_row(asked: frozenset[str], document: Document, table: Table) -> list[TableCell]:
    """Return the cells of the row that holds most of the words asked for, weighed by how few rows
    hold each; [] if no row holds more than all others.
    """
    if len(table.cells) > MOST_CELLS:
        return []
    rows: dict[int, list[TableCell]] = {}
    for cell in table.cells:
        if cell.row >= table.head_rows:
            rows.setdefault(cell.row, []).append(cell)
    held = {
        number: frozenset[str]().union(*_matches(asked, document, cells))
        for number, cells in rows.items()
    }
    counts = Counter(word for words in held.values() for word in words)
    weights = {n: sum(log((len(rows) + 1) / counts[word]) for word in w) for n, w in held.items()}
    best = sorted(weights, key=lambda number: -weights[number])[:2]
    if not best or not weights[best[0]] or len(rows) < 2:
        return []
    return rows[best[0]] if weights[best[0]] > weights[best[1]] else []


def _matches(
    asked: frozenset[str], document: Document, cells: Sequence[TableCell]
) -> Iterator[frozenset[str]]:
    for cell in cells:
        yield asked & content_of(document.text[cell.start : cell.end])


def _asked_cell(
    asked: frozenset[str], document: Document, table: Table, row: Sequence[TableCell]
) -> TableCell | None:
    """Return the cell below the head that has most of the words asked for; None for several."""
    matches = zip(row, _matches(asked, document, row), strict=True)
    open_cells = [cell for cell, words in matches if not words]
    shares = [len(asked & content_of(_head_of(table, cell))) for cell in open_cells]
    most = max(shares, default=0)
    return open_cells[shares.index(most)] if most and shares.count(most) == 1 else None


def _head_of(table: Table, cell: TableCell) -> str:
    return " ".join(table.heads[cell.column : cell.column + cell.columns])


def _place_of_cell(ranked: Sequence[Evidence], document: Document, cell: TableCell) -> int | None:
    """Return which of the evidence holds a cell, None if none does."""
    return next(
        (
            place
            for place, one in enumerate(ranked)
            if one.hit.chunk.document == document.name and one.start <= cell.start < one.end
        ),
        None,
    )


def _focused(
    one: Evidence,
    document: Document,
    asked: frozenset[str],
    row: Sequence[TableCell],
    cell: TableCell | None,
) -> Evidence:
    """Return a row with the value of a cell as its focus, cut behind it if all that is named stands
    before.
    """
    if cell is None:
        holds = one.focus and one.start <= one.focus.start and one.focus.end <= one.end
        return one if holds else replace(one, focus=None)
    matches = zip(row, _matches(asked, document, row), strict=True)
    named = [other.end for other, words in matches if words]
    end = cell.end if max(named, default=0) <= cell.end <= one.end else one.end
    text = document.text[one.start : end]
    return replace(one, focus=Span(cell.start, cell.end), end=end, text=text)
