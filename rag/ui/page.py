"""The page: conversations with footnotes that open reports, and the library.   [gradio]

Its HTML is made by rag/render/html.py and rag/ui/library_view.py, what it does is in
rag/ui/controller.py; keys, focus, the address and the clipboard are in static/page.js.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from rag.render.html import message_html
from rag.types import Filter
from rag.ui.controller import BrowserWindow, Controller
from rag.ui.library_view import adding_html, making_html
from rag.ui.models_view import CERTAINTY_COSTS, CERTAINTY_STEPS, THEME_HTML

_DATA = Path(__file__).parent / "static"
_QUESTIONS_AT_ONCE = 8  # they search side by side; the language model answers one after the other
_SHOWN, _LOOKED, _DONE = "() => page.shown()", "() => page.looked()", "() => page.done()"
_SAID = "() => page.said()"
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_EVENTS = (
    "open about correct choose edit pin unpin start resume list rename forget look folder samples "
    "dismiss cancel verify rebuild discard clear make rename_library delete_library models model "
    "server"
).split()
# Hands the script of the page Gradio's way to ask the server. Gradio wants the names of the events
# to stand here.
_WIRE = f"page.connect(trigger, {_EVENTS})"


def mount(
    app: Any,  # noqa: ANN401 - a FastAPI
    controller: Controller,
    host: str,
    port: int,
) -> Callable[[], None]:
    """Mount the page at / of the application.

    Return a function that ends the streams of all open pages, for the loop that serves them.
    """
    with gr.Blocks(analytics_enabled=False, title="Ask your reports", fill_width=True) as blocks:
        _Page(controller).connect(blocks)
    blocks.queue(default_concurrency_limit=_QUESTIONS_AT_ONCE, api_open=False)
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
        theme=gr.themes.Base(
            font=["sans-serif"], font_mono=["monospace"]
        ),  # other themes bring web fonts along
        css=_static("page.css", "document.css", "library.css"),
        head=f"<script>{_static('page.js', 'document.js', 'library.js')}</script>",
    )
    mounted: gr.routes.App = app.routes[-1].app

    def end_streams() -> None:
        mounted.stop_event.set()

    return end_streams


def _static(*names: str) -> str:
    return "\n".join((_DATA / name).read_text(encoding="utf-8") for name in names)


class _Page:
    """The components of the page, and what happens when one is used."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.window = gr.State(BrowserWindow())
        self.chosen = gr.State(())  # names of the documents that limit the next question
        with gr.Row(elem_id="page"):
            with gr.Column(elem_id="left"):
                with gr.Row(elem_id="top"):
                    gr.HTML("<h1>Ask your reports</h1>", apply_default_css=False)
                    self.library = gr.Dropdown(
                        [], label="Library", filterable=False, visible=False, show_label=False
                    )
                with gr.Tabs(selected="ask", elem_id="tabs") as self.tabs:
                    with gr.Tab("Ask", id="ask"):
                        self._ask_tab()
                    with gr.Tab("Conversations", id="conversations"):
                        self.words = gr.Textbox(
                            "",
                            label="Find",
                            placeholder="words of a question or an answer",
                            max_lines=1,
                            elem_id="find",
                        )
                        self.conversations = gr.HTML(
                            "", elem_id="conversations", apply_default_css=False
                        )
                    with gr.Tab("Library", id="library"):
                        self._library_tab()
                    with gr.Tab("Settings", id="settings"):
                        self._settings_tab()
            with gr.Column(elem_id="right"):
                gr.HTML(
                    '<button type="button" data-back>‹ Back to the answer</button>',
                    elem_id="back",
                    apply_default_css=False,
                )
                self.report = gr.HTML("", elem_id="report", apply_default_css=False)
        self.message = gr.HTML("", elem_id="message", apply_default_css=False)
        self.wire = gr.HTML("", js_on_load=_WIRE, elem_id="wire", apply_default_css=False)

    def _ask_tab(self) -> None:
        self.head = gr.HTML("", elem_id="head", apply_default_css=False)
        self.earlier = gr.HTML("", elem_id="earlier", apply_default_css=False)
        self.answer = gr.HTML("", elem_id="answer", apply_default_css=False)
        with gr.Column(elem_id="asking"):
            self.scope = gr.HTML("", elem_id="scope", apply_default_css=False)
            self._question_row()
            self._filters()
        self.examples = gr.HTML("", elem_id="examples", apply_default_css=False)

    def _filters(self) -> None:
        with gr.Accordion("Filters", open=False, elem_id="narrow"):
            with gr.Row():
                self.after = gr.Textbox(
                    "", label="From", placeholder="2023 or 2023-03", max_lines=1
                )
                self.before = gr.Textbox("", label="To", placeholder="2024 or 2024-12", max_lines=1)
            with gr.Row():
                self.speaker = gr.Textbox(
                    "", label="Quoted speaker", placeholder="a name", max_lines=1
                )
                self.section = gr.Textbox("", label="Section", placeholder="a heading", max_lines=1)

    def _question_row(self) -> None:
        with gr.Row(elem_id="question"):
            self.question = gr.Textbox(
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
            self.send = gr.Button("Ask", variant="primary", min_width=80, scale=0)
            self.halt = gr.Button("Stop", variant="stop", visible=False, min_width=80, scale=0)

    def _settings_tab(self) -> None:
        certainty = self.controller.certainty
        steps = list(CERTAINTY_STEPS)
        if certainty not in [value for _, value in steps]:
            steps.append((f"As the server is set ({certainty:g})", certainty))
        self.certainty = gr.Radio(
            steps,
            value=certainty,
            label="When to answer",
            info=CERTAINTY_COSTS,
            elem_id="certainty",
        )
        gr.HTML(THEME_HTML, elem_id="theme", apply_default_css=False)
        self.models = gr.HTML("", elem_id="models", apply_default_css=False)

    def _library_tab(self) -> None:
        gr.HTML(adding_html(self.controller.local), elem_id="adding", apply_default_css=False)
        self.trouble = gr.HTML("", apply_default_css=False)
        self.work = gr.HTML("", elem_id="work", apply_default_css=False)
        self.holdings = gr.HTML("", elem_id="holdings", apply_default_css=False)
        gr.HTML(making_html(), elem_id="making", apply_default_css=False)

    @property
    def conversation(self) -> list[Any]:
        """The components that change when another conversation is opened."""
        return [
            self.window,
            self.head,
            self.earlier,
            self.answer,
            self.report,
            self.examples,
            self.question,
        ]

    def connect(self, blocks: gr.Blocks) -> None:
        """Say what happens when the page is opened, used and left."""
        opened = [*self.conversation, self.library, self.chosen, self.scope]
        loaded = blocks.load(self.load, None, [*opened, self.message], **_QUIET)
        blocks.unload(self.stop)
        narrowed = [self.after, self.before, self.speaker, self.section]
        answered = gr.on(
            [self.send.click, *(box.submit for box in [self.question, *narrowed])],
            self.ask,
            [self.window, self.question, self.certainty, self.chosen, *narrowed],
            [*self.conversation, self.send, self.halt],
            trigger_mode="once",
            **_QUIET,
        )
        self.halt.click(self.stop, **_QUIET)
        changed = self.library.input(
            self.change_library,
            self.library,
            [*self.conversation, self.chosen, self.scope],
            **_QUIET,
        )
        for exchanged in (loaded, answered, changed):
            exchanged.then(js=_SHOWN, **_QUIET)
        loaded.then(js=_DONE, **_QUIET)
        self._connect_wire()

    def _connect_wire(self) -> None:
        """Connect the requests of the page's script, which sends them one after the other."""
        listed, held = [self.window, self.words], [self.work, self.holdings]
        picked, scope = [self.window, self.chosen], [self.chosen, self.scope]
        seen = [self.window, self.library, *scope, self.examples, *held]
        made = [*self.conversation, self.library, *scope, self.trouble]
        removed = [self.trouble, self.report, *scope]
        wire, task = self.wire, self.trouble
        for event, do, given, changes, after in (
            (wire.open, self.open, picked, self.report, _SHOWN),
            (wire.about, self.about, self.window, self.report, _SHOWN),
            (wire.correct, self.correct, self.window, self.report, _SHOWN),
            (wire.choose, self.choose, self.window, scope, ""),
            (wire.edit, self.edit, picked, self.conversation, ""),
            (wire.pin, self.pin, self.window, self.message, _SAID),
            (wire.unpin, self.unpin, picked, self.conversation, _SHOWN),
            (wire.start, self.start, picked, self.conversation, _SHOWN),
            (wire.resume, self.resume, picked, [*self.conversation, self.tabs], _SHOWN),
            (wire.list, self.list, listed, self.conversations, ""),
            (wire.rename, self.rename, listed, self.conversations, ""),
            (wire.forget, self.forget, listed, [*self.conversation, self.conversations], ""),
            (wire.look, self.look, picked, seen, _LOOKED),
            (wire.folder, self.folder, self.window, task, ""),
            (wire.samples, self.samples, self.window, task, ""),
            (wire.dismiss, self.dismiss, self.window, task, ""),
            (wire.cancel, self.cancel, self.window, task, ""),
            (wire.verify, self.verify, self.window, task, ""),
            (wire.clear, self.clear, self.window, task, ""),
            (wire.rebuild, self.rebuild, self.window, task, ""),
            (wire.discard, self.discard, picked, removed, _SHOWN),
            (wire.make, self.make, self.window, made, _SHOWN),
            (wire.rename_library, self.rename_library, self.window, made, _SHOWN),
            (wire.delete_library, self.delete_library, self.window, made, _SHOWN),
            (wire.models, self.controller.models, None, self.models, ""),
            (wire.model, self.model, None, self.models, ""),
            (wire.server, self.server, None, self.models, ""),
        ):
            done = event(do, given, changes, trigger_mode="multiple", **_QUIET)
            if after:
                done = done.then(js=after, **_QUIET)
            done.then(js=_DONE, **_QUIET)

    # --- What happens -----------------------------------------------------------------------------

    def load(self, request: gr.Request) -> tuple[Any, ...]:
        address = request.query_params
        window = self.controller.window(address.get("library", ""), address.get("conversation", ""))
        suggestion = self.controller.suggestion()
        return (
            *self._shown(window),
            self._libraries(window),
            *self._scope(window),
            message_html(suggestion) if suggestion else "",
        )

    def ask(
        self,
        window: BrowserWindow,
        question: str,
        certainty: float,
        chosen: tuple[str, ...],
        after: str,
        before: str,
        speaker: str,
        section: str,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        only = Filter(
            tuple(chosen), after.strip(), before.strip(), speaker.strip(), section.strip()
        )
        for view in self.controller.ask(
            window, question, str(request.session_hash), certainty, only
        ):
            changed = view.window
            yield (
                changed or gr.skip(),
                changed.head if changed else gr.skip(),
                gr.skip() if view.earlier is None else view.earlier,
                view.answer,
                gr.skip() if view.report is None else view.report,
                "",
                gr.update(value="", **_asking(changed)) if changed else gr.skip(),
                gr.update(visible=not view.running),
                gr.update(visible=view.running),
            )

    def stop(self, request: gr.Request) -> None:
        self.controller.stop(str(request.session_hash))

    def open(self, window: BrowserWindow, chosen: tuple[str, ...], event: gr.EventData) -> str:
        return self.controller.open(window, event._data, chosen)

    def about(self, window: BrowserWindow, event: gr.EventData) -> str:
        return self.controller.about(window, str(event._data["document"]))

    def correct(self, window: BrowserWindow, event: gr.EventData) -> str:
        told = event._data
        return self.controller.correct(
            window, str(told["document"]), str(told["title"]), str(told["date"])
        )

    def choose(self, window: BrowserWindow, event: gr.EventData) -> tuple[Any, ...]:
        return self.controller.scope(window.library, event._data.get("documents") or ())

    def edit(
        self,
        window: BrowserWindow,
        chosen: tuple[str, ...],
        request: gr.Request,
        event: gr.EventData,
    ) -> tuple[Any, ...]:
        self.stop(request)
        edited = self.controller.edited(window, int(event._data["turn"]))
        *parts, _ = self._shown(edited, chosen)
        question = gr.update(value=str(event._data["question"]), **_asking(edited))
        return *parts, question

    def pin(self, window: BrowserWindow, event: gr.EventData) -> str:
        return self.controller.pin(window, int(event._data["turn"]))

    def unpin(
        self, window: BrowserWindow, chosen: tuple[str, ...], event: gr.EventData
    ) -> tuple[Any, ...]:
        return self._shown(self.controller.unpin(window, int(event._data["turn"])), chosen)

    def change_library(self, library: str, request: gr.Request) -> tuple[Any, ...]:
        self.stop(request)
        window = self.controller.window(library)
        return *self._shown(window), *self._scope(window)

    def start(
        self, window: BrowserWindow, chosen: tuple[str, ...], request: gr.Request
    ) -> tuple[Any, ...]:
        self.stop(request)
        return self._shown(BrowserWindow(window.library), chosen)

    def resume(
        self,
        window: BrowserWindow,
        chosen: tuple[str, ...],
        request: gr.Request,
        event: gr.EventData,
    ) -> tuple[Any, ...]:
        self.stop(request)
        resumed = self.controller.window(
            event._data.get("library") or window.library, event._data["conversation"]
        )
        return *self._shown(resumed, chosen), gr.update(selected="ask")

    def list(self, window: BrowserWindow, words: str) -> str:
        return self.controller.conversations(window, words)

    def rename(self, window: BrowserWindow, words: str, event: gr.EventData) -> str:
        return self.controller.rename(
            window, event._data["conversation"], event._data["name"], words
        )

    def forget(self, window: BrowserWindow, words: str, event: gr.EventData) -> tuple[Any, ...]:
        left, listed = self.controller.forget(window, event._data["conversation"], words)
        parts = self._shown(left) if left is not window else [gr.skip()] * len(self.conversation)
        return *parts, listed

    def look(self, window: BrowserWindow, chosen: tuple[str, ...]) -> tuple[Any, ...]:
        found = (
            window if window.library else self.controller.window()
        )  # the first library may have come about
        # What is said meanwhile must not be lost, so a window is given back only where it has
        # another library.
        now = gr.skip() if found.library == window.library else found
        return (
            now,
            self._libraries(found),
            *self._scope(found, chosen),
            self.controller.examples(found),
            *self.controller.work(found),
        )

    def folder(self, window: BrowserWindow, event: gr.EventData) -> str:
        return self.controller.begin(window, "add", event._data["folder"])

    def samples(self, window: BrowserWindow) -> str:
        return self.controller.add_samples(window)

    def dismiss(self, window: BrowserWindow) -> str:
        return self.controller.dismiss(window)

    def cancel(self, window: BrowserWindow) -> str:
        return self.controller.cancel(window)

    def clear(self, window: BrowserWindow) -> str:
        return self.controller.clear_unanswered(window)

    def verify(self, window: BrowserWindow) -> str:
        return self.controller.begin(window, "verify")

    def rebuild(self, window: BrowserWindow) -> str:
        return self.controller.begin(window, "rebuild")

    def discard(
        self, window: BrowserWindow, chosen: tuple[str, ...], event: gr.EventData
    ) -> tuple[Any, ...]:
        trouble = self.controller.discard(window, event._data["document"])
        return trouble, self.controller.beside(window, chosen), *self._scope(window, chosen)

    def make(self, window: BrowserWindow, event: gr.EventData) -> tuple[Any, ...]:
        name = str(event._data["name"])
        return self._library_changed(window, self.controller.make(name), name)

    def rename_library(self, window: BrowserWindow, event: gr.EventData) -> tuple[Any, ...]:
        name = str(event._data["name"])
        return self._library_changed(window, self.controller.rename_library(window, name), name)

    def delete_library(self, window: BrowserWindow) -> tuple[Any, ...]:
        return self._library_changed(window, self.controller.delete_library(window), "")

    def _library_changed(self, window: BrowserWindow, trouble: str, name: str) -> tuple[Any, ...]:
        window = window if trouble else self.controller.window(" ".join(name.split()))
        return *self._shown(window), self._libraries(window), *self._scope(window), trouble

    def model(self, event: gr.EventData) -> str:
        return self.controller.change_model(
            str(event._data.get("action", "")), str(event._data.get("name", ""))
        )

    def server(self, event: gr.EventData) -> str:
        told = event._data
        return self.controller.use_server(str(told.get("address", "")), str(told.get("model", "")))

    def _libraries(self, window: BrowserWindow) -> Any:  # noqa: ANN401 - an update
        names = self.controller.libraries()
        return gr.update(choices=names, value=window.library or None, visible=len(names) > 1)

    def _shown(self, window: BrowserWindow, chosen: Sequence[str] = ()) -> tuple[Any, ...]:
        earlier, last = window.shown(0, -1), window.shown(-1, len(window.turns))
        beside, examples = self.controller.beside(window, chosen), self.controller.examples(window)
        return window, window.head, earlier, last, beside, examples, gr.update(**_asking(window))

    def _scope(self, window: BrowserWindow, chosen: Sequence[str] = ()) -> tuple[Any, ...]:
        return self.controller.scope(window.library, chosen)


def _asking(window: BrowserWindow) -> dict[str, str]:
    """Return the placeholder of the question box, as an update."""
    return {"placeholder": "Follow-up question" if window.turns else "Your question"}
