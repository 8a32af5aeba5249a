"""Train the adapter of the large reader, on a GPU.

`python -m rag.training.large_reader DATA_FOLDER --out rag/data/reader-mpnet.safetensors`.

Nothing at run time imports this module. The adapter is a LoRA (Hu et al. 2021, arXiv:2106.09685)
over all linear layers of all-mpnet-base-v2 with three linear units on top: of each token the
log-odds of its sentence, and how likely an answer starts and ends there. The first token of all
stands for "this passage does not answer" (after SQuAD 2.0, Rajpurkar et al. 2018). A third of the
answered questions are asked with another number or name of the passage, so that nothing answers
them. Passages are cut into rows by the functions that the product reads with.

rag/training/data.py says what a DATA_FOLDER holds, docs/reader.md what came out.
"""

import argparse
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from rag.errors import ModelError, RagError
from rag.models.embedder import load_tokenizer
from rag.models.reader import tokens_of, windows_of
from rag.models.reader_base import reader_base
from rag.training.lora import Adapted, adapter_of, load_adapter
from rag.training.reader import Example, TrainingPassage, read_examples
from rag.types import Passage

_LARGE_RANK = 64
_LARGE_RATE, _LARGE_WARM_UP, _LARGE_BATCH = 5e-4, 100, 36  # rows a step
_CHANGED = 0.33  # of the answered questions are made to ask for what no passage says
_LARGE_POSITIVE_WEIGHT, _LARGE_AMONG_WEIGHT, _SPAN_WEIGHT = 2.0, 0.3, 0.5
_CPU_SECONDS = 40  # a step takes on two cores, where it takes a sixth of a second on a GPU
_NUMBER_OF_PASSAGE = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_NAME_OF_PASSAGE = re.compile(r"(?<=[a-z,] )[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")
_PAD = 1  # the token that fills a row up


class Row(NamedTuple):
    """A question and a window of a passage, as the network is given them."""

    ids: list[int]
    sentences: list[tuple[int, int]]  # the spans of their tokens in the row
    labels: list[int]  # of each sentence, whether it holds the answer
    answer: tuple[int, int] | None  # the first and last token of the answer; None for the null


# --- Examples -> rows -----------------------------------------------------------------------------


def rows_of(example: Example, tokenizer: Any, rng: random.Random) -> list[Row]:
    """Return the rows of an example, a third of the answered ones with another question."""
    changed = None
    if example.answers and rng.random() < _CHANGED:
        changed = change_question(example.question, example.passages[0].sentences, rng)
    asked = tokenizer.encode(changed or example.question, add_special_tokens=False).ids
    answers = () if changed else example.answers
    return [
        row
        for passage in example.passages
        for row in _rows_of_passage(asked, passage, answers, bool(changed), tokenizer)
    ]


def change_question(question: str, sentences: Sequence[str], rng: random.Random) -> str | None:
    """Return the question with one number or name changed for another of the passage.

    None if it has neither or the passage no other.
    """
    text = " ".join(sentences)
    for pattern in rng.sample([_NUMBER_OF_PASSAGE, _NAME_OF_PASSAGE], 2):
        for found in pattern.finditer(question):
            others: list[str] = sorted({o for o in pattern.findall(text) if o not in question})
            if others:
                return question[: found.start()] + rng.choice(others) + question[found.end() :]
    return None


def _rows_of_passage(
    asked: list[int],
    passage: TrainingPassage,
    answers: Sequence[str],
    is_changed: bool,
    tokenizer: Any,
) -> list[Row]:
    text = " ".join(passage.sentences)
    ends = np.cumsum([len(sentence) + 1 for sentence in passage.sentences]) - 1
    spans = [(int(end) - len(s), int(end)) for s, end in zip(passage.sentences, ends, strict=True)]
    encode = tokenizer.encode_batch([passage.title, *passage.sentences], add_special_tokens=False)
    tokens = tokens_of(Passage(passage.title, text, spans), encode[1:])
    place = _place_of(answers, text, spans, passage.labels)
    rows = []
    for window in windows_of(asked, encode[0].ids, tokens):
        inside = tokens.sentences[window.start : window.end]
        numbers = np.unique(inside)
        at = [np.flatnonzero(inside == n) + window.offset for n in numbers]
        answer = None
        if place:
            starts, stops = (t[window.start : window.end] for t in (tokens.starts, tokens.ends))
            held = np.flatnonzero((stops > place[0]) & (starts < place[1])) + window.offset
            answer = (int(held[0]), int(held[-1])) if len(held) else None
        labels = [0 if is_changed else passage.labels[n] for n in numbers]
        sentences = [(int(where[0]), int(where[-1]) + 1) for where in at]
        rows.append(Row(window.row, sentences, labels, answer))
    return rows


