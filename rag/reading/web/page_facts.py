"""What a web page states of itself: its `<title>`, `<meta>` and JSON-LD."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.reading.facts import first_value, stated_facts
from rag.reading.xml import tag, text_of
from rag.types import Fact

if TYPE_CHECKING:
    from lxml.etree import _Element

# What JSON-LD calls the page itself; other objects of a page are crumbs, companies, pictures.
_WORKS = (
    "article newsarticle report scholarlyarticle techarticle blogposting opinionnewsarticle "
    "reportagenewsarticle analysisnewsarticle webpage creativework book dataset legislation "
    "publicationissue thesis faqpage medicalwebpage"
).split()
_MAX_JSON = 500_000  # characters of one script
_SEPARATORS = (" | ", " - ", " – ", " — ", " :: ", " » ")


class PageFacts(NamedTuple):
    """The facts of a page, the title without the name of its site, and its language."""

    facts: list[Fact]
    title: str
    date: str
    language: str


def page_facts(root: "_Element") -> PageFacts:
    """Return what the page under `root` states of itself."""
    metas: list[tuple[str, str]] = []
    structured: list[tuple[str, Any]] = []
    title = ""
    for element in root.iter():
        name = tag(element)
        if name == "meta":
            called = element.get("property") or element.get("name") or element.get("http-equiv")
            metas.append(((called or "").lower(), (element.get("content") or "").strip()))
        elif name == "title" and not title:
            title = " ".join(text_of(element).split())
        elif name == "script" and "ld+json" in (element.get("type") or "").lower():
            structured += _of_json(element.text or "")
    stated = [*stated_facts(structured, "JSON-LD"), *stated_facts(metas, "<meta>")]
    sites = [value for key, value in metas if key in ("og:site_name", "application-name") and value]
    sites += [fact.value for fact in stated if fact.name == "publisher"]
    named = first_value(stated_facts(metas, ""), "title") or _without_site(title, sites)
    facts = list({(fact.name, fact.value): fact for fact in reversed(stated)}.values())[::-1]
    language = next((value for key, value in metas if key == "content-language"), "")
    return PageFacts(facts, _without_site(named, sites), first_value(facts, "date"), language)


def _of_json(source: str) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of the works that a script of JSON-LD describes."""
    try:
        data = json.loads(source[:_MAX_JSON])
    except (ValueError, RecursionError):
        return
    waiting = [data]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, list):
            waiting += thing[::-1]
        elif isinstance(thing, dict):
            waiting += [thing[key] for key in ("mainEntity", "@graph") if key in thing]
            kinds = thing.get("@type")
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if any(str(kind).lower() in _WORKS for kind in kinds):
                yield from ((str(key), value) for key, value in thing.items())


def _without_site(title: str, sites: list[str]) -> str:
    """Return the title without the name of its site at either end."""
    for separator in _SEPARATORS:
        parts = title.split(separator)
        if len(parts) > 1 and any(parts[-1].casefold() == site.casefold() for site in sites):
            return separator.join(parts[:-1]).strip() or title
        if len(parts) > 1 and any(parts[0].casefold() == site.casefold() for site in sites):
            return separator.join(parts[1:]).strip() or title
    return title.partition(" | ")[0].strip() or title
