"""Makes the pictures of the page in docs/, each tab on a wide and a narrow screen.

`PYTHONPATH=. python scripts/pictures.py`.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from rag import serve as server
from rag.config import Settings, bundled
from rag.models.registry import Models
from rag.pipeline import Pipeline

DOCS = Path(__file__).parents[1] / "docs"
CHROMIUM = shutil.which("chromium") or "chromium"
ASKED = (
    "How much did the council pay for the last train?",
    "What was wrong with the salinity model?",
    "When is the first auction for large consumers under Estmark's new reserve law?",
)
SCREENS = {
    "page": (1280, 800, "light"),
    "page-dark": (1280, 800, "dark"),
    "page-narrow": (390, 844, "light"),
}


def take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)  # nothing is pointed at
    page.wait_for_timeout(800)
    file = DOCS / f"{name}.png"
    page.screenshot(path=file)
    Image.open(file).quantize(128).save(file, optimize=True)  # of few colours, a third as large


def conversations(page: Page) -> None:
    for number, question in enumerate(ASKED):
        if number:
            page.click("text=New conversation")
            page.wait_for_selector(".answer", state="detached")
        page.fill("#asking textarea", question)
        page.press("#asking textarea", "Enter")
        page.wait_for_selector(".answer .actions")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = replace(Settings.from_environment(), indexes=Path(folder), library="samples")
        models = Models(settings)
        with Pipeline(settings, models) as pipeline:
            list(pipeline.add([bundled("samples")]))
        url, close = server.serve(settings, models, "127.0.0.1", None)
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        begun = ""
        for name, (width, height, scheme) in SCREENS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page.goto(begun or url)
            if begun:
                page.wait_for_selector("article mark.current")
            else:
                page.wait_for_selector("#examples li")
                conversations(page)
                begun = page.url
            take(page, name)
            for tab in ("Conversations", "Library") if scheme == "light" else ():
                page.click(f"[role=tab] >> text={tab}")
                take(page, f"{name}-{tab.lower()}")
            page.close()
        browser.close()
        close()


if __name__ == "__main__":
    main()
