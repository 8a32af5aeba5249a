"""`rag install-launcher`: an entry in the menu of the desktop that opens the page."""

import argparse
import os
import plistlib
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rag.cli.output import print_json, say
from rag.config import Settings, libraries_folder, version
from rag.errors import UsageError
from rag.files import written_whole

_LAUNCHER_NAME = "Ask your reports"
_COMMENT = "Answers from your reports, with exact footnotes"
_EXECUTABLE, _READABLE = 0o755, 0o644
_RESERVED = re.compile(r'(["`$\\])')  # within quotation marks of a .desktop file


def run_install_launcher(settings: Settings, options: argparse.Namespace) -> int:
    """Write the launcher for this system; it starts the server in a window and opens the page."""
    variables = {}
    if settings.indexes.absolute() != libraries_folder().absolute() or os.environ.get(
        "RAG_INDEXES"
    ):
        variables["RAG_INDEXES"] = str(settings.indexes.absolute())
    command = [sys.executable, "-m", "rag", "serve", "--open"]
    if options.library:
        command += ["--library", options.library]
    files = launcher_files(command, variables, Path.home())
    try:
        for file, (text, mode) in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(file, mode) as unfinished:
                unfinished.write_bytes(text)
            file.chmod(mode)
    except OSError as error:
        raise UsageError(
            f"The launcher cannot be written ({error.filename}: {error.strerror}); make that "
            "folder writable."
        ) from error
    if options.json:
        print_json({"files": [str(file) for file in files]})
    say(f"{_LAUNCHER_NAME!r} is in the menu now ({next(iter(files))}).")
    return 0


def launcher_files(
    command: Sequence[str],
    variables: dict[str, str],
    home: Path,
    platform: str = sys.platform,
) -> dict[Path, tuple[bytes, int]]:
    """Return the files of a launcher for a system, each with its content and mode.

    It runs the command in a window of its own, with these variables of the environment.
    """
    if platform == "win32":
        programs = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        menu = programs / "Microsoft" / "Windows" / "Start Menu" / "Programs"
        return {menu / f"{_LAUNCHER_NAME}.cmd": (_cmd(command, variables), _READABLE)}
    if platform == "darwin":
        inside = home / "Applications" / f"{_LAUNCHER_NAME}.app" / "Contents"
        return {
            inside / "Info.plist": (_plist(), _READABLE),
            inside / "MacOS" / "launch": (_OPEN_TERMINAL, _EXECUTABLE),
            inside / "Resources" / "start.command": (_shell(command, variables), _EXECUTABLE),
        }
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    entry = _desktop_entry(command, variables)
    return {data / "applications" / "rag-reports.desktop": (entry, _EXECUTABLE)}


def _desktop_entry(command: Sequence[str], variables: dict[str, str]) -> bytes:
    """Return a .desktop file (specifications.freedesktop.org)."""
    words = [*(["env", *(f"{k}={v}" for k, v in variables.items())] if variables else []), *command]
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Version=1.5",
        f"Name={_LAUNCHER_NAME}",
        f"Comment={_COMMENT}",
        f"Exec={' '.join(map(_desktop_word, words))}",
        "Terminal=true",  # the page is there until its window is closed
        "Categories=Office;",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _desktop_word(word: str) -> str:
    """Return a word of an Exec line, quoted where it must be.

    What is within quotation marks is escaped there, and once more as a value of the file.
    """
    word = word.replace("%", "%%")
    if re.fullmatch(r"[\w./=:@%+-]+", word):
        return word
    return '"' + _RESERVED.sub(r"\\\1", word).replace("\\", "\\\\") + '"'


_OPEN_TERMINAL = b"""#!/bin/sh
# A window shows what the server says, and ends it when it is closed.
exec open "$(dirname "$0")/../Resources/start.command"
"""


def _shell(command: Sequence[str], variables: dict[str, str]) -> bytes:
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return f'#!/bin/sh\ncd "$HOME" || exit\n{exports}exec {shlex.join(command)}\n'.encode()


def _plist() -> bytes:
    return plistlib.dumps(
        {
            "CFBundleName": _LAUNCHER_NAME,
            "CFBundleIdentifier": "local.rag-reports",
            "CFBundleExecutable": "launch",
            "CFBundlePackageType": "APPL",
            "CFBundleShortVersionString": version(),
        }
    )


def _cmd(command: Sequence[str], variables: dict[str, str]) -> bytes:
    """Return a file of commands of Windows, where a per cent sign is written twice."""
    lines = ["@echo off", 'cd /d "%USERPROFILE%"']
    lines += [f'set "{name}={value.replace("%", "%%")}"' for name, value in variables.items()]
    lines.append(" ".join(f'"{word.replace("%", "%%")}"' for word in command))
    return "".join(f"{line}\r\n" for line in lines).encode()
