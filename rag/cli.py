"""The command line. Answers go to stdout, everything else to stderr; README.md has the exit codes."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config import Settings, bundled

# The pipeline and all it brings are imported by the commands that need them, so that `rag --help` is instant.
if TYPE_CHECKING:
    from rag.pipeline import Pipeline

Command = Callable[[Settings, argparse.Namespace], int]

ABSTAINED, DAMAGED, STOPPED = 3, 4, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what comes back is its exit code."""
    options = _parser().parse_args(arguments)
    settings = Settings.from_environment()
    settings = replace(
        settings, library=options.library or settings.library, model=getattr(options, "model", None) or settings.model
    )
    from rag.types import RagError

    try:
        return int(options.run(settings, options))
    except RagError as error:
        _say(f"rag: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("rag: stopped; what was finished is kept.")
        return STOPPED
    except BrokenPipeError:  # the reader of our output has left, as in `rag list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--library", metavar="NAME", help="the library to work on (default: default, or RAG_LIBRARY)")
    common.add_argument("--json", action="store_true", help="print JSON for machines")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model", type=Path, metavar="PATH", help="a GGUF language model (default: the embedded one, or RAG_MODEL)"
    )

    parser = argparse.ArgumentParser(
        prog="rag",
        description="Ask questions of a folder of reports. Every sentence of an answer carries a footnote with the exact words "
        "it rests on.",
        epilog="Libraries live in the folder RAG_INDEXES (default: indexes). Exit codes: 0 done, 1 some files failed, 2 wrong "
        "use, 3 the reports do not answer, 4 the library or a model cannot be used.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Command, help: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", parents=[common, *parents])
        sub.set_defaults(run=run)
        return sub

    add = command("add", _add, "add files and folders to the library; unchanged files are skipped, changed ones replaced")
    add.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files and folders")
    add.add_argument("--samples", action="store_true", help="add the sample reports that come with rag")
    remove = command("remove", _remove, "remove documents from the library")
    remove.add_argument("documents", nargs="+", metavar="DOC", help="names as `rag list` shows them")
    command("list", _list, "list the documents of the library")
    command("status", _status, "show what the library holds and which models it uses")
    command("verify", _verify, "check the whole library; exit code 4 where something is wrong")
    command("rebuild", _rebuild, "chunk and embed the stored documents anew, for example for another embedding model")
    search = command("search", _search, "show the passages nearest to a question")
    search.add_argument("question")
    search.add_argument("-k", type=_positive, default=10, metavar="N", help="how many (default: 10)")
    ask = command("ask", _ask, "answer a question with footnotes", model)
    ask.add_argument("question", nargs="?")
    ask.add_argument(
        "--batch", type=Path, metavar="QUESTIONS.jsonl", help='answer many: one {"id", "question", "history"?} a line'
    )
    ask.add_argument("--out", type=Path, metavar="PREDICTIONS.jsonl", help="where the answers of --batch go")
    serve = command("serve", _serve, "open the page in a browser", model)
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine alone)")
    serve.add_argument("--port", type=_positive, help="the port (default: 7860, or the next free one)")
    return parser


# --- The commands -------------------------------------------------------------------------------------------------


def _add(settings: Settings, options: argparse.Namespace) -> int:
    from rag.types import UsageError

    paths = [*options.paths, *([bundled("samples")] if options.samples else [])]
    if not paths:
        raise UsageError("Nothing to add was named; give files or folders: rag add PATH…")
    outcomes = []
    with _pipeline(settings) as pipeline:
        for added in pipeline.add(paths):
            outcomes.append(added)
            what = added.reason if added.outcome == "failed" else f"{added.document} ({added.chunks} passages)"
            _say(f"{added.outcome:>9}  {what}")
    failed = sum(added.outcome == "failed" for added in outcomes)
    if options.json:
        _print_json([{"path": str(a.path), "outcome": a.outcome, "document": a.document, "reason": a.reason} for a in outcomes])
    _say(f"{len(outcomes) - failed} of {len(outcomes)} files are in the library {settings.library!r}.")
    return 1 if failed else 0


