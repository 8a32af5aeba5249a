"""FILE -> LIBRARY: find the files, read each, cut it into chunks, embed them, store them."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from traceback import format_exception
from typing import Literal

import numpy as np

from rag.errors import DocumentError, LibraryError, NotFoundError, RagError, UsageError
from rag.files import MAX_BYTES, read_regular
from rag.library.chunking import make_chunks
from rag.library.store import Library
from rag.protocols import Embedder, Progress
from rag.reading.documents import SUFFIXES
from rag.reading.folders import files_below
from rag.reading.process.worker import read_apart
from rag.types import Chunk, Document, DocumentInfo, Fact, SourceFile, Vectors

# Stands for the folder of uploaded documents in a library's list of files; never a real path.
UPLOADED = Path("/uploaded")
# Chunks embedded at once: two seconds of work, which is what an interruption costs.
_EMBEDDED_AT_ONCE = 256
_FILES_NAMED = 5  # files left out that are named, for each reason
# Prefixes of the keys of pending vectors, so that an add never drops those of a rebuild.
_ADDING, _REBUILDING = b"a", b"r"


@dataclass(frozen=True, slots=True)
class Added:
    """The outcome of adding one file."""

    path: Path
    outcome: Literal["added", "replaced", "unchanged", "failed", "skipped"]
    document: str = ""
    chunks: int = 0
    # of a failure, or why it was left out of its folder; of an addition what could not be read
    reason: str = ""
    traceback: str = ""  # of a failure that nobody expected, for a report


def find_files(paths: Sequence[Path], at_least: int = 1) -> tuple[list[Path], list[Added]]:
    """Return the files named and those below the folders named, and what is left out of these.

    What is left out is "skipped", with the reason. Raises UsageError if a path does not exist,
    or where there are fewer files than `at_least`.
    """
    files: list[Path] = []
    skipped: list[Added] = []
    for path in paths:
        if path.is_dir():
            below, left_out = files_below(path)
            files += below
            skipped += [Added(file, "skipped", reason=reason) for file, reason in left_out]
        elif path.exists():
            files.append(path)
        else:
            raise UsageError(f"There is no file or folder {str(path)!r}; check the path.")
    if len(files) < at_least:
        kinds = ", ".join(sorted(SUFFIXES))
        places = ", ".join(map(str, paths))
        skips = f" {summary}" if (summary := left_out_summary(skipped)) else ""
        raise UsageError(
            f"No reports were found in {places}; files of these kinds are read: {kinds}.{skips}"
        )
    return list(dict.fromkeys(files)), skipped


def left_out_summary(outcomes: Sequence[Added]) -> str:
    """Return a sentence on what was skipped: how many for each reason, and some names.

    "" if nothing was.
    """
    names: dict[str, list[str]] = {}
    for added in outcomes:
        if added.outcome == "skipped":
            names.setdefault(added.reason, []).append(added.path.name)
    parts = [
        f"{len(some):,} ({reason}: {', '.join(some[:_FILES_NAMED])}"
        f"{', …' * (len(some) > _FILES_NAMED)})"
        for reason, some in names.items()
    ]
    return f"Left out: {'; '.join(parts)}." if parts else ""


def add_files(
    library: Library,
    embedder: Embedder,
    files: Sequence[Path],
    progress: Progress | None = None,
    whole_folders: bool = False,
    ocr: str = "",
) -> Iterator[Added]:
    """Read, chunk, embed and store each file; yield the outcome of each as it happens.

    Takes and does what `add_sources` does.
    """
    sources = [SourceFile(path, path) for path in files]
    return add_sources(library, embedder, sources, progress, whole_folders, ocr)


def add_sources(
    library: Library,
    embedder: Embedder,
    sources: Sequence[SourceFile],
    progress: Progress | None = None,
    whole_folders: bool = False,
    ocr: str = "",
) -> Iterator[Added]:
    """Read, chunk, embed and store each file; yield the outcome of each as it happens.

    A file whose content is in the library is skipped; where it was renamed, the document follows
    it. A changed file replaces its document once the new version is read and embedded. A file
    that fails keeps its old version and does not stop the others. `whole_folders` says that the
    files are all there are, so that vectors still pending from an earlier run can be dropped.
    `ocr` is the setting of text recognition.
    """
    failed = False
    if progress:
        progress.done(0, len(sources))
    for number, source in enumerate(sources, 1):
        path = source.path
        try:
            added = _add_file(library, embedder, source, progress, ocr)
        except DocumentError as error:
            added = Added(path, "failed", reason=str(error))
        except RagError:  # the library or a model cannot be used, whatever the file
            raise
        except Exception as error:  # a defect of ours must not keep the other files out
            added = _unexpected(path, error)
        failed = failed or added.outcome == "failed"
        if progress:
            progress.done(number, len(sources))
        yield added
    if whole_folders and not failed:
        library.drop_pending(_ADDING)
    library.optimize()


def _unexpected(path: Path, error: Exception) -> Added:
    reason = (
        f"{path.name} could not be added because of a defect of this program "
        f"({type(error).__name__}): add it with `rag add --report FILE` and report what is in that."
    )
    return Added(path, "failed", reason=reason, traceback="".join(format_exception(error)))


def _add_file(
    library: Library,
    embedder: Embedder,
    source: SourceFile,
    progress: Progress | None,
    ocr: str,
) -> Added:
    file, path = source.file, source.path
    content = _content_hash(file)
    known = library.find(path) or library.find_content(content)
    if known is None or known.sha256 != content:
        document = _described(read_apart(file, ocr), source)
        if file != path and document.boxes:  # the pages are shown from it, and it does not stay
            _keep_copy(library, file, content)
        return add_document(library, embedder, document, path, progress)
    if not known.path.is_relative_to(UPLOADED) and _is_gone(known.path):
        library.move(known.name, path)
    return Added(path, "unchanged", known.name, known.chunks)


def _described(document: Document, source: SourceFile) -> Document:
    """Return the document with what others know of it in the place of what its file says."""
    facts = document.facts
    if source.authors:
        told = tuple(Fact("author", author, source.told_by) for author in source.authors)
        facts = tuple(fact for fact in facts if fact.name != "author") + told
    return replace(
        document,
        title=source.title or document.title,
        date=source.date or document.date,
        facts=facts,
    )


def _keep_copy(library: Library, file: Path, sha256: str) -> None:
    try:
        library.source_files.keep(file.read_bytes(), sha256)
    except OSError as error:
        raise LibraryError(
            f"The pages of {file.name} cannot be kept ({error.strerror}); make room and add it "
            "again."
        ) from error


def add_document(
    library: Library,
    embedder: Embedder,
    document: Document,
    path: Path,
    progress: Progress | None = None,
) -> Added:
    """Chunk, embed and store a document read from `path`.

    It replaces the one read from there before.

    Where an earlier run was interrupted within a long document, its vectors are used again. Raises
    LibraryError where the document cannot be stored.
    """
    known = library.find(path)
    document = replace(document, name=known.name if known else library.free_name(document.name))
    chunks = make_chunks(document, embedder.count_tokens)
    is_long = len(chunks) > _EMBEDDED_AT_ONCE
    keys, vectors = _embed(library, embedder, chunks, _ADDING, keep=is_long, progress=progress)
    library.add(document, chunks, vectors, path, keys)
    unread = document.unread and f"{path.name}: {document.unread}"
    outcome: Literal["added", "replaced"] = "replaced" if known else "added"
    return Added(path, outcome, document.name, len(chunks), unread)


def find_gone(library: Library, paths: Sequence[Path]) -> list[DocumentInfo]:
    """Return the documents whose files lay below the folders among `paths` and are gone, by name.

    A file that cannot be looked for (no permission, a drive that is away) is not gone.
    """
    below = (d for path in paths if path.is_dir() for d in library.below(path))
    gone = {d.name: d for d in below if not d.path.is_relative_to(UPLOADED) and _is_gone(d.path)}
    return [gone[name] for name in sorted(gone)]


def rebuild(library: Library, embedder: Embedder, progress: Progress | None = None) -> int:
    """Chunk and embed every document anew from its stored text; return how many there are.

    The old chunks and vectors stay in use until all new ones are there, and other processes may
    add until then. An interrupted rebuild goes on where it was.
    """
    chunks: dict[tuple[str, str], tuple[Chunk, ...]] = {}

    def make(document: Document) -> tuple[tuple[Chunk, ...], Vectors]:
        key = (document.name, document.sha256)
        made = chunks.get(key) or make_chunks(document, embedder.count_tokens)
        return made, _embed(library, embedder, made, _REBUILDING)[1]

    while missing := [d.name for d in library.documents() if (d.name, d.sha256) not in chunks]:
        of = len(chunks) + len(missing)
        for name in missing:
            if progress:
                progress.done(len(chunks), of)
            with suppress(NotFoundError):  # it was removed meanwhile
                document = library.document(name)
                made = make_chunks(document, embedder.count_tokens)
                _embed(library, embedder, made, _REBUILDING, keep=True, progress=progress)
                chunks[document.name, document.sha256] = made
    if progress:
        progress.done(len(chunks), len(chunks))
    library.rebuild(embedder.name, embedder.dimension, make)
    library.optimize()
    return len(library.documents())


def repair_library(library: Library, embedder: Embedder) -> list[str]:
    """Repair what the stored text of the documents allows.

    Return what was done, in sentences.

    Raises LibraryError if the library is too damaged, or cannot be written to.
    """

    def make(document: Document) -> tuple[tuple[Chunk, ...], Vectors]:
        chunks = make_chunks(document, embedder.count_tokens)
        return chunks, _embed(library, embedder, chunks, _ADDING)[1]

    return library.repair(make)


def _embed(
    library: Library,
    embedder: Embedder,
    chunks: Sequence[Chunk],
    use: bytes,
    keep: bool = False,
    progress: Progress | None = None,
) -> tuple[list[bytes], Vectors]:
    """Return the pending keys of the chunks' vectors, and the vectors, float32 [chunks, dimension].

    With `keep` each batch is stored as pending as soon as it is made. A pending vector is not made
    again.
    """
    texts = [f"{chunk.context}\n{chunk.text}" for chunk in chunks]
    hashes = (hashlib.sha256(f"{embedder.name}\n{text}".encode()).digest() for text in texts)
    keys = [use + digest for digest in hashes]
    vectors = library.pending(keys, embedder.dimension)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
    coming = iter(missing)
    while batch := list(islice(coming, _EMBEDDED_AT_ONCE)):
        made = embedder.encode([missing[key] for key in batch])
        if keep:
            library.keep(batch, made)
        vectors |= zip(batch, made, strict=True)
        if progress:
            progress.embedded(len(batch))
    found = [vectors[key] for key in keys]
    return keys, np.stack(found) if found else np.empty((0, embedder.dimension), np.float32)


def _content_hash(path: Path) -> str:
    """Return the sha256 of a file; "" for one that will not be read as a document."""
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest() if len(data) <= MAX_BYTES else ""


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (
        FileNotFoundError,
        NotADirectoryError,
        ValueError,
    ):  # ValueError: no file has such a name
        return True
    except OSError:
        return False
    return False
