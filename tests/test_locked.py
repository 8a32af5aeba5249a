"""The versions that the tests run with: locked with hashes, under licences that may be."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def loaded(script: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / f"{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


licences = loaded("licences")


def test_what_the_project_asks_for_is_locked_in_a_version_it_allows() -> None:
    """Where this fails, `python scripts/lock.py` locks what is new."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["llm"], *extras["test"]]
    asked.remove("rag-reports[llm]")  # whose packages are among them
    versions = {canonicalize_name(name): v for name, v in licences.locked().items()}
    wanted = [Requirement(line) for line in asked]
    missing = [
        str(r)
        for r in wanted
        if not r.specifier.contains(versions.get(canonicalize_name(r.name), "0.dev0"))
    ]
    assert missing == []


@pytest.mark.parametrize("file", LOCKS, ids=[file.name for file in LOCKS])
def test_each_locked_archive_has_a_hash_and_no_file_names_where_it_comes_from(file: Path) -> None:
    text = re.sub(r"\\\n\s*", "", file.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) >= 1
    assert all(re.search(r"==\S+.* --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert "//" not in text
    assert "--index" not in text
    assert "--find" not in text


def test_the_set_up_of_the_tests_takes_nothing_that_is_not_locked() -> None:
    script = (ROOT / "scripts" / "install.sh").read_text(encoding="utf-8")
    assert 'locked="--no-deps --no-build-isolation --require-hashes"' in script
    used = re.findall(r"pip_install (\S+) -r requirements/(\S+)\.txt", script)
    assert {name for _, name in used} == {file.stem for file in LOCKS}
    assert {how for how, _ in used} == {"$locked"}
    assert "install.sh '[test]'" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_package_has_a_licence_that_may_be() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "licences.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception AND (MIT OR MPL-2.0)", True),
        ("Gemma", True),
        ("MPL-1.1 OR GPL-2.0-only OR LGPL-2.1-or-later", True),
        ("MIT AND (GPL-2.0-only OR AGPL-3.0-only)", False),
        ("(MIT", False),
        ("AGPL-3.0-only", False),
        ("MIT AND AGPL-3.0-or-later", False),
        ("GPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_licences_that_are_unknown_or_infectious_are_refused(
    expression: str, allowed: bool
) -> None:
    assert licences.is_allowed(expression) == allowed
