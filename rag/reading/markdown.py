"""A Markdown file's source -> the text that a reader of the rendered page sees, block by block.
[markdown-it-py, PyYAML]
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.reading.blocks import Block, Content, struck_out
from rag.reading.facts import first_value, front_matter
from rag.reading.tables import Cell, table_blocks
from rag.text.characters import unescape_html

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(
    r"(?s)\A\s*(?:---[ \t]*\n(?P<yaml>.*?)\n(?:---|\.\.\.)|\+\+\+[ \t]*\n(?P<toml>.*?)\n\+\+\+)"
    r"[ \t]*(?:\n|\Z)"
)
_HTML = re.compile(
    r"(?is)<!--.*?(?:-->|\Z)|<(script|style|template)\b.*?(?:</\1\s*>|\Z)|</?[a-z][^<>]*>|"
    r"<[!?][^<>]*>"
)
_DEFINITION = re.compile(r" {0,3}\[\^([^\[\]\s]+)\]:[ \t]*")
_NOTE_REFERENCE = re.compile(r"\[\^([^\[\]\s]+)\]")


def read_markdown(source: str) -> Content:
    """Return the blocks of a Markdown text; the front matter gives title, date and language.

    Raw HTML is left out. A note is shown as "[1] text" at the end, and a reference to it as "[1]".
    """
    from markdown_it import MarkdownIt

    fields: dict[str, Any] = {}
    if front := _FRONT_MATTER.match(source):
        fields = _fields(front["yaml"], front["toml"])
        source = source[front.end() :]
    facts = front_matter(fields)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.block.ruler.before("reference", "note", _note_rule, {"alt": ["paragraph", "reference"]})
    shown = list(_visible(parser.parse(source)))

    # A reader sees numbers, whatever the labels.
    labels = list(dict.fromkeys(label for _, label in shown if label))
    plain = all(re.fullmatch("[0-9]{1,3}", label) for label in labels)
    numbers = {label: label if plain else str(count) for count, label in enumerate(labels, start=1)}

    def numbered(text: str) -> str:
        return _NOTE_REFERENCE.sub(
            lambda found: f"[{numbers[found[1]]}]" if found[1] in numbers else found[0], text
        )

    blocks = [block.mapped(numbered) for block, label in shown if not label]
    notes = sorted((int(numbers[label]), numbered(block.text)) for block, label in shown if label)
    blocks += [Block(f"[{number}] {text}", 0, "note") for number, text in notes]
    title, date, language = (first_value(facts, name) for name in ("title", "date", "language"))
    return Content(blocks, title, date, language, facts)


def _fields(yaml_source: str | None, toml_source: str | None) -> dict[str, Any]:
    """Return the front matter of a file; nothing if it is in neither language."""
    import yaml

    try:
        fields = tomllib.loads(toml_source) if toml_source else yaml.safe_load(yaml_source or "")
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError):
        pairs = (line.partition(":") for line in (yaml_source or "").splitlines())
        fields = {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
    if not isinstance(fields, dict):
        return {}
    extra = fields.get("extra") or fields.get("params")  # of Zola and Hugo
    return {**extra, **fields} if isinstance(extra, dict) else fields


def _note_rule(state: "StateBlock", line: int, end_line: int, silent: bool) -> bool:
    """Parse a note: `[^1]: text` and the lines that continue it. A block rule of markdown-it."""

    def source(number: int) -> str:
        return state.src[state.bMarks[number] : state.eMarks[number]]

    definition = _DEFINITION.match(source(line))
    if not definition or state.blkIndent:
        return False
    if silent:
        return True
    lines = [source(line)[definition.end() :]]
    state.line = line + 1
    while (
        state.line < end_line
        and source(state.line).strip()
        and not _DEFINITION.match(source(state.line))
    ):
        lines.append(source(state.line).strip())
        state.line += 1
    state.push("note", "", 0).meta = {"label": definition[1]}
    inline = state.push("inline", "", 0)
    inline.content, inline.children, inline.map = "\n".join(lines).strip(), [], [line, state.line]
    return True


def _visible(tokens: "Sequence[Token]") -> Iterator[tuple[Block, str]]:
    """Yield the blocks in order, each with its label if it defines a note, otherwise with ""."""
    level, label, marker = 0, "", ""
    quoted = 0  # how many block quotes are open
    counters: list[
        int | None
    ] = []  # one for each open list: the next number, None where it has bullets
    items: list[str] = []  # the lines of the outermost open list
    rows: list[list[Cell]] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "note":
            label = token.meta["label"]
        elif token.type in ("blockquote_open", "blockquote_close"):
            quoted += token.nesting
        elif token.type == "bullet_list_open":
            counters.append(None)
        elif token.type == "ordered_list_open":
            start = token.attrGet("start")
            counters.append(1 if start is None else int(start))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            counters.pop()
            if not counters and items:
                yield Block("\n".join(items), 0, quoted=quoted > 0), ""
                items = []
        elif token.type == "list_item_open":
            count = counters[-1]
            marker = "  " * (len(counters) - 1) + ("- " if count is None else f"{count}. ")
            counters[-1] = None if count is None else count + 1
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            table, rows = table_blocks(rows, head_rows=1), []
            if counters:
                items += [block.text for block in table]
            else:
                yield from ((replace(block, quoted=quoted > 0), "") for block in table)
        elif token.type in ("inline", "fence", "code_block", "html_block"):
            shown = _text_of_token(token).strip("\n")
            if rows:
                rows[-1].append(Cell(shown))
            elif shown.strip() and counters:
                items.append(marker + shown.strip())
                marker = "  " * len(counters)
            elif shown.strip() or label:
                yield Block(shown, level, quoted=quoted > 0), label
            level, label = 0, ""


def _text_of_token(token: "Token") -> str:
    if token.type == "html_block":
        return re.sub(r"\n\s*\n", "\n", unescape_html(_HTML.sub("", token.content)))
    if token.type != "inline" and token.type != "image":
        return token.content
    shown = ""
    struck = 0  # how many ~~ are open
    for child in token.children or []:
        if child.type in ("s_open", "s_close"):
            struck += child.nesting
        if struck and child.type in ("text", "code_inline"):
            shown += struck_out(child.content)
        elif child.type in ("text", "code_inline"):
            shown += child.content
        elif child.type == "softbreak":
            shown += " "
        elif child.type == "hardbreak" or (
            child.type == "html_inline" and child.content.lower().startswith("<br")
        ):
            shown += "\n"
        elif child.type == "image":
            shown += _text_of_token(child)
    return shown
