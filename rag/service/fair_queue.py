"""Many questions and one language model: who is served next, and who is still waiting for it."""

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar

from rag.errors import StoppedError, TimedOutError
from rag.protocols import ChatModel, Embedder, ModelSet, Reader, Reranker
from rag.types import Prompt

MAX_SECONDS = 120.0  # that a question may take, waiting included
_WAITING_POLL_SECONDS = 0.2  # how often a waiting request checks whether its answer is still wanted


class RequestContext:
    """One question under way: whether it was stopped, and how long it may take."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Stop the model at its next token."""
        self._stopped.set()

    def check(self) -> None:
        """Raise StoppedError if the question was stopped, TimedOutError if its time is over."""
        if self._stopped.is_set():
            raise StoppedError(
                "The question was stopped before its answer was whole; ask it again."
            )
        if time.monotonic() > self._deadline:
            raise TimedOutError(
                f"The answer took longer than {self._seconds:.0f} seconds; ask again later, or in "
                "fewer words."
            )


class FairQueue:
    """Requests for something that serves one at a time, first come, first served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: deque[RequestContext] = deque()  # the first is being served

    def __len__(self) -> int:
        return len(self._requests)

    def ahead_of(self, request: RequestContext) -> int:
        """Return how many are served before this request; 0 if it does not wait."""
        with self._changed:
            return self._requests.index(request) if request in self._requests else 0

    @contextmanager
    def turn(self, request: RequestContext) -> Iterator[None]:
        """Wait until all earlier requests are done. Raises what `request.check` raises."""
        with self._changed:
            self._requests.append(request)
        try:
            with self._changed:
                while self._requests[0] is not request:
                    self._changed.wait(_WAITING_POLL_SECONDS)
                    request.check()
            yield
        finally:
            with self._changed:
                self._requests.remove(request)
                self._changed.notify_all()


current_request: ContextVar[RequestContext] = ContextVar("current_request")


class _QueuedModel:
    """A language model that serves one request at a time, in turn.

    It checks before each piece whether the answer is still wanted.
    """

    def __init__(self, chat: ChatModel, queue: FairQueue) -> None:
        self.name = chat.name
        self.context_tokens = chat.context_tokens
        self.passage_tokens = chat.passage_tokens
        self.follows_instructions = chat.follows_instructions
        self.count_tokens = chat.count_tokens
        self._chat = chat
        self._queue = queue

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        # Kept for all steps: each may run in another thread's copy of the context.
        request = current_request.get()
        with self._queue.turn(request), closing(self._chat.stream(prompt, max_tokens)) as pieces:
            while True:
                request.check()
                piece = next(pieces, None)
                if piece is None:
                    return
                yield piece


class QueuedModels:
    """The models given, with a queue in front of the language model."""

    def __init__(self, models: ModelSet, queue: FairQueue) -> None:
        self._models = models
        self._queue = queue

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
        return _QueuedModel(chat, self._queue) if chat else None

    @property
    def chat_name(self) -> str:
        return self._models.chat_name
