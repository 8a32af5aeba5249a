"""Generate reports to measure with, whose words and vectors are spread like those of real ones."""

import hashlib
from collections.abc import Iterator
from itertools import accumulate, count, pairwise

import numpy as np
from numpy.typing import NDArray

from rag.text.tokens import STOP_WORDS
from rag.types import Chunk, Document, Paragraph, Section, Vectors

PARAGRAPHS = 120  # of a report, some thirty pages
_OF_A_SECTION = 12
_REPORTS_SEED = 0
# The word at rank r of a language is every (10 r)th or so (Zipf 1949); a passage of a report has
# some seventy words.
_WORDS, _PARAGRAPH_WORDS, _SPREAD, _MOST_PARAGRAPH_WORDS, _SENTENCE_WORDS = (
    100_000,
    70,
    0.4,
    150,
    20,
)
_CONSONANTS, _VOWELS = (
    "b c d f g h k l m n p r s t v w z st br tr gr".split(),
    "a e i o u ai ou".split(),
)
_QUESTION_WORDS = 6
# The shares of a topic and of a section in a vector, and the fall of its principal components, as 1
# / (rank + 10): so the tenth nearest passage is about as near as among 30,000 passages of an
# encyclopedia.
_TOPIC, _SECTION, _SECTIONS_OF_A_TOPIC, _EVEN = 0.15, 0.35, 30, 10


class Reports:
    """Endless reports, the same in every run; report 1 is the first."""

    def __init__(self, dimension: int) -> None:
        """Draw the vocabulary; `dimension` is that of the vectors."""
        self._dimension = dimension
        drawn = np.random.default_rng(_REPORTS_SEED)
        syllables = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]
        words = dict.fromkeys(sorted(STOP_WORDS))
        for drawn_syllables in drawn.choice(syllables, (2 * _WORDS, 3)).tolist():
            words["".join(drawn_syllables[: 2 + (len(words) > _WORDS // 10)])] = (
                None  # frequent words are short
            )
            if len(words) == _WORDS:
                break
        self._words = np.array(list(words), object)
        frequencies = 1 / (np.arange(_WORDS) + 2.7)
        self._until = np.cumsum(frequencies / frequencies.sum())
        self._spread = np.sqrt(1 / (np.arange(dimension) + _EVEN)).astype(np.float32)

    def text(self, number: int) -> str:
        """Return a report as a text file has it: its title and its paragraphs."""
        return "\n\n".join([f"Generated Report {number}", *self._paragraphs(number)])

    def documents(self) -> Iterator[tuple[Document, list[Chunk], Vectors]]:
        """Yield each report with its paragraphs as chunks, and their unit vectors.

        The vectors are float32 [chunks, dimension].
        """
        for number in count(1):
            document = self._document(number)
            chunks = [
                Chunk(
                    document.name,
                    i,
                    document.sections[p.section].heading,
                    p.number,
                    p.start,
                    p.end,
                    words,
                    document.title,
                )
                for i, p in enumerate(document.paragraphs)
                for words in [document.text[p.start : p.end]]
            ]
            yield document, chunks, self._vectors(number, PARAGRAPHS)[:PARAGRAPHS]

    def question(self, number: int) -> tuple[str, NDArray[np.float32]]:
        """Return words of a passage as a question, and a unit vector for it.

        The vector [dimension] is as near to the passage's section as the passages in it.
        """
        drawn = np.random.default_rng([_REPORTS_SEED, number, 2])
        words = [
            w
            for w in drawn.choice(self._paragraphs(number)).lower().rstrip(".").split()
            if w not in STOP_WORDS
        ]
        return " ".join(drawn.permutation(words)[:_QUESTION_WORDS]), self._vectors(
            number, PARAGRAPHS + 1
        )[-1]

    def _document(self, number: int) -> Document:
        title, name = f"Generated Report {number}", f"report-{number}"
        paragraphs = self._paragraphs(number)
        starts = [0, *accumulate(len(words) + 2 for words in paragraphs)]
        spans = [(start, end - 2) for start, end in pairwise(starts)]
        firsts = range(0, PARAGRAPHS, _OF_A_SECTION)
        sections = [(spans[first][0], spans[first + _OF_A_SECTION - 1][1]) for first in firsts]
        text = "\n\n".join(paragraphs)
        return Document(
            name=name,
            file=f"{name}.txt",
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            title=title,
            dateline="",
            date=f"{2000 + number % 25}-{1 + number % 12:02}-01",
            text=text,
            sections=tuple(
                Section(f"Part {i}", (f"Part {i}",), *span) for i, span in enumerate(sections, 1)
            ),
            paragraphs=tuple(
                Paragraph(i + 1, "text", i // _OF_A_SECTION, *span) for i, span in enumerate(spans)
            ),
            quotations=(),
            references=(),
            notes=(),
        )

    def _paragraphs(self, number: int) -> list[str]:
        drawn = np.random.default_rng([_REPORTS_SEED, number])
        lengths = np.minimum(
            drawn.lognormal(np.log(_PARAGRAPH_WORDS), _SPREAD, PARAGRAPHS).astype(int) + 8,
            _MOST_PARAGRAPH_WORDS,
        )
        words = self._words[np.searchsorted(self._until, drawn.random(lengths.sum()))]
        ends = np.cumsum(lengths)
        return [
            _as_sentences(words[end - length : end].tolist())
            for length, end in zip(lengths, ends, strict=True)
        ]

    def _vectors(self, number: int, rows: int) -> Vectors:
        """Return the vectors of a report, and behind them others of its last section."""
        sections = [
            (number * PARAGRAPHS + min(row, PARAGRAPHS - 1)) // _OF_A_SECTION for row in range(rows)
        ]
        of = {
            section: self._drawn(_TOPIC, section // _SECTIONS_OF_A_TOPIC, 3)
            + self._drawn(_SECTION, section, 4)
            for section in set(sections)
        }
        own = np.random.default_rng([_REPORTS_SEED, number, 1]).standard_normal(
            (rows, self._dimension), np.float32
        )
        vectors = (
            np.stack([of[section] for section in sections]) + np.sqrt(1 - _TOPIC - _SECTION) * own
        ) * self._spread
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _drawn(self, share: float, number: int, what: int) -> NDArray[np.float32]:
        drawn = np.random.default_rng([_REPORTS_SEED, number, what]).standard_normal(
            self._dimension, np.float32
        )
        return drawn * np.float32(np.sqrt(share))


def _as_sentences(words: list[str]) -> str:
    sentences = (
        " ".join(words[at : at + _SENTENCE_WORDS]) for at in range(0, len(words), _SENTENCE_WORDS)
    )
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)
