from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import ModelError
from rag.models.bundled import embedding_model_folder
from rag.models.embedder import OnnxEmbedder, SentenceTransformerEmbedder, make_embedder
from rag.models.reranker import CrossEncoderReranker
from rag.models.small_reader import SmallReader
from rag.types import Passage, Vectors

pytestmark = pytest.mark.models

TEXTS = [
    "How much did trade grow?",
    "Trade rose by 30 percent last year.",
    "",
    "word " * 600,
    "«Мы согласны», — сказал он.",
]


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder()


@pytest.fixture(scope="module")
def reader() -> SmallReader:
    return SmallReader()


def test_vectors_are_unit_vectors_in_the_order_of_the_texts(embedder: OnnxEmbedder) -> None:
    vectors = embedder.encode(TEXTS)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embedder.encode([text]) for text in TEXTS])
    # Activations of 8 bits are scaled by batch, so a text's neighbours move its vector a little.
    assert (vectors * alone).sum(axis=1).min() > 0.96
    assert embedder.encode([]).shape == (0, 384)


def test_those_who_encode_and_read_at_once_take_turns_and_get_their_own(
    embedder: OnnxEmbedder, reader: SmallReader
) -> None:
    class Watched:
        running = most = 0

        def __init__(self, session: Any) -> None:
            self._session = session

        def run(self, *inputs: Any) -> Any:
            Watched.running += 1
            Watched.most = max(Watched.most, Watched.running)
            outputs = self._session.run(*inputs)
            Watched.running -= 1
            return outputs

    alone = [embedder.encode([text]) for text in TEXTS]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as crowd:
        for session in (embedder._session, reader._session):
            patch.setattr(session, "_session", Watched(session._session))
        reading = [
            crowd.submit(reader.read, TEXTS[0], [passage("", ["We are glad.", TEXTS[1]])])
            for _ in range(4)
        ]
        encoding = [
            (crowd.submit(embedder.encode, [text]), expected)
            for text, expected in 4 * list(zip(TEXTS, alone, strict=True))
        ]
        for future, expected in encoding:
            np.testing.assert_array_equal(future.result(), expected)
        assert {future.result()[0].sentences.argmax() for future in reading} == {1}
    assert Watched.most == 1


def test_the_quantised_model_stays_near_the_original(embedder: OnnxEmbedder) -> None:
    original = SentenceTransformerEmbedder(str(embedding_model_folder()))
    assert (original.dimension, original.max_tokens) == (embedder.dimension, embedder.max_tokens)
    assert (embedder.encode(TEXTS) * original.encode(TEXTS)).sum(axis=1).min() > 0.97
    assert original.count_tokens(TEXTS[1]) == embedder.count_tokens(TEXTS[1]) == 8


def test_a_model_that_is_not_here_is_named_in_one_sentence() -> None:
    with pytest.raises(ModelError, match="'no/such-model' is not on this machine"):
        make_embedder("no/such-model")


def passage(context: str, sentences: Sequence[str]) -> Passage:
    text = " ".join(sentences)
    ends = list(accumulate(len(sentence) + 1 for sentence in sentences))
    spans = [(end - 1 - len(s), end - 1) for s, end in zip(sentences, ends, strict=True)]
    return Passage(context, text, spans)


def log_odds(
    reader: SmallReader, question: str, passages: Sequence[tuple[str, Sequence[str]]]
) -> list[Vectors]:
    return [r.sentences for r in reader.read(question, [passage(*p) for p in passages])]


def test_the_reader_tells_the_sentence_that_answers(reader: SmallReader) -> None:
    passages = [
        (
            "Xi's Visit. Economic Agreements",
            [
                "Trade is a priority for us.",
                "Last year, trade increased by 30 percent.",
                "We are glad.",
            ],
        ),
        (
            "Night Trains",
            ["The night train to Brennau stops seventeen times.", "It leaves at nine."],
        ),
    ]
    trade, trains = log_odds(reader, "By how much did trade grow last year?", passages)
    assert trade.shape == (3,)
    assert trade.argmax() == 1
    assert trade.max() > trains.max() + 2
    (same,) = log_odds(reader, "By how much did trade grow last year?", passages[:1])
    np.testing.assert_allclose(trade, same, atol=0.6)


def test_what_the_reader_cannot_take_in_is_never_evidence(reader: SmallReader) -> None:
    (scores,) = log_odds(reader, "Who?", [("", ["word " * 500, "Ada Holm."])])
    assert scores[1] == -np.inf
    assert log_odds(reader, "Who?", [("Title", [])])[0].shape == (0,)
    assert reader.read("Who?", []) == []


def save_cross_encoder(folder: Path, labels: int) -> None:
    """A tiny cross-encoder of random weights, with the tokenizer of the embedded model."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=labels,
        initializer_range=1.0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedding_model_folder(), local_files_only=True).save_pretrained(
        folder
    )


def test_a_cross_encoder_of_the_user_gives_each_passage_its_own_score(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path / "tiny", labels=1)
    reranker = CrossEncoderReranker(str(tmp_path / "tiny"))
    assert reranker.name == "tiny"
    scores = reranker.score("How much?", TEXTS)
    assert (scores.dtype, scores.shape) == (np.float32, (5,))
    assert len(set(scores.tolist())) == 5
    np.testing.assert_allclose(reranker.score("How much?", TEXTS[::-1]), scores[::-1], atol=1e-5)
    assert (
        abs(reranker.score("Who spoke?", TEXTS) - scores).max() > 1e-3
    )  # the question is read too
    assert reranker.score("How much?", []).shape == (0,)


def test_a_model_that_cannot_rerank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"reranker '.*nowhere' is not on this machine.*RAG_RERANKER"
    ):
        CrossEncoderReranker(str(tmp_path / "nowhere"))
    save_cross_encoder(tmp_path / "classes", labels=3)
    with pytest.raises(ModelError, match="sorts texts into 3 classes, a reranker gives one score"):
        CrossEncoderReranker(str(tmp_path / "classes"))
