"""A text -> its language, and the forms under which its words are indexed and looked up.

English stays as it is: the word index has a stemmer for it.
[py3langid, snowballstemmer, stopwordsiso]
"""

import re
from collections.abc import Callable, Collection
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
# The languages that can be recognised, with the names of their stemmers, "" for those without one.
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian",
    "fi": "finnish", "fr": "french", "he": "", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "ja": "", "ko": "", "lt": "lithuanian",
    "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "th": "", "tr": "turkish", "uk": "", "zh": "",
}  # fmt: skip
_SAMPLE = 4000  # characters by which the language is recognised
_LEAST_LETTERS = 40  # a shorter text in letters of many languages could be in any of them
_LEAST_CERTAIN = 0.9
# Of English prose a quarter to a half are these words; of other languages a tenth at most.
_ENGLISH_WORDS = frozenset(
    "the of and to in a is that for it with as was on be at by this had not are but from or have "
    "an they which were their has been will its".split()
)
_LEAST_ENGLISH = 0.2
_LETTERS = re.compile(r"[^\W\d_]+")
# Letters that are written without spaces between words: each is indexed by itself, and two that
# follow each other are looked up as a phrase.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED_LETTER = re.compile(f"([{_UNSPACED}])")
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_LONGEST_WORD = 100  # letters; what is longer is none, and stemmers take the square of its length
_LOCK = Lock()  # a stemmer keeps the word it works on


def base_language(tag: str) -> str:
    """Return the first part of a language tag, "de" of "de-CH"; Norwegian by its usual name."""
    base = re.split("[-_]", tag.strip().lower())[0]
    return {"nb": "no", "nn": "no", "iw": "he"}.get(base, base)


def language_of(text: str, stated: str = "") -> str:
    """Return the language tag of a text: the stated one unless the words are plainly of another.

    "" if none is stated and the words are too few. Many a file states the language of
    the program that wrote it.
    """
    sample = text[:_SAMPLE]
    words = [word.lower() for word in _LETTERS.findall(sample)]
    letters = sum(map(len, words)) + 3 * len(_UNSPACED_LETTER.findall(sample))
    if letters < _LEAST_LETTERS:
        return stated
    if sum(word in _ENGLISH_WORDS for word in words) >= _LEAST_ENGLISH * len(words):
        found = ENGLISH
    else:
        found, chance = _identifier().classify(sample)
        if chance < _LEAST_CERTAIN:
            return stated
    return stated if base_language(stated) == found else found


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([language for language in STEMMERS if language != "no"])
    return identifier


def indexed(text: str, language: str) -> str:
    """Return a text as the word index takes it in: words as stems, unspaced letters apart."""
    base = base_language(language)
    if base != ENGLISH and STEMMERS.get(base):
        text = _LETTERS.sub(lambda found: stem_in(found[0], base), text)
    return _UNSPACED_LETTER.sub(r" \1 ", text)


def forms_of(word: str, languages: Collection[str]) -> list[str]:
    """Return the forms under which a word of a question stands in the word index.

    `languages` are those of the documents in it.
    """
    forms = [word, *(stem_in(word, language) for language in languages)]
    return list(dict.fromkeys(forms))


def runs_of(word: str) -> list[str]:
    """Return what is looked up for a word: itself, or each two of its unspaced letters, "馆 长"."""
    found: list[str] = []
    for run in _UNSPACED_RUN.findall(word):
        if not _UNSPACED_LETTER.match(run) or len(run) == 1:
            found.append(run)
        else:
            found += [f"{one} {two}" for one, two in pairwise(run)]
    return found


def spaced(text: str) -> str:
    """Return the text with spaces around letters that are written without them."""
    return " ".join(_UNSPACED_LETTER.sub(r" \1 ", text).split())


@cache
def stop_words(language: str) -> frozenset[str]:
    """Return the words of a language that say nothing by themselves; none for one not known."""
    import stopwordsiso

    known = language in STEMMERS and stopwordsiso.has_lang(language)
    return frozenset(stopwordsiso.stopwords(language)) if known else frozenset()


@cache
def _stemmer_of(language: str) -> Callable[[str], str] | None:
    name = STEMMERS.get(language, "")
    if not name:
        return None
    import snowballstemmer

    stem_word: Callable[[str], str] = snowballstemmer.stemmer(name).stemWord
    return stem_word


@lru_cache(1 << 16)
def stem_in(word: str, language: str) -> str:
    """Return the stem of a word in a language; the word itself where that has no stemmer."""
    stemmer = _stemmer_of(language)
    if stemmer is None or len(word) > _LONGEST_WORD:
        return word
    with _LOCK:
        return stemmer(word.lower())
