"""Build the documentation as a site, links checked:  python scripts/build_site.py FOLDER

The pages lie in the site as they lie here, so their links lead to the same places. The reference
is made of the code. Nothing is fetched.    [mkdocs-material]
"""

import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "docs", "docs/decisions", "docs/tutorials", "examples", "indexes", "prompts")
_LINK = re.compile(r"\]\(([^)\s#]+)")
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Build the site into the folder that was named; return the exit code of mkdocs."""
    if len(sys.argv) != 2:
        sys.stderr.write("Name the folder of the site: python scripts/build_site.py FOLDER\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="rag-site-") as folder:
        source = Path(folder, "source")
        _lay_out(source)
        config = Path(folder, "mkdocs.yml")
        config.write_text(_configuration(), encoding="utf-8")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        return subprocess.run(  # noqa: S603 - this Python, our own configuration
            [
                *command,
                "--config-file",
                str(config),
                "--site-dir",
                str(Path(sys.argv[1]).absolute()),
            ],
            env={**os.environ, "RAG_SITE_SOURCE": str(source), "NO_MKDOCS_2_WARNING": "1"},
            check=False,
        ).returncode


def _configuration() -> str:
    """Return mkdocs.yml with a line for each decision."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    decisions = "".join(
        f"\n          - docs/decisions/{page.name}"
        for page in sorted((ROOT / "docs" / "decisions").glob("*.md"))
    )
    return text.replace("      - Decisions: []", f"      - Decisions:{decisions}")


def _lay_out(source: Path) -> None:
    """Copy the pages and what they link to, and write the reference."""
    for page in (page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md"))):
        _copy(page, source)
        for link in _LINK.findall(_BLOCK.sub("", page.read_text(encoding="utf-8"))):
            target = (page.parent / link).resolve()
            if "://" not in link and target.is_file():
                _copy(target, source)
    (source / "reference").mkdir()
    (source / "reference" / "commands.md").write_text(_commands(), encoding="utf-8")
    (source / "reference" / "python.md").write_text(_python(), encoding="utf-8")


def _copy(file: Path, source: Path) -> None:
    target = source / file.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def _commands() -> str:
    """Return a page with the help of each command."""
    from rag.cli.parser import make_parser

    parts = ["# Commands\n\nWhat `rag COMMAND --help` prints."]
    for name, parser in make_parser().commands.items():
        parts.append(f"## rag {name}\n\n```text\n{parser.format_help()}```")
    return "\n\n".join(parts) + "\n"


def _python() -> str:
    """Return a page with what `from rag import …` gives, and its public methods."""
    import rag

    parts = ["# Python\n\nWhat `from rag import …` gives, from its docstrings."]
    for name in rag.__all__:
        value = getattr(rag, name)
        if not callable(value):
            continue
        parts.append(f"## {name}\n\n{_described(name, value)}")
        if inspect.isclass(value) and not issubclass(value, Exception):
            for method, function in inspect.getmembers(value, inspect.isfunction):
                if not method.startswith("_"):
                    parts.append(f"### {name}.{method}\n\n{_described(method, function)}")
    return "\n\n".join(parts) + "\n"


def _described(name: str, value: Callable[..., object]) -> str:
    """Return the signature, but for errors, and the docstring of a class or a function."""
    told = f"```text\n{inspect.getdoc(value) or ''}\n```"
    if inspect.isclass(value) and issubclass(value, Exception):
        return told
    return f"```python\n{name}{inspect.signature(value)}\n```\n\n{told}"


if __name__ == "__main__":
    sys.exit(main())
