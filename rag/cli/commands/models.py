"""`rag models`: which language models, embedders and rerankers there are, and which are used."""

import argparse
import sys
import tempfile
import time
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli.output import print_json, print_text, say
from rag.config import Settings, bundled

if TYPE_CHECKING:
    from rag.catalogue.installed import InstalledModel, ModelsFolder

_TEST_QUESTIONS = 10  # questions of a test
ACTIONS = ("list", "pull", "add", "use", "remove", "test")


def run_models(settings: Settings, options: argparse.Namespace) -> int:
    """List, pull, add, use, remove or test models."""
    from rag.catalogue.installed import models_folder
    from rag.errors import UsageError

    folder = models_folder(settings)
    if options.action == "list":
        return _list(folder, options.json)
    if options.name is None:
        raise UsageError(
            f"`rag models {options.action}` needs a name; `rag models list` shows them."
        )
    if options.action == "test":
        return _test(settings, options, folder)
    done = {"pull": _pull, "add": _add_model, "use": _use, "remove": _remove}[options.action]
    model = done(folder, options.name)
    if options.json:
        print_json(asdict(model) if model else {})
    return 0


def suggest_better_writer(settings: Settings) -> None:
    """Say once that this machine has room for a better writer, where it has."""
    from rag.catalogue.entries import suggest_writer
    from rag.catalogue.installed import models_folder
    from rag.catalogue.memory import free_memory, gigabytes
    from rag.errors import ModelError

    if not settings.generate or settings.model or settings.server or settings.adapter:
        return
    if not sys.stderr.isatty() or find_spec("llama_cpp") is None:
        return  # nobody reads it, or none could run
    better = suggest_writer(free_memory(), 0)
    try:
        if better is None or not models_folder(settings).suggest_once():
            return
    except ModelError:
        # Where it cannot be kept that this was said, it is not said: it would be said every time.
        return
    say(
        f"This machine has room for {better.name} ({gigabytes(better.bytes)}, {better.licence}), "
        f"which writes fuller answers: rag models pull {better.name}\n"
    )


def _list(folder: "ModelsFolder", as_json: bool) -> int:
    from rag.catalogue.entries import catalogue
    from rag.catalogue.memory import free_memory, gigabytes
    from rag.render.text import table

    installed = folder.installed()
    used = {model.name for model in folder.used().values()}
    if as_json:
        print_json(
            {
                "installed": [asdict(m) | {"used": m.name in used} for m in installed],
                "catalogue": [asdict(entry) for entry in catalogue()],
                "free_memory": free_memory(),
            }
        )
        return 0
    rows = [
        (
            "*" if model.name in used else " ",
            model.name,
            model.kind,
            gigabytes(model.bytes),
            model.licence or "licence not stated",
            f"{model.words_per_second:.0f} words/s" if model.words_per_second else "not tested",
            f"{model.right} right" if model.right else "",
        )
        for model in installed
    ]
    offered = [
        (
            " ",
            entry.name,
            entry.kind,
            gigabytes(entry.bytes),
            f"{entry.tier} GB machine",
            entry.licence,
            entry.languages,
            entry.note,
        )
        for entry in catalogue()
    ]
    here = table(rows) if rows else "  none: the models that come with the program are used"
    print_text(f"On this machine (* in use, {gigabytes(free_memory())} of memory free):\n{here}")
    print_text(f"\nIn the catalogue (rag models pull NAME):\n{table(offered)}")
    return 0


def _pull(folder: "ModelsFolder", name: str) -> "InstalledModel":
    from rag.catalogue.download import pull
    from rag.catalogue.entries import find_entry
    from rag.catalogue.memory import gigabytes

    entry = find_entry(name)
    shown = 0.0

    def show_progress(file: str, count: int, of: int) -> None:
        nonlocal shown
        if count < of and time.monotonic() - shown < 1:
            return
        shown = time.monotonic()
        bar = f"{file}: {gigabytes(count)} of {gigabytes(of)}"
        say(f"\r{bar}" if sys.stderr.isatty() else bar, "" if sys.stderr.isatty() else "\n")

    say(f"Pulling {name} ({gigabytes(entry.bytes)}, {entry.licence}). {entry.note}")
    path, sha256 = pull(entry, folder.folder / name, show_progress)
    model = folder.add_pulled(entry, path, sha256)
    say(f"\n{name} is here; use it with: rag models use {name}")
    return model


