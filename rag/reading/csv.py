"""A CSV or TSV file -> one paragraph a row: "Column: value · Column: value"."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from rag.errors import DocumentError
from rag.reading.blocks import Block, Content, decoded
from rag.text.characters import visible

MAX_ROWS = 50_000  # what is longer is a database, and a question about it a query
MAX_CELL = 131_072  # characters, csv's own limit
SAMPLE = 20  # rows that tell what separates the values
_DELIMITERS = (",", ";", "\t", "|")
_NUMERIC = re.compile(r"[-+–]?[.,\s]*+\d[\d.,\s]*+%?")


def is_table(data: bytes) -> bool:
    """Whether the first rows have the same number of values, two at least."""
    try:
        return _delimiter(decoded(data)) is not None
    except DocumentError:
        return False


def read_table(data: bytes) -> Content:
    """A paragraph for each row; the first row names the columns unless it holds a number.

    Raises DocumentError where there are more than MAX_ROWS rows.
    """
    text = visible(decoded(data))
    rows = _rows(text, _delimiter(text) or ",")
    blocks: list[Block] = []
    names: list[str] = []
    try:
        for index, row in enumerate(rows):
            if index > MAX_ROWS:
                raise DocumentError(
                    f"The table has more than the {MAX_ROWS:,} rows that are read: split it and "
                    f"add the parts."
                )
            if index == 0 and all(row) and not any(_NUMERIC.fullmatch(value) for value in row):
                names = row
                continue
            named = [*names, *[""] * (len(row) - len(names))]
            shown = [
                f"{name}: {value}" if name else value
                for name, value in zip(named, row, strict=False)
                if value
            ]
            if shown:
                blocks.append(Block(" · ".join(shown), 0, "text"))
    except csv.Error as error:
        raise DocumentError(
            "The table has a value that never ends: check its quotation marks."
        ) from error
    return Content(blocks or [Block(" · ".join(names))] if names else blocks)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows that hold something, values without the white space around them."""
    for row in csv.reader(StringIO(text), delimiter=delimiter):
        values = [" ".join(value.split()) for value in row]
        if any(values):
            yield values


def _delimiter(text: str) -> str | None:
    """What separates the values; None where nothing does in every row alike."""
    best, most = None, 1
    for delimiter in _DELIMITERS:
        try:
            widths = {
                len(row) for row in islice(_rows(text[: SAMPLE * MAX_CELL], delimiter), SAMPLE)
            }
        except csv.Error:
            continue
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = delimiter, width
    return best
