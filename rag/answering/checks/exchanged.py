"""Whether two parts of a claim stand in each other's place in its source. Pure.

"Leeds beat Arsenal 3-1", of "Arsenal beat Leeds 3-1": every word stands in the source, and what is
between the two stands where it stood. A sentence that only has another order moves a part to
its beginning or end, and exchanges none.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rag.text.tokens import FUNCTION_WORDS, is_number, number_of, stem, words_of

_LONGEST_PART = 3  # words of a part that is exchanged
_LONGEST_MIDDLE = 5  # words between the two
# Of fewer words little is known of the order, and of a claim in other words, too.
_FEWEST_KNOWN, _LEAST_KNOWN = 5, 0.75
_MOST_KNOWN = 60  # the time grows with the square of their number
_MUTUAL = frozenset("met meet marri fought join border talk resembl equal near".split())
_BY = re.compile(r"\bby\b")  # of a passive, in which the two are exchanged rightly


def exchanged_parts(claim: str, source: str) -> tuple[str, str] | None:
    """Return two parts of a claim that the source has in exchanged roles; None if there are none.

    Only words of the claim that occur once in the source are compared. Either side of a mutual
    action may come first. Where one of the two texts has one "by" more than the other, it may be a
    passive, and the result is None.
    """
    if len(_BY.findall(claim)) != len(_BY.findall(source)):
        return None
    said, written = _stems(claim), _stems(source)
    once = {key for key, count in Counter(k for k, _ in written).items() if count == 1}
    places = {key: place for place, (key, _) in enumerate(written)}
    known = [(places[key], word) for key, word in said if key in once]
    if len({place for place, _ in known}) < len(known):
        return None  # a word comes twice
    if not max(_FEWEST_KNOWN, _LEAST_KNOWN * len(said)) <= len(known) <= _MOST_KNOWN:
        return None
    order = [place for place, _ in known]
    for start in range(len(order)):
        for first in range(1, _LONGEST_PART + 1):
            for middle in range(1, _LONGEST_MIDDLE + 1):
                for second in range(1, _LONGEST_PART + 1):
                    end = start + first + middle + second
                    if end > len(order):
                        break
                    cuts = start, start + first, start + first + middle, end
                    if _is_exchange(order, cuts):
                        one, between, other = (
                            [w for _, w in known[a:b]] for a, b in pairwise(cuts)
                        )
                        if _are_alike(one, other) and _MUTUAL.isdisjoint(map(stem, between)):
                            return " ".join(one), " ".join(other)
    return None


def _is_exchange(order: Sequence[int], cuts: tuple[int, int, int, int]) -> bool:
    """Return whether the order rises once the first and the last part have changed places."""
    one, middle, other = (order[a:b] for a, b in pairwise(cuts))
    put = [*order[: cuts[0]], *other, *middle, *one, *order[cuts[3] :]]
    return all(a < b for a, b in pairwise(put))


def _are_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether both parts hold a number, or none of them does."""
    return any(map(is_number, one)) == any(map(is_number, other))


def _stems(text: str) -> list[tuple[str, str]]:
    """Return the content words of a text as (stem, word), numbers in one form."""
    return [
        (number_of(word) if is_number(word) else stem(word), word)
        for word in words_of(text)
        if word.lower() not in FUNCTION_WORDS or is_number(word)
    ]
