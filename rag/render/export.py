"""Answers -> a file that can be read and checked without this program.

Markdown, HTML, Word, JSON, and the cited documents as BibTeX and CSL-JSON.   [python-docx]

Everything but the JSON is made of the same parts, in which nothing is left that no reader sees.
What a document, a question or a name says is escaped in each format, so that none of it becomes a
link, an image or markup.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from io import BytesIO
from typing import Literal

from rag.errors import NotFoundError
from rag.files import safe_name
from rag.render.bibliography import bibtex, cited_documents, csl_json, reference
from rag.render.json import answer_json
from rag.render.text import CLOSEST, NEAREST_SHOWN, NO_ANSWER, where
from rag.text.characters import visible
from rag.text.lookalikes import as_label
from rag.types import IN_LINES, LISTS, Answer, Citation, Document, Hit

ExportFormat = Literal["md", "html", "docx", "json", "bib", "csl"]
MEDIA_TYPES: dict[ExportFormat, str] = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
    "bib": "application/x-bibtex",
    "csl": "application/vnd.citationstyles.csl+json",
}
_SUFFIXES = {"csl": "csl.json"}

_LONGEST_TITLE = 255  # characters of a Word file's title
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


def export(
    name: str, answers: Sequence[Answer], documents: Callable[[str], Document], kind: ExportFormat
) -> bytes:
    """Return the answers as one file of that kind, under the name of their conversation.

    Each footnote has the exact quote, where it stands, who said it, the report's own note, and the
    sha256 of the report's file. `documents` returns the document of a name, and raises
    NotFoundError if there is none: the footnote then says that the report was removed or replaced.
    The JSON holds the answers as `render.read_answer` reads them, and what `rag check` needs.
    """
    date = _today()
    if kind == "json":
        return _json(name, date, answers, documents)
    cited = cited_documents(answers, documents)
    if kind in ("bib", "csl"):
        return bibtex(cited) if kind == "bib" else csl_json(cited)
    made = {"md": _markdown, "html": _html, "docx": _docx}[kind]
    return made(
        _line_to_export(name),
        f"Exported on {date}. {_ABOUT}",
        [*_parts(answers, documents)],
        _sources(answers, cited, documents),
    )


def file_name(name: str, kind: ExportFormat) -> str:
    """Return a file name for what is exported under `name`: only letters, digits, dots, - and _."""
    return f"{safe_name(name, 'answer')}.{_SUFFIXES.get(kind, kind)}"


_SOURCES, _FILES = "Sources", "Files that were read"
_ABOUT = (
    "Every sentence carries a footnote with the exact words of the report it rests on. At the end "
    "stand the sources, and the files that were read with their SHA-256, which tells whether a "
    "file is still the same."
)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


# --- What all formats are made of -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Footnote:
    number: int  # runs through all answers
    quote: str
    source: str  # the report, the place in it, and who speaks
    note: str  # the report's own, "" where there is none
    gone: str  # that the document is not the one that was read, "" where it is

    @property
    def below(self) -> list[str]:
        """The lines below the quote."""
        return [line for line in (self.source, self.note, self.gone) if line]


@dataclass(frozen=True, slots=True)
class _Source:
    """A document of the list of sources."""

    line: str
    file: str  # its file with its SHA-256, which stands at the very end; "" where it was replaced


def _sources(
    answers: Sequence[Answer], cited: Sequence[Document], documents: Callable[[str], Document]
) -> list[_Source]:
    """Return the cited documents as a list of sources shows them."""
    quoted = {c.document for a in answers for c in a.citations if _quoted(c, documents)}
    return [
        _Source(
            _line_to_export(reference(document)),
            _line_to_export(f"{document.file}: SHA-256 {document.sha256}")
            if document.name in quoted
            else "",
        )
        for document in cited
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """An answer in plain words; without sentences where the reports do not answer."""

    question: str
    sentences: tuple[tuple[str, tuple[int, ...]], ...]  # each with the numbers of its footnotes
    footnotes: tuple[_Footnote, ...]
    nearest: tuple[tuple[str, str], ...]  # passages, each with where it stands
    notes: tuple[str, ...]  # what a reader must know besides
    in_lines: bool  # whether each sentence has a line of its own
    is_list: bool  # whether the sentences are items of a list
    declined: str  # why there is no answer, "" where there is one

    @property
    def abstention(self) -> str:
        return (self.declined or NO_ANSWER) + (f" {CLOSEST}" if self.nearest else "")


def _parts(answers: Sequence[Answer], documents: Callable[[str], Document]) -> Iterator[_Part]:
    before = 0
    for answer in answers:
        numbers = {citation.marker: before + n for n, citation in enumerate(answer.citations, 1)}
        before += len(answer.citations)
        yield _Part(
            _line_to_export(answer.question),
            tuple(
                (_line_to_export(s.text), tuple(numbers[m] for m in s.markers if m in numbers))
                for s in answer.sentences
            ),
            tuple(_footnote(numbers[c.marker], c, documents) for c in answer.citations),
            tuple(map(_nearest_passage, answer.hits[:NEAREST_SHOWN])) if answer.abstained else (),
            tuple(map(_line_to_export, answer.notes)),
            answer.shape in IN_LINES,
            answer.shape in LISTS and len(answer.sentences) > 1,
            _line_to_export(answer.declined),
        )


def _footnote(number: int, c: Citation, documents: Callable[[str], Document]) -> _Footnote:
    speaker = f", said by {_line_to_export(as_label(c.speaker))}" if c.speaker else ""
    return _Footnote(
        number,
        _lines_to_export(c.quote),
        f"In {_named_place(c.title, c.document, c.section, c.paragraph, c.shown_page)}{speaker}",
        f"The report’s note {_line_to_export(c.note.number)}: {_line_to_export(c.note.text)}"
        if c.note
        else "",
        ""
        if _quoted(c, documents)
        else "The report was replaced or removed since, so its file is not the one that was read.",
    )


def _nearest_passage(hit: Hit) -> tuple[str, str]:
    chunk = hit.chunk
    return _lines_to_export(chunk.text), _named_place(
        hit.title, chunk.document, chunk.section, chunk.paragraph
    )


def _quoted(citation: Citation, documents: Callable[[str], Document]) -> Document | None:
    """Return the document a citation quotes; None if none has these words in this place."""
    try:
        document = documents(citation.document)
    except NotFoundError:
        return None
    return document if document.text[citation.start : citation.end] == citation.quote else None


def _named_place(title: str, document: str, section: str, paragraph: int, page: str = "") -> str:
    return _line_to_export(f"{as_label(title)} ({document}, {where(section, paragraph, page)})")


def _lines_to_export(text: str) -> str:
    """Return the text without characters that no reader sees or no file format can hold."""
    return _NOT_XML.sub("\ufffd", visible(text))


def _line_to_export(text: str) -> str:
    return " ".join(_lines_to_export(text).split())


# --- JSON -----------------------------------------------------------------------------------------


def _json(
    name: str, date: str, answers: Sequence[Answer], documents: Callable[[str], Document]
) -> bytes:
    quoted = {c.document: _quoted(c, documents) for answer in answers for c in answer.citations}
    values = {
        "name": name,
        "exported": date,
        "answers": [answer_json(answer) for answer in answers],
        "documents": [
            {"document": d.name, "title": d.title, "file": d.file, "sha256": d.sha256}
            for d in quoted.values()
            if d
        ],
    }
    # Half of a pair of surrogates cannot be encoded, and what stands for it is its escape in JSON.
    return json.dumps(values, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")


# --- Markdown -------------------------------------------------------------------------------------

_MARKUP = re.compile(
    r"[\\`*_\[\]{}~|$^#]|:(?=\S)|(?<=www)\.", re.IGNORECASE
)  # web addresses become links without any mark
_MARKDOWN_BLOCK = re.compile(r"^([-+=:%]|\d+(?=[.)]))")


def _markdown(name: str, about: str, parts: Sequence[_Part], sources: Sequence[_Source]) -> bytes:
    blocks = [f"# {_md(name)}", _md(about)]
    for part in parts:
        blocks.append(f"## {_md(part.question)}")
        sentences = [
            _md(text) + "".join(f"[^{number}]" for number in numbers)
            for text, numbers in part.sentences
        ]
        if part.is_list:
            said = "\n".join(f"- {sentence}" for sentence in sentences)
        else:
            said = ("\n\n" if part.in_lines else " ").join(sentences)
        blocks.append(said or part.abstention)
        blocks += map(_md, part.notes)
        for text, place in part.nearest:
            blocks += [_md_quote(text), f"— {_md(place)}"]
        for footnote in part.footnotes:
            # The colon at the end keeps readers without footnotes from taking the line for the
            # address of a link.
            blocks.append(f"[^{footnote.number}]: {_md(footnote.source)}:")
            inside = [_md_quote(footnote.quote), _md(footnote.note), _md(footnote.gone)]
            blocks += [
                "\n".join(f"    {line}" for line in block.split("\n")) for block in inside if block
            ]
    if sources:
        listed = (f"{n}. {_md(source.line)}" for n, source in enumerate(sources, 1))
        blocks += [f"## {_SOURCES}", "\n".join(listed)]
    if files := [f"- {_md(source.file)}" for source in sources if source.file]:
        blocks += [f"## {_FILES}", "\n".join(files)]
    return ("\n\n".join(blocks) + "\n").encode()


def _md(text: str) -> str:
    """Escape a line for Markdown, so that it is shown as it is."""
    marked = _MARKUP.sub(r"\\\g<0>", escape(text, quote=False))
    return _MARKDOWN_BLOCK.sub(
        lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", marked
    )


def _md_quote(text: str) -> str:
    return "\n".join(f"> {_md(line.strip())}".rstrip() for line in text.strip().split("\n"))


# --- HTML -----------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 Georgia, serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
body { overflow-wrap: break-word; }
h1, h2 { line-height: 1.25; }
section { border-top: 1px solid; margin-top: 2rem; }
blockquote { margin: 0.5rem 0; padding-left: 0.75rem; border-left: 3px solid; }
blockquote { white-space: pre-line; }
.about, .footnotes { font-size: 0.875rem; }
.footnotes p { margin: 0.25rem 0; }
sup { margin-left: 0.1em; }
"""
# Nothing is loaded and nothing runs, whatever stood in a report.
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_FILE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
)


