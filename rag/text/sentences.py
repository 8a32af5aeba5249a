"""A text -> the spans of its sentences.   [nupunkt, sentencex]"""

import re
from itertools import accumulate, pairwise

from rag.text.languages import ENGLISH, base_language, language_of
from rag.text.rows import is_row

# What still belongs to a sentence behind its full stop: closing quotation marks and brackets, and
# markers of notes.
_TRAILER = re.compile(r"""(?:["”’'»)\]]|\[\d{1,3}\])+(?=\s|$)""")
_BLANK_LINE = re.compile(r"\n\s*\n")
# What begins an item of a list: a bullet, a number, a letter; of "2.2 The rent" the number of a
# clause, but not of "2.5 percent".
LIST_ITEM = re.compile(
    r"[ \t]*(?:(?:[-*•–▪◦‣]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)])[ \t]+(?=\S)|"
    r"(?:§\s?)?\d{1,3}(?:\.\d{1,3}){1,4}\.?(?:\([a-z0-9]{1,4}\))?[ \t]+(?=[^\W\d_a-z]))"
)
# What is no word. A sentence ends behind it if at all, but the splitter compares each full stop in
# it with all the rest of it.
_ENDLESS = re.compile(r"\S{500,}")
_STOPS = str.maketrans(".!?…", "____")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences of `text`, in order, white space around each left out.

    A blank line always ends a sentence, and so does the next item of a list; a row of a table is
    one sentence. Together the spans hold every character that is not white space.
    """
    spans: list[tuple[int, int]] = []
    block_start = 0
    for blank in [*_BLANK_LINE.finditer(text), None]:
        block_end = blank.start() if blank else len(text)
        starts = _row_starts(text, block_start, block_end)
        starts = starts or _starts_of_items_and_sentences(text, block_start, block_end)
        for start, end in zip(starts, [*starts[1:], block_end], strict=True):
            stripped = text[start:end].strip()
            if stripped:
                start += len(text[start:end]) - len(text[start:end].lstrip())
                spans.append((start, start + len(stripped)))
        block_start = blank.end() if blank else block_end
    return spans


def _row_starts(text: str, start: int, end: int) -> list[int]:
    """Return where the lines of a block begin where each is a row of a table; else nothing."""
    lines = text[start:end].splitlines(keepends=True)
    if not all(is_row(line) or not line.strip() for line in lines):
        return []
    lengths = accumulate(map(len, lines), initial=start)
    return [at for at, _ in zip(lengths, lines, strict=False)]


def item_starts(text: str, start: int, end: int) -> list[int]:
    """Return where the lines begin that are items of a list; a single item is no list."""
    lines = text[start:end].splitlines(keepends=True)
    lengths = accumulate(map(len, lines), initial=start)
    items = [at for at, line in zip(lengths, lines, strict=False) if LIST_ITEM.match(line)]
    return items if len(items) > 1 else []


def _starts_of_items_and_sentences(text: str, start: int, end: int) -> list[int]:
    parts = [start, *(at for at in item_starts(text, start, end) if at > start), end]
    return [at for first, last in pairwise(parts) for at in _sentence_starts(text, first, last)]


def _sentence_starts(text: str, start: int, end: int) -> list[int]:
    from nupunkt import sent_spans

    block = _ENDLESS.sub(_with_one_stop, text[start:end])
    language = base_language(language_of(block))
    if language in ("", ENGLISH):
        starts = [start + first for first, _ in sent_spans(block)] or [start]
    else:
        starts = [start, *(start + first for first in _starts_in(block, language) if first)]
    # The splitter breaks right behind the full stop, so a closing quotation mark would open the
    # next sentence.
    return [starts[0], *(_after_trailer(text, first) for first in starts[1:])]


def _starts_in(block: str, language: str) -> list[int]:
    """Return where the sentences of a block in another language than English begin."""
    from sentencex import get_sentence_boundaries

    return [int(found["start_index"]) for found in get_sentence_boundaries(language, block)]


def _with_one_stop(endless: re.Match[str]) -> str:
    """Return the same number of characters, of the full stops only the last."""
    last = max(map(endless[0].rfind, ".!?…"))
    return endless[0][: max(0, last)].translate(_STOPS) + endless[0][max(0, last) :]


def _after_trailer(text: str, start: int) -> int:
    trailer = _TRAILER.match(text, start)
    return trailer.end() if trailer else start


def is_question(sentence: str) -> bool:
    """Return whether a sentence asks; marks of emphasis behind its question mark do not count."""
    return sentence.rstrip("*_ ").endswith("?")
