"""The training of the large reader, on a network of its shape that is very narrow."""

import random
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ModelError
from rag.models.embedder import load_tokenizer
from rag.training.large_reader import (
    LargeReaderNetwork,
    Row,
    change_question,
    loss_of,
    rows_of,
    train,
)
from rag.training.reader import Example, TrainingPassage

SENTENCES = ("The bridge opened in 1931.", "It cost 12 million crowns.", "Nobody was asked.")
EXAMPLE = Example(
    "What did the bridge cost?",
    (
        TrainingPassage("The Bridge", SENTENCES, (0, 1, 0)),
        TrainingPassage("The Ferry", ("The ferry is old.",), (0,)),
    ),
    ("12 million crowns",),
)


class Unchanged(random.Random):
    """A chance that never changes a question."""

    def random(self) -> float:
        return 1.0


@pytest.fixture(scope="module")
def network() -> LargeReaderNetwork:
    import torch
    from transformers import MPNetConfig, MPNetModel

    torch.manual_seed(0)
    config = MPNetConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        vocab_size=30527, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        max_position_embeddings=514,
    )  # fmt: skip
    return LargeReaderNetwork(MPNetModel(config, add_pooling_layer=False), rank=4)


def test_a_row_marks_the_sentences_and_the_words_of_the_answer() -> None:
    tokenizer = load_tokenizer()
    first, second = rows_of(EXAMPLE, tokenizer, Unchanged())
    assert first.labels == [0, 1, 0]
    assert second.labels == [0]
    assert first.answer is not None
    assert second.answer is None
    begin, last = first.answer
    held = [token - 4 for token in first.ids[begin : last + 1]]  # the vocabulary is shifted
    assert tokenizer.decode(held) == "12 million crowns"
    assert first.sentences[1][0] <= begin < last < first.sentences[1][1]


def test_a_changed_question_asks_for_another_detail_of_the_passage_and_has_no_answer() -> None:
    question = "How many crowns did the bridge cost in 1931?"
    changed = change_question(question, SENTENCES, random.Random(0))
    assert changed == "How many crowns did the bridge cost in 12?"
    assert change_question("What was the cost?", SENTENCES, random.Random(0)) is None


def test_training_brings_the_loss_down_and_what_is_kept_gives_the_same(
    network: LargeReaderNetwork,
) -> None:
    import torch

    rows = rows_of(EXAMPLE, load_tokenizer(), Unchanged())
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=0.01)
    losses = []
    for _ in range(30):
        loss = loss_of(network(rows), [rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    outputs: Any = network(rows)
    best = outputs[0, :, 1].argmax()
    assert rows[0].answer is not None
    assert int(best) == rows[0].answer[0]
    assert int(outputs[1, : len(rows[1].ids), 1].argmax()) == 0  # the null: it does not answer
    kept = network.adapter()
    network.load(kept)
    assert torch.allclose(network(rows), outputs, atol=0.05)  # half precision


def test_an_answer_in_other_words_teaches_its_sentence_and_no_place(
    network: LargeReaderNetwork,
) -> None:
    import torch

    row = Row([0, 5, 2, 2, 6, 7, 2], [(4, 6)], [1], None)
    outputs = torch.zeros(1, 7, 3, requires_grad=True)
    loss_of(outputs, [[row]]).backward()
    assert outputs.grad is not None
    assert outputs.grad[..., 0].abs().sum() > 0
    assert outputs.grad[..., 1:].abs().sum() == 0


def test_without_a_gpu_it_says_how_long_it_would_take(tmp_path: Path) -> None:
    import lzma

    from rag.training.reader import _ROWS

    for name in _ROWS:
        with lzma.open(tmp_path / f"{name}.jsonl.xz", "wt", encoding="utf-8"):
            pass
    with pytest.raises(ModelError, match=r"There is no GPU, and the training takes about .* hours"):
        train(tmp_path, tmp_path / "out.safetensors", anyway=False)
