"""Rows that stand close -> paragraphs, items of lists and block quotes (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.reading.pdf.lines import TextLine, ends_sentence, is_short
from rag.reading.pdf_tables.rows import DASHES
from rag.types import Kind

INDENT = 0.7  # of the first line of a paragraph
_BULLET_SIGN = re.compile(rf"[•●▪■◦○‣∙·\uf0a7\uf0b7{DASHES}]\s+(?=\S)")
ITEM = re.compile(r"- |\(?(?:\d{1,3}|[a-z])[.)]\s|\([ivx]{2,5}\)\s")
# "2.2 The rent" and "2.2(b) the rent" are clauses, each a paragraph; "2.5 percent" is none.
CLAUSE = re.compile(
    r"(?:§\s?)?\d{1,3}(?:\.\d{1,3}){0,4}(?:\(\w{1,4}\)){1,3}\s|"
    r"\d{1,3}(?:\.\d{1,3}){1,4}\.?\s(?=[A-Z])|§\s?\d{1,4}[a-z]?\s"
)
_NOTE_ENTRY = re.compile(r"\[\d{1,3}\]\s")


@dataclass(slots=True)
class BlockDraft:
    """A block in the making: lines, each with what joins it to the line before."""

    lines: list[tuple[str, TextLine]]
    kind: Kind | None = None
    style: tuple[float, bool] | None = None  # of a heading: size and weight
    right: float = 0.0  # edge of its column
    quoted: bool = False


def paragraphs_of(group: Sequence[TextLine]) -> list[list[tuple[str, TextLine]]]:
    """Return the paragraphs of a group, and the items of a list among them.

    Each line comes with what joins it to the line before.
    """
    right = max(line.right for line in group)
    paragraphs = [[("", _as_item(group[0], opens=True))]]
    for before, line in pairwise(group):
        lines = paragraphs[-1]
        short, ended = is_short(before, line, right), ends_sentence(before)
        item = _as_item(line, opens=short or ended)
        listed = ITEM.match(item.text) or CLAUSE.match(item.text) or _NOTE_ENTRY.match(item.text)
        centred = abs(line.left + line.right - before.left - before.right) < 4
        shift = 0.0 if centred else (line.left - before.left) / line.size
        if line.cells:
            lines.append(("\n", line))
        elif (
            (short and ended)
            or (listed and (short or ended or item is not line))
            or (len(lines) > 1 and abs(shift) > INDENT)
            or (shift > INDENT and ended and not ITEM.match(lines[0][1].text))
        ):
            paragraphs.append([("", item)])
        else:
            lines.append(("\n" if short and not line.text[0].islower() else " ", line))
    return paragraphs


def _as_item(line: TextLine, opens: bool) -> TextLine:
    """Return the line with "- " for its bullet.

    A dash is one only where the line opens something.
    """
    bullet = _BULLET_SIGN.match(line.text)
    if bullet and (opens or line.text[0] not in DASHES):
        return replace(line, text=f"- {line.text[bullet.end() :]}")
    return line


def is_set_off(part: BlockDraft, left: float, right: float) -> bool:
    """Return whether a paragraph stands in from both edges of its column, as block quotes do."""
    lines = [line for _, line in part.lines]
    if len(lines) < 2 or part.style or lines[0].cells or ITEM.match(lines[0].text):
        return False
    lefts, edge = [line.left for line in lines[1:]], max(line.right for line in lines)
    indent = min(lefts) - left
    aligned = max(lefts) - min(lefts) < 2 and not is_short(lines[0], lines[1], edge)
    return aligned and indent > lines[0].size and right - edge > max(lines[0].size, 0.6 * indent)
