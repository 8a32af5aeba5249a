"""`rag mcp --install`: a library as tools of an assistant, written into its configuration."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from rag.config import Settings
from rag.errors import UsageError
from rag.files import written_whole

# The key that an assistant keeps its servers under.
_KEYS = {"claude": "mcpServers", "cursor": "mcpServers", "vscode": "servers"}
ASSISTANTS = tuple(_KEYS)


def configuration_file(assistant: str, home: Path, platform: str = sys.platform) -> Path:
    """Return the file in which the assistant keeps its servers, whether it is there or not.

    Claude Desktop, Cursor and Visual Studio Code document these places.
    """
    if assistant == "cursor":
        return home / ".cursor" / "mcp.json"
    match platform:
        case "darwin":
            programs = home / "Library" / "Application Support"
        case "win32":
            programs = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        case _:
            programs = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if assistant == "claude":
        return programs / "Claude" / "claude_desktop_config.json"
    return programs / "Code" / "User" / "mcp.json"


def install(assistant: str, settings: Settings) -> Path:
    """Write the library into the configuration of the assistant; return its file.

    What else stands there stays. Raises UsageError where the file cannot be read as JSON, or
    cannot be written.
    """
    file = configuration_file(assistant, Path.home())
    key = _KEYS[assistant]
    values = _read_configuration(file, key)
    servers = values.setdefault(key, {})
    servers[f"rag-{settings.library}"] = _server(settings)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(file) as unfinished:
            unfinished.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(
            f"The configuration {file} cannot be written ({error.strerror}); make it writable."
        ) from error
    return file


def _server(settings: Settings) -> dict[str, Any]:
    """Return how an assistant starts the server, from whichever folder and environment."""
    return {
        "command": sys.executable,
        "args": ["-m", "rag", "mcp", "--library", settings.library],
        "env": {"RAG_INDEXES": str(settings.indexes.absolute())},
    }


def _read_configuration(file: Path, key: str) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The configuration {file} cannot be read ({error}); make it readable."
        ) from error
    try:
        values = json.loads(text or "{}")
    except ValueError:
        values = None
    if not isinstance(values, dict) or not isinstance(values.get(key, {}), dict):
        raise UsageError(
            f"The configuration {file} is not the JSON that was expected (an object with "
            f"{key!r}, without comments), so it was left as it is; add the server by hand, as "
            "docs/api.md shows."
        )
    return values
