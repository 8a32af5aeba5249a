"""How quick the page stays with 500 documents in its list and 200 turns in a conversation.

`python tests/benchmarks/page_scale.py` prints milliseconds in Chromium; the models are those of the
tests, so that only the page is measured.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from fakes import FakeModels

from rag import serve as server
from rag.config import Settings
from rag.pipeline import Pipeline

DOCUMENTS, TURNS = 500, 200
CHROMIUM = shutil.which("chromium") or "chromium"
# The milliseconds until what was done in the browser is drawn.
DRAWN = """act => new Promise(done => {
  const begun = performance.now();
  (0, eval)(act);
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})"""
SIFT = """{ const box = document.querySelector("[data-sift]"); box.value = "number 44";
  box.dispatchEvent(new Event("input", { bubbles: true })); }"""
SORT = """{ const box = document.querySelector("[data-sort]"); box.value = "newest";
  box.dispatchEvent(new Event("change", { bubbles: true })); }"""


def fill(settings: Settings, models: FakeModels, folder: Path) -> int:
    """Make a library of many documents and a conversation of many turns; return its key."""
    reports = folder / "reports"
    reports.mkdir()
    for n in range(DOCUMENTS):
        text = f"Report number {n}\n\nTrade in good {n} rose by {n % 90} percent in May."
        (reports / f"r{n}.txt").write_text(text, encoding="utf-8")
    with Pipeline(settings, models) as pipeline:
        list(pipeline.add([reports]))
        answer = pipeline.ask("trade in good 7 rose by percent")
        key = 0
        for _ in range(TURNS):
            key = pipeline.library.conversations.keep(key, answer)
    return key


def since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000


def measure(page: Any, url: str, key: int) -> None:
    begun = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(f".document-list li >> nth={DOCUMENTS - 1}", state="attached")
    print(f"the page with {DOCUMENTS} documents: {since(begun):6.0f} ms")
    for what, act in (("found in the list", SIFT), ("sorted", SORT)):
        print(f"{what:<32} {page.evaluate(DRAWN, act):6.0f} ms")
    begun = time.perf_counter()
    page.check("li:not([hidden]) [data-pick] >> nth=0")
    page.wait_for_selector(".scope.limited")
    print(f"{'a tick, until it is said':<32} {since(begun):6.0f} ms")
    page.click(".scope >> text=Search all")
    begun = time.perf_counter()
    page.goto(f"{url}?library=default&conversation={key}")
    page.wait_for_selector(f".answer >> nth={TURNS - 1}")
    print(f"a conversation of {TURNS} turns opened {since(begun):6.0f} ms")
    begun = time.perf_counter()
    page.fill("#asking textarea", "trade in good 8 rose by percent")
    page.press("#asking textarea", "Enter")
    page.wait_for_selector(f"#answer [data-turn='{TURNS}'] .actions")
    print(f"{'the next answer in it':<32} {since(begun):6.0f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        settings = Settings(
            folder / "indexes", "default", None, embeddings="", generate=False, models=folder
        )
        models = FakeModels()
        key = fill(settings, models, folder)
        url, close = server.serve(settings, models, "127.0.0.1", None)
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        measure(browser.new_page(), url, key)
        browser.close()
        close()


if __name__ == "__main__":
    main()
