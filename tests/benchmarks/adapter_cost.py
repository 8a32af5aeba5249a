"""What an adapter of the language model costs.

    python tests/benchmarks/adapter_cost.py [ADAPTER] [--rounds N]

The model without an adapter and with it, each in a process of its own, in turns: seconds to the
first token of a prompt of three passages, tokens a second after it, resident memory, and the ratios
of the medians, which are what to quote. Without ADAPTER one of rank 16 with random weights is made,
which costs the same. Both read the same prompt, though an adapter needs no examples.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

RANK = 16
LAYERS = 18
# What the linear layers of a block read and write.
WIDTHS = {
    "self_attn.q_proj": (640, 1024),
    "self_attn.k_proj": (640, 256),
    "self_attn.v_proj": (640, 256),
    "self_attn.o_proj": (1024, 640),
    "mlp.gate_proj": (640, 2048),
    "mlp.up_proj": (640, 2048),
    "mlp.down_proj": (2048, 640),
}
PASSAGE = (
    "Harbour Notes: The council counted ninety lamps along the quay, thirty of which were "
    "dark in the winter of that year. "
)
PROMPT = (
    "".join(f"[{number}] {PASSAGE * 3}\n" for number in (1, 2, 3))
    + "Question: How many lamps were dark?\nAnswer:"
)
TOKENS = 60
FIGURES = {"first token, s": "{:.3f}", "tokens/s": "{:.1f}", "memory, MB": "{:.0f}"}


def random_adapter(path: Path) -> None:
    import numpy as np

    from rag.training.gguf import write_adapter

    random, weights = np.random.default_rng(0), {}
    for block in range(LAYERS):
        for layer, (into, out) in WIDTHS.items():
            weights[f"model.layers.{block}.{layer}.down"] = random.normal(
                0, into**-0.5, (RANK, into)
            )
            weights[f"model.layers.{block}.{layer}.up"] = random.normal(0, 1e-4, (out, RANK))
    write_adapter(weights, path)


def measure(adapter: Path | None) -> list[float]:
    """The figures in this process, after one prompt that warms it up."""
    from rag.models.llm import LlamaModel
    from rag.types import Prompt

    model = LlamaModel(adapter=adapter)
    list(model.stream(Prompt("One, two,", "One, two,", "", "", ()), 4))
    start = perf_counter()
    pieces = model.stream(Prompt(PROMPT, PROMPT, "", "", ()), TOKENS)
    next(pieces)
    first = perf_counter()
    spoken = sum(1 for _ in pieces)
    return [first - start, spoken / (perf_counter() - first), resident_memory()]


def resident_memory() -> float:
    """In MB; on Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("adapter", nargs="?", type=Path, metavar="ADAPTER")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--measure", metavar="ADAPTER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        print(json.dumps(measure(Path(options.measure) if options.measure else None)))
        return
    rounds: dict[str, list[list[float]]] = {"": [], "adapter": []}
    with TemporaryDirectory() as folder:
        adapter = options.adapter or Path(folder) / "random.gguf"
        if not options.adapter:
            random_adapter(adapter)
        for _ in range(options.rounds):
            for name, figures in rounds.items():
                command = [sys.executable, __file__, "--measure", str(adapter) if name else ""]
                figures.append(
                    json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
                )
    print(f"{'':16}{'without':>12}{'with':>12}{'ratio':>8}")
    for figure, (name, form) in enumerate(FIGURES.items()):
        without, with_it = (
            median(measured[figure] for measured in figures) for figures in rounds.values()
        )
        print(
            f"{name:16}{form.format(without):>12}{form.format(with_it):>12}{with_it / without:8.2f}"
        )


if __name__ == "__main__":
    main()
