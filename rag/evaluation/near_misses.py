"""An evaluation set -> questions that nearly are answered: one detail of each is changed.

Where a report says when the northern bridge opened, "When did the southern bridge open?" finds the
same sentence and is answered by nothing. How a product declines such questions is the hardest
part of declining (after SQuAD 2.0, Rajpurkar et al. 2018).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from rag.evaluation.dataset import EvaluationSet, Question, collapse_spaces
from rag.protocols import Embedder

NEAR_MISS = "adversarial_near_miss"

_CHANGED_NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?![\w,]|\.\d)")
_CHANGED_NAME = re.compile(
    r"(?<=[a-z,'’] )[A-Z][\w'’-]+(?: (?:(?:of|the|de|von|and) )?[A-Z][\w'’-]+)*"
)
# Words of which the other one asks for something else in the same sentence.
_OTHER = dict(
    pair
    for one, other in (
        pair.split("/")
        for pair in (
            "first/last largest/smallest highest/lowest most/least before/after northern/southern "
            "eastern/western north/south east/west increase/decrease increased/decreased "
            "won/lost win/lose began/ended begin/end started/stopped opened/closed bought/sold "
            "import/export above/below public/private men/women male/female father/mother "
            "brother/sister king/queen supported/opposed accepted/rejected oldest/youngest "
            "longest/shortest early/late upper/lower minimum/maximum winter/summer"
        ).split()
    )
    for pair in ((one, other), (other, one))
)
_ASCII_WORD = re.compile(r"[A-Za-z]+")
_SAME_STEM = 4  # letters that "Europe" and "European" share


@dataclass(frozen=True, slots=True)
class _Change:
    """One detail of a question and what stands in its place."""

    start: int
    end: int
    to: str


def near_misses(
    evaluation: EvaluationSet, count: int, embedder: Embedder, seed: int = 0
) -> EvaluationSet:
    """Return the set's documents with `count` questions, each with one detail changed.

    The details are numbers, names and words that have an opposite. In the place of a name stands
    the name of the same document that is nearest to it in meaning and not in the gold text; a
    number or a word that takes another's place does not stand in the document at all. Of a
    question at most one is made for each kind of detail; its `id` begins with "near-".
    """
    random = Random(seed)
    pool = [q for q in evaluation.questions if q.answerable and q.gold_texts and q.gold_documents]
    names = {
        document: sorted(
            {name.removesuffix("'s").removesuffix("’s") for name in _CHANGED_NAME.findall(text)}
        )
        for document, (_, text) in evaluation.documents.items()
        if any(document == question.gold_documents[0] for question in pool)
    }
    made: list[Question] = []
    for question in pool:
        document = question.gold_documents[0]
        title, text = evaluation.documents[document]
        changes = _changes(
            question, collapse_spaces(f"{title}. {text}"), names[document], embedder, random
        )
        for number, change in enumerate(changes, 1):
            changed = question.text[: change.start] + change.to + question.text[change.end :]
            made.append(_near_miss(question, number, changed))
    random.shuffle(made)
    name = f"{evaluation.name}-near-misses"
    return replace(evaluation, name=name, questions=tuple(made[:count]))


def _near_miss(question: Question, number: int, text: str) -> Question:
    return replace(
        question,
        id=f"near-{number}-{question.id}",
        text=text,
        answers=(),
        answerable=False,
        gold_texts=(),
        gold_documents=(),
        type=NEAR_MISS,
    )


def _changes(
    question: Question, text: str, names: Sequence[str], embedder: Embedder, random: Random
) -> Iterator[_Change]:
    """Yield at most one change for each kind of detail."""
    asked, gold = question.text, collapse_spaces(" ".join(question.gold_texts))
    for number in _CHANGED_NUMBER.finditer(asked):
        other = _other_number(number[0], random)
        if number[0] in text and other not in text:
            yield _Change(*number.span(), other)
            break
    for found in _CHANGED_NAME.finditer(asked):
        name = found[0].removesuffix("'s").removesuffix("’s")
        if name in text and (other := _nearest(name, names, f"{gold} {asked}", embedder)):
            yield _Change(found.start(), found.start() + len(name), other)
            break
    words = {word.lower() for word in _ASCII_WORD.findall(text)}
    for word in _ASCII_WORD.finditer(asked):
        opposite = _OTHER.get(word[0])
        if opposite and word[0].lower() in words and opposite not in words:
            yield _Change(*word.span(), opposite)
            break


def _nearest(name: str, names: Sequence[str], not_in: str, embedder: Embedder) -> str:
    """Return the name nearest in meaning that is not a form of it; "" if there is none."""
    stems = {word[:_SAME_STEM].lower() for word in name.split()}
    others = [
        n
        for n in names
        if n not in not_in and stems.isdisjoint(w[:_SAME_STEM].lower() for w in n.split())
    ]
    if not others:
        return ""
    vectors = embedder.encode([name, *others])
    return others[int((vectors[1:] @ vectors[0]).argmax())]


def _other_number(number: str, random: Random) -> str:
    """Return another number of as many digits; a year stays a year of the same century or so."""
    plain = int(number.replace(",", ""))
    apart = random.choice([n for n in range(-9, 10) if n])
    other = max(1, plain + apart * (10 ** max(0, len(str(plain)) - 3) if plain > 2100 else 1))
    return f"{other:,}" if "," in number else str(other)
