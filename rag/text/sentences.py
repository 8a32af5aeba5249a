"""A text -> the spans of its sentences.   [nupunkt]"""

import re

# What still belongs to a sentence behind its full stop: closing quotation marks and brackets, and
# markers of notes.
_TRAILER = re.compile(r"""(?:["”’'»)\]]|\[\d{1,3}\])+(?=\s|$)""")
_BLANK_LINE = re.compile(r"\n\s*\n")
# What is no word. A sentence ends behind it if at all, but the splitter compares each full stop in
# it with all the rest of it.
_ENDLESS = re.compile(r"\S{500,}")
_STOPS = str.maketrans(".!?…", "____")


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
        block = _ENDLESS.sub(_with_one_stop, text[block_start:block_end])
        starts = [block_start + start for start, _ in sent_spans(block)] or [block_start]
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


def _with_one_stop(endless: re.Match[str]) -> str:
    """The same number of characters, of the full stops only the last."""
    last = max(map(endless[0].rfind, ".!?…"))
    return endless[0][: max(0, last)].translate(_STOPS) + endless[0][max(0, last) :]


def _after_trailer(text: str, start: int) -> int:
    trailer = _TRAILER.match(text, start)
    return trailer.end() if trailer else start
