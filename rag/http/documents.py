"""The routes that list, show, add and remove documents.   [fastapi]"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from rag.errors import NotFoundError
from rag.http.schemas import (
    DocumentList,
    DocumentText,
    Libraries,
    LibraryQuery,
    UploadJob,
    event_of,
    wants_events,
)
from rag.service.jobs import Jobs
from rag.service.service import Service

_JOB_POLL_SECONDS = 0.2  # how often a job that is followed is looked up


def add_document_routes(app: FastAPI, service: Service, jobs: Jobs) -> None:
    """Add the routes of libraries, uploads and documents to the application."""
    _add_lists(app, service)
    _add_uploads(app, service, jobs)
    _add_document(app, service)


def _add_lists(app: FastAPI, service: Service) -> None:
    @app.get("/v1/libraries", tags=["documents"], response_model=Libraries)
    def libraries() -> dict[str, Any]:
        """List the libraries of the server."""
        return {
            "libraries": [
                {"library": name, "default": name == service.default}
                for name in service.libraries()
            ]
        }

    @app.get("/v1/documents", tags=["documents"], response_model=DocumentList)
    def documents(library: LibraryQuery = None) -> dict[str, Any]:
        """List the documents of a library, sorted by name."""
        found = service.pipeline(library or service.default).library.documents()
        return {"documents": [{"document": d.name} | asdict(d) for d in found]}


def _add_uploads(app: FastAPI, service: Service, jobs: Jobs) -> None:
    @app.post("/v1/documents", tags=["documents"], status_code=202, response_model=UploadJob)
    def upload(
        file: UploadFile,
        library: LibraryQuery = None,
        replaces: Annotated[str, Query(max_length=300)] = "",
    ) -> UploadJob:
        """Add a report, or, with `replaces`, put it in the place of the document of that name.

        It is added in its turn, see the job for how far it is. The document is named after the
        file, with a number where another one has the name. A file that the library holds already
        is not added again.
        """
        name = library or service.default
        service.pipeline(name, create=True)
        return UploadJob.of(jobs.upload(name, file.filename or "", file.file, replaces))

    @app.get(
        "/v1/jobs/{job}",
        tags=["documents"],
        response_model=UploadJob,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def job(job: str, request: Request) -> Any:  # noqa: ANN401 - a Job, or a stream of events
        """Return the progress of an upload.

        The answer is JSON, or, with `Accept: text/event-stream`, a `job` event for each step.
        """
        now = jobs.get(job)
        return (
            StreamingResponse(_steps(jobs, job), media_type="text/event-stream")
            if wants_events(request)
            else UploadJob.of(now)
        )


def _add_document(app: FastAPI, service: Service) -> None:
    @app.delete("/v1/documents/{document}", tags=["documents"], status_code=204)
    def delete(document: str, library: LibraryQuery = None) -> None:
        """Remove a document from the library."""
        store = service.pipeline(library or service.default).library
        store.remove(document)

    @app.get("/v1/documents/{document}/text", tags=["documents"], response_model=DocumentText)
    def text(document: str, library: LibraryQuery = None) -> dict[str, Any]:
        """Return the whole text of a document with its sections, paragraphs and notes."""
        pipeline = service.pipeline(library or service.default)
        found = pipeline.document(document)
        return {
            "document": found.name,
            "title": found.title,
            "date": found.date,
            "file": found.file,
            "text": found.text,
            "sections": [asdict(section) for section in found.sections],
            "paragraphs": [asdict(p) | {"page": found.page_at(p.start)} for p in found.paragraphs],
            "notes": [asdict(note) for note in found.notes],
        }

    @app.get(
        "/v1/documents/{document}/pages/{page}.png",
        tags=["documents"],
        response_class=Response,
        responses={200: {"description": "The picture.", "content": {"image/png": {}}}},
    )
    def page(
        document: str,
        page: int,
        library: LibraryQuery = None,
        width: Annotated[int, Query(ge=100, le=3000, description="in pixels")] = 1200,
    ) -> Response:
        """Return a page of a PDF as a picture, if its file has not changed since it was read.

        Pages count from 1; paragraphs and citations state them.
        """
        return Response(
            service.page_image(library or service.default, document, page, width),
            media_type="image/png",
        )


async def _steps(jobs: Jobs, id: str) -> AsyncIterator[str]:
    shown = None
    with suppress(NotFoundError):  # so many came after it that it was forgotten
        while shown is None or not shown.finished:
            now = jobs.get(id)
            if now != shown:
                yield event_of("job", UploadJob.of(now).model_dump())
            shown = now
            await asyncio.sleep(0 if now.finished else _JOB_POLL_SECONDS)
