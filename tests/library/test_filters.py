"""Filters and quoted phrases let through what they say, and nothing else."""

import numpy as np
import pytest
from filtered_reports import FILTERS, PLAIN, press_reports
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import (
    DIMENSION,
    add,
    make_chunks,
    stored,
    unit_vectors,
)

from rag.errors import UsageError
from rag.library.store import Library
from rag.types import (
    Chunk,
    Document,
    Filter,
)


@pytest.fixture
def press(library: Library) -> Library:
    """The reports of `press_reports`."""
    for n, document in enumerate(press_reports()):
        add(library, document, seed=n)
    return library


def passes(document: Document, chunk: Chunk, only: Filter) -> bool:
    """The filter once more, chunk by chunk."""
    said = {q.speaker for q in document.quotations if q.start < chunk.end and chunk.start < q.end}
    return (
        (not only.documents or document.name.lower() in {name.lower() for name in only.documents})
        and (
            not only.after
            or (document.date != "" and not all(day < only.after for day in days_of(document.date)))
        )
        and (
            not only.before
            or (
                document.date != ""
                and not all(day > only.before + "~" for day in days_of(document.date))
            )
        )
        and (not only.speaker or any(PLAIN[only.speaker] in speaker for speaker in said))
        and (not only.section or only.section in chunk.section.split())
    )


def days_of(date: str) -> list[str]:
    return [
        d
        for m in range(1, 13)
        for day in range(1, 32)
        if (d := f"2023-{m:02}-{day:02}").startswith(date)
    ]


@given(only=FILTERS, k=st.integers(1, 50), seed=st.integers(0, 9))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_filtered_look_ups_find_what_filtering_everything_afterwards_finds(
    press: Library, only: Filter, k: int, seed: int
) -> None:
    documents = {info.name: press.document(info.name) for info in press.documents()}
    ids, vectors = stored(press)
    chunks = press.chunks(ids)
    passing = {i for i in ids if passes(documents[chunks[i][0].document], chunks[i][0], only)}
    selected = press.select(only)
    assert set(ids if selected is None else selected) == passing

    vector = unit_vectors(1, seed=100 + seed)[0]
    ranked = [ids[i] for i in np.argsort(-(vectors @ vector), kind="stable") if ids[i] in passing]
    assert [chunk for chunk, _ in press.dense(vector, k, selected)] == ranked[:k]
    everything = press.lexical(f"trade word{seed} word1", len(ids))
    assert (
        press.lexical(f"trade word{seed} word1", k, selected)
        == [found for found in everything if found[0] in passing][:k]
    )


def test_a_filter_asks_for_documents_that_are_there(press: Library) -> None:
    with pytest.raises(UsageError, match=r"no document 'Report-33'.*did you mean 'Report-3'"):
        press.select(Filter(documents=("report-1", "Report-33")))


@pytest.mark.parametrize(
    "date", ["March 2023", "2023-3", "2023-02-30", "2023-13", "20230301", "2023-03-01T00", "٢٠٢٣"]
)
@pytest.mark.parametrize("end", ["after", "before"])
def test_a_date_that_is_none_is_refused(press: Library, date: str, end: str) -> None:
    with pytest.raises(UsageError, match="is not a date; write it as 2023, 2023-03 or 2023-03-14"):
        press.select(Filter(**{end: date}))


def test_who_speaks_in_a_chunk_is_known_after_a_rebuild_and_gone_with_its_document(
    press: Library,
) -> None:
    before = press.select(Filter(speaker="Nasrallah"))
    press.rebuild("fake", DIMENSION, lambda document: (make_chunks(document), unit_vectors(4)))
    after = press.select(Filter(speaker="Nasrallah"))
    assert before is not None
    assert after is not None
    assert len(after) == len(before) == 10
    press.remove("Report-0")
    assert np.array_equal(press.select(Filter(speaker="Nasrallah")), after[1:])
