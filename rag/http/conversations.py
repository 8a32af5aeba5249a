"""Conversations over HTTP.

The routes to those that were kept, and how a question goes on with one.               [fastapi]
"""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Path, Query
from fastapi.responses import Response

from rag.http.schemas import (
    ConversationAnswers,
    ConversationEntry,
    ConversationList,
    LibraryQuery,
    NewName,
)
from rag.render.export import MEDIA_TYPES, ExportFormat, export, file_name
from rag.render.json import answer_json, conversation_json
from rag.service.service import Service
from rag.types import Answer, Turn

if TYPE_CHECKING:
    from rag.library.sql.conversations import Conversations

Key = Annotated[int, Path(ge=1, alias="conversation", description="the key of a conversation")]


def add_conversation_routes(app: FastAPI, service: Service) -> None:
    """Add the routes below /v1/conversations to the application."""

    @app.get("/v1/conversations", tags=["conversations"], response_model=ConversationList)
    def conversations(
        library: LibraryQuery = None, words: Annotated[str, Query(max_length=1000)] = ""
    ) -> dict[str, Any]:
        """List the kept conversations, the last changed first.

        With `words` only those that have all of them.
        """
        found = service.pipeline(library or service.default).library.conversations.listing(words)
        return {"conversations": [conversation_json(conversation) for conversation in found]}

    @app.get(
        "/v1/conversations/{conversation}",
        tags=["conversations"],
        response_model=ConversationAnswers,
        response_model_exclude_unset=True,
    )
    def read(key: Key, library: LibraryQuery = None) -> dict[str, Any]:
        """Return a conversation with its answers."""
        kept = _kept(service, library, key)
        return {
            **conversation_json(kept.conversation(key)),
            "answers": [answer_json(answer) for answer in kept.answers(key)],
        }

    @app.patch(
        "/v1/conversations/{conversation}", tags=["conversations"], response_model=ConversationEntry
    )
    def rename(key: Key, body: NewName, library: LibraryQuery = None) -> dict[str, Any]:
        """Give a conversation another name."""
        kept = _kept(service, library, key)
        kept.rename(key, body.name)
        return conversation_json(kept.conversation(key))

    @app.delete("/v1/conversations/{conversation}", tags=["conversations"], status_code=204)
    def remove(key: Key, library: LibraryQuery = None) -> None:
        """Remove a conversation with its answers."""
        _kept(service, library, key).remove(key)

    _add_export(app, service)


def _add_export(app: FastAPI, service: Service) -> None:
    @app.get(
        "/v1/conversations/{conversation}/export",
        tags=["conversations"],
        response_class=Response,
        responses={
            200: {
                "description": "The file.",
                "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()},
            }
        },
    )
    def export_file(key: Key, kind: ExportFormat, library: LibraryQuery = None) -> Response:
        """Export a conversation as a file: Markdown, HTML, Word or JSON.

        It has what is needed to check every footnote.
        """
        kept = _kept(service, library, key)
        name = kept.conversation(key).name
        pipeline = service.pipeline(library or service.default)
        return Response(
            export(name, kept.answers(key), pipeline.document, kind),
            media_type=MEDIA_TYPES[kind],
            headers={
                "content-disposition": (
                    f"attachment; filename*=UTF-8''{quote(file_name(name, kind))}"
                )
            },
        )


async def history(service: Service, library: str, key: int | None) -> list[Turn]:
    """Return what was asked in the conversation before.

    Nothing for a new one, 0, and for none. Raises NotFoundError.
    """
    return await asyncio.to_thread(lambda: _kept(service, library, key).history(key)) if key else []


async def keep(service: Service, library: str, key: int | None, answer: Answer) -> dict[str, int]:
    """Keep an answer, and return the conversation it is kept in, for its JSON.

    A new one for 0; none if there is no key.
    """
    if key is None:
        return {}
    kept = service.pipeline(library).library.conversations
    return {"conversation": await asyncio.to_thread(kept.keep, key, answer)}


def _kept(service: Service, library: str | None, key: int) -> "Conversations":
    """Return the conversations of a library, in which the one with that key exists.

    Raises NotFoundError if there is none.
    """
    kept = service.pipeline(library or service.default).library.conversations
    kept.conversation(key)
    return kept
