"""Answers leave as files that hold the quotes to the letter, and in which nothing a document
says is more than words.
"""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from answers import ANSWERS
from docx import Document as open_docx
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html
from markdown_it import MarkdownIt
from markdown_it.token import Token
from playwright.sync_api import sync_playwright
from visit import CHROMIUM, CHROMIUM_OPTIONS

from rag.answering.claims import read_statements
from rag.errors import NotFoundError
from rag.reading.documents import read_document
from rag.render import export as exports
from rag.render.export import MEDIA_TYPES, ExportFormat, export, file_name
from rag.render.json import read_answer
from rag.types import Answer, Chunk, Citation, Document, Hit, Note, Seconds, Sentence

QUOTE = "Trade in grain rose by 30 percent.\nIt had *fallen* <before>, 1 < 2 & so on."
TEXT = f"Northern Trade\n\n{QUOTE}\n\n[8] Kremlin.ru"
SHA = "ab" * 32
NORTH = Document("north", "north.txt", SHA, "Northern Trade", "", "", TEXT, (), ())
CITATION = Citation(
    1,
    "north",
    "Northern Trade",
    "Deals › Grain",
    4,
    31,
    "Holm",
    16,
    16 + len(QUOTE),
    QUOTE,
    Note("8", "Kremlin.ru", 90, 104),
)
HITS = tuple(
    Hit(
        Chunk("north", n, "Deals", 30 + n, 16, 50, f"Passage {n}.", "Northern Trade"),
        "Northern Trade",
        0.5,
        "both",
    )
    for n in range(5)
)
ANSWER = Answer(
    "Did trade rise?",
    "Trade rose.[1] It rose by 30 percent.[1]",
    False,
    "generated",
    (
        Sentence("Trade rose.", "supported", (1,)),
        Sentence("It rose by 30 percent.", "supported", (1,)),
    ),
    (CITATION,),
    HITS,
    Seconds(0.1, 0.2, 0.3),
)
ABSTAINED = replace(
    ANSWER, question="And wool?", answer="", abstained=True, sentences=(), citations=()
)
ATTACKS = [
    "<script>alert(1)</script>",
    "</blockquote></style></title><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "<iframe src=https://evil.example></iframe>",
    "![x](https://evil.example/x.png)",
    "[x](javascript:alert(1)) and [y][z]\n\n[z]: https://evil.example",
    "<https://evil.example> https://evil.example www.evil.example",
    "data:text/html;base64,PHNjcmlwdD4=",
    "\x00\x1b[2J\u202e\ud800\uffff control\r\n",
    "# Heading\n\n- item\n1. item\n\n    code\n\n```\nfence\n```\n> quote\n\n---\n\nsetext\n===",
    "| a | b |\n|---|---|\n| c | d |",
    "[^1]: a footnote of its own [^1] ~~struck~~ $x$ {{ template }} \\[x](y) &lt;b&gt; <!-- "
    "comment",
    "]]></w:t></w:r><w:r><w:t>&#0;",
]


def documents(*there: Document) -> Callable[[str], Document]:
    def find(name: str) -> Document:
        if found := next((d for d in there if d.name == name), None):
            return found
        raise NotFoundError(f"There is no document {name!r}.")

    return find


@pytest.fixture(autouse=True)
def _date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_today", lambda: "2026-05-01")


def exported(
    kind: ExportFormat,
    *answers: Answer,
    name: str = "Trade",
    there: tuple[Document, ...] = (NORTH,),
) -> bytes:
    return export(name, answers or (ANSWER,), documents(*there), kind)


def hostile(text: str) -> tuple[Answer, Document]:
    """An answer and its document with the text in every place that holds one."""
    document = replace(NORTH, name=text, file=text, title=text, sha256=text, text=text)
    citation = Citation(
        1, text, text, text, 4, 31, text, 0, len(text), text, Note(text, text, 0, 1)
    )
    hit = Hit(Chunk(text, 0, text, 1, 0, len(text), text, text), text, 1.0, "both")
    answer = Answer(
        text,
        text,
        False,
        "generated",
        (Sentence(text, "supported", (1,)),),
        (citation,),
        (hit,),
        Seconds(0.1, 0.2, 0.3),
    )
    return answer, document


def hostile_export(kind: ExportFormat, text: str) -> bytes:
    answer, document = hostile(text)
    abstained = replace(answer, abstained=True, answer="", sentences=(), citations=())
    return exported(kind, answer, abstained, name=text, there=(document,))


def readable(text: str) -> list[str]:
    """The words of a text that can be seen, to find it again whatever became of its white space."""
    return (
        re.sub("[\x00-\x08\x0e-\x1f\u202e]", "", text)
        .replace("\ud800", "\ufffd")
        .replace("\uffff", "\ufffd")
        .split()
    )


