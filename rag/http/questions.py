"""The routes that search and answer.   [fastapi]"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from rag import types
from rag.errors import RagError
from rag.http import conversations
from rag.http.errors import Problem, status_of
from rag.http.schemas import AnswerResponse, Ask, Search, SearchResponse, event_of, wants_events
from rag.render.json import answer_json, hit_json
from rag.service.fair_queue import RequestContext
from rag.service.service import Service
from rag.service.threads import iterate_for_client


def add_question_routes(app: FastAPI, service: Service) -> None:
    """Add the routes to the application."""

    @app.post("/v1/search", tags=["questions"], response_model=SearchResponse)
    def search(body: Search) -> dict[str, Any]:
        """Find the passages nearest to a question.

        No language model is used, and none is waited for.
        """
        pipeline = service.pipeline(body.library or service.default)
        hits = pipeline.passages(body.question, body.k, body.turns(), body.filter.selected())
        return {"hits": [hit_json(hit) for hit in hits]}

    @app.post(
        "/v1/ask",
        tags=["questions"],
        response_model=AnswerResponse,
        response_model_exclude_unset=True,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def ask(body: Ask, request: Request) -> Any:  # noqa: ANN401 - or events
        """Answer a question: as JSON, or, asked with `Accept.

        Text/event-stream`, as events: `hits`, then a `sentence` each, then the whole `answer`, or
        `error` with a problem. Who leaves stops the model.
        """
        context, library = RequestContext(), body.library or service.default
        history = [
            *await conversations.history(service, library, body.conversation),
            *body.turns(),
        ]
        source = service.stream(
            library, body.question, context, history, body.certainty, body.filter.selected()
        )
        events = iterate_for_client(source, context, request.is_disconnected)

        async def shown(answer: types.Answer) -> dict[str, Any]:
            return answer_json(answer) | await conversations.keep(
                service, library, body.conversation, answer
            )

        if wants_events(request):
            first = await anext(events)  # what is wrong with the question is said by the status
            return StreamingResponse(_events(first, events, shown), media_type="text/event-stream")
        async with aclosing(events):
            return [
                await shown(event) async for event in events if isinstance(event, types.Answer)
            ][-1]


async def _events(
    first: types.Event,
    events: AsyncGenerator[types.Event],
    shown: Callable[[types.Answer], Awaitable[dict[str, Any]]],
) -> AsyncIterator[str]:
    async def as_event(event: types.Event) -> str:
        match event:
            case types.Found():
                return event_of("hits", [hit_json(hit) for hit in event.hits])
            case types.Sentence():
                return event_of("sentence", asdict(event))
            case types.Answer():
                return event_of("answer", await shown(event))

    try:
        async with aclosing(events):
            yield await as_event(first)
            async for event in events:
                yield await as_event(event)
    except RagError as error:
        yield event_of("error", Problem(status=status_of(error), detail=str(error)).model_dump())
