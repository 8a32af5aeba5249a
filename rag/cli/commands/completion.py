"""`rag completion`: a script that completes commands and options in a shell.   [shtab]"""

import argparse

from rag.cli.output import print_json, print_text
from rag.config import Settings

SHELLS = ("bash", "zsh", "fish", "powershell")


def run_completion(settings: Settings, options: argparse.Namespace) -> int:
    """Print the script for a shell."""
    import shtab

    parser = options.parser_of_all
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            action.help = None  # shtab leaves out what the help does not show
    for command in parser.commands.values():
        for action in command._actions:
            if action.type and getattr(action.type, "__name__", "") in ("Path", "_place"):
                action.complete = shtab.FILE
    script = shtab.complete(parser, shell=options.shell)
    if options.json:
        print_json({"shell": options.shell, "script": script})
    else:
        print_text(script)
    return 0
