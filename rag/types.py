"""The nouns of the project, as frozen dataclasses.

Every offset is a character offset into `Document.text`, the one canonical text of a document:
`text[start:end]` is what any view shows, what a citation quotes and what a test compares.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Verdict = Literal["supported", "partly", "unsupported"]
Mode = Literal["generated", "extractive"]
# Why there is no answer: no passage is on the subject; some are, but do not answer; one answers
# something near what was asked. "" where there is an answer, or nothing was asked of the reports.
Reason = Literal["", "nothing_on_subject", "not_this", "near"]
Shape = Literal["fact", "yes_no", "list", "comparison", "overview", "about"]
# Shapes whose sentences stand side by side, each in a line of its own.
IN_LINES: frozenset[Shape] = frozenset(("list", "comparison", "about"))
LISTS: frozenset[Shape] = frozenset(("list",))  # shapes whose sentences are items of a list
FoundBy = Literal["dense", "lexical", "both"]
Kind = Literal["text", "heading", "furniture", "note"]
FactName = Literal[
    "title",
    "author",
    "date",
    "publisher",
    "number",
    "language",
    "version",
    "replaced_by",
    "recognized",
    "page_labels",
]


# --- A document and its structure -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and all that stands under it, up to the next heading.

    The text before the first heading is a section too.
    """

    heading: str  # "" for the text before the first heading
    path: tuple[str, ...]  # the headings above it and its own, outermost first
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block of the text. Those of kind "text" are numbered from 1 through the document.

    The others have number 0.
    """

    number: int
    kind: Kind
    section: int  # index into Document.sections
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quotation:
    """One speaker's words between quotation marks, over as many paragraphs as they run.

    The span includes the marks.
    """

    start: int
    end: int
    speaker: str  # "" where the text does not say
    lead_in: str  # the words that introduce the speaker, "" where there are none
    note: str  # the number of the note that closes the quotation, "" where there is none


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in the text that points to a note: the span of its marker."""

    number: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Note:
    """An endnote or footnote of the document itself."""

    number: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Box:
    """Where a line of the text stands on a page, in shares (0..1) of its width and height.

    The shares are counted from the top left corner.
    """

    start: int
    end: int
    page: int  # counts from 1
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class TableCell:
    """A value of a table: its place in the grid and the span of its words.

    A cell that spans rows stands in each of them, so that every row says all that belongs to it.
    """

    start: int
    end: int
    row: int  # counts from 0
    column: int  # counts from 0
    columns: int = 1  # that it spans


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the span of its rows, which stand as paragraphs, and its values in their order."""

    start: int
    end: int
    heads: tuple[str, ...]  # of the columns, "" where one has none
    head_rows: int  # how many of the first rows are heads
    cells: tuple[TableCell, ...]


@dataclass(frozen=True, slots=True)
class Struck:
    """Words that are struck out in the file: shown, but no part of the text."""

    at: int  # the offset they stand before
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What a file states of itself, and where."""

    name: FactName
    value: str  # dates as ISO 8601, the rest as it is written
    source: str  # the place: "front matter", "core properties", "page 1"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to add, and what somebody else knows of the report in it."""

    file: Path  # where it is now
    path: Path  # by which the library knows it
    title: str = ""  # "" where only the file says
    date: str = ""  # ISO 8601
    authors: tuple[str, ...] = ()
    told_by: str = ""  # who knows it


