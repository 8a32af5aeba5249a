"""QUESTION -> ANSWER: understand, search, read, decide, write, verify, cite; over one library."""

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
from rag.answering.decide import Decision, decide, of_its_years
from rag.answering.rows import with_named_rows
from rag.answering.shapes.dispatch import answer_in_shape
from rag.answering.shapes.request import Request
from rag.answering.spelling import correct
from rag.answering.understand import check_question, understand
from rag.answering.verify import Claim
from rag.config import MAX_QUESTION, Settings, bundled
from rag.errors import NotFoundError
from rag.ingest import Added
from rag.library.places import LibraryPlace, libraries_of
from rag.library.store import Library
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
    SourceFile,
    Turn,
    Vectors,
)

_HITS = 10
READ = 8  # hits whose sentences are weighed: an answer found deeper is more often chance than find
_CHECKED_HITS = 5  # hits among whose sentences support is sought for a statement that cites nothing
_DOCUMENTS_IN_MEMORY = 32
_ASKED_AGAIN = 100  # unanswered questions, after documents were added: a minute or two

logger = logging.getLogger(__name__)
_CUT_OFF = "Stopped before the end of the answer."


class Pipeline:
    """One library and the models that read, search and answer it."""

    def __init__(
        self, settings: Settings, models: ModelSet, libraries: LibraryPlace | None = None
    ) -> None:
        """Answer from the library that `settings` name, with `models`.

        Several pipelines may share the models, so that a second library costs no second load, and
        the `libraries`; without these they are where the settings say.
        """
        self.models = models
        self.name = settings.library
        self._libraries = libraries or libraries_of(settings)
        self._certainty = settings.certainty
        self._ocr = settings.ocr
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
        """The library, opened.

        Raises LibraryError if there is none or it cannot be used, UsageError for a bad name.
        """
        return self._open(create=False)

    def create(self) -> None:
        """Make the library if there is none. Raises what `library` raises."""
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
        """Return the whole document of that name. Raises NotFoundError if there is none."""
        return self._document(name, self.library.generation)

    def listed(self, only: Filter) -> list[DocumentInfo]:
        """Return what the library lists of the documents that pass the filter, sorted by name.

        Raises UsageError for a document that is not in the library, and for an invalid date.
        """
        return self._listed(only, self.library.generation)

    def page_image(self, name: str, page: int, width: int) -> bytes:
        """Return a page of the document as a PNG, `width` pixels wide as far as the limits allow.

        Pages count from 1. Raises NotFoundError if there is no such document or page, or if its
        file is gone or has changed since it was read.
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
        """Return what the library holds and which models are used, by name."""
        documents = self.library.documents()
        return {
            "library": self.name,
            "folder": self._libraries.place(self.name),
            "documents": len(documents),
            "passages": sum(document.chunks for document in documents),
            "bytes": self.library.size,
            "embedding_model": self.models.embedder.name,
            "reader": self.models.reader.name,
            "language_model": self.models.chat_name,
        }

    # --- Files -> library -------------------------------------------------------------------------

    def add(self, paths: Sequence[Path], progress: Progress | None = None) -> Iterator[Added]:
        """Add the files, and those in the folders; yield the outcome of each as it happens.

        `ingest.add_files` says what is unchanged and what is replaced. Files in a folder that are
        not reports come last, as skipped. Raises UsageError if a path does not exist or nothing can
        be read.
        """
        files, skipped = ingest.find_files(paths)
        folders = any(path.is_dir() for path in paths)
        start_early()
        yield from ingest.add_files(
            self._open(create=True),
            self.models.embedder,
            files,
            progress,
            whole_folders=folders,
            ocr=self._ocr,
        )
        yield from skipped

    def add_sources(
        self, sources: Sequence[SourceFile], progress: Progress | None = None
    ) -> Iterator[Added]:
        """Add files of which others know something; yield the outcome of each as it happens."""
        start_early()
        yield from ingest.add_sources(
            self._open(create=True), self.models.embedder, sources, progress, ocr=self._ocr
        )

    def add_document(
        self, document: Document, path: Path, progress: Progress | None = None
    ) -> Added:
        """Add a document that was read from `path`; it replaces the one read from there before."""
        library = self._open(create=True)
        return ingest.add_document(library, self.models.embedder, document, path, progress)

    def gone(self, paths: Sequence[Path]) -> list[DocumentInfo]:
        """Return the documents whose files were in the folders among `paths` and are gone."""
        return ingest.find_gone(self.library, paths)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Chunk and embed every document again for the current embedder; return their number."""
        with self._libraries.open(self.name) as library:
            return ingest.rebuild(library, self.models.embedder, progress)

    def repair(self) -> list[str]:
        """Repair what the stored text allows; return what was done, in sentences."""
        return ingest.repair_library(self.library, self.models.embedder)

    # --- Question -> answer -----------------------------------------------------------------------

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Answer:
        """Return the whole answer; takes and raises what `stream` does."""
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
        """Yield the answer as it is made: its hits, each verified sentence, then the whole Answer.

        A question without an answer is kept in the library. `certainty` is the least probability
        with which an answer is shown; None takes that of the settings. Closing the iterator stops
        the model. Raises UsageError for a question that is empty or too long and for a filter by
        what is not there, LibraryError and ModelError if the library or a model cannot be used.
        """
        for event in self._answer(question, history, certainty, only):
            if isinstance(event, Answer) and event.reason:
                self._keep_unanswered(event, history, only)
            yield event

    def attempt(self, question: str, only: Filter = EVERYTHING) -> Answer:
        """Return the answer as `ask` does, but do not keep a question without one."""
        events = self._answer(question, only=only)
        return next(event for event in events if isinstance(event, Answer))

    def finish(self, question: str, said: Sequence[Sentence], hits: Sequence[Hit]) -> Answer | None:
        """Return the sentences of an answer that was stopped, as an answer with their citations.

        None if none of them holds when it is checked alone.
        """
        started = time.monotonic()
        checked, cited = self.check(" ".join(sentence.text for sentence in said))
        kept = tuple(sentence for sentence in checked if sentence.markers)
        if not kept:
            return None
        seconds = Seconds(0.0, None, time.monotonic() - started)
        text = citations.render(kept, "fact")
        return Answer(
            question,
            text,
            False,
            "generated",
            kept,
            cited,
            tuple(hits),
            seconds,
            notes=(_CUT_OFF,),
        )

    def _answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        certainty: float | None = None,
        only: Filter = EVERYTHING,
    ) -> Generator[Event]:
        """Yield what `stream` does, step by step from question to answer; keep nothing."""
        watch = _Stopwatch()
        least = self._certainty if certainty is None else certainty
        corpus = _Corpus(self, only)

        # Understand: correct the spelling; find the shape of the answer and the documents named.
        text, notes = self._corrected(question)
        asked = understand(text, corpus.documents())
        named = replace(only, documents=asked.documents) if asked.documents else only

        # Search.
        hits = self.search(text, history=history, only=named)
        watch.lap("retrieve")
        if declined := self._decline_unread(question, hits):
            yield Found(())
            yield _declined_answer(question, *declined, watch.seconds())
            return
        yield Found(hits)

        # Read, and decide whether that answers.
        understood, evidence, decision = self._decide(text, hits, history, only, least)
        if decision.reason and named != only:  # what it names does not answer; another may
            hits = self.search(text, history=history, only=only)
            understood, evidence, decision = self._decide(text, hits, history, only, least)
        before = (*conversation.questions_of(history), question.strip())
        self._remember(before, only, understood, evidence)
        watch.lap("read")

        # Write, verify and cite.
        asked, chat, prompts = replace(asked, text=understood), self.models.chat, bundled("prompts")
        request = Request(
            asked, evidence, decision, least, corpus, chat, prompts, note=notes.append
        )
        yield from self._write(question, hits, request, notes, watch)

    def _corrected(self, question: str) -> tuple[str, list[str]]:
        """Return the question with its spelling corrected, and what was corrected, in sentences.

        Raises UsageError for a question that is empty or too long.
        """

        def is_known(word: str) -> bool:  # to a document, or to the language: one token
            return self.library.holds(word) or self.models.embedder.count_tokens(word.lower()) == 1

        text, notes = correct(check_question(question), is_known, self.library.nearest_word)
        return text, list(notes)

    def search(
        self, question: str, k: int = _HITS, history: Sequence[Turn] = (), only: Filter = EVERYTHING
    ) -> tuple[Hit, ...]:
        """Return the best `k` hits for the question among the chunks that pass the filter.

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

    def _decline_unread(self, question: str, hits: Sequence[Hit]) -> tuple[Reason, str] | None:
        """Return why the question is not worth reading for, and what to say; None if it is."""
        if not hits and not self.library.count:
            return "nothing_on_subject", decline.EMPTY_LIBRARY
        embedder = self.models.embedder
        kind = decline.kind_of(
            question, hits, embedder.encode, embedder.count_tokens, self._small_talk()
        )
        return None if kind == "question" else ("", decline.SAID[kind])

    def _decide(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Turn],
        only: Filter,
        certainty: float,
    ) -> tuple[str, tuple[Evidence, ...], Decision]:
        """Return the question as understood, the evidence for it, and whether that answers it."""
        text, evidence = self.read(question, hits, history, only)
        evidence = prefer_newest(evidence, certainty)
        idf = self.library.idf
        of_years = of_its_years(text, evidence, self.document)
        evidence = of_years or evidence
        decision = decide(evidence, lambda: rank.coverage(text, hits[:READ], idf), certainty)
        if not of_years and not decision.reason:  # what answers speaks of another year
            decision = replace(decision, reason="near")
        return text, evidence, decision

    def read(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Turn] = (),
        only: Filter = EVERYTHING,
    ) -> tuple[str, tuple[Evidence, ...]]:
        """Read the best hits; return the question as understood, and their sentences, best first.

        A follow-up question is read in several ways (`conversation.candidates`); the way that
        answers best is kept.
        """
        context = self._context(conversation.questions_of(history), only)
        return conversation.best_wording(
            question, context, lambda asked: self.evidence(asked, hits[:READ])
        )

    def evidence(self, question: str, hits: Sequence[Hit]) -> tuple[Evidence, ...]:
        """Return the sentences of the hits by their probability of answering, best first."""
        readings = self.models.reader.read(question, rank.passages_of(hits))
        ranked = rank.rank(question, hits, readings, self.library.idf)
        return with_named_rows(question, ranked, self.document)

    def _write(
        self,
        question: str,
        hits: Sequence[Hit],
        request: Request,
        notes: Sequence[str],
        watch: "_Stopwatch",
    ) -> Generator[Event]:
        """Yield each sentence as soon as it is written and verified, then the whole Answer.

        `notes` are what to say besides the sentences; `request.note` may add to them.
        """
        claims: list[Claim] = []
        mode: Mode = "extractive"
        shape = request.question.shape
        for written in answer_in_shape(request):
            shape, worded_by, claim = written
            claims.append(claim)
            mode = "generated" if worded_by == "generated" else mode
            watch.lap("first_token")
            yield self._cite(claims)[0][-1]

        sentences, cited = self._cite(claims)
        decision, evidence = request.decision, request.evidence
        understood = request.question.text
        yield Answer(
            question=question,
            answer=citations.render(sentences, shape),
            abstained=not claims,
            mode=mode,
            sentences=sentences,
            citations=cited,
            hits=rank.reorder(hits, evidence),
            seconds=watch.seconds(),
            reason="" if claims else decision.reason or "near",
            shape=shape,
            confidence=round(decision.confidence, 3),
            notes=tuple(notes),
            declined="" if claims else decline.declined(decision.reason, understood, evidence),
        )

    def _cite(self, claims: Sequence[Claim]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
        return citations.cite(claims, self.document)

    def passages(
        self, question: str, k: int = _HITS, history: Sequence[Turn] = (), only: Filter = EVERYTHING
    ) -> tuple[Hit, ...]:
        """Return the best `k` hits of a search, reordered by what the reader finds in them.

        Takes and raises what `search` does; some tenths of a second slower.
        """
        hits = self.search(question, max(k, READ), history, only)
        return rank.reorder(hits, self.read(question, hits, history, only)[1])[:k]

    def check(self, text: str) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
        """Return each sentence of a text with its verdict, and the citations of those that hold.

        The text may be an answer as JSON: what it cites is looked up in the library. For a text
        that cites nothing the library is searched. Raises UsageError if there is nothing to check.
        """

        def find(statement: str) -> tuple[Hit, ...]:
            return self.search(statement, _CHECKED_HITS)

        return self._cite([check_statement(s, find, self.document) for s in read_statements(text)])

    # --- What later questions build on ------------------------------------------------------------

    def _context(self, before: tuple[str, ...], only: Filter) -> conversation.Context:
        """Return what a follow-up to these questions may refer to; if forgotten, read it again."""
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
        """Keep and return what a follow-up to these questions may refer to.

        `asked` is the last of them as it was understood.
        """
        context = conversation.context_of(asked, evidence, self._certainty)
        self._contexts.put((before, only, self.library.generation), context)
        return context

    def _keep_unanswered(self, answer: Answer, history: Sequence[Turn], only: Filter) -> None:
        before = (*conversation.questions_of(history), answer.question.strip())
        context = self._contexts.get((before, only, self.library.generation))
        asked = context.asked if context and history else answer.question
        if not self.library.unanswered.keep(asked, answer.reason):
            logger.warning("The library cannot be written to now; the question is not kept.")

    def ask_again(self) -> list[Answer]:
        """Ask the last unanswered questions again; return those answers that there are now.

        The library marks these questions as answered. Raises what `stream` does.
        """
        answers = []
        for kept in self.library.unanswered.open(_ASKED_AGAIN):
            answer = self.attempt(kept.question)
            if not answer.abstained:
                self.library.unanswered.mark_answered(kept.question)
                answers.append(answer)
        return answers

    # --- The library ------------------------------------------------------------------------------

    def _open(self, create: bool) -> Library:
        with self._lock:
            if self._library is None:
                embedder = self.models.embedder
                self._library = self._libraries.open(
                    self.name,
                    embedder=embedder.name,
                    dimension=embedder.dimension,
                    create=create,
                )
            return self._library


def _declined_answer(question: str, reason: Reason, said: str, seconds: Seconds) -> Answer:
    """Return the answer to a question for which nothing is read."""
    return Answer(question, "", True, "extractive", (), (), (), seconds, reason, declined=said)


class _Stopwatch:
    """The seconds that an answer takes, counted from when this is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Keep the seconds so far under the name of a field of `Seconds`; the first time only."""
        self._laps.setdefault(name, time.monotonic() - self._started)

    def seconds(self) -> Seconds:
        """Return the seconds of each lap and, as `total`, those up to now."""
        laps, total = self._laps, time.monotonic() - self._started
        return Seconds(laps["retrieve"], laps.get("first_token"), total, laps.get("read", 0.0))


class _Corpus:
    """The documents of a library that pass a filter, and how an answer looks things up in them."""

    def __init__(self, pipeline: Pipeline, only: Filter) -> None:
        self._pipeline, self._only = pipeline, only

    def documents(self) -> list[DocumentInfo]:
        """Return what the library lists of each document."""
        return self._pipeline.listed(self._only)

    def document(self, name: str) -> Document:
        """Return the whole document of that name. Raises NotFoundError if there is none."""
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
        """Return the sentences of the hits by their probability of answering, best first."""
        return self._pipeline.evidence(question, hits)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of the texts, float32 [texts, dimension]."""
        return self._pipeline.models.embedder.encode(texts)

    def _within(self, documents: Sequence[str]) -> Filter:
        return replace(self._only, documents=tuple(documents)) if documents else self._only

    def _hits(self, only: Filter, phrase: str = "") -> tuple[Hit, ...]:
        chunks = self._pipeline.library.matching(only, phrase)
        hits = [Hit(chunk, title, 1.0, "lexical", date) for chunk, title, date in chunks.values()]
        return tuple(sorted(hits, key=lambda hit: (hit.chunk.document, hit.chunk.number)))
