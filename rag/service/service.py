"""Questions of many askers at once.

One set of models for all libraries, and one line in front of the language model.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
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
)
from rag.files import safe_name
from rag.ingest import UPLOADED, Added
from rag.library.store import library_file, library_folder, library_names
from rag.pipeline import Pipeline
from rag.protocols import ChatModel, Embedder, ModelSet, Reader, Reranker
from rag.reading.documents import SUFFIXES, read_document
from rag.service.metrics import Metrics
from rag.types import EVERYTHING, Answer, Event, Filter, Piece, Prompt, Turn

# questions under way or in line: at some seconds each, whoever came later would not wait for it
# anyway
MAX_ASKING = 16
# pages: they are drawn one after the other, and those that wait must not take all the threads
MAX_DRAWING = 8
MAX_SECONDS = 120.0  # that a question may take, waiting included
RETRY_SECONDS = 5  # about as long as an answer takes
_LAST_SECONDS, _END_SECONDS = (
    4.0,
    0.02,
)  # for questions under way when the service ends, and between looks at them
_LOOK_SECONDS = 0.2  # how often one who waits looks whether it is still wanted


class Asking:
    """One question under way: what stops it, and how long it may take."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Stop the model at its next word."""
        self._stopped.set()

    def check(self) -> None:
        """Raises StoppedError where the question was stopped, TimedOutError where its time is over."""
        if self._stopped.is_set():
            raise StoppedError(
                "The question was stopped before its answer was whole; ask it again."
            )
        if time.monotonic() > self._ends:
            raise TimedOutError(
                f"The answer took longer than {self._seconds:.0f} seconds; ask again later, or in fewer words."
            )


