"""The blocks of a page -> those of its main content, as trafilatura finds it.   [trafilatura]

The words stay those that our own reader found, with their notes and tables: trafilatura only
decides where the main content begins and ends.
"""

import re
from collections.abc import Sequence
from itertools import islice

from rag.reading.blocks import Block

# Words of main content below which nothing is left out: a short page is read whole, because
# trafilatura takes lists, questions and tables of few words for navigation.
LEAST_WORDS = 60
_SHINGLE = 3  # words in a row
_ALIKE = 0.5  # the share of a block's shingles that trafilatura keeps
_LEAST_SHARE = 0.15  # of the page's words: if it keeps less, it has not understood the page
_LONGEST_LEAD = 150  # words between the title and the first words that it keeps
# A word, or one of the letters that are written without spaces between words.
_WORDS = re.compile("[\u3040-\u30ff\u3400-\u9fff]|[^\\W\u3040-\u30ff\u3400-\u9fff]+")


def main_blocks(page: str, blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks between the first and the last one that trafilatura keeps, and all notes.

    What stands between is kept as it is. A title above, and headings right above, belong to it.
    """
    words = [_WORDS.findall(block.text.lower()) for block in blocks]
    total = sum(map(len, words))
    if total < LEAST_WORDS:
        return list(blocks)
    judged = _shingles(_WORDS.findall(_extracted(page).lower()))
    kept = [
        index
        for index, shown in enumerate(words)
        if shown and len(judged & _shingles(shown)) >= _ALIKE * len(_shingles(shown))
    ]
    found = sum(len(words[index]) for index in kept)
    if found < max(LEAST_WORDS, _LEAST_SHARE * total):
        return list(blocks)
    first = _first(blocks, words, kept[0])
    return [
        block
        for index, block in enumerate(blocks)
        if first <= index <= kept[-1] or block.kind == "note"
    ]


def _first(blocks: Sequence[Block], words: Sequence[Sequence[str]], kept: int) -> int:
    """Return where the content begins: at the title above, or the headings right above."""
    first = kept
    while first and blocks[first - 1].level:
        first -= 1
    lead = 0
    for index in range(first - 1, -1, -1):
        if blocks[index].level == 1:
            return index
        lead += len(words[index])
        if lead > _LONGEST_LEAD:
            break
    return first


def _shingles(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    if len(words) < _SHINGLE:
        return frozenset((tuple(words),)) if words else frozenset()
    return frozenset(zip(*(islice(words, start, None) for start in range(_SHINGLE)), strict=False))


def _extracted(page: str) -> str:
    """Return the main text of a page; "" if trafilatura finds none."""
    from trafilatura import extract

    return extract(page, include_comments=False, include_tables=True, deduplicate=False) or ""
