"""The command line. Answers go to stdout, everything else to stderr.

README.md has the exit codes.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from rag.config import CERTAINTY, Settings, bundled, version
from rag.files import written_whole

# The pipeline and all it brings are imported by the commands that need them, so that `rag --help`
# is instant.
if TYPE_CHECKING:
    from rag.pipeline import Pipeline
    from rag.protocols import ModelSet
    from rag.service.client import Server
    from rag.types import Answer, Filter, Found

T = TypeVar("T")
Command = Callable[[Settings, argparse.Namespace], int]

FAILED, ABSTAINED, DAMAGED, STOPPED = 1, 3, 4, 130
MADE_QUESTIONS = (
    100  # of `rag eval --make`: enough to tell 0.80 from 0.90, few enough to look through
)


def _make_models(settings: Settings) -> "ModelSet":
    from rag.models.registry import Models

    return Models(settings)


def main(
    arguments: Sequence[str] | None = None,
    make_models: "Callable[[Settings], ModelSet]" = _make_models,
) -> int:
    """Run one command and return its exit code.

    `make_models` gives the models to use with the settings; it loads none before it is needed.
    """
    options = _parser().parse_args(arguments)
    options.make_models = make_models
    flags = {
        f"RAG_{name.upper()}": getattr(options, name, None)
        for name in ("library", "model", "adapter")
    }
    from rag.errors import RagError

    try:
        settings = Settings.from_environment(
            {**os.environ, **{name: value for name, value in flags.items() if value}}
        )
        settings = replace(settings, certainty=getattr(options, "certainty", settings.certainty))
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


class _ShowVersion(argparse.Action):
    """Looks up the version where it is asked for: doing so takes longer than the whole help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"rag {version()}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--library",
        metavar="NAME",
        help="the library to work on (default: default, or RAG_LIBRARY)",
    )
    common.add_argument("--json", action="store_true", help="print JSON for machines")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        metavar="PATH|none",
        help="a GGUF language model (default: the embedded one, or RAG_MODEL)",
    )
    model.add_argument(
        "--adapter",
        metavar="PATH|none",
        help="a GGUF LoRA adapter of the embedded language model (default: ours, or RAG_ADAPTER)",
    )

    dial = argparse.ArgumentParser(add_help=False)
    dial.add_argument(
        "--certainty",
        type=_share,
        default=CERTAINTY,
        metavar="P",
        help="how sure an answer must be, from 0 (tell me what you have) to 1 (only when "
        "certain) (default: %(default)s)",
    )

    running = argparse.ArgumentParser(add_help=False)
    running.add_argument(
        "-v", "--verbose", action="store_true", help="tell where a running server answered"
    )
    only = argparse.ArgumentParser(add_help=False)
    only.add_argument(
        "--document",
        action="append",
        metavar="NAME",
        help="only in this document; may be given several times",
    )
    only.add_argument(
        "--after",
        default="",
        metavar="DATE",
        help="only in documents of this day, month or year, or later",
    )
    only.add_argument(
        "--before",
        default="",
        metavar="DATE",
        help="only in documents of this day, month or year, or earlier",
    )
    only.add_argument(
        "--speaker", default="", metavar="NAME", help="only where somebody of this name is quoted"
    )
    only.add_argument(
        "--section", default="", metavar="WORDS", help="only under headings with these words"
    )

    parser = argparse.ArgumentParser(
        prog="rag",
        description="Ask questions of a folder of reports. Every sentence of an answer carries a "
        "footnote with the exact words "
        "it rests on.",
        epilog="Libraries live in the folder RAG_INDEXES (default: indexes). Exit codes: 0 done, "
        "1 some files failed, 2 wrong "
        "use, 3 the reports do not answer, 4 the library or a model cannot be used.",
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, run: Command, help: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            parents=[common, *parents],
        )
        sub.set_defaults(run=run)
        return sub

    add = command(
        "add",
        _add,
        "add files and folders to the library; unchanged files are skipped, changed ones replaced",
    )
    add.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files and folders")
    add.add_argument(
        "--samples", action="store_true", help="add the sample reports that come with rag"
    )
    add.add_argument(
        "--prune",
        action="store_true",
        help="then remove the documents whose files are gone from these folders",
    )
    add.add_argument("--yes", action="store_true", help="remove them without asking")
    add.add_argument(
        "--watch",
        action="store_true",
        help="then go on, and add what changes in these folders, until Ctrl-C",
    )
    remove = command("remove", _remove, "remove documents from the library")
    remove.add_argument(
        "documents", nargs="+", metavar="DOC", help="names as `rag list` shows them"
    )
    command("list", _list, "list the documents of the library")
    command("status", _status, "show what the library holds and which models it uses")
    verify = command(
        "verify", _verify, "check the whole library; exit code 4 where something is wrong"
    )
    verify.add_argument(
        "--repair",
        action="store_true",
        help="then mend what the stored text of the documents is enough for",
    )
    export = command("export", _export, "write the library into one file, to take it elsewhere")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument(
        "--without-conversations",
        action="store_true",
        help="leave the kept questions and answers behind",
    )
    import_ = command(
        "import", _import, "make a library from a file that `rag export` wrote; --library names it"
    )
    import_.add_argument("file", type=Path, metavar="FILE")
    command(
        "rebuild",
        _rebuild,
        "chunk and embed the stored documents anew, for example for another embedding model",
    )
    search = command("search", _search, "show the passages nearest to a question", running, only)
    search.add_argument("question")
    search.add_argument(
        "-k", type=_positive, default=10, metavar="N", help="how many (default: 10)"
    )
    ask = command("ask", _ask, "answer a question with footnotes", model, dial, running, only)
    ask.add_argument("question", nargs="?")
    ask.add_argument(
        "--batch",
        type=Path,
        metavar="QUESTIONS.jsonl",
        help='answer many: one {"id", "question", "history"?} a line',
    )
    ask.add_argument(
        "--out", type=Path, metavar="PREDICTIONS.jsonl", help="where the answers of --batch go"
    )
    ask.add_argument(
        "--conversation",
        type=int,
        metavar="KEY",
        help="follow up and keep the answer in this conversation; 0 begins a new one",
    )
    conversations = command(
        "conversations",
        _conversations,
        "list the conversations that were kept; show or change one of them",
    )
    conversations.add_argument(
        "words", nargs="*", metavar="WORD", help="only those that hold all these words"
    )
    one = conversations.add_mutually_exclusive_group()
    one.add_argument("--show", type=int, metavar="KEY", help="show its questions and answers")
    one.add_argument("--rename", type=int, metavar="KEY", help="give it the words as its name")
    one.add_argument("--remove", type=int, metavar="KEY", help="remove it with its answers")
    conversations.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="for --show: write them to FILE, which ends with .md, .html, .docx or .json",
    )
    evaluate = command(
        "eval",
        _eval,
        "measure search and answers on an evaluation set, or make one (docs/evaluation.md)",
        model,
        dial,
    )
    evaluate.add_argument(
        "set",
        nargs="?",
        type=Path,
        metavar="SET_DIR",
        help="a folder with corpus.jsonl and questions.jsonl",
    )
    evaluate.add_argument(
        "--limit", type=_positive, metavar="N", help="ask or make at most N questions, a sample"
    )
    evaluate.add_argument(
        "--seed", type=int, default=0, metavar="S", help="draws the sample (default: 0)"
    )
    evaluate.add_argument(
        "--retrieval-only", action="store_true", help="search only, answer nothing"
    )
    evaluate.add_argument(
        "--markdown", action="store_true", help="print the figures as a row of a Markdown table"
    )
    evaluate.add_argument(
        "--out", type=Path, metavar="PREDICTIONS.jsonl", help="write the answers too"
    )
    evaluate.add_argument(
        "--make", type=Path, metavar="OUT_DIR", help="make a set of the library's documents instead"
    )
    evaluate.add_argument(
        "--questions", type=Path, metavar="FILE", help="for --make: your questions, one a line"
    )
    bench = command(
        "bench",
        _bench,
        "measure speed on this machine beside its references; with --library that library too",
    )
    bench.add_argument(
        "--chunks",
        type=_positive,
        default=10_000,
        metavar="N",
        help="of the library that is generated (default: %(default)s)",
    )
    check = command(
        "check",
        _check,
        "check each sentence of a text, or of an exported answer, against the library",
    )
    check.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a text, or what `rag ask --json` printed; - for standard input",
    )
    serve = command(
        "serve", _serve, "serve the page, the HTTP API and MCP (docs/api.md)", model, dial
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1, this machine alone)",
    )
    serve.add_argument(
        "--port", type=_positive, help="the port (default: 7860, or the next free one)"
    )
    serve.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="who asks must bear this token (or RAG_TOKEN)",
    )
    serve.add_argument(
        "--metrics", action="store_true", help="tell Prometheus at /metrics what was done"
    )
    command(
        "mcp",
        _mcp,
        "serve the library to an assistant over standard input and output (docs/api.md)",
        model,
        dial,
    )
    return parser


