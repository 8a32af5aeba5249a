"""Where the command line writes: results to standard output, all else to standard error."""

import json
import os
import sys

_CODES = {"red": 31, "green": 32, "yellow": 33}


def print_text(text: str) -> None:
    """Write a result as text."""
    sys.stdout.write(text + "\n")


def print_json(value: object) -> None:
    """Write a result as JSON."""
    print_text(json.dumps(value, ensure_ascii=False, indent=2))


def coloured(text: str, colour: str) -> str:
    """Return the text in a colour where standard output is a terminal that shows some.

    https://no-color.org
    """
    shows = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if not shows or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"


def say(text: str, end: str = "\n") -> None:
    """Write a message for the user at the terminal, at once."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def say_progress(done: int, total: int, what: str = "") -> None:
    """Write how much is done on a line of its own, over what stood there before."""
    text = f"\r{done} of {total} {what}".rstrip()
    say(text, end="" if done < total else "\n")
