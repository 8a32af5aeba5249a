"""A question after others -> the ways to understand it, and the one that is answered best. Pure.

A question may stand alone, refer to the one before it ("How long is it?") or to its answer ("What
did she buy?"), or change a part of it ("And in 2021?"). Its words do not decide which, so each way
is read, and the chance that its best sentence answers decides, with fitted weights.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np

from rag.text.sentences import sentence_spans
from rag.text.tokens import FUNCTION_WORDS, content_of, is_number, words_of
from rag.types import Evidence, Span, Turn, Vectors

Way = Literal["alone", "behind", "answer", "changed"]
WAYS: tuple[Way, ...] = ("alone", "behind", "answer", "changed")
# What is weighed: the log-odds that the best sentence answers, how the question was understood,
# whether a changed question has the last answer again, and whether one read alone has a pronoun.
FEATURES = ("log_odds", *WAYS[1:], "repeats", "leans")
Read = Callable[[str], Sequence[Evidence]]

_FITTED_WAYS = Path(__file__).parents[1] / "data" / "conversation.json"
_LEAST_CHANCE = 0.01  # of a chance, whose log-odds are compared: below, nothing is found
_REMEMBERED = 256  # questions whose understanding is kept for those that follow
# Of the turns before a question those that are read again where nothing is remembered of them.
MAX_READ_AGAIN = 3

_PRONOUNS = frozenset("he she it they him her them his its their hers theirs".split())
_OWNERS = frozenset("hers theirs".split())
_POSSESSIVES = frozenset("his its their her".split())
_OPENINGS = frozenset(
    "a an the after at before between by during for from in into of on over through to under "
    "until with".split()
)
# A question of its own, where "what about" and "how about" ask for a part only.
_ASKS = re.compile(
    r"\b(?:who|whom|whose|which|when|where|why|is|are|was|were|do|does|did|has|have|had|can|could|"
    r"will|would|should|may|might|must|(?:what|how)(?!\s+about))\b",
    re.I,
)
_CONVERSATION_WORD = re.compile(r"[^\W_]+(?:[.,:'’-][^\W_]+)*")
_MAX_FRAGMENT = 3  # content words of a question that only changes a part of the one before
_MAX_WORDS_BEHIND = (
    30  # of what stands before a question: the reader cuts long questions at the end
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a question may refer to: the one before it, as understood, and its answer."""

    asked: str = ""
    answer: str = ""  # the short one; "" where there was none
    document: str = ""  # where that stands
    focus: Span | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to understand a question, and its words."""

    way: Way
    asked: str


class Contexts:
    """What was understood of the questions asked last. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._contexts: OrderedDict[Hashable, Context] = OrderedDict()

    def get(self, key: Hashable) -> Context | None:
        """Return what was put under the key; None if there is nothing any more."""
        with self._lock:
            return self._contexts.get(key)

    def put(self, key: Hashable, context: Context) -> None:
        """Remember the context; forget the oldest of too many."""
        with self._lock:
            self._contexts[key] = context
            if len(self._contexts) > _REMEMBERED:
                self._contexts.popitem(last=False)


def questions_of(history: Sequence[Turn]) -> tuple[str, ...]:
    """Return what the user asked, in order. What was answered is never evidence."""
    return tuple(turn.text.strip() for turn in history if turn.role == "user")


def context_of(asked: str, evidence: Sequence[Evidence], certainty: float) -> Context:
    """Return what the next question may refer to, after `asked` was read with this evidence."""
    best = evidence[0] if evidence else None
    if best is None or best.focus is None or best.score < certainty:
        return Context(asked)
    return Context(asked, short_of(best), best.hit.chunk.document, best.focus)


def best_wording(question: str, context: Context, read: Read) -> tuple[str, tuple[Evidence, ...]]:
    """Return the question in the wording that is answered best, and its evidence, best first.

    `read` returns the sentences for a question that stands alone, best first.
    """
    found = [(way, tuple(read(way.asked))) for way in candidates(question, context)]
    new = without_repeats(found, context)
    scores = [float(features_of(*one, context) @ fitted_weights()) for one in new]
    chosen, evidence = new[int(np.argmax(scores))]
    return chosen.asked, evidence


def without_repeats(
    found: Sequence[tuple[Wording, tuple[Evidence, ...]]], context: Context
) -> list[tuple[Wording, tuple[Evidence, ...]]]:
    """Return the ways without those that refer to the last question and repeat its answer.

    What stands alone, or changes a part, may have that answer again; else a new topic would get the
    old answer.
    """
    return [
        (way, evidence)
        for way, evidence in found
        if way.way in ("alone", "changed") or not repeats(way, evidence, context)
    ]


