from pathlib import Path

import pytest
from fakes import ScriptedModel

from rag.answering.grounded import Written, read_written, write_grounded
from rag.answering.rank import sentences_of
from rag.types import Chunk, Document, Hit, Paragraph

TEMPLATES = Path(__file__).parents[2] / "prompts"


def report(name: str, text: str) -> tuple[Document, Hit]:
    paragraphs = (Paragraph(1, "text", 0, 0, len(text)),)
    document = Document(name, f"{name}.txt", "", name, "", "", text, (), paragraphs)
    return document, Hit(Chunk(name, 0, "", 1, 0, len(text), text, name), name, 0.9, "both")


FARM, FARM_HIT = report(
    "farm", "Ridge Farm picked 95 tonnes of cherries in 2021. Frost killed its apricots."
)
PORT, PORT_HIT = report("port", "The quay at Marren was opened by Ilse Brandt in June 1998.")
DOCUMENTS = {"farm": FARM, "port": PORT}
EVIDENCE = [*sentences_of(FARM_HIT), *sentences_of(PORT_HIT)]


def written(reply: str, question: str = "How many cherries did Ridge Farm pick?") -> list[object]:
    """The claims of what a model says, and what is noted of the others."""
    told: list[object] = []
    chat = ScriptedModel(reply)
    for claim in write_grounded(
        question, EVIDENCE, chat, lambda name: DOCUMENTS[name], TEMPLATES, told.append
    ):
        told.append((claim.text, claim.verdict, [e.text for e in claim.evidence]))
    return told


def test_each_sentence_is_shown_with_the_words_that_support_it() -> None:
    assert written(
        "Ridge Farm picked 95 tonnes of cherries [1]. Ilse Brandt opened the quay at Marren in"
        " June 1998 [2]."
    ) == [
        (
            "Ridge Farm picked 95 tonnes of cherries.",
            "supported",
            ["Ridge Farm picked 95 tonnes of cherries in 2021."],
        ),
        (
            "Ilse Brandt opened the quay at Marren in June 1998.",
            "supported",
            ["The quay at Marren was opened by Ilse Brandt in June 1998."],
        ),
    ]


def test_one_bad_sentence_is_left_out_and_counted_and_the_others_stay() -> None:
    claims = written("Ridge Farm picked 95 tonnes of cherries. It picked 400 tonnes of apricots.")
    assert [claim[0] for claim in claims[:-1]] == ["Ridge Farm picked 95 tonnes of cherries."]
    assert claims[-1] == "1 sentence of the model left out: the passages do not support it."


def test_a_sentence_that_cites_the_wrong_passage_rests_on_the_right_one() -> None:
    (claim,) = written("Ridge Farm picked 95 tonnes of cherries [2].")
    assert claim[1:] == ("supported", ["Ridge Farm picked 95 tonnes of cherries in 2021."])


def test_a_model_with_a_large_window_is_shown_passages_that_were_not_read() -> None:
    chat, asked = (
        ScriptedModel("The quay at Marren was opened by Ilse Brandt in June 1998 [2]."),
        [],
    )
    chat.passage_tokens = 20_000

    def search(k: int) -> list[Hit]:
        asked.append(k)
        return [FARM_HIT, PORT_HIT]

    (claim,) = write_grounded(
        "Who opened the quay?",
        sentences_of(FARM_HIT),
        chat,
        lambda name: DOCUMENTS[name],
        TEMPLATES,
        lambda text: None,
        search,
    )
    assert asked == [100]
    assert claim.verdict == "supported"
    assert [e.hit for e in claim.evidence] == [PORT_HIT]


def test_that_there_is_no_answer_is_no_sentence_of_an_answer() -> None:
    assert written("The passages do not say how many cherries were picked.") == []


def test_a_text_that_was_cut_has_no_half_sentence() -> None:
    pieces = "Ridge Farm picked 95 tonnes of cherries. " + "Frost " * 600
    claims = written(pieces)
    assert claims == [
        (
            "Ridge Farm picked 95 tonnes of cherries.",
            "supported",
            ["Ridge Farm picked 95 tonnes of cherries in 2021."],
        )
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One is so [1]. Two is so [2, 3].", [("One is so.", {1}), ("Two is so.", {2, 3})]),
        ("One is so. [1] Two is so. [2]", [("One is so.", {1}), ("Two is so.", {2})]),
        (
            "There are two:\n\n- **Cherries**, red [1]\n2. apricots",
            [("There are two:", set()), ("Cherries, red", {1}), ("apricots", set())],
        ),
        ("# Title\nText.", [("Title", set()), ("Text.", set())]),
        ("- \n\n[1]\n", []),
    ],
)
def test_lines_lists_and_markers_are_read(text: str, sentences: list[tuple[str, set[int]]]) -> None:
    assert read_written(text) == [Written(t, frozenset(cited)) for t, cited in sentences]
