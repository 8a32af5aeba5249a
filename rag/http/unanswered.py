"""The questions that the reports did not answer, over HTTP.   [fastapi]"""

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI

from rag.http.schemas import LibraryQuery, UnansweredList
from rag.service.service import Service


def add_unanswered_routes(app: FastAPI, service: Service) -> None:
    """Add the routes of /v1/unanswered to the application."""

    @app.get("/v1/unanswered", tags=["questions"], response_model=UnansweredList)
    def unanswered(library: LibraryQuery = None) -> dict[str, Any]:
        """List the questions that the reports did not answer, the last asked first.

        `answered` is the time when documents that answer it were added, "" if none were.
        """
        kept = service.pipeline(library or service.default).library.unanswered.listing()
        return {"unanswered": [asdict(question) for question in kept]}

    @app.delete("/v1/unanswered", tags=["questions"], status_code=204)
    def clear(library: LibraryQuery = None) -> None:
        """Remove all of them."""
        service.pipeline(library or service.default).library.unanswered.clear()
