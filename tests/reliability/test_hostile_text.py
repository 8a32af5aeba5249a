"""No text of strangers can hold a process: what reads it takes time in proportion to its length.

A pattern that matches holds the interpreter lock, so one that never ends stops the whole server.
Every case runs in a process of its own, which can be stopped, and compares the processor's time for
a text with that for four times as much of it.
"""

import subprocess
import sys

import pytest

SECONDS = 600  # on a busy machine; a pattern that never ends is stopped after that
# times the time for four times the text: twice what is due, where the square of the length takes
# sixteen
GROWTH = 8
LEAST = 0.1  # seconds; what takes less at 64,000 characters is no matter, and measured badly

# (before, repeated, behind): each form is `repeated` until the text is long enough, between the two
# others.
FORMS = {
    "blanks": ("", " ", "x"),
    "blank lines": ("a", " \n", "x"),
    "letters": ("He said on ", "a", " b."),
    "vowels that may be consonants": ("", "ay", ""),
    "hyphens and capitals": ("", "A-", "x"),
    "apostrophes and capitals": ("", "A'B", "x"),
    "initials": ("", "A.", "x"),
    "capitals": ("", "A ", "x"),
    "acronyms": ("", "AB ", "x"),
    "the": ("", "the ", "x"),
    "the man": ("", "The man ", "x"),
    "said that": ("", "he said that a, ", "x"),
    "as he said": ("", "as he said that a ", "x"),
    "according to": ("", "according to ", "x"),
    "open brackets": ("Ab ", "(a ", "x"),
    "names in brackets": ("", "Ab (a ", "x"),
    "commas": ("", ", ", "x"),
    "exclamation marks": ("", "!", "x"),
    "images": ("", "![", "x"),
    "ranges": ("", "1-", "x"),
    "numbers joined": ("", "10 to ", "x"),
    "thousands": ("$", "1,", "x"),
    "digits": ("", "1", "x"),
    "opening quotation marks": ("", "“a ", ""),
    "quotations": ("", "“a b c d” ", ""),
    "quotations with speakers": ("", "Bo Cy said: “a b c d e.”\n\n", ""),
    "notes": ("Notes\n\n[1] a\n", "y\n", ""),
    "open notes": ("", "[^", "x"),
    "markers": ("(", "[1], ", "x"),
    "superscripts": ("> a", "²", "x"),
    "open comments": ("", "<!--", "x"),
    "open tags": ("", "<a ", "x"),
    "document types": ('<html xmlns="http://www.w3.org/1999/xhtml">', "<!doctype a", "x"),
    "document types with a subset": (
        '<html xmlns="http://www.w3.org/1999/xhtml">',
        "<!doctype [",
        "x",
    ),
    "white space in elements": ("<html><p>a", "<b> </b>", "x</p>"),
    "arrows behind a note": (
        "<html><p>a<sup><a href='#n'>1</a></sup></p><p id='n'>1 b",
        "↩",
        "x</p>",
    ),
    "rules of a style sheet": ("<html><style>", "@", "</style>x"),
    "comments of a style": ("<html><p style='", "/*", "'>a</p>"),
    "marks of letters": ("", "\u0301\u0327", ""),
    "references to no character": ("[^1] <p>&#", "1", ";"),
    "lines of a table": ("a,", "1", "x,b\n"),
}

