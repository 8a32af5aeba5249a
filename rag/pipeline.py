"""The order of things: files -> library, question -> hits -> evidence -> answer. The only module that knows it."""

import hashlib
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Literal

import numpy as np

from rag.answering import citations
from rag.answering import evidence
from rag.answering import prompt
from rag.answering import verify as verdicts
from rag.library.chunking import (make_chunks)
from rag.config import (Settings, bundled)
from rag.reading.documents import (MAX_BYTES, SUFFIXES, read_document)
from rag.models.bundled import (sha256_of)
from rag.models.embedder import (make_embedder)
from rag.models.reader import (OnnxReader)
from rag.models.reranker import (CrossEncoderReranker)
from rag.library.store import (DocumentInfo, Library, library_folder)
from rag.models.llm import (LlamaModel, model_name)
from rag.reading.pdf import (page_image)
from rag.library.query import (unbound)
from rag.search import (search)
from rag.answering.claims import (Statement, read_statements)
from rag.errors import (RagError, UsageError)
from rag.protocols import (ChatModel, Embedder, Progress, Reader, Reranker)
from rag.types import (EVERYTHING, Answer, Chunk, Citation, Document, Event, Evidence, Filter, Found, Hit, Mode, Piece, Seconds, Sentence, Source, Turn, Vectors)

UPLOADED = Path("/uploaded")  # in a library's list of files, what was sent and never lay in a folder; the same from anywhere
MAX_QUESTION = 2000  # characters; a longer text is a document, not a question
_HITS = 10
READ = 8  # hits whose sentences are weighed: an answer found deeper is more often chance than find
_CHECKED_HITS = 5  # hits among whose sentences support is sought for a statement that cites nothing
MAX_ANSWER_TOKENS = 120
_PATIENCE = 120.0  # seconds, that a model may write; then the sources answer, or what it has written so far
_SURE = 0.5  # of its words; of those that a model is less sure of, every third is wrong
_DOCUMENTS_IN_MEMORY = 32
_BATCH = 256  # chunks that are embedded at once: two seconds of work, which is what an interruption costs
_ADDING, _REBUILDING = b"a", b"r"  # what vectors wait for: an add that ends well leaves those of an interrupted rebuild alone


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a file."""

    path: Path
    outcome: Literal["added", "replaced", "unchanged", "failed"]
    document: str = ""
    chunks: int = 0
    reason: str = ""  # of a failure


class Models:
    """The models, each loaded when first asked for and then kept; safe from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None
        self._reader: Reader | None = None
        self._reranker: Reranker | None = None
        self._chat: ChatModel | None = None

    @property
    def embedder(self) -> Embedder:
        with self._lock:
            self._embedder = self._embedder or make_embedder(self._settings.embeddings)
            return self._embedder

    @property
    def reader(self) -> Reader:
        with self._lock:
            self._reader = self._reader or OnnxReader()
            return self._reader

    @property
    def reranker(self) -> Reranker | None:
        """The reranker; None where the settings name none."""
        with self._lock:
            if self._settings.reranker:
                self._reranker = self._reranker or CrossEncoderReranker(self._settings.reranker)
            return self._reranker

    @property
    def chat_name(self) -> str:
        """The name of the language model, which is not loaded for it."""
        return model_name(self._settings.model, self._settings.adapter) if self._settings.generate else "none"

    @property
    def chat(self) -> ChatModel | None:
        """The language model; None where the settings name none."""
        with self._lock:
            if self._settings.generate:
                self._chat = self._chat or LlamaModel(self._settings.model, self._settings.adapter)
            return self._chat


