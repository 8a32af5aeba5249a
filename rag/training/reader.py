"""Train the reader's adapter.

`python -m rag.training.reader DATA_FOLDER --out rag/data/reader.safetensors [--start ADAPTER]`.

Nothing at run time imports this module. The adapter is a LoRA (Hu et al. 2021, arXiv:2106.09685)
over all linear layers of all-MiniLM-L6-v2 with one linear unit on top. An example is a question
with passages that compete for it; the label of each sentence says whether it holds the answer.
Beside the passages that do stand those that a search for the question finds but that hold no
answer, of the same article and of others. docs/reader.md has the results.

rag/training/data.py says what a DATA_FOLDER holds.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rag.models.bundled import embedding_model_folder
from rag.models.embedder import POINT, SEP, load_tokenizer
from rag.models.small_reader import SMALL_CONTEXT_TOKENS, SMALL_QUESTION_TOKENS
from rag.text.sentences import sentence_spans
from rag.text.tokens import FUNCTION_WORDS
from rag.training.data import WORD, JsonLine, Passages, read_rows, rivals_of, supports, words
from rag.training.lora import Adapted, adapter_of, load_adapter, warmed_up

# Rows per file, answerable and not: as many as two laptop cores train on in about forty minutes, in
# the variety there is.
_ROWS = {
    "squad_train": (2200, 400),
    "fairytaleqa": (600, 100),
    "selqa": (700, 80),
    "qamr": (500, 80),
    "hotpotqa": (600, 150),
    "tatqa": (250, 60),
    "covidqa": (250, 50),
    "qadiscourse": (250, 0),
    "wikinews_quotes": (250, 25),
    "narrativeqa_plots": (150, 0),
    "boolq": (50, 30),
}
_LITERAL = ("span", "who_said", "what_said")  # types of rows whose answers are words of the text
_HELD_OUT = (
    200  # examples that this run is not trained on; their figures are printed as training goes on
)
_RIVALS = 2  # passages without an answer beside those of the row
_TYPED = 0.3  # of the questions lose their question mark, as people type them into a search box
# of the questions have a word hidden that the passage shares, so that not all hangs on shared words
_HIDDEN_WORD = 0.25
_MAX_TITLE_TOKENS, _MAX_SENTENCE_TOKENS, _MAX_TOKENS = 24, 120, 232

_RANK = 32
_LEARNING_RATE, _WARM_UP, _BATCH, _EVALUATE_EVERY = 1e-3, 60, 18, 200
_POSITIVE_WEIGHT = 2.0  # about fifteen sentences are negative for each that is positive

_AMONG_WEIGHT = 0.3  # of the softmax over all sentences beside the cross-entropy of each
_LEAST_SHARED = 3  # with one of fewer shared words hidden, nothing would be left to go by


@dataclass(frozen=True, slots=True)
class TrainingPassage:
    """A passage of a question: its sentences, and of each whether it holds the answer."""

    title: str
    sentences: tuple[str, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the passages that compete for it."""

    question: str
    passages: tuple[TrainingPassage, ...]
    answers: tuple[str, ...] = ()  # words of the passages, any of which is right


Encoded = tuple[
    list[int], int, list[tuple[int, int]], list[int]
]  # ids, where the passage begins, sentence spans, labels


# --- Data -> examples -----------------------------------------------------------------------------


def read_examples(folder: Path, seed: int = 11) -> list[Example]:
    """Return the examples of all files of the folder, shuffled."""
    rng = random.Random(seed)
    examples = [
        example
        for name, rows in _ROWS.items()
        for example in _of_file(folder / f"{name}.jsonl.xz", *rows, rng)
    ]
    rng.shuffle(examples)
    return examples


def _of_file(
    path: Path, most_answerable: int, most_unanswerable: int, rng: random.Random
) -> Iterator[Example]:
    rows = read_rows(path)
    answerable = [
        row for row in rows if row["answerable"] and supports(row) and row["type"] != "table"
    ]
    unanswerable = [row for row in rows if not row["answerable"]]
    rng.shuffle(answerable)
    rng.shuffle(unanswerable)
    used = answerable[:most_answerable] + unanswerable[:most_unanswerable]
    for row, nearest in zip(
        used, Passages(rows).nearest([row["question"] for row in used]), strict=True
    ):
        if own := list(_own_passages(row)):
            yield Example(
                row["question"],
                (
                    *own,
                    *(
                        _training_passage(rival, [])
                        for rival in rivals_of(row, nearest, _RIVALS, rng)
                    ),
                ),
                tuple(row["answers"]) if row["type"] in _LITERAL else (),
            )


def _own_passages(row: JsonLine) -> Iterator[TrainingPassage]:
    support = supports(row) if row["answerable"] else []
    gold = [passage for passage in row.get("passages") or [] if passage.get("gold")]
    for passage in gold or [row]:
        marked = _training_passage(passage, support)
        if any(marked.labels) or not row["answerable"]:
            yield marked


