"""The HTTP API, with OpenAI's shape and the Model Context Protocol beside it.

Docs/api.md describes it.        [fastapi]
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.routing import Match

from rag.errors import RagError
from rag.http import conversations, documents, questions, unanswered
from rag.http.errors import PROBLEMS, add_error_handlers
from rag.http.limits import MAX_BODY, MAX_UPLOAD
from rag.http.mcp import make_server
from rag.http.openai.chat import add_chat_routes
from rag.http.openai.embeddings import add_embedding_routes
from rag.http.openai.responses import add_response_routes
from rag.http.openapi_page import OPENAPI, add_openapi_page
from rag.http.schemas import Health, Ready
from rag.service.client import proof
from rag.service.jobs import Jobs
from rag.service.service import MAX_QUESTIONS, Service

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]


def make_app(service: Service, jobs: Jobs, key: str, metrics: bool = False) -> FastAPI:
    """Return the application: the routes of docs/api.md, and the Model Context Protocol at /mcp.

    With the `key` the server proves its identity; with `metrics` there is a route for them. Access
    is checked by `access.Access`, which stands in front.
    """
    mcp = make_server(service)
    mcp_app = mcp.streamable_http_app(
        streamable_http_path="/mcp",
        transport_security=None,
        host="0.0.0.0",  # noqa: S104 - Access checks hosts
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with mcp.session_manager.run():
            yield

    app = FastAPI(
        title="Ask your reports",
        version="1",
        description="Answers from a library of reports, each sentence with a footnote of exact "
        "words. A request takes up to "
        f"{MAX_BODY / 1e6:.0f} MB, an upload {MAX_UPLOAD / 1e6:.0f} MB; {MAX_QUESTIONS} questions "
        f"are answered or wait at a time.",
        openapi_url=OPENAPI,
        docs_url=None,  # FastAPI's own fetch their scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses=PROBLEMS,
    )
    add_error_handlers(app)
    _add_routes(app, service, key)
    if metrics:
        _add_metrics(app, service)
    questions.add_question_routes(app, service)
    documents.add_document_routes(app, service, jobs)
    conversations.add_conversation_routes(app, service)
    unanswered.add_unanswered_routes(app, service)
    add_chat_routes(app, service)
    add_response_routes(app, service)
    add_embedding_routes(app, service)
    add_openapi_page(app)
    app.router.routes.extend(mcp_app.routes)
    _close(app)
    return app


def _add_routes(app: FastAPI, service: Service, key: str) -> None:
    """Add the routes for the health of the server."""

    @app.get("/health", tags=["server"], response_model_exclude_unset=True)
    def health(challenge: Annotated[str, Query(max_length=100)] = "") -> Health:
        """Report that the server is alive.

        Its answer to a `challenge` proves to a program that knows the server's key which server it
        is.
        """
        return (
            Health(status="ok", proof=proof(key, challenge)) if challenge else Health(status="ok")
        )

    @app.get(
        "/ready",
        tags=["server"],
        responses={503: {"model": Ready, "description": "Not yet, or not any more."}},
    )
    def ready(response: Response) -> Ready:
        """Report whether the models are loaded and the library of the server can be opened."""
        wrong = "" if service.loaded else "unknown until the models are loaded"
        if service.loaded:
            try:
                _ = service.pipeline(service.default).library.generation
            except RagError as error:
                wrong = str(error)
        response.status_code = 503 if wrong else 200
        return Ready(
            ready=not wrong,
            models=service.loaded,
            library=wrong,
            asking=service.active_questions,
            waiting=service.waiting_questions,
            limit=MAX_QUESTIONS,
        )


def _add_metrics(app: FastAPI, service: Service) -> None:
    @app.get("/metrics", tags=["server"], response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        """Return what the server has done, for Prometheus: counts and seconds, no text."""
        now = {"rag_asking": service.active_questions, "rag_line_length": service.waiting_questions}
        return PlainTextResponse(service.metrics.text(now), media_type="text/plain; version=0.0.4")


def _close(app: FastAPI) -> None:
    """Answer paths without a route as the API does, before the page at / can take them."""

    @app.api_route("/health", methods=_METHODS, include_in_schema=False)
    @app.api_route("/metrics", methods=_METHODS, include_in_schema=False)
    @app.api_route("/ready", methods=_METHODS, include_in_schema=False)
    @app.api_route("/v1/{rest:path}", methods=_METHODS, include_in_schema=False)
    def elsewhere(request: Request) -> None:
        near = [r for r in app.routes if r.matches(request.scope)[0] is Match.PARTIAL]
        if methods := sorted(
            {method for route in near for method in getattr(route, "methods", None) or ()}
        ):
            raise HTTPException(
                405, f"Here only {', '.join(methods)} is answered.", {"allow": ", ".join(methods)}
            )
        raise HTTPException(404, "There is nothing here; /v1/openapi.json lists what there is.")
