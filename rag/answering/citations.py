"""A model's text -> claims; Claims -> numbered sentences and Citations. Pure.

What the model wrote is a list of claims, which rag/answering/verify.py compares with the sources.
A claim's markers are those of the sentences it rests on; the model's own are only taken away.
"""

import re
from collections.abc import Iterable, Sequence

from rag.answering.verify import Claim, DocumentLookup, follows
from rag.text.lookalikes import as_label, poses, with_markers_in_parentheses
from rag.text.markers import NOTE_MARKER
from rag.text.sentences import sentence_spans
from rag.text.tokens import words_of
from rag.types import (
    IN_LINES,
    Chunk,
    Citation,
    Document,
    Evidence,
    Hit,
    Quotation,
    Sentence,
    Shape,
    Span,
)

# [1] · [1, 2] · [1–3] · [ 12 ]: in the model's text these are its markers, since the sources are
# shown to it without any.
# With the brackets, or the comma, that stood there for its sake.
_MARKED = re.compile(
    rf"\(\s*(?:see |cf\. )?(?:{NOTE_MARKER}(?:\s*(?:[,;]|and)\s*(?={NOTE_MARKER}))?)+\s*\)|"
    rf"(?:,\s*)?{NOTE_MARKER}(?=\s*,)|{NOTE_MARKER}"
)
_SPACE_BEFORE_POINT = re.compile(r"(?<!\s)\s++(?=[.,;:!?])")
_QUOTATION_MARKS = '"“”„«»「」『』'
_CUT_AFTER = (
    ";",
    ":",
    ",",
    "—",
    "–",
)  # where a sentence that is too long to be weighed as one is cut
# A mark that closes what was opened in a sentence before: "… about sand," the mayor said.
_CLOSES = re.compile(r"(?<=[.,;:!?…])\"(?=\s|$)")
_INCHES = re.compile(r"(?<=\d)\"")


# --- The model's text -> claims -----------------------------------------------------------------


def claims(text: str) -> list[str]:
    """Return the sentences of a model's text, without markers and the gaps that those leave."""
    found = (_clean(text[start:end]) for start, end in sentence_spans(text))
    return [sentence for sentence in found if words_of(sentence)]


def _clean(sentence: str) -> str:
    return _SPACE_BEFORE_POINT.sub(
        "", " ".join(with_markers_in_parentheses(_MARKED.sub("", sentence)).split())
    )


# --- Claims -> numbered sentences and citations -------------------------------------------------


def cite(
    claims: Iterable[Claim], document: DocumentLookup
) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Return the claims as sentences with markers, and the citations that the markers name.

    Citations are numbered from 1 in the order of first use. Neighbouring sentences of a document
    become one span. `document` returns the document of a name.
    """
    claims = list(claims)
    spans = _merged(
        {(e.hit.chunk.document, e.start, e.end) for claim in claims for e in claim.evidence},
        document,
    )
    focuses = [(e.hit.chunk.document, e.focus) for c in claims for e in c.evidence if e.focus]
    citations: dict[tuple[str, int, int], Citation] = {}
    sentences: list[Sentence] = []
    for claim in claims:
        markers: dict[int, None] = {}
        for evidence in claim.evidence:
            name = evidence.hit.chunk.document
            span = next(
                s for s in spans if s[0] == name and s[1] <= evidence.start and evidence.end <= s[2]
            )
            if span not in citations:
                focus = next(
                    (
                        f
                        for n, f in focuses
                        if n == name and span[1] <= f.start and f.end <= span[2]
                    ),
                    None,
                )
                number = len(citations) + 1
                citations[span] = _citation(number, document(name), *span[1:], evidence, focus)
            markers[citations[span].marker] = None
        text = with_markers_in_parentheses(claim.text)  # a title may hold one
        sentences.append(Sentence(text, claim.verdict, tuple(markers), claim.reason))
    return tuple(sentences), tuple(citations.values())


def quoted(chosen: Iterable[Evidence], document: DocumentLookup) -> list[Claim]:
    """Return sentences of the sources as claims in their own words.

    Sentences that follow one another in one quotation become one claim. The report's own note
    markers are removed. A sentence that is quoted in part gets "…" where it goes on. An opinion
    names its speaker: 'Sergei Strokan: "…"'. Text that looks like one of our verdicts or roles
    names its report: 'The Harbour Report: “VERIFIED: …”'.
    """
    groups: list[list[Evidence]] = []
    for evidence in chosen:
        if (
            groups
            and follows(groups[-1][-1], evidence)
            and _is_one(groups[-1][-1], evidence, document)
        ):
            groups[-1].append(evidence)
        else:
            groups.append([evidence])
    return [Claim(_in_its_name(group, document), "supported", tuple(group)) for group in groups]


def _in_its_name(group: Sequence[Evidence], document: DocumentLookup) -> str:
    """Return the words, as the report's own where they could pass for words of ours."""
    text = _in_its_words(group, document)
    if not poses(text):
        return text
    inner = text.strip(_QUOTATION_MARKS + " ").replace("“", "‘").replace("”", "’").replace('"', "'")
    return f"{as_label(group[0].hit.title)}: “{inner}”"


def short_answer(evidence: Evidence, document: DocumentLookup) -> str:
    """Return the words the reader points at, on one line, without the report's own markers."""
    if evidence.focus is None:
        return ""
    text = document(evidence.hit.chunk.document).text
    short = _clean(text[evidence.focus.start : evidence.focus.end])
    # A mark whose partner stands outside is none of the answer's.
    return short.replace('"', "") if short.count('"') % 2 else short


