"""The documents that answers cite, as BibTeX, as CSL-JSON and as a list of sources."""

import json
from dataclasses import replace

import pytest
from pages import HOSTILE
from visit import DOCUMENT

from rag.errors import NotFoundError
from rag.render.bibliography import bibtex, cited_documents, csl_json, reference
from rag.types import Answer, Citation, Document, Fact, Seconds

REPORT = replace(
    DOCUMENT,
    date="2023-11-03",
    number="No. 27",
    language="en",
    facts=(Fact("author", "Anna Berg", "page 1"), Fact("author", "J. de Vries & Co", "page 1")),
)


def answer_citing(*names: str) -> Answer:
    cited = tuple(
        Citation(n, name, "", "", None, 1, "", 0, 5, "words", None) for n, name in enumerate(names)
    )
    return Answer("Q?", "", False, "extractive", (), cited, (), Seconds(0, None, 0))


def test_each_cited_document_is_listed_once_and_one_that_is_gone_is_left_out() -> None:
    there = {name: replace(REPORT, name=name) for name in ("b", "a")}

    def find(name: str) -> Document:
        if name not in there:
            raise NotFoundError("It is gone.")
        return there[name]

    answers = [answer_citing("b", "gone", "b"), answer_citing("a", "b")]
    assert [d.name for d in cited_documents(answers, find)] == ["b", "a"]


def test_a_source_names_its_authors_title_number_date_and_file() -> None:
    assert reference(REPORT) == (
        "Anna Berg, J. de Vries & Co. The Visit. No. 27. 2023-11-03. File: visit.txt"
    )


def test_bibtex_has_an_entry_for_each_document_under_a_key_of_its_own() -> None:
    assert bibtex([REPORT]).decode() == (
        "@techreport{Visit2023,\n  title = {The Visit},\n"
        "  author = {{Anna Berg} and {J. de Vries \\& Co}},\n  year = {2023},\n  month = {11},\n"
        "  number = {No. 27},\n  language = {en},\n  note = {File: visit.txt},\n}\n"
    )
    keys = [line for line in bibtex([REPORT, REPORT]).decode().splitlines() if "@" in line]
    assert keys == ["@techreport{Visit2023,", "@techreport{Visit2023-2,"]


def test_csl_json_states_what_the_file_states_and_nothing_else() -> None:
    full, bare = json.loads(csl_json([REPORT, DOCUMENT]))
    assert full["issued"] == {"date-parts": [[2023, 11, 3]]}
    assert full["author"] == [{"literal": "Anna Berg"}, {"literal": "J. de Vries & Co"}]
    assert set(bare) == {"id", "type", "title", "note"}


@pytest.mark.parametrize("text", [*HOSTILE, "}\n@evil{x,", "\ud800 \\input{/etc/passwd} %"])
def test_nothing_written_in_a_document_becomes_an_entry_or_a_command(text: str) -> None:
    hostile = replace(
        REPORT, name=text, title=text, file=text, facts=(Fact("author", text, "page 1"),)
    )
    shown = bibtex([hostile]).decode()
    assert shown.count("\n@") == 0
    assert "\\input{" not in shown
    depth = 0
    for at, character in enumerate(shown):
        if character in "{}" and shown[at - 1] != "\\":
            depth += 1 if character == "{" else -1
        assert depth >= 0
    assert depth == 0
    json.loads(csl_json([hostile]))
