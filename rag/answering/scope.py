"""Words of a question + what a library lists -> the documents that they name. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from rag.text.dates import YEAR
from rag.text.tokens import content_of, words_of
from rag.types import DocumentInfo

# What people call a document of whatever kind: no part of its title.
_KINDS_OF_DOCUMENT = content_of(
    "document report file paper text article source study memo book policy contract minutes survey "
    "brief review audit letter page edition version summary annual"
)
# "the report", "it": the one document, where there is only one.
_ONE = re.compile(r"(?i)(?:it|(?:the|this|that|my|our) (?:whole |entire )?\w+)")
# Of the words of a title, in a question that does not name it in full.
_MOST = 0.6


def named_documents(question: str, documents: Sequence[DocumentInfo]) -> tuple[str, ...]:
    """Return the names of the documents whose file or whole title stands in a question.

    "the 2021 report" names the documents whose title or date has the year, where other documents
    have another.
    """
    by_file = [d.name for d in documents if _file_stands_in(d.file, question)]
    if by_file:
        return tuple(by_file)
    asked = words_of(question)
    by_title = [d for d in documents if _is_title_in(d.title, asked)]
    longest = max((len(d.title) for d in by_title), default=0)
    named = [d for d in by_title if len(d.title) == longest]
    return tuple(d.name for d in _of_years(named or list(documents), question, bool(named)))


def resolve(subject: str, documents: Sequence[DocumentInfo]) -> tuple[str, ...]:
    """Return the names of the documents that a phrase means; () if it means none.

    The phrase is a document's file or title, or most words of the title, or all its words are of
    the title: "the mooring rules" for "Mooring rules for the inner basin". "It" and "the report"
    stand for the only document.
    """
    if named := named_documents(subject, documents):
        return named
    if len(documents) == 1 and _ONE.fullmatch(subject.strip(" ?.!")):
        return (documents[0].name,)
    words = content_of(YEAR.sub(" ", subject)) - _KINDS_OF_DOCUMENT
    if not words:
        return ()
    shares = [(_alike(words, content_of(d.title) - _KINDS_OF_DOCUMENT), d) for d in documents]
    best = max((share for share, _ in shares), default=0.0)
    found = [d for share, d in shares if share == best and best > 0]
    return tuple(d.name for d in _of_years(found, subject, chosen=True))


def _file_stands_in(file: str, question: str) -> bool:
    """Return whether a file's name stands in a question, with its extension, by itself."""
    name = re.escape(PurePath(file).name)
    return bool(re.search(rf"(?i)(?<![\w.]){name}(?![\w])", question))


def _is_title_in(title: str, asked: Sequence[str]) -> bool:
    """Return whether a title of two words or more stands in a question, in its order."""
    words = words_of(title)
    if len(words) < 2:
        return False
    runs = [list(asked[at : at + len(words)]) for at in range(len(asked) - len(words) + 1)]
    if words in runs:
        return True
    # In small letters a title of few words may be any words of a question: "after the water".
    small = [word.lower() for word in words]
    return len(content_of(title)) > 1 and any(
        [word.lower() for word in run] == small for run in runs
    )


def _of_years(documents: list[DocumentInfo], question: str, chosen: bool) -> list[DocumentInfo]:
    """Return those of the years that a question puts beside a word for a document.

    Where documents were chosen already all are returned if none is of such a year; else none.
    """
    years = set(YEAR.findall(question))
    titled = [d for d in documents if years & set(YEAR.findall(d.title))]
    dated = titled or [
        d for d in documents if d.date[:4] in years
    ]  # next year's, of a year's report
    if chosen:
        return dated or documents
    beside = any(
        content_of(question[max(0, year.start() - 30) : year.start()].split(",")[-1])
        & _KINDS_OF_DOCUMENT
        or content_of(" ".join(question[year.end() :].split()[:3])) & _KINDS_OF_DOCUMENT
        for year in YEAR.finditer(question)
    )
    return dated if beside and len(dated) < len(documents) else []


def _alike(words: frozenset[str], title: frozenset[str]) -> float:
    """Return how well words match a title; 0 if they do not."""
    common = words & title
    if not common or not (words <= title or len(common) >= _MOST * len(title)):
        return 0.0
    return len(common) / len(words | title)
