import json
import lzma
from pathlib import Path

import pytest

from rag.training.data import Passages, answered_in, read_rows, supports

ROW = {
    "question": "Who opened the quay?",
    "context": "The quay was opened by Ilse Brandt. It rained.",
    "title": "Marren",
    "group": "marren",
    "answers": ["Ilse Brandt"],
    "answerable": True,
    "type": "span",
    "support": "The quay was opened by Ilse Brandt.",
}
OTHER = ROW | {
    "context": "Late frost destroyed the apricots of the valley.",
    "title": "Orchards",
    "group": "orchards",
}


def test_rows_come_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl.xz"
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in (ROW, OTHER))
    assert read_rows(path) == [ROW, OTHER]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("ilse brandt, the minister, was there", True),
        ("The quay was opened by Ilse Brandt.", True),
        ("Ilse came with Brandt", False),
        ("Ilse Brandtner was there", False),
    ],
)
def test_a_text_answers_where_it_has_the_words(text: str, held: bool) -> None:
    assert answered_in(ROW, text) == held


def test_supports_are_all_that_are_marked() -> None:
    assert supports(ROW) == [ROW["support"]]
    assert supports(ROW | {"support_all": ["One.", "Two."]}) == ["One.", "Two."]
    assert supports(ROW | {"support": None}) == []


@pytest.mark.models
def test_passages_are_found_by_words_and_meaning() -> None:
    passages = Passages([ROW, OTHER])
    (harbour, trees) = passages.nearest(
        ["Who was at the quay in Marren?", "What harmed the fruit trees?"]
    )
    assert [found[0]["title"] for found in (harbour, trees)] == ["Marren", "Orchards"]