def _html(name: str, about: str, parts: Sequence[_Part], sources: Sequence[_Source]) -> bytes:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_FILE_POLICY}">'
        f'<meta name="referrer" content="no-referrer">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>'
        f"{escape(name)}</title>"
        f'<style>{_STYLE}</style></head><body><main><h1>{escape(name)}</h1><p class="about">'
        f"{escape(about)}</p>"
        f"{''.join(map(_part_html, parts))}{_sources_html(sources)}</main></body></html>\n"
    ).encode()


def _sources_html(sources: Sequence[_Source]) -> str:
    if not sources:
        return ""
    listed = "".join(f"<li>{escape(source.line)}</li>" for source in sources)
    files = "".join(f"<li>{escape(source.file)}</li>" for source in sources if source.file)
    read = f'<section class="about"><h2>{_FILES}</h2><ul>{files}</ul></section>' if files else ""
    return f"<section><h2>{_SOURCES}</h2><ol>{listed}</ol></section>{read}"


def _part_html(part: _Part) -> str:
    sentences = [
        escape(text)
        + "".join(f'<sup><a href="#footnote-{number}">{number}</a></sup>' for number in numbers)
        for text, numbers in part.sentences
    ]
    if part.is_list:
        said = f"<ul>{''.join(f'<li>{sentence}</li>' for sentence in sentences)}</ul>"
    else:
        said = f"<p>{('<br>' if part.in_lines else ' ').join(sentences) or part.abstention}</p>"
    nearest = "".join(
        f"<blockquote>{escape(text)}</blockquote><p>— {escape(place)}</p>"
        for text, place in part.nearest
    )
    footnotes = "".join(
        f'<li id="footnote-{f.number}" value="{f.number}"><blockquote>'
        f"{escape(f.quote)}</blockquote>"
        f"{''.join(f'<p>{escape(line)}</p>' for line in f.below)}</li>"
        for f in part.footnotes
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in part.notes)
    return (
        f"<section><h2>{escape(part.question)}</h2>{said}{notes}{nearest}"
        + (f'<ol class="footnotes">{footnotes}</ol>' if footnotes else "")
        + "</section>"
    )


