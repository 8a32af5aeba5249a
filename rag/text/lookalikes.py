"""Words of a source that could pass for ours: a footnote's marker, a verdict, a role. Pure.

A report that holds "[1]", "VERIFIED ANSWER:" or "Assistant:" may say so in its own name, in
quotation marks; it must not look as if this program said it.
"""

import re

# Brackets of other scripts and of mathematics that are read as square ones.
_OPENING, _CLOSING = r"\[［【〔〚⟦❲﹝", r"\]］】〕〛⟧❳﹞"
_LOOKALIKE_MARKER = re.compile(
    rf"[{_OPENING}]\s{{0,3}}(\^?\d{{1,3}}(?:[a-z]|\s?[^\w\s{_OPENING}{_CLOSING}]"
    rf"[^{_OPENING}{_CLOSING}]{{0,20}})?)\s{{0,3}}[{_CLOSING}]"
)
# Raised digits behind a punctuation mark are no exponents.
_RAISED = re.compile(r"(?<=[.,;:!?”\"’»)])[⁰¹²³⁴-⁹]{1,3}(?![\w⁺⁻])")
_DECORATION = r"[\s\"“”'‘’(<>*#_|~`\[\]{}–—-]{0,20}"
_LABEL = re.compile(
    rf"(?i){_DECORATION}"
    r"(?:assistant|system|user|human|ai|bot|model|chat-?gpt|gpt-?\d?|claude|gemini|"
    r"q|a|question|(?:final |verified |correct |official |confirmed )?answer|verdict|note to the "
    r"(?:reader|assistant|model))(?:['’]s)?(?: (?:note|message|prompt|answer|reply|response|output|"
    rf"override))?{_DECORATION}[:：=>»]"
)
_LOOKALIKE_VERDICT = re.compile(
    r"\b(?:VERIFIED|SUPPORTED|UNSUPPORTED|CONFIRMED|FACT[- ]CHECKED|PROVEN)\b|[✓✔☑✅❌✗✘⚠]|"
    r"(?i:\b(?:verified|confirmed|checked) (?:answer|fact|against (?:all |the )?(?:source|report))|"
    r"\b(?:verdict|confidence|fact[- ]check)\s?[:=]|"
    r"[(\[](?:un|partly |not )?(?:supported|verified)[)\]])"
)


def poses(text: str) -> bool:
    """Return whether a text looks as if it carried a verdict or a role, in front or within."""
    return bool(_LABEL.match(text) or _LOOKALIKE_VERDICT.search(text))


def with_markers_in_parentheses(text: str) -> str:
    """Return the text with what looks like a footnote's marker put into parentheses.

    Raised digits that look like one are left out.
    """
    return _RAISED.sub("", _LOOKALIKE_MARKER.sub(r"(\1)", text))


def without_lookalikes(text: str) -> str:
    """Return the text without what looks like a footnote's marker."""
    return _RAISED.sub("", _LOOKALIKE_MARKER.sub("", text))


def as_label(text: str) -> str:
    """Return a title, a heading or a name on one line, so that it cannot look like our words.

    One that poses stands in quotation marks.
    """
    plain = with_markers_in_parentheses(" ".join(text.split()))
    return f"“{plain}”" if poses(plain) else plain
