"""What each check of a claim is worth: the claims of verdicts.jsonl, judged without it.

    python tests/benchmarks/checks.py

A check is worth the dishonest claims that are taken for supported without it, and costs the honest
ones that are refused because of it.
"""

import json
from collections.abc import Sequence

from verdicts import PAIRS, is_right, source_of

from rag.answering.checks.checks import CHECKS, Check


def mistakes(checks: Sequence[Check]) -> tuple[int, int]:
    """Return how many honest claims are refused, and how many dishonest ones are supported."""
    refused = supported = 0
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        source, document = source_of(row["sources"])
        for claim in row["claims"]:
            honest = claim["honest"]
            right, _ = is_right(claim["text"], honest, claim["how"], source, document, checks)
            refused += honest and not right
            supported += not honest and not right
    return refused, supported


def main() -> None:
    print(f"{'':40}{'honest refused':>16}{'dishonest supported':>22}")
    refused, supported = mistakes(CHECKS)
    print(f"{'all checks':40}{refused:16}{supported:22}")
    for left_out in CHECKS:
        without = mistakes([check for check in CHECKS if check is not left_out])
        name = f"without {left_out.__name__}"
        print(f"{name:40}{without[0] - refused:+16}{without[1] - supported:+22}")


if __name__ == "__main__":
    main()
