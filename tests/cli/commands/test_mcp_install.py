"""A library as a server in the configuration of an assistant."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import main

from rag.cli.commands.mcp_install import configuration_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home on Linux."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tmp_path / "home"


PLACES = [
    ("claude", "linux", ".config/Claude/claude_desktop_config.json"),
    ("claude", "darwin", "Library/Application Support/Claude/claude_desktop_config.json"),
    ("claude", "win32", "AppData/Roaming/Claude/claude_desktop_config.json"),
    ("cursor", "linux", ".cursor/mcp.json"),
    ("vscode", "linux", ".config/Code/User/mcp.json"),
    ("vscode", "darwin", "Library/Application Support/Code/User/mcp.json"),
]


@pytest.mark.parametrize(("assistant", "platform", "place"), PLACES)
def test_each_assistant_keeps_its_servers_in_a_place_of_its_own(
    assistant: str, platform: str, place: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPDATA", raising=False)
    assert configuration_file(assistant, home, platform) == home / place


@pytest.mark.parametrize(
    ("assistant", "key"),
    [("claude", "mcpServers"), ("cursor", "mcpServers"), ("vscode", "servers")],
)
def test_the_library_is_added_and_all_else_stays(
    assistant: str, key: str, home: Path, library: Path
) -> None:
    file = configuration_file(assistant, home, "linux")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"theme": "dark", key: {"other": {"command": "other"}}}))
    assert main(["mcp", "--install", assistant]) == 0
    assert main(["mcp", "--install", assistant]) == 0  # once more changes nothing
    values = json.loads(file.read_text(encoding="utf-8"))
    assert values["theme"] == "dark"
    assert list(values[key]) == ["other", "rag-default"]
    server = values[key]["rag-default"]
    assert server["env"] == {"RAG_INDEXES": str(library / "indexes")}
    # What is written starts this program.
    done = subprocess.run(
        [server["command"], *server["args"], "--help"], capture_output=True, text=True, check=True
    )
    assert server["command"] == sys.executable
    assert done.stdout.startswith("usage: rag mcp")


@pytest.mark.parametrize("text", ["// mine\n{}", "[]", '{"mcpServers": []}'])
def test_a_configuration_that_is_not_understood_is_left_as_it_is(
    text: str, home: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = configuration_file("claude", home, "linux")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert main(["mcp", "--install", "claude"]) == 2
    assert "was left as it is; add the server by hand" in capsys.readouterr().err
    assert file.read_text() == text


def test_nothing_is_written_for_a_library_that_is_not_there(home: Path, folder: Path) -> None:
    assert main(["mcp", "--install", "cursor", "--library", "nowhere"]) == 2
    assert not home.exists()
