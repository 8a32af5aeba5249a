"""Time from process start to the first evidence on screen: `python tests/benchmarks/first_evidence.py [--runs N]`.

Runs `rag --help`, `rag search` and `rag ask` on a library of the sample reports, takes the median of the time to the first line
and to the end, and for comparison the time that the bare imports of torch and of sentence-transformers take in the same run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

QUESTION = "How much would it cost to move the port of Skarhaven down to the coast?"


def timed(arguments: list[str], runs: int, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds to the first line of output and to the end, medians."""
    firsts, totals = [], []
    for _ in range(runs):
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        process.stdout.readline()
        firsts.append(time.perf_counter() - started)
        process.stdout.read()
        process.wait()
        totals.append(time.perf_counter() - started)
    return statistics.median(firsts), statistics.median(totals)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RAG_INDEXES": folder, "RAG_LIBRARY": "samples"}
        subprocess.run([sys.executable, "-m", "rag", "add", "--samples"], env=environment, check=True, capture_output=True)
        subprocess.run([sys.executable, "-m", "rag", "ask", QUESTION], env=environment, check=False, capture_output=True)
        commands = {
            "rag --help": ["-m", "rag", "--help"],
            "rag search": ["-m", "rag", "search", QUESTION],
            "rag ask": ["-m", "rag", "ask", QUESTION],
            "python -c pass": ["-c", "print()"],
            "import numpy": ["-c", "import numpy; print()"],
            "import faiss": ["-c", "import faiss; print()"],
            "import onnxruntime": ["-c", "import onnxruntime; print()"],
            "import llama_cpp": ["-c", "import llama_cpp; print()"],
            "import torch": ["-c", "import torch; print()"],
            "import sentence_transformers": ["-c", "import sentence_transformers; print()"],
        }
        print(f"{'':30} first line      end")
        for name, arguments in commands.items():
            first, total = timed(arguments, runs, environment)
            print(f"{name:30} {first:8.2f} s {total:6.2f} s")


if __name__ == "__main__":
    main()
