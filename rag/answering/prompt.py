"""Evidence + the templates of prompts/ -> the Prompt of a language model. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from string import Template

from rag.answering.rank import sentences_of
from rag.answering.verify import DocumentLookup
from rag.text.markers import BRACKETED
from rag.types import Evidence, Hit, Prompt, Source

_STOP = ("\n",)  # of a restatement, which is one sentence
# Of the confidence: above it the best sentence is likelier to answer than not.
LIKELY = 0.5
_DECISIONS = {
    True: "The passages answer this question, most likely passage [1].",
    False: "The passages may answer this question in part only. Say what they do say, and no more.",
}

# In a source these would pass for control tokens of a chat template or for markers of ours.
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "|": "¦", "[": "(", "]": ")"})


def choose_sources(
    evidence: Sequence[Evidence],
    count_tokens: Callable[[str], int],
    most_tokens: int,
    unread: Sequence[Hit] = (),
) -> tuple[Source, ...]:
    """Return the passages to show, numbered from 1 in the order of their best sentence.

    They are shown whole, as many as fit into `most_tokens`; hits that the reader has not read come
    last. Where not even the first fits, it is shown by its best sentence alone.
    """
    by_hit: dict[tuple[str, int], list[Evidence]] = {}
    read = {(e.hit.chunk.document, e.hit.chunk.number) for e in evidence}
    others = (h for h in unread if (h.chunk.document, h.chunk.number) not in read)
    for sentence in (*evidence, *(s for hit in others for s in sentences_of(hit))):
        chunk = sentence.hit.chunk
        by_hit.setdefault((chunk.document, chunk.number), []).append(sentence)
    sources: list[Source] = []
    room = most_tokens
    for sentences in by_hit.values():
        in_order = tuple(sorted(sentences, key=lambda e: e.start))
        source = Source(len(sources) + 1, sentences[0].hit, in_order)
        if (cost := count_tokens(as_data(source.hit.chunk.text))) <= room:
            sources.append(source)
            room -= cost
    return tuple(sources) or (_cut_to(evidence[0]),)


def _cut_to(sentence: Evidence) -> Source:
    """Return the first source, as if its passage had no other sentence."""
    chunk = replace(sentence.hit.chunk, start=sentence.start, end=sentence.end, text=sentence.text)
    return Source(1, replace(sentence.hit, chunk=chunk), (sentence,))


def restatement(question: str, short_answer: str, source: str, templates: Path) -> Prompt:
    """Return the prompt that puts a short answer into one sentence, for models that complete."""
    values = {"question": question, "answer": short_answer, "source": source}
    return Prompt(_fill_template("restate", values, templates), "", "", _STOP)


def grounded(
    question: str,
    sources: Sequence[Source],
    confidence: float,
    document: DocumentLookup,
    templates: Path,
) -> Prompt:
    """Return the messages that ask a chat model for an answer out of the passages.

    `confidence` is the probability that they answer; the prompt states it in words.
    """
    shown = "\n".join(show(source, document) for source in sources)
    system = _fill_template("system", {}, templates)
    values = {"question": question}
    inserted = {"sources": shown, "decision": _DECISIONS[confidence >= LIKELY]}
    return Prompt("", system, _fill_template("user", values, templates, inserted), ())


def show(source: Source, document: DocumentLookup) -> str:
    """Return a passage as one line of a prompt: '[1] Title (date), section, quoting names: …'."""
    hit, chunk = source.hit, source.hit.chunk
    quotations = document(chunk.document).quotations_in(chunk.start, chunk.end)
    speakers = dict.fromkeys(q.speaker for q in quotations if q.speaker)
    place = [
        hit.title + (f" ({hit.date})" if hit.date else ""),
        chunk.section,
        f"quoting {' and '.join(speakers)}" if speakers else "",
    ]
    named = ", ".join(as_data(part) for part in place if part)
    return f"[{source.number}] {named}: {as_data(chunk.text)}"


def as_data(text: str) -> str:
    """Return the text as data: on one line, without anything that looks like markup."""
    return " ".join(BRACKETED.sub("", text).translate(_LOOKALIKES).split())


def _fill_template(
    name: str, values: dict[str, str], templates: Path, inserted: dict[str, str] | None = None
) -> str:
    """Fill in a template: values are escaped as data, what is inserted is not."""
    template = Template((templates / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n"))
    shown = {key: as_data(value) for key, value in values.items()}
    return template.substitute(shown, **(inserted or {}))
