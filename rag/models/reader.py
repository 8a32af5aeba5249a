"""Question + passages -> Readings: the words that answer, whether they do, and the log-odds of each
sentence.

The network is all-mpnet-base-v2 with an adapter of our own (docs/reader.md). It reads the question
and a passage together and gives three numbers a token: a sentence's log-odds (their mean over its
tokens), and how likely an answer starts and ends there. What start and end give for the first token
of all is the *null*: this passage does not answer.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.config import cache_folder
from rag.models.bundled import cached, check_adapter
from rag.models.embedder import load_tokenizer
from rag.models.onnx import Session
from rag.models.reader_base import READER_BASE, has_reader_base, reader_base
from rag.models.small_reader import SmallReader
from rag.protocols import Reader
from rag.types import Passage, Reading, Vectors

ADAPTER = Path(__file__).parents[1] / "data" / "reader-mpnet.safetensors"
_ADAPTER_SHA256 = "ba56dafa367f56a8f5eefc7bfb653b7fcc8664fd6e1735e352388857c9b19d70"
_VARIANT = "int8"  # of the export; what another one left in the cache is not used

MAX_READ_TOKENS = 320  # as in training; longer passages are read in windows
MAX_QUESTION_TOKENS, MAX_CONTEXT_TOKENS = 48, 64
_OVERLAP = 64  # tokens that a window shares with the one before it
MAX_SPAN_TOKENS = 30

# The vocabulary is that of BERT four places on, with special tokens of its own.
VOCABULARY_SHIFT = 4
MPNET_CLS, MPNET_SEP = 0, 2
_POINT = 1012 + VOCABULARY_SHIFT


class Tokens(NamedTuple):
    """The tokens of a passage's sentences, one after the other."""

    ids: NDArray[np.int64]
    starts: NDArray[np.int64]  # where each token starts in the text
    ends: NDArray[np.int64]
    sentences: NDArray[np.int64]  # the number of each token's sentence
    opens: NDArray[np.bool_]  # whether a word begins with the token
    closes: NDArray[np.bool_]  # whether a word ends with it


class TokenWindow(NamedTuple):
    """Tokens of a passage that are read at once, and where they stand in the input row."""

    start: int
    end: int
    row: list[int]
    offset: int


def make_reader(cache: Path | None = None) -> Reader:
    """Return the large reader where it is or can be made, else the small one.

    The small one comes with the project. `cache` is the folder of files made from the models; None
    is the user's. Raises ModelError if a model is damaged.
    """
    return LargeReader(cache) if reader_name(cache)[1] else SmallReader(cache)


def reader_name(cache: Path | None = None) -> tuple[str, bool]:
    """Return the name of the reader that `make_reader` makes, and whether it is the large one."""
    is_large = _exported(cache).exists() or has_reader_base()
    return (LargeReader if is_large else SmallReader).name, is_large


class LargeReader:
    """all-mpnet-base-v2 with our adapter, in ONNX Runtime with 8-bit arithmetic."""

    name = f"{READER_BASE} reader int8"

    def __init__(self, cache: Path | None = None) -> None:
        """Load the exported model; export it first where that was not done.

        Raises ModelError if that cannot be done.
        """
        self._session = Session(cached(_exported(cache), lambda target: _export(target, cache)))
        self._tokenizer = load_tokenizer()

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """Return the reading of each passage."""
        texts = [question]
        for passage in passages:
            texts += [
                passage.context,
                *(passage.text[start:end] for start, end in passage.sentences),
            ]
        encodings = iter(self._tokenizer.encode_batch(texts, add_special_tokens=False))
        asked = next(encodings).ids
        readings = []
        for passage in passages:
            context = next(encodings).ids
            tokens = tokens_of(passage, [next(encodings) for _ in passage.sentences])
            windows = windows_of(asked, context, tokens)
            readings.append(
                reading_of(
                    tokens,
                    len(passage.sentences),
                    windows,
                    [self._run(window.row) for window in windows],
                )
            )
        return readings

    def _run(self, row: list[int]) -> Vectors:
        # One row at a time: nothing is spent on padding, and one fills two cores.
        output: Vectors = self._session.run({"input_ids": np.array([row], np.int64)})[0]
        return output


def _exported(cache: Path | None) -> Path:
    return cache_folder(cache) / f"reader-{_ADAPTER_SHA256[:12]}-{_VARIANT}.onnx"


def _export(target: Path, cache: Path | None) -> None:
    import onnx

    from rag.models.reader_graph import build, merged

    check_adapter(ADAPTER, _ADAPTER_SHA256)
    with reader_base(cache) as base:
        onnx.save(build(merged(base, ADAPTER)), target)


