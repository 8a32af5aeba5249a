"""The page: questions, answers with footnotes, and the report open beside them at the words a footnote rests on.      [gradio]

The HTML is built here by pure functions: every text that comes from a document, a question, a name or a model is escaped, and
words are highlighted by their offsets, never by searching for them.
"""

import os
import socket
import sys
import threading
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, MutableMapping, Sequence
from contextlib import closing, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from rag.config import Settings
from rag.library import DocumentInfo, library_names
from rag.pipeline import Models, Pipeline
from rag.types import (
    Answer,
    ChatModel,
    Citation,
    Document,
    Found,
    Hit,
    Paragraph,
    Prompt,
    Quotation,
    RagError,
    Reference,
    Sentence,
    UsageError,
)

if TYPE_CHECKING:
    import gradio as gr

_DATA = Path(__file__).parent / "data"
_FIRST_PORT, _PORTS = 7860, 100
_DOUBT = {"partly": "supported in part", "unsupported": "not supported"}
_NEAREST = 3  # passages shown where the reports do not answer
_QUESTIONS_AT_ONCE = 8  # they search side by side; the language model answers one after the other

# What the page needs of Gradio's server. The rest (uploads, files, the API and its documentation, monitoring) stays closed.
_OPEN_PATHS = (
    "/assets/",
    "/static/",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/gradio_api/queue/",
    "/gradio_api/heartbeat/",
    "/gradio_api/startup-events",
)
# Gradio's own scripts are inline and compile templates; what counts is that nothing may be fetched from or sent to elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_Message = MutableMapping[str, Any]
_Spanned = TypeVar("_Spanned", Quotation, Reference)


def launch(settings: Settings, host: str, port: int | None) -> int:
    """Serve the page until Ctrl-C, then 0; where it is goes to stderr. Without a `port` it is 7860 or the next free one.

    Raises UsageError for an address that cannot be listened on.
    """
    url, close = serve(settings, host, port)
    sys.stderr.write(f"The page is at {url} (Ctrl-C ends it).\n")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    close()
    return 0


def serve(settings: Settings, host: str, port: int | None) -> tuple[str, Callable[[], None]]:
    """Serve the page in the background: its URL, and what ends it. Raises UsageError where it cannot listen."""
    port = _free_port(host, port)
    # Gradio asks for its news when it is imported and when a page is built, unless it is told not to.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # It also asks its own server whether it is up, which a proxy of the user must not hear of.
    proxied = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    os.environ["no_proxy"] = ",".join([*filter(None, [proxied]), host, *_LOOPBACK])
    import gradio as gr

    page = _Page(settings)
    blocks = _build(page)
    blocks.queue(default_concurrency_limit=_QUESTIONS_AT_ONCE, api_open=False)
    _, url, _ = blocks.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        inbrowser=False,
        share=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        run_history=False,
        enable_monitoring=False,
        strict_cors=True,
        max_file_size=1,
        footer_links=[],
        theme=gr.themes.Base(font=["sans-serif"], font_mono=["monospace"]),  # other themes bring web fonts along
        css=(_DATA / "page.css").read_text(encoding="utf-8"),
        # As the (class, arguments, keywords) that Starlette unpacks.
        app_kwargs={"middleware": [(_Guard, (), {"hosts": _LOOPBACK if host in _LOOPBACK else None})]},
    )
    threading.Thread(target=page.load_models, daemon=True).start()

    def close() -> None:
        page.close()
        blocks.close(verbose=False)

    return url, close


def _free_port(host: str, port: int | None) -> int:
    """The port itself, or the first free one. Raises UsageError where there is none."""
    for candidate in [port] if port else range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                if os.name == "posix":  # a port just left is free; elsewhere this would let two servers share one
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address[0], candidate, *address[2:]))  # as asked for: getaddrinfo makes 4464 of 70000
        except (OSError, OverflowError):
            continue
        return candidate
    which = f"port {port}" if port else f"any port from {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1}"
    raise UsageError(
        f"The page cannot listen at {host} on {which}: it is taken, or the address is not this machine's; name another with "
        "--port or --host."
    )


