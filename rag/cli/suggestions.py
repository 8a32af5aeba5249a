"""A parser that says which command or option may have been meant."""

import argparse
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


class CommandParser(argparse.ArgumentParser):
    """The parser of a command line of commands.

    `commands` holds the parser of each command by its name.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(*arguments, **options)
        self.commands: dict[str, argparse.ArgumentParser] = {}

    def parse_args(  # type: ignore[override]  # one of its overloads
        self, args: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return the options; end the program for a command or an option that there is not."""
        command = next((word for word in args if not word.startswith("-")), "")
        if args and args[0] == command and command not in self.commands:
            self.error(
                f"there is no command {command!r}{_meant(command, self.commands)}; "
                "`rag --help` lists them all"
            )
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = self.commands.get(command, self)
            # argparse keeps the options of a parser here and nowhere else.
            known = parser._option_string_actions
            flag = next((word for word in unknown if word.startswith("-")), "")
            meant = _meant(flag.partition("=")[0], known) if flag else ""
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return options


def _meant(word: str, known: Iterable[str]) -> str:
    """Return a question for the nearest known word; "" where none is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
