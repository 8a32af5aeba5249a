import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.models.llm import DECLINE
from rag.training.data import Row
from rag.training.writer import _rate
from rag.training.writer_examples import Asked, Example, Tokens, read_examples, tokenizer
from rag.training.writer_network import Answerer, _packed

NAMES = ("Ilse Brandt", "Piet Oort", "Ada Holm", "Jon Vik", "Mara Lund", "Tom Reed")
PLACES = ("quay", "tower", "bridge", "market", "school", "library")


def rows(place: str, name: str, year: int) -> Iterator[Row]:
    support = f"The {place} of Marren was opened by {name} in {year}."
    row = {
        "context": f"It was a wet day. {support} Many people came.",
        "title": f"The {place}",
        "group": "marren",
        "type": "span",
    }
    asked = {f"Who opened the {place}?": name, f"When was the {place} opened?": str(year)}
    for question, answer in asked.items():
        yield row | {
            "id": question,
            "question": question,
            "answers": [answer],
            "answerable": True,
            "support": support,
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six passages with two questions each, as one of the files; the others are empty."""
    folder = tmp_path_factory.mktemp("data")
    from rag.training.writer_examples import _SEVERAL_HOPS, _UNTITLED

    for name in (*_UNTITLED, _SEVERAL_HOPS):
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as file:
            for number, (place, person) in enumerate(zip(PLACES, NAMES, strict=True)):
                for row in rows(place, person, 1900 + number) if name == "squad_train" else ():
                    file.write(json.dumps(row) + "\n")
    return folder


@pytest.fixture(scope="module")
def letters() -> Tokens:
    """A tokenizer whose tokens are the letters."""
    return lambda text: [ord(letter) for letter in text]


def text(tokens: list[int]) -> str:
    return "".join(map(chr, tokens))


@pytest.mark.models
def test_an_answer_stands_in_the_source_that_it_names_and_a_declined_question_has_none(
    folder: Path, letters: Tokens
) -> None:
    examples = list(read_examples(folder, letters))
    told = declined = 0
    for example in examples:
        sources = {line[:3]: line for line in text(example.sources).splitlines()}
        for asked in example.asked:
            question, answer = text(asked.question).split("\n")[0], text(asked.answer)
            assert answer.endswith("\n")
            assert asked.declines == (answer == f"{DECLINE}\n")
            if asked.declines:
                place = next(place for place in PLACES if place in question)
                assert f"The {place} of Marren was" not in text(example.sources)
                declined += 1
            else:
                phrase, marker = answer.strip().rsplit(" ", 1)
                assert phrase in sources[marker]
                told += 1
    assert told >= 12
    assert declined


@pytest.mark.models
def test_examples_are_the_same_each_time(folder: Path, letters: Tokens) -> None:
    assert list(read_examples(folder, letters)) == list(read_examples(folder, letters))


def test_each_question_goes_on_where_the_sources_end() -> None:
    example = Example("", [11, 12], [Asked([13], [14, 15], False), Asked([16, 17], [18], True)])
    ids, positions, branches, wanted = (column.tolist() for column in _packed(example, bos=2))
    assert ids == [2, 11, 12, 13, 14, 15, 16, 17, 18]
    assert positions == [0, 1, 2, 3, 4, 5, 3, 4, 5]
    assert branches == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert wanted == [False, False, False, False, True, True, False, False, True]


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [_rate(step, 1000) for step in range(1, 1001)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < rates[-1] < 0.1 < 0.9 < max(rates) <= 1


@pytest.mark.models
def test_questions_that_share_their_sources_do_not_see_each_other() -> None:
    import torch

    torch.manual_seed(0)
    tokens = tokenizer()
    sources = tokens(
        "[1] Marren: The quay was opened by Ilse Brandt in 1998. It rained.\nQuestion:"
    )
    questions = [
        (" Who opened the quay?", " Ilse Brandt [1]"),
        (" When?", " 1998 [1]"),
        (" What did it cost?", DECLINE),
    ]
    asked = [
        Asked(tokens(f"{question}\nAnswer:"), tokens(f"{answer}\n"), answer == DECLINE)
        for question, answer in questions
    ]
    other = Example(
        "",
        tokens("[1] Orchards: Frost.\nQuestion:"),
        [Asked(tokens(" Why?\nAnswer:"), tokens(" Frost [1]\n"), False)],
    )
    answers = [token for one in [*asked, *other.asked] for token in one.answer]
    model = Answerer(answers).float()  # sums in another order would differ in bfloat16
    for parameter in model.parameters():
        if parameter.requires_grad:  # an adapter that does something
            parameter.data += 0.02 * torch.randn_like(parameter)
    with torch.no_grad():
        together, wanted = model([Example("", sources, asked), other])
        alone = torch.cat(
            [model([Example("", sources, [one])])[0] for one in asked] + [model([other])[0]]
        )
    assert model.vocabulary[wanted].tolist() == answers
    assert together.shape == (len(answers), len(set(answers)))
    assert torch.allclose(together, alone, atol=1e-3)
