"""A question and a filter -> what the library looks up. Pure."""

import datetime
import re
from collections.abc import Collection, Iterable, Sequence

from rag.errors import UsageError
from rag.text.languages import forms_of, runs_of, spaced, stop_words
from rag.text.tokens import STOP_WORDS, folded

_TERM = re.compile(r"\w+")
# A quotation mark opens before a word and closes after one, so that the inches in 5" pipes ask for
# nothing.
_PHRASE = re.compile(r"""(?:(?<!\w)["“”„«]|「)(?=\S)([^"“”„«»「」]+)(?<=\S)(?:["“”»](?!\w)|」)""")
_PHRASE_MARKS = re.compile('["“”„«»「」]')
_DATE_FORM = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


Term = tuple[str, ...]  # the forms of a word or phrase, any of which is looked up


def unbound(text: str) -> str:
    """Return the text without quotation marks.

    Between these a search takes words for a phrase that every hit must hold.
    """
    return _PHRASE_MARKS.sub(" ", text)


def phrases_of(question: str, languages: Collection[str] = ()) -> list[Term]:
    """Return what the question puts between quotation marks, each as a term.

    `languages` are those of the documents.
    """
    return [
        _term([" ".join(forms) for forms in _aligned(words, languages)])
        for phrase in _PHRASE.findall(question)
        if (words := _TERM.findall(phrase))
    ]


def weighted_terms(
    question: str, earlier: str = "", languages: Collection[str] = ()
) -> dict[Term, int]:
    """Return the words and phrases of the question as terms, with weights.

    Those of what was asked before it are among them. `languages` are those of the documents.
    """
    terms = [*phrases_of(question, languages), *_terms(question, languages)]
    before = _terms(earlier, languages)
    weights = dict.fromkeys(
        terms, 2 if before else 1
    )  # the question counts twice what was asked before it
    for term in before:
        weights[term] = weights.get(term, 0) + 1
    return weights


def term_of(word: str, languages: Collection[str] = ()) -> Term:
    """Return a word as a term, in all forms it has in the word index."""
    return _term([spaced(form) for form in forms_of(word.replace('"', ""), languages)])


def _term(forms: Iterable[str]) -> Term:
    return tuple(dict.fromkeys(forms))


def _aligned(words: Sequence[str], languages: Collection[str]) -> list[list[str]]:
    """Return the words as they stand, and as the index of each language has them."""
    shown = [[spaced(word) for word in words]]
    return shown + [[spaced(forms_of(w, [one])[-1]) for w in words] for one in languages]


def _terms(text: str, languages: Collection[str]) -> list[Term]:
    words = list(dict.fromkeys(word.lower() for word in _TERM.findall(text)))
    silent = STOP_WORDS.union(*map(stop_words, _languages_in(text, languages)))
    searched = [word for word in words if word not in silent] or words
    return list(
        dict.fromkeys(term_of(run, languages) for word in searched for run in runs_of(word))
    )


def _languages_in(text: str, languages: Collection[str]) -> list[str]:
    """Return the languages whose common words the text holds more of than of English ones.

    "die" says nothing in German, and much in English.
    """
    words = [word.lower() for word in _TERM.findall(text)]
    english = sum(word in STOP_WORDS for word in words)
    return [
        language
        for language in languages
        if sum(word in stop_words(language) for word in words) > english
    ]


def is_within(date: str, after: str, before: str) -> bool:
    """Return whether the date lies between two others, themselves included.

    As far as both state it; "" leaves an end open.

    "2023-03-14" and "2023" are neither before nor after "2023-03"; a date that is not stated lies
    nowhere. Raises UsageError for an end that is no date.
    """
    for end in (after, before):
        if end and not _is_date(end):
            raise UsageError(f"{end!r} is not a date; write it as 2023, 2023-03 or 2023-03-14.")
    if not date:
        return not (after or before)
    return date[: len(after)] >= after[: len(date)] and (
        not before or date[: len(before)] <= before[: len(date)]
    )


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text + "0000-01-01"[len(text) :])
    except ValueError:
        return False
    return bool(_DATE_FORM.fullmatch(text))


def names_it(text: str, wanted: str) -> bool:
    """Return whether every word of `wanted` is a word of `text`.

    Capitals and the marks of letters make no difference.
    """
    words = name_words(wanted)
    return bool(words) and words <= name_words(text)


def name_words(text: str) -> set[str]:
    """Return the words of a name, without capitals and the marks of letters."""
    return set(_TERM.findall(folded(text)))