# --- JSON -----------------------------------------------------------------------------------------


@given(st.lists(ANSWERS), st.text())
def test_the_json_reads_back_as_equal_answers(answers: list[Answer], name: str) -> None:
    values = json.loads(export(name, answers, documents(), "json"))
    assert [read_answer(value) for value in values["answers"]] == answers
    assert values["name"] == name


@pytest.mark.parametrize("text", ATTACKS)
def test_the_json_of_hostile_texts_reads_back_as_well(text: str) -> None:
    answer, _ = hostile(text)
    assert read_answer(json.loads(hostile_export("json", text))["answers"][0]) == answer


def test_the_json_names_the_files_that_were_quoted_and_can_be_checked() -> None:
    data = exported("json", ANSWER, ABSTAINED, ANSWER)
    values = json.loads(data)
    assert values["exported"] == "2026-05-01"
    assert values["documents"] == [
        {"document": "north", "title": "Northern Trade", "file": "north.txt", "sha256": SHA}
    ]
    statements = read_statements(data.decode())
    assert [s.text for s in statements] == ["Trade rose.", "It rose by 30 percent."] * 2
    assert {c.quote for s in statements for c in s.cited or ()} == {QUOTE}


def test_of_markdown_the_sentences_of_the_answers_are_checked_and_nothing_else() -> None:
    amount = replace(
        ANSWER, sentences=(Sentence("It cost *$185* billion & more.", "supported", (1,)),)
    )
    data = exported("md", ANSWER, ABSTAINED, amount).decode()
    assert [s.text for s in read_statements(data)] == [
        "Trade rose.",
        "It rose by 30 percent.",
        "It cost *$185* billion & more.",
    ]


# --- All that is read by people -------------------------------------------------------------------


def text_of(kind: ExportFormat, data: bytes) -> str:
    """All that a reader of the file sees."""
    match kind:
        case "html":
            return "\n".join(html.fromstring(data.decode()).xpath("//body//text()"))
        case "docx":
            with zipfile.ZipFile(BytesIO(data)) as package:
                trees = [
                    etree.fromstring(package.read(f"word/{part}.xml"))
                    for part in ("document", "footnotes")
                ]
            return "\n".join("".join(p.itertext()) for tree in trees for p in tree.iter(qn("w:p")))
        case _:
            return markdown_text(data.decode())


def markdown_text(text: str) -> str:
    # What is indented below a footnote belongs to it for those who know footnotes, and would be
    # code for others.
    return "\n".join(
        token.content
        for token in leaves(MarkdownIt("commonmark").parse(text.replace("\n    ", "\n")))
    )