def features_of(candidate: Wording, evidence: Sequence[Evidence], context: Context) -> Vectors:
    """Return the features of a wording, float32 [len(FEATURES)]."""
    chance = min(max(evidence[0].score if evidence else 0.0, _LEAST_CHANCE), 1 - _LEAST_CHANCE)
    ways = [float(candidate.way == way) for way in WAYS[1:]]
    is_same = candidate.way == "changed" and repeats(candidate, evidence, context)
    leans = candidate.way == "alone" and bool(_with_answer(candidate.asked, "it"))
    return np.array([log(chance / (1 - chance)), *ways, is_same, leans], np.float32)


def repeats(candidate: Wording, evidence: Sequence[Evidence], context: Context) -> bool:
    """Return whether the best sentence gives the last answer again.

    That is one in the same place, or in the same words; with a part of the question changed, the
    same words elsewhere may well be its answer.
    """
    focus, last = evidence[0].focus if evidence else None, context.focus
    if focus is None or last is None:
        return False
    same_words = content_of(short_of(evidence[0])) == content_of(context.answer)
    if candidate.way != "changed" and same_words:
        return True
    same = evidence[0].hit.chunk.document == context.document
    return same and focus.start < last.end and last.start < focus.end


def short_of(evidence: Evidence) -> str:
    """Return the words that the reader points at, on one line; "" if it points at none."""
    return " ".join(evidence.short_answer.split())


@cache
def fitted_weights() -> Vectors:
    """Return the weights of FEATURES, float32 [len(FEATURES)]."""
    values = json.loads(_FITTED_WAYS.read_text(encoding="utf-8"))
    return np.array([values[feature] for feature in FEATURES], np.float32)


def candidates(question: str, context: Context) -> list[Wording]:
    """Return the ways to understand the question in its context, alone first."""
    core, before, answer = _core_of(question), context.asked, context.answer
    found = [Wording("alone", core)]
    if before and (changed := _changed(core, before)):
        return [*found, Wording("changed", changed)]
    if before:
        found.append(Wording("behind", f"{_ending(before)} {core}"))
    if answer and (put := _with_answer(core, answer)):
        found.append(Wording("answer", put))
    return found


def _core_of(question: str) -> str:
    """Return the question without sentences before it that ask nothing ("Thanks! And …?")."""
    sentences = [question[start:end] for start, end in sentence_spans(question)]
    asking = [s for s in sentences if s.rstrip().endswith("?") and words_of(s)]
    return asking[-1] if len(asking) == 1 else question


def _ending(text: str) -> str:
    words = text.split()
    return " ".join(words[-_MAX_WORDS_BEHIND:])


def _with_answer(question: str, answer: str) -> str:
    """Return the question with the answer in place of its first pronoun; "" without one."""
    words = list(_CONVERSATION_WORD.finditer(question))
    for place, match in enumerate(words):
        word = match[0].lower()
        if word not in _PRONOUNS:
            continue
        following = words[place + 1][0].lower() if place + 1 < len(words) else ""
        owns = word in _OWNERS or (
            word in _POSSESSIVES and following and following not in FUNCTION_WORDS
        )
        put = f"{answer}'s" if owns else answer
        return question[: match.start()] + put + question[match.end() :]
    return ""


def _changed(question: str, before: str) -> str:
    """Return `before` with the part exchanged that the question names anew; "" for no fragment."""
    words = words_of(question)
    content = [word for word in words if word.lower() not in FUNCTION_WORDS]
    if not content or len(content) > _MAX_FRAGMENT or _ASKS.search(question):
        return ""
    numbers = [word for word in words if is_number(word)]
    if len(numbers) == 1:
        same = [m for m in _CONVERSATION_WORD.finditer(before) if _same_shape(m[0], numbers[0])]
        if same:
            return before[: same[-1].start()] + numbers[0] + before[same[-1].end() :]
    phrase = _phrase_of(question)
    if not phrase:
        return ""
    opening = phrase.split()[0].lower()
    for start, end in reversed(_phrases(before)):
        if before[start:end].split()[0].lower() == opening:
            return before[:start] + phrase + before[end:]
    return f"{before.rstrip(' ?.!')} {phrase}?"


def _same_shape(one: str, other: str) -> bool:
    return is_number(one) and len(one) == len(other)


def _phrase_of(question: str) -> str:
    """Return the last phrase of a fragment that opens with a preposition or an article."""
    spans = _phrases(question)
    return question[spans[-1][0] : spans[-1][1]] if spans else ""


def _phrases(text: str) -> list[tuple[int, int]]:
    """Return the spans of runs of openings ("in the") with the content words behind them."""
    spans: list[tuple[int, int]] = []
    start, end, has_content = -1, -1, False
    for match in [*_CONVERSATION_WORD.finditer(text), None]:
        word = match[0].lower() if match else ""
        is_content = bool(word) and word not in FUNCTION_WORDS
        if is_content and start >= 0:
            end, has_content = match.end(), True  # type: ignore[union-attr]
            continue
        if has_content:
            spans.append((start, end))
        if word in _OPENINGS and match:
            start = match.start() if has_content or start < 0 else start
        else:
            start = -1
        has_content = False
    return spans
