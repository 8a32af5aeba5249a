"""The page: questions, answers with footnotes, and the report open beside them at the words a footnote rests on.      [gradio]

What stands on it is made by rag/html.py; here is what a reader can do, and the server.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.access import LOOPBACK, Access
from rag.config import Settings
from rag.html import answer_html, draft_html, library_html, no_library_html, report_html, trouble_html
from rag.service import Asking, Service, StoppedError
from rag.types import Answer, Citation, Filter, Found, Hit, RagError, Sentence, UsageError

if TYPE_CHECKING:
    import gradio as gr

_DATA = Path(__file__).parent / "data"
_FIRST_PORT, _PORTS = 7860, 100
_LONGEST_READ = 3600.0  # seconds: a reader has a button to stop, and may wait for a slow machine
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
_LAST_SECONDS = 7  # for requests under way when the server ends; their questions are stopped at once
_LOOK_SECONDS = 0.5
_CONNECTIONS = 1000  # more at a time are answered 503

# Once for the page: "/" leads to the question, but where one is typing.
_KEYS = """() => document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea")) return;
  event.preventDefault();
  document.querySelector("#asking textarea").focus();
})"""

_Message = MutableMapping[str, Any]


def launch(settings: Settings, host: str, port: int | None, token: str = "") -> int:
    """Serve the page and the API until Ctrl-C or SIGTERM, then 0; where they are goes to stderr. Without a `port` it is 7860 or
    the next free one.

    Raises UsageError for an address that cannot be listened on.
    """
    url, close = serve(settings, host, port, token)
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    sys.stderr.write(f"The page is at {url} (Ctrl-C ends it).\n")
    with suppress(KeyboardInterrupt):
        while not ended.wait(_LOOK_SECONDS):  # on Windows a wait without an end hears no Ctrl-C
            pass
    signal.signal(signal.SIGTERM, before)
    close()
    return 0


def serve(settings: Settings, host: str, port: int | None, token: str = "") -> tuple[str, Callable[[], None]]:
    """Serve the page and the API in the background: their URL, and what ends them. With a `token`, who asks must bear it.

    Raises UsageError where it cannot listen.
    """
    listening = _listening(host, port)
    port = listening.getsockname()[1]
    # Gradio asks for its news when it is imported and when a page is built, unless it is told not to.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr
    import uvicorn

    from rag.api import make_app

    service = Service(settings)
    app = make_app(service)
    blocks = _build(_Page(service))
    blocks.queue(default_concurrency_limit=_QUESTIONS_AT_ONCE, api_open=False)
    hosts = LOOPBACK if host in LOOPBACK else None
    gr.mount_gradio_app(
        app,
        blocks,
        "/",
        server_name=host,
        server_port=port,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=1,
        footer_links=[],
        theme=gr.themes.Base(font=["sans-serif"], font_mono=["monospace"]),  # other themes bring web fonts along
        css=(_DATA / "page.css").read_text(encoding="utf-8"),
        # As the (class, arguments, keywords) that Starlette unpacks.
        app_kwargs={"middleware": [(_Guard, (), {"hosts": hosts})]},
    )
    server = uvicorn.Server(
        uvicorn.Config(
            Access(app, hosts, token),
            log_level="error",
            access_log=False,
            ws="none",
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    threading.Thread(target=service.load_models, daemon=True).start()

    def close() -> None:
        service.close()
        server.should_exit = True
        thread.join(_LAST_SECONDS + 2)
        listening.close()

    return f"http://{f'[{host}]' if ':' in host else host}:{port}/", close


def _listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens on the port itself, or on the first free one. Raises UsageError where there is none."""
    for candidate in [port] if port else range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            listening = socket.socket(family, kind)
        except (OSError, OverflowError):
            continue
        try:
            if os.name == "posix":  # a port just left is free; elsewhere this would let two servers share one
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((address[0], candidate, *address[2:]))  # as asked for: getaddrinfo makes 4464 of 70000
            listening.listen()  # until then another could bind it too
        except (OSError, OverflowError):
            listening.close()
            continue
        return listening
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


@dataclass(frozen=True, slots=True)
class _View:
    """What a step of an answer changes on the page."""

    answer: str
    report: str | None = None  # None: as it was
    cited: tuple[Citation, ...] = ()
    running: bool = False


