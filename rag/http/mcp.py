"""The library as tools and resources of the Model Context Protocol, for assistants and editors.
[mcp]
"""

from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Annotated, Any
from urllib.parse import quote, unquote

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.types import Resource, ToolAnnotations
from pydantic import Field

from rag.config import MAX_QUESTION
from rag.errors import RagError
from rag.render.json import answer_json, hit_json
from rag.service.fair_queue import RequestContext
from rag.service.service import Service
from rag.service.threads import iterate_for_client
from rag.types import Answer

MAX_PASSAGE = 20_000  # characters of one reading: some ten pages
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_INSTRUCTIONS = (
    "Answers from a library of reports, each sentence with citations. A citation names a document "
    "and the span of its text that "
    "holds the quoted words; read_passage shows what stands around them. Where `abstained` is "
    "true, the reports do not answer."
)

QuestionArgument = Annotated[
    str, Field(min_length=1, max_length=MAX_QUESTION, description="a question in plain words")
]


class _DocumentsServer(MCPServer):
    """A server whose resources are the documents there are at the moment."""

    def __init__(self, service: Service) -> None:
        super().__init__("rag", instructions=_INSTRUCTIONS, log_level="ERROR")
        self._service = service

    async def list_resources(self) -> list[Resource]:
        service = self._service
        if service.default not in service.libraries():
            return []
        return [
            Resource(
                uri=f"rag://documents/{quote(d.name, safe='')}",
                name=d.name,
                title=d.title,
                mime_type="text/plain",
            )
            for d in service.pipeline(service.default).library.documents()
        ]


def make_server(service: Service) -> MCPServer:
    """Return a server of the library the service was started with.

    The tools search, ask and read_passage, a resource for each document.

    An ask that is cancelled stops the model.
    """
    server = _DocumentsServer(service)
    _add_tools(server, service)
    _add_document_resource(server, service)
    return server


def _add_tools(server: MCPServer, service: Service) -> None:

    @server.tool(annotations=_READS)
    def search(
        question: QuestionArgument,
        k: Annotated[int, Field(ge=1, le=50, description="how many")] = 8,
    ) -> dict[str, Any]:
        """Find the passages nearest to a question, each with its document and the span of its text.

        No language model is used.
        """
        with _raise_as(ToolError):
            return {
                "hits": [
                    hit_json(hit) for hit in service.pipeline(service.default).passages(question, k)
                ]
            }

    @server.tool(annotations=_READS)
    async def ask(question: QuestionArgument) -> dict[str, Any]:
        """Answer a question from the reports, with a citation of exact words for every sentence.

        `abstained` is true if the reports do not answer it.
        """
        context = RequestContext()
        with _raise_as(ToolError):
            async with aclosing(
                iterate_for_client(service.stream(service.default, question, context), context)
            ) as events:
                return [answer_json(event) async for event in events if isinstance(event, Answer)][
                    -1
                ]

    @server.tool(annotations=_READS)
    def read_passage(
        document: Annotated[str, Field(description="the name of a document")],
        start: Annotated[int, Field(ge=0, description="the first character")] = 0,
        end: Annotated[int | None, Field(ge=0, description="behind the last character")] = None,
    ) -> dict[str, Any]:
        """Return the exact text of a document from `start` to `end`, up to a limit for one call.

        `length` is that of the whole text.
        """
        with _raise_as(ToolError):
            text = service.pipeline(service.default).document(document).text
        end = min(start + MAX_PASSAGE, len(text) if end is None else end, len(text))
        return {
            "document": document,
            "start": start,
            "end": max(start, end),
            "length": len(text),
            "text": text[start:end],
        }


def _add_document_resource(server: MCPServer, service: Service) -> None:
    @server.resource(
        "rag://documents/{name}", mime_type="text/plain", description="the whole text of a document"
    )
    def document(name: str) -> str:
        with _raise_as(ResourceError):
            return service.pipeline(service.default).document(unquote(name)).text


@contextmanager
def _raise_as(kind: type[Exception]) -> Iterator[None]:
    """Raise the protocol's error with the message of an error that a user can meet."""
    try:
        yield
    except RagError as error:
        raise kind(str(error)) from error
