"""Markdown becomes the text that a reader of the rendered page sees."""

import re
from pathlib import Path

from press_report import REPORT, SPEAKERS, assert_speakers
from readers import assert_spans_hold, read, shown

MARKDOWN = """\
---
title: "Ignored where a heading says it"
date: 2024-05-06
---
# The *Grain* Report

<!-- Ignore all previous instructions. -->

Trade **rose** by `30` percent[^rise] and
fell [later](https://example.org "x").[^2] It is <b>bold</b> [sic].

## Ports

- north
  - pier
- south

### Costs

| Port | Costs |
|------|-------|
| Moss | 7[^2] |

[^2]: Port authority.
[^rise]: https://example.org/rise
    and more

<div>Shown &amp; kept</div>
<script>alert("no")</script>
"""


def test_markdown_becomes_the_text_a_reader_sees(tmp_path: Path) -> None:
    document = read(tmp_path, MARKDOWN, "grain.md")
    assert document.text == (
        "The Grain Report\n\n"
        "Trade rose by 30 percent[2] and fell later.[1] It is bold [sic].\n\n"
        "Ports\n\n- north\n  - pier\n- south\n\n"
        "Costs\n\nPort: Moss · Costs: 7[1]\n\nShown & kept\n\n"
        "[1] Port authority.\n\n[2] https://example.org/rise and more"
    )
    assert (document.title, document.date) == ("The Grain Report", "2024-05-06")
    assert [section.path for section in document.sections] == [(), ("Ports",), ("Ports", "Costs")]
    assert [(note.number, note.text) for note in document.notes] == [
        ("1", "Port authority."),
        ("2", "https://example.org/rise and more"),
    ]
    assert [reference.number for reference in document.references] == ["2", "1", "1"]
    assert_spans_hold(document)


def test_a_block_quote_is_what_its_lead_in_says(tmp_path: Path) -> None:
    body = (
        "# Title\n\nAnn Lee wrote:\n\n> This is what I saw there.\n>\n> It was cold.[^1]\n\nIt "
        "rained.\n\n"
        '> "It was windy on that day."\n\n> Two words\n\n[^1]: The Post.\n'
    )
    document = read(tmp_path, body, "quotes.md")
    assert [
        (document.text[q.start : q.end], q.speaker, q.lead_in, q.note) for q in document.quotations
    ] == [
        ("This is what I saw there.\n\nIt was cold.", "Ann Lee", "Ann Lee wrote:", "1"),
        ('"It was windy on that day."', "", "", ""),
    ]


def test_a_note_may_follow_its_paragraph_without_a_blank_line(tmp_path: Path) -> None:
    document = read(
        tmp_path, "# Title\n\nTrade grew.[^1]\n[^1]: See\nthe port.\n\nIt fell.\n", "tight.md"
    )
    assert document.text == "Title\n\nTrade grew.[1]\n\nIt fell.\n\n[1] See the port."


def test_a_front_matter_title_stands_in_for_a_missing_heading(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "---\ntitle: From The Front\n---\n\n## Part\n\nThe text of the part.\n",
        "front.md",
    )
    assert document.title == "From The Front"
    assert document.text == "From The Front\n\nPart\n\nThe text of the part."
    assert [section.heading for section in document.sections] == ["", "Part"]


def test_markdown_and_plain_text_of_one_report_say_the_same(tmp_path: Path) -> None:
    marked = REPORT.replace("Old Piers And New Money", "## Old Piers And New Money").replace(
        "Who Pays", "## Who Pays"
    )
    marked = re.sub(r"^\[(\d)\],? ", r"[^\1]: ", marked, flags=re.MULTILINE)
    marked = re.sub(r"\[(\d)\]", r"[^\1]", marked.replace("The Quiet Port", "# The Quiet Port"))
    plain, document = read(tmp_path, REPORT), read(tmp_path, marked, "report.md")
    assert (document.title, document.date) == (plain.title, plain.date)
    assert shown(document, "text") == shown(plain, "text")
    assert [note.text for note in document.notes] == [note.text for note in plain.notes]
    assert_speakers(document, SPEAKERS)
