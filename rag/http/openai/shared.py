"""What the routes in OpenAI's form share: messages, models, citations and counted tokens.
[pydantic]
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from rag.errors import UsageError
from rag.render.text import answer_text
from rag.service.fair_queue import RequestContext
from rag.service.service import Service
from rag.service.threads import iterate_for_client
from rag.text.characters import printable
from rag.types import Answer, Event, Sentence, Turn

# Whose clients look for an error in a place of their own.
PATHS = ("/v1/models", "/v1/chat/completions", "/v1/responses", "/v1/embeddings")
ANY_LIBRARY = "rag"  # the model that stands for the library the server was started with
MAX_MESSAGES = 200
MAX_MESSAGE = 100_000  # characters; only questions are searched with, and those are shorter

ModelName = Annotated[
    str,
    Field(
        max_length=100,
        description=f"a library, or {ANY_LIBRARY!r} for the one of the server; any other name is "
        "taken for that one, and `warning` says so",
    ),
]
# What a route in this form answers, which their clients describe better than a schema of ours.
JSON_OR_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}


class Part(BaseModel):
    """A piece of a message; pieces that are no text are not read."""

    type: str
    text: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""


class ChatMessage(BaseModel):
    """One turn of the conversation.

    Instructions of the system are not followed: what is said is what the reports say.
    """

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: (
        Annotated[str, Field(max_length=MAX_MESSAGE)]
        | Annotated[list[Part], Field(max_length=100)]
        | None
    ) = None

    @property
    def text(self) -> str:
        return (
            self.content
            if isinstance(self.content, str)
            else " ".join(part.text for part in self.content or [])
        )


def turns_of(messages: Iterable[ChatMessage]) -> list[Turn]:
    """Return what user and assistant said, the question last.

    Raises UsageError where the last message is not the user's.
    """
    said = [Turn(m.role, m.text) for m in messages if m.role in ("user", "assistant")]
    if not said or said[-1].role != "user":
        raise UsageError("The last message is not the user's; end the messages with the question.")
    return said


def library_for_model(service: Service, model: str) -> tuple[str, dict[str, str]]:
    """Return the library that a model's name stands for, and what is to be said of it.

    Programs send the name of a model they know, as "gpt-4o"; that is answered from the library of
    the server.
    """
    if model == ANY_LIBRARY or model == service.default:
        return service.default, {}
    if model in service.libraries():
        return model, {}
    told = f"There is no library {printable(model)!r}, so {service.default!r} was asked."
    return service.default, {"warning": told}


def annotations(answer: Answer, text: str, library: str, server: str) -> list[dict[str, Any]]:
    """Return the citations of an answer as annotations of `text`.

    Where its marker stands, and the words of the document; `server` is the address that links
    begin with.
    """
    first = {
        c.marker: text.index(f"[{c.marker}]") for c in answer.citations
    }  # a marker stands before its footnote
    return [
        {
            "type": "url_citation",
            "start_index": first[c.marker],
            "end_index": first[c.marker] + len(f"[{c.marker}]"),
            "title": c.title,
            "url": f"{server.rstrip('/')}/v1/documents/{quote(c.document, safe='')}/text"
            f"?library={quote(library)}",
            "document": c.document,
            "start": c.start,
            "end": c.end,
            "quote": c.quote,
        }
        for c in answer.citations
    ]


def answer_events(
    service: Service,
    library: str,
    said: Sequence[Turn],
    is_gone: Callable[[], Awaitable[bool]],
) -> AsyncGenerator[Event]:
    """Ask a library the last of the turns; yield what comes of it until the client is gone."""
    context = RequestContext()
    *before, question = said
    return iterate_for_client(
        service.stream(library, question.text, context, before), context, is_gone
    )


async def answer_of(events: AsyncGenerator[Event]) -> Answer:
    """Return the whole answer, which is the last of the events."""
    async with aclosing(events):
        return [event async for event in events if isinstance(event, Answer)][-1]


async def pieces_of(events: AsyncGenerator[Event]) -> AsyncIterator[tuple[str, Answer | None]]:
    """Yield the text of an answer as it comes, at last what is left of it with the whole answer."""
    said = ""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Sentence):
                piece = printable(
                    (" " if said else "") + event.text + "".join(f"[{m}]" for m in event.markers)
                )
                said += piece
                yield piece, None
            elif isinstance(event, Answer):
                text = answer_text(event)
                yield text.removeprefix(said) if text.startswith(said) else f"\n\n{text}", event


def count_tokens(service: Service, texts: Iterable[str]) -> int:
    """Return how many tokens of the embedding model the texts have."""
    count = service.models.embedder.count_tokens
    return sum(count(text) for text in texts)
