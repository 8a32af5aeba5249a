"""Train the reader's adapter: `python -m rag.train_reader DATA_FOLDER --out rag/data/reader.safetensors`.

Nothing at run time imports this module. The adapter is a LoRA (Hu et al. 2021, arXiv:2106.09685) over all linear layers of
all-MiniLM-L6-v2 with one linear unit on top. An example is a question and a passage; the label of each sentence of the
passage says whether it holds the answer. Negatives are passages that share words with the question but hold no answer, of
the same article and of others, and questions put to passages that do not answer them. docs/reader.md tells what came out.

DATA_FOLDER holds `*.jsonl.xz` files, one JSON object a line: question, context, title, group, answers, answerable, type, and
support or support_all, the sentences of context that hold the answer.
"""

import argparse
import json
import lzma
import math
import os
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rag.embedded import embedding_model_folder
from rag.encoders import MAX_CONTEXT_TOKENS, MAX_QUESTION_TOKENS, POINT, SEP, load_tokenizer
from rag.sentences import sentence_spans

# Rows per file, answerable and not: as many as two laptop cores train on in half an hour, in the variety there is.
_ROWS = {
    "squad_train": (5000, 1200),
    "fairytaleqa": (2000, 500),
    "selqa": (1500, 150),
    "qamr": (1500, 200),
    "hotpotqa": (983, 220),
    "tatqa": (600, 150),
    "covidqa": (600, 120),
    "qadiscourse": (365, 0),
    "wikinews_quotes": (315, 29),
    "narrativeqa_plots": (300, 0),
    "boolq": (400, 200),
}
_HELD_OUT = 600  # examples that are never trained on; their figures are printed as training goes on
_HARD_NEGATIVES = 0.75  # of the answerable rows get a passage without the answer beside their own
_SAME_GROUP = 0.6  # of these come from the same article where there is one
_TYPED = 0.3  # of the questions lose their question mark, as people type them into a search box
_FREQUENT = 0.3  # words in more than this share of the passages find nothing
_MAX_TITLE_TOKENS, _MAX_SENTENCE_TOKENS, _MAX_TOKENS = 24, 120, 232

_RANK, _SCALE = 32, 2.0
_LEARNING_RATE, _WARM_UP, _BATCH, _EVALUATE_EVERY = 1e-3, 100, 16, 300
_POSITIVE_WEIGHT = 1.5  # two to nine sentences of a passage are negative for each that is positive

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Example:
    """A passage of a question: its sentences, and of each whether it holds the answer."""

    question: str
    title: str
    sentences: tuple[str, ...]
    labels: tuple[int, ...]


Encoded = tuple[list[int], int, list[tuple[int, int]], list[int]]  # ids, where the passage begins, sentence spans, labels


# --- Data -> examples ---------------------------------------------------------------------------------------------


def read_examples(folder: Path, seed: int = 7) -> list[Example]:
    """The examples of all files of the folder, shuffled."""
    rng = random.Random(seed)
    examples = [example for name, rows in _ROWS.items() for example in _of_file(folder / f"{name}.jsonl.xz", *rows, rng)]
    rng.shuffle(examples)
    return examples


def _of_file(path: Path, most_answerable: int, most_unanswerable: int, rng: random.Random) -> Iterator[Example]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    answerable = [r for r in rows if r["answerable"] and (r.get("support") or r.get("support_all")) and r["type"] != "table"]
    unanswerable = [r for r in rows if not r["answerable"]]
    rng.shuffle(answerable)
    rng.shuffle(unanswerable)
    passages = {row["context"]: row for row in rows}
    index = _WordIndex(list(passages))
    for row in answerable[:most_answerable] + unanswerable[:most_unanswerable]:
        own = list(_own_passages(row))
        yield from own
        if row["answerable"] and own and rng.random() < _HARD_NEGATIVES:
            negative = _hard_negative(row, passages, index, rng)
            if negative:
                yield _example(row["question"], negative, [])


def _own_passages(row: dict[str, Any]) -> Iterator[Example]:
    support = (row.get("support_all") or [row["support"]]) if row["answerable"] else []
    gold = [passage for passage in row.get("passages") or [] if passage.get("gold")]
    for passage in gold or [row]:
        example = _example(row["question"], passage, support)
        if any(example.labels) or not row["answerable"]:
            yield example


