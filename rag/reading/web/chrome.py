"""An element of a page -> whether it is text of the page or belongs to its frame (pure)."""

import re
from typing import TYPE_CHECKING

from rag.reading.xml import tag, text_of

if TYPE_CHECKING:
    from lxml.etree import _Element

HEADING_TAGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_CHROME_ROLES = frozenset(
    "alertdialog banner complementary contentinfo dialog menu menubar navigation search toolbar"
    " tablist".split()
)
_CHROME = re.compile(
    r"(?i)(?:site|page|main|top|global)?[-_]?(?:cookies?|consent|gdpr|breadcrumbs?|nav|navbar|"
    r"navigation|menu|sidebar|shar(?:e|ing)|"
    r"social|newsletter|skip|pagination)(?:[-_]?(?:bar|banner|box|buttons?|consent|container|"
    r"icons?|links?|list|menu|modal|nav|"
    r"notice|overlay|popup|signup|tools|widget|wrapper))?"
)
_TEASER = re.compile(
    r"(?i)(?:.*[-_ ])?(?:related|teasers?|promo\w*|recommend\w*|more|popular|newsletter|subscribe|"
    r"signup|ads?|advert\w*|sponsor\w*|trending|comments?|share|social|sidebar)(?:[-_ ].*)?"
)
_CONTROLS = ("button", "input", "form", "select")
_NAMES = ("aria-controls", "data-target", "data-bs-target", "href")
_LEAST_PROSE = 8  # words of a paragraph that is no list of links
_MOST_LINKED = 0.3  # the share of its letters that stand in links
_LEAST_BOX = 5  # words of a box of facts
_NEAR = 4  # elements above a button that may make it a heading


def is_chrome(element: "_Element") -> bool:
    """Return whether an element is navigation or the like, by its role, class or id.

    A section of a report may be called "Consent" or "Sharing" too: one that holds a heading and
    prose, and nothing to click on, is text whatever its class and id say.
    """
    if element.get("role") in _CHROME_ROLES:
        return True
    names = (*(element.get("class") or "").split(), element.get("id") or "")
    if not any(_CHROME.fullmatch(name) for name in names):
        return False
    inside = {tag(below) for below in element.iterdescendants()}
    is_text = not inside.isdisjoint(HEADING_TAGS) and inside.isdisjoint(_CONTROLS)
    return not (is_text and holds_prose(element))


def holds_prose(element: "_Element") -> bool:
    """Return whether a paragraph in the element is longer than a label and mostly no link."""
    return any(
        len(text_of(below).split()) >= _LEAST_PROSE and _linked(below) < _MOST_LINKED
        for below in element.iterdescendants("{*}p", "p", "{*}li", "li", "{*}td", "td")
    )


def is_fact_box(aside: "_Element") -> bool:
    """Return whether an `<aside>` holds facts about the page's subject.

    That is text in an article that is neither mostly links nor a teaser, and asks for nothing.
    """
    if not any(tag(above) in ("main", "article") for above in aside.iterancestors()):
        return False
    names = (*(aside.get("class") or "").split(), aside.get("id") or "")
    inside = {tag(below) for below in aside.iterdescendants()}
    return (
        not any(_TEASER.fullmatch(name) or _CHROME.fullmatch(name) for name in names)
        and inside.isdisjoint((*_CONTROLS, "nav"))
        and len(text_of(aside).split()) >= _LEAST_BOX
        and _linked(aside) < _MOST_LINKED
    )


def is_heading_button(button: "_Element") -> bool:
    """Return whether a button is a heading that opens what stands below it, or that of a column."""
    near = [above for above, _ in zip(button.iterancestors(), range(_NEAR), strict=False)]
    return any(tag(above) in (*HEADING_TAGS, "summary", "th", "dt") for above in near) or any(
        tag(below) in HEADING_TAGS for below in button.iterdescendants()
    )


def controlled_ids(root: "_Element") -> frozenset[str]:
    """Return the ids of what a click on a button, a tab or a summary shows."""
    found: set[str] = set()
    for element in root.iter():
        if tag(element) == "button" or element.get("role") in ("tab", "button"):
            for name in _NAMES:
                found.update((element.get(name) or "").replace("#", " ").split())
    return frozenset(found)


def _linked(element: "_Element") -> float:
    """Return the share of an element's letters that stand in links."""
    letters = len("".join(text_of(element).split()))
    links = element.iterdescendants("{*}a", "a")
    return sum(len("".join(text_of(link).split())) for link in links) / max(1, letters)
