"""What readers do at the page, whatever draws it.

Ask, follow up, open a report, go on with a conversation.
"""

import unicodedata
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.catalogue.memory import free_memory, gigabytes
from rag.config import bundled
from rag.errors import NotFoundError, RagError, StoppedError, UsageError
from rag.render.document_html import report_html
from rag.render.html import (
    answer_html,
    conversation_html,
    count,
    draft_html,
    examples_html,
    message_html,
    trouble_html,
)
from rag.service.fair_queue import RequestContext
from rag.service.jobs import Jobs, Task
from rag.service.service import Service
from rag.service.threads import iterate_in_thread
from rag.types import Answer, Event, Filter, Found, Hit, Sentence, Turn
from rag.ui.library_view import (
    conversations_html,
    holdings_html,
    no_library_html,
    unanswered_html,
    work_html,
)
from rag.ui.models_view import models_html, used_html
from rag.ui.overviews import Overviews
from rag.ui.sources_view import about_html, library_html, scope_html
from rag.ui.suggested_questions import SuggestedQuestions

if TYPE_CHECKING:
    from rag.library.sql.conversations import Conversations

_NOTEBOOK = "Notebook"  # the name of the conversation that pinned answers are kept in
_MAX_SECONDS = 3600.0  # seconds: a reader has a button to stop, and may wait for a slow machine
_PROGRESS_POLL_SECONDS = 0.3  # how often the number of questions ahead is looked up


@dataclass(frozen=True, slots=True)
class BrowserWindow:
    """What one window of a browser has before it: a conversation with a library."""

    library: str = ""  # "" where there is none yet
    key: int | None = None  # of the conversation, once it is kept
    turns: tuple[
        tuple[Answer, Filter], ...
    ] = ()  # each answer, and what its question was narrowed down to
    kept: int = 0  # how many of the turns the library keeps
    trouble: str = ""
    notebook: bool = False  # whether the conversation is the notebook

    @property
    def history(self) -> tuple[Turn, ...]:
        """What was said so far."""
        return tuple(
            turn
            for answer, _ in self.turns
            for turn in (Turn("user", answer.question), Turn("assistant", answer.answer))
        )

    @property
    def head(self) -> str:
        """What stands above the conversation."""
        return conversation_html(self.library, self.key, bool(self.turns), self.trouble)

    def shown(self, first: int, last: int) -> str:
        """Return the HTML of the turns from `first` up to `last`."""
        return "".join(
            answer_html(n, *self.turns[n], self.notebook)
            for n in range(len(self.turns))[first:last]
        )


@dataclass(frozen=True, slots=True)
class View:
    """What a step of an answer changes on the page; None: as it was."""

    answer: str
    earlier: str | None = None
    window: BrowserWindow | None = None
    report: str | None = None
    running: bool = False


