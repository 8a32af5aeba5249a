"""Errors over HTTP: a status and a problem (RFC 9457) with one sentence.   [fastapi]"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from rag.errors import (
    BusyError,
    DocumentError,
    NotFoundError,
    RagError,
    StoppedError,
    TimedOutError,
    UsageError,
)
from rag.http.openai.shared import PATHS
from rag.service.service import RETRY_SECONDS


class Problem(BaseModel):
    """What went wrong (RFC 9457); `detail` is one sentence for people."""

    type: str = "about:blank"
    status: int
    detail: str
    request_id: str = ""


_PROBLEM = "application/problem+json"
_WHY = {
    400: "The request cannot be read.",
    401: "The token is missing or wrong.",
    403: "The page of another site asks.",
    404: "What is named is not there.",
    405: "The method is another.",
    413: "The request is too large.",
    421: "The server is asked by a name that is not its own.",
    422: "The request asks for what cannot be.",
    429: "Too many requests; Retry-After says when to go on.",
    503: (
        "The library or a model cannot be used, or too many ask; Retry-After says when to try"
        " again."
    ),
    504: "The answer took too long.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": why, "content": {_PROBLEM: {"schema": Problem.model_json_schema()}}}
    for status, why in _WHY.items()
}


def status_of(error: RagError) -> int:
    """Return the HTTP status for an error that a user can meet."""
    match error:
        case NotFoundError():
            return 404
        case TimedOutError():
            return 504
        case UsageError() | DocumentError():
            return 422
        case _:
            return 503


def _problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    problem = Problem(
        status=status, detail=detail, request_id=getattr(request.state, "request_id", "")
    )
    content = problem.model_dump()
    if request.url.path in PATHS:
        content["error"] = {
            "message": detail,
            "type": "invalid_request_error" if status < 500 else "server_error",
        }
    return JSONResponse(content, status, headers, _PROBLEM)


def add_error_handlers(app: FastAPI) -> None:
    """Have the application answer every error as a problem."""

    @app.exception_handler(RagError)
    async def of_ours(request: Request, error: RagError) -> Response:
        retry = (
            {"retry-after": str(RETRY_SECONDS)}
            if isinstance(error, BusyError | StoppedError)
            else None
        )
        return _problem(request, status_of(error), str(error), retry)

    @app.exception_handler(RequestValidationError)
    async def of_shape(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _problem(
            request,
            422,
            f"The request is off at {where}: {first['msg']}; /v1/openapi.json says what is "
            "expected.",
        )

    @app.exception_handler(StarletteHTTPException)
    async def of_http(request: Request, error: StarletteHTTPException) -> Response:
        return _problem(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def of_nobody(request: Request, error: Exception) -> Response:
        return _problem(request, 500, "The server has a fault; its log says which.")
