from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.library.chunking import MAX_CHUNK_TOKENS, make_chunks
from rag.types import Document, Paragraph, Quotation, Section

Block = tuple[str, str, int]  # kind, text, section


def document(*blocks: Block, headings: tuple[str, ...] = ("", "Trade", "Allies")) -> Document:
    text, paragraphs, number = "", [], 0
    for kind, block, section in blocks:
        text += "\n\n" if text else ""
        number += kind == "text"
        paragraphs.append(
            Paragraph(
                number if kind == "text" else 0, kind, section, len(text), len(text) + len(block)
            )
        )  # type: ignore[arg-type]
        text += block
    sections = tuple(
        Section(heading, (heading,) if heading else (), 0, len(text)) for heading in headings
    )
    return Document(
        "report", "report.txt", "", "The Report", "", "", text, sections, tuple(paragraphs)
    )


def words(text: str) -> int:
    return len(text.split())


LONG = "word " * 60


def test_a_paragraph_that_fits_is_a_chunk_with_its_place_and_context() -> None:
    (chunk,) = make_chunks(document(("text", LONG.strip(), 1)), words)
    assert (chunk.document, chunk.number, chunk.section, chunk.paragraph) == (
        "report",
        0,
        "Trade",
        1,
    )
    assert (chunk.text, chunk.context) == (LONG.strip(), "The Report. Trade")


def test_short_paragraphs_are_joined_inside_their_section_only() -> None:
    short = document(("text", "One.", 0), ("text", "Two.", 0), ("text", "Three.", 1))
    assert [c.text for c in make_chunks(short, words)] == ["One.\n\nTwo.", "Three."]


def test_headings_furniture_and_notes_are_in_no_chunk_and_nothing_is_joined_across_them() -> None:
    mixed = document(
        ("heading", "Trade", 1),
        ("text", "One.", 1),
        ("furniture", "(Photo: X)", 1),
        ("text", "Two.", 1),
        ("note", "[1] N.", 1),
    )
    assert [c.text for c in make_chunks(mixed, words)] == ["One.", "Two."]


def test_a_long_paragraph_is_split_at_sentence_ends() -> None:
    sentences = [f"Sentence {i} {'word ' * 50}ends." for i in range(8)]
    chunks = make_chunks(document(("text", " ".join(sentences), 0)), words)
    assert len(chunks) == 3
    assert all(
        c.text.startswith("Sentence")
        and c.text.endswith("ends.")
        and words(c.text) <= MAX_CHUNK_TOKENS
        for c in chunks
    )


def test_a_speaker_is_in_the_context_of_the_chunks_of_the_quotation() -> None:
    said = document(("text", f'"{LONG}"', 1), ("text", LONG, 1))
    first, second = make_chunks(
        replace(said, quotations=(Quotation(0, 200, "Fyodor Lukyanov", "He wrote:", ""),)), words
    )
    assert first.context == "The Report. Trade. Fyodor Lukyanov"
    assert second.context == "The Report. Trade"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["text", "heading", "furniture"]),
            st.text('ab. "”\n', min_size=1, max_size=900),
            st.integers(0, 2),
        ),
        max_size=8,
    )
)
def test_chunks_slice_the_document_and_hold_all_its_running_text(blocks: list[Block]) -> None:
    made = document(*sorted(blocks, key=lambda b: b[2]))
    chunks = make_chunks(made, len)
    assert all(
        made.text[c.start : c.end] == c.text and len(c.text) <= MAX_CHUNK_TOKENS for c in chunks
    )
    shown = "".join("".join(c.text.split()) for c in chunks)
    assert shown == "".join(
        "".join(made.text[p.start : p.end].split()) for p in made.paragraphs if p.kind == "text"
    )
    assert [c.number for c in chunks] == list(range(len(chunks)))
