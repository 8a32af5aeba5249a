"""The options of every command, and the help."""

import argparse
from pathlib import Path

from rag.cli.commands import (
    ask,
    backup,
    completion,
    conversations,
    doctor,
    documents,
    launcher,
    mcp_install,
    measure,
    migrate,
    models,
    serve,
    unanswered,
)
from rag.cli.common import Command
from rag.cli.output import print_text
from rag.cli.suggestions import CommandParser
from rag.config import CERTAINTY, version

_DESCRIPTION = (
    "Ask questions of a folder of reports. Every sentence of an answer has a footnote with the\n"
    "exact words of the report that it rests on."
)
_EPILOG = (
    "`rag` alone opens the page. `rag COMMAND --help` shows the options of a command, and\n"
    "`rag status` where the libraries are. Exit codes: 0 done, 1 some files failed, 2 wrong use,\n"
    "3 the reports do not answer, 4 the library or a model cannot be used, 130 stopped by Ctrl-C."
)


class _ShowVersion(argparse.Action):
    """An option that looks up the version only when asked, since that is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print_text(f"rag {version()}")
        parser.exit()


class _Commands:
    """The commands as they are added to a parser, and the groups that the help shows."""

    def __init__(self, parser: CommandParser) -> None:
        # The groups take the place of argparse's own list, which has no headings.
        self._parsers = parser.add_subparsers(
            metavar="COMMAND",
            required=True,
            prog="rag",
            help=argparse.SUPPRESS,
            parser_class=argparse.ArgumentParser,
        )
        self._known = parser.commands
        self._shared = _shared_options()
        self._lines: list[str] = []

    def group(self, title: str) -> None:
        """Begin a group of commands."""
        self._lines += ["", f"{title}:"]

    def add(
        self, name: str, run: Command, summary: str, example: str, *options: str
    ) -> argparse.ArgumentParser:
        """Add a command with an example, and the shared options of these names."""
        parser = self._parsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"Example: {example}",
            parents=[self._shared["common"], *(self._shared[option] for option in options)],
        )
        parser.set_defaults(run=run)
        self._known[name] = parser
        self._lines += [f"  {name:<18}{summary}", f"  {'':<18}  {example}"]
        return parser

    def help(self) -> str:
        """Return the groups with a line and an example for each command."""
        return "\n".join(self._lines)


def make_parser() -> CommandParser:
    """Return the parser of the whole command line; its result has `run`, the command's function."""
    parser = CommandParser(
        prog="rag",
        usage="rag COMMAND [OPTION]…",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    commands = _Commands(parser)
    commands.group("Ask")
    _add_ask(commands)
    commands.group("Documents")
    _add_document_commands(commands)
    commands.group("Take a library elsewhere")
    _add_backup(commands)
    commands.group("Models")
    _add_models(commands)
    commands.group("Serve")
    _add_serve(commands)
    commands.group("Measure")
    _add_measure(commands)
    commands.group("This machine")
    _add_machine(commands, parser)
    parser.description = f"{_DESCRIPTION}\n{commands.help()}"
    return parser


def _shared_options() -> dict[str, argparse.ArgumentParser]:
    """Return the options that several commands share, by the name of their group."""
    shared = {
        name: argparse.ArgumentParser(add_help=False)
        for name in ("common", "model", "certainty", "server", "filter")
    }
    shared["common"].add_argument(
        "--library",
        metavar="NAME",
        help="the library to work on (default: RAG_LIBRARY, the only one there is, or default)",
    )
    shared["common"].add_argument("--json", action="store_true", help="print JSON for machines")
    shared["model"].add_argument(
        "--model",
        metavar="PATH|none",
        help="a GGUF language model (default: that of `rag models use`, or RAG_MODEL), or the name "
        "of a model on the server",
    )
    shared["model"].add_argument(
        "--server",
        metavar="URL",
        help="a server that speaks OpenAI's API and writes the answers with the model that --model "
        "names, as in http://127.0.0.1:8000/v1 (or RAG_SERVER)",
    )
    shared["model"].add_argument(
        "--adapter",
        metavar="PATH|none",
        help="a GGUF LoRA adapter of the embedded language model (default: ours, or RAG_ADAPTER)",
    )
    shared["certainty"].add_argument(
        "--certainty",
        type=_probability,
        default=CERTAINTY,
        metavar="P",
        help="the least probability of being right that an answer is shown with, from 0 to 1 "
        "(default: %(default)s)",
    )
    shared["server"].add_argument(
        "-v", "--verbose", action="store_true", help="say which running server answered"
    )
    _add_filter(shared["filter"])
    return shared


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--document",
        action="append",
        metavar="NAME",
        help="only in this document; may be given several times",
    )
    parser.add_argument(
        "--after",
        default="",
        metavar="DATE",
        help="only in documents of this day, month or year, or later",
    )
    parser.add_argument(
        "--before",
        default="",
        metavar="DATE",
        help="only in documents of this day, month or year, or earlier",
    )
    parser.add_argument(
        "--speaker", default="", metavar="NAME", help="only where a person of this name is quoted"
    )
    parser.add_argument(
        "--section", default="", metavar="WORDS", help="only under headings with these words"
    )


