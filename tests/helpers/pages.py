"""Pages as a parser sees them, and hostile words to put on one."""

from html.parser import HTMLParser

TAGS = set(
    "section article header nav div p h2 h3 h4 h5 h6 span sup button mark ol ul li blockquote"
    " details summary pre a table thead tr th td del figure figcaption img label input"
    " output strong time".split()
)


ATTRIBUTES = set(
    "class type role aria-label value hidden href id title lang data-document data-start data-end "
    "data-marker data-markers "
    "data-note data-note-text data-number data-speaker data-back data-copy data-example data-turn "
    "data-do data-library data-head data-struck scope colspan tabindex aria-hidden "
    "data-conversation data-turn data-edit data-outline data-section data-cite data-within "
    "data-found data-wide aria-pressed aria-live placeholder autocomplete spellcheck data-page "
    "data-pages data-of data-leaf data-leaf-to data-zoom min max src alt style datetime".split()
)


class Page(HTMLParser):
    """The elements of a piece of HTML.

    Every tag with its attributes, and every text with the elements it stands in.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, list[tuple[str, dict[str, str]]]]] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"elements that are not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in ("img", "input"):  # they hold nothing, and are not closed
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((data, list(self._open)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment came through: {data}")

    def text(self, tag: str = "", **attributes: str) -> str:
        """The text within the elements of the tag whose attributes hold the words given,
        data_markers="1".
        """

        def fits(element: tuple[str, dict[str, str]]) -> bool:
            names = {
                name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()
            }
            return element[0] == (tag or element[0]) and all(
                v in element[1].get(n, "").split() for n, v in names.items()
            )

        return "".join(text for text, inside in self.texts if any(map(fits, inside)))

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


HOSTILE = [
    "<script>window.poisoned = 1</script>",
    "<img src=x onerror=window.poisoned=1>",
    '" onmouseover="window.poisoned=1" x="',
    "' autofocus onfocus='window.poisoned=1",
    "</div></article><style>*{display:none}</style>",
    "[a](javascript:window.poisoned=1) javascript:window.poisoned=1",
    "![x](http://elsewhere.example/x.png)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "&lt;script&gt; &amp; <!-- <svg/onload=window.poisoned=1>",
    "${window.poisoned=1} {{window.poisoned=1}} `",
]