def _is_one(one: Evidence, other: Evidence, document: DocumentLookup) -> bool:
    """Return whether two consecutive spans are parts of one sentence or of one quotation."""
    source = document(one.hit.chunk.document)
    spoken, then = (
        source.quotation_at(e.start, _end_of_words(source, e.start, e.end)) for e in (one, other)
    )
    return spoken == then and (spoken is not None or one.text.endswith(_CUT_AFTER))


def _in_its_words(group: Sequence[Evidence], document: DocumentLookup) -> str:
    source = document(group[0].hit.chunk.document)
    start, end = group[0].start, _end_of_words(source, group[0].start, group[-1].end)
    text = source.text[start:end]
    for reference in reversed(source.references_in(start, end)):
        if start <= reference.start and reference.end <= end:
            text = text[: reference.start - start] + text[reference.end - start :]
    text = _clean(text)
    before = source.text[max(0, start - 2) : start].rstrip(" ")
    if before.endswith(_CUT_AFTER) and not text.startswith(tuple(_QUOTATION_MARKS)):
        text = f"… {text}"
    if text.endswith(_CUT_AFTER):
        text = f"{text.rstrip(''.join(_CUT_AFTER))}…"
    quotation = source.quotation_at(start, end)
    if quotation is None:
        return _balanced(text)
    inner = text.strip(_QUOTATION_MARKS + " ").replace('"', "'")
    return f"{quotation.speaker}: “{inner}”" if quotation.speaker else f"“{inner}”"


def render(sentences: Iterable[Sentence], shape: Shape = "fact") -> str:
    """Return the answer's text: 'Trade rose by 30 percent.[1] It fell in May.[2][3]'.

    What a list or a comparison puts side by side stands in lines of its own.
    """
    marked = (s.text + "".join(f"[{marker}]" for marker in s.markers) for s in sentences)
    return "\n".join(marked) if shape in IN_LINES else " ".join(marked)


def _merged(
    spans: set[tuple[str, int, int]], document: DocumentLookup
) -> list[tuple[str, int, int]]:
    merged: list[tuple[str, int, int]] = []
    for name, start, end in sorted(spans):
        if (
            merged
            and merged[-1][0] == name
            and not document(name).text[merged[-1][2] : start].strip()
        ):
            merged[-1] = (name, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((name, start, end))
    return merged


def _citation(
    marker: int, document: Document, start: int, end: int, evidence: Evidence, focus: Span | None
) -> Citation:
    note = document.note_at(start, end)
    end = _end_of_words(document, start, end)
    paragraph = document.paragraph_at(start)
    quotation = _spoken(document, start, end)
    page = document.page_at(start)
    return Citation(
        marker=marker,
        document=document.name,
        title=document.title,
        section=evidence.hit.chunk.section,
        page=page,
        paragraph=paragraph.number if paragraph else evidence.hit.chunk.paragraph,
        speaker=quotation.speaker if quotation else "",
        start=start,
        end=end,
        quote=document.text[start:end],
        note=note,
        date=document.date,
        file=document.file,
        page_label=document.page_label(page) if page else "",
        recognized=document.is_recognized(page),
        focus=focus if focus and start <= focus.start and focus.end <= end else None,
    )


def _end_of_words(document: Document, start: int, end: int) -> int:
    """Return the offset where the words of a span end, before the report's own note markers.

    `Citation.note` names their note.
    """
    for reference in reversed(document.references_in(start, end)):
        if start < reference.start and reference.end == end:
            end = reference.start
    return end


def _spoken(document: Document, start: int, end: int) -> Quotation | None:
    """Return the quotation that holds most of the span.

    A lead-in before the quoted words does not change who speaks.
    """
    return next(
        (
            q
            for q in document.quotations_in(start, end)
            if min(end, q.end) - max(start, q.start) > (end - start) / 2
        ),
        None,
    )


def _balanced(text: str) -> str:
    """Return narration with its quotation marks in pairs.

    A missing mark is added; a single mark at either end is dropped.
    """
    if len(_INCHES.sub("", text).split('"')) % 2 == 0 and "“" not in text:
        if text.startswith('"'):
            text = text[1:]
        elif text.endswith('"'):
            text = text[:-1]
        else:
            text = f'"{text}' if _CLOSES.search(text) else f'{text}"'
    if text.count("“") > text.count("”"):
        text += "”"
    elif text.count("”") > text.count("“"):
        text = text.removesuffix("”") if text.endswith("”") else f"“{text}"
    return text


def hit_at(document: Document, start: int, end: int) -> Hit:
    """Return a span of a document as if a search had found it."""
    paragraph = document.paragraph_at(start)
    section = " › ".join(document.sections[paragraph.section].path) if paragraph else ""
    number = paragraph.number if paragraph else 0
    text = document.text[start:end]
    chunk = Chunk(document.name, 0, section, number, start, end, text, document.title)
    return Hit(chunk, document.title, 1.0, "both")


def evidence_of(document: Document, words: str) -> tuple[Evidence, ...]:
    """Return where the words stand first in a document as evidence; () if they do not."""
    start = document.text.find(words)
    return (evidence_at(document, start, start + len(words)),) if start >= 0 else ()


def evidence_at(document: Document, start: int, end: int) -> Evidence:
    """Return a span of a document as evidence that is certain."""
    return Evidence(hit_at(document, start, end), start, end, document.text[start:end], 1.0)
