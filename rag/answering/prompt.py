"""Question + Evidence + a template of prompts/ -> the Sources that fit and the Prompt that shows
them. Pure.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from string import Template

from rag.text.markers import BRACKETED
from rag.types import Evidence, Prompt, Source

# A small model drowns in whole pages, and each token of them delays the first word. More of the
# likelier one: its best sentence is more often a neighbour of the right one than the third source
# is right.
_SENTENCES = (5, 3, 2)
_SOURCE_TOKENS = 700
_STOP = ("\n",)

# In a source these would pass for markers of ours, and angle brackets and pipes for the control
# tokens of a chat template.
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "|": "¦", "[": "(", "]": ")"})


def choose_sources(
    evidence: Sequence[Evidence], count_tokens: Callable[[str], int]
) -> tuple[Source, ...]:
    """The sources to show, numbered from 1 in the order of their best sentence.

    One that does not fit is left out whole.

    A source is the best sentence of a hit with its neighbours, in reading order.
    """
    by_hit: dict[tuple[str, int], list[Evidence]] = {}
    for sentence in evidence:
        by_hit.setdefault((sentence.hit.chunk.document, sentence.hit.chunk.number), []).append(
            sentence
        )
    sources: list[Source] = []
    room = _SOURCE_TOKENS
    for sentences, most in zip(by_hit.values(), _SENTENCES, strict=False):
        source = Source(len(sources) + 1, sentences[0].hit, _around_best(sentences, most))
        if (cost := count_tokens(show(source))) <= room:
            sources.append(source)
            room -= cost
    return tuple(sources)


def build(question: str, sources: Sequence[Source], templates: Path) -> Prompt:
    """The prompt in each form, from the templates complete.txt (base models), adapted.txt (those
    with an adapter), system.txt and user.txt (chat models).
    """
    values = {
        "question": one_line(question),
        "sources": "\n".join(show(source) for source in sources),
    }
    complete, adapted, system, user = (
        Template((templates / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")).substitute(
            values
        )
        for name in ("complete", "adapted", "system", "user")
    )
    return Prompt(complete, adapted, system, user, _STOP)


def show(source: Source) -> str:
    """A source as one line of a prompt: '[1] Title: its words.'"""
    words = " ".join(one_line(sentence.text) for sentence in source.sentences)
    return f"[{source.number}] {one_line(source.hit.title)}: {words}"


def _around_best(sentences: Sequence[Evidence], most: int) -> tuple[Evidence, ...]:
    """The best sentence, which comes first, in the middle of as many."""
    in_order = sorted(sentences, key=lambda e: e.start)
    first = max(0, min(in_order.index(sentences[0]) - (most - 1) // 2, len(in_order) - most))
    return tuple(in_order[first : first + most])


def one_line(text: str) -> str:
    """The text as data: on one line, so that it cannot open a line of the prompt, and without
    anything that looks like markup.
    """
    return " ".join(BRACKETED.sub("", text).translate(_LOOKALIKES).split())