def _place_of(
    answers: Sequence[str],
    text: str,
    spans: Sequence[tuple[int, int]],
    labels: Sequence[int],
) -> tuple[int, int] | None:
    """Return where an answer stands in a sentence that holds it; None if none does."""
    for (start, end), label in zip(spans, labels, strict=True):
        for answer in answers if label else ():
            at = text.find(answer, start, end)
            if at >= 0 and answer.strip():
                return at, at + len(answer)
    return None


# --- The network ----------------------------------------------------------------------------------


class LargeReaderNetwork(nn.Module):
    """MPNet with adapters in all linear layers and three linear units over its last states."""

    def __init__(self, body: Any, rank: int = _LARGE_RANK) -> None:
        super().__init__()
        self.body: Any = body.requires_grad_(False)
        for layer in self.body.encoder.layer:
            attention = layer.attention.attn
            parts = [(attention, name) for name in ("q", "k", "v", "o")]
            for part, name in (*parts, (layer.intermediate, "dense"), (layer.output, "dense")):
                setattr(part, name, Adapted(getattr(part, name), rank))
        self.head = nn.Linear(self.body.config.hidden_size, 3)

    def forward(self, rows: Sequence[Row]) -> torch.Tensor:
        """Return three numbers for each token, float32 [rows, tokens, 3]."""
        device = self.head.weight.device
        width = max(len(row.ids) for row in rows)
        padded = [row.ids + [_PAD] * (width - len(row.ids)) for row in rows]
        ids = torch.tensor(padded, device=device)
        lengths = torch.tensor([len(row.ids) for row in rows], device=device)
        mask = (torch.arange(width, device=device) < lengths[:, None]).long()
        is_gpu = device.type == "cuda"
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_gpu):
            states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        result: torch.Tensor = self.head(states.float())
        return result

    def load(self, adapter: dict[str, torch.Tensor]) -> None:
        """Take over the weights that `adapter` gave."""
        head = {name: adapter[f"head.{name}"].float() for name in ("weight", "bias")}
        self.head.load_state_dict(head)
        load_adapter(self.body, adapter)

    def adapter(self) -> dict[str, torch.Tensor]:
        """Return the trained weights, float16; the scale of the adapters is in `up`."""
        head = {f"head.{name}": value for name, value in self.head.state_dict().items()}
        weights = adapter_of(self.body) | head
        return {name: value.half().contiguous().cpu() for name, value in weights.items()}


def base_body() -> Any:
    """Return the base as a network of transformers. Raises ModelError if it is not there."""
    from safetensors.torch import load_file
    from transformers import MPNetConfig, MPNetModel

    body = MPNetModel(MPNetConfig(), add_pooling_layer=False)
    with reader_base(None) as weights:
        missing, _ = body.load_state_dict(load_file(weights), strict=False)
    if left := [name for name in missing if not name.endswith("position_ids")]:
        raise ModelError(f"The base of the reader has no weights for {left[0]}; get it anew.")
    return body


# --- Training -------------------------------------------------------------------------------------


