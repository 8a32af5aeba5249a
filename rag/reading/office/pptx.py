"""A presentation (PPTX) -> its slides, each a section, tables and notes.  [python-pptx]"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from rag.errors import DocumentError
from rag.reading.archive import members
from rag.reading.blocks import Block, Content
from rag.reading.facts import first_value, stated_facts
from rag.reading.tables import Cell, table_blocks
from rag.reading.xml import refuse_entities, xml

if TYPE_CHECKING:
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide
    from pptx.text.text import TextFrame

_DEEPEST_GROUP = 20  # groups in groups
# The names of XML for what stands in the margins of slides.
_MARGIN_PLACEHOLDERS = ("FOOTER", "SLIDE_NUMBER", "DATE", "HEADER")


def read_pptx(data: bytes) -> Content:
    """Return a heading for each slide that is shown, its texts and tables, and its notes.

    Raises DocumentError if the file is damaged or encrypted.
    """
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    refuse_entities(xml(part) for name, part in members(data).items() if name.endswith(".xml"))
    try:
        show = Presentation(BytesIO(data))
        slides = [slide for slide in show.slides if slide._element.get("show") != "0"]
        blocks = [block for n, slide in enumerate(slides, 1) for block in _slide(slide, n)]
        stated = show.core_properties
        pairs = [("title", stated.title), ("author", stated.author), ("version", stated.version)]
        language = stated.language
    # What python-pptx raises where a part is missing or is not what it should be.
    except (
        PythonPptxError,
        BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        SyntaxError,
    ) as error:
        raise DocumentError(
            "The PPTX file is damaged, where a whole presentation was expected: open it and save "
            "it as PPTX again."
        ) from error
    facts = stated_facts(pairs, "core properties")
    return Content(blocks, title=first_value(facts, "title"), language=language, facts=facts)


def _slide(slide: "Slide", number: int) -> Iterator[Block]:
    title = slide.shapes.title
    heading = " ".join(title.text_frame.text.split()) if title is not None else ""
    yield Block(heading or f"Slide {number}", 1 if number == 1 and heading else 2)
    shapes = [s for s in _shapes(slide.shapes) if title is None or s.shape_id != title.shape_id]
    for shape in sorted(shapes, key=lambda s: (s.top or 0, s.left or 0)):
        if getattr(shape, "has_table", False):
            rows = [
                [
                    Cell(c.text_frame.text, False, c.span_height, c.span_width)
                    for c in row.cells
                    if not c.is_spanned
                ]
                for row in shape.table.rows
            ]
            yield from table_blocks(rows, 1 if shape.table.first_row else None)
        elif getattr(shape, "has_text_frame", False):
            margin = shape.is_placeholder and shape.placeholder_format.type is not None
            is_margin = margin and shape.placeholder_format.type.name in _MARGIN_PLACEHOLDERS
            yield from _blocks_of_frame(shape.text_frame, is_margin)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        said = slide.notes_slide.notes_text_frame.text.strip()
        if said:
            yield Block(f"Notes: {said}", 0, "text")


def _shapes(shapes: "Iterable[BaseShape]", depth: int = 0) -> "Iterator[BaseShape]":
    """Yield the shapes, those of groups in their place."""
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < _DEEPEST_GROUP:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _blocks_of_frame(frame: "TextFrame", is_margin: bool) -> Iterator[Block]:
    """Yield the paragraphs of a frame; those below another one's level are the items of a list."""
    lines = [
        ("  " * p.level + "- " if p.level else "") + " ".join(p.text.split())
        for p in frame.paragraphs
        if p.text.strip()
    ]
    if is_margin:
        yield from (Block(line, 0, "furniture") for line in lines)
    elif len(lines) > 1:
        listed = [line if line.lstrip().startswith("- ") else f"- {line}" for line in lines]
        yield Block("\n".join(listed), 0)
    else:
        yield from (Block(line, 0, "text") for line in lines)
