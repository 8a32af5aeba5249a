"""The entry in the menu of a desktop."""

import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import main

from rag.cli.commands.launcher import launcher_files

AWKWARD = ["/opt/my tools/py$thon", "-m", "rag", 'a"b`c\\d', "50%"]
VARIABLES = {"RAG_INDEXES": "/data/what's mine/100%"}


@pytest.fixture(autouse=True)
def _no_folders_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)


def words_of(line: str) -> list[str]:
    """Return the words of an Exec line, as the specification says: two layers of escapes."""
    value = line.removeprefix("Exec=").replace("\\\\", "\\")
    found = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', value)
    words = (re.sub(r"\\(.)", r"\1", quoted) or plain for quoted, plain in found)
    return [word.replace("%%", "%") for word in words]


def test_a_desktop_of_linux_runs_the_command_word_by_word(tmp_path: Path) -> None:
    ((file, (text, _)),) = launcher_files(AWKWARD, VARIABLES, tmp_path, "linux").items()
    assert file == tmp_path / ".local/share/applications/rag-reports.desktop"
    (line,) = (line for line in text.decode().splitlines() if line.startswith("Exec="))
    assert words_of(line) == ["env", "RAG_INDEXES=/data/what's mine/100%", *AWKWARD]
    assert b"Terminal=true" in text


def test_an_app_of_macos_opens_a_window_that_runs_the_command(tmp_path: Path) -> None:
    printing = [sys.executable, "-c", "import os; print(os.environ['RAG_INDEXES'], os.getcwd())"]
    files = launcher_files(printing, VARIABLES, tmp_path, "darwin")
    plist, launch, start = files
    assert plistlib.loads(files[plist][0])["CFBundleExecutable"] == launch.name
    assert b'open "$(dirname "$0")/../Resources/start.command"' in files[launch][0]
    assert start.relative_to(launch.parents[1]) == Path("Resources/start.command")
    if os.name == "posix":
        done = subprocess.run(
            ["sh", "-c", files[start][0].decode()],
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"/data/what's mine/100% {tmp_path}\n"


def test_a_menu_of_windows_has_a_file_of_commands(tmp_path: Path) -> None:
    ((file, (text, _)),) = launcher_files(AWKWARD[:3], VARIABLES, tmp_path, "win32").items()
    assert file.name == "Ask your reports.cmd"
    assert file.parent.name == "Programs"
    assert text.decode().splitlines()[2:] == [
        'set "RAG_INDEXES=/data/what\'s mine/100%%"',
        '"/opt/my tools/py$thon" "-m" "rag"',
    ]


def test_the_launcher_is_written_for_this_system_and_starts_this_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert main(["install-launcher", "--library", "press", "--json"]) == 0
    (first, *_) = map(Path, json.loads(capsys.readouterr().out)["files"])
    assert first.is_file()
    assert first.is_relative_to(tmp_path / "home")
    if sys.platform == "linux":
        text = first.read_text(encoding="utf-8")
        assert f"RAG_INDEXES={tmp_path / 'indexes'}" in text
        assert text.splitlines()[5].endswith(" -m rag serve --open --library press")
        if validator := shutil.which("desktop-file-validate"):
            subprocess.run([validator, str(first)], check=True)
