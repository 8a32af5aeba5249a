"""A library -> the same library in another place, document by document.

Whatever is there already is left, so that an interrupted run goes on where it was.
"""

from collections.abc import Callable
from typing import NamedTuple

from rag.errors import LibraryError
from rag.library.seams import Store


class Migrated(NamedTuple):
    """What was copied, and what was there already; both are as they are in the source."""

    documents: int
    passages: int
    conversations: int
    unanswered: int
    there_already: int  # documents


def copy_library(source: Store, target: Store, progress: Callable[[int, int], None]) -> Migrated:
    """Copy what is in one store into another, and compare both.

    `progress` is called with the documents that are done, and with how many there are. Raises
    LibraryError where a copy differs, and what the stores raise.
    """
    listed, copied, there = source.listing(), 0, 0
    for number, info in enumerate(listed, 1):
        wanted = source.digest(info.name)
        if target.digest(info.name) == wanted:
            there += 1
        else:
            document = source.document(info.name)
            if document is not None:  # else it was removed meanwhile
                chunks, vectors = source.passages(info.name)
                embedder = target.state().embedder
                target.add(document, chunks, vectors, str(info.path), (), embedder)
                if target.digest(info.name) != wanted:
                    raise LibraryError(
                        f"The copy of {info.name!r} differs from what is in {source.name!r}; run "
                        "`rag verify` on the source, and migrate again."
                    )
                copied += 1
        _copy_file(source, target, info.sha256)
        progress(number, len(listed))
    conversations, unanswered = _copy_talk(source, target)
    names = {info.name: info.chunks for info in target.listing()}
    if missing := [info.name for info in listed if names.get(info.name) != info.chunks]:
        raise LibraryError(
            f"{len(missing)} of {len(listed)} documents are not in the target as they are in the "
            f"source, {missing[0]!r} among them; migrate again."
        )
    passages = sum(info.chunks for info in listed)
    return Migrated(copied, passages, conversations, unanswered, there)


def _copy_file(source: Store, target: Store, sha256: str) -> None:
    kept = source.source_files.kept(sha256)
    if kept is not None and target.source_files.kept(sha256) is None:
        target.source_files.keep(kept, sha256)


def _copy_talk(source: Store, target: Store) -> tuple[int, int]:
    """Copy the conversations and the unanswered questions that differ; return how many there are.

    Raises LibraryError where a copy differs.
    """
    conversations = source.conversations.whole()
    there = set(target.conversations.whole())
    for conversation in conversations:
        if conversation not in there:
            target.conversations.take_over(conversation)
    unanswered = source.unanswered.listing()
    for question in set(unanswered) - set(target.unanswered.listing()):
        target.unanswered.take_over(question)
    if not (
        set(conversations) <= set(target.conversations.whole())
        and set(unanswered) <= set(target.unanswered.listing())
    ):
        raise LibraryError(
            f"A conversation of {source.name!r} is not in the target as it is in the source; "
            "migrate again while nobody asks."
        )
    return len(conversations), len(unanswered)
