"""The names of months in many languages.   [babel]"""

import re
from functools import cache

# babel has their names from CLDR. Two of them agree on the number of a month wherever they share
# its name.
_LANGUAGES = "en de fr es it pt nl ru uk ar he pl sv da nb".split()
_SHORTENED = ("en", "de", "fr")  # whose shortened names are written in dates
_LETTER = re.compile(r"[^\W\d_]")


@cache
def month_numbers() -> dict[str, int]:
    """Return the numbers of the months, from 1, by all their names in small letters.

    The first call takes a quarter of a second.
    """
    from babel.dates import get_month_names

    forms: dict[str, int] = {"sept": 9}
    for language in _LANGUAGES:
        names = [
            get_month_names("wide", "format", language),
            get_month_names("wide", "stand-alone", language),
        ]
        if language in _SHORTENED:
            names.append(get_month_names("abbreviated", "format", language))
        for number, name in (item for named in names for item in named.items()):
            if _LETTER.search(name):
                forms.setdefault(name.lower().rstrip("."), number)
    return forms
