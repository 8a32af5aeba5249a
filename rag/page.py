"""The page: questions, answers with footnotes, and the report open beside them at the words a footnote rests on.      [gradio]

What stands on it is made by rag/html.py, what it does by rag/desk.py.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.desk import Desk
from rag.types import Citation, Filter

if TYPE_CHECKING:
    import gradio as gr

_DATA = Path(__file__).parent / "data"
_QUESTIONS_AT_ONCE = 8  # they search side by side; the language model answers one after the other

# Once for the page: "/" leads to the question, but where one is typing.
_KEYS = """() => document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea")) return;
  event.preventDefault();
  document.querySelector("#asking textarea").focus();
})"""


def mount(app: Any, desk: Desk, host: str, port: int, middleware: Sequence[tuple[Any, ...]]) -> None:  # noqa: ANN401 - a FastAPI
    """Mount the page at / of the application, behind the middleware: (class, arguments, keywords) each."""
    # Gradio asks for its news when it is imported and when a page is built, unless it is told not to.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    blocks = _build(desk)
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
        theme=gr.themes.Base(font=["sans-serif"], font_mono=["monospace"]),  # other themes bring web fonts along
        css=(_DATA / "page.css").read_text(encoding="utf-8"),
        app_kwargs={"middleware": middleware},
    )


def _build(desk: Desk) -> "gr.Blocks":
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
        for view in desk.ask(question, library, str(request.session_hash), certainty, only):
            report = gr.skip() if view.report is None else view.report
            yield view.answer, report, view.cited, gr.update(visible=not view.running), gr.update(visible=view.running)

    def stop(request: gr.Request) -> None:
        desk.stop(str(request.session_hash))

    def open_report(library: str | None, cited: Sequence[Citation], event: gr.EventData) -> str:
        return desk.open(library, cited, event._data)

    def load() -> tuple[Any, ...]:
        names, library = desk.libraries()
        shelf, called = desk.shelf(library)
        return gr.update(choices=names, value=library, visible=len(names) > 1), shelf, gr.update(choices=called, value=[])

    def change_library(library: str | None, request: gr.Request) -> tuple[Any, ...]:
        stop(request)
        shelf, called = desk.shelf(library)
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
                        desk.certainty,
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
