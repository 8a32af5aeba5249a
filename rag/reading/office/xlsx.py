"""A spreadsheet (XLSX) -> its sheets as tables.   [openpyxl]"""

import datetime
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from rag.errors import DocumentError
from rag.reading.archive import members
from rag.reading.blocks import Block, Content
from rag.reading.facts import first_value, stated_facts
from rag.reading.tables import MAX_COLUMNS, Cell, table_blocks
from rag.reading.xml import refuse_entities, xml

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell as SheetCell
    from openpyxl.cell.cell import MergedCell
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MAX_SHEET_ROWS = 50_000  # of all sheets: what is longer is a database


def read_xlsx(data: bytes) -> Content:
    """Return a heading for each sheet that is shown, and its tables, values as last computed.

    Tables of a sheet are apart where an empty row is between them. Hidden sheets, rows and columns
    are left out. Comments are text behind their table. Raises DocumentError if the file is
    damaged, encrypted, too large, or holds nothing.
    """
    from openpyxl import load_workbook

    refuse_entities(xml(part) for name, part in members(data).items() if name.endswith(".xml"))
    try:
        book = load_workbook(BytesIO(data), data_only=True)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        blocks = [block for sheet in sheets for block in _sheet(sheet, len(sheets) > 1)]
    # What openpyxl raises where a part is missing or is not what it should be.
    except (BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise DocumentError(
            "The XLSX file is damaged, where a whole workbook was expected: open it in a "
            "spreadsheet program and save it as XLSX again."
        ) from error
    facts = stated_facts(_properties(book), "core properties")
    return Content(blocks, title=first_value(facts, "title"), facts=facts)


def _properties(book: "Workbook") -> Iterator[tuple[str, Any]]:
    stated = book.properties
    yield from (("title", stated.title), ("creator", stated.creator))
    yield from (("language", stated.language), ("version", stated.version))


def _sheet(sheet: "Worksheet", named: bool) -> Iterator[Block]:
    if sheet.max_row > MAX_SHEET_ROWS:
        raise DocumentError(
            f"A sheet has more than the {MAX_SHEET_ROWS:,} rows that are read: split it and add "
            "the parts."
        )
    spans = {
        (merged.min_row, merged.min_col): (merged.size["rows"], merged.size["columns"])
        for merged in sheet.merged_cells.ranges
    }
    covered = {
        (row, column)
        for merged in sheet.merged_cells.ranges
        if merged.size["rows"] * merged.size["columns"] <= MAX_SHEET_ROWS
        for row, column in merged.cells
    } - spans.keys()
    blocks: list[Block] = []
    table: list[list[Cell]] = []
    notes: list[Block] = []
    for row in sheet.iter_rows(max_col=MAX_COLUMNS):
        if sheet.row_dimensions[row[0].row or 1].hidden:
            continue
        shown = [c for c in row if not sheet.column_dimensions[_letter(c)].hidden]
        cells = [
            Cell(shown_value(cell), False, *spans.get((cell.row, cell.column), (1, 1)))
            for cell in shown
            if (cell.row, cell.column) not in covered
        ]
        if any(cell.text for cell in cells) or any((c.row, c.column) in covered for c in shown):
            table.append(cells)
        else:
            blocks += table_blocks(_trimmed(table))
            table = []
        notes += [
            Block(f"{cell.coordinate}: {cell.comment.text.strip()}", 0, "text")
            for cell in shown
            if cell.comment is not None and cell.comment.text.strip()
        ]
    blocks += [*table_blocks(_trimmed(table)), *notes]
    if blocks and named:
        yield Block(sheet.title, 2)
    yield from blocks


def _trimmed(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Return the rows without the columns at both sides that hold nothing in any of them."""
    if any(cell.rows > 1 or cell.columns > 1 for row in rows for cell in row):
        return rows
    filled = [i for row in rows for i, cell in enumerate(row) if cell.text]
    if not filled:
        return []
    return [row[min(filled) : max(filled) + 1] for row in rows]


def _letter(cell: "SheetCell | MergedCell") -> str:
    return cell.coordinate.rstrip("0123456789")


def shown_value(cell: "SheetCell | MergedCell") -> str:
    """Return a value as its sheet shows it, if its number format is a usual one."""
    value = cell.value
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case datetime.datetime():
            return value.date().isoformat() if value.time() == datetime.time() else str(value)
        case float() | int():
            return _shown_number(value, cell.number_format or "")
    return " ".join(str(value).split())


def _shown_number(value: float, shown_as: str) -> str:
    first_form = shown_as.partition(";")[0]
    decimals = len(first_form.partition(".")[2].split("%")[0].rstrip('_) "€$£').replace("#", ""))
    if "%" in first_form:
        return f"{value * 100:.{min(decimals, 6)}f}%"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        whole = str(int(value))
        return f"{int(value)}.{'0' * decimals}" if "." in first_form and decimals < 7 else whole
    if "." in first_form and 0 < decimals < 7 and "E" not in first_form:
        return f"{value:.{decimals}f}"
    return f"{value:.15g}"
