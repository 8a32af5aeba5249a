"""QUESTION -> ANSWER: search, weigh, compose, cite; and one library with all that is done on it."""

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag import ingest
from rag.answering import citations, conversation, decline, rank
from rag.answering.claims import check_statement, read_statements
from rag.answering.conflicts import prefer_newest
from rag.answering.decide import Decision, decide
from rag.answering.shapes.request import Request
from rag.answering.shapes.shapes import answered
from rag.answering.spelling import correct
from rag.answering.understand import check_question, understand
from rag.answering.verify import Claim
from rag.config import MAX_QUESTION, Settings, bundled
from rag.errors import NotFoundError
from rag.ingest import Added
from rag.library.store import Library, library_folder
from rag.protocols import ModelSet, Progress
from rag.reading.process.worker import draw_apart, start_early
from rag.search import search
from rag.types import (
    EVERYTHING,
    Answer,
    Citation,
    Document,
    DocumentInfo,
    Event,
    Evidence,
    Filter,
    Found,
    Hit,
    Mode,
    Reason,
    Seconds,
    Sentence,
    Turn,
    Vectors,
)

_HITS = 10
READ = 8  # hits whose sentences are weighed: an answer found deeper is more often chance than find
_CHECKED_HITS = 5  # hits among whose sentences support is sought for a statement that cites nothing
_DOCUMENTS_IN_MEMORY = 32
_ASKED_AGAIN = 100  # unanswered questions, after documents were added: a minute or two

logger = logging.getLogger(__name__)


