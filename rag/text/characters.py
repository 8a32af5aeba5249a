"""Text without the characters that no reader sees, or that a terminal obeys. Pure."""

import html
import re
from unicodedata import category

# What no reader sees: zero-width and bidi characters, soft hyphens, tags, and controls other than
# tab and newline.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SURROGATES = re.compile("[\ud800-\udfff]+")
# A character reference that means no character and, beyond 4,300 digits, no number that Python
# reads.
_NO_CHARACTER = re.compile(r"&#\d{8,}")
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def visible(text: str) -> str:
    """Return the text with line ends as "\\n" and without characters that no reader sees.

    Surrogates, which cannot be encoded, become the character that a pair of them stands for, or
    "\ufffd" where one stands alone.
    """
    if text.isascii() and text.isprintable():  # as most words are
        return text
    text = _SURROGATES.sub(_paired, text)
    return _INVISIBLE.sub("", _LINE_END.sub("\n", text))


def _paired(surrogates: re.Match[str]) -> str:
    units = surrogates[0].encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "replace")


def unescape_html(text: str) -> str:
    """Return the text with the character references of HTML ("&amp;", "&#233;") resolved."""
    return html.unescape(_NO_CHARACTER.sub("&#0", text))


def printable(text: str) -> str:
    """Return the text without control characters and without what cannot be encoded.

    A document must not steer the terminal.
    """
    return "".join(c for c in text if c == "\n" or category(c) not in ("Cc", "Cf", "Cs"))