class Line:
    """Those who wait for something that serves one at a time, first come, first served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Asking] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def before(self, asking: Asking) -> int:
        """How many are served before this one; 0 for one that does not wait."""
        with self._changed:
            return self._waiting.index(asking) if asking in self._waiting else 0

    @contextmanager
    def turn(self, asking: Asking) -> Iterator[None]:
        """Wait until all who came before have gone. Raises what `asking.check` raises."""
        with self._changed:
            self._waiting.append(asking)
        try:
            with self._changed:
                while self._waiting[0] is not asking:
                    self._changed.wait(_LOOK_SECONDS)
                    asking.check()
            yield
        finally:
            with self._changed:
                self._waiting.remove(asking)
                self._changed.notify_all()


_OUTCOMES = {
    BusyError: "refused",
    TimedOutError: "late",
    StoppedError: "stopped",
}  # of a question without an answer
_asking: ContextVar[Asking] = ContextVar("asking")  # whose question a model works for


class _QueuedModel:
    """A chat model that takes its askers in turn, and looks before each piece whether its answer
    is still wanted.
    """

    def __init__(self, chat: ChatModel, line: Line) -> None:
        self.name = chat.name
        self.context_tokens = chat.context_tokens
        self.brief = chat.brief
        self.count_tokens = chat.count_tokens
        self._chat = chat
        self._line = line

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[Piece]:
        asking = _asking.get()
        with self._line.turn(asking), closing(self._chat.stream(prompt, max_tokens)) as pieces:
            while True:
                # Each step may run for another thread's copy of the context, so the asking is kept,
                # not asked for.
                asking.check()
                piece = next(pieces, None)
                if piece is None:
                    return
                yield piece


class _QueuedModels:
    """The models given, with a line in front of the language model."""

    def __init__(self, models: ModelSet, line: Line) -> None:
        self._models = models
        self._line = line

    @property
    def embedder(self) -> Embedder:
        return self._models.embedder

    @property
    def reader(self) -> Reader:
        return self._models.reader

    @property
    def reranker(self) -> Reranker | None:
        return self._models.reranker

    @property
    def chat(self) -> ChatModel | None:
        chat = self._models.chat
        return _QueuedModel(chat, self._line) if chat else None

    @property
    def chat_name(self) -> str:
        return self._models.chat_name


class Service:
    """The libraries of a folder, for all who ask at once. Safe from several threads."""

    def __init__(self, settings: Settings, models: ModelSet) -> None:
        self.default = settings.library
        self.certainty = settings.certainty
        self.indexes = settings.indexes
        self.line = Line()
        self.metrics = Metrics()
        self.models = _QueuedModels(models, self.line)
        self._settings = settings
        self._lock = threading.Lock()
        self._pipelines: dict[str, Pipeline] = {}
        self._files: dict[
            str, tuple[int, int]
        ] = {}  # which file each of them has opened, for its path may come to name another
        self._askings: set[Asking] = set()
        self._drawing = threading.BoundedSemaphore(MAX_DRAWING)
        self._closed = False
        self._loaded = False

    def close(self) -> None:
        """Stop the models, let the questions under way end, and close the libraries.

        Who asks from now on is refused.
        """
        with self._lock:
            self._closed = True
            for asking in self._askings:
                asking.stop()
        ends = time.monotonic() + _LAST_SECONDS
        while self._askings and time.monotonic() < ends:  # a search uses its library up to its end
            time.sleep(_END_SECONDS)
        with self._lock:
            for pipeline in self._pipelines.values():
                pipeline.close()

    @property
    def closed(self) -> bool:
        """Whether the service was closed."""
        return self._closed

    @property
    def asking(self) -> int:
        """How many questions are under way, those in line too."""
        return len(self._askings)

    @property
    def loaded(self) -> bool:
        """Whether the models are there."""
        return self._loaded

    def load_models(self) -> None:
        """Load them before the first question; what goes wrong is said when a question is asked."""
        with suppress(RagError):
            _ = (self.models.embedder, self.models.reader, self.models.chat)
            self._loaded = True

    def ended(self, route: str, status: int, seconds: float) -> None:
        """Count a request that has its answer."""
        self.metrics.count("rag_requests_total", route=route, status=str(status))
        self.metrics.took("rag_request_seconds", seconds, route=route)

    @property
    def waiting(self) -> int:
        """How many questions wait for the language model."""
        return max(0, len(self.line) - 1)

    def libraries(self) -> list[str]:
        """The names of the libraries, sorted."""
        return library_names(self.indexes)

    def pipeline(self, name: str, create: bool = False) -> Pipeline:
        """The pipeline of the library.

        Raises NotFoundError where there is none, unless adding may `create` it; UsageError for a
        name that cannot be one.
        """
        library_folder(self.indexes, name)
        if not create and name not in (names := self.libraries()):
            there = f"there are {', '.join(map(repr, names))}" if names else "there is none yet"
            raise NotFoundError(
                f"There is no library {name!r}, {there}; name one of them, or make it with `rag add`."
            )
        with self._lock:
            if self._closed:
                raise BusyError("The server is ending; ask again when it is back.")
            file = library_file(self.indexes, name)
            if name not in self._pipelines or self._files.get(name) not in (None, file):
                # One that was replaced is left to those who still ask it, and closed when they are
                # done.
                self._pipelines[name] = Pipeline(replace(self._settings, library=name), self.models)
                self._files.pop(name, None)
            if file:
                self._files[name] = file
            return self._pipelines[name]

    def stream(
        self,
        library: str,
        question: str,
        asking: Asking,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Generator[Event]:
        """What `Pipeline.stream` yields, until `asking` ends it.

        Raises BusyError where too many ask, and what that raises.
        """
        with (
            self._counted(),
            self._admitted(asking),
            closing(self.pipeline(library).stream(question, history, certainty, only)) as events,
        ):
            while True:
                asking.check()
                _asking.set(asking)  # each step may run on another thread
                event = next(events)
                if isinstance(event, Answer):
                    self._count(event)
                yield event
                if isinstance(event, Answer):
                    return

    def add_upload(self, library: str, file: Path, name: str) -> Added:
        """Add what was sent under the file name `name` and lies in `file`.

        One sent before under that name is replaced.

        Raises DocumentError where it cannot be read, LibraryError where it cannot be kept.
        """
        suffix = suffix_of(name)
        stem = document_name(name)
        pipeline = self.pipeline(library, create=True)
        try:
            document = read_document(file)
        except (
            DocumentError
        ) as error:  # the reader knows the file by the name it has here, the sender by his own
            raise DocumentError(str(error).replace(file.name, stem + suffix)) from error
        added = pipeline.add_document(
            replace(document, name=stem, file=stem + suffix), UPLOADED / f"{stem}{suffix}"
        )
        pipeline.library.settle()
        if document.boxes:  # its pages can be shown
            try:
                pipeline.library.originals.keep(file, document.sha256)
            except OSError as error:
                raise LibraryError(
                    f"The report {added.document!r} was added, but its pages cannot be shown, since its file cannot be kept "
                    f"({error.strerror}); make room and send it again."
                ) from error
        return added

    def page_image(self, library: str, document: str, page: int, width: int) -> bytes:
        """A PNG of a page of the document, `width` pixels wide, as far as that is within bounds;
        pages count from 1.

        Raises NotFoundError where there is none to show, BusyError where too many are asked for at
        once.
        """
        pipeline = self.pipeline(library)
        if not self._drawing.acquire(blocking=False):
            raise BusyError(
                f"{MAX_DRAWING} pages are being drawn, and no more are taken; ask again in a while."
            )
        try:
            return pipeline.page_image(document, page, width)
        finally:
            self._drawing.release()

    def _count(self, answer: Answer) -> None:
        self.metrics.count(
            "rag_questions_total", outcome="abstained" if answer.abstained else answer.mode
        )
        self.metrics.took("rag_answer_seconds", answer.seconds.total)
        if answer.seconds.first_token is not None:
            self.metrics.took("rag_first_token_seconds", answer.seconds.first_token)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Counts a question that gets no answer by why."""
        try:
            yield
        except RagError as error:
            self.metrics.count("rag_questions_total", outcome=_OUTCOMES.get(type(error), "failed"))
            raise

    @contextmanager
    def _admitted(self, asking: Asking) -> Iterator[None]:
        with self._lock:
            if self._closed or len(self._askings) >= MAX_ASKING:
                raise BusyError(
                    f"{len(self._askings)} questions are under way, and no more are taken; ask again in a while."
                )
            self._askings.add(asking)
        try:
            yield
        finally:
            with self._lock:
                self._askings.discard(asking)


