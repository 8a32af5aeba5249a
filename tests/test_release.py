"""What is released: built twice the same, with its bill of materials, site and container."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from test_locked import licences, loaded

ROOT = Path(__file__).parents[1]
# Not copied to where it is built: what is neither source nor released, and large.
IGNORED = (".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "dist")


def built(folder: Path, umask: int, epoch: str) -> dict[str, str]:
    """Copy the checkout, build its archives, and return the sha256 of each by its name."""
    checkout = folder / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*IGNORED, "__pycache__"))
    for number, file in enumerate(sorted(checkout.rglob("*"))):
        os.utime(file, (number, number))
    before = os.umask(umask)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--directory", str(folder / "dist")],
            cwd=checkout,
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    archives = sorted((folder / "dist").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in archives}


def test_wheel_and_sdist_are_the_same_bytes_wherever_they_are_built(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = built(tmp_path / "one", 0o022, "1700000000")
    assert [Path(name).suffix for name in first] == [".whl", ".gz"] or len(first) == 2
    assert built(tmp_path / "two", 0o077, "1700000000") == first


def test_the_bill_of_materials_has_each_package_that_is_locked(tmp_path: Path) -> None:
    sbom = loaded("sbom")
    bill = sbom.bill()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    components = bill["components"]
    assert {c["name"]: c["version"] for c in components} == licences.locked()
    assert len({c["bom-ref"] for c in components}) == len(components)
    without = [c["name"] for c in components if not c.get("properties")]
    assert without == [], "every archive has a hash"
    assert all(c["licenses"] for c in components)
    assert sbom.bill() == bill
    file = tmp_path / "bill.json"
    done = subprocess.run([sys.executable, "scripts/sbom.py", str(file)], cwd=ROOT, check=False)
    assert done.returncode == 0
    assert json.loads(file.read_text(encoding="utf-8")) == bill


# --- The site -------------------------------------------------------------------------------------


class Fetched(HTMLParser):
    """Collects what a browser fetches for a page by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        is_fetched = tag in ("script", "img", "iframe") or (
            tag == "link" and known.get("rel") in ("stylesheet", "icon", "preconnect", "preload")
        )
        if is_fetched:
            self.addresses.append(known.get("src") or known.get("href") or "")


def test_the_site_is_built_with_good_links_and_fetches_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/build_site.py", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "site" / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "usage: rag doctor" in commands
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        found = Fetched()
        found.feed(page.read_text(encoding="utf-8"))
        assert found.addresses
        assert [a for a in found.addresses if a.startswith(("http:", "https:", "//"))] == []


def test_a_link_to_nothing_breaks_the_building_of_the_site() -> None:
    configuration = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert re.search(r"links: \{ not_found: warn, anchors: warn", configuration)
    assert '"--strict"' in (ROOT / "scripts" / "build_site.py").read_text(encoding="utf-8")


# --- The container --------------------------------------------------------------------------------

INSTRUCTIONS = "FROM RUN COPY ENV WORKDIR USER VOLUME EXPOSE HEALTHCHECK ENTRYPOINT CMD".split()


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        assert word in INSTRUCTIONS, line
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


def test_the_image_is_built_in_stages_and_runs_without_rights() -> None:
    build, final = stages()
    assert [rest for word, rest in final if word == "USER"] == ["10001:10001"]
    assert all(":" in rest.split()[0] for word, rest in [build[0], final[0]]), "a version"
    copied = [rest for word, rest in final if word == "COPY"]
    assert all(rest.startswith("--from=build ") for rest in copied)
    assert "build-essential" not in str(final)
    installed = [rest for word, rest in build + final if "apt-get install" in rest]
    assert all("--no-install-recommends" in r and "rm -rf /var/lib/apt" in r for r in installed)
    assert any(word == "HEALTHCHECK" and "/health" in rest for word, rest in final)
    assert [json.loads(rest) for word, rest in final if word in ("ENTRYPOINT", "CMD")]


def test_what_the_image_copies_is_there_and_let_through() -> None:
    copied = [rest.split() for word, rest in stages()[0] if word == "COPY"]
    wanted = {name for words in copied for name in words[:-1]}
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in let_through if line.startswith("!")} == wanted
    assert [name for name in wanted if not (ROOT / name).exists()] == []


def test_the_bounds_in_the_image_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (bounds,) = re.findall(r'pip install "(torch[^"]+)"', (ROOT / "Dockerfile").read_text("utf-8"))
    assert f'"{bounds}"' in project
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"', project, re.MULTILINE)
    assert f"image: rag-reports:{version}\n" in compose


def test_the_container_can_write_to_its_volume_alone() -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["rag"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["libraries:/libraries"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.skipif(
    not os.environ.get("RAG_TEST_DOCKER"),
    reason="RAG_TEST_DOCKER is not set: building the image takes minutes and a network",
)
def test_the_image_is_built_and_answers() -> None:
    docker = shutil.which("docker")
    assert docker
    subprocess.run([docker, "build", "-t", "rag-reports:tested", "."], cwd=ROOT, check=True)
    run = "run --rm --read-only --tmpfs /tmp --tmpfs /libraries:uid=10001 --cap-drop ALL"
    words = [docker, *run.split(), "--network", "none", "rag-reports:tested"]
    subprocess.run([*words, "doctor"], check=True)
    added = subprocess.run([*words, "add", "--samples"], capture_output=True, text=True, check=True)
    assert "6 of 6 files" in added.stderr
