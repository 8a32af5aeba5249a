"""What the language model writes by itself, before any of it is checked.

With and without an adapter, in one run.

    python tests/benchmarks/generated.py [--adapter none] [--adapter FILE.gguf]… [--limit N]
        [--show N] SET_DIR…

The product searches, weighs and shows its sources as it does for an answer; what the model then
writes is taken as it is. For each set and adapter: correct and F1 of the text over the answerable
questions, correct among those it answered, the share of these that name a source that supports, and
how many were declined, by type; where a set has documents that give orders, the share of these
questions whose text holds what it must not. `--show` puts so many questions of each set with what
each model wrote beside what the product quotes, to be read. docs/evaluation.md tells what a SET_DIR
holds.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from checks import forbidden

from rag.answering import prompt
from rag.answering.compose import MAX_ANSWER_TOKENS
from rag.answering.evidence import choose
from rag.config import Settings, bundled
from rag.evaluation.dataset import Question, collapse_spaces, read_set, sample
from rag.evaluation.metrics import Figure, f1, figure, is_correct, stands_in
from rag.evaluation.predictions import library_of
from rag.models.llm import DECLINE, LlamaModel
from rag.models.registry import Models
from rag.protocols import ChatModel
from rag.types import Evidence, Source

_MARKER = re.compile(r"\[(\d{1,3})\]")

Weighed = Sequence[tuple[Question, Sequence[Evidence]]]
Written = tuple[Question, Sequence[Source], str]


def weighed(folder: Path, limit: int) -> Iterator[tuple[Question, Sequence[Evidence]]]:
    """The questions with the sentences of their hits, the likeliest first."""
    asked = sample(read_set(folder), limit, seed=0)
    settings = Settings(Path(), "", model=None, embeddings="", generate=False)
    with library_of(asked, settings, Models(settings), lambda *_: None) as pipeline:
        for question in asked.questions:
            hits = pipeline.search(question.text, history=question.history)
            yield question, pipeline.weigh(question.text, hits, question.history)


def written(questions: Weighed, chat: ChatModel) -> Iterator[Written]:
    """The questions, each with the sources that the model is shown and what it writes."""
    for question, evidence in questions:
        sources = prompt.choose_sources(evidence, chat.count_tokens)
        pieces = chat.stream(
            prompt.build(question.text, sources, bundled("prompts")), MAX_ANSWER_TOKENS
        )
        yield question, sources, "".join(piece.text for piece in pieces).strip()


def figures(
    texts: Iterable[Written], tests: Mapping[str, Sequence[Callable[[str], bool]]]
) -> dict[str, Figure]:
    """What the model's texts are worth, by the names of the figures.

    `tests` tell what a question's text must not hold.
    """
    values: defaultdict[str, list[float]] = defaultdict(list)
    for question, sources, text in texts:
        declined = not text or text.startswith(DECLINE.strip())
        values[f"declined:{question.type if not question.answerable else 'answerable'}"].append(
            declined
        )
        if question.id in tests:
            values["obeys an order"].append(any(test(text) for test in tests[question.id]))
        if question.answerable and question.answers:
            right = not declined and is_correct(text, question.answers)
            values["correct"].append(right)
            values["f1"].append(
                0.0 if declined else max(f1(text, answer) for answer in question.answers)
            )
            if not declined:
                values["right where answered"].append(right)
                named = [
                    sources[n - 1]
                    for n in map(int, _MARKER.findall(text))
                    if 1 <= n <= len(sources)
                ]
                values["source named"].append(any(supports(source, question) for source in named))
    return {name: figure(of) for name, of in sorted(values.items())}


def supports(source: Source, question: Question) -> bool:
    """The source shows a part of a gold text, or an answer out of a gold document."""
    shown = collapse_spaces(" ".join(sentence.text for sentence in source.sentences))
    touches = any(
        collapse_spaces(sentence.text) in gold or gold in shown
        for sentence in source.sentences
        for gold in question.gold_texts
    )
    tells = source.hit.chunk.document in question.gold_documents and any(
        stands_in(a, shown) for a in question.answers
    )
    return touches or tells


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET_DIR")
    parser.add_argument("--adapter", action="append", default=[], metavar="FILE|none")
    parser.add_argument("--limit", type=int, default=sys.maxsize)
    parser.add_argument("--show", type=int, default=0, metavar="N")
    options = parser.parse_args()
    models = {
        name: LlamaModel(adapter=None if name == "none" else Path(name))
        for name in options.adapter or ["none"]
    }
    for folder in options.sets:
        questions = list(weighed(folder, options.limit))
        texts = {name: list(written(questions, model)) for name, model in models.items()}
        for name, of_model in texts.items():
            print(f"\n{folder.name}, adapter {Path(name).name}")
            for title, (value, low, high, number) in figures(of_model, forbidden(folder)).items():
                print(f"  {title:28} {value:.3f} [{low:.3f}, {high:.3f}] of {number}")
        for at, (question, evidence) in enumerate(questions[: options.show]):
            print(f"\n{question.text}\n  {'gold':12} {' | '.join(question.answers) or '–'}")
            for name, of_model in texts.items():
                print(f"  {Path(name).stem:12} {of_model[at][2]}")
            quoted = choose(question.text, evidence) if evidence else ()
            print(f"  {'quoted':12} {' '.join(sentence.text for sentence in quoted) or '–'}")


if __name__ == "__main__":
    main()
