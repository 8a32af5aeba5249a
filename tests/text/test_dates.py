import pytest

from rag.text.dates import in_words, written_forms


@pytest.mark.parametrize(
    ("iso", "words"),
    [("2023-11-03", "3 November 2023"), ("2023-11", "November 2023"), ("2023", "2023"), ("", "")],
)
def test_a_date_is_written_as_far_as_it_is_known(iso: str, words: str) -> None:
    assert in_words(iso) == words


def test_a_date_is_looked_for_in_the_forms_that_texts_use() -> None:
    forms = written_forms("2024-03-02")
    assert forms[0] == "2 March 2024"
    assert {"March 2, 2024", "02.03.2024", "2024-03-02"} <= set(forms)
    assert written_forms("2024-03") == ("March 2024", "2024-03")