def _training_passage(passage: JsonLine, support: Sequence[str]) -> TrainingPassage:
    text = passage.get("text") or passage["context"]
    sentences = tuple(text[start:end] for start, end in sentence_spans(text))
    wanted = [" ".join(s.split()) for s in support]
    squashed = [" ".join(s.split()) for s in sentences]
    labels = tuple(int(any(len(w) > 3 and (s in w or w in s) for w in wanted)) for s in squashed)
    return TrainingPassage(passage.get("title") or "", sentences, labels)


# --- Examples -> tokens ---------------------------------------------------------------------------


def encode(example: Example, tokenizer: Any, rng: random.Random) -> list[Encoded]:
    """Return each passage as the reader gets it, [CLS] question [SEP] title.

    Sentences [SEP]; a long one is cut around an answer.
    """
    asked = example.question.rstrip("?") if rng.random() < _TYPED else example.question
    asked = _hide_word(example, asked, rng) if rng.random() < _HIDDEN_WORD else asked
    question = tokenizer.encode(asked).ids[: SMALL_QUESTION_TOKENS + 2]
    question[-1] = SEP
    encoded = []
    for passage in example.passages:
        title = tokenizer.encode(passage.title, add_special_tokens=False).ids[
            : min(_MAX_TITLE_TOKENS, SMALL_CONTEXT_TOKENS)
        ]
        sentences = [
            tokenizer.encode(s, add_special_tokens=False).ids[:_MAX_SENTENCE_TOKENS]
            for s in passage.sentences
        ]
        room = _MAX_TOKENS - len(question) - len(title) - 2
        first, last = _window([len(s) for s in sentences], passage.labels, room, rng)
        tokens = question + ([*title, POINT] if title else [])
        spans = []
        for ids in sentences[first:last]:
            spans.append((len(tokens), len(tokens) + len(ids)))
            tokens = tokens + ids
        if spans:
            encoded.append(([*tokens, SEP], len(question), spans, list(passage.labels[first:last])))
    return encoded


def _hide_word(example: Example, asked: str, rng: random.Random) -> str:
    held = {
        word for passage in example.passages for s in passage.sentences for word in words(s)
    } - FUNCTION_WORDS
    shared = [found for found in WORD.finditer(asked) if found[0].lower() in held]
    if len(shared) < _LEAST_SHARED:
        return asked
    hidden = rng.choice(shared)
    return f"{asked[: hidden.start()]}[MASK]{asked[hidden.end() :]}"


def _window(
    lengths: Sequence[int], labels: Sequence[int], room: int, rng: random.Random
) -> tuple[int, int]:
    """Return the sentences to keep: all, or as many as fit around a positive one, or anywhere."""
    if sum(lengths) <= room or not lengths:
        return 0, len(lengths)
    positive = [i for i, label in enumerate(labels) if label]
    first = rng.choice(positive or range(len(lengths)))
    last, used = first + 1, lengths[first]
    while True:
        grown = False
        for forward in rng.sample([False, True], 2):
            if forward and last < len(lengths) and used + lengths[last] <= room:
                used, last, grown = used + lengths[last], last + 1, True
            elif not forward and first > 0 and used + lengths[first - 1] <= room:
                used, first, grown = used + lengths[first - 1], first - 1, True
        if not grown:
            return first, last


# --- The network ----------------------------------------------------------------------------------


class ReaderNetwork(nn.Module):
    """The embedded model, with adapters in all linear layers and one linear unit at its end.

    The unit reads the last hidden states.
    """

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertModel

        self.body: Any = BertModel.from_pretrained(
            embedding_model_folder(), local_files_only=True, add_pooling_layer=False
        )
        self.body.requires_grad_(False)
        for layer in self.body.encoder.layer:
            attention = layer.attention.self
            of = (
                (attention, "query"),
                (attention, "key"),
                (attention, "value"),
                (layer.attention.output, "dense"),
            )
            for part, name in (*of, (layer.intermediate, "dense"), (layer.output, "dense")):
                setattr(part, name, Adapted(getattr(part, name), _RANK))
        self.head = nn.Linear(self.body.config.hidden_size, 1)

    def forward(self, batch: Sequence[Encoded]) -> list[torch.Tensor]:
        """Return the log-odds of the sentences of each example."""
        width = max(len(ids) for ids, *_ in batch)
        ids = torch.tensor([tokens + [0] * (width - len(tokens)) for tokens, *_ in batch])
        mask = torch.tensor(
            [[1] * len(tokens) + [0] * (width - len(tokens)) for tokens, *_ in batch]
        )
        starts = torch.tensor([start for _, start, *_ in batch])
        types = (torch.arange(width) >= starts[:, None]).long() * mask
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.body(
                input_ids=ids, token_type_ids=types, attention_mask=mask
            ).last_hidden_state
        per_token = self.head(states.float()).squeeze(-1)
        sums = nn.functional.pad(per_token.cumsum(1), (1, 0))
        return [
            torch.stack([(row[last] - row[first]) / (last - first) for first, last in spans])
            for row, (_, _, spans, _) in zip(sums, batch, strict=True)
        ]

    def load(self, adapter: dict[str, torch.Tensor]) -> None:
        """Take over the weights that `adapter` gave."""
        self.head.load_state_dict(
            {name: adapter[f"head.{name}"].float() for name in ("weight", "bias")}
        )
        load_adapter(self.body, adapter)

    def adapter(self) -> dict[str, torch.Tensor]:
        """Return the trained weights, float16, under the names of the layers they are added to.

        The scale is in `up`.
        """
        weights = adapter_of(self.body) | {
            f"head.{name}": value for name, value in self.head.state_dict().items()
        }
        return {name: value.half().contiguous() for name, value in weights.items()}


