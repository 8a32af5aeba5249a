"""`rag unanswered`: the questions that the reports did not answer."""

import argparse
from dataclasses import asdict

from rag.cli.common import open_pipeline
from rag.cli.output import print_json, print_text, say
from rag.config import Settings


def run_unanswered(settings: Settings, options: argparse.Namespace) -> int:
    """List the questions without an answer, or remove them."""
    from rag.render.text import table

    with open_pipeline(settings, options) as pipeline:
        unanswered = pipeline.library.unanswered
        if options.clear:
            removed = unanswered.clear()
            if options.json:
                print_json({"removed": removed})
            say(f"  removed  {removed}")
            return 0
        kept = unanswered.listing()
    if options.json:
        print_json([asdict(question) for question in kept])
    else:
        print_text(
            table(
                (
                    question.asked,
                    "answered since" if question.answered else "open",
                    question.question,
                )
                for question in kept
            )
        )
    return 0
