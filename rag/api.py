"""The HTTP API, with OpenAI's shape and the Model Context Protocol beside it; docs/api.md describes it.        [fastapi]"""

import asyncio
import json
import logging
import queue
import shutil
import tempfile
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from rag import conversations_api, openai_api, types
from rag.access import MAX_BODY, MAX_UPLOAD
from rag.mcp_server import make_server
from rag.pipeline import MAX_QUESTION
from rag.render import answer_json, hit_json
from rag.service import (
    MAX_ASKING,
    RETRY_SECONDS,
    Asking,
    BusyError,
    LateError,
    NotFoundError,
    Service,
    StoppedError,
    pumped,
    suffix_of,
)

MAX_WAITING_UPLOADS = 32  # each is a file of up to 50 MB on the disk
MAX_JOBS = 1000  # remembered; of more the oldest are forgotten
_LOOK_SECONDS = 0.2
_log = logging.getLogger("rag.api")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]

# --- What is sent and what comes back -----------------------------------------------------------------------------

_DATE = r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$"
LibraryName = Annotated[str | None, Field(max_length=64, description="the library; by default that of the server")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Turn(_Body):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    text: Annotated[str, Field(max_length=20_000)]


class Filter(_Body):
    """Which passages may be found; a part left empty leaves nothing out."""

    documents: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=100)] = []
    after: Annotated[str, Field(pattern=_DATE, description="a day, month or year, itself included", examples=["2023-03"])] = ""
    before: Annotated[str, Field(pattern=_DATE)] = ""
    speaker: Annotated[str, Field(max_length=200, description="words of the name of one who is quoted")] = ""
    section: Annotated[str, Field(max_length=200, description="words of the headings")] = ""

    def selected(self) -> types.Filter:
        return types.Filter(tuple(self.documents), self.after, self.before, self.speaker, self.section)


class Asked(_Body):
    """A question, and what it is asked of."""

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    library: LibraryName = None
    history: Annotated[list[Turn], Field(max_length=100)] = []
    filter: Filter = Filter()

    def turns(self) -> list[types.Turn]:
        return [types.Turn(turn.role, turn.text) for turn in self.history]


class Search(Asked):
    """What to search for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"question": "How much did trade grow?", "k": 3}]})
    k: Annotated[int, Field(ge=1, le=100, description="how many passages")] = 10


class Ask(Asked):
    """What to answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"question": "How much did trade grow?"}]})
    certainty: Annotated[
        float | None, Field(ge=0, le=1, description="0: tell me what you have; 1: only when certain; null: as the server is set")
    ] = None
    conversation: Annotated[
        int | None,
        Field(ge=0, description="follow up and keep the answer in this conversation; 0 begins one, null keeps nothing"),
    ] = None


class Hit(BaseModel):
    """A passage that was found: `text` is the document's text from `start` to `end`."""

    document: str
    number: int = Field(description="of the passage in its document, from 0")
    title: str
    section: str
    paragraph: int
    start: int
    end: int
    text: str
    context: str = Field(description="title, headings and speaker, with which the passage is found")
    score: float
    found_by: Literal["dense", "lexical", "both"]


class Hits(BaseModel):
    hits: list[Hit]


class Note(BaseModel):
    """A note of the document itself."""

    number: str
    text: str
    start: int
    end: int


class Sentence(BaseModel):
    text: str
    verdict: Literal["supported", "partly", "unsupported"]
    markers: list[int]
    reason: str


class Citation(BaseModel):
    """A marker of the answer and the exact words it rests on: `quote` is the document's text from `start` to `end`."""

    marker: int
    document: str
    title: str
    section: str
    page: int | None
    paragraph: int
    speaker: str
    start: int
    end: int
    quote: str
    note: Note | None


class Seconds(BaseModel):
    retrieve: float
    first_token: float | None
    total: float


class Answer(BaseModel):
    """An answer with its citations. Where `abstained`, the reports do not answer, and `hits` are the nearest passages."""

    question: str
    answer: str
    abstained: bool
    mode: Literal["generated", "extractive"]
    sentences: list[Sentence]
    citations: list[Citation]
    hits: list[Hit]
    seconds: Seconds
    conversation: int | None = Field(None, description="the one that keeps the answer")


class DocumentEntry(BaseModel):
    document: str
    title: str
    date: str
    file: str
    paragraphs: int
    chunks: int


class Documents(BaseModel):
    documents: list[DocumentEntry]


