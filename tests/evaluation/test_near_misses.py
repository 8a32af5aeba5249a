from fakes import WordsEmbedder

from rag.evaluation.dataset import EvaluationSet, Question
from rag.evaluation.near_misses import NEAR_MISS, near_misses

TEXT = (
    "The northern bridge over the Osk was opened in 1931 by Ada Holm. "
    "Later the council asked Bo Berg, who said nothing."
)
GOLD = "The northern bridge over the Osk was opened in 1931 by Ada Holm."


def of(*questions: str) -> EvaluationSet:
    asked = tuple(
        Question(f"q{n}", text, (), ("yes",), True, ("bridges",), (GOLD,), False, "fact", False)
        for n, text in enumerate(questions)
    )
    return EvaluationSet("bridges", {"bridges": ("Bridges", TEXT)}, asked)


def changed(question: str) -> list[str]:
    return [q.text for q in near_misses(of(question), 9, WordsEmbedder()).questions]


def test_a_number_becomes_one_that_stands_nowhere() -> None:
    (question,) = changed("who built it in 1931?")
    assert question != "who built it in 1931?"
    assert question.startswith("who built it in ")
    assert question.removeprefix("who built it in ").rstrip("?") not in TEXT


def test_a_name_becomes_another_one_of_the_document() -> None:
    assert changed("what did Ada Holm open?") == ["what did Bo Berg open?"]


def test_a_word_becomes_its_opposite() -> None:
    assert changed("when was the northern one opened?") == [
        "when was the southern one opened?",
    ]


def test_a_question_without_such_a_detail_gives_none() -> None:
    assert changed("why?") == []


def test_a_near_miss_is_answered_by_nothing_and_known_by_its_origin() -> None:
    (question,) = near_misses(of("what did Ada Holm open?"), 9, WordsEmbedder()).questions
    assert not question.answerable
    assert question.type == NEAR_MISS
    assert question.id == "near-1-q0"
    assert (question.answers, question.gold_texts, question.gold_documents) == ((), (), ())


def test_no_more_are_made_than_asked_for_and_the_seed_decides() -> None:
    asked = of(*(f"what did Ada Holm open {n} times?" for n in "abcdefgh"))
    made = near_misses(asked, 3, WordsEmbedder(), seed=1)
    assert len(made.questions) == 3
    assert made == near_misses(asked, 3, WordsEmbedder(), seed=1)