def _add_ask(commands: _Commands) -> None:
    parser = commands.add(
        "ask",
        ask.run_ask,
        "answer a question with footnotes",
        'rag ask "How much did trade grow?" --after 2023',
        "model",
        "certainty",
        "server",
        "filter",
    )
    parser.add_argument("question", nargs="?")
    parser.add_argument(
        "--batch",
        type=Path,
        metavar="QUESTIONS.jsonl",
        help='answer many: one {"id", "question", "history"?} a line',
    )
    parser.add_argument(
        "--out", type=Path, metavar="PREDICTIONS.jsonl", help="where the answers of --batch go"
    )
    parser.add_argument(
        "--conversation",
        type=int,
        metavar="KEY",
        help="follow up and keep the answer in this conversation; 0 begins a new one",
    )
    parser = commands.add(
        "search",
        ask.run_search,
        "show the passages nearest to a question",
        'rag search "trade with Estmark" -k 5',
        "server",
        "filter",
    )
    parser.add_argument("question")
    parser.add_argument(
        "-k", type=_positive, default=10, metavar="N", help="how many (default: %(default)s)"
    )
    parser = commands.add(
        "check",
        ask.run_check,
        "check each sentence of a text or an exported answer against the library",
        "rag check draft.txt",
    )
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a text, or what `rag ask --json` printed; - for standard input",
    )
    _add_conversations(commands)
    _add_unanswered_command(commands)


def _add_conversations(commands: _Commands) -> None:
    parser = commands.add(
        "conversations",
        conversations.run_conversations,
        "list the conversations that were kept, show or change one",
        "rag conversations --show 1 --out trade.docx",
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="only those that hold all these words"
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--show", type=int, metavar="KEY", help="show its questions and answers")
    one.add_argument("--rename", type=int, metavar="KEY", help="give it the words as its name")
    one.add_argument("--remove", type=int, metavar="KEY", help="remove it with its answers")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="for --show: write them to FILE, which ends with .md, .html, .docx or .json",
    )


def _add_unanswered_command(commands: _Commands) -> None:
    parser = commands.add(
        "unanswered",
        unanswered.run_unanswered,
        "list the questions that the reports did not answer",
        "rag unanswered --clear",
    )
    parser.add_argument("--clear", action="store_true", help="remove all of them")


def _add_document_commands(commands: _Commands) -> None:
    parser = commands.add(
        "add",
        documents.run_add,
        "add files and folders; skip unchanged files, replace changed ones",
        "rag add reports/ --library press",
    )
    parser.set_defaults(adds=True)
    parser.add_argument(
        "paths",
        nargs="*",
        type=_place,
        metavar="PATH",
        help="files and folders, or addresses of the web (https://…), which are fetched",
    )
    parser.add_argument(
        "--zotero",
        nargs="?",
        type=Path,
        const=Path.home() / "Zotero",
        metavar="FOLDER",
        help="add the files of Zotero with its titles, authors and dates (default: ~/Zotero)",
    )
    parser.add_argument(
        "--paperless",
        type=Path,
        metavar="FOLDER",
        help="add the files of an export of paperless-ngx with its titles and dates",
    )
    parser.add_argument(
        "--samples", action="store_true", help="add the sample reports that come with rag"
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="then remove the documents whose files are gone from these folders",
    )
    parser.add_argument("--yes", action="store_true", help="remove them without asking")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write to this file what a defect of rag did to files that could not be added",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="then go on, and add what changes in these folders, until Ctrl-C",
    )
    _add_library_commands(commands)


def _add_library_commands(commands: _Commands) -> None:
    parser = commands.add(
        "remove", documents.run_remove, "remove documents from the library", "rag remove trade-2022"
    )
    parser.add_argument(
        "documents", nargs="+", metavar="DOC", help="names as `rag list` shows them"
    )
    commands.add("list", documents.run_list, "list the documents of the library", "rag list --json")
    commands.add(
        "status",
        documents.run_status,
        "show where the libraries are, what the library holds and which models it uses",
        "rag status --library press",
    )
    parser = commands.add(
        "verify",
        documents.run_verify,
        "check the whole library; exit code 4 where something is wrong",
        "rag verify --repair",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="then repair what can be made again from the stored texts of the documents",
    )
    commands.add(
        "rebuild",
        documents.run_rebuild,
        "chunk and embed the stored documents again, as for a new embedding model",
        "RAG_EMBEDDINGS=./my-model rag rebuild",
    )


