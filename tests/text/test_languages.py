"""The language of a text, and its words as they are indexed and looked up."""

from dataclasses import replace
from pathlib import Path

import pytest
from libraries import add, make_document, new_library, texts

from rag.library.store import Library
from rag.text.languages import indexed, language_of, runs_of, stop_words
from rag.types import Filter

PROSE = {
    "de": "Der Hafen von Kiel wurde im Winter gesperrt, weil das Eis für kleine Boote zu dick war.",
    "fr": "Le port est fermé en hiver parce que la glace est trop épaisse pour les petits bateaux.",
    "es": "El puerto se cierra en invierno porque el hielo es demasiado grueso para los barcos.",
    "it": "Il porto chiude in inverno perché il ghiaccio è troppo spesso per le piccole barche.",
    "ru": "Порт закрывается зимой, потому что лёд слишком толстый для небольших судов.",
    "ar": "يغلق الميناء في الشتاء لأن الجليد سميك جدا على القوارب الصغيرة في الخليج.",
    "he": "הנמל נסגר בחורף כי הקרח עבה מדי עבור סירות קטנות במפרץ הצפוני של העיר.",
    "zh": "港口冬天关闭，因为海湾里的冰太厚了，小船无法通过。港口将在四月重新开放。",
    "ja": "湾の氷が厚すぎて小さな船が通れないため、港は冬の間閉鎖されます。",
    "en": "The port is closed in winter because the ice is too thick for the small boats.",
}


@pytest.mark.parametrize("language", PROSE)
def test_the_language_of_prose_is_told_from_its_words(language: str) -> None:
    assert language_of(PROSE[language]) == language


def test_what_a_file_states_holds_unless_its_words_are_plainly_of_another_language() -> None:
    assert language_of(PROSE["de"], "de-CH") == "de-CH"
    assert language_of(PROSE["de"], "en-US") == "de"  # a program's own language
    assert language_of("Kiel 2023", "da") == "da"
    assert language_of("Kiel 2023") == ""


@pytest.mark.parametrize(
    ("language", "said", "asked"),
    [
        ("de", "Die Häfen wurden geschlossen.", "Hafen"),
        ("fr", "Les ports étaient fermés.", "fermée"),
        ("es", "Los puertos cerraron.", "puerto"),
        ("it", "I porti erano chiusi.", "porto"),
        ("ru", "Порты закрыты.", "порта"),
        ("ar", "الموانئ مغلقة", "مغلق"),
        ("he", "הנמל נסגר", "הנמל"),
        ("zh", "图书馆藏书六万册。馆长是周洁。", "馆长是谁？"),
        ("ja", "図書館の館長は鈴木です。", "館長"),
    ],
)
def test_a_word_is_found_in_another_form_of_its_language(
    tmp_path: Path, language: str, said: str, asked: str
) -> None:
    with new_library(tmp_path / "library") as library:
        add(library, make_document("other", "The weather was fine."))
        add(library, replace(make_document("one", said), language=language))
        assert texts(library, library.lexical(asked, 5)) == [said]


def _chosen(library: Library, question: str) -> list[int]:
    found = library.select(Filter(), question)
    assert found is not None
    return [int(chunk) for chunk in found]


def test_a_phrase_is_found_as_it_stands(tmp_path: Path) -> None:
    with new_library(tmp_path / "library") as library:
        add(library, replace(make_document("one", "Die alten Häfen."), language="de"))
        add(library, replace(make_document("two", "馆长是周洁。"), language="zh"))
        assert _chosen(library, "“alten Häfen”") == [1]
        assert _chosen(library, "“长是周”") == [2]
        assert _chosen(library, "“周是长”") == []


def test_english_is_indexed_as_it_stands() -> None:
    assert indexed(PROSE["en"], "en") == PROSE["en"]
    assert indexed(PROSE["en"], "") == PROSE["en"]


def test_unspaced_letters_are_looked_up_two_by_two() -> None:
    assert runs_of("馆长是A4") == ["馆 长", "长 是", "A4"]


def test_words_that_say_nothing_are_known_for_each_language() -> None:
    assert {"der", "und"} <= stop_words("de")
    assert stop_words("xx") == frozenset()
