"""The page: its HTML as pure functions, and the whole of it in a browser."""

import os
import re
import shutil
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeModels
from hypothesis import given
from hypothesis import strategies as st

from rag import page
from rag.config import Settings
from rag.library import DocumentInfo
from rag.pipeline import Pipeline
from rag.types import (
    Answer,
    Chunk,
    Citation,
    Document,
    Hit,
    Kind,
    Note,
    Paragraph,
    Prompt,
    Quotation,
    Reference,
    Seconds,
    Section,
    Sentence,
    UsageError,
)

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)

# --- The HTML, read as a browser would ----------------------------------------------------------------------------

TAGS = set("section article header nav div p h2 h3 h4 h5 h6 span sup button mark ol ul li blockquote details summary pre".split())
ATTRIBUTES = set(
    "class type role aria-live aria-label value data-document data-start data-end data-marker data-markers data-note "
    "data-note-text data-number data-speaker data-back".split()
)


class Page(HTMLParser):
    """The elements of a piece of HTML: every tag with its attributes, and every text with the elements it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, list[tuple[str, dict[str, str]]]]] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"elements that are not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((data, list(self._open)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment came through: {data}")

    def text(self, tag: str = "", **attributes: str) -> str:
        """The text within the elements of the tag whose attributes hold the words given, data_markers="1"."""

        def fits(element: tuple[str, dict[str, str]]) -> bool:
            names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
            return element[0] == (tag or element[0]) and all(v in element[1].get(n, "").split() for n, v in names.items())

        return "".join(text for text, inside in self.texts if any(map(fits, inside)))

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def document_of(*blocks: str, kinds: Mapping[int, Kind] | None = None, name: str = "report") -> Document:
    """A document of blocks with blank lines between them; all are running text but those of `kinds`, by index."""
    starts = list(accumulate((len(block) + 2 for block in blocks), initial=0))
    paragraphs = []
    number = 0
    for index, block in enumerate(blocks):
        kind = (kinds or {}).get(index, "text")
        number += kind == "text"
        shown = number if kind == "text" else 0
        paragraphs.append(Paragraph(shown, kind, 0, starts[index], starts[index] + len(block)))
    text = "\n\n".join(blocks)
    return Document(
        name, f"{name}.txt", "", "A Title", "", "2024-05-01", text, (Section("", (), 0, len(text)),), tuple(paragraphs)
    )


def citation_of(document: Document, marker: int, start: int, end: int) -> Citation:
    return Citation(
        marker,
        document.name,
        document.title,
        "Trade",
        None,
        3,
        "Anna Berg",
        start,
        end,
        document.text[start:end],
        Note("8", "May.", 0, 0),
    )


def hit_of(document: Document, start: int, end: int) -> Hit:
    chunk = Chunk(document.name, 0, "Trade", 3, start, end, document.text[start:end], document.title)
    return Hit(chunk, document.title, 0.5, "both")


def answer_of(document: Document, *spans: tuple[int, int], question: str = "What of trade?", abstained: bool = False) -> Answer:
    citations = tuple(citation_of(document, marker, *span) for marker, span in enumerate(spans, 1))
    sentences = tuple(Sentence(f"Claim {c.marker}.", "supported", (c.marker,)) for c in citations)
    hits = (hit_of(document, 0, 10),)
    return Answer(question, "", abstained, "generated", sentences, citations, hits, Seconds(0.1, 0.2, 1.25))


REPORT = document_of("Trade rose by 30 percent.", '"We <sold> all we had," said Berg.', "Nothing else happened.")


# --- Pure functions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 25)],
        [(0, 5), (11, 13)],
        [(0, 18), (6, 25)],  # overlapping
        [(0, 25), (6, 10), (6, 10)],  # one within another, two alike
        [(9, 40)],  # over the border of two paragraphs
        [(25, 27), (27, 61)],  # from border to border
        [(0, 85)],
    ],
)
def test_the_marked_words_of_each_citation_are_its_quote(spans: list[tuple[int, int]]) -> None:
    citations = [citation_of(REPORT, marker, *span) for marker, span in enumerate(spans, 1)]
    shown = Page(page.report_html(REPORT, citations, spans[-1]))
    assert [shown.text("mark", data_markers=str(c.marker)) for c in citations] == [c.quote for c in citations]
    assert shown.text("mark", class_="current") == citations[-1].quote


blocks = st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6)


@given(blocks, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_a_report_shows_its_whole_text_and_every_quote_to_the_letter(texts: list[str], spans: list[tuple[int, int]]) -> None:
    document = document_of(*texts)
    ordered = [(min(span), max(span)) for span in spans if min(span) < min(max(span), len(document.text))]
    citations = [citation_of(document, marker, start, end) for marker, (start, end) in enumerate(ordered, 1)]
    shown = Page(page.report_html(document, citations))
    assert shown.text("div", class_="text") == document.text
    assert [shown.text("mark", data_markers=str(c.marker)) for c in citations] == [c.quote for c in citations]


def test_the_citations_of_other_documents_are_not_marked() -> None:
    other = replace(citation_of(REPORT, 1, 0, 5), document="another")
    assert "<mark" not in page.report_html(REPORT, [other])


def test_a_passage_that_is_opened_is_marked_without_a_number() -> None:
    shown = Page(page.report_html(REPORT, [citation_of(REPORT, 1, 0, 5)], (6, 10)))
    assert shown.text("mark", class_="current") == "rose"
    assert shown.attributes("data-markers") == ["1", ""]


def test_words_that_only_look_like_the_cited_ones_are_not_marked() -> None:
    document = document_of("Trade fell. Trade fell.", "İ Trade fell.")
    shown = page.report_html(document, [citation_of(document, 1, 12, 23)])
    assert '>Trade fell. <mark data-markers="1">Trade fell.</mark>' in shown
    assert shown.count("<mark") == 1


def test_headings_notes_furniture_and_speakers_are_shown_as_what_they_are() -> None:
    kinds: dict[int, Kind] = {0: "heading", 1: "heading", 2: "heading", 4: "furniture", 5: "note"}
    document = document_of(
        "A Title", "May 1, 2024", "Trade", '"We sold it."[8]', "Berg (Source: X)", "[8] Letter.", "So.", kinds=kinds
    )
    quoted, note = document.paragraphs[3], document.paragraphs[5]
    document = replace(
        document,
        sections=(Section("", (), 0, 22), Section("Trade", ("Trade",), 22, len(document.text))),
        paragraphs=tuple(replace(p, section=int(p.start >= 22)) for p in document.paragraphs),
        quotations=(Quotation(quoted.start, quoted.end - 3, "Anna Berg", "", "8"),),
        references=(Reference("8", quoted.end - 3, quoted.end),),
        notes=(Note("8", "Letter.", note.start, note.end),),
    )
    shown = page.report_html(document)
    assert '<h3 class="title">A Title' in shown
    assert '<p class="dateline">May 1, 2024' in shown
    assert "<h4>Trade" in shown
    assert '<p data-number="1" data-speaker="Anna Berg">&quot;We sold it.&quot;' in shown
    assert '<button type="button" class="reference" data-note="0">[8]</button>' in shown
    assert '<p class="furniture">Berg (Source: X)' in shown
    assert '<p class="note" data-note-text="0">[8] Letter.' in shown
    assert '<p data-number="2">So.</p>' in shown


def test_an_answer_leads_from_each_marker_and_footnote_to_the_words_it_rests_on() -> None:
    shown = Page(page.answer_html(answer_of(REPORT, (0, 5), (27, 61))))
    assert shown.text("p", class_="said") == "Claim 1.1 Claim 2.2"
    assert [shown.text("blockquote")] == [REPORT.text[0:5] + REPORT.text[27:61]]
    assert shown.text("li", value="2").endswith("Anna BergA Title (Trade, ¶3)The report’s note 8: May.")
    opened = [a for tag, a in shown.elements if tag == "button" and a.get("data-marker") == "2"]
    assert [(a["data-document"], a["data-start"], a["data-end"]) for a in opened] == [("report", "27", "61")] * 2


def test_a_page_number_is_named_where_there_is_one() -> None:
    answer = answer_of(REPORT, (0, 5))
    paged = replace(answer, citations=(replace(answer.citations[0], page=12),))
    assert "A Title (Trade, p. 12, ¶3)" in page.answer_html(paged)


def test_a_sentence_that_is_not_wholly_supported_says_so() -> None:
    sentences = [Sentence("So.", "partly", ()), Sentence("No.", "unsupported", ()), Sentence("Yes.", "supported", ())]
    shown = Page(page.draft_html("Q", (), sentences, "Stopped."))
    assert shown.text("p", class_="said") == "So. (supported in part) No. (not supported) Yes."


def test_an_answer_that_abstains_shows_the_nearest_passages_as_such() -> None:
    answer = replace(answer_of(REPORT, abstained=True), hits=(hit_of(REPORT, 0, 5),) * 5)
    shown = Page(page.answer_html(answer))
    assert (
        shown.text("section")
        == "What of trade?The reports do not answer this.The nearest passages:" + "TradeA Title (Trade, ¶3)" * 3
    )


def test_a_draft_shows_numbers_that_lead_nowhere_yet_and_its_passages() -> None:
    shown = Page(page.draft_html("Q", [hit_of(REPORT, 0, 5)], [Sentence("Trade rose.", "supported", (1,))], "Reading …"))
    assert shown.text("section") == "QTrade rose.1Reading …TradeA Title (Trade, ¶3)"
    assert shown.attributes("data-start") == ["0"]


HOSTILE = [
    "<script>window.poisoned = 1</script>",
    "<img src=x onerror=window.poisoned=1>",
    '" onmouseover="window.poisoned=1" x="',
    "' autofocus onfocus='window.poisoned=1",
    "</div></article><style>*{display:none}</style>",
    "[a](javascript:window.poisoned=1) javascript:window.poisoned=1",
    "![x](http://elsewhere.example/x.png)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "&lt;script&gt; &amp; <!-- <svg/onload=window.poisoned=1>",
    "${window.poisoned=1} {{window.poisoned=1}} `",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_written_anywhere_becomes_markup(text: str) -> None:
    document = replace(
        document_of(text, text, f"Words. {text}", text, kinds={0: "heading", 1: "furniture", 3: "note"}, name=text),
        file=text,
        title=text,
        date=text,
        dateline=text,
        sections=(Section(text, (text,), 0, 1),),
    )
    start, note = document.paragraphs[2].start, document.paragraphs[3]
    document = replace(
        document,
        quotations=(Quotation(start, note.start, text, text, text),),
        references=(Reference(text, start + 7, start + 7 + len(text)),),
        notes=(Note(text, text, note.start, note.end),),
    )
    cited = replace(citation_of(document, 1, start, start + 9), speaker=text, section=text, note=document.notes[0])
    hit = Hit(replace(hit_of(document, 0, 9).chunk, section=text, text=text), text, 0.1, "both")
    sentence = Sentence(text, "partly", (1,), text)
    answer = replace(answer_of(document, question=text), sentences=(sentence,), citations=(cited,), hits=(hit,))
    pieces = [
        page.draft_html(text, [hit], [sentence], text),
        page.answer_html(answer),
        page.answer_html(replace(answer, abstained=True)),
        page.report_html(document, [cited], (cited.start, cited.end)),
        page.library_html(text, [DocumentInfo(text, text, Path(), "", text, text, 1, 1)]),
        page.trouble_html(text),
    ]
    for piece in pieces:
        shown = Page(piece)
        assert {tag for tag, _ in shown.elements} <= TAGS
        assert {name for _, attributes in shown.elements for name in attributes} <= ATTRIBUTES
        assert text in "".join(part for part, _ in shown.texts), "the text itself is shown as it is"
    assert text in Page(pieces[3]).attributes("data-document")


# --- The server ---------------------------------------------------------------------------------------------------

Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves a page over the libraries given as {name: {file: text}}, with the models of the other tests; its URL."""
    closing: list[Callable[[], None]] = []

    def start(libraries: Mapping[str, Mapping[str, str]], *replies: str, chat: Any = None) -> str:
        models = FakeModels(*replies)
        monkeypatch.setattr("rag.pipeline.make_embedder", lambda _: models.embedder)
        monkeypatch.setattr("rag.pipeline.OnnxReader", lambda: models.reader)
        monkeypatch.setattr("rag.pipeline.LlamaModel", lambda _: chat or models.chat)
        settings = Settings(tmp_path / "indexes", "default", model=None, embeddings="", generate=bool(chat or replies))
        for name, texts in libraries.items():
            folder = tmp_path / name
            folder.mkdir()
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
            with Pipeline(replace(settings, library=name)) as pipeline:
                assert [added.outcome for added in pipeline.add([folder])] == ["added"] * len(texts)
        url, close = page.serve(settings, "127.0.0.1", None)
        closing.append(close)
        return url

    yield start
    for close in closing:
        close()