READING = """
import sys, time, tempfile
from pathlib import Path
from rag.text.quantities import (amounts_of, missing)
from rag.library.chunking import (make_chunks)
from rag.answering.citations import (claims)
from rag.reading.documents import (SUFFIXES, read_document)
from rag.answering.rank import (sentences_of)
from rag.answering.prompt import (as_data)
from rag.text.query import (phrases_of, weighted_terms)
from rag.text.query import (names_it as names)
from rag.text.speech import (reported, sayings)
from rag.answering.claims import (read_statements)
from rag.errors import (DocumentError, UsageError)
from rag.types import (Chunk, Document, Evidence, Hit, Paragraph, Section, Source)
from rag.answering.verify import (attributed, check_sentence, restates)
from rag.text.tokens import (content_of, folded)

folder = Path(tempfile.mkdtemp())

def read(suffix):
    def entry(text):
        path = folder / f"text{suffix}"
        path.write_text(text, encoding="utf-8")
        try:
            document = read_document(path)
        except DocumentError:
            return
        make_chunks(document, lambda text: max(1, len(text) // 4))
        for p in document.paragraphs[:: max(1, len(document.paragraphs) // 50)]:
            document.note_at(p.start, p.end)
    return entry

def source(text):
    end = len(text)
    sections, paragraphs = (Section("", (), 0, end),), (Paragraph(1, "text", 0, 0, end),)
    document = Document("n", "n", "", "T", "", "", text, sections, paragraphs)
    hit = Hit(Chunk("n", 0, "", 1, 0, end, text, "T"), "T", 1.0, "both")
    return document, hit, Evidence(hit, 0, end, text, 0.5)

def compare(claim, text):
    document, hit, evidence = source(text)
    find = lambda name: document
    attributed(check_sentence(claim, [Source(1, hit, (evidence,))], find), find)

def statements(text):
    for whole in (text, "[^1] " + text):
        try:
            read_statements(whole)
        except UsageError:
            pass

def evidence(text):
    sentences_of(source(text)[1])

def restated(text):
    shown = [source(text)[2]]
    for question in ("How many are there?", text):
        restates(text, question, text, shown)

SAID = "The mayor said on Monday that the bridge had cost 30 million dollars in 2019."
ENTRIES = {
    "txt": read(".txt"), "md": read(".md"), "html": read(".html"), "csv": read(".csv"),
    "words": lambda text: (content_of(text), folded(text)),
    "amounts": lambda text: (missing(amounts_of(text), text), missing(amounts_of(text), "one")),
    "reports": lambda text: (reported(text), sayings(text)),
    "questions": lambda text: (phrases_of(text), weighted_terms(text), names(text, text)),
    "statements": statements, "claims": claims, "prompt": as_data, "evidence": evidence,
    "restated": restated,
    "claim": lambda text: compare(text, SAID), "source": lambda text: compare(SAID, text),
}

def seconds(entry, text):
    content_of.cache_clear()
    amounts_of.cache_clear()
    start = time.process_time()
    entry(text)
    return time.process_time() - start

before, repeated, behind, growth, least = *sys.argv[1:4], *map(float, sys.argv[4:])
short, long = (before + repeated * (n // len(repeated)) + behind for n in (16_000, 64_000))
for name, entry in ENTRIES.items():
    seconds(entry, "Bo Cy said: “It is 5 km to Oslo.”")  # what is loaded once
    for attempt in range(3):
        first = seconds(entry, short)
        assert first < 16, f"{name}: {first:.1f} s at 16,000 characters"
        second = seconds(entry, long)
        if second <= max(least, growth * first):
            break
    else:
        sys.exit(f"{name}: {first:.2f} s at 16,000 characters, {second:.2f} s at 64,000")
"""


def finishes(code: str, *arguments: str) -> None:
    """Run the code in a process of its own.

    A pattern that has gone astray can be stopped in no other way.
    """
    try:
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            timeout=SECONDS,
            check=False,
            capture_output=True,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"no end after {SECONDS} seconds")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_four_times_the_text_takes_four_times_as_long(form: tuple[str, str, str]) -> None:
    finishes(READING, *form, str(GROWTH), str(LEAST))


@pytest.mark.parametrize(
    ("start", "count"),
    [("<!---->", 32), ("<!-- -->\n", 400), ("<!-- --> --> ", 300), ("<?xml ?>", 400), ("\n", 3900)],
)
def test_no_opening_of_a_file_keeps_its_kind_from_being_told(start: str, count: int) -> None:
    # 225 bytes, the first of these and one more character, had 2 ** 32 readings as comments.
    code = (
        "import sys; from rag.reading.xml import is_html; is_html((sys.argv[1] * "
        "int(sys.argv[2]) + 'x').encode(), '.txt')"
    )
    finishes(code, start, str(count))


def test_a_path_of_links_is_told_from_text_whatever_the_blanks_in_it() -> None:
    # Each run of blanks could end at any of them: 251 characters had 40 ** 6 readings.
    code = (
        "from rag.reading.structure import _is_furniture; _is_furniture('home' + ('>' + ' ' * "
        "40) * 6 + '.')"
    )
    finishes(code)
