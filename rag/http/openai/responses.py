"""`/v1/responses`: a library in the form of OpenAI's responses.   [fastapi]"""

import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rag.errors import RagError, UsageError
from rag.http.openai.shared import (
    ANY_LIBRARY,
    JSON_OR_EVENTS,
    MAX_MESSAGE,
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


class ResponseRequest(BaseModel):
    """A question, or a conversation that ends with one.

    Other options of OpenAI's API are taken and have no effect.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [{"model": ANY_LIBRARY, "input": "How much did trade grow?"}]
        }
    }

    model: ModelName
    input: (
        Annotated[str, Field(max_length=MAX_MESSAGE)]
        | Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    )
    stream: Annotated[bool, Field(strict=True)] = False
    previous_response_id: str | None = None

    def messages(self) -> list[ChatMessage]:
        """Return the conversation; a mere text is the question."""
        if isinstance(self.input, str):
            return [ChatMessage(role="user", content=self.input)]
        return self.input


class _ResponseForm:
    """A response as it comes about, in OpenAI's form."""

    def __init__(self, service: Service, asked: ResponseRequest, server: str) -> None:
        self._service = service
        self._server = server
        self.library, self._warning = library_for_model(service, asked.model)
        self._said = [message.text for message in asked.messages()]
        self._message = f"msg_{uuid.uuid4().hex}"
        self._number = 0
        self._frame: dict[str, Any] = {
            "id": f"resp_{uuid.uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "model": asked.model,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": False,
            "temperature": None,
            "tool_choice": "none",
            "tools": [],
            "top_p": None,
            **self._warning,
        }

    async def whole(self, answer: Answer) -> dict[str, Any]:
        """Return the response with its answer."""
        text = answer_text(answer)
        asked = await run_in_threadpool(count_tokens, self._service, self._said)
        answered = await run_in_threadpool(count_tokens, self._service, [text])
        usage = {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + answered,
        }
        output = [self._item("completed", [self._part(answer)])]
        return self._frame | {"status": "completed", "output": output, "usage": usage}

    async def events(self, coming: AsyncGenerator[Event]) -> AsyncIterator[str]:
        """Yield the events of a response that is streamed."""
        started = self._frame | {"status": "in_progress", "output": []}
        place = {"item_id": self._message, "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": []}
        yield self._event("response.created", response=started)
        item = self._item("in_progress", [])
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._event("response.content_part.added", **place, part=empty)
        try:
            async for piece, answer in pieces_of(coming):
                yield self._event("response.output_text.delta", **place, delta=piece, logprobs=[])
                if answer:
                    part = self._part(answer)
                    text = part["text"]
                    yield self._event("response.output_text.done", **place, text=text, logprobs=[])
                    yield self._event("response.content_part.done", **place, part=part)
                    item = self._item("completed", [part])
                    yield self._event("response.output_item.done", output_index=0, item=item)
                    yield self._event("response.completed", response=await self.whole(answer))
        except RagError as error:  # the answer has begun, so its status cannot say so any more
            problem = {"code": "server_error", "message": str(error)}
            failed = self._frame | {"status": "failed", "output": [], "error": problem}
            yield self._event("response.failed", response=failed)

    def _item(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._message,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _part(self, answer: Answer) -> dict[str, Any]:
        text = answer_text(answer)
        cited = annotations(answer, text, self.library, self._server)
        return {"type": "output_text", "text": text, "annotations": cited}

    def _event(self, kind: str, **values: Any) -> str:  # noqa: ANN401 - values of JSON
        whole = {"type": kind, "sequence_number": self._number, **values}
        self._number += 1
        return f"event: {kind}\ndata: {json.dumps(whole)}\n\n"


def add_response_routes(app: FastAPI, service: Service) -> None:
    """Add the route of responses to the application."""

    @app.post(
        "/v1/responses", tags=["openai"], responses=JSON_OR_EVENTS, response_class=JSONResponse
    )
    async def responses(asked: ResponseRequest, request: Request) -> Response:
        """Answer a question; citations are footnotes in the text, and its annotations.

        Nothing is kept, so the turns before a question come with it.
        """
        if asked.previous_response_id:
            raise UsageError(
                "The server keeps no responses, so none can be gone on with; send the turns before "
                "the question in `input`."
            )
        said = turns_of(asked.messages())
        form = _ResponseForm(service, asked, str(request.base_url))
        events = answer_events(service, form.library, said, request.is_disconnected)
        if asked.stream:
            await anext(events)  # the hits; a bad question is refused before the answer begins
            return StreamingResponse(form.events(events), media_type="text/event-stream")
        return JSONResponse(await form.whole(await answer_of(events)))