# --- The commands ---------------------------------------------------------------------------------


def _add(settings: Settings, options: argparse.Namespace) -> int:
    from rag.cli import ingest
    from rag.errors import UsageError

    paths = [*options.paths, *([bundled("samples")] if options.samples else [])]
    if not paths:
        raise UsageError("Nothing to add was named; give files or folders: rag add PATH…")
    if options.watch and (options.json or options.prune > options.yes):
        raise UsageError(
            "--watch goes on without asking or printing JSON; leave --json away, and give --yes "
            "with --prune."
        )
    with _pipeline(settings, options) as pipeline:
        if options.watch:
            return ingest.follow(pipeline, paths, options.prune)
        return ingest.add(pipeline, paths, options.prune, options.yes, options.json)


def _remove(settings: Settings, options: argparse.Namespace) -> int:
    from rag.cli import ingest

    with _pipeline(settings, options) as pipeline:
        ingest.remove(pipeline, options.documents)
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render.text import table

    with _pipeline(settings, options) as pipeline:
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
    from rag.render.text import table

    with _pipeline(settings, options) as pipeline:
        values = pipeline.status()
    if options.json:
        _print_json(values)
    else:
        print(table((name.replace("_", " "), str(value)) for name, value in values.items()))
    return 0


def _verify(settings: Settings, options: argparse.Namespace) -> int:
    from rag.text.characters import printable

    with _pipeline(settings, options) as pipeline:
        faults = pipeline.library.verify()
        done = pipeline.repair() if options.repair and faults else []
        faults = pipeline.library.verify() if done else faults
    for mended in done:
        _say(printable(mended))
    if options.json:
        _print_json(faults)
    else:
        print(printable("\n".join(faults)) or f"The library {settings.library!r} is whole.")
    return DAMAGED if faults else 0


