import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from rag.text.tokens import content_of, folded, is_number, stem, words_of

ENDINGS = ("ational", "izations", "fulness", "iveness", "ements", "ousli", "ingly", "edness")


def test_words_keep_what_belongs_to_them() -> None:
    assert words_of("Xi’s 3.5 percent (Al-Jazeera, p. 4).") == [
        "Xi's",
        "3.5",
        "percent",
        "Al-Jazeera",
        "p",
        "4",
    ]


def test_forms_of_a_word_are_one() -> None:
    assert stem("Trades") == stem("trade's") == stem("trading")
    assert stem("1,000") == "1000"
    assert stem("Three") == stem("3") == "3"


def test_threads_do_not_mix_up_each_others_words() -> None:
    words = [
        f"{beginning}{ending}"
        for beginning in map("".join, product("aeiou", "bcdfg", "lmnrst"))
        for ending in ENDINGS
    ]
    alone = list(map(stem, words))
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            stem.cache_clear()
            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(stem, words)) == alone
    finally:
        sys.setswitchinterval(switching)


def test_only_words_that_say_something_are_content() -> None:
    assert content_of("What did they do about the harbours?") == {stem("harbour")}


def test_numbers_are_known_in_digits_and_in_words() -> None:
    assert [word for word in ["4th", "Seven", "sevens", "crowns", "1943"] if is_number(word)] == [
        "4th",
        "Seven",
        "1943",
    ]


@pytest.mark.parametrize("text", ["ÖSTERREICH", "österreich", "o\u0308sterreich", "Osterreich"])
def test_folded_texts_compare_without_capitals_and_marks(text: str) -> None:
    assert folded(f"{text}, STRASSE") == folded("Osterreich, Straße")
