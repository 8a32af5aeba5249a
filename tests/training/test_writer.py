import json
import lzma
import random
from collections import Counter
from pathlib import Path

import pytest

from rag.models.llm import LlamaModel
from rag.training.gguf import read_adapter
from rag.training.writer import WriterExample, _batches_of, examples_of, train
from rag.types import Prompt

ROW = {
    "question": "Who opened the quay at Marren?",
    "answer": "Ilse Brandt",
    "support": "The quay at Marren was opened in June 1998 by Ilse Brandt.",
    "title": "Harbour Notes",
    "statement": "Ilse Brandt opened the quay at Marren.",
}


def letters(text: str, **_: object) -> dict[str, list[int]]:
    """Split a text into tokens of one letter each."""
    return {"input_ids": [ord(letter) for letter in text]}


def text_of(tokens: list[int]) -> str:
    return "".join(map(chr, tokens))


def test_an_example_is_the_prompt_of_the_product_and_the_sentence_behind_it() -> None:
    for seed in range(20):  # some name the title, and some put the question in lower case
        (example,) = examples_of([ROW], letters, random.Random(seed))
        prompt, behind = example.tokens[: example.prompt], example.tokens[example.prompt :]
        assert text_of(behind) == " Ilse Brandt opened the quay at Marren.\n"
        assert text_of(prompt).endswith("\nAnswer: Ilse Brandt\nSentence:")
        assert f"{ROW['support']}\nQuestion: " in text_of(prompt)
        assert "who opened the quay at marren" in text_of(prompt).lower()


def test_a_source_too_long_to_learn_from_is_left_out() -> None:
    long = ROW | {"support": ROW["support"] * 40}
    (example,) = examples_of([long, ROW], letters, random.Random(0))
    assert text_of(example.tokens).count(ROW["support"]) == 1


def test_the_batches_hold_each_example_once() -> None:
    examples = [WriterExample([number] * (number % 7 + 1), 1) for number in range(50)]
    batches = _batches_of(examples, random.Random(0))
    assert Counter(example.tokens[0] for batch in batches for example in batch) == Counter(
        range(50)
    )
    assert all(len(batch) <= 8 for batch in batches)


@pytest.mark.models
def test_what_is_trained_is_an_adapter_that_llama_cpp_runs(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "statements.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(ROW) + "\n" for _ in range(8))
    train(tmp_path / "statements.jsonl.xz", tmp_path / "writer.gguf")
    weights = read_adapter(tmp_path / "writer.gguf")
    assert all(up.any() for name, up in weights.items() if name.endswith(".up"))
    model = LlamaModel(adapter=tmp_path / "writer.gguf")
    assert "".join(model.stream(Prompt("One, two, three,", "", "", ("\n",)), 5)).strip()
