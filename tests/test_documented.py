"""The examples of README.md and docs/api.md, run as they stand there but for the question, with
the embedded models.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import a_pdf

from rag.config import Settings, bundled
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.serve import serve

pytestmark = pytest.mark.models

ASKED = "When is the first auction for large consumers under the new reserve law?"  # of the samples
ROOT = Path(__file__).parents[1]
BLOCKS = [
    pytest.param(kind, block, id=f"{page}-{number}-{kind}")
    for page in ("README.md", "docs/api.md")
    for number, (kind, block) in enumerate(
        re.findall(
            r"^```(sh|python|json)\n(.*?)^```",
            (ROOT / page).read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
    )
    if kind != "sh"
    or block.startswith("curl")  # the rest of the shell's is the set-up, which make runs
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A working folder with the library `reports` of the samples, and the port it is served on."""
    folder = tmp_path_factory.mktemp("documented")
    (folder / "report.pdf").write_bytes(a_pdf("Trade grew by 30 percent in May."))
    settings = Settings(folder / "indexes", "reports", model=None, embeddings="", generate=True)
    models = Models(settings)
    with Pipeline(settings, models) as pipeline:
        assert [added.outcome for added in pipeline.add([bundled("samples")])] == ["added"] * 6
    url, close = serve(settings, models, "127.0.0.1", None)
    yield folder, url.rstrip("/").rpartition(":")[2]
    close()


def test_the_pages_have_examples_of_every_kind() -> None:
    assert len(BLOCKS) >= 6


@pytest.mark.parametrize(("kind", "block"), BLOCKS)
def test_an_example_does_what_it_says(kind: str, block: str, served: tuple[Path, str]) -> None:
    folder, port = served
    if kind == "json":
        (server,) = json.loads(block)["mcpServers"].values()
        assert server["command"] == "rag"
        command = [sys.executable, "-m", "rag", *server["args"], "--help"]
    elif kind == "sh":
        command = ["sh", "-ec", block.replace("curl -s", "curl --fail-with-body -s")]
        if not shutil.which("curl"):
            pytest.skip("this machine has no curl")
    else:
        command = [sys.executable, "-c", block]
    command = [
        part.replace(":7860", f":{port}").replace("How much did trade grow?", ASKED)
        for part in command
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)]),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
