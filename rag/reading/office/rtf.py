"""A rich text file (RTF) -> its paragraphs and tables.   [striprtf]"""

import re

from rag.errors import DocumentError
from rag.reading.blocks import Block, Content
from rag.reading.facts import first_value, stated_facts
from rag.reading.tables import Cell, table_blocks
from rag.text.characters import visible

_INFO = re.compile(r"\{\\(title|author|company)\s([^{}\\]*(?:\\'[0-9a-f]{2}[^{}\\]*)*)\}")
_ROW = re.compile(r"[^\n]*\|[^\n]*\|")


def read_rtf(data: bytes) -> Content:
    """Return the paragraphs of an RTF file; the rows of its tables keep their cells.

    Raises DocumentError if it is none.
    """
    from striprtf.striprtf import rtf_to_text

    source = data.decode("latin-1")
    try:
        text = visible(rtf_to_text(source, encoding="cp1252", errors="replace"))
        pairs = [
            (name, rtf_to_text(value, errors="replace")) for name, value in _INFO.findall(source)
        ]
    # What striprtf raises for control words that are none.
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DocumentError(
            "The RTF file is damaged, where a whole text was expected: open it and save it as DOCX."
        ) from error
    blocks: list[Block] = []
    rows: list[list[Cell]] = []
    for line in text.split("\n"):
        if _ROW.fullmatch(line):
            rows.append([Cell(cell) for cell in line.split("|")[:-1]])
            continue
        blocks += table_blocks(rows)
        rows = []
        if line.strip():
            blocks.append(Block(line.strip()))
    facts = stated_facts(pairs, "document properties")
    return Content([*blocks, *table_blocks(rows)], title=first_value(facts, "title"), facts=facts)