def _rebuild(settings: Settings, options: argparse.Namespace) -> int:
    from rag.cli import ingest

    with _pipeline(settings, options) as pipeline:
        return ingest.rebuild(pipeline)


def _export(settings: Settings, options: argparse.Namespace) -> int:
    from rag.library.backup import export_library

    export_library(
        settings.indexes, settings.library, options.file, not options.without_conversations
    )
    if options.json:
        _print_json(
            {
                "library": settings.library,
                "file": str(options.file),
                "bytes": options.file.stat().st_size,
            }
        )
    _say(f"The library {settings.library!r} is in {options.file}; `rag import` reads it.")
    return 0


def _import(settings: Settings, options: argparse.Namespace) -> int:
    from rag.library.backup import import_library

    documents = import_library(options.file, settings.indexes, settings.library)
    if options.json:
        passages = sum(document.chunks for document in documents)
        _print_json(
            {"library": settings.library, "documents": len(documents), "passages": passages}
        )
    _say(f"{len(documents)} documents are in the library {settings.library!r}.")
    return 0


def _search(settings: Settings, options: argparse.Namespace) -> int:
    from rag.render.json import hit_json
    from rag.render.text import hit_text

    only = _filter(options)
    hits = _of_server(
        settings,
        options,
        lambda server: server.passages(settings, options.question, options.k, only),
    )
    if hits is None:
        with _pipeline(settings, options) as pipeline:
            hits = pipeline.passages(options.question, options.k, only=only)
    if options.json:
        _print_json([hit_json(hit) for hit in hits])
    else:
        print("\n\n".join(hit_text(hit) for hit in hits))
    return 0