@dataclass(frozen=True, slots=True)
class Document:
    """A report as its readers see it."""

    name: str  # the file's name without its extension, unique in a library
    file: str  # the file's name
    sha256: str  # of the file's bytes
    title: str
    dateline: str  # "" where there is none
    date: str  # ISO 8601, "" where none is stated
    text: str
    sections: tuple[Section, ...]
    paragraphs: tuple[Paragraph, ...]
    quotations: tuple[Quotation, ...] = ()
    references: tuple[Reference, ...] = ()
    notes: tuple[Note, ...] = ()
    number: str = ""  # of the dispatch or report, "" where none is stated
    language: str = ""  # a language tag where the file states one: "en", "de-CH"
    boxes: tuple[Box, ...] = ()  # of a document with pages: one a line, in the order of the text
    unread: str = ""  # what of the file could not be read, as a sentence; known at reading only
    tables: tuple[Table, ...] = ()
    struck: tuple[Struck, ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def page_labels(self) -> tuple[str, ...]:
        """What is printed on the pages, from the first one, "" where it is not known.

        () where nothing else than their places is known.
        """
        told = next((fact.value for fact in self.facts if fact.name == "page_labels"), "")
        return tuple(told.split(", ")) if told else ()

    def page_label(self, page: int) -> str:
        """Return what is printed on a page, or else its place in the file, from 1."""
        labels = self.page_labels
        return (labels[page - 1] if page <= len(labels) else "") or str(page)

    def is_recognized(self, page: int | None) -> bool:
        """Return whether the text of a page was recognised on its picture."""
        told = next((fact.value for fact in self.facts if fact.name == "recognized"), "")
        ends = [run.split("-") for run in told.split(", ") if run]
        return page is not None and any(int(run[0]) <= page <= int(run[-1]) for run in ends)

    @property
    def authors(self) -> tuple[str, ...]:
        """Who wrote it, as the file states; () if it does not."""
        return tuple(fact.value for fact in self.facts if fact.name == "author")

    def page_at(self, offset: int) -> int | None:
        """Return the number of the page that shows the character at `offset`.

        None in a document without pages.
        """
        after = bisect_right(self.boxes, offset, key=lambda box: box.start)
        return self.boxes[max(0, after - 1)].page if self.boxes else None

    def paragraph_at(self, offset: int) -> Paragraph | None:
        """Return the paragraph that holds the character at `offset`; None between paragraphs."""
        at = bisect_right(self.paragraphs, offset, key=lambda p: p.end)
        return next((p for p in self.paragraphs[at : at + 1] if p.start <= offset), None)

    def quotations_in(self, start: int, end: int) -> tuple[Quotation, ...]:
        """Return the quotations that share a character with the span, in order."""
        first = bisect_right(self.quotations, start, key=lambda q: q.end)
        return self.quotations[
            first : max(first, bisect_left(self.quotations, end, key=lambda q: q.start))
        ]

    def quotation_at(self, start: int, end: int) -> Quotation | None:
        """Return the quotation that holds the span, which may begin or end one mark outside it.

        None if narration stands in the span.
        """
        at = bisect_left(self.quotations, end - 1, key=lambda q: q.end)
        return next((q for q in self.quotations[at : at + 1] if q.start <= start + 1), None)

    def references_in(self, start: int, end: int) -> tuple[Reference, ...]:
        """Return the references to notes that share a character with the span, in order."""
        first = bisect_right(self.references, start, key=lambda r: r.end)
        return self.references[
            first : max(first, bisect_left(self.references, end, key=lambda r: r.start))
        ]

    def note_at(self, start: int, end: int) -> Note | None:
        """Return the document's own note for a span, None if there is none.

        The first that exists of: the note at the end of the span's quotation, which covers all
        paragraphs of that quotation; the next note marked in the span's paragraph; the note of the
        quotation that continues the span's one. A quotation is continued by the next one of the
        same speaker if only captions and lead-ins that end with a colon ("He saw a danger, too:")
        stand between them. Narration that ends with a full stop begins something new, and its note
        says nothing about the words before it.
        """
        quotation, paragraph = self.quotation_at(start, end), self.paragraph_at(start)
        number = quotation.note if quotation else ""
        marked = quotation.end - 1 if quotation and number else start
        if not number and paragraph:
            at = bisect_right(self.references, start, key=lambda r: r.end)
            number = next(
                (r.number for r in self.references[at : at + 1] if r.end <= paragraph.end), ""
            )
        if not number and quotation and quotation.speaker:
            number = self._continued_note(quotation)
        return self.note_marked(number, marked)

    def note_marked(self, number: str, offset: int) -> Note | None:
        """Return the note that the marker with this number at or behind `offset` refers to.

        Where notes restart by chapter or page several bear one number. A marker means the first
        of them behind it; of several behind several markers, the one in the same place of the
        order. None where the markers and the notes do not match.
        """
        notes = [note for note in self.notes if note.number == number]
        if len(notes) < 2:
            return next(iter(notes), None)
        markers = [r.start for r in self.references if r.number == number]
        at = bisect_left(markers, offset)
        behind = [note for note in notes if markers[at : at + 1] and note.start > markers[at]]
        if not behind:
            return None
        following = next((m for m in markers if m > behind[0].start), len(self.text))
        group = [note for note in behind if note.start < following]
        before = max((n.start for n in notes if n.start < markers[at]), default=-1)
        together = [m for m in markers if before < m < behind[0].start]
        if len(group) == 1:
            return group[0]
        return group[together.index(markers[at])] if len(group) == len(together) else None

    def _continued_note(self, quotation: Quotation) -> str:
        for index in range(
            bisect_left(self.quotations, quotation.end, key=lambda q: q.start), len(self.quotations)
        ):
            later = self.quotations[index]
            first = bisect_right(self.paragraphs, quotation.end, key=lambda p: p.end)
            last = bisect_left(self.paragraphs, later.start, key=lambda p: p.start)
            between = [
                (p.kind, self.text[max(p.start, quotation.end) : min(p.end, later.start)].strip())
                for p in self.paragraphs[first:last]
                if p.kind in ("text", "heading")
            ]
            leads_in = all(
                kind == "text" and (words.endswith(":") or not any(map(str.isalnum, words)))
                for kind, words in between
            )
            if later.speaker != quotation.speaker or not leads_in:
                return ""
            if later.note:
                return later.note
            quotation = later
        return ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A retrieval unit: a span of one section of one document."""

    document: str
    number: int  # counts from 0 in its document
    section: str  # the heading path, joined by " › "
    paragraph: int  # the number of the paragraph it starts in
    start: int
    end: int
    text: str  # Document.text[start:end]: what is shown and cited
    # title, heading path, speaker: embedded and indexed with the text, never shown as the
    # document's words
    context: str


# --- Search ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks a search may find; a part left empty leaves nothing out."""

    documents: tuple[str, ...] = ()  # names of documents, capitals aside
    # ISO 8601 or the beginning of it, "2023-03", itself included; documents without a date are left
    # out
    after: str = ""
    before: str = ""  # the same
    # words of the name of one who is quoted in the chunk, capitals and the marks of letters aside
    speaker: str = ""
    section: str = ""  # words of the headings above the chunk, likewise


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found."""

    chunk: Chunk
    title: str
    score: float  # of the fused ranks; comparable within one search only
    found_by: FoundBy
    date: str = ""  # of its document, ISO 8601; "" where it states none


# --- The answer -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A span of `Document.text`."""

    start: int
    end: int


class Passage(NamedTuple):
    """A text to be read for a question."""

    context: str  # title, date, headings: read with the text, never part of an answer
    text: str
    sentences: Sequence[tuple[int, int]]  # spans of the text in order; the rest is not read


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the reader says of a passage."""

    # of the passage's text: the words of one sentence that answer best; None where none is found
    span: tuple[int, int] | None
    span_score: float  # log-odds of the span against the null: above zero, the passage answers
    # log-odds that a sentence answers, float32 [sentences]; minus infinity for an unread one
    sentences: Vectors


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of a hit, with the chance that it answers the question."""

    hit: Hit
    start: int
    end: int
    text: str  # Document.text[start:end]
    score: float  # 0..1
    focus: Span | None = None  # the short answer inside it, where the reader points at one

    @property
    def short_answer(self) -> str:
        """The words that the reader points at; "" if it points at none."""
        if self.focus is None:
            return ""
        return self.text[self.focus.start - self.start : self.focus.end - self.start]


@dataclass(frozen=True, slots=True)
class Source:
    """What a prompt shows of one hit under a number, and its sentences, in reading order."""

    number: int  # 1…n in the prompt
    hit: Hit
    sentences: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked, in each form."""

    text: str  # for base models to complete
    system: str  # with `user` the messages for chat models
    user: str
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer with its verdict and the markers of its citations."""

    text: str
    verdict: Verdict
    markers: tuple[int, ...]
    reason: str = ""  # what the sources do not hold, where the verdict is not "supported"


@dataclass(frozen=True, slots=True)
class Citation:
    """A marker of the answer and the exact words it rests on.

    `quote == Document.text[start:end]`.
    """

    marker: int
    document: str
    title: str
    section: str
    page: int | None  # its place in the file, from 1
    paragraph: int
    speaker: str
    start: int
    end: int
    quote: str
    note: Note | None
    date: str = ""  # of the document, ISO 8601; "" where it states none
    file: str = ""  # the document's file name
    focus: Span | None = None  # the short answer inside the quote
    page_label: str = ""  # what is printed on the page; "" in a document without pages
    recognized: bool = False  # whether the words were recognised on a picture of the page

    @property
    def shown_page(self) -> str:
        """What to call its page, "57" or "xii (OCR)"; "" in a document without pages."""
        label = self.page_label or str(self.page or "")
        return f"{label} (OCR)" if label and self.recognized else label


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long an answer took, from the question's arrival.

    `first_token` is None where no text was shown.
    """

    retrieve: float
    first_token: float | None
    total: float
    read: float = 0.0  # until the reader had read the passages


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be checked.

    Where `abstained`, `answer` is empty and `hits` are the nearest passages.
    """

    question: str
    answer: str  # the sentences with their markers, "Trade rose by 30 percent.[1]"
    abstained: bool
    mode: Mode
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    seconds: Seconds
    reason: Reason = ""
    shape: Shape = "fact"
    confidence: float = 0.0  # 0..1, the chance that the passages answer the question
    notes: tuple[str, ...] = ()  # what a reader must know of the answer besides its sentences
    declined: str = ""  # where `abstained`, a sentence that says why


@dataclass(frozen=True, slots=True)
class Found:
    """The first event of an answer: its hits, before a model has said a word."""

    hits: tuple[Hit, ...]


Event = (
    Found | Sentence | Answer
)  # what `pipeline.stream` yields: Found, the sentences that hold as they come, the whole Answer


# --- What a library lists -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a list of documents shows."""

    name: str
    file: str
    path: Path  # where the file was when it was added, absolute
    sha256: str
    title: str
    date: str
    paragraphs: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a list of conversations shows; `changed` is when the last answer came."""

    key: int
    name: str
    begun: str  # ISO 8601, UTC, to the second
    changed: str
    turns: int


@dataclass(frozen=True, slots=True)
class UnansweredQuestion:
    """A question that the reports did not answer when it was asked last."""

    question: str  # as it was understood
    asked: str  # when, ISO 8601, UTC, to the second
    reason: Reason
    answered: str  # when documents that answer it were added; "" where nothing answers it yet


# --- What a model writes --------------------------------------------------------------------------
