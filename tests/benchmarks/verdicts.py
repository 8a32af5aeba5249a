"""How often a claim of which the source says the same is refused, and one that changes a detail is
taken for supported.

    python tests/benchmarks/verdicts.py [--wrong]

verdicts.jsonl has the sentences of a source a line, with honest claims (shortened, put in another
way) and dishonest ones (other number, unit, date or name, a lost negation or doubt, the opposite, a
speaker left out). For each way of putting or changing it, how many come out wrong; `--wrong` prints
these. An honest claim is wrong, too, where a speaker is put before it.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rag.answering.checks.checks import CHECKS, Check
from rag.answering.verify import attributed, check_sentence
from rag.text.quotations import quotations
from rag.types import Chunk, Document, Evidence, Hit, Paragraph, Source

PAIRS = Path(__file__).with_suffix(".jsonl")


def source_of(sentences: Sequence[str]) -> tuple[Source, Document]:
    """The sentences as a source, and the document of them."""
    text = " ".join(sentences)
    paragraphs = (Paragraph(1, "text", 0, 0, len(text)),)
    said = quotations(text, paragraphs, ())
    document = Document("notes", "notes.txt", "", "Notes", "", "", text, (), paragraphs, said)
    hit = Hit(Chunk("notes", 0, "", 1, 0, len(text), text, "Notes"), "Notes", 1.0, "both")
    starts = [sum(len(before) + 1 for before in sentences[:n]) for n in range(len(sentences))]
    spans = zip(starts, sentences, strict=True)
    return Source(
        1, hit, tuple(Evidence(hit, start, start + len(s), s, 0.9) for start, s in spans)
    ), document


def is_right(
    text: str,
    honest: bool,
    how: str,
    source: Source,
    document: Document,
    checks: Sequence[Check] = CHECKS,
) -> tuple[bool, str]:
    """Whether what comes of a claim is what should, and what that is."""
    claim = check_sentence(text, (source,), lambda _: document, checks=checks)
    if claim.verdict == "supported":
        claim = attributed(claim, lambda _: document)
    supported, same = claim.verdict == "supported", claim.text == text
    right = (
        supported and same if honest else not supported or (how == "speaker-dropped" and not same)
    )
    return right, claim.reason or f"{claim.verdict}: {claim.text}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--wrong", action="store_true")
    options = parser.parse_args()
    number: Counter[tuple[bool, str]] = Counter()
    wrong: Counter[tuple[bool, str]] = Counter()
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        source, document = source_of(row["sources"])
        for claim in row["claims"]:
            key = claim["honest"], claim["how"]
            right, outcome = is_right(claim["text"], *key, source, document)
            number[key] += 1
            wrong[key] += not right
            if options.wrong and not right:
                print(
                    f"{claim['how']}: {claim['text']}\n    {' '.join(row['sources'])}\n    "
                    f"{outcome}"
                )
    for honest, title in ((True, "honest claims refused"), (False, "dishonest claims supported")):
        of = {key: count for key, count in number.items() if key[0] is honest}
        print(f"\n{title}: {sum(wrong[key] for key in of)} of {sum(of.values())}")
        for key, count in sorted(of.items()):
            print(f"  {key[1]:18} {wrong[key]:3} of {count}")


if __name__ == "__main__":
    main()
