"""The blocks of a file -> Document.

Title, dateline, sections, paragraphs, notes, references, and who says what (pure).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.reading.blocks import Block, Content
from rag.reading.canonical import PlacedBlock, canonical_text
from rag.reading.dates import dates_in
from rag.reading.facts import (
    NO_SHOWN_TITLE,
    NO_TITLE,
    facts_on_first_page,
    first_page,
    first_value,
    is_of_something_else,
    iso_date,
)
from rag.text.characters import visible
from rag.text.languages import language_of
from rag.text.markers import BRACKETED, RAISED, marked_numbers
from rag.text.quotations import quotations
from rag.types import (
    Document,
    Fact,
    Kind,
    Note,
    Paragraph,
    Reference,
    Section,
)

LONGEST_TITLE = 200  # characters
LONGEST_HEADING = 120  # characters
LONGEST_FURNITURE = 300  # characters
# characters: a shorter line without a full stop is no running text that could follow a heading
SHORTEST_TEXT = 40
ABOUT = "About this file"
_FACT_LABELS = {"author": "Author", "publisher": "Publisher", "version": "Version",
            "number": "Number", "replaced_by": "Replaced by"}  # fmt: skip
TOP = 5  # blocks: a title stands among the first of them

_SERIES = re.compile(r"(?i)(?:\b[A-Z]\w+\s+){0,3}\b(?:No\.|Nr\.|Number|Issue|Vol\.|Volume)\s*\d+")
_LONGEST_DATELINE = 120  # characters
_DATELINE_WORDS = 6  # beside date and number: a place, a topic, an author

_FURNITURE = (
    re.compile(
        r"(?is).{0,250}\((?:source|photo|image|picture|credit|video|graphic|map)s?\s*:[^)]*\)?"
    ),
    re.compile(
        r"(?is)(?:figure|fig\.|table|chart|graph|map|photo|image|"
        r"exhibit)\s*\d+(?:\.\d+)*\s*[:.–—-]\s.*"
    ),
    re.compile(r"(?i)(?:photo|image|picture|source|credit|photo credit)s?\s*:\s.{1,120}"),
    re.compile(r"(?i)(?:share|print|e-?mail|tweet|bookmark)\s+(?:this|on|via)\b[^.?!]{0,30}"),
    re.compile(
        r"(?i)(?:skip to|back to|return to)\s+(?:the\s+)?(?:main|content|top|home|"
        r"navigation)\b[^.?!]{0,20}"
    ),
    re.compile(r"(?i)(?:home|start)\s*(?:[>»›/|](?=[^>»›/|.?!])\s*+[^>»›/|.?!]{0,40}){1,6}"),
    # "Copyright Office" opens a heading, and "(c)" the third item of a list.
    re.compile(
        r"(?i)(?:(?:copyright\s+)?(?:©|\(c\)(?=\s*(?:copyright|\d{4})))|copyright\s+(?:\d{4}|by)\b)"
        r".{0,120}|all rights reserved\.?"
    ),
    re.compile(r"(?i)\d{1,3}|[-–—]\s*\d{1,3}\s*[-–—]|page\s+\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?"),
)
UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,})\s*")
NOTES_HEADING = re.compile(
    r"(?i)(?:end|foot)?notes|references|sources|works cited|bibliography|citations"
)
_NUMBERED = re.compile(
    r"(?:(?P<depth>\d{1,2}(?:\.\d{1,2}){0,3})\.?|[IVX]{1,5}\.|[A-Z]\.|(?:chapter|part|section|"
    r"annex|appendix)\s+\w{1,4}[.:]?)\s+(?=\W?[A-Z])"
)
_LIST_ITEM = re.compile(r"[-*•–—·○▪]\s|\d{1,3}\)\s|[a-z]\)\s|\([a-z0-9]{1,3}\)\s")
_BRACKETED_ENTRY = re.compile(r"\[(\d{1,3})\]")
_LISTED_ENTRY = re.compile(r"\[\^?(\d{1,3})\]|(\d{1,3})[.)](?=\s)")
_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and as at but by for from in into is nor not of off on or our over per so the their "
        "to under up via vs with",
    )
)


def structured(content: Content, name: str, file: str, sha256: str) -> Document:
    """Return the document that `content` shows.

    What its format says of a block is believed, the rest is recognised by the words. Where the
    file states a title that no heading has, the text begins with it; where nothing could be a
    title, it is `name`.
    """
    stated = " ".join(visible(content.title).split())
    stated = "" if NO_TITLE.fullmatch(stated) else stated
    titled = _with_title(stated, content.blocks, content.title_stands)
    about = _stated_blocks(titled, content.facts)
    canonical = canonical_text([*titled, *about])
    text, blocks = canonical.text, canonical.blocks
    shown = [text[block.start : block.end] for block in blocks]
    top, title, datelines = _top(shown, blocks, stated)
    kinds, levels, notes_heading = _classify(text, blocks, shown, top)
    own = len(blocks) - len(about)
    spans, notes = _collect_notes(blocks[:own], shown, kinds, min(notes_heading, own))
    sections, paragraphs = _outline(len(text), blocks, shown, kinds, levels, spans)
    references = tuple(_references(text, paragraphs, {note.number for note in notes}))
    dateline = next(filter(_SERIES.search, datelines), next(iter(datelines), ""))
    designation = _SERIES.search(dateline)
    placed = zip(shown[:own], blocks, strict=False)
    lines = first_page((words, canonical.page_at(block.start)) for words, block in placed)
    on_first_page = facts_on_first_page(lines)
    stated_date = iso_date(content.date)
    shown_date = iso_date("\n".join(datelines)) or (
        "" if stated_date else first_value(on_first_page, "date")
    )
    # "2023-05-06" says more than "2023-05".
    dated = stated_date if stated_date.startswith(shown_date) else shown_date
    set_off = frozenset(block.start for block in blocks if block.quoted)
    return Document(
        name=name,
        file=file,
        sha256=sha256,
        title=title or name,
        dateline=dateline,
        date=dated,
        text=text,
        sections=sections,
        paragraphs=paragraphs,
        quotations=quotations(text, paragraphs, references, set_off),
        references=references,
        notes=tuple(notes),
        number=" ".join(designation[0].split()) if designation else "",
        language=language_of(text, content.language),
        boxes=canonical.boxes,
        unread=content.unread,
        tables=canonical.tables,
        struck=canonical.struck,
        facts=tuple(dict.fromkeys([*content.facts, *on_first_page])),
    )


def _with_title(stated: str, blocks: Sequence[Block], stands: bool) -> Sequence[Block]:
    """Return the blocks, with the stated title first if none of the first blocks is that title.

    If the title is uncertain, a heading of the first level takes its place.
    """
    first_words = [" ".join(b.text.split()) for b in blocks if b.kind is None][:TOP]
    is_headed = any(block.level == 1 for block in blocks) and not stands
    is_shown = is_headed or any(_same(stated, words) for words in first_words)
    return blocks if is_shown or not stated else [Block(stated, level=1), *blocks]


def _stated_blocks(blocks: Sequence[Block], facts: Sequence[Fact]) -> list[Block]:
    """Return blocks with what the file states about itself besides its text.

    They come last, so that these facts can be found and cited.
    """
    text = " ".join(block.text for block in blocks).casefold()
    stated = [
        Block(f"{_FACT_LABELS[fact.name]}: {fact.value}", 0, "text")
        for fact in facts
        if fact.name in _FACT_LABELS and fact.value.casefold() not in text
    ]
    return [*([Block(ABOUT, 1)] if stated else []), *stated]


def _classify(
    text: str, blocks: Sequence[PlacedBlock], shown: Sequence[str], top: int
) -> tuple[list[Kind], list[int], int]:
    """Return each block's kind and heading level, and the index of the block that opens the notes.

    A level is 0 for no heading. The first `top` blocks are the title and the datelines.
    """
    alone = [
        not before or text.count("\n", before.end, block.start) > 1
        for before, block in zip([None, *blocks], blocks, strict=False)
    ]
    kinds: list[Kind] = [
        block.kind or ("furniture" if alone[index] and _is_furniture(shown[index]) else "text")
        for index, block in enumerate(blocks)
    ]
    kinds[:top] = [block.kind or "heading" for block in blocks[:top]]
    notes_heading = _notes_heading(shown)
    levels = _levels(blocks, shown, kinds, alone, notes_heading)
    kinds = ["heading" if level else kind for level, kind in zip(levels, kinds, strict=True)]
    return kinds, levels, notes_heading


def _outline(
    end: int,
    blocks: Sequence[PlacedBlock],
    shown: Sequence[str],
    kinds: Sequence[Kind],
    levels: Sequence[int],
    spans: "_Spans",
) -> tuple[tuple[Section, ...], tuple[Paragraph, ...]]:
    """Return the sections and the paragraphs of a text that ends at `end`.

    A heading opens a section below the last one of a higher level. `spans` has the pieces of the
    blocks that hold notes.
    """
    sections: list[Section] = []
    paragraphs: list[Paragraph] = []
    above: list[tuple[int, str]] = []  # the headings above a block, with their levels
    number = 0
    for index, block in enumerate(blocks):
        if level := levels[index]:
            heading = _without_underline(shown[index])
            above = [*(one for one in above if one[0] < level), (level, heading)]
            path = tuple(heading for _, heading in above)
            sections.append(Section(heading, path, block.start, end))
        elif not sections:
            sections.append(Section("", (), 0, end))
        for kind, first, last in spans.get(index, [(kinds[index], block.start, block.end)]):
            number += kind == "text"
            numbered = number if kind == "text" else 0
            paragraphs.append(Paragraph(numbered, kind, len(sections) - 1, first, last))
    ended = [replace(section, end=after.start) for section, after in pairwise(sections)]
    return (*ended, *sections[-1:]), tuple(paragraphs)


def _top(
    shown: Sequence[str], blocks: Sequence[PlacedBlock], title: str
) -> tuple[int, str, list[str]]:
    """Return how many blocks the title and the datelines take, the title, and the datelines."""
    undecided = [index for index, block in enumerate(blocks) if block.kind is None]
    if undecided and blocks[undecided[0]].level is not None:
        title = next(
            (
                heading
                for index in undecided[:TOP]
                if blocks[index].level == 1
                and not NO_SHOWN_TITLE.fullmatch(heading := _without_underline(shown[index]))
            ),
            title,
        )
    datelines: list[str] = []
    top = len(blocks)
    for index in undecided:
        block = shown[index]
        lines = block.splitlines()
        dated = [line for line in lines if _is_dateline(line)]
        if dated and len(lines) <= 3 and len(block) <= LONGEST_TITLE:
            datelines.append(" ".join(dated))
            title = title or next((line.strip() for line in lines if line not in dated), "")
        elif title and _same(_without_underline(block), title):
            continue
        elif (
            not title
            and index < len(blocks) - 1
            and _could_be_title(_without_underline(block), blocks[index].level)
        ):
            title = _without_underline(block)
        else:
            top = index
            break
    if (
        not title
        and datelines
        and (_SERIES.search(datelines[0]) or re.search(r"\w", _undated(datelines[0])))
    ):
        # "Violin Sonata No. 3" looks like a dateline, but nothing else could be the title.
        title = datelines.pop(0)
    return top, title, datelines


def _could_be_title(block: str, level: int | None) -> bool:
    sentence = block.endswith((".", ";", ",", ":")) and len(block.split()) > 8
    return (
        "\n" not in block
        and len(block) <= LONGEST_TITLE
        and not NO_SHOWN_TITLE.fullmatch(block)
        and (bool(level) or not (sentence or _is_furniture(block) or _LIST_ITEM.match(block)))
    )


def _same(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


def _without_underline(block: str) -> str:
    return " ".join(line.strip() for line in block.splitlines() if not UNDERLINE.fullmatch(line))


def _is_dateline(line: str) -> bool:
    if len(line) > _LONGEST_DATELINE or line.rstrip().endswith((".", "?", "!", ":", ",")):
        return False
    rest = _undated(line)
    dates = dates_in(line)
    if dates and is_of_something_else(line[: dates[0].start]):
        return False
    words = re.findall(r"\w+", rest)
    return (
        rest != line
        and len(words) <= _DATELINE_WORDS
        and not any(word.islower() and word not in _SMALL_WORDS for word in words)
    )


def _undated(line: str) -> str:
    line = _SERIES.sub(" ", line)
    for found in reversed(dates_in(line)):
        line = f"{line[: found.start]} {line[found.end :]}"
    return line


def _is_furniture(block: str) -> bool:
    if len(block) > LONGEST_FURNITURE:
        return False
    return any(pattern.fullmatch(block) for pattern in _FURNITURE) or not any(
        map(str.isalnum, block)
    )


def _notes_heading(shown: Sequence[str]) -> int:
    """Return the index of the block that opens the list of notes; if none, the number of blocks."""
    for index in range(len(shown) - 2, -1, -1):
        heading = (
            _NUMBERED.sub("", _without_underline(shown[index]))
            if len(shown[index]) <= LONGEST_HEADING
            else ""
        )
        if NOTES_HEADING.fullmatch(heading) and _LISTED_ENTRY.match(shown[index + 1]):
            return index
    return len(shown)


def _levels(
    blocks: Sequence[PlacedBlock],
    shown: Sequence[str],
    kinds: Sequence[Kind],
    alone: Sequence[bool],
    notes_heading: int,
) -> list[int]:
    """Return the heading level of each block, 0 for no heading; the top and furniture are none."""
    levels = [0] * len(blocks)
    below, text_below = 0, False  # the level of the next block, and whether it is running text
    for index in reversed(range(len(blocks))):
        if kinds[index] != "text":
            continue
        stated = blocks[index].level
        guess = (
            0
            if stated == 0 or (index > notes_heading and _LISTED_ENTRY.match(shown[index]))
            else _guess_level(shown[index])
        )
        if stated is not None or index == notes_heading:
            levels[index] = stated or 2 * (index == notes_heading)
        elif (
            alone[index]
            and guess
            and (
                below > guess
                or (text_below and (alone[index + 1] or shown[index + 1][0].isupper()))
            )
        ):
            # A heading has text under it, or a deeper heading: short lines in a row are a list, a
            # table or verse.
            levels[index] = guess
        below = levels[index]
        text_below = (
            not guess
            and not below
            and (
                len(shown[index]) > SHORTEST_TEXT
                or shown[index].endswith((".", "?", "!", ":", '"', "”"))
            )
        )
    return levels


def _guess_level(block: str) -> int:
    """Return the level of a heading that is written as plain text; 0 if it reads like text."""
    line = block.rstrip()
    if (
        "\n" in line
        or len(line) > LONGEST_HEADING
        or re.search(r"[.,;:!…\"”»\]|]$", line)
        or _LIST_ITEM.match(line)
    ):
        return 0
    numbered = _NUMBERED.match(line)
    words = re.findall(r"[^\W\d_][\w'’]*", line[numbered.end() :] if numbered else line)
    if not words or len(words) > 16 or not (numbered or line[0].isupper()):
        return 0
    if numbered:
        return numbered["depth"].count(".") + 1 if numbered["depth"] else 1
    weighty = [word for word in words if word.lower() not in _SMALL_WORDS]
    if line.isupper() and max(map(len, words)) > 2:
        return 1
    return 2 if weighty and sum(word[0].isupper() for word in weighty) >= 0.75 * len(weighty) else 0


_Spans = dict[int, list[tuple[Kind, int, int]]]


def _collect_notes(
    blocks: Sequence[PlacedBlock], shown: Sequence[str], kinds: Sequence[Kind], heading: int
) -> tuple[_Spans, list[Note]]:
    """Return the document's notes, and by block the kinds and spans of the parts of its notes."""
    spans: _Spans = {}
    notes: list[Note] = []
    for index, block in enumerate(blocks):
        if block.kind == "note" and (marker := _BRACKETED_ENTRY.match(shown[index])):
            notes.append(Note(marker[1], _note_text(shown[index], marker), block.start, block.end))
    if notes:  # the format says what its notes are, so no list is one
        return spans, notes
    entries: list[list[str]] = []  # of each note, line by line
    first, pattern = heading + 1, _LISTED_ENTRY
    if heading == len(blocks):
        first, pattern = heading, _BRACKETED_ENTRY
        while first and (
            kinds[first - 1] == "furniture"
            or (kinds[first - 1] == "text" and _BRACKETED_ENTRY.match(shown[first - 1]))
        ):
            first -= 1
    for index in range(first, len(blocks)):
        if kinds[index] == "heading":
            break
        if kinds[index] != "text" or not pattern.match(shown[index]):
            continue
        offset = blocks[index].start
        for line in shown[index].splitlines(keepends=True):
            start, end = offset + len(line) - len(line.lstrip()), offset + len(line.rstrip())
            marker = pattern.match(line.strip())
            offset += len(line)
            number = next(filter(None, marker.groups())) if marker else ""
            if marker and int(number) > int(notes[-1].number if notes else 0):
                notes.append(Note(number, "", start, end))
                entries.append([_note_text(line, marker)])
                spans.setdefault(index, []).append(("note", start, end))
            elif index in spans:  # the line goes on with the entry above it
                notes[-1] = replace(notes[-1], end=end)
                entries[-1].append(line.strip())
                spans[index][-1] = ("note", spans[index][-1][1], end)
    return spans, [
        replace(note, text=" ".join(filter(None, lines)))
        for note, lines in zip(notes, entries, strict=True)
    ]


def _note_text(entry: str, marker: re.Match[str]) -> str:
    return " ".join(entry.strip()[marker.end() :].lstrip(" ,;:.–—-").split())


def _references(
    text: str, paragraphs: Sequence[Paragraph], numbers: set[str]
) -> Iterator[Reference]:
    for paragraph in paragraphs:
        if paragraph.kind == "note" or not numbers:
            continue
        marked: list[Reference] = []
        for pattern in (BRACKETED, RAISED):
            for found in pattern.finditer(text, paragraph.start, paragraph.end):
                named = marked_numbers(found[0])
                if numbers.issuperset(named):
                    marked += [Reference(number, *found.span()) for number in named]
        yield from sorted(marked, key=lambda reference: reference.start)