def leaves(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from leaves(token.children) if token.children else [token]


@pytest.mark.parametrize("kind", ["md", "html", "docx"])
def test_a_footnote_has_all_that_is_needed_to_check_it(kind: ExportFormat) -> None:
    text = " ".join(text_of(kind, exported(kind)).split())
    for part in (
        "Exported on 2026-05-01.",
        "Did trade rise?",
        "In Northern Trade (north, Deals › Grain, p. 4, ¶31), said by Holm",
        "The report’s note 8: Kremlin.ru",
        "Sources",
        "Northern Trade. 2024-05-01. File: north.txt" if NORTH.date else "File: north.txt",
        f"north.txt: SHA-256 {SHA}",
    ):
        assert part in text
    assert text.index(SHA) > text.index("Sources"), "no hash stands in the reader's way"


@pytest.mark.parametrize("kind", ["md", "html", "docx"])
@pytest.mark.parametrize("there", [(), (replace(NORTH, text=TEXT.replace("30", "31")),)])
def test_of_a_report_that_was_removed_or_replaced_no_checksum_is_told(
    kind: ExportFormat, there: tuple[Document, ...]
) -> None:
    text = text_of(kind, exported(kind, there=there))
    assert "The report was replaced or removed since" in text
    assert SHA not in text
    assert json.loads(exported("json", there=there))["documents"] == []


@pytest.mark.parametrize("kind", ["md", "html", "docx"])
def test_an_abstention_is_told_as_such_with_the_nearest_passages(kind: ExportFormat) -> None:
    text = text_of(kind, exported(kind, ABSTAINED))
    assert "I found no passage that answers this. Closest:" in text
    assert [n for n in range(5) if f"Passage {n}." in text] == [0, 1, 2]
    assert "— Northern Trade (north, Deals, ¶30)" in text
    said = replace(ABSTAINED, hits=(), declined="I found no passage on this subject.")
    assert "I found no passage on this subject." in text_of(kind, exported(kind, said))
    assert "Closest" not in text_of(kind, exported(kind, said))
    assert "Passage" not in text_of(kind, exported(kind, ANSWER))


# --- HTML -----------------------------------------------------------------------------------------


def test_html_holds_the_quote_to_the_letter() -> None:
    tree = html.fromstring(exported("html").decode())
    assert [quote.text_content() for quote in tree.iter("blockquote")] == [QUOTE]


def test_the_marks_of_html_lead_to_their_footnotes_which_run_through() -> None:
    tree = html.fromstring(exported("html", ANSWER, ABSTAINED, ANSWER).decode())
    assert [a.get("href") for a in tree.iter("a")] == ["#footnote-1"] * 2 + ["#footnote-2"] * 2
    assert [(li.get("id"), li.get("value")) for li in tree.iter("li") if li.get("id")] == [
        ("footnote-1", "1"),
        ("footnote-2", "2"),
    ]


@pytest.mark.parametrize("text", ATTACKS)
def test_html_of_hostile_texts_has_only_our_own_elements(text: str) -> None:
    data = hostile_export("html", text).decode()
    tree = html.fromstring(data)
    ours = "html head meta title style body main h1 h2 p section blockquote ol ul li sup a".split()
    assert {element.tag for element in tree.iter()} <= set(ours)
    allowed = "lang charset http-equiv content name class id value href".split()
    assert {name for element in tree.iter() for name in element.attrib} <= set(allowed)
    assert {a.get("href") for a in tree.iter("a")} == {"#footnote-1"}
    assert len(list(tree.iter("style"))) == len(list(tree.iter("section"))) - 3 == 1
    assert tree.find(".//blockquote").text_content().split() == readable(text)


def test_html_loads_nothing_and_runs_nothing() -> None:
    data = exported("html").decode()
    (policy,) = html.fromstring(data).xpath(
        "//meta[@http-equiv='Content-Security-Policy']/@content"
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert data.index("Content-Security-Policy") < data.index("<style>")
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img", data)
    assert "color-scheme: light dark" in data


@pytest.mark.page
def test_a_browser_applies_our_style_and_asks_for_nothing_else(tmp_path: Path) -> None:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"the page of an export is not tested in a browser: there is no {CHROMIUM}")
    (tmp_path / "answer.html").write_bytes(hostile_export("html", ATTACKS[1]))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_OPTIONS.split()
        )
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(request.url))
        page.goto((tmp_path / "answer.html").as_uri())
        assert (
            page.locator("blockquote").first.evaluate("e => getComputedStyle(e).borderLeftWidth")
            == "3px"
        )
        assert said == [(tmp_path / "answer.html").as_uri()]
        browser.close()


# --- Markdown -------------------------------------------------------------------------------------


def test_markdown_shows_footnotes_as_readers_know_them() -> None:
    assert exported("md").decode() == (
        "# Trade\n\n"
        f"Exported on 2026-05-01. {exports._ABOUT}\n\n"
        "## Did trade rise?\n\n"
        "Trade rose.[^1] It rose by 30 percent.[^1]\n\n"
        "[^1]: In Northern Trade (north, Deals › Grain, p. 4, ¶31), said by Holm:\n\n"
        "    > Trade in grain rose by 30 percent.\n"
        "    > It had \\*fallen\\* &lt;before&gt;, 1 &lt; 2 &amp; so on.\n\n"
        "    The report’s note 8: Kremlin.ru\n\n"
        "## Sources\n\n"
        "1. Northern Trade. File: north.txt\n\n"
        "## Files that were read\n\n"
        f"- north.txt: SHA-256 {SHA}\n"
    )


def test_several_things_are_exported_as_a_list(tmp_path: Path) -> None:
    told, document = hostile("Rye rose by half in May.")
    two = replace(told, sentences=told.sentences * 2, shape="list")
    made = {kind: export("x", [two], documents(document), kind) for kind in ("md", "html", "docx")}
    assert made["md"].decode().count("\n- Rye rose by half in May.[^1]") == 2
    assert len(read_statements(made["md"].decode())) == 2, "each of them is checked"
    assert made["html"].decode().count("<li>Rye rose by half in May.<sup>") == 2
    (tmp_path / "list.docx").write_bytes(made["docx"])
    styles = [p.style.name for p in open_docx(str(tmp_path / "list.docx")).paragraphs]
    assert styles.count("List Bullet") == 2


def test_the_footnotes_of_markdown_run_through_all_answers() -> None:
    text = exported("md", ANSWER, ABSTAINED, ANSWER).decode()
    assert re.findall(r"(?m)^\[\^(\d)\]:", text) == ["1", "2"]
    assert re.findall(r"\[\^(\d)\](?!:)", text) == ["1", "1", "2", "2"]


PLAIN = {
    "heading_open",
    "heading_close",
    "paragraph_open",
    "paragraph_close",
    "inline",
    "blockquote_open",
    "blockquote_close",
    *(
        f"{kind}_{edge}"
        for kind in ("ordered_list", "bullet_list", "list_item")
        for edge in ("open", "close")
    ),
}