class SectionSpan(BaseModel):
    heading: str
    path: list[str]
    start: int
    end: int


class ParagraphSpan(BaseModel):
    number: int
    kind: Literal["text", "heading", "furniture", "note"]
    section: int
    page: int | None
    start: int
    end: int


class DocumentText(BaseModel):
    """A document; every `start` and `end` counts characters (code points) of `text`."""

    document: str
    title: str
    date: str
    file: str
    text: str
    sections: list[SectionSpan]
    paragraphs: list[ParagraphSpan]
    notes: list[Note]


class LibraryEntry(BaseModel):
    library: str
    default: bool


class Libraries(BaseModel):
    libraries: list[LibraryEntry]


class Job(BaseModel):
    """An upload on its way into the library; `reason` says why it failed."""

    job: str
    status: Literal["waiting", "adding", "added", "replaced", "failed"]
    document: str = ""
    chunks: int = 0
    reason: str = ""

    @property
    def done(self) -> bool:
        return self.status not in ("waiting", "adding")


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Whether questions can be answered now, how many are under way, and how many of them wait for the language model."""

    ready: bool
    models: bool
    library: str = Field(description="what is wrong with the library of the server; empty for nothing")
    asking: int
    waiting: int
    limit: int


class Problem(BaseModel):
    """What went wrong (RFC 9457); `detail` is one sentence for people."""

    type: str = "about:blank"
    status: int
    detail: str
    request_id: str = ""


# --- Errors -------------------------------------------------------------------------------------------------------

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
    503: "The library or a model cannot be used, or too many ask; Retry-After says when to try again.",
    504: "The answer took too long.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": why, "content": {_PROBLEM: {"schema": Problem.model_json_schema()}}} for status, why in _WHY.items()
}


def _status_of(error: types.RagError) -> int:
    match error:
        case NotFoundError():
            return 404
        case LateError():
            return 504
        case types.UsageError() | types.DocumentError():
            return 422
        case _:
            return 503


def _problem(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    problem = Problem(status=status, detail=detail, request_id=getattr(request.state, "request_id", ""))
    content = problem.model_dump()
    if request.url.path in openai_api.PATHS:
        content["error"] = {"message": detail, "type": "invalid_request_error" if status < 500 else "server_error"}
    return JSONResponse(content, status, headers, _PROBLEM)


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(types.RagError)
    async def of_ours(request: Request, error: types.RagError) -> Response:
        retry = {"retry-after": str(RETRY_SECONDS)} if isinstance(error, BusyError | StoppedError) else None
        return _problem(request, _status_of(error), str(error), retry)

    @app.exception_handler(RequestValidationError)
    async def of_shape(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _problem(request, 422, f"The request is off at {where}: {first['msg']}; /v1/openapi.json says what is expected.")

    @app.exception_handler(StarletteHTTPException)
    async def of_http(request: Request, error: StarletteHTTPException) -> Response:
        return _problem(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def of_nobody(request: Request, error: Exception) -> Response:
        return _problem(request, 500, "The server has a fault; its log says which.")


# --- Uploads ------------------------------------------------------------------------------------------------------


class Jobs:
    """Uploads, added one after the other beside the questions."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._jobs: dict[str, Job] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="rag-"))
        self._waiting: queue.Queue[tuple[str, str, Path, str]] = queue.Queue(MAX_WAITING_UPLOADS)
        threading.Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        """Forget the uploads that wait; the one that is being added is stored wholly or not at all."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def put(self, library: str, upload: UploadFile) -> Job:
        """Keep what was sent until its turn. Raises DocumentError for a kind that is not read, BusyError where many wait."""
        name = upload.filename or ""
        job = Job(job=uuid.uuid4().hex, status="waiting")
        file = self._folder / f"{job.job}{suffix_of(name)}"
        with file.open("wb") as out:
            shutil.copyfileobj(upload.file, out)
        self._jobs[job.job] = job
        try:
            self._waiting.put_nowait((job.job, library, file, name))
        except queue.Full:
            file.unlink()
            del self._jobs[job.job]
            raise BusyError(f"{MAX_WAITING_UPLOADS} files wait to be added, and no more are taken; send it later.") from None
        while len(self._jobs) > MAX_JOBS:
            del self._jobs[next(iter(self._jobs))]
        return job

    def get(self, id: str) -> Job:
        """The job as it is now. Raises NotFoundError where there is none."""
        if id not in self._jobs:
            raise NotFoundError("There is no such job, or not any more; look for its document in the list of documents.")
        return self._jobs[id]

    def _work(self) -> None:
        while True:
            id, library, file, name = self._waiting.get()
            self._jobs[id] = Job(job=id, status="adding")
            try:
                added = self._service.add_upload(library, file, name)
                self._jobs[id] = Job(job=id, status=added.outcome, document=added.document, chunks=added.chunks)  # type: ignore[arg-type]
            except types.RagError as error:
                self._jobs[id] = Job(job=id, status="failed", reason=str(error))
            except Exception:
                self._jobs[id] = Job(job=id, status="failed", reason="The server has a fault; its log says which.")
                _log.exception("an upload was not added")
            finally:
                file.unlink(missing_ok=True)


# --- The application ----------------------------------------------------------------------------------------------


def make_app(service: Service) -> FastAPI:
    """The application: the routes of docs/api.md, and the Model Context Protocol at /mcp. Access control is `access.Access`."""
    jobs = Jobs(service)
    mcp = make_server(service)
    mcp_app = mcp.streamable_http_app(streamable_http_path="/mcp", transport_security=None, host="0.0.0.0")  # noqa: S104 - Access checks hosts

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with mcp.session_manager.run():
            yield
        jobs.close()

    app = FastAPI(
        title="Ask your reports",
        version="1",
        description="Answers from a library of reports, each sentence with a footnote of exact words. A request takes up to "
        f"{MAX_BODY / 1e6:.0f} MB, an upload {MAX_UPLOAD / 1e6:.0f} MB; {MAX_ASKING} questions are answered or wait at a time.",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # they fetch their scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses=PROBLEMS,
    )
    _add_error_handlers(app)

    def chosen(library: str | None) -> str:
        return library or service.default

    @app.get("/health", tags=["server"])
    def health() -> Health:
        """That the server is alive."""
        return Health()

    @app.get("/ready", tags=["server"], responses={503: {"model": Ready, "description": "Not yet, or not any more."}})
    def ready(response: Response) -> Ready:
        """Whether the models are loaded and the library of the server opens."""
        wrong = "" if service.loaded else "unknown until the models are loaded"
        if service.loaded:
            try:
                _ = service.pipeline(service.default).library.generation
            except types.RagError as error:
                wrong = str(error)
        response.status_code = 503 if wrong else 200
        return Ready(
            ready=not wrong,
            models=service.loaded,
            library=wrong,
            asking=service.asking,
            waiting=max(0, len(service.line) - 1),
            limit=MAX_ASKING,
        )

    @app.post("/v1/search", tags=["questions"], response_model=Hits)
    def search(body: Search) -> dict[str, Any]:
        """The passages nearest to a question. No language model is used, and none is waited for."""
        pipeline = service.pipeline(chosen(body.library))
        hits = pipeline.passages(body.question, body.k, body.turns(), body.filter.selected())
        return {"hits": [hit_json(hit) for hit in hits]}

    @app.post(
        "/v1/ask",
        tags=["questions"],
        response_model=Answer,
        response_model_exclude_unset=True,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def ask(body: Ask, request: Request) -> Any:  # noqa: ANN401 - an Answer, or a stream of events
        """Answer a question: as JSON, or, asked with `Accept: text/event-stream`, as events: `hits`, then a `sentence` each, then
        the whole `answer`, or `error` with a problem. Who leaves stops the model."""
        asking, library = Asking(), chosen(body.library)
        history = [*await conversations_api.history(service, library, body.conversation), *body.turns()]
        source = service.stream(library, body.question, asking, history, body.certainty, body.filter.selected())
        events = pumped(source, asking, request.is_disconnected)

        async def shown(answer: types.Answer) -> dict[str, Any]:
            return answer_json(answer) | await conversations_api.keep(service, library, body.conversation, answer)

        if _wants_events(request):
            first = await anext(events)  # what is wrong with the question is said by the status
            return StreamingResponse(_events(first, events, shown), media_type="text/event-stream")
        async with aclosing(events):
            return [await shown(event) async for event in events if isinstance(event, types.Answer)][-1]

    @app.get("/v1/libraries", tags=["documents"], response_model=Libraries)
    def libraries() -> dict[str, Any]:
        """The libraries of the server."""
        return {"libraries": [{"library": name, "default": name == service.default} for name in service.libraries()]}

    @app.get("/v1/documents", tags=["documents"], response_model=Documents)
    def documents(library: Annotated[str | None, Query(max_length=64)] = None) -> dict[str, Any]:
        """The documents of a library, in the order of their names."""
        found = service.pipeline(chosen(library)).library.documents()
        keys = ("title", "date", "file", "paragraphs", "chunks")
        return {"documents": [{"document": d.name} | {key: getattr(d, key) for key in keys} for d in found]}

    @app.post("/v1/documents", tags=["documents"], status_code=202, response_model=Job)
    def upload(file: UploadFile, library: Annotated[str | None, Query(max_length=64)] = None) -> Job:
        """Add a report; one sent before under the same file name is replaced. It is added in its turn, see the job for how far it
        is. The document is named after the file."""
        name = chosen(library)
        service.pipeline(name, create=True)
        return jobs.put(name, file)

    @app.get(
        "/v1/jobs/{job}",
        tags=["documents"],
        response_model=Job,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def job(job: str, request: Request) -> Any:  # noqa: ANN401 - a Job, or a stream of events
        """How far an upload is: as JSON, or, asked with `Accept: text/event-stream`, as a `job` event for each step."""
        now = jobs.get(job)
        return StreamingResponse(_steps(jobs, job), media_type="text/event-stream") if _wants_events(request) else now

    @app.delete("/v1/documents/{document}", tags=["documents"], status_code=204)
    def delete(document: str, library: Annotated[str | None, Query(max_length=64)] = None) -> None:
        """Remove a document from the library."""
        store = service.pipeline(chosen(library)).library
        try:
            store.remove(document)
        except types.UsageError as error:
            raise NotFoundError(str(error)) from error

    @app.get("/v1/documents/{document}/text", tags=["documents"], response_model=DocumentText)
    def text(document: str, library: Annotated[str | None, Query(max_length=64)] = None) -> dict[str, Any]:
        """The whole text of a document with its sections, paragraphs and notes."""
        pipeline = service.pipeline(chosen(library))
        try:
            found = pipeline.document(document)
        except types.UsageError as error:
            raise NotFoundError(str(error)) from error
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
        library: Annotated[str | None, Query(max_length=64)] = None,
        width: Annotated[int, Query(ge=100, le=3000, description="in pixels")] = 1200,
    ) -> Response:
        """The picture of a page of a PDF, as long as its file is as it was read. Pages count from 1; paragraphs and citations
        name them."""
        return Response(service.page_image(chosen(library), document, page, width), media_type="image/png")

    conversations_api.add_routes(app, service)
    openai_api.add_routes(app, service)
    app.router.routes.extend(mcp_app.routes)

    # The page stands at / and would take what no route takes, with the wrong answer.
    @app.api_route("/health", methods=_METHODS, include_in_schema=False)
    @app.api_route("/ready", methods=_METHODS, include_in_schema=False)
    @app.api_route("/v1/{rest:path}", methods=_METHODS, include_in_schema=False)
    def elsewhere(request: Request) -> None:
        near = [r for r in app.routes if r.matches(request.scope)[0] is Match.PARTIAL]
        if methods := sorted({method for route in near for method in getattr(route, "methods", None) or ()}):
            raise HTTPException(405, f"Here only {', '.join(methods)} is answered.", {"allow": ", ".join(methods)})
        raise HTTPException(404, "There is nothing here; /v1/openapi.json lists what there is.")

    return app


def _wants_events(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


def _event(name: str, value: object) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _events(
    first: types.Event, events: AsyncGenerator[types.Event], shown: Callable[[types.Answer], Awaitable[dict[str, Any]]]
) -> AsyncIterator[str]:
    async def as_event(event: types.Event) -> str:
        match event:
            case types.Found():
                return _event("hits", [hit_json(hit) for hit in event.hits])
            case types.Sentence():
                return _event("sentence", asdict(event))
            case types.Answer():
                return _event("answer", await shown(event))

    try:
        async with aclosing(events):
            yield await as_event(first)
            async for event in events:
                yield await as_event(event)
    except types.RagError as error:
        yield _event("error", Problem(status=_status_of(error), detail=str(error)).model_dump())


async def _steps(jobs: Jobs, id: str) -> AsyncIterator[str]:
    shown: Job | None = None
    with suppress(NotFoundError):  # so many came after it that it was forgotten
        while shown is None or not shown.done:
            now = jobs.get(id)
            if now != shown:
                yield _event("job", now.model_dump())
            shown = now
            await asyncio.sleep(0 if now.done else _LOOK_SECONDS)
