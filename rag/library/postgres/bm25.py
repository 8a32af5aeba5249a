"""The score of passages by the words of a question, as SQLite's FTS5 reckons it. Pure."""

from collections.abc import Mapping, Sequence
from math import log

_K1, _B = 1.2, 0.75  # FTS5's
_LEAST_IDF = 1e-6  # of a word that stands in half the passages or more

Phrase = tuple[str, ...]  # tokens that follow each other; mostly one


def idf_of(holding: int, passages: int) -> float:
    """Return the inverse document frequency that candidates are chosen by; never below zero."""
    return log(1 + (max(passages, holding) - holding + 0.5) / (holding + 0.5))


def occurrences(phrase: Phrase, places: Mapping[str, Sequence[int]]) -> int:
    """Return how often the tokens follow each other at these places."""
    if len(phrase) == 1:
        return len(places.get(phrase[0], ()))
    starts = set(places.get(phrase[0], ()))
    for step, token in enumerate(phrase[1:], 1):
        starts &= {place - step for place in places.get(token, ())}
    return len(starts)


def bm25(
    phrases: Mapping[Phrase, tuple[int, int]],
    places: Mapping[str, Sequence[int]],
    length: int,
    passages: int,
    mean_length: float,
) -> float:
    """Return the score of a passage of `length` tokens, which stand at `places`.

    `phrases` gives how often the question names each phrase, and how many passages hold it.
    """
    score = 0.0
    for phrase, (named, holding) in phrases.items():
        count = occurrences(phrase, places)
        if count:
            rare = max(_LEAST_IDF, log((passages - holding + 0.5) / (holding + 0.5)))
            norm = _K1 * (1 - _B + _B * length / mean_length)
            score += named * rare * count * (_K1 + 1) / (count + norm)
    return score
