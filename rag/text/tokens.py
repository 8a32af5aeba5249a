"""A text -> its words, in forms that compare."""

import re
import unicodedata
from functools import lru_cache

from rag.text.languages import ENGLISH, stem_in

_WORD = re.compile(r"[^\W_]+(?:[.,:'’-][^\W_]+)*")

NEGATIONS = frozenset(
    "no not never none nor neither nobody nothing without cannot can't couldn't don't doesn't "
    "didn't isn't aren't wasn't weren't "
    "won't wouldn't shouldn't mustn't mightn't needn't hasn't haven't hadn't".split()
)
_COMMON = frozenset(
    "a about an and any are as at be been by can could did do does for from had has have how i if "
    "in into is it its me of on or said says should so than that the their them then there these "
    "they this those to was we were what when where which while who whom whose why will with would "
    "you your".split()
)
# Words that nearly every question holds, with what contractions leave: they say nothing about a
# passage and cost the most to rank.
STOP_WORDS = _COMMON | frozenset("d ll m re s say t tell ve".split())
# Words that only bind others.
FUNCTION_WORDS = (
    NEGATIONS
    | _COMMON
    | frozenset(
        "above according after again all also because before being below between both but doing "
        "down during each few further having he her here hers him his just may might more most "
        "must my off once only other our out over own same shall she some stated such through "
        "told too under until up upon very".split()
    )
)
_SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty".split()
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS_OF = {word: 10 * n for n, word in enumerate(_TENS, 2)}
_NUMBER_WORDS = {
    **{word: str(n) for n, word in enumerate(_SMALL_NUMBERS)},
    **{word: str(n) for word, n in _TENS_OF.items()},
    **{
        f"{ten}-{one}": str(n + i)
        for ten, n in _TENS_OF.items()
        for i, one in enumerate(_SMALL_NUMBERS[1:10], 1)
    },
}
_ORDINALS = {
    word: f"{n}th"
    for n, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth "
        "sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        1,
    )
}
MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)
MONTH_NUMBERS = {form: n for n, name in enumerate(MONTHS, 1) for form in (name, name[:3])} | {
    "Sept": 9
}
MAGNITUDES = frozenset("dozen hundred thousand million billion trillion".split())
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_DOTTED_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")  # "U.S"
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")


def words_of(text: str) -> list[str]:
    """Return the words of a text as they stand; "3.5", "Al-Jazeera" and "Xi's" are words."""
    return [word.replace("’", "'") for word in _WORD.findall(text)]


def folded(text: str) -> str:
    """Return the text without capitals and the marks of letters, for comparisons."""
    # Letter by letter: NFKD puts the marks behind a letter in order, which takes the square of
    # their number.
    return (text if text.isascii() else "".join(map(_without_marks, text))).casefold()


@lru_cache(1 << 12)
def _without_marks(character: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)
    )


def is_number(word: str) -> bool:
    """Return whether the word is a number, in digits or spelled out."""
    return (
        any(c.isdigit() for c in word)
        or word.lower() in _NUMBER_WORDS
        or word.lower().removesuffix("s") in MAGNITUDES
    )


def number_of(word: str) -> str:
    """Return a number in the one form for all its forms.

    "21" for "twenty-one", "1000" for "1,000", "3th" for "third" and "3rd", "million" for
    "millions"; any other word in small letters.
    """
    word = word.lower().removesuffix("'s").strip("'")
    if word in _NUMBER_WORDS or word in _ORDINALS:
        return _NUMBER_WORDS.get(word) or _ORDINALS[word]
    if word.removesuffix("s") in MAGNITUDES:
        return word.removesuffix("s")
    ordinal = _ORDINAL.fullmatch(word)
    return f"{ordinal[1]}th" if ordinal else _THOUSANDS.sub("", word)


def content_of_document(text: str) -> frozenset[str]:
    """Return what `content_of` does, without keeping the text: for one as long as a document."""
    return frozenset(stem(word) for word in words_of(text) if word.lower() not in FUNCTION_WORDS)


@lru_cache(1 << 12)
def content_of(text: str) -> frozenset[str]:
    """Return the stems of a text's words, those left out that only bind others."""
    return content_of_document(text)


@lru_cache(1 << 16)
def stem(word: str) -> str:
    """Return one form for the forms of a word.

    "Trades'" and "trade", "1,000" and "1000", "three" and "3", "U.S" and "US".
    """
    word = word.lower().removesuffix("'s").strip("'")
    if word in _NUMBER_WORDS or any(c.isdigit() for c in word):
        return number_of(word)
    if _DOTTED_INITIALS.fullmatch(word):
        word = word.replace(".", "")
    return stem_in(word, ENGLISH)


@lru_cache(1 << 12)
def inflections(word: str) -> frozenset[str]:
    """Return the forms that the English base form `word` takes; none if it is not known as one.

    "get" takes "get", "gets", "got", "gotten" and "getting".
    """
    from lemminflect import getAllInflections

    return frozenset(form for forms in getAllInflections(word.lower()).values() for form in forms)