@pytest.mark.parametrize("preset", ["commonmark", "gfm-like"])
@pytest.mark.parametrize("indent", ["\n    ", "\n"])
@pytest.mark.parametrize("text", ATTACKS)
def test_markdown_of_hostile_texts_has_only_our_own_blocks(
    text: str, indent: str, preset: str
) -> None:
    parser = MarkdownIt(preset, {"linkify": False})
    tokens = parser.parse(hostile_export("md", text).decode().replace("\n    ", indent))
    assert {token.type for token in tokens} <= PLAIN | {"code_block"} - (
        {"code_block"} if indent == "\n" else set()
    )
    inline = {leaf.type for token in tokens for leaf in token.children or []}
    assert inline <= {"text", "text_special", "softbreak"}
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", *["h2"] * 4]


@pytest.mark.parametrize("text", ATTACKS)
def test_markdown_shows_hostile_texts_as_they_are(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(
        hostile_export("md", text).decode().replace("\n    ", "\n")
    )
    at = next(n for n, token in enumerate(tokens) if token.type == "blockquote_open")
    quoted = tokens[
        at : next(
            n for n, token in enumerate(tokens) if n > at and token.type == "blockquote_close"
        )
    ]
    shown = "\n".join(
        "".join("\n" if c.type == "softbreak" else c.content for c in t.children or [])
        for t in quoted
    )
    assert shown.split() == readable(text)


@given(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e\x1f")
    )
)
def test_any_line_stands_in_markdown_as_it_is(text: str) -> None:
    line = exports._line_to_export(text)
    tokens = MarkdownIt("commonmark").parse(exports._md(line))
    if line:
        assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
        assert "".join(child.content for child in tokens[1].children or []).split() == line.split()


@pytest.mark.parametrize(
    "text", ["http://evil.example/x", "www.evil.example", "WWW.evil.example", "mailto:a@b.example"]
)
def test_an_address_in_markdown_is_broken_where_readers_would_make_it_a_link(text: str) -> None:
    assert text not in exports._md(text)


# --- Word -----------------------------------------------------------------------------------------


def footnotes_of(data: bytes) -> list[list[str]]:
    """The paragraphs of each footnote, as python-docx opens them."""
    document = open_docx(BytesIO(data))
    (part,) = [
        r.target_part for r in document.part.rels.values() if r.reltype.endswith("/footnotes")
    ]
    notes = [n for n in etree.fromstring(part.blob) if n.get(qn("w:type")) is None]

    def text(paragraph: Any) -> str:
        marks = {qn("w:t"): None, qn("w:br"): "\n"}
        return "".join(marks[e.tag] or e.text or "" for e in paragraph.iter() if e.tag in marks)

    return [[text(p) for p in note.iter(qn("w:p"))] for note in notes]


def test_word_holds_the_quotes_to_the_letter_in_footnotes_of_its_own(tmp_path: Path) -> None:
    data = exported("docx", ANSWER, ABSTAINED, ANSWER)
    assert [paragraphs[0] for paragraphs in footnotes_of(data)] == [QUOTE, QUOTE]
    references = open_docx(BytesIO(data)).element.body.iter(qn("w:footnoteReference"))
    assert [r.get(qn("w:id")) for r in references] == ["1", "2"], (
        "Word would count a second reference as another footnote"
    )
    (tmp_path / "answer.docx").write_bytes(data)
    read = read_document(tmp_path / "answer.docx")
    assert read.title == "Trade"
    assert [note.text.startswith(QUOTE.replace("\n", " ")) for note in read.notes] == [True, True]


@pytest.mark.parametrize("text", ATTACKS)
def test_word_holds_hostile_texts_as_words(text: str) -> None:
    data = hostile_export("docx", text)
    (paragraphs,) = footnotes_of(data)
    assert paragraphs[0].split() == readable(text)
    document = open_docx(BytesIO(data))
    assert document.paragraphs[0].text.split() == readable(text)
    assert not [r for r in document.part.rels.values() if r.is_external]


# --- Names ----------------------------------------------------------------------------------------


@given(st.text())
def test_the_name_of_a_file_is_plain(name: str) -> None:
    for kind in MEDIA_TYPES:
        plain = file_name(name, kind)
        suffix = "csl.json" if kind == "csl" else kind
        assert re.fullmatch(r"[\w-][\w.-]{0,79}\." + suffix, plain)


def test_the_name_of_a_file_is_that_of_what_is_in_it() -> None:
    assert file_name("How much did trade grow?", "md") == "How-much-did-trade-grow.md"
    assert file_name("../../etc/passwd", "docx") == "etc-passwd.docx"
    assert file_name("?", "json") == "answer.json"
