"""A model's chat template -> the fixed text around the messages of a question.   [jinja2]

A template comes with a model, so it is not trusted. It is rendered once for a model,
in Jinja's sandbox, in a process of its own that is ended after some seconds, and with marks in the
place of the messages. What a question and its passages say is put in afterwards, as tokens: no
template sees them, and nothing in them can become a control token.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from rag.errors import ModelError

_MAX_TEMPLATE = 200_000  # characters; the longest of the catalogue have some 20,000
_MAX_FRAME = 20_000  # characters
_SECONDS = 20  # that a render may take, the start of Python included; usual is half a second
_MAX_MEMORY = 1 << 30  # bytes of the process
_SYSTEM, _USER, _BOS = "⟦system⟧", "⟦user⟧", "⟦bos⟧"
_RENDERING_CODE = "from rag.models.chat_template import render_from_stdin; render_from_stdin()"


@dataclass(frozen=True, slots=True)
class ChatFrame:
    """What stands before, between and behind the system's and the user's message.

    Where a template knows no system message, `between` is empty and both go into one.
    """

    before: str
    between: str
    behind: str
    opens: bool  # with the token that begins a text, which is no part of `before`


def chat_frame(name: str, template: str) -> ChatFrame:
    """Return the frame that the template of the model `name` makes.

    Raises ModelError if it cannot be rendered, takes too long, or leaves a message out.
    """
    if len(template) > _MAX_TEMPLATE:
        raise _unusable(name, f"it has {len(template):,} characters")
    try:
        done = subprocess.run(  # noqa: S603 - this Python, and code of ours
            [sys.executable, "-c", _RENDERING_CODE],
            input=json.dumps(template),
            capture_output=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unusable(name, f"it takes longer than {_SECONDS} seconds") from error
    if done.returncode:
        raise _unusable(name, (done.stderr.strip().splitlines() or ["no reason given"])[-1])
    text = str(json.loads(done.stdout))
    if len(text) > _MAX_FRAME:
        raise _unusable(name, f"it makes {len(text):,} characters of two short messages")
    if text.count(_USER) != 1 or text.count(_SYSTEM) > 1:
        raise _unusable(name, "it leaves the question out, or says it twice")
    opens = text.startswith(_BOS)
    before, behind = text.replace(_BOS, "").split(_USER)
    if _SYSTEM in before:
        before, between = before.split(_SYSTEM)
        return ChatFrame(before, between, behind, opens)
    if _SYSTEM in behind:
        raise _unusable(name, "it puts the instructions behind the question")
    return ChatFrame(before, "", behind, opens)


def render_from_stdin() -> None:
    """Render what `chat_frame` sends, and print it as JSON: the body of the process."""
    _limit_own_memory()
    sys.stdout.write(json.dumps(_render(json.load(sys.stdin))))


def _limit_own_memory() -> None:
    try:
        import resource
    except ImportError:  # on Windows, where the time alone is limited
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))


def _render(template: str) -> str:
    from jinja2 import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class GenerationTags(Extension):
        """An extension that ignores the tags around the text a model is trained on."""

        tags = {"generation"}  # noqa: RUF012 - as jinja2 has it

        def parse(self, parser: Any) -> Any:
            parser.stream.skip(1)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTags, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    compiled = environment.from_string(template)
    system = {"role": "system", "content": _SYSTEM}
    user = {"role": "user", "content": _USER}
    values = {
        "bos_token": _BOS,
        "eos_token": "",
        "add_generation_prompt": True,
        "enable_thinking": False,  # what a model thinks aloud is no answer
        "raise_exception": refuse,
        "strftime_now": lambda form: "",
        "tools": None,
    }
    try:
        return compiled.render(messages=[system, user], **values)
    except TemplateError:  # some know no system message and say so
        return compiled.render(messages=[user], **values)


def _unusable(name: str, why: str) -> ModelError:
    return ModelError(
        f"The chat template of {name} cannot be used ({why}); choose another model, or another file"
        " of it."
    )
