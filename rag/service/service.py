"""The libraries of a folder, for many who ask at once: one set of models, one queue for them."""

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from rag.config import Settings
from rag.errors import (
    BusyError,
    DocumentError,
    LibraryError,
    NotFoundError,
    RagError,
    StoppedError,
    TimedOutError,
    UsageError,
)
from rag.files import sha256_of
from rag.ingest import UPLOADED, Added
from rag.library.folders import library_folder
from rag.library.places import libraries_of
from rag.library.store import Library
from rag.pipeline import Pipeline
from rag.protocols import ModelSet
from rag.reading.process.worker import read_apart, stop_reading
from rag.service.fair_queue import FairQueue, QueuedModels, RequestContext, current_request
from rag.service.metrics import Metrics
from rag.service.model_work import ModelWork
from rag.service.uploads import document_name, supported_suffix
from rag.text.characters import printable
from rag.text.query import is_within
from rag.types import EVERYTHING, Answer, DocumentInfo, Event, Fact, Filter, Hit, Sentence, Turn

# Answered or waiting: at some seconds each, whoever came later would not wait for it anyway.
MAX_QUESTIONS = 16
# They are drawn one after the other, and those that wait must not take all the threads.
MAX_PAGE_IMAGES = 8
RETRY_SECONDS = 5  # about as long as an answer takes
_ASKING_AGAIN_SECONDS = 600.0  # for all unanswered questions together, beside other work
_MAX_TITLE = 300  # characters of a title that is corrected by hand
_BY_HAND = "corrected by hand"  # where a fact of a document stands
_CLOSE_SECONDS = 4.0  # for the questions under way when the service is closed
_CLOSING_POLL_SECONDS = 0.02
_OUTCOMES = {  # of a question without an answer
    BusyError: "refused",
    TimedOutError: "late",
    StoppedError: "stopped",
}


logger = logging.getLogger(__name__)


