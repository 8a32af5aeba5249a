"""The command line: parse, run one command, and turn errors into exit codes.

Answers go to standard output, everything else to standard error.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.cli.common import STOPPED
from rag.cli.output import say
from rag.cli.parser import make_parser
from rag.config import Settings, only_library
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.protocols import ModelSet


def _make_models(settings: Settings) -> "ModelSet":
    from rag.models.registry import Models

    return Models(settings)


def _with_library(settings: Settings, options: argparse.Namespace) -> Settings:
    """Return the settings with the only library there is, where the user names none.

    What is added without a name goes to the library `default` all the same.
    """
    named = options.library or os.environ.get("RAG_LIBRARY")
    if named or settings.store or getattr(options, "adds", False):
        return settings
    return replace(settings, library=only_library(settings.indexes) or settings.library)


def main(
    arguments: Sequence[str] | None = None,
    make_models: "Callable[[Settings], ModelSet]" = _make_models,
) -> int:
    """Run one command and return its exit code.

    `make_models` gives the models to use with the settings; it loads none before it is needed.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = make_parser().parse_args(given or ["serve", "--open"])
    options.make_models = make_models
    flags = {
        f"RAG_{name.upper()}": getattr(options, name, None)
        for name in ("library", "model", "adapter", "server")
    }
    try:
        settings = Settings.from_environment(
            {**os.environ, **{name: value for name, value in flags.items() if value}}
        )
        settings = replace(settings, certainty=getattr(options, "certainty", settings.certainty))
        settings = _with_library(settings, options)
        # Where the list of models is damaged, it must be possible to see that and to mend it.
        if not getattr(options, "as_set", False):
            from rag.catalogue.installed import with_models_in_use

            settings = with_models_in_use(settings)
        code = int(options.run(settings, options))
        sys.stdout.flush()
    except RagError as error:
        say(f"rag: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("rag: stopped; what was finished is kept.")
        return STOPPED
    except BrokenPipeError:  # the reader of our output has left, as in `rag list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
