"""A question without an answer -> the sentence that says why. Pure.

Not every turn asks for what the reports say. One that thanks, greets, or asks about the program is
recognised by its nearest example, by the vectors of the embedder.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from rag.text.tokens import FUNCTION_WORDS, content_of, is_number, number_of, stem, words_of
from rag.types import Evidence, Hit, Reason, Vectors

TurnKind = Literal["question", "assistant", "thanks", "greeting", "gibberish"]

EMPTY_LIBRARY = "The library holds no reports yet; add some, then ask again."
NOTHING_FOUND = "I found no passage"
SAID: dict[TurnKind, str] = {
    "assistant": (
        "I answer questions about the reports in this library, with a footnote to the words that "
        "prove each sentence; ask about something they tell of."
    ),
    "thanks": "You are welcome; ask another question about the reports.",
    "greeting": "Hello; ask a question about the reports in this library.",
    "gibberish": "I cannot read a question in this; ask in plain words.",
}
# How a sentence begins that stands where an answer would; the last one is of earlier versions.
OPENINGS = (NOTHING_FOUND, EMPTY_LIBRARY, *SAID.values(), "The reports do not answer this.")
_SMALL_TALK: dict[TurnKind, tuple[str, ...]] = {
    "assistant": (
        "who are you",
        "what are you",
        "who made you",
        "what is your name",
        "tell me about yourself",
        "are you an ai",
        "are you a human or a machine",
        "what can you do",
        "what can i ask you",
        "how do you work",
        "can you help me",
        "how are you",
    ),
    "thanks": (
        "thank you",
        "thank you very much",
        "thanks",
        "thanks a lot",
        "great thanks",
        "thanks that helps",
        "that was helpful",
        "okay got it",
        "goodbye",
    ),
    "greeting": ("hello", "hi", "hey", "hi there", "good morning", "good evening"),
}
EXAMPLES = [example for examples in _SMALL_TALK.values() for example in examples]
_KINDS_OF_EXAMPLES: list[TurnKind] = [
    kind for kind, examples in _SMALL_TALK.items() for _ in examples
]
# Cosine from which a turn is of the kind of its nearest example. Of thirty questions about reports
# none reached 0.75 ("What can be done?" 0.67); of twenty turns of small talk fifteen do.
_SMALL_TALK_COSINE = 0.75
_GIBBERISH_LETTERS = 2.5  # letters a token: words of a language have four and more


def kind_of(
    question: str,
    hits: Sequence[Hit],
    encode: Callable[[Sequence[str]], Vectors],
    count_tokens: Callable[[str], int],
    examples: Vectors,
) -> TurnKind:
    """Return whether a turn is a question, thanks, a greeting or the like.

    `hits` are those of its search, `examples` the unit vectors of EXAMPLES.
    """
    words = [word.lower() for word in words_of(question)]
    nearest = examples @ encode([" ".join(words)])[0]
    if nearest.max() >= _SMALL_TALK_COSINE:
        return _KINDS_OF_EXAMPLES[int(nearest.argmax())]
    letters = "".join(words)
    unknown = all(hit.found_by == "dense" for hit in hits) and FUNCTION_WORDS.isdisjoint(words)
    if unknown and letters.isascii() and letters.isalpha():
        is_gibberish = len(letters) < _GIBBERISH_LETTERS * count_tokens(" ".join(words))
        return "gibberish" if is_gibberish else "question"
    return "question"


def declined(reason: Reason, question: str, evidence: Sequence[Evidence]) -> str:
    """Return the sentence that stands in place of an answer.

    It names what differs between the question and the best evidence where that is a number, a year
    or a name.
    """
    if reason == "nothing_on_subject" or not evidence:
        return f"{NOTHING_FOUND} on this subject."
    difference = _differs_by(question, evidence[0])
    return (
        f"{NOTHING_FOUND} that answers this{f': the nearest {difference}' if difference else ''}."
    )


def _differs_by(question: str, nearest: Evidence) -> str:
    """Return what the nearest passage has in place of a number, year or name of the question."""
    hit = nearest.hit
    around = f"{hit.chunk.context} {hit.title} {hit.date[:4]} {hit.chunk.text}"
    held = {number_of(word) for word in words_of(around) if is_number(word)}
    asked = [word for word in words_of(question) if is_number(word) and word.lower() != "one"]
    for word in asked:
        if number_of(word) in held:
            continue
        near = [*words_of(nearest.text), *words_of(around)]
        others = [other for other in near if _is_year(other) and _is_year(word)]
        return f"gives {others[0]}, not {word}" if others else f"does not give {word}"
    missing = _names(question, content_of(around))
    return f"does not mention {missing}" if missing else ""


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdecimal() and word[0] in "12"


def _names(question: str, held: frozenset[str]) -> str:
    """Return the first name in the question that has no word in the passage; "" without one.

    A name is a run of capitalised words, the question's first word left out.
    """
    run: list[str] = []
    for word in [*words_of(question)[1:], ""]:
        if word[:1].isupper() and word.lower() not in FUNCTION_WORDS:
            run.append(word)
            continue
        if run and held.isdisjoint(stem(part) for part in run):
            return " ".join(run).removesuffix("'s")
        run = []
    return ""