class Pipeline:
    """One library and the models that read, search and answer it."""

    def __init__(self, settings: Settings, models: ModelSet) -> None:
        """Answer from the library that `settings` name, with `models`.

        Several pipelines may share the models, so that a second library costs no second load.
        """
        self.models = models
        self.name = settings.library
        self._folder = settings.indexes
        self._certainty = settings.certainty
        self._contexts = conversation.Contexts()
        self._small_talk = lru_cache(1)(lambda: self.models.embedder.encode(decline.EXAMPLES))
        self._lock = threading.Lock()
        self._library: Library | None = None
        # A cited document is read whole; the same few are cited again and again. The generation
        # identifies a version.
        self._document = lru_cache(_DOCUMENTS_IN_MEMORY)(
            lambda name, generation: self.library.document(name)
        )
        # Every question may name a document, and listing them counts all paragraphs and chunks.
        self._listed = lru_cache(1)(lambda only, generation: self.library.documents(only))

    @property
    def library(self) -> Library:
        """The library, opened. Raises LibraryError where there is none or it cannot be used,
        UsageError for a bad name.
        """
        return self._open(create=False)

    def create(self) -> None:
        """Make the library where there is none. Raises what `library` raises."""
        self._open(create=True)

    def close(self) -> None:
        """Close the library; the models stay, since others may share them."""
        with self._lock:
            if self._library:
                self._library.close()
                self._library = None

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def document(self, name: str) -> Document:
        """The whole document of that name. Raises NotFoundError where there is none."""
        return self._document(name, self.library.generation)

    def listed(self, only: Filter) -> list[DocumentInfo]:
        """What the library lists of the documents that the filter lets through, by name.

        Raises UsageError for a document that is not in the library, and for a date that is none.
        """
        return self._listed(only, self.library.generation)

    def page_image(self, name: str, page: int, width: int) -> bytes:
        """A PNG of a page of the document, `width` pixels wide, as far as that is within bounds;
        pages count from 1.

        Raises NotFoundError where there is no such document or page, or its file is not there any
        more as it was read.
        """
        info = self.library.info(name)
        if not self.document(name).boxes:
            raise NotFoundError(
                f"The document {name!r} was not read from a PDF and has no pages; show its text."
            )
        data = self.library.source_files.read(info.path, info.sha256)
        if data is None:
            raise NotFoundError(
                f"The file that {name!r} was read from has changed or is not there any more, so its"
                " pages cannot be shown; add it again."
            )
        return draw_apart(data, info.file, page, width)

    def status(self) -> dict[str, str | int]:
        """What the library holds and which models are used, by name."""
        documents = self.library.documents()
        return {
            "library": self.name,
            "folder": str(self._folder / self.name),
            "documents": len(documents),
            "passages": sum(document.chunks for document in documents),
            "bytes": sum(file.stat().st_size for file in (self._folder / self.name).rglob("*")),
            "embedding_model": self.models.embedder.name,
            "reader": self.models.reader.name,
            "language_model": self.models.chat_name,
        }

    # --- Files -> library -------------------------------------------------------------------------

    def add(self, paths: Sequence[Path], progress: Progress | None = None) -> Iterator[Added]:
        """Add the files, and those below the folders; yield the outcome of each as it happens.

        `ingest.add_files` says what is unchanged and what is replaced. What lies in a folder and is
        no report comes last, as skipped. Raises UsageError where a path
        does not exist or nothing can be read.
        """
        files, skipped = ingest.find_files(paths)
        folders = any(path.is_dir() for path in paths)
        start_early()
        yield from ingest.add_files(
            self._open(create=True), self.models.embedder, files, progress, whole_folders=folders
        )
        yield from skipped

    def add_document(
        self, document: Document, path: Path, progress: Progress | None = None
    ) -> Added:
        """Add a document that was read from `path`; it replaces the one read from there before."""
        library = self._open(create=True)
        return ingest.add_document(library, self.models.embedder, document, path, progress)

    def gone(self, paths: Sequence[Path]) -> list[DocumentInfo]:
        """Return the documents whose files lay below the folders among `paths` and are gone."""
        return ingest.find_gone(self.library, paths)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Chunk and embed every document anew, for the embedder in use.

        Return how many there are.
        """
        with Library.open(library_folder(self._folder, self.name)) as library:
            return ingest.rebuild(library, self.models.embedder, progress)

    def repair(self) -> list[str]:
        """Repair what the stored text is enough for; return what was done, in sentences."""
        return ingest.repair_library(self.library, self.models.embedder)

    # --- Question -> answer -----------------------------------------------------------------------

    def search(
        self, question: str, k: int = _HITS, history: Sequence[Turn] = (), only: Filter = EVERYTHING
    ) -> tuple[Hit, ...]:
        """The best `k` hits for the question among the chunks that the filter lets through.

        Raises UsageError for a question that is empty or too long, and for a filter by what is not
        there.
        """
        question, before = check_question(question), conversation.questions_of(history)
        context = self._context(before, only)
        earlier = " ".join([*reversed(before), context.answer]).strip()[:MAX_QUESTION]
        # A follow-up is looked for by itself and with what was said before it, half and half.
        vector = self.models.embedder.encode(
            [question, f"{question} {earlier}"] if earlier else [question]
        ).sum(axis=0)
        return search(
            self.library,
            question,
            vector / np.linalg.norm(vector),
            k,
            only=only,
            earlier=earlier,
            reranker=self.models.reranker,
        )

    def passages(
        self, question: str, k: int = _HITS, history: Sequence[Turn] = (), only: Filter = EVERYTHING
    ) -> tuple[Hit, ...]:
        """The best `k` hits of a search, those it found first in a better order.

        By what the reader finds in them, too.

        Takes and raises what `search` does, and takes some tenths of a second longer.
        """
        hits = self.search(question, max(k, READ), history, only)
        return rank.reorder(hits, self.read(question, hits, history, only)[1])[:k]

    def read(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Turn] = (),
        only: Filter = EVERYTHING,
    ) -> tuple[str, tuple[Evidence, ...]]:
        """Read the best hits; return the question as understood, and their sentences, best first.

        A question in a conversation is read in several ways (`conversation.candidates`); what
        answers better is kept.
        """
        context = self._context(conversation.questions_of(history), only)
        return conversation.understood(
            question, context, lambda asked: self.evidence(asked, hits[:READ])
        )

    def _context(self, before: tuple[str, ...], only: Filter) -> conversation.Context:
        """Return what a question after these leans on; what was forgotten of it is read again."""
        if not before:
            return conversation.Context()
        key = (before, only, self.library.generation)
        if remembered := self._contexts.get(key):
            return remembered
        *earlier, last = before[-conversation.MAX_READ_AGAIN :]
        history = [Turn("user", text) for text in earlier]
        hits = self.search(last, history=history, only=only)
        return self._remember(before, only, *self.read(last, hits, history, only))

    def _remember(
        self, before: tuple[str, ...], only: Filter, asked: str, evidence: Sequence[Evidence]
    ) -> conversation.Context:
        """Keep what the next question may lean on after these, the last of which was so read."""
        context = conversation.context_of(asked, evidence, self._certainty)
        self._contexts.put((before, only, self.library.generation), context)
        return context

    def evidence(self, question: str, hits: Sequence[Hit]) -> tuple[Evidence, ...]:
        """Return the sentences of the hits, the best first, each with its chance to answer."""
        readings = self.models.reader.read(question, rank.passages_of(hits))
        return rank.rank(question, hits, readings, self.library.idf)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Answer:
        """The whole answer; takes and raises what `stream` does."""
        return next(
            event
            for event in self.stream(question, history, certainty, only)
            if isinstance(event, Answer)
        )

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Generator[Event]:
        """The answer as it comes about; a question without one is kept in the library.

        Its hits, each sentence that its sources hold, at last the whole Answer.

        `certainty` is the least chance of being right that it is shown with, where that of the
        settings is not meant. Closing the iterator stops the model. Raises UsageError for a
        question that is empty or too long and for a filter by what is not there, LibraryError and
        ModelError where one of these cannot be used.
        """
        for event in self._answer(question, history, certainty, only):
            if isinstance(event, Answer) and event.reason:
                self._keep_unanswered(event, history, only)
            yield event

    def attempt(self, question: str) -> Answer:
        """Return the answer as `ask` does, and keep nothing where there is none."""
        return next(event for event in self._answer(question) if isinstance(event, Answer))

    def ask_again(self) -> list[Answer]:
        """Ask the unanswered questions again, the last ones; return the answers there are now.

        The library notes which are answered. Raises what `stream` does.
        """
        answers = []
        for kept in self.library.unanswered.open(_ASKED_AGAIN):
            answer = self.attempt(kept.question)
            if not answer.abstained:
                self.library.unanswered.mark_answered(kept.question)
                answers.append(answer)
        return answers

    def _keep_unanswered(self, answer: Answer, history: Sequence[Turn], only: Filter) -> None:
        before = (*conversation.questions_of(history), answer.question.strip())
        context = self._contexts.get((before, only, self.library.generation))
        asked = context.asked if context and history else answer.question
        if not self.library.unanswered.keep(asked, answer.reason):
            logger.warning("The library cannot be written to now; the question is not kept.")

    def _answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Generator[Event]:
        """Yield what `stream` does, and keep nothing."""
        started = time.monotonic()
        corpus = _Corpus(self, only)
        written, slips = correct(
            check_question(question), self._is_known, self.library.nearest_word
        )
        asked = understand(written, corpus.documents())
        least = self._certainty if certainty is None else certainty
        named = replace(only, documents=asked.documents) if asked.documents else only
        hits = self.search(written, history=history, only=named)
        retrieved = time.monotonic() - started
        if declined := self._decline_unread(question, hits):
            reason, said = declined
            seconds = Seconds(retrieved, None, time.monotonic() - started)
            yield Found(())
            yield Answer(
                question, "", True, "extractive", (), (), (), seconds, reason, declined=said
            )
            return
        yield Found(hits)

        text, evidence, decision = self._decide(written, hits, history, only, least)
        if decision.reason and named != only:  # what it names does not answer; another may
            hits = self.search(written, history=history, only=only)
            text, evidence, decision = self._decide(written, hits, history, only, least)
        before = (*conversation.questions_of(history), question.strip())
        self._remember(before, only, text, evidence)
        read = time.monotonic() - started
        notes = list(slips)
        request = Request(
            replace(asked, text=text),
            evidence,
            decision,
            least,
            corpus,
            self.models.chat,
            bundled("prompts"),
            notes.append,
        )
        claims: list[Claim] = []
        first: float | None = None
        mode: Mode = "extractive"
        shape = asked.shape
        for shape, worded_by, claim in answered(request):  # noqa: B007 - told at the end
            claims.append(claim)
            mode = "generated" if worded_by == "generated" else mode
            first = first or time.monotonic() - started
            yield self._cite(claims)[0][-1]

        sentences, cited = self._cite(claims)
        yield Answer(
            question=question,
            answer=citations.render(sentences, shape),
            abstained=not claims,
            mode=mode,
            sentences=sentences,
            citations=cited,
            hits=rank.reorder(hits, evidence),
            seconds=Seconds(retrieved, first, time.monotonic() - started, read),
            reason="" if claims else decision.reason or "near",
            shape=shape,
            confidence=round(decision.confidence, 3),
            notes=tuple(notes),
            declined="" if claims else decline.declined(decision.reason, text, evidence),
        )

    def _is_known(self, word: str) -> bool:
        """Return whether a document has the word, or the language: one token of the embedder."""
        return self.library.holds(word) or self.models.embedder.count_tokens(word.lower()) == 1

    def _decide(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Turn],
        only: Filter,
        min_confidence: float,
    ) -> tuple[str, tuple[Evidence, ...], Decision]:
        """Return the question as understood, the evidence for it, and whether that answers it."""
        text, evidence = self.read(question, hits, history, only)
        evidence = prefer_newest(evidence, min_confidence)
        idf = self.library.idf
        decision = decide(evidence, lambda: rank.coverage(text, hits[:READ], idf), min_confidence)
        return text, evidence, decision

    def _decline_unread(self, question: str, hits: Sequence[Hit]) -> tuple[Reason, str] | None:
        """Return why there is nothing to read for the question, and what to say; None mostly."""
        if not hits and not self.library.count:
            return "nothing_on_subject", decline.EMPTY_LIBRARY
        embedder = self.models.embedder
        kind = decline.kind_of(
            question, hits, embedder.encode, embedder.count_tokens, self._small_talk()
        )
        return None if kind == "question" else ("", decline.SAID[kind])

    def check(self, text: str) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
        """Each statement of a text, or of an answer as JSON, with its verdict, and the citations of
        those that hold.

        What an answer cites is looked up in the library; for a text that cites nothing the library
        is searched. Raises UsageError where there is nothing to check.
        """

        def find(statement: str) -> tuple[Hit, ...]:
            return self.search(statement, _CHECKED_HITS)

        return self._cite([check_statement(s, find, self.document) for s in read_statements(text)])

    def _cite(self, claims: Sequence[Claim]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
        return citations.cite(claims, self.document)

    def _open(self, create: bool) -> Library:
        with self._lock:
            if self._library is None:
                embedder = self.models.embedder
                self._library = Library.open(
                    library_folder(self._folder, self.name),
                    embedder=embedder.name,
                    dimension=embedder.dimension,
                    create=create,
                )
            return self._library


class _Corpus:
    """The documents of a library that a filter lets through, as the shapes look things up."""

    def __init__(self, pipeline: Pipeline, only: Filter) -> None:
        self._pipeline, self._only = pipeline, only

    def documents(self) -> list[DocumentInfo]:
        """Return what the library lists of each document."""
        return self._pipeline.listed(self._only)

    def document(self, name: str) -> Document:
        """Return the whole document of that name. Raises NotFoundError where there is none."""
        return self._pipeline.document(name)

    def search(self, question: str, k: int, documents: Sequence[str] = ()) -> tuple[Hit, ...]:
        """Return the best `k` hits for the question, of these documents or of all."""
        return self._pipeline.search(question, k, only=self._within(documents))

    def passages(self, documents: Sequence[str]) -> tuple[Hit, ...]:
        """Return every passage of the documents, in their order."""
        return self._hits(self._within(documents))

    def holding(self, words: str) -> tuple[Hit, ...]:
        """Return the passages that hold the words in this order, whatever their endings."""
        return self._hits(self._only, f'"{words}"')

    def read(self, question: str, hits: Sequence[Hit]) -> tuple[Evidence, ...]:
        """Return the sentences of the hits, the best first, each with its chance to answer."""
        return self._pipeline.evidence(question, hits)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, float32 [texts, dimension]."""
        return self._pipeline.models.embedder.encode(texts)

    def _within(self, documents: Sequence[str]) -> Filter:
        return replace(self._only, documents=tuple(documents)) if documents else self._only

    def _hits(self, only: Filter, phrase: str = "") -> tuple[Hit, ...]:
        library = self._pipeline.library
        with library.snapshot():
            ids = library.select(only, phrase)
            chunks = library.chunks([] if ids is None else ids.tolist())
        hits = [Hit(chunk, title, 1.0, "lexical", date) for chunk, title, date in chunks.values()]
        return tuple(sorted(hits, key=lambda hit: (hit.chunk.document, hit.chunk.number)))
