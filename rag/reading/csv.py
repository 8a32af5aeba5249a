"""A CSV or TSV file -> one line a row, each value with the name of its column."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from rag.errors import DocumentError
from rag.reading.blocks import Block, Content, decoded
from rag.reading.tables import Cell, table_blocks, usual_width
from rag.text.characters import visible

MAX_ROWS = 50_000  # what is longer is a database, and a question about it a query
MAX_CELL = 131_072  # characters, csv's own limit
MOST_TITLES = 4  # lines above the names of the columns
SAMPLE = 50  # rows by which the delimiter is recognised
_DELIMITERS = (",", ";", "\t", "|")
_STATED = re.compile(r"\A\s*\"?sep=(.)\"?[ \t]*\n", re.IGNORECASE)  # a line of spreadsheets
_NUMERIC_FIELD = re.compile(r"[-+–]?[.,\s]*+\d[\d.,\s]*+%?")
_YEAR_FIELD = re.compile(r"(?:1[5-9]|20|21)\d\d")


def is_table(data: bytes) -> bool:
    """Return whether most of the first rows have the same number of values, two at least."""
    try:
        text = visible(decoded(data))
    except DocumentError:
        return False
    return bool(_STATED.match(text)) or _delimiter(text) is not None


def read_table(data: bytes) -> Content:
    """Return a paragraph for each row, named by the first full row unless that holds a number.

    What stands above the names and is no row is text; the first of it is the title. Raises
    DocumentError where there are more than MAX_ROWS rows.
    """
    text = visible(decoded(data))
    stated = _STATED.match(text)
    delimiter = stated[1] if stated else _delimiter(text) or ","
    rows: list[list[str]] = []
    try:
        for row in _read_rows(text[stated.end() :] if stated else text, delimiter):
            if len(rows) > MAX_ROWS:
                raise DocumentError(
                    f"The table has more than the {MAX_ROWS:,} rows that are read: split it and "
                    "add the parts."
                )
            rows.append(row)
    except csv.Error as error:
        raise DocumentError(
            "The table has a value that never ends: check its quotation marks."
        ) from error
    width = usual_width([len(row) for row in rows])
    first = next((index for index, row in enumerate(rows) if _filled(row) > 1 or width < 2), 0)
    above = [
        Block(" ".join(filter(None, row)), 1 if not i else 0) for i, row in enumerate(rows[:first])
    ]
    body = rows[first:]
    has_names = len(body) > 1 and _names_columns(body[0], body[1 : SAMPLE + 1])
    cells = [[Cell(value) for value in row] for row in body]
    blocks = table_blocks(cells, int(has_names))
    return Content([*above, *blocks])


def _filled(row: list[str]) -> int:
    return sum(map(bool, row))


def _names_columns(row: list[str], below: list[list[str]]) -> bool:
    """Return whether a row names columns: with words or years, or numbers over words.

    Its first place may be empty.
    """
    if not all(row[1:]) or not (row[0] or len(row) > 2):
        return False
    numbered = [
        i for i, v in enumerate(row) if _NUMERIC_FIELD.fullmatch(v) and not _YEAR_FIELD.fullmatch(v)
    ]
    values = [r[i] for r in below for i in numbered if i < len(r) and r[i]]
    return not any(map(_NUMERIC_FIELD.fullmatch, values)) and (bool(values) or not numbered)


def _read_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that hold something, values without the white space around them."""
    for row in csv.reader(StringIO(text), delimiter=delimiter):
        values = [" ".join(value.split()) for value in row]
        if any(values):
            yield values


def _delimiter(text: str) -> str | None:
    """Return what separates the values of most rows alike; None if nothing does."""
    best, most = None, 0
    for delimiter in _DELIMITERS:
        try:
            sample = islice(_read_rows(text[: SAMPLE * MAX_CELL], delimiter), SAMPLE)
            widths = [len(row) for row in sample]
        except csv.Error:
            continue
        above = next((i for i, width in enumerate(widths[: MOST_TITLES + 1]) if width > 1), 0)
        width = usual_width([width for width in widths if width > 1])
        alike = widths.count(width)
        rows = len(widths) - above
        enough = alike >= min(rows, 2) and 2 * alike >= rows
        if width and enough and alike * width > most:
            best, most = delimiter, alike * width
    return best