# --- Training -------------------------------------------------------------------------------------


def train(folder: Path, out: Path, start: Path | None, seed: int = 0) -> None:
    """Train one epoch, from an earlier adapter where `start` names one.

    The adapter is written to `out` as it goes on.

    The loss is the binary cross-entropy of each sentence, plus, where a question is answered, the
    cross-entropy of a softmax over all sentences of its passages: only together do they learn to
    compete. Figures of held-out examples go to stdout.
    """
    from safetensors.torch import load_file, save_file

    torch.manual_seed(seed)
    torch.set_num_threads(
        os.cpu_count() or 1
    )  # torch counts two threads of one core as one, which is slower here
    rng = random.Random(seed)
    tokenizer = load_tokenizer()
    encoded = [
        e for e in (encode(example, tokenizer, rng) for example in read_examples(folder)) if e
    ]
    held_out, batches = encoded[:_HELD_OUT], _batches(encoded[_HELD_OUT:], rng)
    reader = ReaderNetwork()
    if start:
        reader.load(load_file(start))
    trained = [p for p in reader.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=_LEARNING_RATE / (2 if start else 1), betas=(0.9, 0.98), weight_decay=0.01
    )
    schedule = warmed_up(optimizer, _WARM_UP, len(batches))
    started = time.monotonic()
    for step, batch in enumerate(batches, 1):
        loss = _loss(reader, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % _EVALUATE_EVERY == 0 or step == len(batches):
            first_right, apart = evaluate(reader, held_out)
            sys.stdout.write(
                f"step {step} of {len(batches)}, {time.monotonic() - started:.0f} s: best "
                f"sentence right {first_right:.3f}, "
                f"AUROC answerable {apart:.3f}\n"
            )
            sys.stdout.flush()
            save_file(reader.adapter(), out)


def _loss(reader: ReaderNetwork, batch: Sequence[list[Encoded]]) -> torch.Tensor:
    scores = iter(reader([passage for example in batch for passage in example]))
    weight = torch.tensor(_POSITIVE_WEIGHT)
    each, among = [], []
    for example in batch:
        of_example = torch.cat([next(scores) for _ in example])
        labels = torch.tensor(
            [label for *_, of_passage in example for label in of_passage], dtype=torch.float32
        )
        each.append(
            nn.functional.binary_cross_entropy_with_logits(
                of_example, labels, pos_weight=weight, reduction="none"
            )
        )
        if labels.any():
            among.append(of_example.logsumexp(0) - of_example[labels > 0].logsumexp(0))
    return (
        torch.cat(each).mean() + _AMONG_WEIGHT * torch.stack(among).mean()
        if among
        else torch.cat(each).mean()
    )


def evaluate(reader: ReaderNetwork, examples: Sequence[list[Encoded]]) -> tuple[float, float]:
    """Return the share of answerable examples whose best sentence is right.

    How well the best score separates them from the others.
    """
    right: list[int] = []
    answerable: list[float] = []
    unanswerable: list[float] = []
    with torch.no_grad():
        for example in examples:
            scores = torch.cat(reader(example))
            labels = [label for *_, of_passage in example for label in of_passage]
            best = int(scores.argmax())
            (answerable if any(labels) else unanswerable).append(float(scores[best]))
            if any(labels):
                right.append(labels[best])
    wins = sum((a > u) + 0.5 * (a == u) for a in answerable for u in unanswerable)
    return sum(right) / len(right), wins / (len(answerable) * len(unanswerable))


def _batches(encoded: list[list[Encoded]], rng: random.Random) -> list[list[list[Encoded]]]:
    """Return batches of about `_BATCH` passages, examples of similar length together, shuffled."""
    rng.shuffle(encoded)
    batches: list[list[list[Encoded]]] = []
    for at in range(0, len(encoded), 16 * _BATCH):
        pool = sorted(
            encoded[at : at + 16 * _BATCH], key=lambda example: max(len(ids) for ids, *_ in example)
        )
        batch: list[list[Encoded]] = []
        for example in pool:
            batch.append(example)
            if sum(map(len, batch)) >= _BATCH:
                batches.append(batch)
                batch = []
    rng.shuffle(batches)
    return batches


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the reader's adapter.")
    parser.add_argument("folder", type=Path, help="the folder of the training data")
    parser.add_argument(
        "--out", type=Path, required=True, help="the adapter to write, a .safetensors file"
    )
    parser.add_argument(
        "--start", type=Path, help="an adapter to go on from, at half the learning rate"
    )
    options = parser.parse_args()
    train(options.folder, options.out, options.start)
