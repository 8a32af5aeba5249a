"""What a document says in short, and questions worth asking of it, found in the background."""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from rag.errors import RagError
from rag.service.service import Service
from rag.types import Answer, Filter
from rag.ui.suggested_questions import candidate_questions, choose_answered

_QUESTIONS_TRIED = 8  # questions asked of a document at most: each takes a second or two
_MOST_KEPT = 200  # overviews in memory: a few kilobytes each


@dataclass(frozen=True, slots=True)
class DocumentOverview:
    """What stands on a document's own page besides its facts."""

    answer: Answer | None = None  # None where nothing stands for the whole
    questions: tuple[str, ...] = ()
    ready: bool = False  # whether both were looked for


class Overviews:
    """The overview of each document that was asked for. Safe from several threads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[str, str, str], DocumentOverview] = OrderedDict()

    def of(self, library: str, document: str) -> DocumentOverview:
        """Return what is known by now; the first call begins the search.

        Raises NotFoundError where there is no such document, LibraryError where the library cannot
        be used.
        """
        info = self._service.pipeline(library).library.info(document)
        key = (library, document, f"{info.sha256}{info.title}{info.date}")
        with self._lock:
            if key in self._found:
                return self._found[key]
            self._found[key] = DocumentOverview()
            while len(self._found) > _MOST_KEPT:
                self._found.popitem(last=False)
        threading.Thread(target=self._find, args=(key, info.title), daemon=True).start()
        return DocumentOverview()

    def _find(self, key: tuple[str, str, str], title: str) -> None:
        library, name, _ = key
        only, found = Filter((name,)), DocumentOverview(ready=True)
        try:
            answer = self._service.attempt(library, f"Summarize “{title}”", only)
            if not answer.abstained:
                found = DocumentOverview(_without_title(answer, title), (), True)
                self._keep(key, replace(found, ready=False))
            candidates = candidate_questions([self._service.pipeline(library).document(name)])
            ask = lambda question: self._service.attempt(library, question, only)  # noqa: E731
            questions = choose_answered(candidates[:_QUESTIONS_TRIED], ask)
            found = replace(found, questions=tuple(questions))
        except RagError as error:
            log = logging.getLogger(__name__)
            log.warning("There is no overview of a document of %r: %s", library, error)
        self._keep(key, found)

    def _keep(self, key: tuple[str, str, str], found: DocumentOverview) -> None:
        with self._lock:
            if key in self._found:
                self._found[key] = found


def _without_title(answer: Answer, title: str) -> Answer:
    """Return an overview without the line that names its document, which stands above it."""
    cited = {c.marker: c for c in answer.citations}
    kept = [
        sentence
        for sentence in answer.sentences
        if not all(marker in cited and cited[marker].quote == title for marker in sentence.markers)
    ]
    old = dict.fromkeys(marker for sentence in kept for marker in sentence.markers)
    new = {marker: number for number, marker in enumerate(old, 1)}
    return replace(
        answer,
        sentences=tuple(
            replace(sentence, markers=tuple(new[marker] for marker in sentence.markers))
            for sentence in kept
        ),
        citations=tuple(
            replace(cited[marker], marker=number)
            for marker, number in new.items()
            if marker in cited
        ),
    )
