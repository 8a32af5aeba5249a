"""What of a page is its text, and what frames it."""

from pathlib import Path

import pytest
from readers import read, shown

from rag.reading.web.html import html_content, read_html
from rag.reading.xml import parsed

PROSE = (
    "The harbour board met on Tuesday to hear how much the new quay will cost and who is to pay "
    "for it. The engineers had found rust in four of the twelve piers, and nobody could say how "
    "long the others would last. The mayor promised that no tax would rise because of the work."
)
STORY = f"<h1>The quay</h1><p>{PROSE}</p><h2>The cost</h2><p>{PROSE.replace('quay', 'pier')}</p>"
CHROME = (
    '<div class="c1"><p>We use cookies to give you the best of our site. Accept them all?</p></div>'
    + "".join(f'<div class="t"><a href="/{n}">Another story number {n}</a></div>' for n in range(9))
)
COMMENTS = "".join(
    f'<div class="comment"><p>User {n}: I do not believe a word of it.</p></div>' for n in range(9)
)


def page(body: str) -> str:
    return f"<!doctype html><html><head><title>The quay</title></head><body>{body}</body></html>"


def test_what_stands_around_an_article_is_not_its_text(tmp_path: Path) -> None:
    document = read(tmp_path, page(f"{CHROME}<article>{STORY}</article>{COMMENTS}"), "p.html")
    assert document.text.startswith("The quay\n\nThe harbour board met")
    assert document.text.endswith("because of the work.")
    assert "The cost" in shown(document, "heading")


def test_a_page_of_few_words_is_read_whole() -> None:
    source = page("<h1>Fees</h1><p>Timber: 4.10 euros.</p><ul><li>Grain</li></ul><p>All of it.</p>")
    assert list(read_html(source.encode()).blocks) == list(html_content(parsed(source)).blocks)


def test_notes_and_tables_of_an_article_are_kept(tmp_path: Path) -> None:
    body = STORY.replace("new quay", 'new quay<a href="#n1"><sup>1</sup></a>', 1)
    table = "<table><tr><th>Pier</th><th>Tons</th></tr><tr><td>East</td><td>12</td></tr></table>"
    notes = '<ol><li id="n1">The report of 2021.</li></ol>'
    source = page(f"{CHROME}<article>{body}{table}<p>{PROSE}</p>{notes}</article>{COMMENTS}")
    document = read(tmp_path, source, "p.html")
    assert [note.text for note in document.notes] == ["The report of 2021."]
    assert "Pier: East · Tons: 12" in shown(document, "text")


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("<h2><button>How much is it?</button></h2><p>3,500.</p>", "How much is it?"),
        ("<button><h3>How much is it?</h3></button><p>3,500.</p>", "How much is it?"),
        ("<details><summary>What is it?</summary><p>Five.</p></details>", "What is it?"),
        (
            '<section id="consent"><h2>Consent</h2><p>Each patient signs the form 48 hours '
            "before the first dose.</p></section>",
            "Each patient signs the form 48 hours before the first dose.",
        ),
        (
            '<article><p>Text.</p><aside><p>The quay is 400 metres long and 9 deep.</p></aside>'
            "</article>",
            "The quay is 400 metres long and 9 deep.",
        ),
        (
            '<button aria-controls="x">Children</button>'
            '<div id="x" hidden><p>Twenty crowns.</p></div>',
            "Twenty crowns.",
        ),
    ],
)  # fmt: skip
def test_what_only_looks_like_the_frame_of_a_page_is_kept(body: str, kept: str) -> None:
    assert kept in [block.text for block in read_html(page(f"<h1>A</h1>{body}").encode()).blocks]


@pytest.mark.parametrize(
    "body",
    [
        "<button>Gone</button>",
        '<div id="consent"><h2>Gone</h2><p>We and our 800 partners store what you read here '
        "each day.</p><button>Accept</button></div>",
        '<div class="cookie-banner"><p>Gone</p></div>',
        "<main><p>Text.</p><aside><a href='/x'>Gone: another story that you may like to read"
        "</a></aside></main>",
        '<article><p>Text.</p><aside class="related"><p>Gone: more of our stories of today.</p>'
        "</aside></article>",
        '<p hidden>Gone</p><a href="#x">y</a>',
        "<footer><p>Gone</p></footer>",
    ],
)
def test_the_frame_of_a_page_is_not_its_text(body: str) -> None:
    blocks = read_html(page(f"<h1>A</h1><p>Text.</p>{body}").encode()).blocks
    assert not any("Gone" in block.text for block in blocks)
