"""A question about a document or the library -> what is on record, cited to where it stands."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rag.answering.citations import evidence_of
from rag.answering.shapes.request import Request
from rag.answering.understand import Record
from rag.answering.verify import Claim
from rag.text.dates import in_words, written_forms
from rag.text.sentences import sentence_spans
from rag.text.tokens import folded, stem, words_of
from rag.types import Document, Evidence, Hit, Mode

_RECORD = "by the library's own record"  # where no text of the document says it
_MAX_LISTED = 20
_LEADING_ARTICLES = ("the", "a", "an")
_MAX_ENDING = 2  # letters: "herrings", "censuses"


def about(request: Request) -> Iterator[tuple[Mode, Claim]]:
    """Yield what is on record; nothing if the record is silent."""
    for claim in (
        _RECORD_CLAIMS[request.question.record](request) if request.question.record else ()
    ):
        yield "extractive", claim


def _count(request: Request) -> Iterator[Claim]:
    number = len(request.question.documents or request.corpus.documents())
    documents = "1 document" if number == 1 else f"{number:,} documents"
    such = " of this kind" if request.question.subject else ""
    yield Claim(f"The library holds {documents}{such}, {_RECORD}.", "supported", ())


def _documents(request: Request) -> Iterator[Claim]:
    listed = request.corpus.documents()
    yield from _count(request)
    for info in listed[:_MAX_LISTED]:
        dated = f" ({in_words(info.date)})" if info.date else ""
        yield Claim(f"“{info.title}”{dated}, file {info.file}.", "supported", ())
    if len(listed) > _MAX_LISTED:
        request.note(f"The first {_MAX_LISTED} of {len(listed):,} documents are shown.")


def _mentions(request: Request) -> Iterator[Claim]:
    """Yield a sentence of each document that holds the words of the subject in a row."""
    words = [word for word in words_of(request.question.subject) if stem(word)]
    wanted = words[1:] if len(words) > 1 and words[0].lower() in _LEADING_ARTICLES else words
    found: dict[str, tuple[Evidence, ...]] = {}
    for hit in request.corpus.holding(" ".join(wanted)):
        sentence = _sentence_naming(hit, wanted)
        if sentence:
            found.setdefault(hit.chunk.document, (sentence,))
    listed = request.corpus.documents()
    titles = Counter(info.title for info in listed)
    for info in listed:
        if _holds_words(info.title, wanted):
            document = request.corpus.document(info.name)
            found.setdefault(info.name, evidence_of(document, info.title))
        if info.name in found:
            dated = f" ({in_words(info.date)})" if info.date else ""
            file = f", file {info.file}" if titles[info.title] > 1 else ""
            yield Claim(f"“{info.title}”{dated}{file}", "supported", found[info.name])


def _sentence_naming(hit: Hit, wanted: Sequence[str]) -> Evidence | None:
    """Return the first sentence of a hit that has every word, in any inflection."""
    start, text = hit.chunk.start, hit.chunk.text
    for first, last in sentence_spans(text):
        if _holds_words(text[first:last], wanted):
            return Evidence(hit, start + first, start + last, text[first:last], 1.0)
    return None


def _holds_words(text: str, wanted: Sequence[str]) -> bool:
    """Return whether a text holds each word, with whatever ending."""
    held = [folded(word) for word in words_of(text)]
    return all(any(_is_form(folded(word), other) for other in held) for word in wanted)


def _is_form(word: str, other: str) -> bool:
    """Return whether one word is the other with an ending: a stem may be too short, as "her" is."""
    short, long = sorted((word, other), key=len)
    return long.startswith(short) and len(long) - len(short) <= _MAX_ENDING


def _author(request: Request) -> Iterator[Claim]:
    for document in _documents_named(request):
        if document.authors:
            named = " and ".join(", ".join(document.authors).rsplit(", ", 1))
            sentence = f"“{document.title}” was written by {named}"
            yield _stated_claim(document, document.authors[0], sentence)


def _date(request: Request) -> Iterator[Claim]:
    for document in _documents_named(request):
        if document.date:
            dated = in_words(document.date)
            stated = next(
                (form for form in written_forms(document.date) if form in document.text),
                document.date,
            )
            yield _stated_claim(document, stated, f"“{document.title}” is dated {dated}")


def _title_claims(request: Request) -> Iterator[Claim]:
    for document in _documents_named(request):
        yield _stated_claim(
            document, document.title, f"The title of {document.file} is “{document.title}”"
        )


def _length_claims(request: Request) -> Iterator[Claim]:
    for document in _documents_named(request):
        pages = document.page_at(len(document.text) - 1) if document.text else None
        paragraphs = sum(p.number > 0 for p in document.paragraphs)
        sections = sum(bool(s.heading) for s in document.sections)
        parts = [
            _count_of(pages, "page") if pages else "",
            _count_of(sections, "section") if sections else "",
            _count_of(paragraphs, "paragraph"),
        ]
        counts = ", ".join(part for part in parts if part)
        words = _count_of(len(document.text.split()), "word")
        yield Claim(f"“{document.title}” has {counts} and {words}, {_RECORD}.", "supported", ())


def _documents_named(request: Request) -> list[Document]:
    return [request.corpus.document(name) for name in request.question.documents]


def _stated_claim(document: Document, words: str, sentence: str) -> Claim:
    """Return a sentence cited to where its words stand first, or else to the library's record."""
    evidence = evidence_of(document, words)
    return Claim(sentence + ("." if evidence else f", {_RECORD}."), "supported", evidence)


def _count_of(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_RECORD_CLAIMS: dict[Record, Callable[[Request], Iterator[Claim]]] = {
    "author": _author,
    "count": _count,
    "date": _date,
    "documents": _documents,
    "length": _length_claims,
    "mentions": _mentions,
    "title": _title_claims,
}
