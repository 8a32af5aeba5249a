"""What readers do at the page, whatever draws it: ask, open a report, look at a library. One `Desk` serves all windows."""

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rag.html import answer_html, draft_html, library_html, no_library_html, report_html, trouble_html
from rag.service import Asking, Service, StoppedError
from rag.types import Answer, Citation, Filter, Found, Hit, RagError, Sentence, UsageError

_LONGEST_READ = 3600.0  # seconds: a reader has a button to stop, and may wait for a slow machine


@dataclass(frozen=True, slots=True)
class View:
    """What a step of an answer changes on the page."""

    answer: str
    report: str | None = None  # None: as it was
    cited: tuple[Citation, ...] = ()
    running: bool = False


class Desk:
    """The libraries as the page shows them, for all its windows; what belongs to one window comes with each call."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._askings: dict[str, Asking] = {}

    def libraries(self) -> tuple[list[str], str | None]:
        """The names of the libraries, and the one to begin with: None where there is none yet."""
        names = self._service.libraries()
        return names, self._service.default if self._service.default in names else next(iter(names), None)

    @property
    def certainty(self) -> float:
        """How sure an answer must be, until a reader says otherwise."""
        return self._service.certainty

    def shelf(self, library: str | None) -> tuple[str, list[tuple[str, str]]]:
        """The list of the library's reports, and of each what it is called and its name, to choose from."""
        if not library:
            return no_library_html(), []
        try:
            documents = self._service.pipeline(library).library.documents()
        except RagError as error:
            return trouble_html(str(error)), []
        called = [(" · ".join(filter(None, [d.title, d.date])), d.name) for d in documents]
        return library_html(library, documents), called

    def open(self, library: str | None, cited: Sequence[Citation], opened: MutableMapping[str, Any]) -> str:
        """The report that a button of the page names, with the cited words marked and those of the button in view."""
        try:
            if not library or not opened.get("document"):
                return self.shelf(library)[0]
            start, end = opened.get("start"), opened.get("end")
            current = (int(start), int(end)) if start and end else None
            return report_html(self._service.pipeline(library).document(str(opened["document"])), cited, current)
        except RagError as error:
            return trouble_html(str(error))

    def ask(self, question: str, library: str | None, window: str, certainty: float, only: Filter) -> Iterator[View]:
        """The answer as it comes about. One question runs in a window at a time."""
        if not library:
            yield View(no_library_html())
            return
        asking = self._askings[window] = Asking(_LONGEST_READ)
        hits: tuple[Hit, ...] = ()
        sentences: list[Sentence] = []
        try:
            yield View(draft_html(question, (), (), "Searching …", only), running=True)
            pipeline = self._service.pipeline(library)
            with closing(self._service.stream(library, question, asking, (), certainty, only)) as events:
                for event in events:
                    if isinstance(event, Answer):
                        report = None
                        if event.citations:
                            first = event.citations[0]
                            report = report_html(pipeline.document(first.document), event.citations, (first.start, first.end))
                        yield View(answer_html(event, only), report, event.citations)
                        return
                    if isinstance(event, Found):
                        hits = event.hits
                    else:
                        sentences.append(event)
                    yield View(draft_html(question, hits, sentences, "Reading the passages …", only), running=True)
        except StoppedError:
            yield View(draft_html(question, hits, sentences, "Stopped.", only))
        except UsageError as error:  # the reader has something to correct, and nothing is broken
            yield View(draft_html(question, (), (), str(error), only))
        except RagError as error:
            yield View(trouble_html(str(error)))
        finally:
            asking.stop()
            if self._askings.get(window) is asking:
                del self._askings[window]

    def stop(self, window: str) -> None:
        """Stop the model that works for a window, if one does."""
        if asking := self._askings.get(window):
            asking.stop()
