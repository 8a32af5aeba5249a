"""The library as a chat model, in the shape of OpenAI's API, so that programs made for that can
ask it.   [fastapi]
"""

import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from rag.errors import RagError, UsageError
from rag.render.text import answer_text
from rag.service.fair_queue import RequestContext
from rag.service.service import Service
from rag.service.threads import iterate_for_client
from rag.text.characters import printable
from rag.types import Answer, Event, Sentence, Turn

PATHS = (
    "/v1/models",
    "/v1/chat/completions",
)  # whose clients look for an error in a place of their own
ANY_LIBRARY = "rag"  # the model that stands for the library the server was started with
MAX_MESSAGES = 200
MAX_MESSAGE = 100_000  # characters; only questions are searched with, and those are shorter


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


class Completion(BaseModel):
    """A chat; the last message of the user is the question.

    Other options of OpenAI's API are taken and have no effect.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "model": ANY_LIBRARY,
                    "messages": [{"role": "user", "content": "How much did trade grow?"}],
                }
            ]
        }
    }

    model: Annotated[
        str,
        Field(
            max_length=100, description=f"a library, or {ANY_LIBRARY!r} for the one of the server"
        ),
    ]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: Annotated[bool, Field(strict=True)] = False


def add_openai_routes(app: FastAPI, service: Service) -> None:
    """Add the routes of `PATHS` to the application."""

    @app.get("/v1/models", tags=["openai"])
    def models() -> dict[str, Any]:
        """List the libraries, as models."""
        names = [ANY_LIBRARY, *service.libraries()]
        return {
            "object": "list",
            "data": [{"id": n, "object": "model", "created": 0, "owned_by": "rag"} for n in names],
        }

    @app.post(
        "/v1/chat/completions",
        tags=["openai"],
        responses={
            200: {
                "content": {
                    "application/json": {"schema": {"type": "object"}},
                    "text/event-stream": {},
                }
            }
        },
        response_class=JSONResponse,
    )
    async def completions(chat: Completion, request: Request) -> Response:
        """Answer the last message of the user.

        Citations are footnotes in the text, and annotations of the message.
        """
        said = [Turn(m.role, m.text) for m in chat.messages if m.role in ("user", "assistant")]
        if not said or said[-1].role != "user":
            raise UsageError(
                "The last message is not the user's; end the messages with the question."
            )
        library = service.default if chat.model == ANY_LIBRARY else chat.model
        context = RequestContext()
        events = iterate_for_client(
            service.stream(library, said[-1].text, context, said[:-1]),
            context,
            request.is_disconnected,
        )
        frame = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": chat.model,
        }
        if chat.stream:
            await anext(events)  # the hits; a bad question is refused before the answer begins
            return StreamingResponse(
                _chunks(events, library, frame), media_type="text/event-stream"
            )
        async with aclosing(events):
            answer = [event async for event in events if isinstance(event, Answer)][-1]
        return JSONResponse(frame | _completion(answer, library))


def _completion(answer: Answer, library: str) -> dict[str, Any]:
    """Return what a completion that is not streamed has beside its frame."""
    text = answer_text(answer)
    message = {
        "role": "assistant",
        "content": text,
        "annotations": annotations(answer, text, library),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {"object": "chat.completion", "choices": [choice]}


def annotations(answer: Answer, text: str, library: str) -> list[dict[str, Any]]:
    """Return the citations of an answer as annotations of `text`.

    Where its marker stands, and the words of the document.
    """
    first = {
        c.marker: text.index(f"[{c.marker}]") for c in answer.citations
    }  # a marker stands before its footnote
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": first[c.marker],
                "end_index": first[c.marker] + len(f"[{c.marker}]"),
                "title": c.title,
                "url": f"/v1/documents/{quote(c.document, safe='')}/text?library={quote(library)}",
            },
            "document": c.document,
            "start": c.start,
            "end": c.end,
            "quote": c.quote,
        }
        for c in answer.citations
    ]


async def _chunks(
    events: AsyncGenerator[Event], library: str, frame: dict[str, Any]
) -> AsyncIterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        return (
            "data:"
            f" {json.dumps({**frame, 'object': 'chat.completion.chunk', 'choices': choices})}\n\n"
        )

    said = ""
    yield chunk({"role": "assistant", "content": ""})
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Sentence):
                    piece = printable(
                        (" " if said else "")
                        + event.text
                        + "".join(f"[{m}]" for m in event.markers)
                    )
                    said += piece
                    yield chunk({"content": piece})
                elif isinstance(event, Answer):
                    text = answer_text(event)
                    rest = text.removeprefix(said) if text.startswith(said) else f"\n\n{text}"
                    yield chunk({"content": rest, "annotations": annotations(event, text, library)})
                    yield chunk({}, "stop")
    except RagError as error:  # the answer has begun, so its status cannot say so any more
        problem = {"message": str(error), "type": "server_error", "code": None}
        yield f"data: {json.dumps({'error': problem})}\n\n"
    yield "data: [DONE]\n\n"
