"""`rag conversations`: list, show, rename and remove the conversations of a library."""

import argparse
from typing import TYPE_CHECKING

from rag.cli.common import open_pipeline
from rag.cli.output import print_json, print_text, say
from rag.config import Settings

if TYPE_CHECKING:
    from rag.pipeline import Pipeline


def run_conversations(settings: Settings, options: argparse.Namespace) -> int:
    """List the conversations, or show or change one of them."""
    from rag.errors import UsageError
    from rag.render.json import conversation_json
    from rag.render.text import table

    if options.out and options.show is None:
        raise UsageError(
            "--out writes one conversation; name it: rag conversations --show KEY --out FILE"
        )
    words = " ".join(options.words)
    with open_pipeline(settings, options) as pipeline:
        conversations = pipeline.library.conversations
        if options.show is not None:
            _show(pipeline, options)
        elif options.rename is not None:
            conversations.rename(options.rename, words)
            _say_done("renamed", options.rename, options.json)
        elif options.remove is not None:
            conversations.remove(options.remove)
            _say_done("removed", options.remove, options.json)
        elif options.json:
            print_json([conversation_json(c) for c in conversations.listing(words)])
        else:
            found = conversations.listing(words)
            print_text(
                table(
                    (str(c.key), c.changed, f"{c.turns} answer{'s' * (c.turns != 1)}", c.name)
                    for c in found
                )
            )
    return 0


def _say_done(outcome: str, conversation: int, as_json: bool) -> None:
    if as_json:
        print_json({"conversation": conversation, "outcome": outcome})
    say(f"  {outcome}  {conversation}")


def _show(pipeline: "Pipeline", options: argparse.Namespace) -> None:
    from rag.errors import UsageError
    from rag.files import written_whole
    from rag.render.export import MEDIA_TYPES, export
    from rag.render.text import answer_text
    from rag.text.characters import printable

    conversations, out = pipeline.library.conversations, options.out
    name = conversations.conversation(options.show).name
    answers = conversations.answers(options.show)
    kind = next((kind for kind in MEDIA_TYPES if out and out.suffix.lower() == f".{kind}"), None)
    if out and not kind:
        kinds = ", ".join(f".{kind}" for kind in MEDIA_TYPES)
        raise UsageError(
            f"{str(out)!r} names no kind of file that is written; end it with one of {kinds}."
        )
    if kind:
        data = export(name, answers, pipeline.document, kind)
        try:
            with written_whole(out) as temporary:
                temporary.write_bytes(data)
        except OSError as error:
            raise UsageError(
                f"{str(out)!r} cannot be written ({error.strerror}); name another file with --out."
            ) from error
    elif options.json:
        print_text(export(name, answers, pipeline.document, "json").decode())
    else:
        turns = (f"{printable(answer.question)}\n\n{answer_text(answer)}" for answer in answers)
        print_text("\n\n".join(turns))
