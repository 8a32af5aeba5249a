"""Evidence + a chat model -> the sentences it writes, each checked against the passages.

The model is shown whole passages and writes as it likes. What the passages support is shown, what
they support in part is shown with the reason, the rest is left out and counted.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from rag.answering import citations, prompt, verify
from rag.answering.generate import generate
from rag.answering.verify import Claim, DocumentLookup
from rag.config import PASSAGE_TOKENS
from rag.protocols import ChatModel
from rag.text.lookalikes import poses
from rag.text.sentences import sentence_spans
from rag.types import Evidence, Hit, Source, Verdict

_MAX_ANSWER_TOKENS = 500  # some three hundred words
_TOKENS_A_PASSAGE = 200  # about; what the embedder reads of one is at most 254
_CITED = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
# Markers behind the point of their sentence, which would be taken for the next one's.
_BEHIND_POINT = re.compile(r"([.!?][\"”’)]?)((?:\s*\[[\d,;–\s-]{1,12}\])+)")
# What a model puts at the beginning of a line of a list, or around a heading.
_BULLET = re.compile(r"^\s*(?:[-*•–]+|#+|\d{1,2}[.)])\s+")
_EMPHASIS = re.compile(r"\*\*|__|`")
# What says that there is no answer is no claim about the reports.
_NO_ANSWER = re.compile(r"(?i)\bpassages?\b.*\b(?:not|no|none|nothing|n't)\b|^not in the passages")
_BEST_FIRST: tuple[Verdict, ...] = ("supported", "partly", "unsupported")


class Written(NamedTuple):
    """A sentence as a model wrote it, without its markers, and the passages that it cites."""

    text: str
    cited: frozenset[int]


def write_grounded(
    question: str,
    evidence: Sequence[Evidence],
    chat: ChatModel,
    document: DocumentLookup,
    templates: Path,
    note: Callable[[str], None],
    search: Callable[[int], Sequence[Hit]] = lambda k: (),
) -> Iterator[Claim]:
    """Yield the sentences of a chat model that its passages support at least in part, as they come.

    `note` gets a sentence on how many others there were. `search` finds so many passages, for a
    model that may be shown more than were read. Closing the iterator stops the model.
    """
    room = chat.passage_tokens
    found = search(room // _TOKENS_A_PASSAGE) if room > PASSAGE_TOKENS else ()
    sources = prompt.choose_sources(evidence, chat.count_tokens, room, found)
    built = prompt.grounded(question, sources, evidence[0].score, document, templates)
    text, done, left_out = "", 0, 0
    with closing(generate(chat, built, _MAX_ANSWER_TOKENS)) as pieces:
        for piece in pieces:
            text += piece or ""
            sentences = read_written(text)
            # The last sentence is complete only when the model is; None says so.
            for sentence in sentences[done : len(sentences) - (piece is not None)]:
                done += 1
                claim = _checked(sentence, sources, document, question)
                if claim.verdict != "unsupported":
                    yield claim
                elif not _NO_ANSWER.search(sentence.text):
                    left_out += 1
    if left_out:
        sentences_of_model = "1 sentence" if left_out == 1 else f"{left_out} sentences"
        note(f"{sentences_of_model} of the model left out: the passages do not support it.")


def read_written(text: str) -> list[Written]:
    """Return the sentences of what a model wrote; each line of a list is at least one."""
    sentences: list[Written] = []
    for line in text.split("\n"):
        plain = _EMPHASIS.sub("", _BULLET.sub("", line))
        plain = _BEHIND_POINT.sub(r"\2\1", plain)
        for start, end in sentence_spans(plain):
            cited = frozenset(
                number for found in _CITED.findall(plain[start:end]) for number in _numbers(found)
            )
            claims = citations.claims(plain[start:end])
            if claims:
                sentences.append(Written(" ".join(claims), cited))
    return sentences


def _numbers(found: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", found)]


def _checked(
    sentence: Written, sources: Sequence[Source], document: DocumentLookup, question: str
) -> Claim:
    """Return the claim checked against the passages it cites, then against all passages.

    A verdict or a role that a source plants, and the model repeats, is no claim.
    """
    if poses(sentence.text):
        return Claim(sentence.text, "unsupported", (), "it poses as a verdict or a role")
    cited = [source for source in sources if source.number in sentence.cited]
    claims = []
    for shown in ([cited] if cited else []) + [list(sources)]:
        claim = verify.check_sentence(sentence.text, shown, document, question)
        claims.append(verify.attributed(claim, document))
        if claims[-1].verdict == "supported":
            break
    return min(claims, key=lambda claim: _BEST_FIRST.index(claim.verdict))
