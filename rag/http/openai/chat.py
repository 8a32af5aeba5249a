"""`/v1/models` and `/v1/chat/completions`: a library as a chat model.   [fastapi]"""

import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rag.errors import RagError
from rag.http.openai.shared import (
    ANY_LIBRARY,
    JSON_OR_EVENTS,
    MAX_MESSAGES,
    ChatMessage,
    ModelName,
    annotations,
    answer_events,
    answer_of,
    count_tokens,
    library_for_model,
    pieces_of,
    turns_of,
)
from rag.render.text import answer_text
from rag.service.service import Service
from rag.types import Answer, Event


class StreamOptions(BaseModel):
    """What is sent beside the pieces of an answer."""

    include_usage: Annotated[bool, Field(strict=True)] = False


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

    model: ModelName
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: Annotated[bool, Field(strict=True)] = False
    stream_options: StreamOptions | None = None


class _ChatForm:
    """A question of a chat on its way to an answer in OpenAI's form."""

    def __init__(self, service: Service, chat: Completion, server: str) -> None:
        self._service = service
        self._server = server
        self.library, self._warning = library_for_model(service, chat.model)
        self._said = [message.text for message in chat.messages]
        self._frame = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": chat.model,
        }

    async def completion(self, answer: Answer) -> dict[str, Any]:
        """Return a completion that is not streamed."""
        text = answer_text(answer)
        message = {"role": "assistant", "content": text, "annotations": self._cited(answer, text)}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        form = {"object": "chat.completion", "choices": [choice], "usage": await self._usage(text)}
        return self._frame | form | self._warning

    async def chunks(
        self, events: AsyncGenerator[Event], include_usage: bool
    ) -> AsyncIterator[str]:
        """Yield the events of a completion that is streamed."""
        yield self._chunk({"role": "assistant", "content": ""}, more=self._warning)
        try:
            async for piece, answer in pieces_of(events):
                delta: dict[str, Any] = {"content": piece}
                if answer:
                    text = answer_text(answer)
                    delta["annotations"] = self._cited(answer, text)
                yield self._chunk(delta)
            yield self._chunk({}, "stop")
            if include_usage:
                usage = await self._usage(text)
                yield self._event({"choices": [], "usage": usage})
        except RagError as error:  # the answer has begun, so its status cannot say so any more
            problem = {"message": str(error), "type": "server_error", "code": None}
            yield f"data: {json.dumps({'error': problem})}\n\n"
        yield "data: [DONE]\n\n"

    def _chunk(
        self,
        delta: dict[str, Any],
        finish: str | None = None,
        more: dict[str, str] | None = None,
    ) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        return self._event({"choices": choices, **(more or {})})

    def _event(self, values: dict[str, Any]) -> str:
        whole = {**self._frame, "object": "chat.completion.chunk", **values}
        return f"data: {json.dumps(whole)}\n\n"

    def _cited(self, answer: Answer, text: str) -> list[dict[str, Any]]:
        """Return the annotations in the form of a chat, where a link has an object of its own."""
        rows = annotations(answer, text, self.library, self._server)
        inside = ("start_index", "end_index", "title", "url")
        return [
            {
                "type": row["type"],
                "url_citation": {key: row[key] for key in inside},
                **{key: value for key, value in row.items() if key not in (*inside, "type")},
            }
            for row in rows
        ]

    async def _usage(self, text: str) -> dict[str, int]:
        prompt = await run_in_threadpool(count_tokens, self._service, self._said)
        answered = await run_in_threadpool(count_tokens, self._service, [text])
        return {
            "prompt_tokens": prompt,
            "completion_tokens": answered,
            "total_tokens": prompt + answered,
        }


def add_chat_routes(app: FastAPI, service: Service) -> None:
    """Add the routes of models and chats to the application."""

    @app.get("/v1/models", tags=["openai"])
    def models() -> dict[str, Any]:
        """Return the libraries, as models."""
        names = [ANY_LIBRARY, *service.libraries()]
        return {
            "object": "list",
            "data": [{"id": n, "object": "model", "created": 0, "owned_by": "rag"} for n in names],
        }

    @app.post(
        "/v1/chat/completions",
        tags=["openai"],
        responses=JSON_OR_EVENTS,
        response_class=JSONResponse,
    )
    async def completions(chat: Completion, request: Request) -> Response:
        """Answer the last message of the user.

        Citations are footnotes in the text, and annotations of the message.
        """
        said = turns_of(chat.messages)
        exchange = _ChatForm(service, chat, str(request.base_url))
        events = answer_events(service, exchange.library, said, request.is_disconnected)
        if chat.stream:
            await anext(events)  # the hits; a bad question is refused before the answer begins
            include_usage = chat.stream_options is not None and chat.stream_options.include_usage
            return StreamingResponse(
                exchange.chunks(events, include_usage), media_type="text/event-stream"
            )
        return JSONResponse(await exchange.completion(await answer_of(events)))