def _add_model(folder: "ModelsFolder", name: str) -> "InstalledModel":
    model = folder.add_file(Path(name))
    say(f"Added {model.name}; use it with: rag models use {model.name}")
    return model


def _use(folder: "ModelsFolder", name: str) -> "InstalledModel | None":
    from rag.catalogue.gguf import read_header
    from rag.catalogue.memory import check_memory, memory_needed
    from rag.models.llm import context_for

    if name == "embedded":
        folder.use_embedded()
        say("The models that come with the program are used from now on.")
        return None
    model = folder.find(name)
    if model.kind == "writer":
        header = read_header(Path(model.path))
        check_memory(name, memory_needed(header, context_for(header, 0)))
    folder.use(name)
    what = {"writer": "It writes", "embedder": "It searches", "reranker": "It reranks"}[model.kind]
    behind = "; libraries that exist need `rag rebuild`" if model.kind == "embedder" else ""
    say(f"{what} from now on{behind}.")
    return model


def _remove(folder: "ModelsFolder", name: str) -> "InstalledModel":
    model = folder.remove(name)
    say(f"Removed {name}." if model.pulled else f"Forgot {name}; its file {model.path} stays.")
    return model


def _test(settings: Settings, options: argparse.Namespace, folder: "ModelsFolder") -> int:
    """Ask ten questions over the sample reports; print and keep what was right, and how fast."""
    import json

    from rag.pipeline import Pipeline

    model = folder.find(options.name) if options.name != "embedded" else None
    with tempfile.TemporaryDirectory(prefix="rag-test-") as indexes:
        tested = replace(settings, indexes=Path(indexes), store="", library="test", model=None)
        if model and model.kind == "writer":
            tested = replace(tested, model=Path(model.path), server="", generate=True)
        elif model and model.kind == "embedder":
            tested = replace(tested, embeddings=model.path)
        elif model:
            tested = replace(tested, reranker=model.path)
        lines = (bundled("samples") / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [row for row in map(json.loads, lines) if row["answerable"]][:_TEST_QUESTIONS]
        right, seconds, words = 0, 0.0, 0
        with Pipeline(tested, options.make_models(tested)) as pipeline:
            list(pipeline.add([bundled("samples")]))
            pipeline.ask(rows[0]["question"])  # the models are loaded
            for number, row in enumerate(rows, 1):
                answer = pipeline.ask(row["question"])
                found = any(_one_holds_other(row["support"], c.quote) for c in answer.citations)
                right += found
                seconds += answer.seconds.total
                words += len(answer.answer.split())
                say(
                    f"{number:2} {'right' if found else 'WRONG'} {answer.seconds.total:5.1f} s  "
                    f"{answer.answer or '(no answer)'}"
                )
    outcome = f"{right} of {len(rows)}"
    if model:
        speed = words / seconds if seconds else 0.0
        folder.record(replace(model, words_per_second=round(speed, 1), right=outcome))
    if options.json:
        speed = round(words / seconds, 1)
        print_json(
            {"model": options.name, "right": right, "of": len(rows), "words_per_second": speed}
        )
        return 0
    print_text(
        f"{outcome} right, {seconds / len(rows):.1f} s an answer, "
        f"{words / seconds:.1f} words a second"
    )
    return 0


def _one_holds_other(support: str, quote: str) -> bool:
    """Return whether one of two texts holds the other, white space aside."""
    one, other = " ".join(support.split()), " ".join(quote.split())
    return one in other or other in one