def suffix_of(name: str) -> str:
    """The suffix of a file that can be read.

    Raises DocumentError for any other, whose text becomes no path.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DocumentError(
            f"The file is of no kind that is read, which are {', '.join(SUFFIXES)}; save it as one of them."
        )
    return suffix


def document_name(file: str) -> str:
    """A document's name for a file name that came from elsewhere.

    Letters, digits, dots, hyphens and underscores alone.
    """
    stem = Path(file.replace("\\", "/")).stem
    return safe_name(stem, "document")


async def _never() -> bool:
    return False


async def pumped(
    source: Iterator[Event], asking: Asking, gone: Callable[[], Awaitable[bool]] = _never
) -> AsyncGenerator[Event]:
    """What `source` yields, made on a thread of its own, so that no slow reader holds a model up.

    Once `gone` says that nobody reads any more, or the reader closes this, the asking is stopped.
    Raises what `source` raises.
    """
    loop = asyncio.get_running_loop()
    made: asyncio.Queue[Event | Exception | None] = asyncio.Queue()

    def put(item: Event | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits for it
            loop.call_soon_threadsafe(made.put_nowait, item)

    def work() -> None:
        try:
            for event in source:
                put(event)
            put(None)
        except Exception as error:
            put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            try:
                item = await asyncio.wait_for(made.get(), _LOOK_SECONDS)
            except TimeoutError:
                if await gone():
                    asking.stop()
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        asking.stop()
