import pytest

from rag.errors import ModelError
from rag.models.chat_template import ChatFrame, chat_frame

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_frame_is_what_stands_around_the_messages() -> None:
    assert chat_frame("m", CHATML) == ChatFrame(
        "<|im_start|>system\n",
        "<|im_end|>\n<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
        opens=False,
    )


def test_a_template_without_a_system_message_takes_both_in_one() -> None:
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ bos_token }}<u>{{ messages[0].content | trim }}</u>"
    )
    assert chat_frame("m", template) == ChatFrame("<u>", "", "</u>", opens=True)


def test_thinking_is_switched_off_where_a_template_has_a_switch() -> None:
    template = CHATML + "{% if enable_thinking is false %}<think></think>{% endif %}"
    assert chat_frame("m", template).behind.endswith("<think></think>")


ESCAPES = "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ messages[1].content }}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (ESCAPES, "unsafe"),
        ("{{ messages", "unexpected|expected"),
        ("{{ 'a' * 10**11 }}", "MemoryError"),
        ("{% for i in range(99999) %}{{ messages }}{% endfor %}", "MemoryError|characters"),
        ("{{ messages[0].content }}", "leaves the question out"),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "says it twice"),
        ("x" * 200_001, "it has 200,001 characters"),
        (CHATML + "{% include '/etc/passwd' %}", "loader"),
    ],
)
def test_a_template_made_to_harm_or_of_no_use_is_refused(template: str, why: str) -> None:
    with pytest.raises(ModelError, match=rf"The chat template of m cannot be used \(.*({why})"):
        chat_frame("m", template)


def test_a_template_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.models.chat_template._SECONDS", 3)
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(ModelError, match="it takes longer than 3 seconds"):
        chat_frame("m", endless)
