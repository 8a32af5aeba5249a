"""Example questions: what they are read off, and that none is made up."""

from dataclasses import replace
from pathlib import Path

from rag.reading.documents import read_document
from rag.types import Document
from rag.ui.suggested_questions import example_questions


def document(folder: Path, text: str) -> Document:
    file = folder / "report.md"
    file.write_text(text, encoding="utf-8")
    return read_document(file)


TEXT = """# The Harbour

Trade rose on 3 May 2021, and again on June 4, 2022.

## Cranes And Quays

Anna Berg, the harbour master, told the council: "The new crane lifts more than any other crane \
on the coast, and we are glad."
"""


def test_a_document_gives_its_speaker_its_first_day_and_its_heading(tmp_path: Path) -> None:
    assert example_questions([document(tmp_path, TEXT)], 5) == [
        "What did Anna Berg say?",
        "What happened on 3 May 2021?",
        "What is said about Cranes And Quays?",
    ]


def test_several_documents_take_turns_with_kinds_of_their_own(tmp_path: Path) -> None:
    one = document(tmp_path, TEXT)
    questions = example_questions([one, document(tmp_path, TEXT.replace("3 May", "5 May")), one], 3)
    assert questions == [
        "What did Anna Berg say?",
        "What happened on 5 May 2021?",
        "What is said about Cranes And Quays?",
    ]


def test_nothing_is_asked_of_nothing_and_nothing_is_asked_twice_or_at_length(
    tmp_path: Path,
) -> None:
    plain = document(tmp_path, "# Plain\n\nNothing of note happened.\n")
    assert example_questions([], 4) == example_questions([plain], 4) == []
    one = document(tmp_path, TEXT)
    assert len(example_questions([one, one, one], 9)) == 3
    long = replace(one.quotations[0], speaker="Anna " * 30)
    assert "What did" not in " ".join(example_questions([replace(one, quotations=(long,))], 9))
