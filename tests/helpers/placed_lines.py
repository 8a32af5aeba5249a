"""Lines placed on pages by a test, and the blocks they become.

Every `read` also checks that no letter is lost and that each line has its box.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from textwrap import wrap

from rag.reading.blocks import Block
from rag.reading.pdf.layout import blocks
from rag.reading.pdf.lines import Page, TextLine

WIDTH, HEIGHT = 500.0, 600.0


def lines(
    texts: Sequence[str] | str,
    x: float,
    y: float,
    size: float = 10,
    bold: bool = False,
    page: int = 1,
    leading: float = 12,
) -> list[TextLine]:
    """Lines under each other.

    The first baseline is `y` below the page's top, a character half as wide as its type is high.
    """
    placed = []
    for text in [texts] if isinstance(texts, str) else texts:
        right = x + 0.5 * size * len(text)
        placed.append(TextLine(text, page, x, y - 0.8 * size, right, y + 0.2 * size, y, size, bold))
        y += leading
    return placed


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter(
        character
        for text in texts
        for character in unicodedata.normalize("NFKC", text)
        if character.isalnum()
    )


def read(*pages: list[TextLine]) -> list[Block]:
    told = blocks([Page(WIDTH, HEIGHT, placed) for placed in pages])
    shown = letters(block.text for block in told)
    written = letters(line.text for placed in pages for line in placed)
    assert shown >= written  # the rows of a table repeat their heads
    assert shown == written or any(block.row for block in told)
    for block in told:
        at = 0
        for box in block.boxes:
            assert at <= box.start < box.end <= len(block.text)
            assert not letters([block.text[at : box.start]])
            assert 0 <= box.left <= box.right <= 1
            assert 0 <= box.top <= box.bottom <= 1
            at = box.end
        assert at == len(block.text)
    return told


def texts(told: Sequence[Block], kind: str | None = None) -> list[str]:
    return [block.text for block in told if block.kind == kind]


LEFT = """Trade along the corridor grew in every
quarter of the year, and the offices
that sent in their figures show where.
Two crossings carried most of it, and
a line of the rail company says that
the growth will last, but the ports""".splitlines()
RIGHT = """disagree and say so in a letter that
was published in the spring. They name
the weather, the price of fuel and the
state of the quays. Nobody has replied
to them yet, and nobody will.""".splitlines()
BOTH = f"{' '.join(LEFT)} {' '.join(RIGHT)}"


QUOTATION = wrap(
    '"We have built the line twice," the minister said to the rail workers. "The first time we '
    "built it for coal, and the "
    "second time for people, and nobody who stood in the snow that winter will forget what it "
    "cost us. What we will not do "
    'is build it a third time for the sake of a contract that others signed."',
    60,
)