class _Guard:
    """Lets through to Gradio's server what the page needs, and forbids the browser to ask or tell anybody else anything."""

    def __init__(self, app: Callable[..., Awaitable[None]], hosts: frozenset[str] | None) -> None:
        """`hosts` are the names the page may be asked by, so that a site which gives its own name to this machine is refused."""
        self._app = app
        self._hosts = hosts

    async def __call__(
        self, scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            if not self._open(scope):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return

            async def send_guarded(message: _Message) -> None:
                if message["type"] == "http.response.start":
                    extra = {
                        "content-security-policy": _POLICY,
                        "x-content-type-options": "nosniff",
                        "referrer-policy": "no-referrer",
                    }
                    message["headers"] = [*message.get("headers", []), *((k.encode(), v.encode()) for k, v in extra.items())]
                await send(message)

            await self._app(scope, receive, send_guarded)

    def _open(self, scope: _Message) -> bool:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get(b"host", "")
        named = self._hosts is None or urlsplit(f"//{host}").hostname in self._hosts
        # What another site's page sends comes with that site as its origin.
        own = urlsplit(headers.get(b"origin", f"//{host}")).netloc == host
        return named and own and (scope["path"] == "/" or scope["path"].startswith(_OPEN_PATHS))


# --- What the page does -------------------------------------------------------------------------------------------


class _Stopped(Exception):
    """The reader asked for no more."""


_stop: ContextVar[threading.Event] = ContextVar("stop")


class _Stoppable:
    """A chat model that looks before each piece whether its reader has had enough."""

    def __init__(self, chat: ChatModel) -> None:
        self.name = chat.name
        self.context_tokens = chat.context_tokens
        self.count_tokens = chat.count_tokens
        self._chat = chat

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        pieces = self._chat.stream(prompt, max_tokens)
        with closing(pieces):
            for piece in pieces:
                if _stop.get().is_set():
                    raise _Stopped
                yield piece


class _StoppableModels(Models):
    @property
    def chat(self) -> ChatModel | None:
        chat = super().chat
        return _Stoppable(chat) if chat else None


@dataclass(frozen=True, slots=True)
class _View:
    """What a step of an answer changes on the page."""

    answer: str
    report: str | None = None  # None: as it was
    cited: tuple[Citation, ...] = ()
    running: bool = False


class _Page:
    """The libraries as the page shows them, for all its windows; what belongs to one window comes with each call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models = _StoppableModels(settings)
        self._lock = threading.Lock()
        self._pipelines: dict[str, Pipeline] = {}
        self._stops: dict[str, threading.Event] = {}

    def close(self) -> None:
        """Stop the models and close the libraries."""
        for stop in list(self._stops.values()):
            stop.set()
        for pipeline in self._pipelines.values():
            pipeline.close()

    def load_models(self) -> None:
        """Load them before the first question; what goes wrong is said when a question is asked."""
        with suppress(RagError):
            _ = (self._models.embedder, self._models.reader, self._models.chat)

    def libraries(self) -> tuple[list[str], str | None]:
        """The names of the libraries, and the one to begin with: None where there is none yet."""
        names = library_names(self._settings.indexes)
        return names, self._settings.library if self._settings.library in names else next(iter(names), None)

    def shelf(self, library: str | None) -> str:
        """The list of the library's reports."""
        try:
            return library_html(library, self._pipeline(library).library.documents()) if library else no_library_html()
        except RagError as error:
            return trouble_html(str(error))

    def open(self, library: str | None, cited: Sequence[Citation], opened: MutableMapping[str, Any]) -> str:
        """The report that a button of the page names, with the cited words marked and those of the button in view."""
        try:
            if not library or not opened.get("document"):
                return self.shelf(library)
            start, end = opened.get("start"), opened.get("end")
            current = (int(start), int(end)) if start and end else None
            return report_html(self._pipeline(library).document(str(opened["document"])), cited, current)
        except RagError as error:
            return trouble_html(str(error))

    def ask(self, question: str, library: str | None, window: str) -> Iterator[_View]:
        """The answer as it comes about. One question runs in a window at a time."""
        if not library:
            yield _View(no_library_html())
            return
        stop = self._stops[window] = threading.Event()
        hits: tuple[Hit, ...] = ()
        sentences: list[Sentence] = []
        try:
            yield _View(draft_html(question, (), (), "Searching …"), running=True)
            pipeline = self._pipeline(library)
            with closing(pipeline.stream(question)) as events:
                while True:
                    # Each step may run on another thread, so the model is told each time whose question it answers.
                    _stop.set(stop)
                    event = next(events)
                    if isinstance(event, Answer):
                        report = None
                        if event.citations:
                            first = event.citations[0]
                            report = report_html(pipeline.document(first.document), event.citations, (first.start, first.end))
                        yield _View(answer_html(event), report, event.citations)
                        return
                    if isinstance(event, Found):
                        hits = event.hits
                    else:
                        sentences.append(event)
                    if stop.is_set():
                        raise _Stopped
                    yield _View(draft_html(question, hits, sentences, "Reading the passages …"), running=True)
        except _Stopped:
            yield _View(draft_html(question, hits, sentences, "Stopped."))
        except RagError as error:
            yield _View(trouble_html(str(error)))
        finally:
            stop.set()
            if self._stops.get(window) is stop:
                del self._stops[window]

    def stop(self, window: str) -> None:
        """Stop the model that works for a window, if one does."""
        if stop := self._stops.get(window):
            stop.set()

    def _pipeline(self, library: str) -> Pipeline:
        with self._lock:
            if library not in library_names(self._settings.indexes):
                raise UsageError(f"There is no library {library!r} any more; load the page again for those there are.")
            if library not in self._pipelines:
                self._pipelines[library] = Pipeline(replace(self._settings, library=library), self._models)
            return self._pipelines[library]


def _build(page: _Page) -> "gr.Blocks":
    """The Gradio interface of the page."""
    import gradio as gr

    script = (_DATA / "page.js").read_text(encoding="utf-8")

    def ask(question: str, library: str | None, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        for view in page.ask(question, library, str(request.session_hash)):
            report = gr.skip() if view.report is None else view.report
            yield view.answer, report, view.cited, gr.update(visible=not view.running), gr.update(visible=view.running)

    def stop(request: gr.Request) -> None:
        page.stop(str(request.session_hash))

    def open_report(library: str | None, cited: Sequence[Citation], event: gr.EventData) -> str:
        return page.open(library, cited, event._data)

    def load() -> tuple[Any, str]:
        names, library = page.libraries()
        return gr.update(choices=names, value=library, visible=len(names) > 1), page.shelf(library)

    def change_library(library: str | None, request: gr.Request) -> tuple[str, str, tuple[Citation, ...]]:
        stop(request)
        return "", page.shelf(library), ()

    with gr.Blocks(analytics_enabled=False, title="Ask your reports", fill_width=True) as blocks:
        cited = gr.State(())
        with gr.Row(elem_id="page"):
            with gr.Column(elem_id="left"):
                gr.HTML("<h1>Ask your reports</h1>", apply_default_css=False)
                library = gr.Dropdown([], label="Library", filterable=False, visible=False)
                with gr.Row(elem_id="asking"):
                    question = gr.Textbox(
                        label="Question",
                        placeholder="Your question",
                        lines=1,
                        max_lines=4,
                        autofocus=True,
                        show_label=False,
                        container=False,
                        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=True),
                        scale=1,
                    )
                    send = gr.Button("Ask", variant="primary", min_width=80, scale=0)
                    halt = gr.Button("Stop", variant="stop", visible=False, min_width=80, scale=0)
                answer = gr.HTML("", elem_id="answer", js_on_load=script, apply_default_css=False)
            with gr.Column(elem_id="right"):
                report = gr.HTML("", elem_id="report", js_on_load=script, apply_default_css=False)

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(
            [question.submit, send.click],
            ask,
            [question, library],
            [answer, report, cited, send, halt],
            trigger_mode="once",
            **quiet,
        )
        halt.click(stop, **quiet)
        for part in (answer, report):
            part.open(open_report, [library, cited], report, trigger_mode="always_last", **quiet)
        library.input(change_library, library, [answer, report, cited], **quiet)
        blocks.load(load, None, [library, report], **quiet)
        blocks.unload(stop)
    return blocks


# --- What the page shows ------------------------------------------------------------------------------------------


def draft_html(question: str, hits: Sequence[Hit], sentences: Sequence[Sentence], status: str) -> str:
    """An answer on its way: the sentences so far, and the passages they are made from."""
    return (
        f'<section class="answer">{_question_html(question)}{_said_html(_sentences_html(sentences, ()))}'
        f'<p class="status" role="status">{escape(status)}</p>{_hits_html(hits)}</section>'
    )


def answer_html(answer: Answer) -> str:
    """The whole answer: its sentences, a footnote for each citation, and the passages that were read."""
    if answer.abstained:
        near = f'<p class="status">The nearest passages:</p>{_hits_html(answer.hits[:_NEAREST])}' if answer.hits else ""
        said = _said_html("The reports do not answer this.") + near
    else:
        said = (
            f"{_said_html(_sentences_html(answer.sentences, answer.citations))}"
            f'<ol class="footnotes">{"".join(map(_footnote_html, answer.citations))}</ol>'
            f'<details class="read"><summary>{_count(len(answer.hits), "passage")} found, {answer.seconds.total:.1f} s</summary>'
            f"{_hits_html(answer.hits)}</details>"
        )
    return f'<section class="answer">{_question_html(answer.question)}{said}</section>'


def report_html(document: Document, citations: Sequence[Citation] = (), current: tuple[int, int] | None = None) -> str:
    """The report with its cited words marked, those of the span `current` as the ones in view.

    The element of class "text" holds `document.text` to the letter, and the marks of a citation together hold its quote.
    """
    marks = [_Mark(c.start, c.end, str(c.marker), (c.start, c.end) == current) for c in citations if c.document == document.name]
    if current and not any(mark.current for mark in marks):
        marks.append(_Mark(*current, "", True))
    # Where two notes bear the same number, the first is meant, as in Document.note_at.
    notes = {note.number: index for index, note in reversed([*enumerate(document.notes)])}
    note_starts = {note.start: index for index, note in enumerate(document.notes)}
    blocks = []
    # A block holds the white space behind it as well, so that no character is lost and a quote may run over its end.
    edges = [0, *(p.start for p in document.paragraphs[1:]), len(document.text)]
    for paragraph, (start, end) in zip(document.paragraphs, pairwise(edges), strict=True):
        tag, attributes = _block(document, paragraph, note_starts)
        blocks.append(f"<{tag}{attributes}>{_words_html(document, start, end, marks, notes)}</{tag}>")
    about = [document.date, _count(sum(p.kind == "text" for p in document.paragraphs), "paragraph"), document.file]
    return (
        f'<article class="report" data-document="{escape(document.name)}"><header><h2>{escape(document.title)}</h2>'
        '<nav><button type="button" data-back>Back to the answer</button> '
        f'<button type="button" data-document="">All reports</button></nav><p>{_joined(about)}</p></header>'
        f'<div class="text">{"".join(blocks)}</div></article>'
    )


def library_html(name: str, documents: Sequence[DocumentInfo]) -> str:
    """The list of a library's reports, each of which opens."""
    items = "".join(
        f'<li><button type="button" data-document="{escape(d.name)}">{escape(d.title)}</button>'
        f"<p>{_joined([d.date, _count(d.paragraphs, 'paragraph')])}</p></li>"
        for d in documents
    )
    return f'<nav class="shelf"><h2>{_count(len(documents), "report")} in the library {escape(name)}</h2><ul>{items}</ul></nav>'


def no_library_html() -> str:
    """What stands where there is no library to ask."""
    return (
        '<section class="calm"><h2>There is no library yet</h2><p>Make one from a folder of reports, then load this page:</p>'
        "<pre>rag add reports/</pre><p>Or begin with the sample reports:</p><pre>rag add --samples</pre></section>"
    )


def trouble_html(message: str) -> str:
    """What went wrong, in the one sentence of the error."""
    return f'<p class="trouble" role="alert">{escape(message)}</p>'


def _question_html(question: str) -> str:
    return f'<h2 class="asked">{escape(question.strip())}</h2>'


def _said_html(inside: str) -> str:
    return f'<p class="said" aria-live="polite">{inside}</p>'


def _sentences_html(sentences: Iterable[Sentence], citations: Sequence[Citation]) -> str:
    cited = {citation.marker: citation for citation in citations}
    shown = []
    for sentence in sentences:
        doubt = f' <span class="doubt">({_DOUBT[sentence.verdict]})</span>' if sentence.verdict in _DOUBT else ""
        markers = "".join(
            f"<sup>{_open_html(str(m), c.document, c.start, c.end, m) if (c := cited.get(m)) else m}</sup>"
            for m in sentence.markers
        )
        shown.append(f"<span>{escape(sentence.text)}{doubt}{markers}</span>")
    return " ".join(shown)


def _footnote_html(c: Citation) -> str:
    speaker = f'<span class="speaker">{escape(c.speaker)}</span>' if c.speaker else ""
    place = _place(c.title, c.section, c.paragraph, c.page)
    note = f'<p class="note">The report’s note {escape(c.note.number)}: {escape(c.note.text)}</p>' if c.note else ""
    return (
        f'<li value="{c.marker}"><blockquote>{escape(c.quote)}</blockquote>'
        f"<p>{speaker}{_open_html(place, c.document, c.start, c.end, c.marker)}</p>{note}</li>"
    )


def _hits_html(hits: Sequence[Hit]) -> str:
    items = "".join(
        f"<li><p>{escape(h.chunk.text)}</p>"
        f"{_open_html(_place(h.title, h.chunk.section, h.chunk.paragraph), h.chunk.document, h.chunk.start, h.chunk.end)}</li>"
        for h in hits
    )
    return f'<ul class="hits">{items}</ul>' if items else ""


def _open_html(label: str, document: str, start: int, end: int, marker: int | None = None) -> str:
    """A button that opens the document at the span."""
    numbered = f' data-marker="{marker}" aria-label="Footnote {marker}: {escape(label)}"' if marker else ""
    return (
        f'<button type="button" data-document="{escape(document)}" data-start="{start}" data-end="{end}"{numbered}>'
        f"{escape(label)}</button>"
    )


def _place(title: str, section: str, paragraph: int, page: int | None = None) -> str:
    where = [section, f"p. {page}" if page else "", f"¶{paragraph}" if paragraph else ""]
    inside = ", ".join(filter(None, where))
    return f"{title} ({inside})" if inside else title


class _Mark(NamedTuple):
    start: int
    end: int
    marker: str  # "" for words that no citation names
    current: bool


def _block(document: Document, paragraph: Paragraph, note_starts: dict[int, int]) -> tuple[str, str]:
    """The tag of a paragraph and its attributes."""
    text = document.text[paragraph.start : paragraph.end]
    if paragraph.kind == "heading":
        if text.split() == document.title.split():
            return "h3", ' class="title"'
        depth = len(document.sections[paragraph.section].path)
        return (f"h{min(3 + depth, 6)}", "") if depth else ("p", ' class="dateline"')
    if paragraph.kind == "text":
        # The speaker of a paragraph is named where most of it is quoted.
        said = next(
            (
                q.speaker
                for q in _overlapping(document.quotations, paragraph.start, paragraph.end)
                if 2 * (min(q.end, paragraph.end) - max(q.start, paragraph.start)) > len(text)
            ),
            "",
        )
        return "p", f' data-number="{paragraph.number}"' + (f' data-speaker="{escape(said)}"' if said else "")
    index = note_starts.get(paragraph.start)
    return "p", f' class="{paragraph.kind}"' + ("" if index is None else f' data-note-text="{index}"')


def _words_html(document: Document, start: int, end: int, marks: Sequence[_Mark], notes: dict[str, int]) -> str:
    """The words of a span, with marks around those cited and buttons for the markers of the report's own notes."""
    references = {(r.start, r.end): r.number for r in _overlapping(document.references, start, end)}
    edges = {edge for span in [*(m[:2] for m in marks), *references] for edge in span if start < edge < end}
    shown = []
    for a, b in pairwise(sorted({start, end, *edges})):
        words = escape(document.text[a:b])
        number = next((number for (first, last), number in references.items() if first <= a and b <= last), "")
        if number in notes:
            words = f'<button type="button" class="reference" data-note="{notes[number]}">{words}</button>'
        on = [mark for mark in marks if mark.start <= a and b <= mark.end]
        if on:
            current = ' class="current"' if any(mark.current for mark in on) else ""
            words = f'<mark{current} data-markers="{" ".join(mark.marker for mark in on)}">{words}</mark>'
        shown.append(words)
    return "".join(shown)


def _overlapping(spans: Sequence[_Spanned], start: int, end: int) -> Iterator[_Spanned]:
    """Those of the spans, which stand in order, that share a character with start:end."""
    first = bisect_right(spans, start, key=lambda span: span.end)
    return takewhile(lambda span: span.start < end, spans[first:])


def _joined(parts: Iterable[str]) -> str:
    return escape(" · ".join(filter(None, parts)))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