def _remove(settings: Settings, options: argparse.Namespace) -> int:
    with _pipeline(settings) as pipeline:
        for name in options.documents:
            pipeline.library.remove(name)
            _say(f"  removed  {name}")
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render import table

    with _pipeline(settings) as pipeline:
        documents = pipeline.library.documents()
    if options.json:
        _print_json(
            [
                {
                    "document": d.name,
                    "title": d.title,
                    "date": d.date,
                    "file": d.file,
                    "paragraphs": d.paragraphs,
                    "chunks": d.chunks,
                }
                for d in documents
            ]
        )
    else:
        print(table((d.name, d.date, f"{d.paragraphs} ¶", d.title) for d in documents))
    return 0


def _status(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render import table

    with _pipeline(settings) as pipeline:
        values = pipeline.status()
    if options.json:
        _print_json(values)
    else:
        print(table((name.replace("_", " "), str(value)) for name, value in values.items()))
    return 0


def _verify(settings: Settings, options: argparse.Namespace) -> int:
    with _pipeline(settings) as pipeline:
        faults = pipeline.library.verify()
    if options.json:
        _print_json(faults)
    else:
        print("\n".join(faults) or f"The library {settings.library!r} is whole.")
    return DAMAGED if faults else 0


def _rebuild(settings: Settings, options: argparse.Namespace) -> int:
    with _pipeline(settings) as pipeline:
        _say(f"{pipeline.rebuild()} documents of the library {settings.library!r} were embedded anew.")
    return 0


def _search(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render import hit_json, hit_text

    with _pipeline(settings) as pipeline:
        hits = pipeline.search(options.question, options.k)
    if options.json:
        _print_json([hit_json(hit) for hit in hits])
    else:
        print("\n\n".join(hit_text(hit) for hit in hits))
    return 0


def _ask(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render import answer_json, answer_text, place
    from rag.types import Answer, Found, UsageError

    if options.batch:
        return _ask_batch(settings, options)
    if options.question is None:
        raise UsageError('No question was given; ask one: rag ask "How much did trade grow?"')
    with _pipeline(settings) as pipeline:
        for event in pipeline.stream(options.question):
            if isinstance(event, Found):
                _say("\n".join(["Reading", *(f"  {place(hit)}" for hit in event.hits[:3])]) + "\n")
            elif isinstance(event, Answer):
                if options.json:
                    _print_json(answer_json(event))
                else:
                    print(answer_text(event))
                return ABSTAINED if event.abstained else 0
    raise AssertionError("a stream ends with an Answer")


def _ask_batch(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render import answer_json
    from rag.types import Turn, UsageError

    if options.question is not None or options.out is None:
        raise UsageError(
            "--batch takes its questions from a file and needs --out; leave the question away and name the file to write."
        )
    questions = list(_questions(options.batch))
    unfinished = options.out.with_name(options.out.name + ".part")
    try:
        with _pipeline(settings) as pipeline, unfinished.open("w", encoding="utf-8") as out:
            for number, question in enumerate(questions, 1):
                history = [Turn(turn["role"], turn["text"]) for turn in question.get("history") or []]
                answer = pipeline.ask(question["question"], history)
                out.write(json.dumps({"id": question["id"], **answer_json(answer)}, ensure_ascii=False) + "\n")
                _say(f"\r{number} of {len(questions)}", end="" if number < len(questions) else "\n")
        unfinished.replace(options.out)
    except OSError as error:
        raise UsageError(
            f"The answers cannot be written to {options.out} ({error.strerror}); name another file with --out."
        ) from error
    return 0


def _questions(path: Path) -> Iterator[dict[str, Any]]:
    from rag.types import UsageError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The questions in {path} cannot be read ({error}); give a file of JSON lines in UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = json.loads(line)
            history = question.get("history") or []
            good = (
                isinstance(question["question"], str)
                and all({"role", "text"} <= turn.keys() for turn in history)
                and "id" in question
            )
        except (ValueError, KeyError, AttributeError, TypeError):
            good = False
        if not good:
            raise UsageError(f'Line {number} of {path} is not a question; expected {{"id": …, "question": "…"}}.')
        yield question


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from rag.page import launch

    return launch(settings, options.host, options.port)


# --- Their tools --------------------------------------------------------------------------------------------------


def _pipeline(settings: Settings) -> "Pipeline":
    from rag.pipeline import Pipeline

    return Pipeline(settings)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number")
    return number


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
