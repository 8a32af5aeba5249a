"""Train the adapter with which the embedded language model states an answer in one sentence.

`python -m rag.training.writer STATEMENTS.jsonl.xz --out rag/data/writer.gguf`.

Nothing at run time imports this module. The adapter is a LoRA (Hu et al. 2021, arXiv:2106.09685)
over all linear layers of gemma-3-270m, whose weights are unpacked from the file that the product
runs. An example is the product's own prompt, `prompts/restate.txt`, and the sentence that should
follow; the loss is the cross-entropy of that sentence. docs/models.md has the results.

A row of the file holds question, answer, support (the sentence that proves it), title or null, and
statement: question and answer as one sentence.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from rag.answering.prompt import restatement
from rag.config import bundled
from rag.models.bundled import language_model_path
from rag.training.data import JsonLine, read_rows
from rag.training.gguf import write_adapter
from rag.training.lora import Adapted, adapter_of, warmed_up

_WRITER_RANK = 8
_WRITER_RATE, _WRITER_WARM_UP, _STATEMENTS = 1e-3, 12, 8  # statements a step
_WRITER_HELD_OUT = 40  # rows at most, and a fifth at most, whose loss is printed, untrained on
_TITLED = 0.5  # of the examples name the title, as a source in the product does
_LOWER_CASE = 0.25  # of the questions are put as people type: without capitals and question mark
_MAX_PROMPT_CHARACTERS = 500  # longer sources are left out: time grows with them
_PRINT_EVERY = 40


class WriterExample(NamedTuple):
    """A prompt and the sentence that should follow it."""

    tokens: list[int]
    prompt: int  # tokens of it that are the prompt


def examples_of(
    rows: Sequence[JsonLine], tokenizer: Any, rng: random.Random
) -> list[WriterExample]:
    """Return the examples of the rows, in their order, without those of long sources."""
    examples = []
    for row in rows:
        question, source = row["question"], row["support"]
        if rng.random() < _LOWER_CASE:
            question = question.rstrip("?").lower()
        if row["title"] and rng.random() < _TITLED:
            source = f"{row['title']}. {source}"
        prompt = restatement(question, row["answer"], source, bundled("prompts")).text
        if len(prompt) > _MAX_PROMPT_CHARACTERS:
            continue
        before = tokenizer(prompt)["input_ids"]
        after = tokenizer(f" {row['statement']}\n", add_special_tokens=False)["input_ids"]
        examples.append(WriterExample([*before, *after], len(before)))
    return examples


class WriterNetwork(nn.Module):
    """The embedded language model, with adapters in all linear layers of its blocks."""

    def __init__(self, rank: int = _WRITER_RANK) -> None:
        super().__init__()
        from transformers import AutoModelForCausalLM

        path = language_model_path()
        self.network: Any = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )
        self.network.requires_grad_(False)
        for layer in self.network.model.layers:
            for part in (layer.self_attn, layer.mlp):
                for name, linear in list(part.named_children()):
                    if isinstance(linear, nn.Linear):
                        setattr(part, name, Adapted(linear, rank))

    def forward(self, batch: Sequence[WriterExample]) -> torch.Tensor:
        """Return the mean cross-entropy of the tokens behind the prompts, in nats."""
        width = max(len(example.tokens) for example in batch)
        padded = [[*e.tokens, *[0] * (width - len(e.tokens))] for e in batch]
        ids = torch.tensor(padded)
        mask = torch.tensor([[n < len(e.tokens) for n in range(width)] for e in batch])
        # The vocabulary is large: only the places whose next token counts are compared with it.
        learned = torch.tensor(
            [[e.prompt <= n + 1 < len(e.tokens) for n in range(width)] for e in batch]
        )
        states = self.network.model(input_ids=ids, attention_mask=mask).last_hidden_state
        logits = self.network.lm_head(states[learned])
        return nn.functional.cross_entropy(logits, ids.roll(-1, 1)[learned])

    def write(self, path: Path) -> None:
        """Write the adapter as llama.cpp reads it."""
        write_adapter({name: w.numpy() for name, w in adapter_of(self.network).items()}, path)


def train(statements: Path, out: Path, seed: int = 0) -> None:
    """Train one epoch and write the adapter; the loss of held-out rows goes to stdout."""
    from transformers import AutoTokenizer

    torch.manual_seed(seed)
    torch.set_num_threads(os.cpu_count() or 1)
    rng = random.Random(seed)
    path = language_model_path()
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    rows = read_rows(statements)
    rng.shuffle(rows)
    kept_back = min(_WRITER_HELD_OUT, len(rows) // 5)
    held_out = examples_of(rows[:kept_back], tokenizer, rng)
    steps = _batches_of(examples_of(rows[kept_back:], tokenizer, rng), rng)
    network = WriterNetwork()
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=_WRITER_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = warmed_up(optimizer, _WRITER_WARM_UP, len(steps))
    started = time.monotonic()
    for number, batch in enumerate(steps, 1):
        loss = network(batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if number % _PRINT_EVERY == 0 or number == len(steps):
            network.write(out)
            sys.stdout.write(
                f"step {number} of {len(steps)}, {time.monotonic() - started:.0f} s: loss "
                f"{loss.item():.3f}, of held-out statements {_loss_of(network, held_out):.3f}\n"
            )
            sys.stdout.flush()


def _batches_of(examples: list[WriterExample], rng: random.Random) -> list[list[WriterExample]]:
    """Return the examples in batches of like length, so that little is spent on padding."""
    by_length = sorted(examples, key=lambda example: (len(example.tokens), rng.random()))
    batches = [by_length[at : at + _STATEMENTS] for at in range(0, len(by_length), _STATEMENTS)]
    rng.shuffle(batches)
    return batches


def _loss_of(network: WriterNetwork, examples: Sequence[WriterExample]) -> float:
    with torch.no_grad():
        losses = [
            network(examples[at : at + _STATEMENTS]) for at in range(0, len(examples), _STATEMENTS)
        ]
    return float(torch.stack(losses).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the adapter of the embedded model.")
    parser.add_argument("statements", type=Path, help="a .jsonl.xz file of statements")
    parser.add_argument("--out", type=Path, required=True, help="the adapter to write, .gguf")
    options = parser.parse_args()
    train(options.statements, options.out)
