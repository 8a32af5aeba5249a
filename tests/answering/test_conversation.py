"""A question after others: the ways to understand it, and which is kept."""

from collections.abc import Mapping

import pytest

from rag.answering.conversation import (
    Context,
    Contexts,
    Wording,
    best_wording,
    candidates,
    context_of,
    questions_of,
)
from rag.types import Chunk, Evidence, Hit, Span, Turn

TEXT = "His successor is Petra Alm, who bought the weir. The mill is 140 metres long."


def evidence(short: str, chance: float, document: str = "a") -> Evidence:
    """A sentence of TEXT that gives the short answer with this chance."""
    sentence = next(s for s in TEXT.split(". ") if short in s)
    start, at = TEXT.index(sentence), TEXT.index(short)
    hit = Hit(Chunk(document, 0, "", 1, 0, len(TEXT), TEXT, ""), "", 1.0, "both")
    focus = Span(at, at + len(short))
    return Evidence(hit, start, start + len(sentence), sentence, chance, focus)


LAST = context_of("Who is the mayor's successor?", [evidence("Petra Alm", 0.9)], 0.5)


def ways(question: str, before: str, answer: str = "") -> list[tuple[str, str]]:
    return [(c.way, c.asked) for c in candidates(question, Context(before, answer))]


def test_the_first_question_stands_alone() -> None:
    assert candidates("Who is it?", Context()) == [Wording("alone", "Who is it?")]


@pytest.mark.parametrize(
    ("question", "before", "changed"),
    [
        ("And in 2021?", "How much was it in 2022?", "How much was it in 2021?"),
        ("Sorry, I meant 2023.", "Who paid in 2022?", "Who paid in 2023?"),
        (
            "What about a battery?",
            "How much is a tyre for the M2?",
            "How much is a battery for the M2?",
        ),
        ("And for the M4?", "How much is a tyre for the M2?", "How much is a tyre for the M4?"),
        ("No, on a Sunday I mean.", "Who crosses on a weekday?", "Who crosses on a Sunday?"),
        (
            "And at the Mill school?",
            "Who likes the food?",
            "Who likes the food at the Mill school?",
        ),
    ],
)
def test_a_fragment_changes_a_part_of_the_question_before(
    question: str, before: str, changed: str
) -> None:
    assert ways(question, before) == [("alone", question), ("changed", changed)]


@pytest.mark.parametrize(
    ("question", "put"),
    [
        ("What did she buy?", "What did Petra Alm buy?"),
        ("Who is her brother?", "Who is Petra Alm's brother?"),
        ("Who praised her?", "Who praised Petra Alm?"),
        ("Where is theirs?", "Where is Petra Alm's?"),
    ],
)
def test_the_last_answer_takes_the_place_of_a_pronoun(question: str, put: str) -> None:
    before = "Who is the successor?"
    assert ways(question, before, "Petra Alm") == [
        ("alone", question),
        ("behind", f"{before} {question}"),
        ("answer", put),
    ]


def test_what_asks_nothing_is_left_out_before_what_asks() -> None:
    assert ways("Thanks! And when was it?", "") == [("alone", "And when was it?")]
    assert ways("Who said “who”? ’?", "") == [("alone", "Who said “who”?")]
    assert ways("Is it? Or was it?", "") == [("alone", "Is it? Or was it?")]


def test_a_long_question_before_keeps_its_end() -> None:
    (_, (way, asked)) = ways("Who did?", "word " * 99 + "end.")
    assert (way, len(asked.split()), asked[-13:]) == ("behind", 32, "end. Who did?")


def kept(question: str, found: Mapping[str, Evidence], context: Context = LAST) -> Evidence | None:
    """The best evidence of the way that is kept, where each way finds this."""
    by_words = {c.asked: found.get(c.way) for c in candidates(question, context)}

    def read(asked: str) -> list[Evidence]:
        best = by_words[asked]
        return [best] if best else []

    _, chosen = best_wording(question, context, read)
    return chosen[0] if chosen else None


def test_the_last_answer_is_not_repeated_for_a_new_topic() -> None:
    alone, behind = evidence("140 metres", 0.6), evidence("Petra Alm", 0.9)
    assert kept("How long was the mill?", {"alone": alone, "behind": behind}) is alone
    assert kept("How long was the mill?", {"behind": behind}) is None
    elsewhere = evidence("Petra Alm", 0.9, "b")
    assert kept("How long was the mill?", {"alone": alone, "behind": elsewhere}) is alone


def test_a_question_that_leans_on_the_answer_is_read_with_it() -> None:
    found = {
        "alone": evidence("140 metres", 0.8),
        "behind": evidence("Petra Alm", 0.9),
        "answer": evidence("the weir", 0.9),
    }
    assert kept("What did she buy?", found) is found["answer"]


def test_a_question_that_leans_on_the_question_before_is_read_behind_it() -> None:
    found = {"alone": evidence("140 metres", 0.1), "behind": evidence("the weir", 0.8)}
    assert kept("Really?", found) is found["behind"]


def test_a_changed_question_may_find_the_same_words_elsewhere() -> None:
    context = Context("Who chaired in 2022?", "Petra Alm", "b", Span(0, 9))
    found = {"alone": evidence("140 metres", 0.2), "changed": evidence("Petra Alm", 0.8)}
    assert kept("And in 2021?", found, context) is found["changed"]


def test_what_was_not_sure_is_no_answer_to_lean_on() -> None:
    assert context_of("Who?", [evidence("Petra Alm", 0.4)], 0.5) == Context("Who?")
    assert context_of("Who?", [], 0.5) == Context("Who?")
    assert (LAST.answer, LAST.document) == ("Petra Alm", "a")


def test_only_what_the_user_asked_counts() -> None:
    history = [Turn("user", " Who? "), Turn("assistant", "Nobody."), Turn("user", "Why?")]
    assert questions_of(history) == ("Who?", "Why?")


def test_the_oldest_context_is_forgotten_first() -> None:
    contexts = Contexts()
    for number in range(257):
        contexts.put(number, Context(str(number)))
    assert contexts.get(0) is None
    assert contexts.get(1) == Context("1")
