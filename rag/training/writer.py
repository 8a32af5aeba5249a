"""Train the adapter of the embedded language model.

`python -m rag.training.writer DATA_FOLDER --out FOLDER`.

Nothing at run time imports this module. The adapter is a LoRA (Hu et al. 2021, arXiv:2106.09685)
over all linear layers of Gemma 3 270M, whose weights are those of the quantised file that runs. It
learns to answer from the sources of a prompt in the words of the source, to name the source, and to
decline where none answers. docs/adapter.md has the results. A run that was interrupted continues
from what is in FOLDER.
"""

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from rag.files import written_whole
from rag.training.gguf import read_adapter, write_adapter
from rag.training.writer_examples import Asked, Example, read_examples, tokenizer
from rag.training.writer_network import Answerer

# The share of the articles that are not learned, and how many of their examples give the figures.
_HELD_OUT, _MEASURED = 0.03, 80
_MARKER_TOKENS = 4  # " [1]" and the end of the line

_LEARNING_RATE, _LAST_RATE, _WARM_UP = 6e-4, 0.05, 40
_BATCH = 5  # examples, of about five questions each
_POOL = 80  # examples among which those of a batch are alike in length
_EVALUATE_EVERY = 100  # steps


def train(data: Path, out: Path, steps: int, start: Path | None, seed: int = 0) -> None:
    """Train for `steps`, at most one epoch, from the adapter `start` if given.

    The folder `out` gets checkpoints, from which an interrupted run continues, and adapter.gguf,
    the adapter that fits held-out articles best so far. The loss is the cross-entropy of the
    answers' tokens; figures of held-out articles go to stdout.
    """
    torch.manual_seed(seed)
    # torch counts two threads of one core as one, which is slower here.
    torch.set_num_threads(os.cpu_count() or 1)
    out.mkdir(parents=True, exist_ok=True)
    examples = _saved_or_made(out / "examples.jsonl", lambda: read_examples(data, tokenizer()))
    batches, measured = _batches_and_held_out(examples, seed)
    batches = batches[:steps]
    model = Answerer(token for example in examples for token in example.tokens())
    if start:
        model.load(
            {name: torch.from_numpy(weights) for name, weights in read_adapter(start).items()}
        )
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    highest = _LEARNING_RATE / (2 if start else 1)
    optimizer = torch.optim.AdamW(
        trained.values(), lr=highest, betas=(0.9, 0.98), weight_decay=0.01
    )
    done, lowest = _resume(out / "checkpoint.safetensors", trained, optimizer)
    started = time.monotonic()
    recent: list[float] = []
    for step, batch in enumerate(batches[done:], done + 1):
        for group in optimizer.param_groups:
            group["lr"] = highest * _rate(step, len(batches))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(*model(batch))
        loss.backward()
        nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        recent.append(loss.item())
        if step % 25 == 0:
            spent, mean = time.monotonic() - started, sum(recent) / len(recent)
            _say(f"step {step} of {len(batches)}, {spent:.0f} s: loss {mean:.3f}")
            recent = []
        if step % _EVALUATE_EVERY == 0 or step == len(batches):
            figures = evaluate(model, measured)
            _say("held out: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
            if figures["loss"] < lowest:
                lowest = figures["loss"]
                weights = {name: value.numpy() for name, value in model.adapter().items()}
                write_adapter(weights, out / "adapter.gguf")
            _save_checkpoint(out / "checkpoint.safetensors", step, lowest, trained, optimizer)


def _batches_and_held_out(
    examples: Sequence[Example], seed: int
) -> tuple[list[list[Example]], list[Example]]:
    """Return batches to learn from, and examples of other articles to measure with."""
    rng = random.Random(seed)
    groups = sorted({example.group for example in examples})
    apart = set(rng.sample(groups, round(_HELD_OUT * len(groups))))
    held_out = [example for example in examples if example.group in apart]
    measured = random.Random(seed).sample(held_out, min(_MEASURED, len(held_out)))
    learned = [example for example in examples if example.group not in apart]
    return _batches(learned, rng), measured


def _batches(examples: list[Example], rng: random.Random) -> list[list[Example]]:
    """Return batches of examples of like length, in random order."""
    rng.shuffle(examples)
    batches: list[list[Example]] = []
    for at in range(0, len(examples), _POOL):
        alike = sorted(examples[at : at + _POOL], key=lambda example: len(example.tokens()))
        batches += [alike[first : first + _BATCH] for first in range(0, len(alike), _BATCH)]
    rng.shuffle(batches)
    return batches


def _rate(step: int, of: int) -> float:
    """Return the share of the learning rate at a step: linear warm-up, then cosine decay."""
    falling = 0.5 * (1 + math.cos(math.pi * step / of))
    return min(1.0, step / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * falling)


def evaluate(model: Answerer, examples: Sequence[Example]) -> dict[str, float]:
    """Return the loss on held-out examples and the shares that greedy decoding gets right."""
    losses, exact, named, wrongly, rightly = [], [], [], [], []
    declines = next(
        asked.answer[0] for example in examples for asked in example.asked if asked.declines
    )
    for example in examples:
        with torch.no_grad():
            logits, wanted = model([example])
        losses += nn.functional.cross_entropy(logits, wanted, reduction="none").tolist()
        chosen = logits.argmax(-1)
        right, declined = chosen == wanted, model.vocabulary[chosen] == declines
        at = 0
        for asked in example.asked:
            end = at + len(asked.answer)
            if asked.declines:
                rightly.append(bool(declined[at]))
            else:
                exact.append(bool(right[at:end].all()))
                named.append(bool(right[end - _MARKER_TOKENS : end].all()))
                wrongly.append(bool(declined[at]))
            at = end
    values = {
        "loss": losses,
        "word for word": exact,
        "source named": named,
        "wrongly declined": wrongly,
        "rightly declined": rightly,
    }
    return {name: sum(of) / max(1, len(of)) for name, of in values.items()}


def _saved_or_made(path: Path, make: Callable[[], Iterator[Example]]) -> list[Example]:
    """Return the examples that an earlier run has saved, or make and save them."""
    if not path.exists():
        with written_whole(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for example in make():
                file.write(json.dumps(asdict(example)) + "\n")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Example(row["group"], row["sources"], [Asked(**asked) for asked in row["asked"]])
        for row in rows
    ]


def _save_checkpoint(
    path: Path,
    step: int,
    lowest: float,
    trained: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    from safetensors.torch import save_file

    tensors = {"step": torch.tensor(step), "lowest loss": torch.tensor(lowest)}
    for name, parameter in trained.items():
        state = optimizer.state[parameter]
        tensors |= {
            name: parameter.detach(),
            f"{name} mean": state["exp_avg"],
            f"{name} square": state["exp_avg_sq"],
        }
    with written_whole(path) as temporary:
        save_file(tensors, temporary)


def _resume(
    path: Path, trained: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Load a checkpoint and return its step and its lowest held-out loss; 0 and inf without one."""
    from safetensors.torch import load_file

    if not path.exists():
        return 0, math.inf
    tensors = load_file(path)
    for name, parameter in trained.items():
        parameter.data = tensors[name]
        optimizer.state[parameter] = {
            "step": tensors["step"].float(),
            "exp_avg": tensors[f"{name} mean"],
            "exp_avg_sq": tensors[f"{name} square"],
        }
    return int(tensors["step"]), float(tensors["lowest loss"])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Train the adapter of the embedded language model."
    )
    parser.add_argument("folder", type=Path, help="the folder of the training data")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the folder for the adapter and what is needed to go on",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=sys.maxsize,
        help="steps to take at most; without it, one epoch",
    )
    parser.add_argument(
        "--start",
        type=Path,
        help="an adapter that training goes on from, at half the learning rate",
    )
    options = parser.parse_args()
    train(options.folder, options.out, options.steps, options.start)
