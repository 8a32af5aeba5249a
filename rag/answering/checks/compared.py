"""A claim beside the sentences that may hold it, and how they compare. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rag.answering.checks.names import is_of_same_place, names_of
from rag.answering.checks.stance import AlignedClause, align, clauses_of, with_alike
from rag.text.quantities import COUNTED, amounts_of, missing
from rag.text.tokens import FUNCTION_WORDS, content_of, is_number, stem, words_of
from rag.types import Evidence


@dataclass(frozen=True)
class Compared:
    """A claim beside sentences of the sources. Each property is computed when a check needs it.

    `known` are the stems of names in all the sources, and `beside` the title, section and speaker
    of each sentence: they are part of a citation, so a claim may name them. `question` is "" for
    a claim that answers none.
    """

    claim: str
    question: str
    evidence: tuple[Evidence, ...]
    known: frozenset[str] = frozenset()
    beside: Mapping[Evidence, str] | None = None

    @cached_property
    def content(self) -> frozenset[str]:
        """The stems of the claim's content words."""
        return content_of(self.claim)

    @cached_property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(e.text for e in self.evidence)

    @cached_property
    def around(self) -> str:
        """What stands beside the sentences."""
        return " ".join(self.beside[e] for e in self.evidence) if self.beside else ""

    @cached_property
    def names(self) -> list[str]:
        """The names in the claim."""
        return names_of(self.claim, self.known)

    @cached_property
    def absent_amounts(self) -> list[str]:
        """The numbers of the claim, with their units, that the sentences lack."""
        return missing(amounts_of(self.claim), self.text)

    @cached_property
    def absent_names(self) -> list[str]:
        """The names of the claim that stand neither in the sentences nor beside them."""
        tokens = {*words_of(self.text), *words_of(self.around)}
        held = self._held | content_of(self.around)
        return [
            name
            for name in self.names
            if (
                name not in tokens
                if name.lower() in FUNCTION_WORDS
                else not content_of(name) <= held and not is_of_same_place(name, tokens)
            )
        ]

    @cached_property
    def share(self) -> float:
        """The share of the claim's content words that the sentences hold, 0..1."""
        names = {stem(name) for name in self.names} & content_of(self.around)
        held = len(self.content & (self._held | names))
        return held / len(self.content) if self.content else 0.0

    @cached_property
    def aligned(self) -> list[AlignedClause]:
        """The clauses of the claim, each with the nearest of the sentences."""
        return align(self.claim, self.content, [e.text for e in self.evidence])

    @cached_property
    def _held(self) -> frozenset[str]:
        held = with_alike(content_of(self.text))
        if self.absent_amounts:
            return held
        # All its numbers are there, in whatever form.
        return held | {
            stem(word)
            for word in words_of(self.claim)
            if is_number(word) or word.lower() in COUNTED
        }

    def found_elsewhere(self, least: float) -> Iterator[str]:
        """Yield the names and numbers of the claim that stand in sentences about something else.

        Such a sentence holds less than a share `least` of their clause. The word that a clause
        begins with is left out: who acts is often named in the sentence before.
        """
        if len(self.evidence) == 1:
            return
        sentences = [content_of(e.text) for e in self.evidence]
        named = frozenset(self.names)
        for clause in clauses_of(self.claim):
            stems = [stem(word) for word in clause if word.lower() not in FUNCTION_WORDS]
            plain = {
                stem(word)
                for word in clause
                if word.lower() not in FUNCTION_WORDS and not is_number(word)
            }
            shared = [len(plain & held) for held in sentences]
            for word in clause:
                key = stem(word)
                if (word not in named and not is_number(word)) or stems[:1] == [key]:
                    continue
                # The key is left out on both sides, so that a clause of n words is compared once,
                # not n times.
                itself = key in plain
                about = len(plain) - itself
                holding = [
                    number - itself
                    for number, held in zip(shared, sentences, strict=True)
                    if key in held
                ]
                if holding and about and max(holding) < least * about:
                    yield word
