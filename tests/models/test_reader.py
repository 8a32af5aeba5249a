"""The reader that finds the words that answer: offsets, windows, the base it is made from."""

import hashlib
import itertools
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from rag.errors import ModelError
from rag.models import reader_base as base_module
from rag.models.embedder import load_tokenizer
from rag.models.reader import (
    MAX_READ_TOKENS,
    MAX_SPAN_TOKENS,
    MPNET_CLS,
    MPNET_SEP,
    LargeReader,
    Tokens,
    best_span,
    make_reader,
    reading_of,
    tokens_of,
    window_spans,
    windows_of,
)
from rag.models.reader_base import has_reader_base, reader_base
from rag.models.small_reader import SmallReader
from rag.types import Passage, Reading

PASSAGE = Passage(
    "Report. Results",
    "Café Olé paid 3.5 million. Nobody knew why!  It was unaffordable.",
    ((0, 26), (27, 43), (45, 65)),
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A WordPiece tokenizer of the kind of the model's, that knows a few words, each letter and
    each digit.
    """
    words = [
        "[UNK]",
        "cafe",
        "paid",
        "million",
        "nobody",
        "knew",
        "why",
        "it",
        "was",
        "un",
        "##afford",
        "##able",
        "ole",
        ".",
        "!",
    ]
    pieces = list("abcdefghijklmnopqrstuvwxyz0123456789")
    vocabulary = {
        piece: number
        for number, piece in enumerate([*words, *pieces, *(f"##{piece}" for piece in pieces)])
    }
    made = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    return made


def tokens(passage: Passage, tokenizer: Any) -> Tokens:
    texts = [passage.text[start:end] for start, end in passage.sentences]
    return tokens_of(passage, tokenizer.encode_batch(texts, add_special_tokens=False))


def of_sentences(*lengths: int) -> Tokens:
    """Tokens of sentences of these lengths, each a word of one letter with a space behind it."""
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(numbers)) * 2
    whole = np.ones(len(numbers), bool)
    return Tokens(np.arange(len(numbers)) + 1000, places, places + 1, numbers, whole, whole)


def read(
    tokens: Tokens, values: dict[int, tuple[float, float, float]], null: float = 0.0
) -> Reading:
    """The reading of a network that gives the tokens of these numbers these values, and every other
    one zeros.
    """
    windows = windows_of([7], [8], tokens)
    outputs = []
    for window in windows:
        output = np.zeros((len(window.row), 3), np.float32)
        output[0, 1:] = null / 2
        for place in range(window.start, window.end):
            output[window.offset + place - window.start] = values.get(place, (0, -5, -5))
        outputs.append(output)
    return reading_of(tokens, int(tokens.sentences.max(initial=-1)) + 1, windows, outputs)


# --- Offsets ------------------------------------------------------------------------------------


def test_the_tokens_of_a_passage_stand_where_its_words_do(tokenizer: Any) -> None:
    found = tokens(PASSAGE, tokenizer)
    words = [PASSAGE.text[start:end] for start, end in zip(found.starts, found.ends, strict=True)]
    assert words[:7] == ["Café", "Olé", "paid", "3", ".", "5", "million"]
    assert words[-4:] == ["un", "afford", "able", "."]
    assert found.opens[-4:].tolist() == [True, False, False, True]
    assert found.closes[-4:].tolist() == [False, False, True, True]
    assert found.sentences[-1] == 2


@given(text=st.text(max_size=60), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_every_token_lies_in_its_sentence_whatever_the_text(
    tokenizer: Any, text: str, cuts: list[int]
) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    sentences = tuple(itertools.pairwise(edges))
    found = tokens(Passage("", text, sentences), tokenizer)
    for start, end, number in zip(found.starts, found.ends, found.sentences, strict=True):
        assert sentences[number][0] <= start < end <= sentences[number][1]


@given(text=st.text(alphabet="ab é.3\n", min_size=1, max_size=40), seed=st.integers(0, 99))
def test_a_span_is_words_of_one_sentence_whatever_the_network_says(
    tokenizer: Any, text: str, seed: int
) -> None:
    half = len(text) // 2
    passage = Passage(
        "Title", text, tuple(span for span in ((0, half), (half, len(text))) if span[0] < span[1])
    )
    found = tokens(passage, tokenizer)
    windows = windows_of([1], [2], found)
    outputs = [
        np.random.default_rng(seed).normal(size=(len(window.row), 3)).astype(np.float32)
        for window in windows
    ]
    reading = reading_of(found, len(passage.sentences), windows, outputs)
    assert (reading.span is None) == (len(found.ids) == 0)
    if reading.span:
        start, end = reading.span
        assert any(a <= start < end <= b for a, b in passage.sentences)
        assert text[start:end] == text[start:end].strip()
        inner = any(
            a < start < b and text[start - 1].isalnum() and text[start].isalnum()
            for a, b in passage.sentences
        )
        assert not inner


# --- Span, null and sentences -------------------------------------------------------------------


def test_the_best_span_is_the_one_of_the_highest_sum_and_its_score_is_against_the_null() -> None:
    reading = read(of_sentences(10, 10), {3: (0, 4, -5), 5: (0, -5, 3), 12: (0, 3, 3)}, null=2.0)
    assert reading.span == (6, 11)
    assert reading.span_score == pytest.approx(4 + 3 - 2)


def test_a_span_neither_crosses_a_sentence_nor_runs_backwards_nor_over_its_most() -> None:
    crossing = read(of_sentences(10, 10), {8: (0, 2, -9), 11: (0, -9, 2), 3: (0, 1, 1)})
    assert crossing.span == (6, 7)
    backwards = read(of_sentences(20), {12: (0, 2, -9), 2: (0, -9, 2), 5: (0, 1, 1)})
    assert backwards.span == (10, 11)
    start, end = np.full(50, -9.0, np.float32), np.full(50, -9.0, np.float32)
    start[0], end[MAX_SPAN_TOKENS - 1], end[MAX_SPAN_TOKENS] = 9, 1, 9
    assert best_span(start, end, np.zeros(50, np.int64))[:2] == (0, MAX_SPAN_TOKENS - 1)


def test_the_log_odds_of_a_sentence_are_the_mean_of_its_tokens() -> None:
    reading = read(of_sentences(2, 4), {0: (1, 0, 0), 1: (3, 0, 0), 5: (-4, 0, 0)})
    assert reading.sentences.tolist() == [2.0, -1.0]


def test_a_sentence_without_tokens_has_no_chance_and_a_passage_of_none_no_span(
    tokenizer: Any,
) -> None:
    passage = Passage("", "\u200d Paid.", ((0, 1), (2, 7)))
    found = tokens(passage, tokenizer)
    windows = windows_of([], [], found)
    reading = reading_of(found, 2, windows, [np.zeros((len(windows[0].row), 3), np.float32)])
    assert reading.sentences.tolist() == [-np.inf, 0.0]
    nothing = tokens(Passage("Title", "", ()), tokenizer)
    assert reading_of(nothing, 0, windows_of([1], [2], nothing), []).span is None


# --- Windows ------------------------------------------------------------------------------------


@given(lengths=st.lists(st.integers(1, 400), max_size=12), room=st.integers(70, 320))
def test_windows_hold_every_token_and_share_enough(lengths: list[int], room: int) -> None:
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    spans = list(window_spans(numbers, room))
    assert {place for start, end in spans for place in range(start, end)} == set(
        range(len(numbers))
    )
    assert all(0 < end - start <= room for start, end in spans)
    assert all(
        before[0] < after[0] <= before[1] - 64 for before, after in itertools.pairwise(spans)
    )


def test_a_window_begins_with_a_sentence_where_one_begins_late_enough() -> None:
    assert list(window_spans(np.repeat([0, 1, 2], [100, 50, 100]), 200)) == [(0, 200), (100, 250)]


def test_a_row_is_question_context_and_sentences_and_never_too_long() -> None:
    (window,) = windows_of([7], [8], of_sentences(2))
    assert window.row == [MPNET_CLS, 11, MPNET_SEP, MPNET_SEP, 12, 1016, 1000, 1001, MPNET_SEP]
    assert window.row[window.offset] == 1000
    long = windows_of([7] * 500, [8] * 500, of_sentences(*[40] * 20))
    assert len(long) > 1
    assert max(len(window.row) for window in long) <= MAX_READ_TOKENS


def test_a_long_passage_is_read_like_a_short_one_wherever_the_answer_stands() -> None:
    lengths = [30] * 40
    for place in (0, 333, 600, 1199):
        reading = read(of_sentences(*lengths), {place: (30, 5, 5)})
        assert reading.span == (place * 2, place * 2 + 1)
        assert reading.span_score == pytest.approx(10)
        assert int(reading.sentences.argmax()) == place // 30
        assert reading.sentences.max() == pytest.approx(1)


def test_a_token_of_two_windows_counts_as_where_more_of_what_is_around_it_is_seen() -> None:
    found = of_sentences(*[10] * 50)
    windows = windows_of([7], [8], found)
    outputs = [
        np.full((len(window.row), 3), number, np.float32) for number, window in enumerate(windows)
    ]
    log_odds = reading_of(found, 50, windows, outputs).sentences
    first, second = windows[:2]
    assert log_odds[second.start // 10] == 0
    assert log_odds[(first.end - 10) // 10] == 1


# --- The base -----------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with an empty cache and nothing from the hub."""
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(
        base_module, "_PART_PACKAGES", tuple(f"part_of_base_{number}" for number in range(1, 6))
    )
    monkeypatch.setattr(
        base_module, "READER_BASE_SHA256", hashlib.sha256(b"weights" * 99).hexdigest()
    )
    return tmp_path / "cache"


@pytest.fixture
def packages(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The five packages, with an archive of small weights in them."""
    archive = tmp_path / "base.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("all-mpnet-base-v2/model.safetensors", b"weights" * 99)
    content, parts = archive.read_bytes(), []
    monkeypatch.setattr(base_module, "_ARCHIVE_SHA256", hashlib.sha256(content).hexdigest())
    for number in range(1, 6):
        folder = tmp_path / "site" / f"part_of_base_{number}" / "input"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        parts.append(folder / f"all-mpnet-base-v2.zip.00{number}")
        parts[-1].write_bytes(content[(number - 1) * 150 : number * 150 if number < 5 else None])
    monkeypatch.syspath_prepend(tmp_path / "site")
    return parts


def test_the_packages_join_to_the_weights_and_leave_nothing(
    packages: list[Path], cache: Path
) -> None:
    assert has_reader_base()
    with reader_base(cache) as weights:
        assert weights.read_bytes() == b"weights" * 99
    assert list(cache.iterdir()) == []
    assert not set(sys.modules) & set(base_module._PART_PACKAGES)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda parts: parts[2].unlink(), "not found in its packages"),
        (lambda parts: parts[2].write_bytes(b"other bytes"), "do not join"),
        (lambda parts: parts[1].write_bytes(b""), "do not join"),
    ],
    ids=["a part lost", "other bytes", "an empty part"],
)
def test_damaged_packages_are_refused(
    packages: list[Path], damage: Callable[[list[Path]], object], words: str
) -> None:
    damage(packages)
    with pytest.raises(ModelError, match=words), reader_base(None):
        pass


def test_the_same_file_from_the_hub_does_as_well(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not has_reader_base()
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights" * 99)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(weights))
    assert has_reader_base()
    with reader_base(cache) as found:
        assert found == weights
    weights.write_bytes(b"weights" * 98)
    with pytest.raises(ModelError, match="sha256 differs"), reader_base(cache):
        pass
    assert weights.exists()


def test_without_the_base_the_small_reader_reads(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.models.reader._exported", lambda _: cache / "none.onnx")
    reader = make_reader()  # its model may be in the user's cache already
    assert isinstance(reader, SmallReader)
    text = "Trade grew by 30 percent in 2023. The weather was fine."
    (reading,) = reader.read(
        "How much did trade grow?", [Passage("Trade", text, ((0, 33), (34, 55)))]
    )
    assert reading.span is None
    assert reading.sentences[0] > reading.sentences[1]
    assert reading.span_score == reading.sentences[0]


# --- The model ----------------------------------------------------------------------------------

needs_base = pytest.mark.skipif(
    not has_reader_base(), reason="the packages of all-mpnet-base-v2 are not installed"
)


@pytest.fixture(scope="module")
def reader() -> LargeReader:
    return LargeReader()


def test_the_vocabulary_of_the_base_is_the_embedders_four_places_on() -> None:
    tokenizer = load_tokenizer()
    assert tokenizer.get_vocab_size() == 30522
    assert [tokenizer.token_to_id(word) for word in ("[UNK]", ".", "the")] == [100, 1012, 1996]


@needs_base
@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            "What was the revenue in 2022?",
            "Revenue was 88 million euros in 2023, after 71 million euros in 2022.",
            "71 million euros",
        ),
        (
            "Who designed the bridge?",
            "The bridge was opened in 1931. It was designed by Ada Sørensen, an engineer.",
            "Ada Sørensen",
        ),
    ],
    ids=["two numbers", "a name with a letter of its own"],
)
def test_the_words_that_answer_are_found(
    reader: LargeReader, question: str, text: str, answer: str
) -> None:
    at = text.find(". ") + 1
    sentences = ((0, at), (at + 1, len(text))) if at else ((0, len(text)),)
    (reading,) = reader.read(question, [Passage("Annual report", text, sentences)])
    assert reading.span
    assert text[slice(*reading.span)] == answer
    assert reading.span_score > 0


@needs_base
@pytest.mark.models
def test_the_null_wins_where_the_passage_does_not_answer(reader: LargeReader) -> None:
    text = "The bridge was opened in 1931 by the mayor."
    (reading,) = reader.read(
        "How much did the bridge cost?", [Passage("", text, ((0, len(text)),))]
    )
    assert reading.span_score < 0


@needs_base
@pytest.mark.models
def test_the_year_of_the_title_is_read_with_the_passage(reader: LargeReader) -> None:
    text = "The hotline took 1017 calls."
    passages = [Passage(f"Yearly report {year}", text, ((0, len(text)),)) for year in (2022, 2023)]
    other, asked = reader.read("How many calls were there in 2023?", passages)
    assert asked.span_score > other.span_score


@needs_base
@pytest.mark.models
def test_an_answer_far_behind_is_found_and_text_that_looks_like_a_special_token_is_text(
    reader: LargeReader,
) -> None:
    text = (
        "The committee met again and nothing came of it. " * 60
        + "</s> [SEP] The harbour was closed in 1954."
    )
    starts = [at for at in range(len(text)) if at == 0 or text[at - 2 : at] == ". "]
    sentences = tuple(
        (start, end)
        for start, end in zip(starts, [*(s - 1 for s in starts[1:]), len(text)], strict=True)
    )
    (reading,) = reader.read("When was the harbour closed?", [Passage("Minutes", text, sentences)])
    assert reading.span
    assert text[slice(*reading.span)] == "1954"
    assert int(reading.sentences.argmax()) == len(sentences) - 1
