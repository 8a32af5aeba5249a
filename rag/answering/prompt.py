"""Evidence + the templates of prompts/ -> the Prompt of a language model. Pure."""

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

# In a source these would pass for control tokens of a chat template or for markers of ours.
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "|": "¦", "[": "(", "]": ")"})


def choose_sources(
    evidence: Sequence[Evidence], count_tokens: Callable[[str], int]
) -> tuple[Source, ...]:
    """Return the sources to show, numbered from 1 in the order of their best sentence.

    A source is the best sentence of a hit with its neighbours, in reading order. One that does not
    fit is left out whole.
    """
    by_hit: dict[tuple[str, int], list[Evidence]] = {}
    for sentence in evidence:
        chunk = sentence.hit.chunk
        by_hit.setdefault((chunk.document, chunk.number), []).append(sentence)
    sources: list[Source] = []
    room = _SOURCE_TOKENS
    for sentences, most in zip(by_hit.values(), _SENTENCES, strict=False):
        source = Source(len(sources) + 1, sentences[0].hit, _around_best(sentences, most))
        if (cost := count_tokens(show(source))) <= room:
            sources.append(source)
            room -= cost
    return tuple(sources)


def restatement(question: str, short_answer: str, source: str, templates: Path) -> Prompt:
    """Return the prompt that puts a short answer into one sentence, for models that complete."""
    values = {"question": question, "answer": short_answer, "source": source}
    return Prompt(_fill_template("restate", values, templates), "", "", _STOP)


def grounded(question: str, sources: Sequence[Source], templates: Path) -> Prompt:
    """Return the messages that ask a chat model for an answer out of the sources."""
    shown = "\n".join(show(source) for source in sources)
    system = _fill_template("system", {}, templates)
    user = _fill_template("user", {"question": question}, templates, sources=shown)
    return Prompt("", system, user, _STOP)


def show(source: Source) -> str:
    """Return a source as one line of a prompt: '[1] Title: its words.'"""
    words = " ".join(as_data(sentence.text) for sentence in source.sentences)
    return f"[{source.number}] {as_data(source.hit.title)}: {words}"


def as_data(text: str) -> str:
    """Return the text as data: on one line, without anything that looks like markup."""
    return " ".join(BRACKETED.sub("", text).translate(_LOOKALIKES).split())


def _fill_template(name: str, values: dict[str, str], templates: Path, sources: str = "") -> str:
    template = Template((templates / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n"))
    shown = {key: as_data(value) for key, value in values.items()}
    return template.substitute(shown, sources=sources)


def _around_best(sentences: Sequence[Evidence], most: int) -> tuple[Evidence, ...]:
    """Return the best sentence, which comes first, in the middle of as many."""
    in_order = sorted(sentences, key=lambda e: e.start)
    first = max(0, min(in_order.index(sentences[0]) - (most - 1) // 2, len(in_order) - most))
    return tuple(in_order[first : first + most])
