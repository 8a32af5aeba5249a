from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from rag.evaluation.synthetic import PARAGRAPHS, Reports
from rag.reading.documents import read_document
from rag.text.tokens import STOP_WORDS

DIMENSION = 64


@pytest.fixture(scope="module")
def reports() -> Reports:
    return Reports(DIMENSION)


def test_reports_are_the_same_every_time_and_none_is_another(reports: Reports) -> None:
    for (document, chunks, vectors), (again, same_chunks, same_vectors) in zip(
        islice(reports.documents(), 3), islice(Reports(DIMENSION).documents(), 3), strict=True
    ):
        assert (document, chunks) == (again, same_chunks)
        assert np.array_equal(vectors, same_vectors)
    assert len({document.text for document, _, _ in islice(reports.documents(), 3)}) == 3
    assert reports.question(2)[0] == Reports(DIMENSION).question(2)[0]


def test_the_parts_of_a_report_fit_each_other(reports: Reports) -> None:
    document, chunks, vectors = next(reports.documents())
    assert [document.text[c.start : c.end] for c in chunks] == [c.text for c in chunks]
    assert [document.text[p.start : p.end] for p in document.paragraphs] == [c.text for c in chunks]
    assert all(
        document.sections[p.section].start <= p.start < p.end <= document.sections[p.section].end
        for p in document.paragraphs
    )
    assert vectors.shape == (len(chunks), DIMENSION) == (PARAGRAPHS, DIMENSION)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


def test_a_report_reads_like_one(reports: Reports, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(reports.text(1), encoding="utf-8")
    document = read_document(tmp_path / "report.txt")
    assert document.title == "Generated Report 1"
    texts = [document.text[p.start : p.end] for p in document.paragraphs if p.kind == "text"]
    assert 50 < median(len(text.split()) for text in texts) < 90
    # Half of what is written are the few hundred most frequent words, and most of these say
    # nothing.
    words = " ".join(texts).lower().replace(".", "").split()
    assert 0.2 < sum(word in STOP_WORDS for word in words) / len(words) < 0.6


def test_passages_of_a_section_are_nearer_to_each_other_and_to_its_question_than_to_others(
    reports: Reports,
) -> None:
    vectors = np.concatenate([vectors for _, _, vectors in islice(reports.documents(), 4)])
    cosines = vectors @ vectors.T
    within = [cosines[i, j] for i in range(0, 480, 12) for j in range(i + 1, i + 12)]
    apart = cosines[:120, 360:].ravel()
    assert np.mean(within) > np.mean(apart) + 0.2
    words, vector = reports.question(2)
    last = vectors[240 - 12 : 240] @ vector
    assert last.mean() > (vectors @ vector).mean() + 0.2
    assert all(word in reports.text(2).lower() and word not in STOP_WORDS for word in words.split())