def status(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_server_gives_the_page_to_this_machine_and_closes_all_the_rest(serve: Serve) -> None:
    url = serve({})
    assert status(url) == 200
    assert status(url, Host="localhost:7860", Origin="http://localhost:7860") == 200
    assert status(url, Host="elsewhere.example") == 404
    assert status(url, Origin="http://elsewhere.example") == 404
    closed = [
        "config",
        "docs",
        "monitoring",
        "gradio_api/info",
        "gradio_api/upload",
        "gradio_api/file=/etc/hosts",
        "gradio_api/run/ask",
    ]
    assert {path: status(url + path) for path in closed} == dict.fromkeys(closed, 404)
    with urllib.request.urlopen(url, timeout=60) as response:
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert not re.search(rb"fonts\.googleapis|cdn", response.read())


def test_serving_asks_no_host_but_its_own_whatever_proxy_is_set(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    resolve = socket.getaddrinfo

    def listen(host: object, *rest: Any, **named: Any) -> Any:
        asked.append(host)
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", listen)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    serve({})
    time.sleep(0.5)  # Gradio would ask for its news on a thread
    assert "127.0.0.1" in asked
    assert set(asked) <= {"127.0.0.1", b"127.0.0.1"}


def test_a_port_that_is_taken_is_refused_when_it_was_asked_for_and_passed_over_otherwise(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "default", None, "", False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1 on port {port}: it is taken"):
            page.serve(settings, "127.0.0.1", port)
        assert page._free_port("127.0.0.1", None) >= 7860
    with pytest.raises(UsageError, match="on port 70000"):
        page.serve(settings, "127.0.0.1", 70000)
    with pytest.raises(UsageError, match=r"cannot listen at 192\.0\.2\.1 on any port from 7860"):
        page.serve(settings, "192.0.2.1", None)


def test_ctrl_c_ends_the_page_with_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.pipeline.make_embedder", lambda _: FakeModels().embedder)
    monkeypatch.setattr("rag.pipeline.OnnxReader", lambda: FakeModels().reader)
    port = page._free_port("127.0.0.1", None)

    def interrupt() -> None:
        while "The page is at" not in (said := capsys.readouterr().err):
            time.sleep(0.05)
        heard.append((said, status(f"http://127.0.0.1:{port}/")))
        os.kill(os.getpid(), signal.SIGINT)

    heard: list[tuple[str, int]] = []
    thread = threading.Thread(target=interrupt)
    thread.start()
    assert page.launch(Settings(tmp_path, "default", None, "", False), "127.0.0.1", port) == 0
    thread.join()
    assert heard == [(f"The page is at http://127.0.0.1:{port}/ (Ctrl-C ends it).\n", 200)]
    assert page._free_port("127.0.0.1", port) == port


# --- The browser --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"the page is not tested in a browser: there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS.split())
        yield chromium
        chromium.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a window; at the end none may have seen an error, or asked any host but the page's own."""
    windows: list[tuple[str, Any, list[str]]] = []

    def open_window(url: str, width: int = 1280) -> Any:
        shown = browser.new_context(viewport={"width": width, "height": 800}).new_page()
        shown.set_default_timeout(60_000)  # only a failure waits so long, on a machine that is busy
        log: list[str] = []
        shown.on("request", lambda request: log.append(request.url))
        shown.on("pageerror", lambda error: log.append(f"error: {error}"))
        shown.on("dialog", lambda dialog: log.append(f"dialog: {dialog.message}"))
        windows.append((url, shown, log))
        shown.goto(url)
        shown.wait_for_selector("#report .shelf, #report .calm")
        return shown

    yield open_window
    for url, shown, log in windows:
        shown.context.close()
        assert [entry for entry in log if not entry.startswith((url, "data:"))] == []


def ask(shown: Any, question: str) -> None:
    shown.fill("#asking textarea", question)
    shown.press("#asking textarea", "Enter")


# Long enough that the cited words are below the fold.
FILLER = "\n\n".join(f"The harbour of district {n} was quiet all that year and nothing came of the plans." for n in range(20))
TRADE = {
    "north.txt": f"Northern Trade\n\nIntroduction\n\n{FILLER}\n\nTrade in grain rose by 30 percent in May.\n\n{FILLER}\n",
    "south.txt": f"Southern Trade\n\nIntroduction\n\n{FILLER}\n\nTrade in grain fell by 12 percent in June.\n\n{FILLER}\n",
}
BOTH = "trade in grain by percent"  # the words of both sentences: they answer it alike
NORTH = "trade in grain in May by percent"


@pytest.mark.page
def test_a_question_brings_passages_an_answer_and_footnotes_that_open_the_exact_words(serve: Serve, window: Any) -> None:
    shown = window(serve({"default": TRADE}))
    assert shown.inner_text(".shelf h2") == "2 reports in the library default"
    ask(shown, BOTH)
    shown.wait_for_selector(".footnotes")
    assert shown.inner_text(".said") == "Trade in grain rose by 30 percent in May.1 Trade in grain fell by 12 percent in June.2"
    assert shown.inner_text("#report header h2") == "Northern Trade"
    quotes = shown.locator(".footnotes blockquote").all_text_contents()
    for number, title in [(2, "Southern Trade"), (1, "Northern Trade"), (2, "Southern Trade")]:
        shown.focus(f".said button[data-marker='{number}']")
        shown.keyboard.press("Enter")
        shown.wait_for_function(f"document.querySelector('#report header h2').textContent === '{title}'")
        current = shown.locator("mark.current")
        current.wait_for()
        assert current.all_text_contents() == [quotes[number - 1]]
        box = current.bounding_box()
        assert box is not None
        assert 0 < box["y"] < 780, "the marked words are in view"
    shown.click("#report [data-document='']")
    shown.click(".shelf li button >> text=Northern Trade")
    shown.wait_for_selector("article.report")
    assert shown.locator("mark").all_text_contents() == [quotes[0]]


@pytest.mark.page
def test_on_a_narrow_screen_an_answer_stays_in_view_and_a_footnote_leads_down_and_back(serve: Serve, window: Any) -> None:
    shown = window(serve({"default": TRADE}), width=390)
    ask(shown, BOTH)
    shown.wait_for_selector("mark.current")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.evaluate("window.scrollY") == 0
    shown.click(".said button[data-marker='1']")
    shown.wait_for_function("window.scrollY > 500")
    shown.click("#report [data-back]")
    shown.wait_for_function("document.activeElement.dataset.marker === '1'")


class EndlessModel:
    """A language model that begins with a sentence and then babbles until it is stopped."""

    name = "endless"
    context_tokens = 4096

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        try:
            yield "Trade in grain rose by 30 percent in May. "
            while True:
                time.sleep(0.02)
                yield "and so on "
        finally:
            self.stopped.set()

    def count_tokens(self, text: str) -> int:
        return len(text.split())


@pytest.mark.page
def test_stop_stops_the_model_in_the_middle_of_a_sentence_and_keeps_what_was_said(serve: Serve, window: Any) -> None:
    model = EndlessModel()
    shown = window(serve({"default": TRADE}, chat=model))
    ask(shown, NORTH)
    shown.wait_for_selector(".said:has-text('30 percent')")
    assert shown.inner_text(".status") == "Reading the passages …"
    assert shown.locator(".hits li").count() == 10
    assert not model.stopped.is_set()
    shown.click("text=Stop")
    shown.wait_for_selector(".status:has-text('Stopped.')")
    assert model.stopped.wait(10)
    assert "30 percent" in shown.inner_text(".said")
    shown.wait_for_selector("#asking button:has-text('Ask')")


@pytest.mark.page
def test_closing_the_window_stops_its_model(serve: Serve, window: Any) -> None:
    model = EndlessModel()
    shown = window(serve({"default": TRADE}, chat=model))
    ask(shown, NORTH)
    shown.wait_for_selector(".said:has-text('30 percent')")
    shown.goto("about:blank")
    assert model.stopped.wait(60)


@pytest.mark.page
def test_two_windows_do_not_disturb_each_other_and_a_library_is_chosen_where_there_are_several(serve: Serve, window: Any) -> None:
    url = serve({"default": TRADE, "other": {"west.txt": "Western Trade\n\nTrade in wool rose by 5 percent."}})
    first, second = window(url), window(url)
    second.click("[aria-label='Library']")
    second.click("[role=option] >> text=other")
    second.wait_for_selector(".shelf h2:has-text('1 report in the library other')")
    ask(first, BOTH)
    first.wait_for_selector(".footnotes")
    ask(second, "what of the moon landing")
    second.wait_for_selector("text=The reports do not answer this.")
    assert second.inner_text("#report h2") == "1 report in the library other"
    assert first.inner_text(".shelf h2, article h2") == "Northern Trade"
    assert first.locator(".footnotes li").count() == 2


@pytest.mark.page
def test_an_empty_question_and_a_missing_library_are_answered_in_a_sentence(serve: Serve, window: Any, tmp_path: Path) -> None:
    shown = window(serve({}))
    assert "rag add reports/" in shown.inner_text("#report")
    ask(shown, "what of trade")
    shown.wait_for_selector("#answer .calm")
    with Pipeline(Settings(tmp_path / "indexes", "default", None, "", False)) as pipeline:
        (tmp_path / "report.txt").write_text("A Report\n\nTrade rose.", encoding="utf-8")
        list(pipeline.add([tmp_path / "report.txt"]))
    shown.reload()
    shown.wait_for_selector(".shelf")
    ask(shown, "  ")
    shown.wait_for_selector(".trouble")
    assert shown.inner_text(".trouble") == "The question is empty; type a question in plain words."


@pytest.mark.page
def test_a_poisoned_report_runs_nothing_and_fetches_nothing(serve: Serve, window: Any) -> None:
    poison = " ".join(HOSTILE) + ' <img src="http://elsewhere.example/p.png"> <a href="javascript:alert(1)">x</a>'
    text = f"{HOSTILE[1]}\n\n{poison}\n\nTrade rose by 30 percent {HOSTILE[1]} in May {HOSTILE[9]}.\n\n{poison}\n"
    name = "x\"><img src=y onerror=alert(1)>'.txt"
    shown = window(serve({"default": {name: text}}, f"Trade rose by 30 percent {HOSTILE[1]} in May."))
    ask(shown, f"trade by percent {HOSTILE[1]}")
    shown.wait_for_selector(".answer details, .trouble")
    for summary in shown.locator("summary").all():
        summary.click()
    shown.click(".hits button >> nth=0")
    shown.wait_for_selector("article mark.current")
    assert HOSTILE[9] in shown.inner_text("article")
    assert shown.evaluate("window.poisoned") is None
    assert shown.locator("#page :is(script, img, a, iframe, svg, style, link, object)").count() == 0