# --- Word -----------------------------------------------------------------------------------------

_WORD_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _docx(name: str, about: str, parts: Sequence[_Part], sources: Sequence[_Source]) -> bytes:
    from docx import Document as new_document
    from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    document = new_document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = name[:_LONGEST_TITLE], "", ""
    properties.created = properties.modified = datetime.now(UTC)
    document.add_heading(name, 0)
    document.add_paragraph(about)
    for part in parts:
        document.add_heading(part.question, 1)
        style = "List Bullet" if part.is_list else None
        paragraph = document.add_paragraph("" if part.sentences else part.abstention, style)
        referred: set[int] = set()
        for index, (text, numbers) in enumerate(part.sentences):
            if index and part.is_list:
                paragraph = document.add_paragraph("", style)
            paragraph.add_run(text)
            for number in numbers:
                run = paragraph.add_run()
                run.font.superscript = True
                if (
                    number in referred
                ):  # Word would count a second reference to a footnote as another footnote
                    run.text = f" {number}"
                else:
                    reference = OxmlElement("w:footnoteReference")
                    reference.set(qn("w:id"), str(number))
                    run.element.append(reference)
                referred.add(number)
            if part.in_lines and not part.is_list:
                paragraph.add_run().add_break()
            else:
                paragraph.add_run(" ")
        for note in part.notes:
            document.add_paragraph(note)
        for text, place in part.nearest:
            document.add_paragraph(text, "Quote")
            document.add_paragraph(f"— {place}")
    if sources:
        document.add_heading(_SOURCES, 1)
        for source in sources:
            document.add_paragraph(source.line, "List Number")
    if files := [source.file for source in sources if source.file]:
        document.add_heading(_FILES, 1)
        for file in files:
            document.add_paragraph(file)
    footnotes = _footnotes_xml([footnote for part in parts for footnote in part.footnotes])
    notes = Part(
        PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, footnotes, document.part.package
    )
    document.part.relate_to(notes, RELATIONSHIP_TYPE.FOOTNOTES)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def _footnotes_xml(footnotes: Sequence[_Footnote]) -> bytes:
    """Return the part of a Word file with its footnotes, which python-docx does not write."""
    separators = "".join(
        f'<w:footnote w:type="{kind}" w:id="{id}"><w:p><w:r><w:{kind}/></w:r></w:p></w:footnote>'
        for id, kind in ((-1, "separator"), (0, "continuationSeparator"))
    )
    number = '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:footnoteRef/></w:r>'
    notes = "".join(
        f'<w:footnote w:id="{f.number}">'
        f"<w:p>{number}{_run_xml(f.quote)}</w:p>"
        f"{''.join(f'<w:p>{_run_xml(line)}</w:p>' for line in f.below)}</w:footnote>"
        for f in footnotes
    )
    body = f'<w:footnotes xmlns:w="{_WORD_NAMESPACE}">{separators}{notes}</w:footnotes>'
    return f'<?xml version="1.0"?>{body}'.encode()


def _run_xml(text: str) -> str:
    lines = (f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\n"))
    return f'<w:r><w:rPr><w:sz w:val="18"/></w:rPr>{"<w:br/>".join(lines)}</w:r>'
