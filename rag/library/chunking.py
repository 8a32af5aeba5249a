"""Document -> Chunks: the paragraphs of a report as units that fit the encoder. Pure."""

from collections.abc import Callable, Iterator
from itertools import groupby

from rag.text.sentences import sentence_spans
from rag.types import Chunk, Document, Paragraph

# MiniLM reads 256 tokens: this leaves room for the context, which is embedded in front of the text.
MAX_CHUNK_TOKENS = 190
_MAX_CONTEXT_TOKENS = 60
# A paragraph below this says too little to be found by itself, so its successors in the section are
# joined to it.
_JOIN_BELOW = 48

NumberedSpan = tuple[int, int, int]  # paragraph number, start, end


def make_chunks(document: Document, count_tokens: Callable[[str], int]) -> tuple[Chunk, ...]:
    """Return the chunks of a document, in order.

    Paragraphs are kept whole where they fit; longer ones are split at sentence ends, short ones
    joined with their successors. No chunk crosses a section, or anything that is not running text.
    `count_tokens` is the encoder's own.
    """
    chunks: list[Chunk] = []
    runs = groupby(document.paragraphs, key=lambda p: (p.kind == "text", p.section))
    for (is_text, section_index), run in runs:
        if not is_text:
            continue
        section = document.sections[section_index]
        for number, start, end in _join_short(
            document.text, _units(document.text, run, count_tokens), count_tokens
        ):
            context = _chunk_context(document, section.path, start, end, count_tokens)
            path = " › ".join(section.path)
            chunks.append(
                Chunk(
                    document.name,
                    len(chunks),
                    path,
                    number,
                    start,
                    end,
                    document.text[start:end],
                    context,
                ),
            )
    return tuple(chunks)


def _units(
    text: str, paragraphs: Iterator[Paragraph], count: Callable[[str], int]
) -> Iterator[NumberedSpan]:
    """Yield paragraphs that fit, and sentence groups of those that do not."""
    for paragraph in paragraphs:
        start = paragraph.start
        end = start
        for first, last in _fitting_sentences(text, paragraph, count):
            if end > start and count(text[start:last]) > MAX_CHUNK_TOKENS:
                yield paragraph.number, start, end
                start = first
            end = last
        yield paragraph.number, start, paragraph.end


def _fitting_sentences(
    text: str, paragraph: Paragraph, count: Callable[[str], int]
) -> Iterator[tuple[int, int]]:
    body = text[paragraph.start : paragraph.end]
    if count(body) <= MAX_CHUNK_TOKENS:
        yield paragraph.start, paragraph.end
        return
    for start, end in sentence_spans(body):
        yield from _pieces(text, paragraph.start + start, paragraph.start + end, count)


def _pieces(
    text: str, start: int, end: int, count: Callable[[str], int]
) -> Iterator[tuple[int, int]]:
    """Yield the sentence, halved at white space until each piece fits a chunk."""
    middle = text.rfind(" ", start + 1, (start + end) // 2)
    if count(text[start:end]) <= MAX_CHUNK_TOKENS or end - start < 2:
        yield start, end
        return
    if middle < 0:
        middle = (start + end) // 2
    yield from _pieces(text, start, middle, count)
    yield from _pieces(text, middle, end, count)


def _join_short(
    text: str, units: Iterator[NumberedSpan], count: Callable[[str], int]
) -> Iterator[NumberedSpan]:
    number, start, end = next(units)
    for next_number, next_start, next_end in units:
        if count(text[start:end]) < _JOIN_BELOW and count(text[start:next_end]) <= MAX_CHUNK_TOKENS:
            end = next_end
        else:
            yield number, start, end
            number, start, end = next_number, next_start, next_end
    yield number, start, end


def _chunk_context(
    document: Document, path: tuple[str, ...], start: int, end: int, count: Callable[[str], int]
) -> str:
    speakers = dict.fromkeys(q.speaker for q in document.quotations_in(start, end) if q.speaker)
    parts = [document.title, *path, *speakers]
    # The title says most; of what is too long together the last parts go first.
    while len(parts) > 1 and count(". ".join(parts)) > _MAX_CONTEXT_TOKENS:
        parts.pop()
    return ". ".join(dict.fromkeys(part for part in parts if part))
