"""Where words begin and end, found from the gaps between their letters (pure).

What a PDF says of spaces misleads: letters placed one by one have spaces between them or none at
all. Gaps are in sizes of the type.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from rag.reading.pdf.lines import half_point

# Beside the usual gap of letters of the size. Measured on letters placed one by one: in a word they
# are up to .1 wider apart than usual, words at least .15.
NO_SPACE, SPACE = 0.06, 0.13
CONTIGUOUS = 0.03  # beside the usual gap: the letter goes on with the word
SPACED_OUT = 0.2  # a gap that is seldom one between words
WIDER = 1.8  # times the gap between letters is the one between words that are spaced out
FEWEST_LETTERS_APART = 5  # "a b c" may be three of a list
WIDEST = 1.5  # between spaced-out words
LONGEST_PIECE = 3  # letters that a program left together in spaced-out type


class Word(NamedTuple):
    """Characters of one type between white space, in points from the top left corner of the page
    as it is shown.
    """

    text: str
    apart: bool  # whether white space stands before it
    guessed: bool  # whether PDFium guessed that white space
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float
    bold: bool


def split_at(
    gaps: Sequence[float], usual: float, start: int, stop: int
) -> Iterator[tuple[int, int]]:
    """Yield the spans of words in the characters from `start` to `stop`, which have these gaps."""
    # Of two letters it cannot be said whether they are spaced out.
    base = max(usual, min(gaps) if len(gaps) > 1 else SPACED_OUT) if gaps else usual
    first = start
    for index, gap in enumerate(gaps, start=start + 1):
        if gap - base >= SPACE:
            yield first, index
            first = index
    yield first, stop


def respaced(words: Sequence[Word], usual: Mapping[float, float]) -> list[Word]:
    """Return the words without invisible spaces, and letter-spaced words joined.

    `usual` is the gap of letters by the size of their type, rounded to half a point.
    """
    gaps = [_gap(before, word) for before, word in pairwise(words)]
    joined = [
        gap is not None
        and word.guessed
        and abs(gap - usual.get(half_point(word.size), 0.0)) <= CONTIGUOUS
        for gap, word in zip(gaps, words[1:], strict=True)
    ]
    first = 0
    while first < len(gaps):
        end = first
        while end < len(gaps) and _goes_on(words[end], words[end + 1], gaps[end]):
            end += 1
        if end - first + 1 >= FEWEST_LETTERS_APART:
            chain = [gap for gap in gaps[first:end] if gap is not None]
            letters = _between_letters([len(w.text) for w in words[first : end + 1]], chain)
            joined[first:end] = [
                one or gap <= letters for one, gap in zip(joined[first:end], chain, strict=True)
            ]
        first = end + 1
    return [
        word._replace(apart=word.apart and not together)
        for word, together in zip(words, [False, *joined], strict=False)
    ]


def _gap(before: Word, word: Word) -> float | None:
    """Return the gap of two words in one line and type, None if they are not."""
    if (
        abs(word.baseline - before.baseline) > 0.1 * word.size
        or abs(word.size - before.size) > 0.06 * word.size
        or not (before.text[-1].isalnum() and word.text[0].isalnum())
    ):
        return None
    return (word.left - before.right) / word.size


def _goes_on(before: Word, word: Word, gap: float | None) -> bool:
    """Return whether both may be letters of words that are spaced out."""
    short = max(len(before.text), len(word.text)) <= LONGEST_PIECE
    return gap is not None and -0.3 < gap < WIDEST and short and (before.text + word.text).isalpha()


def _between_letters(lengths: Sequence[int], gaps: Sequence[float]) -> float:
    """Return the widest gap between letters of spaced-out words; below all where none are."""
    if sum(length == 1 for length in lengths) * 5 < 3 * len(lengths):
        return -1.0
    usual = median(gaps)
    if usual < SPACED_OUT:
        return usual + NO_SPACE
    # Where letters are as far apart as words only wider gaps show that they are letters.
    wider = [gap for gap in gaps if gap >= WIDER * usual]
    return usual + NO_SPACE if len(wider) * 2 < len(gaps) and wider else -1.0