class Controller:
    """The libraries as the page shows them; what belongs to one window comes with each call."""

    def __init__(self, service: Service, jobs: Jobs, local: bool) -> None:
        """Serve the page; `local` means that all users sit at this machine.

        They may then name its folders.
        """
        self.local = local
        self._jobs = jobs
        self._service = service
        self._requests: dict[str, RequestContext] = {}
        self._suggested = SuggestedQuestions(service)
        self._overviews = Overviews(service)

    def libraries(self) -> list[str]:
        """Return the names of the libraries."""
        return self._service.libraries()

    @property
    def certainty(self) -> float:
        """The least confidence with which an answer is shown, until a reader changes it."""
        return self._service.certainty

    # --- Conversations ----------------------------------------------------------------------------

    def window(self, library: str = "", key: str = "") -> BrowserWindow:
        """Return the window that an address names: a library, and its conversation of that key.

        Without a library, the default one.
        """
        names = self.libraries()
        default = self._service.default if self._service.default in names else next(iter(names), "")
        window = BrowserWindow(library if library in names else default)
        if not key:
            return window
        try:
            kept = self._conversations(window)
            answers, name = kept.answers(int(key)), kept.conversation(int(key)).name
        except ValueError:
            return replace(
                window, trouble="The address names no conversation; choose one of the list."
            )
        except RagError as error:
            return replace(window, trouble=str(error))
        return BrowserWindow(
            window.library,
            int(key),
            tuple((answer, Filter()) for answer in answers),
            len(answers),
            notebook=name == _NOTEBOOK,
        )

    def conversations(self, window: BrowserWindow, words: str) -> str:
        """Return the list of the library's conversations that hold the words."""
        try:
            found = self._conversations(window).listing(words) if window.library else []
        except RagError as error:
            return trouble_html(str(error))
        return conversations_html(found, window.key, bool(words.strip()))

    def rename(self, window: BrowserWindow, key: str, name: str, words: str) -> str:
        """Rename a conversation; return the list of those that hold the words, and any error."""
        try:
            self._conversations(window).rename(int(key), name)
        except RagError as error:
            return trouble_html(str(error)) + self.conversations(window, words)
        return self.conversations(window, words)

    def forget(self, window: BrowserWindow, key: str, words: str) -> tuple[BrowserWindow, str]:
        """Remove a conversation; return the window, and the list of those that hold the words.

        If it fails, the error stands above the list.
        """
        try:
            self._conversations(window).remove(int(key))
        except RagError as error:
            return window, trouble_html(str(error)) + self.conversations(window, words)
        left = BrowserWindow(window.library) if int(key) == window.key else window
        return left, self.conversations(left, words)

    def edited(self, window: BrowserWindow, turn: int) -> BrowserWindow:
        """Return a new conversation of the turns before one whose question is asked otherwise.

        The old conversation stays as it is.
        """
        turn = max(0, min(turn, len(window.turns)))
        return BrowserWindow(window.library, turns=window.turns[:turn])

    def pin(self, window: BrowserWindow, turn: int) -> str:
        """Keep the answer of a turn in the notebook, too; return what to say of it.

        The notebook is a conversation of that name, so that it is read, renamed and exported as
        one.
        """
        try:
            kept = self._conversations(window)
            notebook = next((c.key for c in kept.listing() if c.name == _NOTEBOOK), 0)
            if not notebook:
                notebook = kept.begin(_NOTEBOOK)
            kept.append(notebook, window.turns[turn][0])
        except IndexError:
            return message_html("This answer is not there any more.")
        except RagError as error:
            return trouble_html(str(error))
        pinned = kept.conversation(notebook).turns
        return message_html(
            f"Pinned. The notebook has {count(pinned, 'answer')}.", notebook, "Open the notebook"
        )

    def unpin(self, window: BrowserWindow, turn: int) -> BrowserWindow:
        """Take the answer of a turn out of the notebook; return the window with what is left.

        A notebook without answers is removed.
        """
        if not window.notebook or window.key is None:
            return window
        try:
            kept = self._conversations(window)
            # Another window may have changed the notebook since this one read it.
            if kept.answers(window.key)[turn : turn + 1] == [window.turns[turn][0]]:
                kept.take_out(window.key, turn)
            if not kept.conversation(window.key).turns:
                kept.remove(window.key)
                return BrowserWindow(window.library)
        except RagError as error:
            return replace(window, trouble=str(error))
        return self.window(window.library, str(window.key))

    def _conversations(self, window: BrowserWindow) -> "Conversations":
        return self._service.pipeline(window.library).library.conversations

    def _keeping(self, window: BrowserWindow) -> BrowserWindow:
        """Keep all turns in the library; return the window, which says why if that fails."""
        try:
            conversations = self._conversations(window)
            key = (
                conversations.begin(window.turns[0][0].question)
                if window.key is None
                else window.key
            )
            window = replace(window, key=key, trouble="")
            for answer, _ in window.turns[window.kept :]:
                conversations.append(key, answer)
                window = replace(window, kept=window.kept + 1)
        except RagError as error:
            return replace(window, trouble=f"This conversation is not kept. {error}")
        return window

    def examples(self, window: BrowserWindow) -> str:
        """Return questions to begin with; "" once something was asked."""
        if window.turns or not window.library:
            return ""
        try:
            return examples_html(self._suggested.of(window.library))
        except RagError:  # what is wrong is said where the library is shown
            return ""

    # --- Reports ----------------------------------------------------------------------------------

    def library_view(self, library: str, chosen: Sequence[str] = ()) -> str:
        """Return the list of the library's documents, those that limit the next question ticked."""
        if not library:
            return no_library_html(self.local)
        try:
            held = self._service.pipeline(library).library
            documents = held.documents()
            if not documents:
                return no_library_html(self.local)
            return library_html(library, documents, set(chosen), held.names_by_age())
        except RagError as error:
            return trouble_html(str(error))

    def scope(self, library: str, chosen: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """Return those of the chosen documents that are in the library, and what is said beside the
        question of what it is asked of.
        """
        try:
            documents = self._service.pipeline(library).library.documents() if library else []
        except RagError:  # what is wrong is said where the library is shown
            return (), ""
        names = {document.name for document in documents}
        there = tuple(name for name in chosen if name in names)
        return there, scope_html(documents, set(there))

    def open(
        self, window: BrowserWindow, opened: Mapping[str, Any], chosen: Sequence[str] = ()
    ) -> str:
        """Return the document that a button names, with the words marked that its answer cites,
        those of the button in view.

        The list of all where it names none.
        """
        try:
            if not window.library or not opened.get("document"):
                return self.library_view(window.library, chosen)
            # From the list of documents, it is opened as the last answer cites it.
            turn = int(opened.get("turn") or len(window.turns) - 1)
            cited = window.turns[turn][0].citations if 0 <= turn < len(window.turns) else ()
            start, end = opened.get("start"), opened.get("end")
            current = (int(start), int(end)) if start and end else None
            document = self._service.pipeline(window.library).document(str(opened["document"]))
            return report_html(document, cited, current, turn, window.library)
        except RagError as error:
            return trouble_html(str(error))

    def about(self, window: BrowserWindow, document: str) -> str:
        """Return a document's own page."""
        try:
            pipeline = self._service.pipeline(window.library)
            info, found = pipeline.library.info(document), pipeline.document(document)
            return about_html(found, info, self._overviews.of(window.library, document))
        except RagError as error:
            return trouble_html(str(error))

    def correct(self, window: BrowserWindow, document: str, title: str, date: str) -> str:
        """Return a document's own page, after its title and date were corrected, or why they were
        not.
        """
        trouble = self._trouble(
            lambda: self._service.correct(window.library, document, title, date.strip())
        )
        return trouble + self.about(window, document)

    def beside(self, window: BrowserWindow, chosen: Sequence[str] = ()) -> str:
        """Return what stands beside a conversation.

        The document that its last answer cites first, or the list of all.
        """
        try:
            return self.cited(window) or self.library_view(window.library, chosen)
        except RagError:  # the document was removed
            return self.library_view(window.library, chosen)

    def cited(self, window: BrowserWindow) -> str:
        """Return the report that the last answer cites first; "" if it cites none.

        Raises UsageError if the report is gone.
        """
        citations = window.turns[-1][0].citations if window.turns else ()
        if not citations:
            return ""
        document = self._service.pipeline(window.library).document(citations[0].document)
        span = (citations[0].start, citations[0].end)
        return report_html(document, citations, span, len(window.turns) - 1, window.library)

    # --- The library ------------------------------------------------------------------------------

    def work(self, window: BrowserWindow) -> tuple[str, str]:
        """Return the jobs of the library, and what it holds."""
        library = self.target(window)
        return work_html(
            self._jobs.uploads_of(library), self._jobs.tasks_of(library)
        ), self._holdings(window)

    def target(self, window: BrowserWindow) -> str:
        """Return the name of the library that reports are added to."""
        return window.library or self._service.default

    def begin(self, window: BrowserWindow, kind: Task, folder: str = "") -> str:
        """Begin work on the library; why not, where it cannot be."""
        if kind == "add" and not self.local:
            return trouble_html(
                "A folder can be named at the machine of the server only; send the files."
            )
        return self._trouble(lambda: self._jobs.begin(self.target(window), kind, folder))

    def add_samples(self, window: BrowserWindow) -> str:
        """Begin to add the sample reports that come with the program; why not, if not."""
        folder = str(bundled("samples"))
        return self._trouble(lambda: self._jobs.begin(self.target(window), "add", folder))

    def dismiss(self, window: BrowserWindow) -> str:
        """Forget what came of the work that has ended."""
        self._jobs.dismiss(self.target(window))
        return ""

    def cancel(self, window: BrowserWindow) -> str:
        """End what is being added."""
        self._jobs.cancel(self.target(window))
        return ""

    def discard(self, window: BrowserWindow, document: str) -> str:
        """Remove a document from the library; why not, where it cannot be."""
        trouble = self._trouble(
            lambda: self._service.pipeline(window.library).library.remove(document)
        )
        if not trouble:
            self._jobs.dismiss(window.library, document)
        return trouble

    def clear_unanswered(self, window: BrowserWindow) -> str:
        """Remove the questions without an answer; why not, where it cannot be."""
        return self._trouble(
            lambda: self._service.pipeline(window.library).library.unanswered.clear()
        )

    def make(self, name: str) -> str:
        """Make a library; why not, where it cannot be."""

        name = _named(name)

        def made() -> None:
            if name in self.libraries():
                raise UsageError(
                    f"There is a library {name!r} already; choose it above, or give another name."
                )
            self._service.pipeline(name, create=True).create()

        return self._trouble(made)

    def rename_library(self, window: BrowserWindow, name: str) -> str:
        """Give the library another name; return why not, if that fails."""
        return self._trouble(
            lambda: self._idle(window).rename_library(window.library, _named(name))
        )

    def delete_library(self, window: BrowserWindow) -> str:
        """Delete the library with all it holds; return why not, if that fails."""
        return self._trouble(lambda: self._idle(window).delete_library(window.library))

    def _idle(self, window: BrowserWindow) -> Service:
        if self._jobs.is_busy(window.library):
            raise UsageError("Work on this library is under way; wait until it is done.")
        return self._service

    def _holdings(self, window: BrowserWindow) -> str:
        if not window.library:
            return ""
        try:
            pipeline = self._service.pipeline(window.library)
            held = holdings_html(
                window.library, pipeline.library.documents(), int(pipeline.status()["bytes"])
            )
            return held + unanswered_html(pipeline.library.unanswered.listing())
        except RagError as error:
            return trouble_html(str(error))

    def _trouble(self, work: Callable[[], object]) -> str:
        try:
            work()
        except RagError as error:
            return trouble_html(str(error))
        return ""

    # --- Models -----------------------------------------------------------------------------------

    def models(self) -> str:
        """Return the models, and what is done with one of them."""
        work = self._service.model_work
        try:
            used = used_html(self._service.models_in_use(), work.server, self.local)
            return used + models_html(
                work.installed(), work.offered(), work.task, free_memory(), self.local
            )
        except RagError as error:
            return trouble_html(str(error))

    def change_model(self, action: str, name: str) -> str:
        """Begin what is to be done with a model, and return the models; or why it cannot be."""
        if action == "add" and not self.local:
            return trouble_html(
                "A file can be named at the machine of the server only; use rag models add there."
            )
        trouble = self._trouble(lambda: self._service.model_work.begin(action, name))
        return trouble + self.models()

    def use_server(self, address: str, model: str) -> str:
        """Let a server write from the next start on; return the models, or why it cannot be."""
        if not self.local:
            return trouble_html(
                "A server can be named at this machine only; set RAG_SERVER for the server."
            )
        trouble = self._trouble(lambda: self._service.model_work.use_server(address, model))
        return trouble + self.models()

    def suggestion(self) -> str:
        """Return, once, that this machine has room for a better writer than the embedded one."""
        better = self._service.model_work.suggested()
        if better is None:
            return ""
        size = f"{gigabytes(better.bytes)}, {better.licence}"
        return (
            f"This machine has room for {better.name} ({size}), which writes fuller answers: see "
            "Settings."
        )

    # --- Questions --------------------------------------------------------------------------------

    def ask(
        self, window: BrowserWindow, question: str, asker: str, certainty: float, only: Filter
    ) -> Generator[View]:
        """Yield the answer as it is made, after the earlier turns.

        An `asker` has one question at a time.
        """
        turn, earlier = len(window.turns), window.shown(0, len(window.turns))
        if not question.strip() and window.turns and only != window.turns[-1][1]:
            question = window.turns[-1][0].question  # the same again, with another filter
        if not window.library:
            yield View(no_library_html(self.local))
            return
        request = self._requests[asker] = RequestContext(_MAX_SECONDS)
        hits: tuple[Hit, ...] = ()
        sentences: list[Sentence] = []

        def draft(status: str, running: bool = True, before: str | None = None) -> View:
            return View(
                draft_html(turn, question, hits, sentences, status, only), before, running=running
            )

        try:
            # The turns before go over once: a long conversation is megabytes.
            yield draft("Searching …", before=earlier)
            stream = self._service.stream(
                window.library, question, request, window.history, certainty, only
            )
            for step in self._steps(stream, request):
                match step:
                    case Answer():
                        window = self._keeping(replace(window, turns=(*window.turns, (step, only))))
                        yield View(
                            answer_html(turn, step, only, window.notebook),
                            None,
                            window,
                            self.beside(window, only.documents),
                        )
                        return
                    case Found():
                        hits = step.hits
                    case Sentence():
                        sentences.append(step)
                yield draft(_waiting(step) if isinstance(step, int) else "Reading the passages …")
        except StoppedError:
            yield self._stopped(window, question, sentences, hits, only) or draft(
                "Stopped.", running=False
            )
        except (
            UsageError,
            NotFoundError,
        ) as error:  # the reader has something to correct, and nothing is broken
            hits, sentences = (), []
            yield draft(str(error), running=False)
        except RagError as error:
            yield View(trouble_html(str(error)))
        finally:
            request.stop()
            if self._requests.get(asker) is request:
                del self._requests[asker]

    def _stopped(
        self,
        window: BrowserWindow,
        question: str,
        sentences: Sequence[Sentence],
        hits: Sequence[Hit],
        only: Filter,
    ) -> View | None:
        """Return what was said of a stopped answer, kept as its answer; None if it was nothing."""
        if not sentences:
            return None
        try:
            answer = self._service.finish(window.library, question, sentences, hits)
        except RagError:  # what was said is shown all the same
            return None
        if answer is None:
            return None
        turn = len(window.turns)
        window = self._keeping(replace(window, turns=(*window.turns, (answer, only))))
        return View(
            answer_html(turn, answer, only, window.notebook),
            None,
            window,
            self.beside(window, only.documents),
        )

    def stop(self, asker: str) -> None:
        """Stop the model that works for an asker, if one does."""
        if request := self._requests.get(asker):
            request.stop()

    def _steps(self, events: Generator[Event], request: RequestContext) -> Iterator[Event | int]:
        """Yield the events, and the number of questions ahead of this one whenever it changes."""
        ahead = 0
        for event in iterate_in_thread(events, _PROGRESS_POLL_SECONDS):
            if event is not None:
                yield event
            elif (now := self._service.queue.ahead_of(request)) != ahead:
                ahead = now
                yield now


def _named(name: str) -> str:
    """Return the name of a library as it is meant: one space where several were typed."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def _waiting(before: int) -> str:
    return f"{count(before, 'question')} before this one …" if before else "Reading the passages …"
