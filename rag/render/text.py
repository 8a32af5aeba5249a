"""Answers and hits as the text of a terminal."""

from collections.abc import Iterable, Sequence

from rag.text.characters import printable
from rag.text.lookalikes import as_label
from rag.types import Answer, Citation, Hit, Sentence

NO_ANSWER = "I found no passage that answers this."  # where an answer that was kept says no more
CLOSEST = "Closest:"
NEAREST_SHOWN = 3  # passages shown where the reports do not answer


def answer_text(answer: Answer) -> str:
    """Return the answer with its footnotes; if it abstains, the nearest passages, named as such."""
    if answer.abstained:
        nearest = "\n\n".join(hit_text(hit) for hit in answer.hits[:NEAREST_SHOWN])
        said = printable(answer.declined) or NO_ANSWER
        return said + (f" {CLOSEST}\n\n{nearest}" if nearest else "")
    footnotes = "\n".join(footnote_text(citation) for citation in answer.citations)
    parts = (printable(answer.answer), *map(printable, answer.notes), footnotes)
    return "\n\n".join(part for part in parts if part)


def checked_text(sentences: Sequence[Sentence], citations: Sequence[Citation]) -> str:
    """Return a line for each checked sentence, its verdict first, then the footnotes."""
    lines = (
        f"{s.verdict:>11} "
        f" {s.text}{''.join(f'[{marker}]' for marker in s.markers)}"
        f"{f' — {s.reason}' if s.reason else ''}"
        for s in sentences
    )
    return "\n\n".join(
        filter(None, [printable("\n".join(lines)), "\n".join(footnote_text(c) for c in citations)])
    )


def footnote_text(citation: Citation) -> str:
    """Return a citation as a footnote of two lines: the exact words, then who said them where."""
    speaker = f"{as_label(citation.speaker)}, in: " if citation.speaker else ""
    stands = where(citation.section, citation.paragraph, citation.shown_page)
    note = f"; the report's note {citation.note.number}" if citation.note else ""
    quote = " ".join(citation.quote.split())
    # Words that bring quotation marks along, whole or in part, need none of ours.
    marked = (
        quote
        if quote.startswith(('"', "“")) and quote.endswith(('"', "”"))
        else f'"{quote.strip(chr(34))}"'
    )
    return printable(
        f"[{citation.marker}] {marked}\n    — {speaker}{as_label(citation.title)} ({stands}){note}"
    )


def hit_text(hit: Hit) -> str:
    """Return a hit as a paragraph with the place it stands in."""
    return printable(f"• {' '.join(hit.chunk.text.split())}\n  — {place(hit)}")


def place(hit: Hit) -> str:
    """Return where a hit stands: title, section and paragraph."""
    return printable(f"{as_label(hit.title)} ({where(hit.chunk.section, hit.chunk.paragraph)})")


def where(section: str, paragraph: int, page: str = "") -> str:
    """Return a place in a report: section, page and paragraph, as far as they are known."""
    return ", ".join(
        part for part in (as_label(section), f"p. {page}" if page else "", f"¶{paragraph}") if part
    )


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as text with columns of even width."""
    cells = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
