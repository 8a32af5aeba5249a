import re

import pytest

from rag.catalogue.entries import KINDS, catalogue, find_entry, suggest_writer
from rag.errors import NotFoundError


def test_every_entry_can_be_pulled_and_says_whether_it_was_measured() -> None:
    for entry in catalogue():
        assert entry.kind in KINDS
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repository)
        assert re.fullmatch(r"[0-9a-f]{64}|", entry.sha256)
        assert entry.files
        assert not [name for name in entry.files if name.startswith(("/", "..")) or "\\" in name]
        assert not [name for name in entry.files if name.endswith((".bin", ".pt", ".pkl", ".py"))]
        assert entry.licence
        assert "easured" in entry.note
        assert entry.tier in (8, 16, 32)


def test_names_are_used_once_and_each_tier_has_a_model_of_each_kind() -> None:
    names = [entry.name for entry in catalogue()]
    assert len(names) == len(set(names))
    there = {(entry.kind, entry.tier) for entry in catalogue()}
    assert there == {(kind, tier) for kind in KINDS for tier in (8, 16, 32)}


def test_an_unknown_name_is_told_where_the_names_are() -> None:
    with pytest.raises(NotFoundError, match="'qwen-99b'; `rag models list`"):
        find_entry("qwen-99b")


def test_the_largest_writer_that_leaves_half_of_the_memory_is_suggested() -> None:
    assert suggest_writer(3_000_000_000, 0) == find_entry("qwen3.5-2b")
    assert suggest_writer(32_000_000_000, 0) == find_entry("gemma-4-e4b")
    assert suggest_writer(32_000_000_000, 6_000_000_000) is None
    assert suggest_writer(100_000_000, 0) is None


def test_a_model_with_a_limited_licence_is_not_suggested_and_names_the_limit() -> None:
    limited = find_entry("lfm2-1.2b-rag")
    assert "commercial" in limited.note
    assert suggest_writer(2 * limited.bytes, 0) != limited
