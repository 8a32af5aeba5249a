"""The API in OpenAI's form, by OpenAI's own client."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from served import (
    QUESTION,
    QUOTE,
    SAID,
)


@pytest.fixture
def assistant(client: httpx.Client) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{client.base_url}/v1", api_key="none", max_retries=0
    ) as assistant:
        yield assistant


def test_openais_client_gets_an_answer_with_footnotes_and_annotations(
    assistant: openai.OpenAI,
) -> None:
    done = assistant.chat.completions.create(
        model="rag", messages=[{"role": "user", "content": QUESTION}], temperature=0
    )
    message = done.choices[0].message
    assert message.content is not None
    assert message.content.startswith(f'{SAID}[1]\n\n[1] "{QUOTE}"\n')
    (annotation,) = [a.to_dict() for a in message.annotations or []]
    cited = annotation["url_citation"]
    assert message.content[cited["start_index"] : cited["end_index"]] == "[1]"
    assert (annotation["quote"], annotation["document"], cited["title"]) == (
        QUOTE,
        "north",
        "Northern Trade",
    )


def test_the_pieces_openais_client_gets_are_the_whole_answer(assistant: openai.OpenAI) -> None:
    stream = assistant.chat.completions.create(
        model="grain", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    chunks = [chunk.choices[0] for chunk in stream]
    assert [c.delta.content for c in chunks][:2] == ["", f"{SAID}[1]"]
    assert "".join(c.delta.content or "" for c in chunks).startswith(
        f'{SAID}[1]\n\n[1] "{QUOTE}"\n'
    )
    assert chunks[-1].finish_reason == "stop"


def test_a_question_leans_on_the_one_before_it(assistant: openai.OpenAI) -> None:
    def said(*messages: Any) -> str:
        done = assistant.chat.completions.create(model="wool", messages=messages)
        return str(done.choices[0].message.content)

    before = [
        {"role": "user", "content": "wool fell by percent"},
        {"role": "assistant", "content": "Yes."},
    ]
    follow_up = {"role": "user", "content": "fell"}
    assert said(*before, follow_up).startswith("Wool fell by 5 percent.[1]")


def test_openais_client_hears_what_is_wrong(assistant: openai.OpenAI) -> None:
    assert [model.id for model in assistant.models.list()] == ["rag", "grain", "wool"]
    with pytest.raises(openai.NotFoundError, match="There is no library 'gpt'"):
        assistant.chat.completions.create(
            model="gpt", messages=[{"role": "user", "content": "wool"}]
        )
    with pytest.raises(openai.UnprocessableEntityError, match="not the user's"):
        assistant.chat.completions.create(
            model="rag", messages=[{"role": "system", "content": "wool"}]
        )
