"""What programs send and what comes back, as JSON.   [pydantic]"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from rag import types
from rag.config import LONGEST_CONVERSATION_NAME, MAX_QUESTION
from rag.service import jobs

_DATE = r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$"
LibraryName = Annotated[
    str | None, Field(max_length=64, description="the library; by default that of the server")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Turn(_Body):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    text: Annotated[str, Field(max_length=20_000)]


class Filter(_Body):
    """Which passages may be found; a part left empty leaves nothing out."""

    documents: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=100)] = []
    after: Annotated[
        str,
        Field(
            pattern=_DATE, description="a day, month or year, itself included", examples=["2023-03"]
        ),
    ] = ""
    before: Annotated[str, Field(pattern=_DATE)] = ""
    speaker: Annotated[
        str, Field(max_length=200, description="words of the name of one who is quoted")
    ] = ""
    section: Annotated[str, Field(max_length=200, description="words of the headings")] = ""

    def selected(self) -> types.Filter:
        return types.Filter(
            tuple(self.documents), self.after, self.before, self.speaker, self.section
        )


class Asked(_Body):
    """A question, and what it is asked of."""

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    library: LibraryName = None
    history: Annotated[list[Turn], Field(max_length=100)] = []
    filter: Filter = Filter()

    def turns(self) -> list[types.Turn]:
        return [types.Turn(turn.role, turn.text) for turn in self.history]


class Search(Asked):
    """What to search for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How much did trade grow?", "k": 3}]}
    )
    k: Annotated[int, Field(ge=1, le=100, description="how many passages")] = 10


class Ask(Asked):
    """What to answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How much did trade grow?"}]}
    )
    certainty: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="0: always answer; 1: answer only when certain; null: as the server is set",
        ),
    ] = None
    conversation: Annotated[
        int | None,
        Field(
            ge=0,
            description="follow up and keep the answer in this conversation; 0 begins one, null "
            "keeps nothing",
        ),
    ] = None


class Hit(BaseModel):
    """A passage that was found: `text` is the document's text from `start` to `end`."""

    document: str
    number: int = Field(description="of the passage in its document, from 0")
    title: str
    section: str
    paragraph: int
    start: int
    end: int
    text: str
    context: str = Field(description="title, headings and speaker, with which the passage is found")
    score: float
    found_by: Literal["dense", "lexical", "both"]


class Hits(BaseModel):
    hits: list[Hit]


class Note(BaseModel):
    """A note of the document itself."""

    number: str
    text: str
    start: int
    end: int


class Sentence(BaseModel):
    text: str
    verdict: Literal["supported", "partly", "unsupported"]
    markers: list[int]
    reason: str


class Span(BaseModel):
    """The span of the short answer within the quote of a citation."""

    start: int
    end: int


class Citation(BaseModel):
    """A marker of the answer and the exact words it rests on.

    `quote` is the document's text from `start` to `end`.
    """

    marker: int
    document: str
    title: str
    section: str
    page: int | None
    paragraph: int
    speaker: str
    start: int
    end: int
    quote: str
    note: Note | None
    focus: Span | None = None


class Seconds(BaseModel):
    retrieve: float
    first_token: float | None
    total: float


class Answer(BaseModel):
    """An answer with its citations.

    Where `abstained`, the reports do not answer, and `hits` are the nearest passages.
    """

    question: str
    answer: str
    abstained: bool
    mode: Literal["generated", "extractive"]
    sentences: list[Sentence]
    citations: list[Citation]
    hits: list[Hit]
    seconds: Seconds
    conversation: int | None = Field(None, description="the one that keeps the answer")


class ConversationEntry(BaseModel):
    conversation: int
    name: str
    begun: str = Field(description="ISO 8601, UTC")
    changed: str = Field(description="when the last answer came")
    turns: int


class ConversationList(BaseModel):
    conversations: list[ConversationEntry]


class ConversationAnswers(ConversationEntry):
    answers: list[Answer]


class NewName(_Body):
    """What a conversation is to be called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Trade in grain"}]})
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_CONVERSATION_NAME)]


class DocumentEntry(BaseModel):
    document: str
    title: str
    date: str
    file: str
    paragraphs: int
    chunks: int


class Documents(BaseModel):
    documents: list[DocumentEntry]


class SectionSpan(BaseModel):
    heading: str
    path: list[str]
    start: int
    end: int


class ParagraphSpan(BaseModel):
    number: int
    kind: Literal["text", "heading", "furniture", "note"]
    section: int
    page: int | None
    start: int
    end: int


class DocumentText(BaseModel):
    """A document; every `start` and `end` counts characters (code points) of `text`."""

    document: str
    title: str
    date: str
    file: str
    text: str
    sections: list[SectionSpan]
    paragraphs: list[ParagraphSpan]
    notes: list[Note]


class LibraryEntry(BaseModel):
    library: str
    default: bool


class Libraries(BaseModel):
    libraries: list[LibraryEntry]


class Job(BaseModel):
    """An upload on its way into the library; `reason` says why it failed."""

    job: str
    status: Literal["waiting", "adding", "added", "replaced", "failed"]
    document: str = ""
    chunks: int = 0
    reason: str = ""

    @classmethod
    def of(cls, job: jobs.Job) -> Self:
        """Return what is shown of a job that adds an upload."""
        status = "adding" if job.status == "running" else job.status
        return cls.model_validate(
            {
                "job": job.id,
                "status": status,
                "document": job.document,
                "chunks": job.chunks,
                "reason": job.message,
            }
        )


class Health(BaseModel):
    status: Literal["ok"]
    proof: str = Field(
        default="",
        description="HMAC-SHA256 of the challenge with the key of the server, in hexadecimal "
        "digits",
    )


class Ready(BaseModel):
    """Whether questions can be answered now, how many are under way, and how many of them wait
    for the language model.
    """

    ready: bool
    models: bool
    library: str = Field(
        description="what is wrong with the library of the server; empty for nothing"
    )
    asking: int
    waiting: int
    limit: int
