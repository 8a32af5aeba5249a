"""Which heavy libraries a fresh Python imports."""

import subprocess
import sys

HEAVY = {
    "faiss",
    "fastapi",
    "gradio",
    "llama_cpp",
    "mcp",
    "numpy",
    "onnxruntime",
    "sentence_transformers",
    "sqlite3",
    "torch",
}


def loaded_by(*arguments: str) -> set[str]:
    """Which of the heavy libraries a fresh Python imports in a run with these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    names = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "site" in names, "this Python does not say what it imports"
    return names & HEAVY
