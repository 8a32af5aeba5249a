"""`rag search`, `rag ask` and `rag check`: what is asked of a library."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag.cli.commands.models import suggest_better_writer
from rag.cli.common import ABSTAINED, FAILED, open_answers, open_pipeline, read_text_file
from rag.cli.output import print_json, print_text, say, say_progress
from rag.cli.progress import Waiting
from rag.config import Settings

if TYPE_CHECKING:
    from rag.service.client import Server
    from rag.types import Answer, Filter, Found

Response = TypeVar("Response")


def run_search(settings: Settings, options: argparse.Namespace) -> int:
    """Show the passages nearest to a question."""
    from rag.render.json import hit_json
    from rag.render.text import hit_text

    only = _filter(options)
    with Waiting("Searching"):
        hits = _from_server(
            settings,
            options,
            lambda server: server.passages(settings, options.question, options.k, only),
        )
        if hits is None:
            with open_pipeline(settings, options) as pipeline:
                hits = pipeline.passages(options.question, options.k, only=only)
    if options.json:
        print_json([hit_json(hit) for hit in hits])
    else:
        print_text("\n\n".join(hit_text(hit) for hit in hits))
    return 0


def run_ask(settings: Settings, options: argparse.Namespace) -> int:
    """Answer a question, or those of a file, with footnotes."""
    from rag.errors import UsageError
    from rag.render.json import answer_json
    from rag.render.text import answer_text

    if options.batch:
        return _ask_batch(settings, options)
    if options.question is None:
        raise UsageError('No question was given; ask one: rag ask "How much did trade grow?"')
    key, only = options.conversation, _filter(options)
    suggest_better_writer(settings)
    answered = _from_server(
        settings,
        options,
        lambda server: server.ask(settings, options.question, key, only, _say_found),
    )
    answer, kept = answered or _ask_here(settings, options, key, only)
    if kept is not None:
        say(f"Kept in the conversation {kept}.\n")
    if options.json:
        print_json(answer_json(answer) | ({} if kept is None else {"conversation": kept}))
    else:
        print_text(answer_text(answer))
    return ABSTAINED if answer.abstained else 0


def run_check(settings: Settings, options: argparse.Namespace) -> int:
    """Check each sentence of a text, or of an exported answer, against the library."""
    from rag.render.json import checked_json
    from rag.render.text import checked_text

    if options.file == Path("-"):
        text = sys.stdin.read()
    else:
        text = read_text_file(options.file, "The text", "a text file in UTF-8")
    with Waiting("Checking"), open_pipeline(settings, options) as pipeline:
        sentences, citations = pipeline.check(text)
    if options.json:
        print_json(checked_json(sentences, citations))
    else:
        print_text(checked_text(sentences, citations))
    return FAILED if any(sentence.verdict != "supported" for sentence in sentences) else 0


def _filter(options: argparse.Namespace) -> "Filter":
    from rag.types import Filter

    return Filter(
        tuple(options.document or ()),
        options.after,
        options.before,
        options.speaker,
        options.section,
    )


def _from_server(
    settings: Settings, options: argparse.Namespace, ask: "Callable[[Server], Response]"
) -> "Response | None":
    """Return what a server over the same libraries with the same models answers.

    None if no such server runs, or it gives no answer.
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
        say(f"Answered by the server at {server.url}")
    return answer


def _ask_here(
    settings: Settings, options: argparse.Namespace, conversation: int | None, only: "Filter"
) -> "tuple[Answer, int | None]":
    """Return the answer of this process, and the conversation that keeps it, if any."""
    from rag.types import Answer, Found

    with open_pipeline(settings, options) as pipeline:
        conversations = pipeline.library.conversations
        history = conversations.history(conversation) if conversation else ()
        coming = pipeline.stream(options.question, history, only=only)
        with Waiting("Searching"):
            found = next(coming)
        if isinstance(found, Found):
            _say_found(found)
        with Waiting("Reading"):
            answer = next(event for event in coming if isinstance(event, Answer))
        return answer, None if conversation is None else conversations.keep(conversation, answer)


def _say_found(found: "Found") -> None:
    from rag.render.text import place

    say("\n".join(["Reading", *(f"  {place(hit)}" for hit in found.hits[:3])]) + "\n")


def _ask_batch(settings: Settings, options: argparse.Namespace) -> int:
    from rag.errors import UsageError
    from rag.render.json import answer_json
    from rag.types import Turn

    if options.question is not None or options.conversation is not None or options.out is None:
        raise UsageError(
            "--batch takes its questions from a file and needs --out; leave the question and "
            "--conversation away, and name the file to write."
        )
    questions = list(_read_questions(options.batch))
    with open_pipeline(settings, options) as pipeline, open_answers(options.out) as out:
        for number, question in enumerate(questions, 1):
            history = [Turn(turn["role"], turn["text"]) for turn in question.get("history") or []]
            answer = pipeline.ask(question["question"], history, only=_filter(options))
            line = {"id": question["id"], **answer_json(answer)}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            say_progress(number, len(questions))
    if options.json:
        print_json({"questions": len(questions), "out": str(options.out)})
    return 0


def _read_questions(path: Path) -> Iterator[dict[str, Any]]:
    from rag.errors import UsageError

    text = read_text_file(path, "The questions", "a file of JSON lines in UTF-8")
    # JSON may hold the other line ends as they are, so only this one ends a line.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            question = json.loads(line)
            history = question.get("history") or []
            valid = (
                isinstance(question["question"], str)
                and all({"role", "text"} <= turn.keys() for turn in history)
                and "id" in question
            )
        except (ValueError, KeyError, AttributeError, TypeError):
            valid = False
        if not valid:
            raise UsageError(
                f'Line {number} of {path} is not a question; expected {{"id": …, "question": "…"}}.'
            )
        yield question