def _example(question: str, passage: dict[str, Any], support: Sequence[str]) -> Example:
    text = passage.get("text") or passage["context"]
    sentences = tuple(text[start:end] for start, end in sentence_spans(text))
    wanted = [" ".join(s.split()) for s in support]
    squashed = [" ".join(s.split()) for s in sentences]
    labels = tuple(int(any(len(w) > 3 and (s in w or w in s) for w in wanted)) for s in squashed)
    return Example(question, passage.get("title") or "", sentences, labels)


def _hard_negative(
    row: dict[str, Any], passages: dict[str, dict[str, Any]], index: "_WordIndex", rng: random.Random
) -> dict[str, Any] | None:
    """A passage that shares words with the question, without an answer string and without the support."""
    from_same_group = rng.random() < _SAME_GROUP
    answers = [f" {' '.join(_words(answer))} " for answer in row["answers"]]
    for text in index.nearest(row["question"], 30):
        passage = passages[text]
        words = f" {' '.join(_words(text))} "
        if text == row["context"] or (row.get("support") or "\0")[:60] in text or any(answer in words for answer in answers):
            continue
        if (passage["group"] == row["group"]) == from_same_group or rng.random() > 0.8:
            return passage
    return None


class _WordIndex:
    """BM25 (Robertson & Zaragoza 2009) over the passages of a file."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._lengths = []
        for number, text in enumerate(texts):
            counts = Counter(_words(text))
            self._lengths.append(max(1, counts.total()))
            for word, count in counts.items():
                self._postings[word].append((number, count))
        self._mean_length = sum(self._lengths) / max(1, len(texts))

    def nearest(self, question: str, k: int) -> list[str]:
        scores: defaultdict[int, float] = defaultdict(float)
        total = len(self._texts)
        for word in sorted(set(_words(question))):
            found = self._postings.get(word, [])
            if len(found) > _FREQUENT * total:
                continue
            weight = math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
            for number, count in found:
                length = 0.25 + 0.75 * self._lengths[number] / self._mean_length
                scores[number] += weight * count * 2.2 / (count + 1.2 * length)
        return [self._texts[n] for n in sorted(scores, key=lambda n: (-scores[n], n))[:k]]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


# --- Examples -> tokens -------------------------------------------------------------------------------------------


def encode(example: Example, tokenizer: Any, rng: random.Random) -> Encoded:
    """[CLS] question [SEP] title. sentences [SEP], as the reader gets them; of a passage too long, sentences around an answer."""
    asked = example.question.rstrip("?") if rng.random() < _TYPED else example.question
    question = tokenizer.encode(asked).ids[:MAX_QUESTION_TOKENS]
    question[-1] = SEP
    title = tokenizer.encode(example.title, add_special_tokens=False).ids[: min(_MAX_TITLE_TOKENS, MAX_CONTEXT_TOKENS)]
    sentences = [tokenizer.encode(s, add_special_tokens=False).ids[:_MAX_SENTENCE_TOKENS] for s in example.sentences]
    room = _MAX_TOKENS - len(question) - len(title) - 2
    first, last = _window([len(s) for s in sentences], example.labels, room, rng)
    tokens = question + ([*title, POINT] if title else [])
    spans = []
    for ids in sentences[first:last]:
        spans.append((len(tokens), len(tokens) + len(ids)))
        tokens = tokens + ids
    return [*tokens, SEP], len(question), spans, list(example.labels[first:last])


def _window(lengths: Sequence[int], labels: Sequence[int], room: int, rng: random.Random) -> tuple[int, int]:
    """The sentences to keep: all, or as many as fit around a positive one, or anywhere."""
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


# --- The network --------------------------------------------------------------------------------------------------


class _Adapted(nn.Module):
    """A linear layer with a low-rank addition, zero at the start."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Parameter(torch.randn(_RANK, layer.in_features) / math.sqrt(layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, _RANK))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        addition = nn.functional.linear(nn.functional.linear(states, self.down), self.up)
        result: torch.Tensor = self.layer(states) + _SCALE * addition
        return result


