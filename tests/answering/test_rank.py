from collections.abc import Sequence

import numpy as np
import pytest
from fakes import OverlapReader

from rag.answering.rank import (
    SIGNALS,
    coverage,
    fitted,
    measure_signals,
    passages_of,
    rank,
    reorder,
    sentences_of,
)
from rag.types import Chunk, Evidence, Hit

CHEESE = "Exports fell. Imports of cheese rose by five tonnes. Nobody knew."


def idf(words: Sequence[str]) -> list[float]:
    """ "cheese" is rare, everything else is not."""
    return [3.0 if word == "cheese" else 1.0 for word in words]


def hit(text: str, document: str = "report", start: int = 100, date: str = "") -> Hit:
    context = "The Report. Trade"
    chunk = Chunk(document, start, "Trade", 7, start, start + len(text), text, context)
    return Hit(chunk, "The Report", 1.0, "both", date)


def ranked(question: str, *texts: str) -> tuple[Evidence, ...]:
    hits = [hit(text, start=1000 * n) for n, text in enumerate(texts)]
    return rank(question, hits, OverlapReader().read(question, passages_of(hits)), idf)


def test_each_sentence_is_a_span_of_its_document_and_the_best_comes_first() -> None:
    evidence = ranked("cheese imports", CHEESE)
    assert evidence[0].text == "Imports of cheese rose by five tonnes."
    assert all(CHEESE[e.start : e.end] == e.text for e in evidence)
    assert evidence[0].score > evidence[1].score


def test_the_short_answer_is_a_span_of_the_document_inside_its_sentence() -> None:
    (best, *others) = ranked("imports of cheese", CHEESE)
    assert best.focus
    assert CHEESE[best.focus.start : best.focus.end] == "rose by five tonnes"
    assert all(e.focus is None for e in others)


def test_a_question_is_not_its_own_answer() -> None:
    evidence = ranked("What does cheese cost?", "**What does cheese cost?** Cheese costs a crown.")
    assert [e.text for e in evidence] == ["Cheese costs a crown."]


def test_nothing_is_ranked_of_nothing() -> None:
    assert ranked("cheese") == ()
    assert ranked("cheese", "") == ()


def test_the_signals_are_what_they_are_called() -> None:
    hits = [hit("Nothing."), hit(CHEESE)]
    readings = OverlapReader().read("cheese imports", passages_of(hits))
    places, signals = measure_signals("cheese imports", hits, readings, idf)
    assert [h.chunk.text[start:end] for h, _, start, end in places][1] == "Exports fell."
    named = dict(zip(SIGNALS, signals.T, strict=True))
    assert named["log_odds"][2] == readings[1].sentences[1]
    assert named["span_score"].tolist() == pytest.approx(
        [readings[0].span_score, *[readings[1].span_score] * 3]
    )
    assert named["words"].tolist() == [0, 1, 1, 1]


def test_the_year_of_a_document_is_read_where_the_context_does_not_say_it() -> None:
    dated, undated = hit("A.", date="2023-03-01"), hit("A.")
    assert [p.context for p in passages_of([dated, undated])] == [
        "The Report. Trade. 2023",
        "The Report. Trade",
    ]


def test_a_long_sentence_is_weighed_in_parts_that_join_back_to_it() -> None:
    text = "the harbour was deep, " * 12 + "and so on."
    parts = sentences_of(hit(text))
    assert len(parts) > 1
    assert " ".join(part.text for part in parts) == text


def test_coverage_is_the_largest_share_of_the_rare_words_that_a_hit_holds() -> None:
    assert coverage("cheese imports", [hit("Nothing."), hit(CHEESE)], idf) == 1
    assert coverage("cheese and wine", [hit("Wine.")], idf) == 0.25
    assert coverage("cheese", [], idf) == 0


def test_hits_are_ordered_by_their_own_rank_and_that_of_their_best_sentence() -> None:
    first, second, third = (hit(f"{n}.", start=1000 * n) for n in range(3))
    evidence = [Evidence(h, 0, 2, "x.", 0.5) for h in (third, first, second)]
    assert reorder([first, second, third], evidence) == (first, third, second)


@pytest.mark.parametrize("with_spans", [True, False])
def test_what_the_reader_finds_likelier_is_likelier(with_spans: bool) -> None:
    weights = fitted(with_spans)
    assert weights.order[0] > 0
    assert (weights.answers[:2] >= 0).all()
    assert weights.answers[:2].max() > 0
    assert np.isfinite(weights.offset)
