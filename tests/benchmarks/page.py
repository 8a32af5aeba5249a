"""What the page adds to an answer.

From the click to the first evidence and to the first words on the screen, beside the same question
asked in Python. `python tests/benchmarks/page.py` asks thirty questions about the sample reports;
it needs Chromium.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from rag import serve as server
from rag.config import Settings, bundled
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.types import Found, Sentence
from rag.ui.suggested_questions import example_questions

QUESTIONS = 30
CHROMIUM = shutil.which("chromium") or "chromium"
# When the first passage and the first sentence of an answer stand in the page, in milliseconds
# since the click.
WATCHED = """question => new Promise(done => {
  const seen = {};
  const box = document.querySelector("#asking textarea");
  box.value = question;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  setTimeout(() => {
    const begun = performance.now();
    new MutationObserver((_, observer) => {
      const answer = document.querySelector("#answer .answer");
      if (!answer) return;
      if (answer.querySelector(".hits li")) seen.evidence ??= performance.now() - begun;
      if (answer.querySelector(".said > span")) seen.words ??= performance.now() - begun;
      if (!document.querySelector("#head header nav")) return;
      observer.disconnect();
      done(seen);
    }).observe(
      document.querySelector(".gradio-container"),
      { childList: true, subtree: true, characterData: true },
    );
    document.querySelector("#asking button.primary").click();
  }, 200);
})"""


def questions(pipeline: Pipeline) -> list[str]:
    """Those of the samples, and as many read off the reports as are missing."""
    lines = (bundled("samples") / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines]
    documents = [pipeline.document(info.name) for info in pipeline.library.documents()]
    return [*asked, *example_questions(documents, QUESTIONS)][:QUESTIONS]


def in_python(pipeline: Pipeline, question: str) -> dict[str, float]:
    """The same moments without a page, in milliseconds."""
    begun, seen = time.perf_counter(), {}
    for event in pipeline.stream(question):
        kind = (
            "evidence"
            if isinstance(event, Found)
            else "words"
            if isinstance(event, Sentence)
            else ""
        )
        if kind:
            seen.setdefault(kind, (time.perf_counter() - begun) * 1000)
    return seen


def in_page(page: Any, question: str) -> dict[str, float]:
    """The moments on the page, which then shows a new conversation again."""
    seen: dict[str, float] = page.evaluate(WATCHED, question)
    page.click("text=New conversation")
    page.wait_for_selector("#answer .answer", state="detached")
    return seen


def pages(url: str) -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#examples li")
        yield page
        browser.close()


def told(name: str, without: list[float], within: list[float]) -> str:
    added = [b - a for a, b in zip(without, within, strict=True)]
    middle = statistics.median
    return (
        f"{name:<9} p50: {middle(without):5.0f} ms in Python, {middle(within):5.0f} ms on the "
        f"page; added {middle(added):4.0f} ms"
    )


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(Settings.from_environment(), indexes=Path(folder), library="samples")
        models = Models(settings)
        with Pipeline(settings, models) as pipeline:
            list(pipeline.add([bundled("samples")]))
            asked = questions(pipeline)
            in_python(pipeline, asked[0])  # loads the models
            url, close = server.serve(settings, models, "127.0.0.1", None)
            for page in pages(url):
                in_page(page, asked[0])
                both = [
                    (in_python(pipeline, question), in_page(page, question)) for question in asked
                ]
            close()
    print(f"{len(both)} questions, {'with' if settings.generate else 'without'} the language model")
    for name in ("evidence", "words"):
        pairs = [(a[name], b[name]) for a, b in both if name in a and name in b]
        print(told(name, [a for a, _ in pairs], [b for _, b in pairs]))


if __name__ == "__main__":
    main()
