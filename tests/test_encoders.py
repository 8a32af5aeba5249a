import numpy as np
import pytest

from rag.embedded import embedding_model_folder
from rag.encoders import OnnxEmbedder, OnnxReader, SentenceTransformerEmbedder, make_embedder
from rag.types import ModelError

pytestmark = pytest.mark.models

TEXTS = ["How much did trade grow?", "Trade rose by 30 percent last year.", "", "word " * 600, "«Мы согласны», — сказал он."]


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder()


@pytest.fixture(scope="module")
def reader() -> OnnxReader:
    return OnnxReader()


def test_vectors_are_unit_vectors_in_the_order_of_the_texts(embedder: OnnxEmbedder) -> None:
    vectors = embedder.encode(TEXTS)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embedder.encode([text]) for text in TEXTS])
    # Activations of 8 bits are scaled by batch, so a text's neighbours move its vector a little.
    assert (vectors * alone).sum(axis=1).min() > 0.96
    assert embedder.encode([]).shape == (0, 384)


def test_the_quantised_model_stays_near_the_original(embedder: OnnxEmbedder) -> None:
    original = SentenceTransformerEmbedder(str(embedding_model_folder()))
    assert (original.dimension, original.max_tokens) == (embedder.dimension, embedder.max_tokens)
    assert (embedder.encode(TEXTS) * original.encode(TEXTS)).sum(axis=1).min() > 0.97
    assert original.count_tokens(TEXTS[1]) == embedder.count_tokens(TEXTS[1]) == 8


def test_a_model_that_is_not_here_is_named_in_one_sentence() -> None:
    with pytest.raises(ModelError, match="'no/such-model' is not on this machine"):
        make_embedder("no/such-model")


def test_the_reader_tells_the_sentence_that_answers(reader: OnnxReader) -> None:
    passages = [
        (
            "Xi's Visit. Economic Agreements",
            ["Trade is a priority for us.", "Last year, trade increased by 30 percent.", "We are glad."],
        ),
        ("Night Trains", ["The night train to Brennau stops seventeen times.", "It leaves at nine."]),
    ]
    trade, trains = reader.read("By how much did trade grow last year?", passages)
    assert trade.shape == (3,)
    assert trade.argmax() == 1
    assert trade.max() > trains.max() + 2
    (same,) = reader.read("By how much did trade grow last year?", passages[:1])
    np.testing.assert_allclose(trade, same, atol=0.6)


def test_what_the_reader_cannot_take_in_is_never_evidence(reader: OnnxReader) -> None:
    (scores,) = reader.read("Who?", [("", ["word " * 500, "Ada Holm."])])
    assert scores[1] == -np.inf
    assert reader.read("Who?", [("Title", [])])[0].shape == (0,)
    assert reader.read("Who?", []) == []
