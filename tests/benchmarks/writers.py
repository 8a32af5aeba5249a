"""How well chat models answer with all our checks, beside a plain prompt over the same passages.

    python tests/benchmarks/writers.py --model FILE.gguf … --out FOLDER SET_DIR…

For each set and model, one row for the product and one for the plain prompt: the first five
passages and one instruction, no decision, no checks. "embedded" and "none" are models, too. What a
model wrote is kept in FOLDER and not written again, so a change of the checks is measured in
minutes. FOLDER also gets the answers, one JSON object a line, to be read by eye.

docs/evaluation.md tells what a SET_DIR holds.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from rag.answering.prompt import as_data
from rag.config import Settings
from rag.evaluation.dataset import EvaluationSet, Question, read_set, sample
from rag.evaluation.metrics import is_direct
from rag.evaluation.predictions import library_of
from rag.models.llm import LlamaModel
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.protocols import ChatModel, Embedder, Reader, Reranker
from rag.types import Answer, Hit, Prompt, Seconds

PASSAGES = 5
MAX_TOKENS = 200
INSTRUCTION = (
    "Answer the question in one or two sentences from the passages. If they do not hold the answer,"
    " write: Not in the passages."
)


class RecordedModel:
    """A chat model whose texts are kept in a file, with the seconds they took."""

    def __init__(self, chat: ChatModel, file: Path) -> None:
        self.name = chat.name
        self.context_tokens, self.passage_tokens = chat.context_tokens, chat.passage_tokens
        self.follows_instructions = chat.follows_instructions
        self.count_tokens = chat.count_tokens
        self.seconds = 0.0  # of the last text, when it was written
        self.text = ""
        self._chat, self._file = chat, file
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self._known = {row["key"]: row for row in map(json.loads, lines)}

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        asked = f"{prompt.text}\0{prompt.system}\0{prompt.user}\0{prompt.stop}\0{max_tokens}"
        key = hashlib.sha256(asked.encode()).hexdigest()
        if key not in self._known:
            started = time.monotonic()
            pieces = list(self._chat.stream(prompt, max_tokens))
            row = {"key": key, "pieces": pieces, "seconds": time.monotonic() - started}
            self._known[key] = row
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        row = self._known[key]
        self.seconds, self.text = row["seconds"], "".join(row["pieces"])
        yield from row["pieces"]


@dataclass
class OneModel:
    """The models of the product with one language model."""

    models: Models
    chat: ChatModel | None
    chat_name: str = "measured"

    @property
    def embedder(self) -> Embedder:
        return self.models.embedder

    @property
    def reader(self) -> Reader:
        return self.models.reader

    @property
    def reranker(self) -> Reranker | None:
        return None


@dataclass
class Row:
    """What is counted of one way to answer."""

    direct: list[bool] = field(default_factory=list)
    declined: list[bool] = field(default_factory=list)  # of the questions without an answer
    generated: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def line(self, name: str) -> str:
        def mean(values: Sequence[bool]) -> str:
            return f"{sum(values) / len(values):.2f}" if values else "–"

        numbers = mean(self.direct), mean(self.declined), mean(self.generated)
        of = f"{len(self.direct)} + {len(self.declined)}"
        return f"| {name} | {of} | {' | '.join(numbers)} | {median(self.seconds):.1f} |"


def plain_prompt(question: str, hits: Sequence[Hit]) -> Prompt:
    shown = "\n\n".join(as_data(hit.chunk.text) for hit in hits[:PASSAGES])
    return Prompt("", INSTRUCTION, f"{shown}\n\nQuestion: {as_data(question)}", ())


def plain_answer(question: Question, hits: tuple[Hit, ...], chat: RecordedModel) -> Answer:
    text = "".join(chat.stream(plain_prompt(question.text, hits), MAX_TOKENS)).strip()
    declined = "not in the passages" in text.lower()
    return Answer(
        question.text,
        text,
        declined,
        "generated",
        (),
        (),
        hits,
        Seconds(0.0, None, chat.seconds, 0.0),
    )


def measure(
    evaluation: EvaluationSet, pipeline: Pipeline, models: Models, name: str, folder: Path
) -> None:
    """Ask all questions of the set with one model, and print the rows."""
    chat = None
    if name != "none":
        model = LlamaModel(None if name == "embedded" else Path(name))
        chat = RecordedModel(model, folder / f"written-{Path(name).stem}.jsonl")
    pipeline.models = OneModel(models, chat)
    product, plain = Row(), Row()
    stem = f"{evaluation.name}-{Path(name).stem}"
    with (folder / f"answers-{stem}.jsonl").open("w", encoding="utf-8") as out:
        for question in evaluation.questions:
            if chat:
                chat.seconds, chat.text = 0.0, ""
            started = time.monotonic()
            answer = pipeline.ask(question.text, question.history)
            # A text that was kept took its time once.
            seconds = time.monotonic() - started + (chat.seconds if chat else 0.0)
            count(product, question, answer, seconds)
            row = {"id": question.id, "question": question.text, "golds": question.answers}
            row |= {"answerable": question.answerable, "answer": answer.answer}
            row |= {"mode": answer.mode, "wrote": chat.text if chat else ""}
            row["sentences"] = [[s.text, s.verdict, s.reason] for s in answer.sentences]
            if chat and chat.follows_instructions:
                told = plain_answer(question, answer.hits, chat)
                count(plain, question, told, chat.seconds)
                row["plain"] = told.answer
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.flush()
    print(product.line(f"{evaluation.name} {Path(name).stem}"), flush=True)
    if plain.seconds:
        print(plain.line(f"{evaluation.name} {Path(name).stem}, plain prompt"), flush=True)


def count(row: Row, question: Question, answer: Answer, seconds: float) -> None:
    row.seconds.append(seconds)
    golds = [gold for gold in question.answers if len(gold.split()) <= 8]
    if not question.answerable:
        row.declined.append(answer.abstained)
    elif golds:
        row.direct.append(is_direct(answer, golds))
    if not answer.abstained:
        row.generated.append(answer.mode == "generated")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    settings = replace(Settings.from_environment(), generate=False)
    models = Models(settings)
    print("| set and model | questions | direct | rightly declined | by the model | seconds |")
    print("|---|---|---|---|---|---|")
    for folder in options.sets:
        evaluation = read_set(folder)
        if options.limit:
            evaluation = sample(evaluation, options.limit, 0)
        with library_of(evaluation, settings, models, lambda *_: None) as pipeline:
            for name in options.model:
                measure(evaluation, pipeline, models, name, options.out)


if __name__ == "__main__":
    main()