def _ask(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.render.json import answer_json
    from rag.render.text import answer_text

    if options.batch:
        return _ask_batch(settings, options)
    if options.question is None:
        raise UsageError('No question was given; ask one: rag ask "How much did trade grow?"')
    key, only = options.conversation, _filter(options)
    answered = _of_server(
        settings,
        options,
        lambda server: server.ask(settings, options.question, key, only, _say_found),
    )
    answer, kept = answered or _asked_here(settings, options, key, only)
    if kept is not None:
        _say(f"Kept in the conversation {kept}.\n")
    if options.json:
        _print_json(answer_json(answer) | ({} if kept is None else {"conversation": kept}))
    else:
        print(answer_text(answer))
    return ABSTAINED if answer.abstained else 0


def _asked_here(
    settings: Settings, options: argparse.Namespace, conversation: int | None, only: "Filter"
) -> "tuple[Answer, int | None]":
    """The answer of the models here, and the conversation it was kept in, if any."""
    from rag.types import Answer, Found

    with _pipeline(settings, options) as pipeline:
        conversations = pipeline.library.conversations
        history = conversations.history(conversation) if conversation else ()
        for event in pipeline.stream(options.question, history, only=only):
            if isinstance(event, Found):
                _say_found(event)
            elif isinstance(event, Answer):
                return event, None if conversation is None else conversations.keep(
                    conversation, event
                )
    raise AssertionError("a stream ends with an Answer")


def _say_found(found: "Found") -> None:
    from rag.render.text import place

    _say("\n".join(["Reading", *(f"  {place(hit)}" for hit in found.hits[:3])]) + "\n")


def _of_server(
    settings: Settings, options: argparse.Namespace, ask: "Callable[[Server], T]"
) -> "T | None":
    """What a server over the same libraries and with the same models says.

    None where there is none that answers.
    """
    from rag.errors import ServerError
    from rag.service.client import models_of, running

    server = running(settings.indexes)
    if server is None or server.models != models_of(settings):
        return None
    try:
        answer = ask(server)
    except ServerError:
        return None
    if options.verbose:
        _say(f"Answered by the server at {server.url}")
    return answer


def _conversations(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.render.json import conversation_json
    from rag.render.text import table

    if options.out and options.show is None:
        raise UsageError(
            "--out writes one conversation; name it: rag conversations --show KEY --out FILE"
        )
    words = " ".join(options.words)
    with _pipeline(settings, options) as pipeline:
        kept = pipeline.library.conversations
        if options.show is not None:
            _show_conversation(pipeline, options)
        elif options.rename is not None:
            kept.rename(options.rename, words)
            _say(f"  renamed  {options.rename}")
        elif options.remove is not None:
            kept.remove(options.remove)
            _say(f"  removed  {options.remove}")
        elif options.json:
            _print_json([conversation_json(c) for c in kept.listing(words)])
        else:
            found = kept.listing(words)
            print(
                table(
                    (str(c.key), c.changed, f"{c.turns} answer{'s' * (c.turns != 1)}", c.name)
                    for c in found
                )
            )
    return 0


def _show_conversation(pipeline: "Pipeline", options: argparse.Namespace) -> None:
    from rag.errors import UsageError
    from rag.render.export import MEDIA_TYPES, export
    from rag.render.text import answer_text
    from rag.text.characters import printable

    kept = pipeline.library.conversations
    name, answers = kept.conversation(options.show).name, kept.answers(options.show)
    kind = next(
        (kind for kind in MEDIA_TYPES if options.out and options.out.suffix.lower() == f".{kind}"),
        None,
    )
    if options.out and not kind:
        kinds = ", ".join(f".{kind}" for kind in MEDIA_TYPES)
        raise UsageError(
            f"{str(options.out)!r} names no kind of file that is written; end it with one of "
            f"{kinds}."
        )
    if kind:
        _write(options.out, export(name, answers, pipeline.document, kind))
    elif options.json:
        print(export(name, answers, pipeline.document, "json").decode())
    else:
        print(
            "\n\n".join(
                f"{printable(answer.question)}\n\n{answer_text(answer)}" for answer in answers
            )
        )


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    from rag.errors import UsageError

    try:
        with written_whole(path) as unfinished:
            unfinished.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written ({error.strerror}); name another file with --out."
        ) from error


def _check(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.render.json import checked_json
    from rag.render.text import checked_text

    try:
        text = (
            sys.stdin.read()
            if options.file == Path("-")
            else options.file.read_text(encoding="utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The text in {options.file} cannot be read ({error}); give a text file in UTF-8."
        ) from error
    with _pipeline(settings, options) as pipeline:
        sentences, citations = pipeline.check(text)
    if options.json:
        _print_json(checked_json(sentences, citations))
    else:
        print(checked_text(sentences, citations))
    return FAILED if any(sentence.verdict != "supported" for sentence in sentences) else 0


def _ask_batch(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.render.json import answer_json
    from rag.types import Turn

    if options.question is not None or options.conversation is not None or options.out is None:
        raise UsageError(
            "--batch takes its questions from a file and needs --out; leave the question and "
            "--conversation away, and name the "
            "file to write."
        )
    questions = list(_questions(options.batch))
    with _pipeline(settings, options) as pipeline, _predictions_file(options.out) as out:
        for number, question in enumerate(questions, 1):
            history = [Turn(turn["role"], turn["text"]) for turn in question.get("history") or []]
            answer = pipeline.ask(question["question"], history, only=_filter(options))
            out.write(
                json.dumps({"id": question["id"], **answer_json(answer)}, ensure_ascii=False) + "\n"
            )
            _say(f"\r{number} of {len(questions)}", end="" if number < len(questions) else "\n")
    return 0


@contextmanager
def _predictions_file(path: Path | None) -> Iterator[IO[str]]:
    """Where answers are written as they come.

    The file at `path` appears when all are there. Without a path they are dropped.
    """
    from rag.errors import UsageError

    file = written_whole(path) if path else nullcontext(Path(os.devnull))
    try:
        with file as unfinished, unfinished.open("w", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise UsageError(
            f"The answers cannot be written to {path} ({error.strerror}); name another file with "
            "--out."
        ) from error


def _questions(path: Path) -> Iterator[dict[str, Any]]:
    from rag.errors import UsageError

    try:
        lines = path.read_text(encoding="utf-8").split(
            "\n"
        )  # JSON may hold the other line ends as they are
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The questions in {path} cannot be read ({error}); give a file of JSON lines in UTF-8."
        ) from error
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
            raise UsageError(
                f'Line {number} of {path} is not a question; expected {{"id": …, "question": "…"}}.'
            )
        yield question


def _eval(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.evaluation import dataset, metrics, predictions
    from rag.render.json import answer_json
    from rag.render.text import table

    if options.make:
        return _make_set(settings, options)
    if options.set is None or options.questions or options.library:
        raise UsageError(
            "rag eval takes the folder of a set, which brings its own library; --library and "
            "--questions go with --make OUT_DIR."
        )
    if options.retrieval_only and options.out:
        raise UsageError(
            "--out writes answers, and --retrieval-only makes none; leave one of them away."
        )
    whole = dataset.read_set(options.set)
    asked = dataset.confirmed(whole)
    if unconfirmed := len(whole.questions) - len(asked.questions):
        _say(
            f'{unconfirmed} questions marked "proposed" are left out; remove the mark from those '
            "you have checked."
        )
    asked = dataset.sample(asked, options.limit or sys.maxsize, options.seed)

    def progress(what: str, done: int, total: int) -> None:
        _say(f"\r{done} of {total} {what}", end="" if done < total else "\n")

    made = []
    models = options.make_models(settings)
    with (
        _predictions_file(options.out) as out,
        closing(
            predictions.run(asked, settings, models, options.retrieval_only, progress)
        ) as coming,
    ):
        for prediction in coming:
            made.append(prediction)
            if prediction.answer:
                line = {"id": prediction.question.id, **answer_json(prediction.answer)}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
    report = metrics.report(asked, made)
    if options.json:
        figures = {name: figure._asdict() for name, figure in report.figures.items()}
        seconds = {name: spent._asdict() for name, spent in report.seconds.items()}
        _print_json({**asdict(report), "figures": figures, "seconds": seconds})
    elif options.markdown:
        cells = {"set": report.set, "questions": str(report.questions)}
        cells |= {
            name: f"{report.figures[name].value:.3f}" if name in report.figures else "–"
            for name in metrics.FIGURES
        }
        cells |= {
            f"{name} p50 / p95 s": f"{spent.p50:.2f} / {spent.p95:.2f}"
            for name, spent in report.seconds.items()
        }
        for row in (cells, ["---"] * len(cells), cells.values()):
            print(f"| {' | '.join(row)} |")
    else:
        rows = [
            (n, f"{f.value:.3f}", f"{f.low:.3f}–{f.high:.3f}", f"of {f.questions}")
            for n, f in report.figures.items()
        ]
        if report.answer_words_median is not None:
            rows.append(("answer words", str(report.answer_words_median), "", "median"))
        if report.shown_words_median is not None:
            rows.append(("words as shown", str(report.shown_words_median), "", "median"))
        rows += [
            (f"seconds: {n}", f"{s.p50:.3f}", f"p95 {s.p95:.3f}", "median")
            for n, s in report.seconds.items()
        ]
        print(table(rows))
    return 0


def _make_set(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.evaluation.dataset import make_set

    if options.set:
        raise UsageError(
            "--make writes a new set, so no folder of a set is read; leave one of them away."
        )
    typed = None
    if options.questions:
        try:
            typed = [
                line.strip()
                for line in options.questions.read_text(encoding="utf-8").splitlines()
                if line.strip()
            ]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"The questions in {options.questions} cannot be read ({error}); give a text file "
                "in UTF-8, one a line."
            ) from error
    with _pipeline(replace(settings, generate=False), options) as pipeline:
        made = make_set(
            pipeline, options.make, typed, options.limit or MADE_QUESTIONS, options.seed
        )
    _say(
        f"{made} questions about the library {settings.library!r} are in {options.make}; "
        "docs/evaluation.md says how to go on."
    )
    return 0


def _bench(settings: Settings, options: argparse.Namespace) -> int:
    from rag.evaluation.benchmark import Size, bench
    from rag.render.text import table

    models, size = options.make_models(settings), Size(chunks=options.chunks)
    rows = bench(settings, models, bool(options.library), lambda text: _say(f"{text} …"), size)
    if options.json:
        _print_json([{**asdict(row), "ratio": row.ratio} for row in rows])
    else:
        print(
            table(
                (
                    row.what,
                    f"{row.value:.2f} {row.unit}",
                    f"{row.ratio:.2f} × {row.reference_value:.2f} {row.unit} of {row.reference}"
                    if row.ratio
                    else "",
                )
                for row in rows
            )
        )
    return 0


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from rag.http.auth import read_token

    token = read_token(
        options.host, options.token_file, settings.token
    )  # before the page loads, which takes seconds
    from rag.serve import launch

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("rag").setLevel(logging.INFO)
    models = options.make_models(settings)
    return launch(settings, models, options.host, options.port, token, options.metrics)


def _mcp(settings: Settings, options: argparse.Namespace) -> int:
    from rag.http.mcp import make_server
    from rag.service.service import Service

    service = Service(settings, options.make_models(settings))
    _ = service.pipeline(
        settings.library
    ).library  # what cannot be used is said before an assistant asks
    make_server(service).run("stdio")
    service.close()
    return 0


# --- Their tools ----------------------------------------------------------------------------------


def _pipeline(settings: Settings, options: argparse.Namespace) -> "Pipeline":
    from rag.pipeline import Pipeline

    return Pipeline(settings, options.make_models(settings))


def _filter(options: argparse.Namespace) -> "Filter":
    from rag.types import Filter

    return Filter(
        tuple(options.document or ()),
        options.after,
        options.before,
        options.speaker,
        options.section,
    )


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number")
    return number


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