class Service:
    """The libraries of a folder, for all who ask at once. Safe from several threads."""

    def __init__(self, settings: Settings, models: ModelSet) -> None:
        self.default = settings.library
        self.certainty = settings.certainty
        self.indexes = settings.indexes
        self._libraries = libraries_of(settings)
        self.queue = FairQueue()
        self.metrics = Metrics()
        self.model_work = ModelWork(settings)
        self.models = QueuedModels(models, self.queue)
        self._settings = settings
        self._lock = threading.Lock()
        self._pipelines: dict[str, Pipeline] = {}
        # Which file each of them has opened, for its path may come to name another.
        self._files: dict[str, object] = {}
        self._requests: set[RequestContext] = set()
        self._drawing = threading.BoundedSemaphore(MAX_PAGE_IMAGES)
        self._closed = False
        self._loaded = False

    def close(self) -> None:
        """Stop the models, let the questions under way end, and close the libraries.

        New questions are refused from now on.
        """
        with self._lock:
            self._closed = True
            for request in self._requests:
                request.stop()
        stop_reading()
        deadline = time.monotonic() + _CLOSE_SECONDS
        # A search uses its library up to its end.
        while self._requests and time.monotonic() < deadline:
            time.sleep(_CLOSING_POLL_SECONDS)
        with self._lock:
            for pipeline in self._pipelines.values():
                pipeline.close()

    @property
    def closed(self) -> bool:
        """Whether the service was closed."""
        return self._closed

    @property
    def active_questions(self) -> int:
        """How many questions are under way, those that wait included."""
        return len(self._requests)

    @property
    def loaded(self) -> bool:
        """Whether the models are loaded."""
        return self._loaded

    def load_models(self) -> None:
        """Load the models before the first question; errors are left to the first question."""
        with suppress(RagError):
            _ = (self.models.embedder, self.models.reader, self.models.chat)
            self._loaded = True

    def models_in_use(self) -> dict[str, str]:
        """Return what each model is called by what it does; "" for a server that is not asked."""
        if not self._loaded:
            return {}
        with suppress(RagError):
            return {
                "writes": self.models.chat_name,
                "reads": self.models.reader.name,
                "embeds": self.models.embedder.name,
                "server": self._settings.server,
            }
        return {}

    def record_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered, and its seconds."""
        self.metrics.count("rag_requests_total", route=route, status=str(status))
        self.metrics.observe("rag_request_seconds", seconds, route=route)

    @property
    def waiting_questions(self) -> int:
        """How many questions wait for the language model."""
        return max(0, len(self.queue) - 1)

    def libraries(self) -> list[str]:
        """Return the names of the libraries, sorted."""
        return self._libraries.names()

    def pipeline(self, name: str, create: bool = False) -> Pipeline:
        """Return the pipeline of the library.

        Raises NotFoundError where there is none, unless adding may `create` it; UsageError for a
        name that cannot be one.
        """
        library_folder(self.indexes, name)
        if not create and name not in (names := self.libraries()):
            there = f"there are {', '.join(map(repr, names))}" if names else "there is none yet"
            raise NotFoundError(
                f"There is no library {name!r}, {there}; name one of them, or make it with "
                "`rag add`."
            )
        with self._lock:
            if self._closed:
                raise BusyError("The server is ending; ask again when it is back.")
            file = self._libraries.identity(name)
            if name not in self._pipelines or self._files.get(name) not in (None, file):
                # A replaced one is left to the questions that still use it, and closed after them.
                self._pipelines[name] = Pipeline(
                    replace(self._settings, library=name), self.models, self._libraries
                )
                self._files.pop(name, None)
            if file:
                self._files[name] = file
            return self._pipelines[name]

    def stream(
        self,
        library: str,
        question: str,
        request: RequestContext,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Generator[Event]:
        """Yield what `Pipeline.stream` yields, until `request` is stopped or its time is over.

        Raises BusyError where there are too many questions, and what `Pipeline.stream` raises.
        """
        with (
            self._count_failure(),
            self._admitted(request),
            closing(self.pipeline(library).stream(question, history, certainty, only)) as events,
        ):
            while True:
                request.check()
                current_request.set(request)  # each step may run in another thread
                event = next(events)
                if isinstance(event, Answer):
                    self._count_answer(event)
                yield event
                if isinstance(event, Answer):
                    return

    def add_upload(self, library: str, file: Path, name: str, replaces: str = "") -> Added:
        """Add the document in `file`, which was sent under the file name `name`.

        The document that it `replaces` is named; without that, none is: a content that is in the
        library is "unchanged", and a name that is taken gets a number.

        Raises DocumentError where it cannot be read, LibraryError where it cannot be kept,
        NotFoundError and UsageError as `check_replaceable` does.
        """
        suffix = supported_suffix(name)
        stem = document_name(name)
        pipeline = self.pipeline(library, create=True)
        replaced = check_replaceable(pipeline, replaces) if replaces else None
        is_there = library in self.libraries()  # the first file that can be read makes it
        known = pipeline.library.find_content(sha256_of(file)) if is_there else None
        if known:
            if pipeline.document(known.name).boxes and was_sent(known):
                _keep_pages(pipeline, file, known.sha256, known.name)  # if that failed before
            return Added(known.path, "unchanged", known.name, known.chunks)
        try:
            document = read_apart(file, self._settings.ocr)
        except DocumentError as error:  # with the name that the sender knows
            raise DocumentError(str(error).replace(file.name, stem + suffix)) from error
        pipeline.create()
        path = replaced.path if replaced else _free_path(pipeline.library, stem, suffix)
        added = pipeline.add_document(replace(document, name=stem, file=stem + suffix), path)
        pipeline.library.optimize()
        if document.boxes:
            _keep_pages(pipeline, file, document.sha256, added.document)
        return added

    def correct(self, library: str, document: str, title: str, date: str) -> None:
        """Give a document another title and date, under which it is found and cited from now on.

        Both hold until its file is changed and added again. Raises NotFoundError where there is no
        such document, UsageError for a title or a date that is none.
        """
        title = " ".join(printable(title).split())
        if not 0 < len(title) <= _MAX_TITLE:
            raise UsageError(
                f"The title has {len(title)} characters; write one of 1 to {_MAX_TITLE}."
            )
        is_within("", date, "")  # raises for what is no date
        pipeline = self.pipeline(library)
        path, found = pipeline.library.info(document).path, pipeline.document(document)
        stated = {"title": title, "date": date}
        facts = [fact for fact in found.facts if fact.name not in stated]
        for name in ("title", "date"):
            if stated[name]:
                facts.append(Fact(name, stated[name], _BY_HAND))
        corrected = replace(found, title=title, date=date, facts=tuple(facts))
        pipeline.add_document(corrected, path)

    def attempt(self, library: str, question: str, only: Filter = EVERYTHING) -> Answer:
        """Return the answer to a question that no user asked: nothing is kept or counted.

        Raises what `Pipeline.stream` raises.
        """
        current_request.set(RequestContext())
        return self.pipeline(library).attempt(question, only)

    def finish(
        self, library: str, question: str, said: Sequence[Sentence], hits: Sequence[Hit]
    ) -> Answer | None:
        """Return what was said of an answer before it was stopped, as `Pipeline.finish` does."""
        current_request.set(RequestContext())
        return self.pipeline(library).finish(question, said, hits)

    def rename_library(self, name: str, new: str) -> None:
        """Give a library another name.

        Raises UsageError for a name that cannot be one or is taken, NotFoundError where there is no
        such library, BusyError while questions are under way.
        """
        self._release(name)
        self._libraries.rename(name, new)
        if self.default == name:
            self.default = new

    def delete_library(self, name: str) -> None:
        """Delete a library with all its documents and conversations.

        Raises NotFoundError where there is none, BusyError while questions are under way.
        """
        self._release(name)
        self._libraries.remove(name)

    def _release(self, name: str) -> None:
        """Close a library that is to be renamed or deleted.

        Raises NotFoundError where there is none, BusyError while questions are under way.
        """
        with self._lock:
            if name not in self.libraries():
                raise NotFoundError(f"There is no library {name!r}; choose one of the list.")
            if self._requests:
                raise BusyError("Questions are under way; wait until they are answered.")
            if opened := self._pipelines.pop(name, None):
                opened.close()
            self._files.pop(name, None)

    def ask_again(self, library: str) -> tuple[str, ...]:
        """Ask the unanswered questions of the library again; return those answered now.

        Where that cannot be done, the log says why: what was added is added all the same.
        """
        current_request.set(RequestContext(_ASKING_AGAIN_SECONDS))
        try:
            return tuple(answer.question for answer in self.pipeline(library).ask_again())
        except RagError as error:
            logger.warning("The unanswered questions were not asked again: %s", error)
            return ()

    def page_image(self, library: str, document: str, page: int, width: int) -> bytes:
        """Return a PNG of a page of the document, about `width` pixels wide; pages count from 1.

        Raises NotFoundError where there is none, BusyError for too many requests at once.
        """
        pipeline = self.pipeline(library)
        if not self._drawing.acquire(blocking=False):
            raise BusyError(
                f"{MAX_PAGE_IMAGES} pages are being drawn, and no more are taken; ask again in a "
                "while."
            )
        try:
            return pipeline.page_image(document, page, width)
        finally:
            self._drawing.release()

    def _count_answer(self, answer: Answer) -> None:
        self.metrics.count(
            "rag_questions_total", outcome="abstained" if answer.abstained else answer.mode
        )
        self.metrics.observe("rag_answer_seconds", answer.seconds.total)
        if answer.seconds.first_token is not None:
            self.metrics.observe("rag_first_token_seconds", answer.seconds.first_token)

    @contextmanager
    def _count_failure(self) -> Iterator[None]:
        """Count a question without an answer by its reason."""
        try:
            yield
        except RagError as error:
            self.metrics.count("rag_questions_total", outcome=_OUTCOMES.get(type(error), "failed"))
            raise

    @contextmanager
    def _admitted(self, request: RequestContext) -> Iterator[None]:
        with self._lock:
            if self._closed or len(self._requests) >= MAX_QUESTIONS:
                raise BusyError(
                    f"{len(self._requests)} questions are under way, and no more are taken; ask "
                    f"again "
                    "in a while."
                )
            self._requests.add(request)
        try:
            yield
        finally:
            with self._lock:
                self._requests.discard(request)


def check_replaceable(pipeline: Pipeline, document: str) -> DocumentInfo:
    """Return the document, which was sent and may be replaced by another that is sent.

    Raises NotFoundError where there is none, UsageError where it was read from a file of its own.
    """
    info = pipeline.library.info(document)
    if not was_sent(info):
        raise UsageError(
            f"The report {document!r} was read from {info.path}, so it is replaced by changing "
            "that file and adding it again."
        )
    return info


def was_sent(document: DocumentInfo) -> bool:
    """Return whether a document was sent to a server, and not read from a file of the machine."""
    return document.path.is_relative_to(UPLOADED)


def _free_path(library: Library, stem: str, suffix: str) -> Path:
    """Return a path for an uploaded document that no other document was read from."""
    name, number = library.free_name(stem), 1
    while library.find(path := UPLOADED / f"{name}{suffix}"):
        number += 1
        name = library.free_name(f"{stem}-{number}")
    return path


def _keep_pages(pipeline: Pipeline, file: Path, sha256: str, document: str) -> None:
    """Keep the file of a document that was sent, of which the pages are shown.

    Raises LibraryError where it cannot be kept.
    """
    try:
        pipeline.library.source_files.keep(file.read_bytes(), sha256)
    except OSError as error:
        raise LibraryError(
            f"The report {document!r} was added, but its pages cannot be shown, since its file "
            f"cannot be kept ({error.strerror}); make room and send it again."
        ) from error
