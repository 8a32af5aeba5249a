"""A small evaluation set, made by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.evaluation.dataset import CORPUS, QUESTIONS

HARBOUR = (
    "The harbour authority paid 12 million crowns for dredging. Nobody was asked before the "
    "ships came back to the quay in May."
    "\n\nThe silt returns every winter, and the authority pays again for sand that walks back "
    "into the basin with the tide."
)
TRAINS = (
    "The night train to Brennau stops seventeen times between the coast and the capital of "
    "the country.\n\nIt leaves at nine."
)


def line(id: str, question: str, answers: Sequence[str], **gold: Any) -> dict[str, Any]:
    """A line of questions.jsonl; answerable where it has a gold text or document."""
    documents, passages = gold.pop("documents", []), gold.pop("passages", [])
    return {
        "id": id,
        "question": question,
        "answers": list(answers),
        "answerable": bool(documents),
        "gold_doc_ids": documents,
        "gold_passages": passages,
        "gold_mode": "any",
        "type": "made-up",
        **gold,
    }


LINES = [
    line(
        "paid",
        "the harbour authority paid how much for dredging",
        ["12 million crowns", "a fortune"],
        documents=["harbour"],
        passages=["The harbour authority paid 12 million crowns for dredging."],
    ),
    line("stops", "the night train to Brennau stops how often", ["twice"], documents=["trains"]),
    line(
        "both",
        "When leaves the night train, and what returns every winter?",
        ["The silt returns every winter and it leaves at nine as ever before"],
        documents=["harbour", "trains"],
        passages=[
            "It leaves at nine.",
            "The silt returns every winter",
            "Words that no document holds.",
        ],
        gold_mode="all",
    ),
    line(
        "whole",
        "who was asked before the ships came back",
        [],
        documents=["harbour"],
        passages=[f"{HARBOUR} {HARBOUR}"],
    ),
    line(
        "follow",
        "when?",
        ["nine"],
        documents=["trains"],
        history=[{"role": "user", "text": "the night train to Brennau"}],
    ),
    line("chapel", "Who painted the ceiling of a chapel?", [], type="far"),
    line("near", "What was paid for the night train to Brennau?", [], type="near"),
    line(
        "bare",
        "what does the authority say of sand in the basin",
        ["tide"],
        documents=["harbour"],
        type="",
    ),
]
DOCUMENTS = {
    "harbour": ("The Harbour Report", HARBOUR),
    "trains": ("Night Trains", f"Night Trains\n\n{TRAINS}"),
}


def write_set(folder: Path, lines: Sequence[Mapping[str, Any]] = LINES) -> Path:
    folder.mkdir(exist_ok=True)
    corpus = [
        {"doc_id": name, "title": title, "text": text} for name, (title, text) in DOCUMENTS.items()
    ]
    for name, rows in ((CORPUS, corpus), (QUESTIONS, lines)):
        (folder / name).write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
    return folder


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody sees."""