def tokens_of(passage: Passage, encodings: Sequence[Any]) -> Tokens:
    """Return the tokens of the passage.

    `encodings` are those of its sentences by the tokenizer, each by itself.
    """
    ids: list[int] = []
    spans: list[tuple[int, int]] = []
    numbers: list[int] = []
    words: list[tuple[int, int | None]] = []
    for number, ((start, _), encoding) in enumerate(zip(passage.sentences, encodings, strict=True)):
        ids += encoding.ids
        spans += [(start + a, start + b) for a, b in encoding.offsets]
        numbers += [number] * len(encoding.ids)
        words += [(number, word) for word in encoding.word_ids]
    new = np.array([i == 0 or words[i] != words[i - 1] for i in range(len(words))], bool)
    places = np.array(spans, np.int64).reshape(-1, 2)
    return Tokens(
        np.array(ids, np.int64) + VOCABULARY_SHIFT,
        places[:, 0],
        places[:, 1],
        np.array(numbers, np.int64),
        new,
        np.append(new[1:], True)[: len(new)],
    )


def window_spans(sentences: NDArray[np.int64], room: int) -> Iterator[tuple[int, int]]:
    """Yield spans of at most `room` tokens that together hold all tokens.

    `sentences` is the number of each token's sentence.

    Each shares at least 64 tokens with the next, which begins with a sentence where one begins late
    enough.
    """
    starts = np.flatnonzero(np.diff(sentences, prepend=-1))
    start = 0
    while start + room < len(sentences):
        yield start, start + room
        latest = start + room - _OVERLAP
        whole = starts[(starts > start) & (starts <= latest)]
        start = int(whole[-1]) if len(whole) else latest
    if len(sentences):
        yield start, len(sentences)


def windows_of(
    question: Sequence[int], context: Sequence[int], tokens: Tokens
) -> list[TokenWindow]:
    """Return the rows for the network: `<s> question </s></s> context. sentences </s>`."""
    row = [
        MPNET_CLS,
        *(t + VOCABULARY_SHIFT for t in question[:MAX_QUESTION_TOKENS]),
        MPNET_SEP,
        MPNET_SEP,
    ]
    row += (
        [*(t + VOCABULARY_SHIFT for t in context[:MAX_CONTEXT_TOKENS]), _POINT] if context else []
    )
    room = MAX_READ_TOKENS - len(row) - 1
    return [
        TokenWindow(start, end, [*row, *tokens.ids[start:end].tolist(), MPNET_SEP], len(row))
        for start, end in window_spans(tokens.sentences, room)
    ]


def reading_of(
    tokens: Tokens, count: int, windows: Sequence[TokenWindow], outputs: Sequence[Vectors]
) -> Reading:
    """Return the reading of a passage of `count` sentences.

    The outputs of its windows are float32 [tokens of the row, 3] each.
    """
    if not windows:
        return Reading(None, -np.inf, np.full(count, -np.inf, np.float32))
    # A token that stands in two windows counts as in the one that shows more of what is around it.
    log_odds, seen = np.zeros(len(tokens.ids), np.float32), np.full(len(tokens.ids), -1)
    best, span = -np.inf, (0, 0)
    for window, output in zip(windows, outputs, strict=True):
        inside = slice(window.start, window.end)
        read = output[window.offset : window.offset + window.end - window.start]
        places = np.arange(window.start, window.end)
        before = places - window.start if window.start else np.full(len(places), len(tokens.ids))
        behind = (
            window.end - 1 - places
            if window.end < len(tokens.ids)
            else np.full(len(places), len(tokens.ids))
        )
        around = np.minimum(before, behind)
        better = around > seen[inside]
        log_odds[inside][better] = read[better, 0]
        seen[inside][better] = around[better]
        first, last, score = best_span(
            np.where(tokens.opens[inside], read[:, 1], -np.inf),
            np.where(tokens.closes[inside], read[:, 2], -np.inf),
            tokens.sentences[inside],
        )
        score -= float(output[0, 1] + output[0, 2])
        if score > best:
            best, span = score, (window.start + first, window.start + last)
    sums = np.bincount(tokens.sentences, log_odds, count)
    counts = np.bincount(tokens.sentences, minlength=count)
    sentences = np.where(counts, sums / np.maximum(counts, 1), -np.inf).astype(np.float32)
    if best == -np.inf:
        return Reading(None, -np.inf, sentences)
    return Reading((int(tokens.starts[span[0]]), int(tokens.ends[span[1]])), best, sentences)


def best_span(start: Vectors, end: Vectors, sentences: NDArray[np.int64]) -> tuple[int, int, float]:
    """Return the first and last token of the best span, and its score.

    That is the highest sum of a start and an end.

    It has at most 30 tokens and lies in one sentence.
    """
    best = (0, 0, -np.inf)
    for apart in range(min(MAX_SPAN_TOKENS, len(start))):
        stop = len(start) - apart
        scores = np.where(
            sentences[:stop] == sentences[apart:], start[:stop] + end[apart:], -np.inf
        )
        at = int(scores.argmax())
        if scores[at] > best[2]:
            best = (at, at + apart, float(scores[at]))
    return best