def loss_of(outputs: torch.Tensor, examples: Sequence[Sequence[Row]]) -> torch.Tensor:
    """Return the loss of the rows of examples, which stand in `outputs` in their order.

    It is the binary cross-entropy of each sentence; where a question is answered, that of a softmax
    over all sentences of its rows, so that they learn to compete; and the cross-entropy of where
    the answer starts and ends, at the first token of a row that does not answer.
    """
    device = outputs.device
    weight = torch.tensor(_LARGE_POSITIVE_WEIGHT, device=device)
    each, among, places = [], [], []
    number = 0
    for rows in examples:
        odds, labels = [], []
        for row in rows:
            output = outputs[number]
            number += 1
            odds += [output[first:last, 0].mean() for first, last in row.sentences]
            labels += row.labels
            start, end = row.answer or (0, 0)
            if row.answer or not any(row.labels):  # else it answers in words of its own
                allowed = torch.full((len(output),), -1e4, device=device)
                allowed[[0, *range(row.sentences[0][0], row.sentences[-1][1])]] = 0.0
                for column, place in ((1, start), (2, end)):
                    scores = output[:, column] + allowed
                    places.append(scores.logsumexp(0) - scores[place])
        scored = torch.stack(odds)
        wanted = torch.tensor(labels, dtype=torch.float32, device=device)
        each.append(
            nn.functional.binary_cross_entropy_with_logits(
                scored, wanted, pos_weight=weight, reduction="none"
            )
        )
        if wanted.any():
            among.append(scored.logsumexp(0) - scored[wanted > 0].logsumexp(0))
    loss = torch.cat(each).mean()
    for part, share in ((among, _LARGE_AMONG_WEIGHT), (places, _SPAN_WEIGHT)):
        loss = loss + share * torch.stack(part).mean() if part else loss
    return loss


def train(folder: Path, out: Path, anyway: bool, seed: int = 0) -> None:
    """Train one epoch and write the adapter to `out`; what it costs goes to stdout.

    Raises ModelError without a GPU, unless it is to be done `anyway`.
    """
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = load_tokenizer()
    encoded = [rows_of(example, tokenizer, rng) for example in read_examples(folder)]
    batches = _batched([rows for rows in encoded if rows], rng)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not anyway:
        hours = len(batches) * _CPU_SECONDS / 3600
        raise ModelError(
            f"There is no GPU, and the training takes about {hours:,.0f} hours without one; use a "
            "machine with a GPU, or say --anyway."
        )
    network = LargeReaderNetwork(base_body()).to(device).train()
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=_LARGE_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    started = time.monotonic()
    for step, batch in enumerate(batches, 1):
        for group in optimizer.param_groups:
            left = max(0.02, 1 - step / len(batches))
            group["lr"] = _LARGE_RATE * min(1.0, step / _LARGE_WARM_UP) * left
        loss = loss_of(network([row for rows in batch for row in rows]), batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if step % 100 == 0 or step == len(batches):
            seconds = time.monotonic() - started
            sys.stdout.write(
                f"step {step} of {len(batches)}, {seconds:.0f} s: loss {loss.item():.3f}\n"
            )
            sys.stdout.flush()
            save_file(network.adapter(), out)


def _batched(examples: list[list[Row]], rng: random.Random) -> list[list[list[Row]]]:
    """Return batches of about `_LARGE_BATCH` rows, of examples of like length, in random order."""
    rng.shuffle(examples)
    batches: list[list[list[Row]]] = []
    for at in range(0, len(examples), 16 * _LARGE_BATCH):
        pool = sorted(
            examples[at : at + 16 * _LARGE_BATCH], key=lambda rows: max(len(r.ids) for r in rows)
        )
        batch: list[list[Row]] = []
        for rows in pool:
            batch.append(rows)
            if sum(map(len, batch)) >= _LARGE_BATCH:
                batches.append(batch)
                batch = []
        if batch:
            batches.append(batch)
    rng.shuffle(batches)
    return batches


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the adapter of the large reader.")
    parser.add_argument("folder", type=Path, help="the folder of the training data")
    parser.add_argument(
        "--out", type=Path, required=True, help="the adapter to write, a .safetensors file"
    )
    parser.add_argument("--anyway", action="store_true", help="train without a GPU, for many hours")
    options = parser.parse_args()
    try:
        train(options.folder, options.out, options.anyway)
    except RagError as error:
        sys.exit(str(error))
