"""A web page is read as a browser shows it, and nothing that it hides."""

from pathlib import Path

import pytest
from readers import read

from rag.errors import DocumentError


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display: none">secret</p>',
        '<p style="visibility:hidden">secret</p>',
        "<p hidden>secret</p>",
        '<p aria-hidden="true">secret</p>',
        '<p style="font-size:0px">secret</p>',
        '<p style="opacity: 0.0">secret</p>',
        '<p style="color:#fff">secret</p>',
        '<div style="background:#222"><p style="color: rgb(34, 34, 34)">secret</p></div>',
        '<p style="position:absolute; left:-9999px">secret</p>',
        '<style>.x { display:none }</style><p class="x">secret</p>',
        "<script>secret</script>",
        "<!-- secret -->",
        "<noscript>secret</noscript>",
        "<template><p>secret</p></template>",
        "<aside>secret</aside>",
        '<div class="cookie-consent">secret</div>',
        '<div role="navigation">secret</div>',
        '<font color="white">secret</font>',
    ],
)
def test_hidden_text_and_navigation_are_never_shown(tmp_path: Path, hidden: str) -> None:
    page = f"<!doctype html><body><h1>The Title</h1><p>Shown before.</p>{hidden}<p>Shown after.</p>"
    assert (
        read(tmp_path, page.encode(), "page.html").text
        == "The Title\n\nShown before.\n\nShown after."
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>Ten<sup>3</sup> and H<sub>2</sub>O&nbsp;stay.</p>", "Ten³ and H2O\xa0stay."),
        ("<p>One<br>two <b>bold</b>face</p>", "One\ntwo boldface"),
        ((
            "<ol start=3><li>three<ul><li>deep</li></ul></li><li><p>four</p></li></ol>"
        ), (
            "3. three\n  - deep\n4. four"
        )),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<table><tr><th>A<th>B<tr><td>1<td><p>2</p></table>", "A: 1 · B: 2"),
        ((
            "<table><tr><td><h2>Head</h2><p>One.</p><p>Two.</p></td></tr></table>"
        ), (
            "Head\n\nOne.\n\nTwo."
        )),
        ("<header>Site</header><div><p>Body.</p></div><footer>Foot</footer>", "Body."),
        ((
            '<p>It is so.[<a class="footnote" href="#n">2</a>]</p><p id="n">2. See there.</p>'
        ), (
            "It is so.[2]\n\n[2] See there."
        )),
        (
            '<p>So.<a href="#_ftn1" name="_ftnref1">[1]</a></p><p><a href="#_ftnref1" '
            'name="_ftn1">[1]</a> There.</p>',
            "So.[1]\n\n[1] There.",
        ),
        (
            '<p>One<sup><a href="#a">*</a></sup> two<sup><a href="#b">†</a></sup></p><p '
            'id="b">B</p><p id="a">A</p>',
            "One[1] two[2]\n\n[2] B\n\n[1] A",
        ),
        ((
            '<p>See <a href="#part">1</a>.</p><h2 id="part">Part</h2><p>Text.</p>'
        ), (
            "See 1.\n\nPart\n\nText."
        )),
    ],
)  # fmt: skip
def test_a_page_is_shown_as_a_browser_shows_it(tmp_path: Path, page: str, text: str) -> None:
    assert read(tmp_path, f"<html><body>{page}".encode(), "page.html").text == text


def test_a_page_states_its_title_date_and_language(tmp_path: Path) -> None:
    page = (
        '<html lang="de-CH"><head><title>Kurz | Amt</title><meta '
        'property="article:published_time" content="2020-02-03T10:00">'
        "</head><body><p>Der Bericht beginnt hier und hat keinen Titel.</p></body></html>"
    )
    document = read(tmp_path, page.encode(), "page.html")
    assert (document.title, document.date, document.language) == ("Kurz", "2020-02-03", "de-CH")


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "utf-8"])
def test_the_charset_of_a_page_is_found(tmp_path: Path, charset: str) -> None:
    page = (
        f"<html><head><meta charset='{charset}'></head><body><p>Größe zählt für "
        f"Bürger.</p></body></html>"
    )
    assert read(tmp_path, page.encode(charset), "page.html").text == "Größe zählt für Bürger."


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "ul", "table", "section"])
def test_deeply_nested_pages_are_read_or_refused_in_seconds(tmp_path: Path, tag: str) -> None:
    page = f"<html><body>{f'<{tag}>' * 2_000}<p>Found at the bottom.</p>"
    assert read(tmp_path, page.encode(), "deep.html").text.lstrip("- ") == "Found at the bottom."
    with pytest.raises(DocumentError, match="nests its tags 2,048 levels deep or more"):
        read(
            tmp_path,
            ("<html><body>" + f"<{tag}>" * 100_000 + "<p>Lost.</p>").encode(),
            "deeper.html",
        )


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "secret"><!ENTITY b SYSTEM '
        '"file:///etc/passwd">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>&a; &b; stays.</p></body></html>'
    )
    assert "root:" not in (text := read(tmp_path, bomb.encode(), "bomb.xhtml").text)
    assert "secret" not in text
