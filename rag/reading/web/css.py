"""What the styles of a page hide from its readers or strike out (pure)."""

import re
from collections.abc import Callable

LARGEST_STYLE = 200_000  # characters of style sheets that are searched for what hides text

_HIDING = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|(?:left|top|right|bottom|text-indent|"
    r"margin-left|margin-top):-\d{3,}|"
    r"clip:rect\((?:0|1px)|clip-path:inset\((?:50|100)%|transform:scale\(0\)|color:transparent|"
    r"max-height:0(?:px)?(?:;|!|$))"
)
_STRIKING = re.compile(r"(?:^|;)text-decoration(?:-line)?:[^;]{0,60}line-through")
_FONT_SIZE = re.compile(r"(?:^|;)(font-size|opacity):(\d*\.?\d+)(px|pt|em|rem|%)?")
_SMALLEST = {"px": 1.0, "pt": 1.0, "em": 0.1, "rem": 0.1, "%": 10.0, "": 0.1}
_COLOR = re.compile(
    r"(?:^|;)(background-color|background|color):(#[0-9a-f]{3,8}|rgba?\([\d.,%]+\)|[a-z]+)"
)
_COLORS = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
}
_RULE = re.compile(r"(?<![^{}])([^{}]++)\{([^{}]*+)\}")
_LONGEST_SELECTORS = 500  # characters
_SELECTOR = re.compile(r"(?:[a-z][a-z0-9]*)?[.#][\w-]+")
_AT_RULE = re.compile(r"@[^@{};]*+\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}")

Color = tuple[int, int, int]


def selectors_that(does: Callable[[str], bool], sheet: str) -> set[str]:
    """Return the selectors of a style sheet whose declarations pass a test such as `hides`.

    Only plain ones: ".note", "#banner", "p.note".
    """
    return {
        selector.strip()
        for selectors, style in _RULE.findall(_AT_RULE.sub("", sheet[:LARGEST_STYLE]))
        if does(plain_style(style))
        for selector in selectors[-_LONGEST_SELECTORS:].split(",")
        if _SELECTOR.fullmatch(selector.strip())
    }


def plain_style(style: str) -> str:
    """Return declarations in lower case, without white space and comments."""
    return re.sub(r"(?s)\s+|/\*.*?(?:\*/|\Z)|!important", "", style).lower()


def hides(style: str) -> bool:
    """Return whether declarations make text invisible by themselves.

    They are in the form of `plain_style`.
    """
    if _HIDING.search(style):
        return True
    return any(
        float(value) < (_SMALLEST[unit] if name == "font-size" else 0.05)
        for name, value, unit in _FONT_SIZE.findall(style)
    )


def strikes(style: str) -> bool:
    """Return whether declarations, in the form of `plain_style`, strike text out."""
    return bool(_STRIKING.search(style))


def colors(style: str, text: str, ground: str) -> tuple[Color | None, Color | None]:
    """Return the colours of text and ground that declarations, or else attributes, state.

    None if they state none that is known.
    """
    stated: dict[str, str] = dict(_COLOR.findall(style))
    ground = stated.get("background-color") or stated.get("background") or ground
    return _color(stated.get("color") or text), _color(ground)


def same_color(text: Color, ground: Color) -> bool:
    """Return whether text in this colour cannot be read on that background."""
    return max(abs(one - other) for one, other in zip(text, ground, strict=True)) < 16


def _color(value: str) -> Color | None:
    if value in _COLORS:
        return _COLORS[value]
    if re.fullmatch(r"#[0-9a-f]{3,4}", value):
        value = "#" + "".join(2 * digit for digit in value[1:4])
    if re.fullmatch(r"#[0-9a-f]{6}(?:[0-9a-f]{2})?", value):
        return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
    parts = (
        [int(min(float(part), 255.0)) for part in re.findall(r"\d+(?:\.\d+)?", value)]
        if value.startswith("rgb")
        else []
    )
    return (parts[0], parts[1], parts[2]) if len(parts) >= 3 else None
