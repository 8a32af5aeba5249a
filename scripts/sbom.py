"""Write the bill of materials (CycloneDX 1.6) of what is locked:  python scripts/sbom.py FILE

Each package with its version, its licence as docs/licences.md has it, and the hashes of its
archives, from the lock files alone: the same locks give the same bytes. The generators for Python
read an environment, which also holds what the locks do not name, and bring twenty packages along.
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from licences import licence, locked

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(
    r"^([A-Za-z0-9_.-]+)==(\S+)[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}[ \\]*)+)", re.M
)
_READER = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$", re.M)
# The serial number is made of the contents, within this name.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "rag-reports")


def bill() -> dict[str, object]:
    """Return the bill of materials."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    hashes = _hashes()
    components = [
        _component(name, version, licence(name), hashes.get((name, version), []))
        for name, version in locked().items()
    ]
    own = _component(project["name"], project["version"], project["license"], [])
    contents = json.dumps([own, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, contents)}",
        "version": 1,
        "metadata": {"component": own | {"type": "application"}},
        "components": components,
    }


def _component(name: str, version: str, terms: str, hashes: list[str]) -> dict[str, object]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    # Where it is no expression of SPDX, it is the name of a licence.
    is_spdx = not terms or terms not in ("Gemma", "NVIDIA")
    told = {"expression": terms} if is_spdx else {"license": {"name": terms}}
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    if terms:
        component["licenses"] = [told]
    if hashes:
        component["properties"] = [
            {"name": "archive:sha256", "value": value} for value in sorted(hashes)
        ]
    return component


def _hashes() -> dict[tuple[str, str], list[str]]:
    """Return the hashes of the archives of each package in a version."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        for name, version, block in _BLOCK.findall(file.read_text(encoding="utf-8")):
            known = found.setdefault((name, version.partition("+")[0]), [])
            known += re.findall(r"[0-9a-f]{64}", block)
    reader = (ROOT / "requirements-reader.txt").read_text(encoding="utf-8")
    for name, version, value in _READER.findall(reader):
        found.setdefault((name, version), []).append(value)
    return found


def main() -> int:
    """Write the bill into the file that was named; return the exit code."""
    if len(sys.argv) != 2:
        sys.stderr.write("Name the file to write: python scripts/sbom.py FILE\n")
        return 2
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