class Pipeline:
    """One library and the models that read, search and answer it."""

    def __init__(self, settings: Settings, models: Models | None = None) -> None:
        """`models` of another pipeline are shared, so that a second library costs no second load."""
        self.models = models or Models(settings)
        self.name = settings.library
        self._folder = settings.indexes
        self._certainty = settings.certainty
        self._lock = threading.Lock()
        self._library: Library | None = None
        # A cited document is read whole; the same few are cited again and again. The generation tells versions apart.
        self._document = lru_cache(_DOCUMENTS_IN_MEMORY)(lambda name, generation: self.library.document(name))

    @property
    def library(self) -> Library:
        """The library, opened. Raises LibraryError where there is none or it cannot be used, UsageError for a bad name."""
        return self._open(create=False)

    def create(self) -> None:
        """Make the library where there is none. Raises what `library` raises."""
        self._open(create=True)

    def close(self) -> None:
        with self._lock:
            if self._library:
                self._library.close()
                self._library = None

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def document(self, name: str) -> Document:
        """The whole document of that name. Raises UsageError where there is none."""
        return self._document(name, self.library.generation)

    def page_image(self, name: str, page: int, width: int) -> bytes:
        """A PNG of a page of the document, `width` pixels wide, as far as that is within bounds; pages count from 1.

        Raises UsageError where there is no such document or page, or its file is not there any more as it was read.
        """
        info = self.library.info(name)
        if not self.document(name).boxes:
            raise UsageError(f"The document {name!r} was not read from a PDF and has no pages; show its text.")
        data = self.library.originals.read(info.path, info.sha256)
        if data is None:
            raise UsageError(
                f"The file that {name!r} was read from has changed or is not there any more, so its pages cannot be shown; add "
                "it again."
            )
        return page_image(data, page, width)

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
            "language_model": self.models.chat_name,
        }

    # --- Files -> library -----------------------------------------------------------------------------------------

    def add(self, paths: Sequence[Path], progress: Progress | None = None) -> Iterator[Added]:
        """Read, split, embed and store the files, and those below the folders; what became of each, as it happens.

        A file whose content is in the library is skipped, and where it was renamed, the document follows it; a changed one is
        replaced when its new version is wholly read and embedded; a failed one keeps its old version. Raises UsageError where
        a path does not exist or nothing can be read.
        """
        files = find_files(paths)
        library = self._open(create=True)
        failed = False
        if progress:
            progress.done(0, len(files))
        for number, path in enumerate(files, 1):
            try:
                added = self._add_file(library, path, progress)
            except RagError as error:
                if error.exit_code != 1:  # not this file's fault: the library or a model cannot be used
                    raise
                added = Added(path, "failed", reason=str(error))
                failed = True
            if progress:
                progress.done(number, len(files))
            yield added
        if not failed and any(path.is_dir() for path in paths):
            library.drop_pending(_ADDING)
        library.settle()

    def _add_file(self, library: Library, path: Path, progress: Progress | None) -> Added:
        content = _content(path)
        known = library.find(path) or library.find_content(content)
        if known is None or known.sha256 != content:
            return self.add_document(read_document(path), path, progress)
        if not known.path.is_relative_to(UPLOADED) and _is_gone(known.path):
            library.move(known.name, path)
        return Added(path, "unchanged", known.name, known.chunks)

    def gone(self, paths: Sequence[Path]) -> list[DocumentInfo]:
        """The documents whose files lay below the folders among `paths` and are there no longer, in the order of their names.

        A file that cannot be looked for is not gone.
        """
        below = (d for path in paths if path.is_dir() for d in self.library.below(path))
        gone = {d.name: d for d in below if not d.path.is_relative_to(UPLOADED) and _is_gone(d.path)}
        return [gone[name] for name in sorted(gone)]

    def add_document(self, document: Document, path: Path, progress: Progress | None = None) -> Added:
        """Split, embed and store a document that was read from `path`; it replaces the one read from there before.

        What was embedded of a long one when the work was interrupted is not embedded again. Raises LibraryError where it cannot
        be kept.
        """
        library = self._open(create=True)
        known = library.find(path)
        document = replace(document, name=known.name if known else library.free_name(document.name))
        chunks = make_chunks(document, self.models.embedder.count_tokens)
        keys, vectors = self._embedded(library, chunks, _ADDING, keep=len(chunks) > _BATCH, progress=progress)
        library.add(document, chunks, vectors, path, keys)
        return Added(path, "replaced" if known else "added", document.name, len(chunks))

    def rebuild(self, progress: Progress | None = None) -> int:
        """Chunk and embed every document anew from its stored text, for the embedder in use; how many documents there are.

        The old chunks and vectors stay in use until all new ones are there, and others may add until then. Where it was
        interrupted, it goes on.
        """
        embedder = self.models.embedder
        chunks: dict[tuple[str, str], tuple[Chunk, ...]] = {}

        def make(document: Document) -> tuple[tuple[Chunk, ...], Vectors]:
            made = chunks.get((document.name, document.sha256)) or make_chunks(document, embedder.count_tokens)
            return made, self._embedded(library, made, _REBUILDING)[1]

        with Library.open(library_folder(self._folder, self.name)) as library:
            while missing := [d.name for d in library.documents() if (d.name, d.sha256) not in chunks]:
                of = len(chunks) + len(missing)
                for name in missing:
                    if progress:
                        progress.done(len(chunks), of)
                    with suppress(UsageError):  # it was removed meanwhile
                        document = library.document(name)
                        made = make_chunks(document, embedder.count_tokens)
                        self._embedded(library, made, _REBUILDING, keep=True, progress=progress)
                        chunks[document.name, document.sha256] = made
            if progress:
                progress.done(len(chunks), len(chunks))
            library.rebuild(embedder.name, embedder.dimension, make)
            library.settle()
            return len(library.documents())

    def repair(self) -> list[str]:
        """Mend what the stored text of the documents is enough for; what was done, in sentences. Raises what `verify` raises."""
        library, count = self.library, self.models.embedder.count_tokens

        def make(document: Document) -> tuple[tuple[Chunk, ...], Vectors]:
            chunks = make_chunks(document, count)
            return chunks, self._embedded(library, chunks, _ADDING)[1]

        return library.repair(make)

    def _embedded(
        self, library: Library, chunks: Sequence[Chunk], use: bytes, keep: bool = False, progress: Progress | None = None
    ) -> tuple[list[bytes], Vectors]:
        """The keys under which vectors of the chunks wait, and the vectors, float32 [chunks, dimension].

        With `keep` they wait from the moment they are made; those that do are not made again.
        """
        embedder = self.models.embedder
        texts = [f"{chunk.context}\n{chunk.text}" for chunk in chunks]
        keys = [use + hashlib.sha256(f"{embedder.name}\n{text}".encode()).digest() for text in texts]
        vectors = library.pending(keys, embedder.dimension)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        coming = iter(missing)
        while batch := list(islice(coming, _BATCH)):
            made = embedder.encode([missing[key] for key in batch])
            if keep:
                library.keep(batch, made)
            vectors |= zip(batch, made, strict=True)
            if progress:
                progress.embedded(len(batch))
        found = [vectors[key] for key in keys]
        return keys, np.stack(found) if found else np.empty((0, embedder.dimension), np.float32)

    # --- Question -> answer ---------------------------------------------------------------------------------------

    def search(self, question: str, k: int = _HITS, history: Sequence[Turn] = (), only: Filter = EVERYTHING) -> tuple[Hit, ...]:
        """The best `k` hits for the question among the chunks that the filter lets through.

        Raises UsageError for a question that is empty or too long, and for a filter by what is not there.
        """
        question, earlier = checked(question), asked_before(history)
        # A follow-up is looked for by itself and with what was asked before it, half and half.
        vector = self.models.embedder.encode([question, f"{question} {earlier}"] if earlier else [question]).sum(axis=0)
        return search(
            self.library, question, vector / np.linalg.norm(vector), k, only=only, earlier=earlier, reranker=self.models.reranker
        )

    def passages(self, question: str, k: int = _HITS, history: Sequence[Turn] = (), only: Filter = EVERYTHING) -> tuple[Hit, ...]:
        """The best `k` hits of a search, those it found first in a better order: by what the reader finds in them, too.

        Takes and raises what `search` does, and takes some tenths of a second longer.
        """
        hits = self.search(question, max(k, READ), history, only)
        return evidence.reorder(hits, self.weigh(question, hits, history))[:k]

    def weigh(self, question: str, hits: Sequence[Hit], history: Sequence[Turn] = ()) -> tuple[Evidence, ...]:
        """The sentences of the best hits with the chance that they answer, the likeliest first."""
        models = self.models
        read = hits[:READ]
        return evidence.weigh(question, read, models.reader, models.embedder, self.library.rarity, last_asked(history))

    def ask(
        self, question: str, history: Sequence[Turn] = (), certainty: float | None = None, only: Filter = EVERYTHING
    ) -> Answer:
        """The whole answer; takes and raises what `stream` does."""
        return next(event for event in self.stream(question, history, certainty, only) if isinstance(event, Answer))

    def stream(
        self, question: str, history: Sequence[Turn] = (), certainty: float | None = None, only: Filter = EVERYTHING
    ) -> Generator[Event]:
        """The answer as it comes about: its hits, each sentence that its sources hold, at last the whole Answer.

        `certainty` is the least chance of being right that it is shown with, where that of the settings is not meant. Closing
        the iterator stops the model. Raises UsageError for a question that is empty or too long and for a filter
        by what is not there, LibraryError and ModelError where one of these cannot be used.
        """
        started = time.monotonic()
        hits = self.search(question, history=history, only=only)
        retrieved = time.monotonic() - started
        yield Found(hits)

        weighed = self.weigh(question, hits, history)
        claims: list[verdicts.Claim] = []
        first: float | None = None
        mode: Mode = "extractive"
        least = self._certainty if certainty is None else certainty
        for of_claim, claim in self._claims(question, last_asked(history), weighed, least):
            claims.append(claim)
            mode = "generated" if of_claim == "generated" else mode
            first = first or time.monotonic() - started
            yield self._cite(claims)[0][-1]

        sentences, cited = self._cite(claims)
        yield Answer(
            question=question,
            answer=citations.render(sentences),
            abstained=not claims,
            mode=mode,
            sentences=sentences,
            citations=cited,
            hits=evidence.reorder(hits, weighed),
            seconds=Seconds(retrieved, first, time.monotonic() - started),
        )

    def check(self, text: str) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
        """Each statement of a text, or of an answer as JSON, with its verdict, and the citations of those that hold.

        What an answer cites is looked up in the library; for a text that cites nothing the library is searched. Raises
        UsageError where there is nothing to check.
        """
        return self._cite([self._checked(statement) for statement in read_statements(text)])

    def _checked(self, statement: Statement) -> verdicts.Claim:
        if statement.cited is None:
            # A quote that is not verbatim is to be told, so its words are found without their marks.
            hits = self.search(unbound(statement.text)[:MAX_QUESTION], _CHECKED_HITS)
            sources = [Source(n, hit, evidence.sentences_of(hit)) for n, hit in enumerate(hits, 1)]
            return self._check(statement.text, sources)
        sources = []
        for number, cited in enumerate(statement.cited, 1):
            try:
                document = self.document(cited.document)
            except UsageError:
                return verdicts.Claim(statement.text, "unsupported", (), f"{cited.document!r} is not in the library")
            # A replaced report may hold the words elsewhere.
            start = cited.start if document.text.startswith(cited.quote, cited.start) else document.text.find(cited.quote)
            if start < 0 or not cited.quote.strip():
                return verdicts.Claim(statement.text, "unsupported", (), f"the quoted words do not stand in {cited.document!r}")
            hit = _cited_hit(document, start, start + len(cited.quote))
            sources.append(Source(number, hit, evidence.sentences_of(hit)))
        return self._check(statement.text, sources)

    def _check(self, statement: str, sources: Sequence[Source]) -> verdicts.Claim:
        claim = verdicts.check(statement, sources, self.document)
        speaker = verdicts.spoken_by(claim, self.document)
        if claim.verdict != "supported" or speaker is None:
            return claim
        return replace(claim, verdict="partly", reason=f"these are the words of {speaker or 'somebody'}, who is not named")

    def _claims(
        self, question: str, before: str, weighed: Sequence[Evidence], certainty: float
    ) -> Iterator[tuple[Mode, verdicts.Claim]]:
        """What the answer says, as it comes, and whether the model or the source puts it so; nothing where it is not certain."""
        if not evidence.enough(weighed, certainty, declines=0.0):  # whatever a model says
            return
        chat, asked, silent = self.models.chat, evidence.asked_for(question, before), True
        if not (chat and chat.brief) and not evidence.enough(weighed, certainty):
            return
        if chat:
            sources = prompt.choose_sources(weighed, chat.count_tokens)
            built = prompt.build(evidence.in_context(question, before), sources, bundled("prompts"))
            with closing(chat.stream(built, MAX_ANSWER_TOKENS)) as pieces:
                if chat.brief:
                    first = list(islice(pieces, 1))  # what it begins with decides whether more is wanted
                    if not evidence.enough(weighed, certainty, first[0].declines if first else 1.0):
                        return
                    claims = self._brief([piece for piece in _until_cut(chain(first, pieces)) if piece], asked, weighed)
                else:
                    claims = self._generated(_until_cut(pieces), asked, sources, weighed)
                for claim in claims:
                    silent = False
                    yield claim
        if silent:
            for quote in citations.quoted(evidence.choose(asked, weighed), self.document):
                yield "extractive", quote

    def _generated(
        self, pieces: Iterable[Piece | None], question: str, sources: Sequence[Source], weighed: Sequence[Evidence]
    ) -> Iterator[tuple[Mode, verdicts.Claim]]:
        """The sentences of the model that hold, and a source that tells otherwise."""
        text, done = "", 0
        told: set[Evidence] = set()
        for piece in pieces:
            text += piece.text if piece else ""
            sentences = citations.claims(text)
            # The last sentence is complete only when the model is; None tells so.
            for sentence in sentences[done : len(sentences) - (piece is not None)]:
                done += 1
                claim = verdicts.check(sentence, sources, self.document, question)
                if verdicts.copies(claim):
                    return  # the sentence itself, with those around it, tells more
                claim = verdicts.attributed(claim, self.document)
                if claim.verdict == "supported" and evidence.answers(claim.text, question, claim.evidence, weighed):
                    told.update(claim.evidence)
                    yield "generated", claim
        if told:
            otherwise = (e for e in evidence.otherwise(question, weighed) if e not in told)
            for quote in citations.quoted(otherwise, self.document):
                yield "extractive", quote

    def _brief(self, said: Sequence[Piece], question: str, weighed: Sequence[Evidence]) -> Iterator[tuple[Mode, verdicts.Claim]]:
        """The best sentence, below some words of it where the model is sure of them. Words of another sentence are rarely right,
        but that sentence, quoted beside the best one, often is."""
        text = " ".join(citations.claims("".join(piece.text for piece in said)))
        phrases = (verdicts.phrase(text, sentence) for sentence in evidence.likely(weighed))
        claim = next((claim for claim in phrases if claim and evidence.names_it(claim.text, question)), None)
        if claim is None:
            return
        (told,) = claim.evidence
        if told is weighed[0] and citations.chance(said) >= _SURE and not verdicts.copies(claim):
            claim = verdicts.attributed(claim, self.document)
            if claim.verdict == "supported":
                yield "generated", claim
        for quote in citations.quoted(evidence.in_place(question, weighed, told), self.document):
            yield "extractive", quote

    def _cite(self, claims: Sequence[verdicts.Claim]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
        return citations.cite(claims, self.document)

    def _open(self, create: bool) -> Library:
        with self._lock:
            if self._library is None:
                embedder = self.models.embedder
                self._library = Library.open(
                    library_folder(self._folder, self.name), embedder=embedder.name, dimension=embedder.dimension, create=create
                )
            return self._library


def _until_cut(pieces: Iterable[Piece]) -> Iterator[Piece | None]:
    """The pieces, and None behind them where the model came to its end, not where it was cut off."""
    until = time.monotonic() + _PATIENCE
    for number, piece in enumerate(pieces, 1):
        yield piece
        if number >= MAX_ANSWER_TOKENS or time.monotonic() > until:
            return
    yield None


def _cited_hit(document: Document, start: int, end: int) -> Hit:
    """A span of a document as if a search had found it."""
    paragraph = document.paragraph_at(start)
    section = " › ".join(document.sections[paragraph.section].path) if paragraph else ""
    number = paragraph.number if paragraph else 0
    text = document.text[start:end]
    return Hit(Chunk(document.name, 0, section, number, start, end, text, document.title), document.title, 1.0, "both")


def _content(path: Path) -> str:
    """The sha256 of a file; "" for one that will not be read as a document."""
    try:
        return sha256_of(path) if path.is_file() and path.stat().st_size <= MAX_BYTES else ""
    except OSError:
        return ""


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name that no file can have
        return True
    except OSError:
        return False
    return False


def find_files(paths: Sequence[Path], at_least: int = 1) -> list[Path]:
    """The files named, and those of the kinds we read below the folders named, hidden ones left out.

    Raises UsageError where a path does not exist, or fewer files than `at_least` are there.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            files += sorted(p for p in below if not any(part.startswith(".") for part in p.relative_to(path).parts))
        elif path.exists():
            files.append(path)
        else:
            raise UsageError(f"There is no file or folder {str(path)!r}; check the path.")
    if len(files) < at_least:
        kinds = ", ".join(sorted(SUFFIXES))
        raise UsageError(f"No reports were found in {', '.join(map(str, paths))}; files of these kinds are read: {kinds}.")
    return list(dict.fromkeys(files))


def checked(question: str) -> str:
    """The question without white space around it. Raises UsageError where it is empty or too long."""
    question = question.strip()
    if not any(c.isalnum() for c in question):
        raise UsageError("The question is empty; type a question in plain words.")
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"The question has {len(question):,} characters, at most {MAX_QUESTION:,} are read; ask it in fewer words, and add "
            "longer texts to the library."
        )
    return question


def asked_before(history: Sequence[Turn]) -> str:
    """What the user asked before, the latest first, since models read only so much. Answers are never evidence."""
    return " ".join(turn.text for turn in reversed(history) if turn.role == "user")[:MAX_QUESTION]


def last_asked(history: Sequence[Turn]) -> str:
    """The user's turn before the question, on which a follow-up leans; "" at first. Answers are never evidence."""
    return next((turn.text for turn in reversed(history) if turn.role == "user"), "")[:MAX_QUESTION]