class _Page:
    """The libraries as the page shows them, for all its windows; what belongs to one window comes with each call."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._askings: dict[str, Asking] = {}

    def libraries(self) -> tuple[list[str], str | None]:
        """The names of the libraries, and the one to begin with: None where there is none yet."""
        names = self._service.libraries()
        return names, self._service.default if self._service.default in names else next(iter(names), None)

    @property
    def certainty(self) -> float:
        """How sure an answer must be, until a reader says otherwise."""
        return self._service.certainty

    def shelf(self, library: str | None) -> tuple[str, list[tuple[str, str]]]:
        """The list of the library's reports, and of each what it is called and its name, to choose from."""
        if not library:
            return no_library_html(), []
        try:
            documents = self._service.pipeline(library).library.documents()
        except RagError as error:
            return trouble_html(str(error)), []
        called = [(" · ".join(filter(None, [d.title, d.date])), d.name) for d in documents]
        return library_html(library, documents), called

    def open(self, library: str | None, cited: Sequence[Citation], opened: MutableMapping[str, Any]) -> str:
        """The report that a button of the page names, with the cited words marked and those of the button in view."""
        try:
            if not library or not opened.get("document"):
                return self.shelf(library)[0]
            start, end = opened.get("start"), opened.get("end")
            current = (int(start), int(end)) if start and end else None
            return report_html(self._service.pipeline(library).document(str(opened["document"])), cited, current)
        except RagError as error:
            return trouble_html(str(error))

    def ask(self, question: str, library: str | None, window: str, certainty: float, only: Filter) -> Iterator[_View]:
        """The answer as it comes about. One question runs in a window at a time."""
        if not library:
            yield _View(no_library_html())
            return
        asking = self._askings[window] = Asking(_LONGEST_READ)
        hits: tuple[Hit, ...] = ()
        sentences: list[Sentence] = []
        try:
            yield _View(draft_html(question, (), (), "Searching …", only), running=True)
            pipeline = self._service.pipeline(library)
            with closing(self._service.stream(library, question, asking, (), certainty, only)) as events:
                for event in events:
                    if isinstance(event, Answer):
                        report = None
                        if event.citations:
                            first = event.citations[0]
                            report = report_html(pipeline.document(first.document), event.citations, (first.start, first.end))
                        yield _View(answer_html(event, only), report, event.citations)
                        return
                    if isinstance(event, Found):
                        hits = event.hits
                    else:
                        sentences.append(event)
                    yield _View(draft_html(question, hits, sentences, "Reading the passages …", only), running=True)
        except StoppedError:
            yield _View(draft_html(question, hits, sentences, "Stopped.", only))
        except UsageError as error:  # the reader has something to correct, and nothing is broken
            yield _View(draft_html(question, (), (), str(error), only))
        except RagError as error:
            yield _View(trouble_html(str(error)))
        finally:
            asking.stop()
            if self._askings.get(window) is asking:
                del self._askings[window]

    def stop(self, window: str) -> None:
        """Stop the model that works for a window, if one does."""
        if asking := self._askings.get(window):
            asking.stop()


def _build(page: _Page) -> "gr.Blocks":
    """The Gradio interface of the page."""
    import gradio as gr

    script = (_DATA / "page.js").read_text(encoding="utf-8")

    def ask(
        question: str,
        library: str | None,
        certainty: float,
        documents: list[str],
        after: str,
        before: str,
        speaker: str,
        section: str,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        only = Filter(tuple(documents), after.strip(), before.strip(), speaker.strip(), section.strip())
        for view in page.ask(question, library, str(request.session_hash), certainty, only):
            report = gr.skip() if view.report is None else view.report
            yield view.answer, report, view.cited, gr.update(visible=not view.running), gr.update(visible=view.running)

    def stop(request: gr.Request) -> None:
        page.stop(str(request.session_hash))

    def open_report(library: str | None, cited: Sequence[Citation], event: gr.EventData) -> str:
        return page.open(library, cited, event._data)

    def load() -> tuple[Any, ...]:
        names, library = page.libraries()
        shelf, called = page.shelf(library)
        return gr.update(choices=names, value=library, visible=len(names) > 1), shelf, gr.update(choices=called, value=[])

    def change_library(library: str | None, request: gr.Request) -> tuple[Any, ...]:
        stop(request)
        shelf, called = page.shelf(library)
        return "", shelf, (), gr.update(choices=called, value=[])

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
                with gr.Accordion("Narrow down", open=False, elem_id="narrow"):
                    certainty = gr.Slider(
                        0,
                        1,
                        page.certainty,
                        step=0.05,
                        label="How sure an answer must be",
                        info="0: tell me what you have … 1: only when certain",
                        buttons=["reset"],
                    )
                    documents = gr.Dropdown([], label="Reports", info="all of them, unless some are chosen", multiselect=True)
                    with gr.Row():
                        after = gr.Textbox("", label="From", placeholder="2023 or 2023-03", max_lines=1)
                        before = gr.Textbox("", label="To", placeholder="2024 or 2024-12", max_lines=1)
                    with gr.Row():
                        speaker = gr.Textbox("", label="Quoted speaker", placeholder="a name", max_lines=1)
                        section = gr.Textbox("", label="Section", placeholder="a heading", max_lines=1)
                answer = gr.HTML("", elem_id="answer", js_on_load=script, apply_default_css=False)
            with gr.Column(elem_id="right"):
                report = gr.HTML("", elem_id="report", js_on_load=script, apply_default_css=False)

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        narrowed = [after, before, speaker, section]
        gr.on(
            [send.click, *(box.submit for box in [question, *narrowed])],
            ask,
            [question, library, certainty, documents, *narrowed],
            [answer, report, cited, send, halt],
            trigger_mode="once",
            **quiet,
        )
        halt.click(stop, **quiet)
        for part in (answer, report):
            part.open(open_report, [library, cited], report, trigger_mode="always_last", **quiet)
        library.input(change_library, library, [answer, report, cited, documents], **quiet)
        blocks.load(load, None, [library, report, documents], **quiet)
        blocks.load(None, js=_KEYS, **quiet)
        blocks.unload(stop)
    return blocks
