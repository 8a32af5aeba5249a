"""What programs send and what comes back, as JSON and as events.   [pydantic]"""

import json
from collections.abc import Collection
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, Literal, Self

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field, create_model

from rag import types
from rag.config import LONGEST_CONVERSATION_NAME, MAX_QUESTION
from rag.service import jobs

_DATE = r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$"
LibraryName = Annotated[
    str | None, Field(max_length=64, description="the library; by default that of the server")
]


LibraryQuery = Annotated[str | None, Query(max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ConversationTurn(_Body):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    text: Annotated[str, Field(max_length=20_000)]


class SearchFilter(_Body):
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
    history: Annotated[list[ConversationTurn], Field(max_length=100)] = []
    filter: SearchFilter = SearchFilter()

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


def _model_of(
    name: str, *nouns: type, without: Collection[str] = (), **more: tuple[object, object]
) -> type[BaseModel]:
    """Return a model with the fields of dataclasses, except those `without`, and `more` fields.

    It is described as the last of the dataclasses is.
    """
    own = {
        field.name: (field.type, ... if field.default is MISSING else field.default)
        for noun in nouns
        for field in fields(noun)
        if field.name not in without
    }
    definitions: dict[str, Any] = {**own, **more}
    return create_model(name, __doc__=nouns[-1].__doc__, **definitions)


def _list_of(model: type[BaseModel]) -> Any:  # noqa: ANN401 - what defines a field
    return list[model], ...  # type: ignore[valid-type]  # made while running


_HIT = _model_of(
    "Hit",
    types.Chunk,
    types.Hit,
    without=["chunk"],
    number=(int, Field(description="of the passage in its document, from 0")),
    context=(
        str,
        Field(description="title, headings and speaker, with which the passage is found"),
    ),
)
SearchResponse = create_model("Hits", hits=_list_of(_HIT))
AnswerResponse = _model_of(
    "Answer",
    types.Answer,
    hits=_list_of(_HIT),
    conversation=(int | None, Field(None, description="the one that keeps the answer")),
)

ConversationEntry = _model_of(
    "ConversationEntry", types.Conversation, without=["key"], conversation=(int, ...)
)
UnansweredList = create_model(
    "UnansweredList", unanswered=_list_of(_model_of("UnansweredEntry", types.UnansweredQuestion))
)
ConversationList = create_model("ConversationList", conversations=_list_of(ConversationEntry))
ConversationAnswers = create_model(
    "ConversationAnswers", __base__=ConversationEntry, answers=_list_of(AnswerResponse)
)


class NewName(_Body):
    """What a conversation is to be called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Trade in grain"}]})
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_CONVERSATION_NAME)]


DocumentList = create_model(
    "Documents",
    documents=_list_of(
        _model_of(
            "DocumentEntry",
            types.DocumentInfo,
            without=["name", "path", "sha256"],
            document=(str, ...),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class ParagraphOnPage(types.Paragraph):
    """A paragraph of a document, and the page it begins on; null in a document without pages."""

    page: int | None


class DocumentText(BaseModel):
    """A document; every `start` and `end` counts characters (code points) of `text`."""

    document: str
    title: str
    date: str
    file: str
    text: str
    sections: list[types.Section]
    paragraphs: list[ParagraphOnPage]
    notes: list[types.Note]


class LibraryEntry(BaseModel):
    library: str
    default: bool


class Libraries(BaseModel):
    libraries: list[LibraryEntry]


class UploadJob(BaseModel):
    """An upload on its way into the library.

    `reason` says why it failed, or what is to be known of it.
    """

    job: str
    status: Literal["waiting", "adding", "added", "replaced", "unchanged", "failed"]
    document: str = ""
    chunks: int = 0
    reason: str = ""
    answered: tuple[str, ...] = Field(
        (), description="questions without an answer before that have one now"
    )

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
                "answered": job.answered,
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
    """Whether questions can be answered now, how many are under way, and how many of those wait."""

    ready: bool
    models: bool
    library: str = Field(
        description="what is wrong with the library of the server; empty for nothing"
    )
    asking: int
    waiting: int
    limit: int


# --- Server-sent events ---------------------------------------------------------------------------


def wants_events(request: Request) -> bool:
    """Return whether the request asks for events and not for one JSON."""
    return "text/event-stream" in request.headers.get("accept", "")


def event_of(name: str, value: object) -> str:
    """Return an event with a JSON value."""
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"
