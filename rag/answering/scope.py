"""Words of a question + what a library lists -> the documents that they name. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from rag.text.dates import YEAR
from rag.text.tokens import content_of, words_of
from rag.types import DocumentInfo

# What people call any document, and what they call one of some kind: both say little of a title.
_ANY_DOCUMENT = content_of(
    "document report file paper text article source edition version page thing"
)
_KINDS_OF_DOCUMENT = _ANY_DOCUMENT | content_of(
    "study memo book policy contract minutes survey brief briefing review audit letter summary "
    "annual"
)
_SUBTITLE = re.compile(r": | [–—-] ")
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
    lengths = [_words_in(d.title, asked) for d in documents]
    longest = max(lengths, default=0)
    named = [d for d, length in zip(documents, lengths, strict=True) if length == longest > 0]
    return tuple(d.name for d in _of_years(named or list(documents), question, bool(named)))


def names_kind(subject: str) -> bool:
    """Return whether a phrase calls what it means a document of some kind, or only "it"."""
    return bool(content_of(subject) & _KINDS_OF_DOCUMENT) or subject.strip().lower() == "it"


def resolve(subject: str, documents: Sequence[DocumentInfo]) -> tuple[str, ...]:
    """Return the names of the documents that a phrase means; () if it means none.

    The phrase is a document's file or title, or most words of the title or of the file's name, or
    all its words are of one of them: "the mooring rules" for "Mooring rules for the inner basin".
    "It" and "the report" stand for the only document, "the audit" for the only one so called.
    """
    if named := named_documents(subject, documents):
        return named
    if len(documents) == 1 and _ONE.fullmatch(subject.strip(" ?.!")):
        return (documents[0].name,)
    words = content_of(YEAR.sub(" ", subject)) - _KINDS_OF_DOCUMENT
    if not words:
        return _only_one_called(content_of(subject) - _ANY_DOCUMENT, documents)
    shares = [(max(_alike(words, name) for name in _names_of(d)), d) for d in documents]
    best = max((share for share, _ in shares), default=0.0)
    found = [d for share, d in shares if share == best and best > 0]
    return tuple(d.name for d in _of_years(found, subject, chosen=True))


def _only_one_called(kind: frozenset[str], documents: Sequence[DocumentInfo]) -> tuple[str, ...]:
    """Return the document meant by "the audit" where only one has the word in its title."""
    called = [d.name for d in documents if kind and kind <= content_of(d.title)]
    return tuple(called) if len(called) == 1 else ()


def _file_stands_in(file: str, question: str) -> bool:
    """Return whether a file's name stands in a question, with its extension, by itself."""
    name = re.escape(PurePath(file).name)
    return bool(re.search(rf"(?i)(?<![\w.]){name}(?![\w])", question))


def _words_in(title: str, asked: Sequence[str]) -> int:
    """Return how many words of a title stand in a question in a row: all, or those of its main
    part, "After the Water" of "After the Water: Lessons"; else 0.
    """
    parts = (words_of(title), words_of(_SUBTITLE.split(title, maxsplit=1)[0]))
    return max(len(words) if _stand_in(words, asked) else 0 for words in parts)


def _stand_in(words: Sequence[str], asked: Sequence[str]) -> bool:
    """Return whether the words, two or more, stand in a question in a row."""
    if len(words) < 2:
        return False
    runs = [list(asked[at : at + len(words)]) for at in range(len(asked) - len(words) + 1)]
    if list(words) in runs:
        return True
    # In small letters a title of few words may be any words of a question: "after the water".
    small = [word.lower() for word in words]
    return len(content_of(" ".join(words))) > 1 and any(
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


def _names_of(document: DocumentInfo) -> tuple[frozenset[str], ...]:
    """Return the words of a document's title, and those of its file's name."""
    file = re.sub(r"[\W_]+", " ", PurePath(document.file).stem)
    return tuple(content_of(name) - _KINDS_OF_DOCUMENT for name in (document.title, file))


def _alike(words: frozenset[str], title: frozenset[str]) -> float:
    """Return how well words match a title; 0 if they do not."""
    common = words & title
    if not common or not (words <= title or len(common) >= _MOST * len(title)):
        return 0.0
    return len(common) / len(words | title)
