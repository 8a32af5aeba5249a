"""A short report with a quotation, its speaker and notes, and sentences of it as evidence."""

from rag.types import (
    Chunk,
    Document,
    Evidence,
    Hit,
    Note,
    Paragraph,
    Quotation,
    Reference,
    Section,
    Source,
)

TEXT = (
    'Putin stated:\n\n"Last year, trade increased by 30 percent to set a new record of $185'
    ' billion.[8] It was not easy.\n\n"This year, trade may well exceed $200 billion."[9]\n\nBovt'
    " disagreed. He met Chernyshenko at Vnukovo on March 3, 2006 [sic]."
)


def span(words: str) -> tuple[int, int]:
    start = TEXT.index(words)
    return start, start + len(words)


DOCUMENT = Document(
    name="visit",
    file="visit.txt",
    sha256="0" * 64,
    title="The Visit",
    dateline="",
    date="",
    text=TEXT,
    sections=(Section("", (), 0, len(TEXT)),),
    paragraphs=tuple(
        Paragraph(number, "text", 0, *span(block))
        for number, block in enumerate(TEXT.split("\n\n"), 1)
    ),
    quotations=(
        Quotation(TEXT.index('"Last'), TEXT.index("[9]"), "Vladimir Putin", "Putin stated:", "9"),
    ),
    references=(Reference("8", *span("[8]")), Reference("9", *span("[9]"))),
    notes=(
        Note("8", "Kremlin.ru, March 21, 2023.", 0, 0),
        Note("9", "Kremlin.ru, March 22, 2023.", 0, 0),
    ),
)
CHUNK = Chunk("visit", 0, "", 1, 0, len(TEXT), TEXT, "The Visit. Vladimir Putin")
HIT = Hit(CHUNK, "The Visit", 1.0, "both")


def evidence(words: str, score: float = 0.9) -> Evidence:
    return Evidence(HIT, *span(words), words, score)


TRADE = evidence("Last year, trade increased by 30 percent to set a new record of $185 billion.[8]")
EASY = evidence("It was not easy.", 0.2)
NEXT = evidence('"This year, trade may well exceed $200 billion."[9]', 0.5)
MET = evidence("He met Chernyshenko at Vnukovo on March 3, 2006 [sic].", 0.4)
SOURCES = (Source(1, HIT, (TRADE, EASY)), Source(2, HIT, (NEXT,)), Source(3, HIT, (MET,)))


CHROMIUM = "/usr/bin/chromium"


CHROMIUM_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
)