class Reader(nn.Module):
    """The embedded model with adapters in all linear layers and one linear unit over the last hidden states."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertModel

        self.body: Any = BertModel.from_pretrained(embedding_model_folder(), local_files_only=True, add_pooling_layer=False)
        self.body.requires_grad_(False)
        for layer in self.body.encoder.layer:
            attention = layer.attention.self
            attention.query, attention.key, attention.value = map(_Adapted, (attention.query, attention.key, attention.value))
            layer.attention.output.dense = _Adapted(layer.attention.output.dense)
            layer.intermediate.dense = _Adapted(layer.intermediate.dense)
            layer.output.dense = _Adapted(layer.output.dense)
        self.head = nn.Linear(self.body.config.hidden_size, 1)

    def forward(self, batch: Sequence[Encoded]) -> list[torch.Tensor]:
        """For each example the log-odds of its sentences."""
        width = max(len(ids) for ids, *_ in batch)
        ids = torch.tensor([tokens + [0] * (width - len(tokens)) for tokens, *_ in batch])
        mask = torch.tensor([[1] * len(tokens) + [0] * (width - len(tokens)) for tokens, *_ in batch])
        starts = torch.tensor([start for _, start, *_ in batch])
        types = (torch.arange(width) >= starts[:, None]).long() * mask
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.body(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state
        per_token = self.head(states.float()).squeeze(-1)
        sums = nn.functional.pad(per_token.cumsum(1), (1, 0))
        return [
            torch.stack([(row[last] - row[first]) / (last - first) for first, last in spans])
            for row, (_, _, spans, _) in zip(sums, batch, strict=True)
        ]

    def adapter(self) -> dict[str, torch.Tensor]:
        """The trained weights, float16, under the names of the layers they are added to; the scale is in `up`."""
        weights = {f"head.{name}": value for name, value in self.head.state_dict().items()}
        for name, layer in self.body.named_modules():
            if isinstance(layer, _Adapted):
                weights |= {f"{name}.down": layer.down.detach(), f"{name}.up": _SCALE * layer.up.detach()}
        return {name: value.half().contiguous() for name, value in weights.items()}


# --- Training -----------------------------------------------------------------------------------------------------


def train(folder: Path, out: Path, seed: int = 0) -> None:
    """Train one epoch and write the adapter to `out`, also as it goes on; figures of held-out examples go to stdout."""
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    torch.set_num_threads(os.cpu_count() or 1)  # torch counts two threads of one core as one, which is slower here
    rng = random.Random(seed)
    tokenizer = load_tokenizer()
    encoded = [e for e in (encode(example, tokenizer, rng) for example in read_examples(folder)) if e[2]]
    held_out, batches = encoded[:_HELD_OUT], _batches(encoded[_HELD_OUT:], rng)
    reader = Reader()
    trained = [p for p in reader.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=_LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / _WARM_UP) * max(0.02, 1 - step / len(batches))
    )
    weight = torch.tensor(_POSITIVE_WEIGHT)
    started = time.monotonic()
    for step, batch in enumerate(batches, 1):
        labels = torch.tensor([label for *_, of_example in batch for label in of_example], dtype=torch.float32)
        loss = nn.functional.binary_cross_entropy_with_logits(torch.cat(reader(batch)), labels, pos_weight=weight)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % _EVALUATE_EVERY == 0 or step == len(batches):
            first_right, apart = evaluate(reader, held_out)
            sys.stdout.write(
                f"step {step} of {len(batches)}, {time.monotonic() - started:.0f} s: best sentence right {first_right:.3f}, "
                f"AUROC answerable {apart:.3f}\n"
            )
            sys.stdout.flush()
            save_file(reader.adapter(), out)


def evaluate(reader: Reader, examples: Sequence[Encoded]) -> tuple[float, float]:
    """Of the answerable examples the share whose best sentence is right; how well the best score tells them from the others."""
    right: list[int] = []
    answerable: list[float] = []
    unanswerable: list[float] = []
    with torch.no_grad():
        for at in range(0, len(examples), 2 * _BATCH):
            batch = examples[at : at + 2 * _BATCH]
            for scores, (*_, labels) in zip(reader(batch), batch, strict=True):
                best = int(scores.argmax())
                (answerable if any(labels) else unanswerable).append(float(scores[best]))
                if any(labels):
                    right.append(labels[best])
    wins = sum((a > u) + 0.5 * (a == u) for a in answerable for u in unanswerable)
    return sum(right) / len(right), wins / (len(answerable) * len(unanswerable))


def _batches(encoded: list[Encoded], rng: random.Random) -> list[list[Encoded]]:
    """Batches of examples of like length, in random order."""
    rng.shuffle(encoded)
    batches: list[list[Encoded]] = []
    for at in range(0, len(encoded), 32 * _BATCH):
        pool = sorted(encoded[at : at + 32 * _BATCH], key=lambda e: len(e[0]))
        batches += [pool[i : i + _BATCH] for i in range(0, len(pool), _BATCH)]
    rng.shuffle(batches)
    return batches


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the reader's adapter.")
    parser.add_argument("folder", type=Path, help="the folder of the training data")
    parser.add_argument("--out", type=Path, required=True, help="the adapter to write, a .safetensors file")
    options = parser.parse_args()
    train(options.folder, options.out)
