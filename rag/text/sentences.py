"""A text -> the spans of its sentences.   [nupunkt]"""

import re

# What still belongs to a sentence behind its full stop: closing quotation marks and brackets, and
# markers of notes.
_TRAILER = re.compile(r"""(?:["”’'»)\]]|\[\d{1,3}\])+(?=\s|$)""")
_BLANK_LINE = re.compile(r"\n\s*\n")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of `text`, in order, white space around each left out.

    A blank line always ends a sentence. Together the spans hold every character that is not white
    space.
    """
    from nupunkt import sent_spans

    spans: list[tuple[int, int]] = []
    block_start = 0
    for blank in [*_BLANK_LINE.finditer(text), None]:
        block_end = blank.start() if blank else len(text)
        starts = [block_start + start for start, _ in sent_spans(text[block_start:block_end])] or [
            block_start
        ]
        # The splitter breaks right behind the full stop, so a closing quotation mark would open the
        # next sentence.
        starts = [starts[0], *(_after_trailer(text, start) for start in starts[1:])]
        for start, end in zip(starts, [*starts[1:], block_end], strict=True):
            stripped = text[start:end].strip()
            if stripped:
                start += len(text[start:end]) - len(text[start:end].lstrip())
                spans.append((start, start + len(stripped)))
        block_start = blank.end() if blank else block_end
    return spans


def _after_trailer(text: str, start: int) -> int:
    trailer = _TRAILER.match(text, start)
    return trailer.end() if trailer else start