def _add_backup(commands: _Commands) -> None:
    parser = commands.add(
        "export",
        backup.run_export,
        "write the library into one file",
        "rag export press.rag --library press",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--without-conversations",
        action="store_true",
        help="leave out the kept questions and answers, and the questions without an answer",
    )
    parser = commands.add(
        "import",
        backup.run_import,
        "make a library from a file that `rag export` wrote",
        "rag import press.rag --library copy",
    )
    parser.set_defaults(adds=True)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser = commands.add(
        "migrate",
        migrate.run_migrate,
        "copy a library to a team's server, or back (docs/team.md)",
        "rag migrate --from sqlite --to postgresql://rag@db/rag",
    )
    for option, name in (("--from", "source"), ("--to", "target")):
        parser.add_argument(
            option,
            dest=name,
            required=True,
            metavar="PLACE",
            help=f"{migrate.FOLDER} for the libraries in a folder, or an address as in RAG_STORE",
        )


def _add_models(commands: _Commands) -> None:
    parser = commands.add(
        "models",
        models.run_models,
        "list, pull, add, use, remove or test models",
        "rag models pull qwen3.5-2b",
    )
    parser.set_defaults(as_set=True)
    parser.add_argument("action", nargs="?", choices=models.ACTIONS, default="list")
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a name of `rag models list`, or a file to add"
    )


def _add_serve(commands: _Commands) -> None:
    parser = commands.add(
        "serve",
        serve.run_serve,
        "serve the page, the HTTP API and MCP (docs/api.md)",
        "rag serve --port 8000",
        "model",
        "certainty",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1, this machine alone)",
    )
    parser.add_argument(
        "--port", type=_positive, help="the port (default: 7860, or the next free one)"
    )
    token = parser.add_mutually_exclusive_group()
    token.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file with the token that every request must bear (or RAG_TOKEN; default: the file "
        ".token beside the libraries, made at the first start)",
    )
    token.add_argument(
        "--no-token",
        action="store_true",
        help="ask for no token: whoever can log in to this machine may read the libraries",
    )
    parser.add_argument(
        "--open", action="store_true", help="open the page in the browser, as `rag` alone does"
    )
    parser.add_argument(
        "--metrics", action="store_true", help="serve counters for Prometheus at /metrics"
    )
    commands.add(
        "token",
        serve.run_token,
        "print the token that the server asks programs for",
        "export RAG_TOKEN=$(rag token)",
    )
    parser = commands.add(
        "mcp",
        serve.run_mcp,
        "serve the library to an assistant over standard input and output",
        "rag mcp --library press",
        "model",
        "certainty",
    )
    parser.add_argument(
        "--install",
        choices=mcp_install.ASSISTANTS,
        help="write the library into the configuration of this assistant, which then starts it",
    )


def _add_measure(commands: _Commands) -> None:
    parser = commands.add(
        "eval",
        measure.run_eval,
        "measure search and answers on a set, or make one (docs/evaluation.md)",
        "rag eval my-set --limit 50",
        "model",
        "certainty",
    )
    parser.add_argument(
        "set",
        nargs="?",
        type=Path,
        metavar="SET_DIR",
        help="a folder with corpus.jsonl and questions.jsonl",
    )
    parser.add_argument(
        "--limit", type=_positive, metavar="N", help="ask or make at most N questions, a sample"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="draws the sample (default: 0)"
    )
    parser.add_argument("--retrieval-only", action="store_true", help="search only, answer nothing")
    parser.add_argument(
        "--markdown", action="store_true", help="print the figures as a row of a Markdown table"
    )
    parser.add_argument(
        "--out", type=Path, metavar="PREDICTIONS.jsonl", help="write the answers too"
    )
    parser.add_argument(
        "--make", type=Path, metavar="OUT_DIR", help="make a set of the library's documents instead"
    )
    parser.add_argument(
        "--questions", type=Path, metavar="FILE", help="for --make: your questions, one a line"
    )
    parser = commands.add(
        "bench",
        measure.run_bench,
        "measure speed beside references; with --library that library too",
        "rag bench --chunks 100000",
    )
    parser.add_argument(
        "--chunks",
        type=_positive,
        default=10_000,
        metavar="N",
        help="of the library that is generated (default: %(default)s)",
    )


def _add_machine(commands: _Commands, parser: CommandParser) -> None:
    doctor_parser = commands.add(
        "doctor",
        doctor.run_doctor,
        "look at models, folders, memory and ports; exit code 4 where something fails",
        "rag doctor",
    )
    doctor_parser.set_defaults(as_set=True)
    of_shell = commands.add(
        "completion",
        completion.run_completion,
        "print what completes commands and options in a shell",
        'eval "$(rag completion bash)"',
    )
    of_shell.add_argument("shell", choices=completion.SHELLS)
    of_shell.set_defaults(parser_of_all=parser, as_set=True)
    of_desktop = commands.add(
        "install-launcher",
        launcher.run_install_launcher,
        "put an entry that opens the page into the menu of the desktop",
        "rag install-launcher --library press",
    )
    of_desktop.set_defaults(as_set=True)


def _place(text: str) -> Path | str:
    """Return an address of the web as it is, all else as a path."""
    return text if text.lower().startswith(("http://", "https://")) else Path(text)


def _probability(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number")
    return number
