"""What stands around numbers in other languages than English, in the English form. Pure."""

import re

from rag.text.months import month_numbers
from rag.text.tokens import MAGNITUDES, MONTHS

# A text with one of these words is English, and none of what is below is looked up for it.
_ENGLISH_ONLY = frozenset("the and that with from by than has have for".split())
PERCENT_ELSEWHERE = frozenset(
    "prozent procent prosent pourcent процент процента процентов відсотків אחוז אחוזים".split()
)
_TWO_WORDS = re.compile(r"(?i)\b(?:pour|por|per)\s+(?:cent|ciento|cento)\b")
# "Billion" is a million millions in most languages, but not in all, so it is left out.
_MAGNITUDES = {
    name: english
    for english, names in {
        "hundred": "hundert cent cento honderd hundra сто",
        "thousand": "tausend mille mil mila duizend tusen tusind tysiąc tysięcy tys тысяча тысячи "
        "тысяч тыс тисяч",
        "million": "millionen mio millón millones milione milioni milhão milhões miljoen miljon "
        "miljoner millioner milion miliony milionów mln миллион миллиона миллионов млн мільйон "
        "мільйонів",
        "billion": "milliarde milliarden mrd milliard milliards miliardo miliardi miljard "
        "miljarder milliarder miliard miliardy miliardów mld миллиард миллиарда миллиардов млрд "
        "мільярд мільярдів",
    }.items()
    for name in names.split()
}
_DAY_IN_FRENCH = re.compile(r"\b1er\b|\b(\d{1,2})[ºª]")
_CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_CHINESE_YEAR = re.compile("[〇零一二三四五六七八九]{4}(?=年)")
_CHINESE_DATE = re.compile(
    r"(?:(\d{4})\s*[年년]\s*)?(\d{1,2})\s*[月월]\s*(?:(\d{1,2})\s*[日日일])?"
)
_CHINESE_COUNT = re.compile(r"(\d[\d.,]*)\s*([万萬만亿億억])")
# "4.120,50" and "12,5"; "4,120" is English, and "4.120" could be either.
_DECIMAL_COMMA = re.compile(r"(\d{1,3}(?:\.\d{3})+|\d+),(\d{1,2}|\d{4,})")
_DOTTED_COMMA = re.compile(r"(\d{1,3}(?:\.\d{3})+),(\d+)")
_DOTTED_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")


def with_english_dates(text: str) -> str:
    """Return the text with the dates and counts of Chinese, Japanese and Korean as "9 March 2024",
    "60000" and "400 million", and with percent in one word.
    """
    text = _TWO_WORDS.sub("percent", text)
    text = _DAY_IN_FRENCH.sub(lambda found: found[1] or "1", text)
    if text.isascii():
        return text
    text = _CHINESE_YEAR.sub(lambda found: found[0].translate(_CHINESE_DIGITS), text)
    text = _CHINESE_COUNT.sub(_counted_in_english, text)
    text = _CHINESE_DATE.sub(_date_in_english, text)
    return re.sub(r"(\d{4})\s*[年년]", r" \1 ", text)


def _date_in_english(found: re.Match[str]) -> str:
    year, month, day = found.groups()
    if not 1 <= int(month) <= len(MONTHS):
        return found[0]
    return f" {day or ''} {MONTHS[int(month) - 1]} {year or ''} "


def _counted_in_english(found: re.Match[str]) -> str:
    digits = found[1].rstrip(".,")
    try:
        number = float(digits.replace(",", ""))
    except ValueError:
        return found[0]
    if found[2] in "万萬만":
        return f"{number * 10_000:.0f} "
    return f"{number * 100:.10g} million "


def in_english_digits(number: str) -> str:
    """Return a number with a decimal comma or dots between thousands as English writes it."""
    if found := _DECIMAL_COMMA.fullmatch(number) or _DOTTED_COMMA.fullmatch(number):
        return f"{found[1].replace('.', '')}.{found[2]}"
    return number.replace(".", "") if _DOTTED_THOUSANDS.fullmatch(number) else number


def is_english(tokens: list[str]) -> bool:
    """Return whether a text has a word that only English has."""
    return not _ENGLISH_ONLY.isdisjoint(map(str.lower, tokens))


def magnitude_elsewhere(token: str) -> str:
    """Return the English name of a magnitude of another language, "" for any other word."""
    return _MAGNITUDES.get(token.lower(), "")


def month_elsewhere(token: str) -> int:
    """Return the number of a month by its name in another language than English; 0 for no month."""
    if len(token) < 3 or token.lower() in MAGNITUDES or any(map(str.isdigit, token)):
        return 0
    return month_numbers().get(token.lower(), 0)
